//! What may happen in a walk.

use esim_kiosk::sim::providers::Provider;

/// How a walk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With an eSIM.
    Esim,
    /// With nothing charged.
    NotCharged,
}

/// A scenario of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// All is well: one eSIM, one receipt with the code on paper.
    Purchase,
    /// The bank declines.
    Declined,
    /// The traveller cancels at the pay screen.
    Cancelled,
    /// The stop key is pressed before a card is seen.
    NoCard,
    /// The terminal's line is cut for three seconds after the approval.
    LineCut,
    /// The provider falls silent after it has sold.
    ProviderSilent,
    /// The cheapest provider is gone; another one fills the order.
    ProviderOutage,
}

impl Scenario {
    /// All, with what they show.
    pub(crate) const ALL: [(Scenario, &'static str, &'static str); 7] = [
        (Scenario::Purchase, "purchase", "a purchase with the receipt and the code on paper (the default)"),
        (Scenario::Declined, "declined", "the bank declines the card"),
        (Scenario::Cancelled, "cancelled", "the traveller cancels at the pay screen"),
        (Scenario::NoCard, "no-card", "the stop key is pressed before a card is seen"),
        (Scenario::LineCut, "line-cut", "the terminal's line is cut for three seconds after the approval"),
        (
            Scenario::ProviderSilent,
            "provider-silent",
            "the provider falls silent after it has sold: not charged, kept for the code",
        ),
        (
            Scenario::ProviderOutage,
            "provider-outage",
            "a provider fails in the middle of a sale; another fills the order",
        ),
    ];

    /// The scenario of this name.
    pub(crate) fn named(name: &str) -> Option<Scenario> {
        Scenario::ALL.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Who sells.
    pub(crate) fn providers(self) -> Vec<Provider> {
        match self {
            Scenario::ProviderOutage => vec![Provider::Mobilexy, Provider::Roamify],
            _ => vec![Provider::Mobilexy],
        }
    }

    /// How it ends.
    pub(crate) fn ending(self) -> Ending {
        match self {
            Scenario::Purchase | Scenario::LineCut | Scenario::ProviderOutage => Ending::Esim,
            Scenario::Declined | Scenario::Cancelled | Scenario::NoCard | Scenario::ProviderSilent => {
                Ending::NotCharged
            }
        }
    }
}
