//! What is enumerated: the sales of a scene, the kind of terminal, what may go wrong, and which rule is broken on
//! purpose. Time counts in steps of one: the rules' numbers are small here, so that every age has its own state.

use jiff::civil::date;

use crate::money::{Amount, Currency, Exact, Rate};
use crate::sale::Terms;
use crate::sale::id::{ProfileId, SaleNumber};
use crate::sale::offer::{DataVolume, Kind, Offer, PlanKey, ProviderId, Source};
use crate::sale::record::{Choice, Consent, GoodQuote, Quote};

/// The price of everything: two sales of the same price are the hard case.
pub(super) const PRICE: i64 = 990;

/// What lies in a wallet.
pub(super) const WALLET: Exact = Exact { units: 0, currency: Currency::EUR };

/// How long a sale for later is promised for.
const PROMISE: u64 = 2;

/// A rule broken on purpose: the enumeration must notice each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Effects go out before their records are on disk.
    ActBeforeAppend,
    /// An order without an answer is sent again.
    RetryAfterUnknown,
    /// A command that ended without an answer counts as not charged.
    LostIsRefused,
    /// What a busy terminal says is believed.
    BusyIsBelieved,
    /// A release that turns out charged is paid after all.
    ReleaseUndone,
    /// The code is shown as soon as the approval is here.
    ShownBeforePaid,
    /// The answer after a release is "goods issued".
    CommitAfterRelease,
    /// A reversal without an answer is sent again unasked.
    ReversedBlindly,
    /// A stored eSIM goes into stock although it was shown.
    ShownIntoStock,
    /// A sale in doubt is never asked about again.
    DoubtForgotten,
    /// The terminal is free for whoever wants it.
    NoTerminalLock,
    /// A receipt is bound to no sale: what another sale was paid with pays this one too.
    ReceiptsUnbound,
    /// A payment in doubt is not told that another card is asked: what the terminal did last may be its own for ever.
    OvertakenForgotten,
    /// Money is left to the acquirer before the terminal was told to give it back.
    GivenUpUntried,
    /// An older journal that was put back is believed like the newest.
    OlderBelieved,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Mutant; 15] = [
        Mutant::ActBeforeAppend,
        Mutant::RetryAfterUnknown,
        Mutant::LostIsRefused,
        Mutant::BusyIsBelieved,
        Mutant::ReleaseUndone,
        Mutant::ShownBeforePaid,
        Mutant::CommitAfterRelease,
        Mutant::ReversedBlindly,
        Mutant::ShownIntoStock,
        Mutant::DoubtForgotten,
        Mutant::NoTerminalLock,
        Mutant::ReceiptsUnbound,
        Mutant::OvertakenForgotten,
        Mutant::GivenUpUntried,
        Mutant::OlderBelieved,
    ];

    /// As the command line names it: `no-terminal-lock`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Mutant> {
        Mutant::ALL.into_iter().find(|mutant| mutant.name() == name)
    }
}

/// One good of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ware {
    /// Ordered from the first account, and from the second after a refusal where `fail_over`.
    Ordered {
        /// There is an equal plan elsewhere.
        fail_over: bool,
    },
    /// The one item that lies in stock.
    Stock,
    /// What an earlier sale left in stock for its claim code.
    Kept,
    /// A top-up: used up when ordered.
    TopUp,
    /// A number: used up when ordered, and its subscription ended right after.
    Number,
}

/// A scene: everything that may differ between two enumerations.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Its name in tables.
    pub name: &'static str,
    /// The goods of each sale, in the order in which the sales may begin.
    pub sales: Vec<Vec<Ware>>,
    /// The terminal reverses what nobody answered; if not, it keeps it.
    pub reverses: bool,
    /// The terminal holds until we answer; if not, the rules commit at once.
    pub can_hold: bool,
    /// An automatic reversal becomes the last transaction.
    pub stores_reversals: bool,
    /// `06 10` is supported.
    pub totals: bool,
    /// The terminal had a transaction before us.
    pub earlier: bool,
    /// Assumed: a busy terminal answers `06 20` with the old transaction.
    pub busy_answers: bool,
    /// Assumed: `06 1E` may follow a booked payment.
    pub abort_after_booking: bool,
    /// Assumed: a card is asked, and the terminal repeats the approval of a payment that is over.
    pub stale_approvals: bool,
    /// Sold for later: charged at once, ordered when the loop drains its queue.
    pub queue: bool,
    /// A copy of the journal is put back, and adopted.
    pub older: bool,
    /// The end of day is asked for, and may fail.
    pub end_of_day: bool,
    /// The terminal closes the day unasked.
    pub day_unasked: bool,
    /// Lines break and terminals lose power.
    pub line_breaks: bool,
    /// The program dies.
    pub crashes: bool,
    /// Events wait in the inbox while the terminal goes on.
    pub delays: bool,
    /// The provider answers otherwise than at once: unknown, accepted, refused, doubled, lost.
    pub provider_faults: bool,
    /// A person decides cases.
    pub decisions: bool,
    /// The wallet was read before the card: it is the orders' witness.
    pub wallets: bool,
    /// The wall clock is synchronised across restarts.
    pub synced: bool,
    /// The enumeration begins where these moves lead, as traces print them: deep states are reached by breadth too.
    pub opening: &'static [&'static str],
    /// What is broken on purpose.
    pub mutant: Option<Mutant>,
}

