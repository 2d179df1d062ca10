//! What belongs to one sale belongs to no other, and comes back as it was.

use super::super::sqlite::Found;
use super::super::sqlite::Opened;
use super::super::stock::Bought;
use super::super::stock::StockState;
use super::super::*;
use super::{Played, at, claim, memory, offer, open, profile, quote, transaction, violation};
use crate::sale::Money;
use crate::sale::event::Event;
use crate::sale::moment::Moment;
use crate::sale::offer::OrderReference;
use crate::sale::offer::ProviderId;
use crate::sale::offer::Source;
use crate::sale::record::Closing;
use crate::sale::rules::choose;
use crate::sale::transaction::Ending;
use crate::sale::transaction::LastTransaction;

#[test]
fn a_sale_comes_back_as_it_was_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, found } = open(&dir);
    assert_eq!((found, journal.run()), (Found::New, 1));
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    played.held(&mut journal, "0042").unwrap();
    let (id, content) = (ProfileId::from_parts(2, 2), profile("TOPSECRET-1"));
    played.delivered(&mut journal, 2_000, "ORD1", id, &content).unwrap();
    journal.probe().unwrap();
    drop(journal);

    let Opened { mut journal, found } = open(&dir);
    assert_eq!((found, journal.run()), (Found::Sound, 2));
    let mut back = journal.open_sales().unwrap();
    assert_eq!(back.len(), 1);
    back[0].waiting_since = played.sale.waiting_since;
    assert_eq!(back[0], played.sale);
    assert_eq!(journal.locks().unwrap(), [(Lock::Terminal, played.sale.id)]);
    assert_eq!(journal.reveal(id).unwrap(), Some(content));
    assert_eq!(journal.find_claim(&claim(1)).unwrap(), Some(played.sale.id));
    assert_eq!(journal.find_claim(&claim(2)).unwrap(), None);
    assert_eq!(journal.claim_code(played.sale.id).unwrap(), Some(claim(1)));
    assert_eq!(journal.find_number(&SaleNumber::of("K07", 1)).unwrap(), Some(played.sale.id));
    assert_eq!(journal.next_number().unwrap(), 2);

    played.paid(&mut journal).unwrap();
    played.on(&mut journal, 5_001, Event::HandOver).unwrap();
    played.on(&mut journal, 6_000, Event::HaveIt).unwrap();
    assert_eq!(played.sale.closed, Some(Closing::Delivered));
    assert!(journal.open_sales().unwrap().is_empty() && journal.locks().unwrap().is_empty());
    assert_eq!(journal.sale(played.sale.id).unwrap().unwrap().closed, Some(Closing::Delivered));
    assert_eq!(journal.receipt_owner(&transaction("0042").key).unwrap(), Some(played.sale.id));
    assert_eq!(journal.receipt_owner(&transaction("0043").key).unwrap(), None);
    assert_eq!(journal.order_references(&ProviderId("mobilexy".into())).unwrap(), [OrderReference("ORD1".into())]);
    assert!(journal.order_references(&ProviderId("roamify".into())).unwrap().is_empty());
}

#[test]
fn no_secret_lies_open_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, .. } = open(&dir);
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    played.held(&mut journal, "0042").unwrap();
    played.delivered(&mut journal, 2_000, "ORD1", ProfileId::from_parts(2, 2), &profile("TOPSECRET-1")).unwrap();
    let held: Vec<u8> = std::fs::read_dir(dir.path().join("journal"))
        .unwrap()
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    let has = |text: &str| held.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("Japan 5 GB"), "the search itself must find what is open");
    assert!(!has("TOPSECRET") && !has("smdp.io") && !has(claim(1).reveal()) && !has(&claim(1).grouped()));
}

