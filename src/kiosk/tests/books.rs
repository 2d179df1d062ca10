//! The loop over a real database: claim codes, what is kept for them, the outbox, and a journal that is not the newest.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::doubles::{Rig, delivery, settings};
use super::{MINOR, answer, approve, transaction};
use crate::esim::OrderOutcome;
use crate::journal::archive::{Archive, Wanted};
use crate::journal::section::Section;
use crate::journal::sqlite::SqliteJournal;
use crate::kiosk::inbox::Inbox;
use crate::kiosk::view::{ClaimProblem, MoneyTruth, OutOfService, Screen, SecretText, Selling};
use crate::kiosk::{Intent, Settings};
use crate::office::{BackOffice, Parcel, Taken};
use crate::payment::{Answer, QueryTag, TerminalEvent, TerminalOrder};
use crate::sale::transaction::{Ending, LastTransaction};

/// A back office that notes what it gets, and answers what a test has laid ready; else it takes everything.
#[derive(Default)]
pub(super) struct NotedOffice {
    pub(super) parcels: Mutex<Vec<Parcel>>,
    pub(super) answers: Mutex<Vec<Taken>>,
}

#[async_trait]
impl BackOffice for NotedOffice {
    async fn take(&self, parcel: &Parcel) -> Taken {
        self.parcels.lock().unwrap().push(parcel.clone());
        self.answers.lock().unwrap().pop().unwrap_or(Taken::Done { highest: None })
    }
}

pub(super) fn journal(dir: &Path) -> Box<SqliteJournal> {
    Box::new(SqliteJournal::open(&Section::at(dir)).unwrap().journal)
}

pub(super) async fn rig(dir: &Path, office: Option<Arc<NotedOffice>>, settings: Settings) -> Rig {
    let office = office.map(|office| office as Arc<dyn BackOffice>);
    Rig::over(journal(dir), office, settings).await
}

pub(super) fn archive(dir: &Path) -> Archive {
    Archive::open(&Section::at(dir)).unwrap()
}

/// Waits until the database says so: an event in the loop, not a duration.
pub(super) async fn until(dir: &Path, what: &str, fits: impl Fn(&Archive) -> bool) {
    let found = async {
        while !fits(&archive(dir)) {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(3_600), found).await.unwrap_or_else(|_| panic!("never {what}"));
}

/// A whole sale up to "I have it".
pub(super) async fn buy(rig: &mut Rig, number: u32) {
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(number)));
    let sale = approve_as(rig, number).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Completed }).await;
    rig.see("the eSIM", |screen| matches!(screen, Screen::YourEsim(_))).await;
    rig.touch(Intent::HaveIt).await;
    rig.see("the receipt screen", |screen| matches!(screen, Screen::Receipt(_))).await;
    rig.touch(Intent::StartOver).await;
    rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
}

/// As `approve`, with a receipt of its own for each sale.
pub(super) async fn approve_as(rig: &mut Rig, number: u32) -> crate::sale::id::SaleId {
    rig.walk_to_pay().await;
    let order = rig.next_order().await;
    let TerminalOrder::Query { tag: QueryTag::Baseline(sale), .. } = order else { panic!("no baseline: {order:?}") };
    let last = LastTransaction::Is(transaction(&format!("{:04}", 500 + number - 1), 500));
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::Baseline(sale), last, totals: None, at_rest: true }).await;
    let TerminalOrder::Authorise(_) = rig.next_order().await else { panic!("then the card") };
    let at = tokio::time::Instant::now();
    let approval = transaction(&format!("{:04}", 500 + number), MINOR);
    rig.terminal(TerminalEvent::Approved { sale, transaction: approval, at }).await;
    sale
}

