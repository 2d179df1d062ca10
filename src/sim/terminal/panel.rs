//! The handles to a simulated terminal: how it is set up, and what a test or a demo key does to it meanwhile.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cardholder::{Bank, Cardholder};
use super::dialect::Dialect;
use super::fault::{FaultPlan, FaultRule, RandomFaults};
use super::ledger::Ledger;
use super::line::{LineSwitch, Pacing};
use super::memory::Memory;
use super::power::Power;
use super::strictness::Strictness;

/// What becomes of an approved payment when the kiosk cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranded {
    /// The terminal reverses by itself (P015 2.2.8).
    Reverses,
    /// The terminal keeps the payment (P015 chapter 4).
    Keeps,
}

/// What a terminal may do against the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// The status of an approval has no result code.
    ResultMissing,
    /// An unknown field stands at the end of the status of an approval.
    UnknownField,
    /// A payment that came to nothing ends with a Completion and no status.
    CompletesUntold,
    /// After "goods issued" comes an approval of another receipt before the Completion.
    SecondApproval,
    /// The Completion of a booked payment carries a result code that is not zero.
    OddCompletion,
}

/// How a simulated terminal is set up.
#[derive(Debug, Clone)]
pub struct TerminalOptions {
    /// Its family.
    pub dialect: Dialect,
    /// Line speed.
    pub pacing: Pacing,
    /// Terminal id (29), 8 digits.
    pub terminal_id: u32,
    /// Contract number (2A).
    pub contract: String,
    /// Password, 6 digits.
    pub password: u32,
    /// Currency, numeric.
    pub currency: u16,
    /// Everybody who comes, unless the panel sends somebody else.
    pub cardholder: Cardholder,
    /// What happens to an approved payment when the kiosk cannot be reached.
    pub stranded: Stranded,
    /// Assumption of sale.md: a busy terminal answers `06 20` with the transaction before the running one.
    pub busy_repeats_receipt: bool,
    /// Assumption of sale.md: `06 1E` follows although the payment was booked.
    pub aborts_after_booking: bool,
    /// Registration is lost with the power.
    pub forgets_registration: bool,
    /// It takes part in message ids (1F73) if the kiosk offers them.
    pub message_ids: bool,
    /// It tells and checks the mirrored receipt number (1F1F).
    pub mirrors_receipts: bool,
    /// It never holds a payment longer than this, whatever is asked.
    pub hold_max: Option<Duration>,
    /// How soon it asks again after "not yet".
    pub asks_again: Duration,
    /// A reversal wants the card.
    pub reversal_wants_card: bool,
    /// A reversal takes back so many minor units less than the payment.
    pub reversal_falls_short: u64,
    /// End of day fails with 77 so many times.
    pub failing_days: u32,
    /// End of day starts an update that takes so long.
    pub update_after_day: Option<Duration>,
    /// What it does against the table.
    pub quirk: Option<Quirk>,
    /// Reservations (06 22 to 06 26) are switched on.
    pub reservations: bool,
    /// Time to the Completion of a registration.
    pub registration_takes: Duration,
    /// Time between the last answer and the Completion of a payment.
    pub completion_takes: Duration,
    /// How long it waits for a card where the kiosk does not say.
    pub card_wait: Duration,
    /// How long it waits for a PIN.
    pub pin_wait: Duration,
    /// Repeats "please wait" this often while the bank is asked.
    pub chatter: Option<Duration>,
    /// Its last transaction was a payment of so many minor units on a day that is closed. None: a new terminal.
    pub sold_before: Option<u64>,
    /// Next receipt number.
    pub next_receipt: u16,
    /// Next trace number.
    pub next_trace: u32,
    /// Where the ledger is mirrored.
    pub ledger_file: Option<PathBuf>,
    /// Local time at the start, for dates on receipts.
    pub clock: jiff::civil::DateTime,
}

impl Default for TerminalOptions {
    fn default() -> TerminalOptions {
        TerminalOptions {
            dialect: Dialect::spec(),
            pacing: Pacing::Fast,
            terminal_id: 29_001_006,
            contract: "100764992".to_owned(),
            password: 123_456,
            currency: 978,
            cardholder: Cardholder::default(),
            stranded: Stranded::Reverses,
            busy_repeats_receipt: false,
            aborts_after_booking: false,
            forgets_registration: false,
            message_ids: false,
            mirrors_receipts: false,
            hold_max: None,
            asks_again: Duration::from_secs(2),
            reversal_wants_card: false,
            reversal_falls_short: 0,
            failing_days: 0,
            update_after_day: None,
            quirk: None,
            reservations: true,
            registration_takes: Duration::from_millis(300),
            completion_takes: Duration::from_millis(200),
            card_wait: Duration::from_secs(60),
            pin_wait: Duration::from_secs(120),
            chatter: None,
            sold_before: None,
            next_receipt: 1,
            next_trace: 1,
            ledger_file: None,
            clock: jiff::civil::date(2026, 3, 14).at(12, 0, 0, 0),
        }
    }
}

impl TerminalOptions {
    /// A terminal of a family.
    pub fn of(dialect: Dialect) -> TerminalOptions {
        TerminalOptions { dialect, ..TerminalOptions::default() }
    }
}

/// What is pressed or decided while a payment runs.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) visits: VecDeque<Cardholder>,
    pub(super) stop: bool,
    pub(super) close_day: bool,
    pub(super) present_now: bool,
}

/// Everything that one simulated terminal's parts share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) options: Mutex<TerminalOptions>,
    pub(super) memory: Mutex<Memory>,
    pub(super) desk: Mutex<Desk>,
    pub(super) ledger: Ledger,
    pub(super) strictness: Strictness,
    pub(super) faults: FaultPlan,
    pub(super) switch: LineSwitch,
    pub(super) power: Power,
    pub(super) started: Instant,
    odd: AtomicU64,
}

