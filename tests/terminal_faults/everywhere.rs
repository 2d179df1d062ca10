//! Every kind of fault at every message of a payment, in every dialect, in both ways a terminal treats a stranded
//! payment: the belief is the ledger's, no card is asked twice for one sale, and no sale lasts for ever.

use std::time::Duration;

use esim_kiosk::payment::TerminalHealth;
use esim_kiosk::payment::zvt::Dialect;
use esim_kiosk::sim::terminal::{Fault, FaultRule, RandomFaults, Stranded, TerminalOptions, TerminalSim};

use super::clerk::{Belief, Clerk, Plan, Port, config};
use super::healthy::DIALECTS;

const SENT: [(u8, u8); 7] =
    [(0x80, 0x00), (0x04, 0xff), (0x04, 0x0f), (0x06, 0x0f), (0x06, 0x1e), (0x06, 0xd1), (0x06, 0xd3)];
const HEARD: [(u8, u8); 6] = [(0x06, 0x01), (0x80, 0x00), (0x84, 0x9c), (0x84, 0x6c), (0x06, 0x20), (0x05, 0x01)];

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::Drop,
        Fault::Duplicate,
        Fault::Corrupt(61),
        Fault::Nak,
        Fault::DropAck,
        Fault::Noise(vec![0x10, 0x06, 0x15, 0x02, 0x33]),
        Fault::Mute(s(12)),
        Fault::Cut(s(12)),
        Fault::CutAfter(s(40)),
        Fault::Unplug(s(6)),
        Fault::PowerCycle(s(15)),
        Fault::PowerCycleAfter(s(15)),
    ]
}

/// What the traveller's sale is to be: quick, held for a while, or without goods.
fn plans() -> [Plan; 3] {
    [
        Plan { goods_after: Some(s(0)), ..Plan::default() },
        Plan { goods_after: Some(s(5)), ..Plan::default() },
        Plan { goods_after: None, goods_fail_after: Some(s(3)), ..Plan::default() },
    ]
}

#[derive(Default, Debug)]
struct Tally {
    cases: u32,
    sold: u32,
    not_charged: u32,
    doubtful: u32,
}

impl Tally {
    fn count(&mut self, belief: &Belief) {
        self.cases += 1;
        match belief {
            Belief::Sold => self.sold += 1,
            Belief::NotCharged(_) => self.not_charged += 1,
            Belief::Doubtful(_) => self.doubtful += 1,
        }
    }
}

/// One sale with one set of faults; panics if the belief is not the ledger's.
async fn sale(number: usize, stranded: Stranded, plan: &Plan, arm: impl FnOnce(&TerminalSim), what: &str) -> Belief {
    let (dialect, theirs) = DIALECTS[number];
    let options = TerminalOptions { stranded, message_ids: number % 2 == 1, ..TerminalOptions::of(theirs()) };
    let (terminal, dialler) = TerminalSim::in_memory(options);
    let mut clerk = Clerk::new(config(dialect), Port(dialler));
    clerk.until_health(&TerminalHealth::Ready).await;
    arm(&terminal);
    let belief = clerk.sell(plan).await;
    terminal.panel().no_faults();
    terminal.panel().restore();
    // Whatever the terminal still holds is decided by then.
    tokio::time::sleep(s(400)).await;
    let book = terminal.ledger().book();
    let story =
        || format!("{dialect:?} {stranded:?} {what}: {belief:?}, {book:#?}, {:#?}", clerk.terminal.frames().lines());
    match &belief {
        Belief::Sold => assert_eq!(book.paid_minor(), 1_500, "{}", story()),
        Belief::NotCharged(_) => assert_eq!(book.paid_minor(), 0, "{}", story()),
        Belief::Doubtful(_) => {}
    }
    assert!(book.authorisations <= 1, "asked twice: {}", story());
    assert!(book.payments.iter().all(|payment| payment.goods_issued == 0 || clerk.commits > 0), "{}", story());
    belief
}

#[tokio::test(start_paused = true)]
async fn every_fault_at_every_message() {
    let mut tally = Tally::default();
    for number in 0..DIALECTS.len() {
        let stranded = if number % 2 == 0 { Stranded::Keeps } else { Stranded::Reverses };
        // Keeps is an assumption about terminals that answer 06 20; one that never does leaves only cases.
        for (at, plan) in plans().iter().enumerate() {
            for fault in faults() {
                let rules =
                    SENT.iter().map(|message| (true, *message)).chain(HEARD.iter().map(|message| (false, *message)));
                for (sent, message) in rules {
                    // The messages of the query come first, so the later ones are the payment's.
                    let nth = 1 + u32::try_from(at + number).unwrap() % 5;
                    let rule = if sent { FaultRule::sent } else { FaultRule::heard }(message, nth, fault.clone());
                    let what = format!("{rule:?} {plan:?}");
                    let belief = sale(number, stranded, plan, |terminal| terminal.panel().fault(rule), &what).await;
                    let mute = DIALECTS[number].0 == Dialect::GpPax;
                    assert!(mute || !matches!(belief, Belief::Doubtful(_)), "{what}: {belief:?}");
                    tally.count(&belief);
                }
            }
        }
    }
    assert_eq!(tally.cases, 5 * 3 * 12 * 13, "{tally:?}");
    assert!(tally.sold > 500 && tally.not_charged > 500, "{tally:?}");
}

#[tokio::test(start_paused = true)]
async fn random_faults_on_a_fifth_of_all_messages() {
    let mut tally = Tally::default();
    let seeds = std::env::var("ZVT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40_u64);
    for seed in 0..seeds {
        for number in 0..DIALECTS.len() {
            let stranded = if seed % 2 == 0 { Stranded::Keeps } else { Stranded::Reverses };
            let plan = &plans()[usize::try_from(seed % 3).unwrap()];
            let per_mille = 100 + u16::try_from(seed * 37 % 200).unwrap();
            let random = RandomFaults { seed: seed * 7 + number as u64, per_mille, violent: seed % 4 == 3 };
            let what = format!("{random:?}");
            let belief =
                sale(number, stranded, plan, |terminal| terminal.panel().random_faults(Some(random)), &what).await;
            tally.count(&belief);
        }
    }
    assert_eq!(u64::from(tally.cases), seeds * 5);
    assert!(tally.sold > 0 && tally.not_charged > 0, "{tally:?}");
    println!("{tally:?}");
}