#[test]
fn two_sales_never_share_a_profile_an_order_a_receipt_a_code_or_a_number() {
    let mut journal = memory();
    let mut first = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    first.held(&mut journal, "0042").unwrap();
    let (one, two) = (ProfileId::from_parts(2, 1), ProfileId::from_parts(2, 2));
    first.delivered(&mut journal, 2_000, "ORD1", one, &profile("ABC-1")).unwrap();
    first.paid(&mut journal).unwrap();

    let refused = Played::begin(&mut journal, 2, quote(1, Source::Provider)).err().unwrap();
    assert_eq!(violation(Err(refused)), Violation::NumberTaken);
    let refused = Played::begin(&mut journal, 252, quote(2, Source::Provider)).err().unwrap();
    assert_eq!(violation(Err(refused)), Violation::ClaimTaken);

    let mut second = Played::begin(&mut journal, 2, quote(2, Source::Provider)).unwrap();
    second.held(&mut journal, "0042").unwrap();
    let before = second.sale.clone();
    let twice = second.delivered(&mut journal, 2_000, "ORD2", two, &profile("ABC-1"));
    assert_eq!(violation(twice), Violation::ProfileBound);
    let twice = second.delivered(&mut journal, 2_000, "ORD1", two, &profile("ABC-2"));
    assert_eq!(violation(twice), Violation::OrderBound);
    // Nothing of the refused steps is there, and selling goes on.
    let mut stored = journal.sale(before.id).unwrap().unwrap();
    stored.waiting_since = before.waiting_since;
    assert_eq!(stored, before);
    assert_eq!(journal.reveal(two).unwrap(), None);
    second.delivered(&mut journal, 2_000, "ORD2", two, &profile("ABC-2")).unwrap();
    assert_eq!(violation(second.paid(&mut journal)), Violation::ReceiptBound);
    // On another day the terminal's numbers begin again.
    journal.day_closed("asked", None, at(1_000)).unwrap();
    assert_eq!(journal.day().unwrap(), 1);
}

#[test]
fn locks_are_taken_all_or_none() {
    let mut journal = memory();
    let account = |name: &str| Lock::Account(ProviderId(name.into()));
    let first = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    let step = choose(SaleId::from_parts(1, 2), quote(2, Source::Provider), at(0)).unwrap();
    let takes = [account("mobilexy"), Lock::Terminal];
    let wanting =
        Append { sale: &step.next, entries: &step.record, takes: &takes, gives: &[], profile: None, claim: None };
    let refused = journal.append(&wanting);
    assert_eq!(violation(refused), Violation::LockTaken { lock: Lock::Terminal, holder: first.sale.id });
    assert_eq!(journal.locks().unwrap(), [(Lock::Terminal, first.sale.id)]);
    assert_eq!(journal.sale(step.next.id).unwrap(), None);
    let free = [account("mobilexy")];
    journal.append(&Append { takes: &free, ..wanting }).unwrap();
    assert_eq!(journal.locks().unwrap().len(), 2);
}

#[test]
fn a_late_esim_lies_in_stock_for_its_code_and_is_sold_by_it() {
    let mut journal = memory();
    let mut late = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    late.held(&mut journal, "0042").unwrap();
    late.on(&mut journal, 10_001, Event::Tick).unwrap();
    let id = ProfileId::from_parts(2, 1);
    late.delivered(&mut journal, 10_500, "ORD1", id, &profile("ABC-1")).unwrap();
    late.on(&mut journal, 11_000, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None })).unwrap();
    assert_eq!(late.sale.closed, Some(Closing::NotCharged));
    let items = journal.stock(at(12_000)).unwrap();
    assert_eq!(
        (items[0].state, items[0].kept_for, items[0].kept_ms),
        (StockState::Reserved, Some(late.sale.id), Some(3_599_000))
    );
    assert_eq!(items[0].offer.source, Source::Stock { profile: id });

    // Nobody else gets it, and its own claim does.
    let stranger = Played::begin(&mut journal, 2, quote(2, Source::Stock { profile: id }));
    assert_eq!(violation(stranger.map(drop)), Violation::ProfileBound);
    let mut wish = quote(2, Source::Stock { profile: id });
    wish.continues = Some(late.sale.id);
    let mut claimed = Played::begin(&mut journal, 3, wish).unwrap();
    claimed.held(&mut journal, "0043").unwrap();
    assert_eq!(claimed.sale.payment.money, Money::Committing);
    claimed.paid(&mut journal).unwrap();
    assert!(journal.stock(at(60_000)).unwrap().is_empty(), "it is sold");
    assert_eq!(journal.reveal(id).unwrap(), Some(profile("ABC-1")));
}