/// Types a claim code from the attract screen.
async fn claim(rig: &mut Rig, code: &str) {
    rig.touch(Intent::OpenClaim).await;
    rig.touch(Intent::SubmitClaim(SecretText(code.to_owned()))).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_esim_is_bought_by_its_claim_code_at_the_old_price() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    // The provider is silent until the hold ends: "not issued".
    let old = approve(&mut rig).await;
    let code = rig.see("preparing", |screen| matches!(screen, Screen::Preparing { .. })).await;
    let code = code.frame.claim_code.clone().expect("the code is on the screen");
    loop {
        match answer(&rig.next_order().await) {
            Some(Answer::NotYet) => {
                let at = tokio::time::Instant::now();
                let again = transaction("0042", MINOR);
                rig.terminal(TerminalEvent::Approved { sale: old, transaction: again, at }).await;
            }
            Some(Answer::NotIssued) => break,
            other => panic!("unexpected {other:?}"),
        }
    }
    rig.terminal(TerminalEvent::Ended { sale: old, ending: Ending::Aborted { result_code: 0x6C, text: None } }).await;
    rig.see("not charged", |screen| matches!(screen, Screen::NotCharged { .. })).await;
    // Then it arrives all the same.
    rig.tell(Inbox::Ordered { sale: old, good: 0, outcome: OrderOutcome::Done(delivery(7)) }).await;
    rig.touch(Intent::StartOver).await;
    rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
    claim(&mut rig, &code.0).await;
    let kept = |screen: &Screen| matches!(screen, Screen::Truth(truth) if truth.can_buy_kept);
    let view = rig.see("what is kept", kept).await;
    let Screen::Truth(truth) = &view.screen else { unreachable!() };
    assert!(truth.money == MoneyTruth::NotCharged && !truth.can_show_esim, "{truth:?}");

    rig.touch(Intent::BuyKept).await;
    rig.see("the pay screen", |screen| matches!(screen, Screen::Pay(_))).await;
    let TerminalOrder::Query { tag: QueryTag::Baseline(new), .. } = rig.next_order().await else { panic!("baseline") };
    assert_ne!(new, old);
    let last = LastTransaction::Is(transaction("0042", MINOR));
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::Baseline(new), last, totals: None, at_rest: true }).await;
    let TerminalOrder::Authorise(request) = rig.next_order().await else { panic!("then the card") };
    assert_eq!(request.amount.minor, 990, "the old price");
    let at = tokio::time::Instant::now();
    rig.terminal(TerminalEvent::Approved { sale: new, transaction: transaction("0043", MINOR), at }).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued), "it lies in stock: nothing is ordered");
    rig.terminal(TerminalEvent::Ended { sale: new, ending: Ending::Completed }).await;
    let view = rig.see("the eSIM", |screen| matches!(screen, Screen::YourEsim(_))).await;
    let Screen::YourEsim(esim) = &view.screen else { unreachable!() };
    assert_eq!(esim.qr.0, "LPA:1$smdp.io$CODE-7");
    assert_ne!(view.frame.claim_code.as_ref(), Some(&code), "the new sale has its own code");
    assert_eq!(rig.provider.orders.lock().unwrap().len(), 1, "ordered once in all");
    rig.touch(Intent::HaveIt).await;
    rig.see("the receipt screen", |screen| matches!(screen, Screen::Receipt(_))).await;
    // The old code tells the truth, and sells nothing any more.
    rig.touch(Intent::StartOver).await;
    rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
    claim(&mut rig, &code.0).await;
    rig.see("the old truth", |screen| matches!(screen, Screen::Truth(truth) if !truth.can_buy_kept)).await;
    assert_eq!(archive(dir.path()).stock().unwrap()[0].state, "sold");
}