impl House {
    pub(super) fn new(options: TerminalOptions) -> Arc<House> {
        Arc::new(House {
            memory: Mutex::new(Memory::new(&options)),
            desk: Mutex::new(Desk::default()),
            ledger: Ledger::new(options.ledger_file.clone()),
            strictness: Strictness::default(),
            faults: FaultPlan::default(),
            switch: LineSwitch::default(),
            power: Power::default(),
            started: Instant::now(),
            odd: AtomicU64::new(0),
            options: Mutex::new(options),
        })
    }

    pub(super) fn option<T>(&self, get: impl FnOnce(&TerminalOptions) -> T) -> T {
        get(&self.options.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn memory<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn desk<T>(&self, act: impl FnOnce(&mut Desk) -> T) -> T {
        act(&mut self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something odd that was set up is done.
    pub(super) fn does_odd(&self) {
        self.odd.fetch_add(1, Ordering::SeqCst);
    }

    /// Who comes to the terminal now.
    pub(super) fn visitor(&self) -> Cardholder {
        self.desk(|desk| desk.visits.pop_front()).unwrap_or_else(|| self.option(|o| o.cardholder.clone()))
    }
}

/// The control panel of a simulated terminal; clones are the same panel.
#[derive(Debug, Clone)]
pub struct TerminalPanel {
    pub(super) house: Arc<House>,
}

impl TerminalPanel {
    /// The terminal's books.
    pub fn ledger(&self) -> Ledger {
        self.house.ledger.clone()
    }

    /// What the kiosk did wrong on the wire.
    pub fn strictness(&self) -> Strictness {
        self.house.strictness.clone()
    }

    /// The next payment meets this cardholder; called again, the one after.
    pub fn next(&self, cardholder: Cardholder) {
        self.house.desk(|desk| desk.visits.push_back(cardholder));
    }

    /// The next payment is approved.
    pub fn approve_next(&self) {
        let usual = self.house.option(|o| o.cardholder.clone());
        self.next(usual.with_bank(Bank::Approves));
    }

    /// The next payment is declined.
    pub fn decline_next(&self, code: u8, text: &str) {
        let usual = self.house.option(|o| o.cardholder.clone());
        self.next(usual.with_bank(Bank::Declines { code, text: text.to_owned() }));
    }

    /// Everybody from now on.
    pub fn always(&self, cardholder: Cardholder) {
        self.change(|options| options.cardholder = cardholder);
    }

    /// STOP is pressed on the terminal: a payment that waits for card or PIN ends.
    pub fn press_stop(&self) {
        self.house.desk(|desk| desk.stop = true);
    }

    /// The card that is waited for is presented now.
    pub fn present_card(&self) {
        self.house.desk(|desk| desk.present_now = true);
    }

    /// How long the bank takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.change(|options| options.cardholder.latency = latency);
    }

    /// Changes the set-up while the terminal runs.
    pub fn change(&self, act: impl FnOnce(&mut TerminalOptions)) {
        act(&mut self.house.options.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Cuts the line, for a time or until [`TerminalPanel::restore`].
    pub fn cut(&self, time: Option<Duration>) {
        self.house.switch.cut(time);
    }

    /// The terminal hears and says nothing.
    pub fn mute(&self, time: Option<Duration>) {
        self.house.switch.mute(time);
    }

    /// Pulls the adapter: the port vanishes.
    pub fn unplug(&self, time: Option<Duration>) {
        self.house.switch.unplug(time);
    }

    /// Mends the line: not cut, not mute, plugged in.
    pub fn restore(&self) {
        self.house.switch.restore();
    }

    /// Takes the power away for a time.
    pub fn power_cycle(&self, off: Duration) {
        self.house.power.cycle(off);
    }

    /// The terminal closes the day by itself at the next status enquiry.
    pub fn close_day_unasked(&self) {
        self.house.desk(|desk| desk.close_day = true);
    }

    /// The status that `05 01` tells (00 ready, 51, 62, C2, CC, DF …).
    pub fn set_status(&self, status: u8) {
        self.house.memory(|memory| memory.status = status);
    }

    /// Payments are refused with F0 until an end of day succeeds.
    pub fn lock_day(&self) {
        self.house.memory(|memory| memory.day_locked = true);
    }

    /// Something goes wrong at a chosen message.
    pub fn fault(&self, rule: FaultRule) {
        self.house.faults.add(rule);
    }

    /// Things go wrong by chance.
    pub fn random_faults(&self, faults: Option<RandomFaults>) {
        self.house.faults.randomly(faults);
    }

    /// Nothing goes wrong any more.
    pub fn no_faults(&self) {
        self.house.faults.clear();
    }

    /// No payment is under way or held, and nothing is cut.
    pub fn is_at_rest(&self) -> bool {
        use super::ledger::PaymentState;
        let open = |state| matches!(state, PaymentState::Asked | PaymentState::Held);
        self.house.memory(|memory| memory.held.is_none())
            && !self.house.ledger.book().payments.iter().any(|payment| open(payment.state))
    }

    /// How many faults have struck.
    pub fn faults_struck(&self) -> u64 {
        self.house.faults.struck()
    }

    /// How many chosen faults have not struck yet.
    pub fn unstruck(&self) -> usize {
        self.house.faults.unstruck()
    }

    /// How often it has done something that is set up as odd: against the table, or by an assumption.
    pub fn odd(&self) -> u64 {
        self.house.odd.load(Ordering::SeqCst)
    }
}