#[test]
fn a_claim_that_is_declined_leaves_the_reservation_at_least_ten_minutes() {
    let mut journal = memory();
    let mut late = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    late.held(&mut journal, "0042").unwrap();
    late.on(&mut journal, 10_001, Event::Tick).unwrap();
    let id = ProfileId::from_parts(2, 1);
    late.delivered(&mut journal, 10_500, "ORD1", id, &profile("ABC-1")).unwrap();
    late.on(&mut journal, 11_000, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None })).unwrap();
    let mut wish = quote(2, Source::Stock { profile: id });
    wish.continues = Some(late.sale.id);
    let mut claimed = Played::begin(&mut journal, 3, wish).unwrap();
    let near_the_end = at(3_600_000);
    claimed.on_with(&mut journal, near_the_end, Event::CancelWished, None).unwrap();
    let silent = LastTransaction::Empty;
    claimed.on_with(&mut journal, near_the_end, Event::BaselineRead { last: silent, totals: None }, None).unwrap();
    assert_eq!(claimed.sale.closed, Some(Closing::NotCharged));
    let items = journal.stock(near_the_end).unwrap();
    assert_eq!((items[0].kept_for, items[0].kept_ms), (Some(late.sale.id), Some(600_000)));
    // An age that cannot be known starts again once, and does not end the reservation.
    let unknown = Moment { run: 9, mono_ms: 5, wall_ms: 0, synced: false };
    assert_eq!(journal.stock(unknown).unwrap()[0].kept_ms, Some(600_000));
    assert_eq!(journal.stock(unknown.plus_ms(600_001)).unwrap()[0].state, StockState::Free);
}

#[test]
fn stock_is_bought_sold_once_and_freed_by_a_decline() {
    let mut journal = memory();
    let id = ProfileId::from_parts(2, 1);
    let reference = OrderReference("ORD9".into());
    let (content, offered) = (profile("ABC-1"), offer(Source::Provider));
    let bought = Bought { profile: id, content: &content, offer: &offered, reference: &reference };
    journal.put_in_stock(&bought, at(0)).unwrap();
    let again = journal.put_in_stock(&Bought { profile: ProfileId::from_parts(2, 9), ..bought }, at(0));
    assert_eq!(violation(again), Violation::ProfileBound);
    let mut declined = Played::begin(&mut journal, 1, quote(1, Source::Stock { profile: id })).unwrap();
    assert_eq!(journal.stock(at(1)).unwrap()[0].state, StockState::Reserved);
    declined.on(&mut journal, 10, Event::BaselineRead { last: LastTransaction::Empty, totals: None }).unwrap();
    let twice = Played::begin(&mut journal, 2, quote(2, Source::Stock { profile: id }));
    assert!(matches!(violation(twice.map(drop)), Violation::LockTaken { .. }));
    declined.on(&mut journal, 900, Event::Ended(Ending::Aborted { result_code: 0x05, text: None })).unwrap();
    assert_eq!(journal.stock(at(1_000)).unwrap()[0].state, StockState::Free);
    let mut sold = Played::begin(&mut journal, 2, quote(2, Source::Stock { profile: id })).unwrap();
    sold.held(&mut journal, "0042").unwrap();
    sold.paid(&mut journal).unwrap();
    sold.on(&mut journal, 5_001, Event::HandOver).unwrap();
    sold.on(&mut journal, 6_000, Event::HaveIt).unwrap();
    assert!(sold.sale.closed.is_some() && journal.stock(at(9_000)).unwrap().is_empty());
    let third = Played::begin(&mut journal, 3, quote(3, Source::Stock { profile: id }));
    assert_eq!(violation(third.map(drop)), Violation::ProfileBound);
}

/// The acquirer has paid it back: the sale ends as refunded, and the back office, which heard of a refund that is due,
/// hears of it once more.
#[test]
fn a_refund_that_came_ends_the_sale_anew() {
    use crate::sale::record::{CaseDecision, Closing};
    let mut journal = memory();
    let mut played = Played::refund_due(&mut journal, 1, "0042").unwrap();
    let first = journal.outbox(0, 9).unwrap();
    assert_eq!(first.len(), 1);
    journal.outbox_taken(first[0].number, at(8_500)).unwrap();
    assert_eq!(journal.open_cases().unwrap().len(), 1, "the acquirer owes it");
    let back = Event::Decided { case: 0, decision: CaseDecision::Back, reason: "its advice".into() };
    played.on(&mut journal, 9_000, back.clone()).unwrap();
    played.on(&mut journal, 9_500, back).unwrap();
    let sale = journal.sale(played.sale.id).unwrap().unwrap();
    assert_eq!((sale.closed, sale.payment.money), (Some(Closing::Refunded), crate::sale::Money::Back));
    let row = journal.connection.query_row("SELECT closed, money FROM sales", [], |row| Ok((row.get(0)?, row.get(1)?)));
    assert_eq!(row.unwrap(), ("refunded".to_owned(), "back".to_owned()));
    let again = journal.outbox(0, 9).unwrap();
    assert_eq!(again.len(), 1, "told once more, and not twice");
    assert!(again[0].number > first[0].number && again[0].sale == sale.id);
    assert!(journal.open_cases().unwrap().is_empty());
}
