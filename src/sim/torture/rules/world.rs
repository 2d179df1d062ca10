//! The world around the rules: what the loop keeps, what the journal holds, what the terminal and the providers really
//! did. The sales themselves are stepped by the product's own rules.

use std::collections::VecDeque;

use crate::sale::moment::Moment;
use crate::sale::transaction::{Answer, ApprovalKey, Ending, LastTransaction, ReversalOutcome, Totals, Transaction};
use crate::sale::{Lock, Sale};

use super::scene::{PRICE, Scene};

/// A promise that was broken, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken(pub(super) String);

/// Everything.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) now: Moment,
    /// The loop has ticked since time last passed.
    pub(super) ticked: bool,
    pub(super) seats: Vec<Seat>,
    pub(super) locks: Vec<(Lock, usize)>,
    /// Receipts bound to sales.
    pub(super) bound: Vec<(String, usize)>,
    /// The number of the last end of day that the journal knows.
    pub(super) day: u64,
    /// An end of day was refused, or nobody knows.
    pub(super) day_in_doubt: bool,
    /// The end of day is asked for: the barrier is down.
    pub(super) day_asked: bool,
    pub(super) days_closed: u8,
    /// Whose sale the traveller in front has.
    pub(super) front: Option<usize>,
    /// Sales that must be told of the start before anything else.
    pub(super) booting: Vec<usize>,
    pub(super) device: Device,
    /// The payment that the terminal's session is in.
    pub(super) listening: Option<usize>,
    /// The payment whose line was lost in this run: its end may still be heard.
    pub(super) lost: Option<usize>,
    /// Our answer, on its way.
    pub(super) answer: Option<(usize, Answer)>,
    /// Events in the inbox.
    pub(super) heard: VecDeque<Heard>,
    /// A copy of the journal, as long as it was not put back.
    pub(super) copy: Option<Box<Copied>>,
    /// It was.
    pub(super) older: bool,
    /// Nobody has adopted the journal yet.
    pub(super) estranged: bool,
    /// The run that found that out.
    pub(super) estranged_in: u64,
}

/// What a copy of the journal holds.
#[derive(Debug, Clone)]
pub(super) struct Copied {
    pub(super) sales: Vec<Option<Sale>>,
    pub(super) locks: Vec<(Lock, usize)>,
    pub(super) bound: Vec<(String, usize)>,
    pub(super) day: u64,
}

/// One sale and all that is under way for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Seat {
    pub(super) sale: Option<Sale>,
    pub(super) wants: Wants,
    pub(super) parcels: Vec<Parcel>,
    /// How often `06 01` was sent.
    pub(super) authorised: u8,
    /// The code was on a screen.
    pub(super) shown: bool,
    /// `06 30` after the acquirer's case was opened would be a second credit.
    pub(super) refund_due: bool,
    /// A release or a give-back is on disk: it is never undone.
    pub(super) released: bool,
    /// A reversal was sent and not answered, and the terminal was not asked since.
    pub(super) reversal_unanswered: bool,
}

/// Orders to the terminal and timers that have not been served yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wants {
    pub(super) baseline: bool,
    pub(super) authorise: bool,
    pub(super) abort: bool,
    pub(super) charged: bool,
    pub(super) reversed: bool,
    pub(super) reverse: bool,
}

/// One good at its provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parcel {
    /// An order is under way.
    pub(super) flight: bool,
    /// The program died while it was: it may still arrive.
    pub(super) limbo: bool,
    pub(super) look_up: bool,
    pub(super) fetch: bool,
    /// How often the provider sold it.
    pub(super) bought: u8,
    /// The wallet is being read before its order.
    pub(super) wallet: bool,
    /// The end of its subscription is asked for.
    pub(super) ending: bool,
    /// The provider has ended it.
    pub(super) ended: bool,
}

/// Where the terminal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Rest,
    Card(usize),
    /// Approved; `waiting`: our answer is wanted now.
    Held {
        seat: usize,
        waiting: bool,
    },
    /// Booked; the Completion is to come.
    Booked(usize),
    /// Taken back or declined; the Abort is to come.
    Undoing(usize),
    /// It repeats to this seat the approval of another's payment, and books nothing.
    Stale {
        seat: usize,
        of: usize,
        waiting: bool,
    },
    /// The same, answered "goods issued"; the Completion is to come.
    StaleDone(usize),
}

/// A payment as the bank sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pay {
    pub(super) state: Booking,
    /// Its receipt number.
    pub(super) receipt: u8,
    /// How often "goods issued" was heard.
    pub(super) issued: u8,
    /// The day in which it was booked.
    pub(super) day: u64,
    pub(super) captured: u8,
    pub(super) reversed: u8,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Booking {
    #[default]
    None,
    Held,
    Booked,
    Undone,
    Reversed,
}

/// What `06 20` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Empty,
    Earlier,
    Payment(usize),
    /// A reversal of the payment of this seat, with its own number.
    Reversal(usize, u8),
}

#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) stand: Stand,
    pub(super) pays: Vec<Pay>,
    pub(super) last: Last,
    pub(super) day: u64,
    pub(super) numbers: u8,
}

/// An event of the terminal on its way to the loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Took(usize),
    Approved(usize),
    /// Told to the first: the payment of the second.
    Stale(usize, usize),
    Foreign(usize),
    Ended(usize, Ending),
    Baseline(usize, LastTransaction, Option<Totals>, bool),
    Charged {
        seat: usize,
        last: LastTransaction,
        totals: Option<Totals>,
        at_rest: bool,
    },
    StillCharged {
        seat: usize,
        last: LastTransaction,
        at_rest: bool,
    },
    Reversed(usize, ReversalOutcome),
}

