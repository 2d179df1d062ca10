//! Nothing breaks: every dialect, every ordinary way, and not one rule of the line broken.

use std::time::Duration;

use esim_kiosk::payment::TerminalHealth;
use esim_kiosk::payment::zvt::Dialect;
use esim_kiosk::sim::terminal::{self as sim, TerminalOptions, TerminalSim};

use super::clerk::{Belief, Clerk, Plan, Port, config};

pub const DIALECTS: [(Dialect, fn() -> sim::Dialect); 5] = [
    (Dialect::Spec, sim::Dialect::spec),
    (Dialect::CardcompleteValina, sim::Dialect::cardcomplete_valina),
    (Dialect::Hobex, sim::Dialect::hobex),
    (Dialect::GpPax, sim::Dialect::gp_pax),
    (Dialect::Feig, sim::Dialect::feig),
];

#[tokio::test(start_paused = true)]
async fn three_sales_in_every_dialect() {
    for (dialect, theirs) in DIALECTS {
        let options = TerminalOptions { message_ids: true, mirrors_receipts: true, ..TerminalOptions::of(theirs()) };
        let (terminal, dialler) = TerminalSim::in_memory(options);
        let mut clerk = Clerk::new(config(dialect), Port(dialler));
        clerk.until_health(&TerminalHealth::Ready).await;
        for (minor, goods) in [(1_500, 3), (1_010, 0), (101_010, 12)] {
            let plan = Plan { minor, goods_after: Some(Duration::from_secs(goods)), ..Plan::default() };
            let belief = clerk.sell(&plan).await;
            assert_eq!(belief, Belief::Sold, "{dialect:?}: {:#?}", clerk.terminal.frames().lines());
        }
        let book = terminal.ledger().book();
        assert_eq!(book.paid_minor(), 103_520, "{dialect:?}");
        assert_eq!(book.authorisations, 3);
        assert!(
            terminal.panel().strictness().counts().is_empty(),
            "{dialect:?}: {:?} {:#?}",
            terminal.panel().strictness().counts(),
            clerk.terminal.frames().lines()
        );
    }
}
