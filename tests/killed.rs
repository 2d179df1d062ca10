//! Kill -9 of the real kiosk at its journal records, a restart half a second later, and the ledgers of terminal and
//! provider against what it wrote down and showed. A few here; all of them are `cargo torture sale --kill 1`.

// A test speaks by panicking.
#![allow(clippy::unwrap_used)]

use esim_kiosk::sim::torture::killed::{Wanted, run};

async fn kill(only: &str, every: u64, least: usize) {
    let dir = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        program: env!("CARGO_BIN_EXE_esim-kiosk-sim").into(),
        dir: dir.path().to_owned(),
        every,
        only: Some(only.to_owned()),
        rounds: 1,
        beside: 1,
    };
    let mut told = Vec::new();
    let report = run(&wanted, &mut told).await.unwrap();
    assert!(report.faults.is_empty(), "{}", String::from_utf8_lossy(&told));
    assert!(report.kills >= least, "only {} processes were killed", report.kills);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivered_sale() {
    kill("delivered", 2, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_silent_after_it_has_sold() {
    kill("silent after selling", 3, 4).await;
}