impl World {
    pub(super) fn new(scene: &Scene) -> World {
        let seats: Vec<Seat> = scene
            .sales
            .iter()
            .map(|goods| Seat { parcels: vec![Parcel::default(); goods.len()], ..Seat::default() })
            .collect();
        let pays = vec![Pay::default(); seats.len()];
        World {
            now: Moment { run: 1, mono_ms: 0, wall_ms: 1_800_000_000_000, synced: scene.synced },
            ticked: true,
            seats,
            locks: Vec::new(),
            bound: Vec::new(),
            day: 0,
            day_in_doubt: false,
            day_asked: false,
            days_closed: 0,
            front: None,
            booting: Vec::new(),
            device: Device {
                stand: Stand::Rest,
                pays,
                last: if scene.earlier { Last::Earlier } else { Last::Empty },
                day: 0,
                numbers: u8::from(scene.earlier),
            },
            listening: None,
            lost: None,
            answer: None,
            heard: VecDeque::new(),
            copy: None,
            older: false,
            estranged: false,
            estranged_in: 0,
        }
    }

    pub(super) fn sale(&self, seat: usize) -> Option<&Sale> {
        self.seats[seat].sale.as_ref()
    }

    /// The program dies: what is on disk stays, and what is on its way in the world.
    pub(super) fn die(mut self) -> World {
        self.now = Moment { run: self.now.run + 1, mono_ms: 0, ..self.now };
        self.ticked = true;
        self.front = None;
        self.listening = None;
        self.lost = None;
        self.answer = None;
        self.heard.clear();
        self.booting.clear();
        for (index, seat) in self.seats.iter_mut().enumerate() {
            seat.wants = Wants::default();
            for parcel in &mut seat.parcels {
                parcel.limbo |= parcel.flight;
                parcel.flight = false;
                parcel.look_up = false;
                parcel.fetch = false;
                parcel.wallet = false;
                parcel.ending = false;
            }
            let Some(sale) = &mut seat.sale else { continue };
            sale.waiting_since = None;
            for good in &mut sale.goods {
                good.look_ups = 0;
                good.reading = false;
                good.cancelling = None;
            }
            if sale.closed.is_none() {
                self.booting.push(index);
            }
        }
        self
    }

    pub(super) fn lock_is_free(&self, lock: &Lock) -> bool {
        !self.locks.iter().any(|(taken, _)| taken == lock)
    }

    pub(super) fn pass_time(&mut self) {
        self.now = self.now.plus_ms(1);
        self.ticked = false;
    }
}

impl Device {
    /// The transaction of a seat's payment, as every message about it tells it.
    pub(super) fn payment(&self, seat: usize) -> Transaction {
        transaction(self.pays[seat].receipt, None)
    }

    /// What `06 20` says now.
    pub(super) fn last(&self) -> LastTransaction {
        match self.last {
            Last::Empty => LastTransaction::Empty,
            Last::Earlier => LastTransaction::Is(Box::new(transaction(1, None))),
            Last::Payment(seat) => LastTransaction::Is(Box::new(self.payment(seat))),
            Last::Reversal(seat, number) => {
                LastTransaction::Is(Box::new(transaction(number, Some(self.pays[seat].receipt))))
            }
        }
    }

    /// What `06 10` says now.
    pub(super) fn totals(&self, scene: &Scene) -> Option<Totals> {
        if !scene.totals {
            return None;
        }
        let ours = self.pays.iter().filter(|pay| pay.state == Booking::Booked && pay.day == self.day).count();
        let earlier = usize::from(scene.earlier && self.day == 0);
        let count = u32::try_from(ours + earlier).unwrap_or(u32::MAX);
        Some(Totals { count, sum_minor: u64::from(count) * u64::try_from(PRICE).unwrap_or(0) })
    }

    /// The bank approved.
    pub(super) fn approve(&mut self, seat: usize) {
        self.numbers += 1;
        self.pays[seat] = Pay { state: Booking::Held, receipt: self.numbers, ..self.pays[seat] };
        self.stand = Stand::Held { seat, waiting: true };
    }

    /// The payment stands.
    pub(super) fn book(&mut self, seat: usize) {
        let day = self.day;
        let pay = &mut self.pays[seat];
        pay.state = Booking::Booked;
        pay.captured += 1;
        pay.day = day;
        self.last = Last::Payment(seat);
        self.stand = Stand::Booked(seat);
    }

    /// A held payment is forgotten.
    pub(super) fn undo(&mut self, seat: usize, scene: &Scene) {
        self.pays[seat].state = Booking::Undone;
        if scene.stores_reversals {
            self.numbers += 1;
            self.last = Last::Reversal(seat, self.numbers);
        }
        self.stand = Stand::Undoing(seat);
    }

    /// A booked payment is taken back by command.
    pub(super) fn reverse(&mut self, seat: usize) {
        self.pays[seat].state = Booking::Reversed;
        self.pays[seat].reversed += 1;
        self.numbers += 1;
        self.last = Last::Reversal(seat, self.numbers);
    }

    /// The day is over: the store is empty.
    pub(super) fn close_day(&mut self) {
        self.day += 1;
        self.last = Last::Empty;
    }

    /// The cardholder pays for this seat.
    pub(super) fn is_booked(&self, seat: usize) -> bool {
        self.pays[seat].state == Booking::Booked
    }
}

fn transaction(number: u8, original: Option<u8>) -> Transaction {
    Transaction {
        result_code: Some(0),
        key: ApprovalKey {
            terminal_id: None,
            receipt: Some(format!("{number:04}")),
            trace: Some(format!("{number:06}")),
            amount_minor: u64::try_from(PRICE).ok(),
        },
        original_trace: original.map(|number| format!("{number:06}")),
        ..Transaction::default()
    }
}