#[tokio::test(start_paused = true)]
async fn wrong_codes_slow_the_screen_across_sessions_and_a_right_one_is_never_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(1)));
    let sale = approve(&mut rig).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Completed }).await;
    let view = rig.see("the eSIM", |screen| matches!(screen, Screen::YourEsim(_))).await;
    let code = view.frame.claim_code.clone().expect("the code is on the screen");
    // The traveller goes away without a word: the code shows it again, three times.
    rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
    for wrong in 0..5_u8 {
        let other = crate::sale::claim::ClaimCode::from_random([wrong, 1, 2, 3, 4]);
        claim(&mut rig, &other.grouped()).await;
        let seen = |screen: &Screen| matches!(screen, Screen::ClaimEntry { problem: Some(ClaimProblem::NotFound), wait_s } if *wait_s > 0);
        let view = rig.see("not found", seen).await;
        let Screen::ClaimEntry { wait_s, .. } = view.screen else { unreachable!() };
        assert_eq!(wait_s, 1 << wrong, "starting over gains nothing");
        rig.touch(Intent::StartOver).await;
        rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
        tokio::time::sleep(std::time::Duration::from_secs(u64::from(wait_s))).await;
    }
    for time in 1..=4 {
        claim(&mut rig, &code.0).await;
        let view = rig.see("the truth", |screen| matches!(screen, Screen::Truth(_))).await;
        let Screen::Truth(truth) = &view.screen else { unreachable!() };
        assert_eq!(truth.can_show_esim, time <= 3, "the {time}. time");
        rig.touch(Intent::ShowClaimed).await;
        if time <= 3 {
            rig.see("the eSIM again", |screen| matches!(screen, Screen::YourEsim(_))).await;
        }
        rig.touch(Intent::StartOver).await;
        rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_back_office_gets_each_finished_sale_whatever_it_answers() {
    let dir = tempfile::tempdir().unwrap();
    let office = Arc::new(NotedOffice::default());
    // From the last to the first: silence, a refusal, silence again, and then it takes everything.
    *office.answers.lock().unwrap() =
        vec![Taken::Unknown("HTTP 503".into()), Taken::Refused("HTTP 422".into()), Taken::Unknown("no answer".into())];
    let mut first = rig(dir.path(), Some(office.clone()), settings()).await;
    buy(&mut first, 1).await;
    buy(&mut first, 2).await;
    until(dir.path(), "all but the refused one", |archive| archive.outbox().unwrap().waiting == 1).await;
    let keys = || office.parcels.lock().unwrap().iter().map(|parcel| parcel.number).collect::<Vec<_>>();
    // 1 unknown, 1 refused, 2 unknown, 2 done: the refused one holds up nobody.
    assert_eq!(keys(), [1, 1, 2, 2]);
    first.running.abort();
    (&mut first.running).await.ok();
    drop(first);

    // A restart: what was not taken is sent again, byte for byte; what was taken is not.
    let again = rig(dir.path(), Some(office.clone()), settings()).await;
    until(dir.path(), "all", |archive| archive.outbox().unwrap().waiting == 0).await;
    assert_eq!(keys(), [1, 1, 2, 2, 1]);
    let parcels = office.parcels.lock().unwrap().clone();
    assert!(parcels[0] == parcels[1] && parcels[0] == parcels[4], "a repetition has the same bytes");
    let sale: serde_json::Value = serde_json::from_str(&parcels[0].json).unwrap();
    crate::sim::schema::judge_both_ways("booked", &sale).unwrap();
    assert_eq!(
        (&sale["closed"], &sale["gross_minor"], &sale["tax_minor"]),
        (&"delivered".into(), &990.into(), &158.into())
    );
    assert_eq!((&sale["payment"]["receipt"], &sale["goods"][0]["order"]), (&"0501".into(), &"ORDER1".into()));
    assert!(!parcels[0].json.contains("CODE-1") && !parcels[0].json.contains("LPA:"), "{}", parcels[0].json);
    again.running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_back_office_that_knows_more_stops_the_kiosk_until_it_is_adopted() {
    let dir = tempfile::tempdir().unwrap();
    let office = Arc::new(NotedOffice::default());
    *office.answers.lock().unwrap() = vec![Taken::Done { highest: Some(41) }];
    let mut rig = rig(dir.path(), Some(office.clone()), settings()).await;
    buy(&mut rig, 1).await;
    let paused = |screen: &Screen| matches!(screen, Screen::Attract(attract) if attract.selling == Selling::Paused(OutOfService::EarlierPayment));
    rig.see("no sale", paused).await;
    assert!(archive(dir.path()).estranged().unwrap().unwrap().contains("41"));
}

#[tokio::test(start_paused = true)]
async fn an_older_journal_asks_nobody_and_gives_nothing_back_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = rig(dir.path(), None, settings()).await;
    before.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(1)));
    let sale = approve(&mut before).await;
    assert_eq!(answer(&before.next_order().await), Some(Answer::GoodsIssued));
    before.running.abort();
    (&mut before.running).await.ok();
    drop(before);
    crate::journal::Journal::estrange(journal(dir.path()).as_mut(), "a backup was put back").unwrap();

    let mut rig = rig(dir.path(), None, settings()).await;
    rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
    tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
    assert!(rig.orders.try_recv().is_err(), "the terminal is told nothing");
    let cases = archive(dir.path()).cases(false).unwrap();
    assert_eq!(cases.iter().map(|case| case.kind.as_str()).collect::<Vec<_>>(), ["money_unknown"]);
    assert!(cases[0].evidence.contains("backup"), "{}", cases[0].evidence);
    let open = archive(dir.path()).list(&Wanted { open: true, ..Wanted::default() }).unwrap();
    assert_eq!((open.len(), open[0].money.as_str(), open[0].id), (1, "unknown", sale));
}
