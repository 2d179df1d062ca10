//! What happens around a sale whose kiosk is killed.

use std::time::Duration;

use tokio::time::Instant;

use crate::sale::Sale;
use crate::sale::offer::Source;
use crate::sim::printer::Fault as PaperFault;
use crate::sim::providers::Provider;
use crate::sim::providers::fault::{Effect, Fault};
use crate::sim::stage::Stage;
use crate::sim::terminal::{Cardholder, PaymentState, Stranded};

/// A scenario.
pub struct Scenario {
    /// Its name, also of its folder.
    pub name: &'static str,
    /// What the traveller is told to do.
    pub arguments: &'static [&'static str],
    /// Arranged before each sale.
    pub prepare: fn(&Stage),
    /// Put right before the kiosk starts again.
    pub between: fn(&Stage),
    /// Put right before the books are compared.
    pub mend: fn(&Stage),
    /// The rules take the terminal to hold for so long, in ms; a basket is asked for only where its orders fit.
    pub hold_ms: u32,
    /// More of the configuration.
    pub config: fn() -> String,
    /// A life of the kiosk before the first sale.
    pub first: &'static [&'static str],
    /// Every sale's day is closed, whichever life does it.
    pub closes_day: bool,
    /// What was arranged has happened to the sale.
    pub teeth: fn(&Sale) -> bool,
}

const PLAIN: Scenario = Scenario {
    name: "",
    arguments: &[],
    prepare: |_| {},
    between: |_| {},
    mend: |_| {},
    hold_ms: 9_000,
    config: String::new,
    first: &[],
    closes_day: false,
    teeth: |_| true,
};

const CARD: Cardholder = Cardholder {
    presents: Some(Duration::from_millis(150)),
    pin: crate::sim::terminal::Pin::NotAsked,
    bank: crate::sim::terminal::Bank::Approves,
    latency: Duration::from_millis(150),
    last_four: 4771,
    card: String::new(),
    contactless: true,
};

/// No provider can be reached until the card is charged, or nobody asks for it any more.
fn dark(stage: &Stage) {
    let (providers, terminal) = (stage.providers.panel(), stage.terminal.panel());
    let before = terminal.ledger().book().payments.len();
    providers.drop_provider(Provider::Mobilexy);
    tokio::spawn(async move {
        let charged = || {
            let payments = terminal.ledger().book().payments;
            payments.get(before..).unwrap_or_default().iter().any(|payment| payment.state == PaymentState::Booked)
        };
        let until = Instant::now() + DARK_AT_MOST;
        while !charged() && !providers.is_up(Provider::Mobilexy) && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(DARK_AFTER).await;
        providers.restore(Provider::Mobilexy);
    });
}

fn light(stage: &Stage) {
    stage.providers.panel().restore(Provider::Mobilexy);
}

/// Sales for later, promised for well before the end of the day.
fn queue() -> String {
    let ends = jiff::Timestamp::now()
        .in_tz("Europe/Vienna")
        .map_or(jiff::civil::time(12, 0, 0, 0), |now| now.time())
        .wrapping_add(jiff::Span::new().hours(8));
    format!(
        "[trade]\nday_ends_at = \"{:02}:{:02}\"\n[trade.queue]\nenabled = true\npromise_min = 60\n{WALLETS}",
        ends.hour(),
        ends.minute()
    )
}

/// That a provider is back is noticed within a second.
const WALLETS: &str = "[sync]\nwallet_every_s = 1\n";
/// The network is away for so long where nobody pays.
const DARK_AT_MOST: Duration = Duration::from_secs(20);
/// It stays away for so long after a payment.
const DARK_AFTER: Duration = Duration::from_millis(700);

fn from_stock(sale: &Sale) -> bool {
    matches!(sale.offer(0).source, Source::Stock { .. })
}

fn declined() -> Cardholder {
    Cardholder { bank: Cardholder::declined(0x05, "Karte abgelehnt").bank, ..CARD }
}

/// Every scenario.
pub const ALL: &[Scenario] = &[
    Scenario { name: "delivered, with paper", arguments: &["--prints"], ..PLAIN },
    Scenario { name: "walks off", arguments: &["--walks-off"], ..PLAIN },
    Scenario {
        name: "terminal keeps when alone",
        arguments: &[],
        prepare: |stage| stage.terminal.panel().change(|options| options.stranded = Stranded::Keeps),
        ..PLAIN
    },
    Scenario { name: "declined", arguments: &[], prepare: |stage| stage.terminal.panel().always(declined()), ..PLAIN },
    Scenario { name: "cancelled", arguments: &["--cancels", "at-once"], ..PLAIN },
    Scenario { name: "cancelled in flight", arguments: &["--cancels", "in-flight"], ..PLAIN },
    Scenario {
        name: "provider silent after selling",
        arguments: &[],
        prepare: |stage| {
            let silent = Fault::after("plan_purchase", Effect::Hold(Duration::from_secs(20)));
            stage.providers.panel().fault(Provider::Mobilexy, silent);
        },
        mend: |stage| stage.providers.panel().clear_faults(Provider::Mobilexy),
        ..PLAIN
    },
    Scenario {
        name: "provider resets before selling",
        arguments: &[],
        prepare: |stage| {
            stage.providers.panel().fault(Provider::Mobilexy, Fault::before("plan_purchase", Effect::Reset));
        },
        mend: |stage| stage.providers.panel().clear_faults(Provider::Mobilexy),
        ..PLAIN
    },
    Scenario { name: "basket of two, with paper", arguments: &["--esims", "2", "--prints"], hold_ms: 60_000, ..PLAIN },
    Scenario {
        name: "basket of two, silent after selling",
        arguments: &["--esims", "2"],
        hold_ms: 60_000,
        prepare: |stage| {
            let silent = Fault::after("plan_purchase", Effect::Hold(Duration::from_secs(20)));
            stage.providers.panel().fault(Provider::Mobilexy, silent);
        },
        mend: |stage| stage.providers.panel().clear_faults(Provider::Mobilexy),
        ..PLAIN
    },
    Scenario {
        name: "no paper",
        arguments: &["--prints"],
        prepare: |stage| stage.printer.panel().befall(PaperFault::PaperOut),
        mend: |stage| stage.printer.panel().repair(),
        ..PLAIN
    },
    Scenario {
        name: "sold for later",
        arguments: &["--prints"],
        prepare: dark,
        between: light,
        config: queue,
        first: &["--nobody"],
        teeth: |sale| sale.quote.promised_ms.is_some(),
        ..PLAIN
    },
    Scenario {
        name: "sold from stock, no network",
        prepare: dark,
        between: light,
        config: || WALLETS.to_owned(),
        first: &["--lays-in", "40"],
        teeth: from_stock,
        ..PLAIN
    },
    Scenario { name: "end of day after a sale", arguments: &["--closes-day"], closes_day: true, ..PLAIN },
    Scenario { name: "end of day, walked off", arguments: &["--walks-off", "--closes-day"], closes_day: true, ..PLAIN },
    Scenario {
        name: "end of day, sold for later",
        arguments: &["--closes-day"],
        prepare: dark,
        between: light,
        config: queue,
        first: &["--nobody"],
        closes_day: true,
        teeth: |sale| sale.quote.promised_ms.is_some(),
        ..PLAIN
    },
];