impl Scene {
    /// One eSIM, everything may break.
    pub fn one(name: &'static str) -> Scene {
        Scene {
            name,
            sales: vec![vec![Ware::Ordered { fail_over: false }]],
            reverses: true,
            can_hold: true,
            stores_reversals: false,
            totals: false,
            earlier: true,
            busy_answers: true,
            abort_after_booking: true,
            stale_approvals: false,
            queue: false,
            older: false,
            end_of_day: false,
            day_unasked: false,
            line_breaks: true,
            crashes: true,
            delays: false,
            provider_faults: true,
            decisions: false,
            wallets: false,
            synced: true,
            opening: &[],
            mutant: None,
        }
    }

    /// The rules' numbers, in steps.
    pub(super) fn terms(&self) -> Terms {
        Terms {
            hold_ms: 3,
            margin_ms: 1,
            not_yet_ms: 1,
            completion_ms: 1,
            goods_ms: 1,
            claim_ms: 2,
            query_ms: 1,
            absent_spacing_ms: 1,
            absent_after_ms: 2,
            look_up_ms: vec![1],
            fetch_ms: vec![1],
            keep_ms: 3,
            can_hold: self.can_hold,
            ..Terms::default()
        }
    }

    /// The quote of sale `seat`. `kept`: what an earlier sale left in stock.
    pub(super) fn quote(&self, seat: usize, day: u64, kept: Option<ProfileId>) -> Quote {
        let goods =
            self.sales[seat].iter().map(|ware| GoodQuote { choices: choices(*ware, kept, self.wallets) }).collect();
        Quote {
            number: SaleNumber(String::new()),
            language: String::new(),
            goods,
            amount: Amount::new(PRICE, Currency::EUR),
            tax_rate: None,
            consent: Consent { terms_version: String::new(), privacy_version: String::new(), immediate_delivery: true },
            day,
            without_paper: false,
            continues: None,
            promised_ms: self.queue.then_some(PROMISE),
        }
    }
}

/// The item that lies in stock from the beginning.
pub(super) fn stock_item() -> ProfileId {
    ProfileId::from_parts(0, 99)
}

/// The profile that order `count` of good `good` of sale `seat` brings.
pub(super) fn profile(seat: usize, good: usize, count: u8) -> ProfileId {
    ProfileId::from_parts(0, (seat as u128) << 16 | (good as u128) << 8 | u128::from(count))
}

fn choices(ware: Ware, kept: Option<ProfileId>, wallets: bool) -> Vec<Choice> {
    let from = |account: &str, source: Source, kind: Kind| Choice {
        offer: offer(account, source, kind),
        locks_account: true,
        balance_before: wallets.then_some(WALLET),
        total_before: None,
    };
    let top_up = || Kind::TopUp {
        iccid: crate::sale::activation::Iccid::parse("8944500102198304826").expect("a well-formed card number"),
    };
    match ware {
        Ware::Ordered { fail_over: false } => vec![from("a", Source::Provider, Kind::Esim)],
        Ware::Ordered { fail_over: true } => {
            vec![from("a", Source::Provider, Kind::Esim), from("b", Source::Provider, Kind::Esim)]
        }
        Ware::Stock => vec![stocked(stock_item())],
        Ware::Kept => vec![stocked(kept.unwrap_or_else(stock_item))],
        Ware::TopUp => vec![from("a", Source::Provider, top_up())],
        Ware::Number => vec![from("a", Source::Provider, Kind::Number { offer_token: String::new() })],
    }
}

fn stocked(profile: ProfileId) -> Choice {
    let offer = offer("a", Source::Stock { profile }, Kind::Esim);
    Choice { offer, locks_account: false, balance_before: None, total_before: None }
}

fn offer(account: &str, source: Source, kind: Kind) -> Offer {
    Offer {
        kind,
        source,
        provider: ProviderId(account.to_owned()),
        plan: PlanKey(String::new()),
        package_code: None,
        title: String::new(),
        data: DataVolume::Unlimited,
        days: 1,
        cost: Exact { units: 0, currency: Currency::EUR },
        rate: Rate::same(Currency::EUR, date(2026, 11, 1)),
        retail: Amount::new(PRICE, Currency::EUR),
        catalogue_version: 1,
        slow: false,
    }
}
