//! What happens around a sale whose kiosk is killed.

use std::time::Duration;

use crate::sim::printer::Fault as PaperFault;
use crate::sim::providers::Provider;
use crate::sim::providers::fault::{Effect, Fault};
use crate::sim::stage::Stage;
use crate::sim::terminal::{Cardholder, Stranded};

/// A scenario.
pub struct Scenario {
    /// Its name, also of its folder.
    pub name: &'static str,
    /// What the traveller is told to do.
    pub arguments: &'static [&'static str],
    /// Arranged before each sale.
    pub prepare: fn(&Stage),
    /// Put right before the books are compared.
    pub mend: fn(&Stage),
}

const CARD: Cardholder = Cardholder {
    presents: Some(Duration::from_millis(150)),
    pin: crate::sim::terminal::Pin::NotAsked,
    bank: crate::sim::terminal::Bank::Approves,
    latency: Duration::from_millis(150),
    last_four: 4771,
    card: String::new(),
    contactless: true,
};

fn declined() -> Cardholder {
    Cardholder { bank: Cardholder::declined(0x05, "Karte abgelehnt").bank, ..CARD }
}

/// Every scenario.
pub const ALL: &[Scenario] = &[
    Scenario { name: "delivered, with paper", arguments: &["--prints"], prepare: |_| {}, mend: |_| {} },
    Scenario { name: "walks off", arguments: &["--walks-off"], prepare: |_| {}, mend: |_| {} },
    Scenario {
        name: "terminal keeps when alone",
        arguments: &[],
        prepare: |stage| stage.terminal.panel().change(|options| options.stranded = Stranded::Keeps),
        mend: |_| {},
    },
    Scenario {
        name: "declined",
        arguments: &[],
        prepare: |stage| stage.terminal.panel().always(declined()),
        mend: |_| {},
    },
    Scenario { name: "cancelled", arguments: &["--cancels", "at-once"], prepare: |_| {}, mend: |_| {} },
    Scenario { name: "cancelled in flight", arguments: &["--cancels", "in-flight"], prepare: |_| {}, mend: |_| {} },
    Scenario {
        name: "provider silent after selling",
        arguments: &[],
        prepare: |stage| {
            let silent = Fault::after("plan_purchase", Effect::Hold(Duration::from_secs(20)));
            stage.providers.panel().fault(Provider::Mobilexy, silent);
        },
        mend: |stage| stage.providers.panel().clear_faults(Provider::Mobilexy),
    },
    Scenario {
        name: "provider resets before selling",
        arguments: &[],
        prepare: |stage| {
            stage.providers.panel().fault(Provider::Mobilexy, Fault::before("plan_purchase", Effect::Reset));
        },
        mend: |stage| stage.providers.panel().clear_faults(Provider::Mobilexy),
    },
    Scenario {
        name: "basket of two, with paper",
        arguments: &["--esims", "2", "--prints"],
        prepare: |_| {},
        mend: |_| {},
    },
    Scenario {
        name: "basket of two, silent after selling",
        arguments: &["--esims", "2"],
        prepare: |stage| {
            let silent = Fault::after("plan_purchase", Effect::Hold(Duration::from_secs(20)));
            stage.providers.panel().fault(Provider::Mobilexy, silent);
        },
        mend: |stage| stage.providers.panel().clear_faults(Provider::Mobilexy),
    },
    Scenario {
        name: "no paper",
        arguments: &["--prints"],
        prepare: |stage| stage.printer.panel().befall(PaperFault::PaperOut),
        mend: |stage| stage.printer.panel().repair(),
    },
];
