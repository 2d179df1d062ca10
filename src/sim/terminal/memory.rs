//! What the terminal keeps without power: registration, counters, the turnover store, the payment it holds.

use super::panel::TerminalOptions;

/// What a registration agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Registration {
    /// The config byte.
    pub(super) config: u8,
    /// Containers may be sent.
    pub(super) tlv: bool,
    /// Receipts may come as blocks.
    pub(super) blocks: bool,
    /// Messages carry ids.
    pub(super) ids: bool,
}

impl Registration {
    /// After a log-off, and from delivery.
    pub(super) const NONE: Registration = Registration { config: 0x86, tlv: false, blocks: false, ids: false };

    pub(super) fn kiosk_prints_payments(self) -> bool {
        self.config & 0x02 != 0
    }

    pub(super) fn kiosk_prints_administration(self) -> bool {
        self.config & 0x04 != 0
    }

    pub(super) fn wants_intermediate(self) -> bool {
        self.config & 0x08 != 0
    }

    pub(super) fn as_lines(self) -> bool {
        self.config & 0x80 != 0
    }
}

/// What a stored transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Payment,
    Reversal,
    Refund,
    Reservation,
    Booking,
}

/// One transaction as the terminal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) deed: Deed,
    pub(super) place: usize,
    pub(super) receipt: u16,
    pub(super) trace: u32,
    pub(super) turnover: u32,
    pub(super) amount: u64,
    pub(super) original: Option<(u16, u32)>,
    pub(super) approval_code: String,
    pub(super) month_day: u64,
    pub(super) clock: u64,
    pub(super) payment_type: u8,
    pub(super) last_four: u16,
    pub(super) card: String,
    pub(super) contactless: bool,
    pub(super) currency_asked: bool,
    pub(super) undone: bool,
    pub(super) hold_seconds: Option<u8>,
}

impl Record {
    /// The last payment of the day before, in nobody's ledger.
    fn before(receipt: u16, trace: u32, turnover: u32, amount: u64) -> Record {
        Record {
            deed: Deed::Payment,
            place: usize::MAX,
            receipt,
            trace,
            turnover,
            amount,
            original: None,
            approval_code: "000700".to_owned(),
            month_day: 314,
            clock: 80_000,
            payment_type: 0x70,
            last_four: 4_242,
            card: "girocard".to_owned(),
            contactless: true,
            currency_asked: true,
            undone: false,
            hold_seconds: None,
        }
    }
}

/// Everything that survives a power cut.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) registered: bool,
    pub(super) registration: Registration,
    pub(super) receipt: u16,
    pub(super) trace: u32,
    pub(super) turnover: u32,
    pub(super) day: u32,
    /// Transactions since the last end of day.
    pub(super) store: Vec<Record>,
    /// The last transaction, also over an end of day.
    pub(super) last: Option<Record>,
    /// Approved, and the kiosk has not decided.
    pub(super) held: Option<Record>,
    /// Status of `05 01`.
    pub(super) status: u8,
    /// An end of day failed: payments wait.
    pub(super) day_locked: bool,
    /// A good receipt before the last one, for the mirror.
    pub(super) good_before: Option<u16>,
}

impl Memory {
    pub(super) fn new(options: &TerminalOptions) -> Memory {
        let mut memory = Memory {
            registered: false,
            registration: Registration::NONE,
            receipt: options.next_receipt,
            trace: options.next_trace,
            turnover: 1,
            day: 0,
            store: Vec::new(),
            last: None,
            held: None,
            status: 0,
            day_locked: false,
            good_before: None,
        };
        if let Some(amount) = options.sold_before {
            let (receipt, trace, turnover) = memory.number();
            memory.last = Some(Record::before(receipt, trace, turnover, amount));
        }
        memory
    }

    /// Takes the next receipt, trace and turnover numbers; the receipt wraps from 9999 to 1.
    pub(super) fn number(&mut self) -> (u16, u32, u32) {
        let numbers = (self.receipt, self.trace, self.turnover);
        self.receipt = if self.receipt >= 9999 { 1 } else { self.receipt + 1 };
        self.trace = if self.trace >= 999_999 { 1 } else { self.trace + 1 };
        self.turnover = if self.turnover >= 999_999 { 1 } else { self.turnover + 1 };
        numbers
    }

    /// Keeps a finished transaction.
    pub(super) fn keep(&mut self, record: Record) {
        if let Some(last) = &self.last
            && last.deed == Deed::Payment
            && !last.undone
        {
            self.good_before = Some(last.receipt);
        }
        self.store.push(record.clone());
        self.last = Some(record);
    }

    /// The newest transaction of this day with a receipt number.
    pub(super) fn find(&mut self, receipt: u16) -> Option<&mut Record> {
        self.store.iter_mut().rev().find(|r| r.receipt == receipt && r.deed != Deed::Reversal)
    }

    /// Count and sum of the day: payments and bookings that stand, refunds subtracted.
    pub(super) fn totals(&self) -> (u32, u64) {
        let mut count = 0;
        let mut sum = 0u64;
        for record in self.store.iter().filter(|r| !r.undone) {
            match record.deed {
                Deed::Payment | Deed::Booking => {
                    count += 1;
                    sum += record.amount;
                }
                Deed::Refund => sum = sum.saturating_sub(record.amount),
                Deed::Reversal | Deed::Reservation => {}
            }
        }
        (count, sum)
    }

    /// Receipt numbers of reservations that are still open.
    pub(super) fn open_reservations(&self) -> Vec<u16> {
        self.store.iter().filter(|r| r.deed == Deed::Reservation && !r.undone).map(|r| r.receipt).collect()
    }
}
