//! The journal against the rules: what is folded back is the sale, what must be unique is, and what fails stays down.

use std::collections::BTreeSet;

use super::section::Section;
use super::sqlite::{Found, OpenError, Opened, SqliteJournal};
use super::stock::{Bought, StockState};
use super::*;
use crate::money::{Amount, Currency, Exact, Rate};
use crate::sale::activation::ActivationCode;
use crate::sale::event::{Event, GoodsNews};
use crate::sale::moment::Moment;
use crate::sale::offer::{DataVolume, Kind, Offer, OrderReference, PlanKey, ProviderId, Source};
use crate::sale::record::{Choice, Closing, Consent, GoodQuote, Quote, Record};
use crate::sale::rules::{choose, on};
use crate::sale::transaction::{Ending, LastTransaction, Transaction};
use crate::sale::{Money, Step, Terms};

pub(crate) fn at(mono_ms: u64) -> Moment {
    Moment { run: 1, mono_ms, wall_ms: 1_800_000_000_000 + i64::try_from(mono_ms).unwrap(), synced: true }
}

pub(crate) fn offer(source: Source) -> Offer {
    Offer {
        kind: Kind::Esim,
        source,
        provider: ProviderId("mobilexy".into()),
        plan: PlanKey("7".into()),
        package_code: None,
        title: "Japan 5 GB, 30 days".into(),
        data: DataVolume::Bytes(5 << 30),
        days: 30,
        cost: Exact::parse("4.5", Currency::USD).unwrap(),
        rate: Rate::same(Currency::EUR, jiff::civil::date(2026, 11, 1)),
        retail: Amount::new(990, Currency::EUR),
        catalogue_version: 1,
        slow: false,
    }
}

pub(crate) fn quote(count: u64, source: Source) -> Quote {
    let choice = Choice { offer: offer(source), locks_account: false, balance_before: None };
    Quote {
        number: SaleNumber::of("K07", count),
        language: "en".into(),
        goods: vec![GoodQuote { choices: vec![choice] }],
        amount: Amount::new(990, Currency::EUR),
        tax_rate: Some(1900),
        consent: Consent { terms_version: "1".into(), privacy_version: "1".into(), immediate_delivery: true },
        day: 0,
        without_paper: false,
        continues: None,
        promised_ms: None,
    }
}

pub(crate) fn transaction(receipt: &str) -> Transaction {
    Transaction {
        result_code: Some(0),
        key: ApprovalKey {
            terminal_id: Some("12345678".into()),
            receipt: Some(receipt.into()),
            trace: Some(format!("00{receipt}")),
            amount_minor: Some(990),
        },
        turnover: None,
        currency: Some(978),
        original_trace: None,
        approval_code: None,
        vu_number: None,
        date: None,
        time: None,
        pan_last4: Some("4711".into()),
        card_name: None,
        payment_type: Some(0x60),
        additional_text: None,
    }
}

pub(crate) fn profile(matching_id: &str) -> Profile {
    let code = ActivationCode::parse(&format!("LPA:1$smdp.io${matching_id}")).unwrap();
    Profile { code, iccid: None, confirmation_code: None, install_before: None, apn: None }
}

pub(crate) fn claim(seed: u8) -> ClaimCode {
    ClaimCode::from_random([seed, 1, 2, 3, 4])
}

/// A sale that is being played into a journal, as the loop does it.
pub(crate) struct Played {
    pub(crate) sale: Sale,
    terms: Terms,
}

pub(crate) fn append(
    journal: &mut dyn Journal,
    before: Option<&Sale>,
    step: &Step,
    profile: Option<(ProfileId, &Profile)>,
    claim: Option<&ClaimCode>,
) -> Result<(), JournalError> {
    let held = before.map(Sale::locks).unwrap_or_default();
    let wanted = step.next.locks();
    let takes: Vec<Lock> = wanted.difference(&held).cloned().collect();
    let gives: Vec<Lock> = held.difference(&wanted).cloned().collect();
    if step.record.is_empty() {
        return Ok(());
    }
    journal.append(&Append { sale: &step.next, entries: &step.record, takes: &takes, gives: &gives, profile, claim })
}

impl Played {
    pub(crate) fn begin(journal: &mut dyn Journal, random: u128, quote: Quote) -> Result<Self, JournalError> {
        let step = choose(SaleId::from_parts(1, random), quote, at(0)).unwrap();
        let code = claim(u8::try_from(random % 251).unwrap());
        append(journal, None, &step, None, Some(&code))?;
        Ok(Played { sale: step.next, terms: Terms::default() })
    }

    pub(crate) fn on(&mut self, journal: &mut dyn Journal, ms: u64, event: Event) -> Result<(), JournalError> {
        self.on_with(journal, at(ms), event, None)
    }

    pub(crate) fn on_with(
        &mut self,
        journal: &mut dyn Journal,
        now: Moment,
        event: Event,
        profile: Option<(ProfileId, &Profile)>,
    ) -> Result<(), JournalError> {
        let step = on(&self.sale, &event, now, &self.terms);
        append(journal, Some(&self.sale), &step, profile, None)?;
        self.sale = step.next;
        Ok(())
    }

    pub(crate) fn held(&mut self, journal: &mut dyn Journal, receipt: &str) -> Result<(), JournalError> {
        self.on(journal, 10, Event::BaselineRead { last: LastTransaction::Empty, totals: None })?;
        self.on(journal, 1_000, Event::Approved(Box::new(transaction(receipt))))
    }

    pub(crate) fn delivered(
        &mut self,
        journal: &mut dyn Journal,
        ms: u64,
        order: &str,
        id: ProfileId,
        content: &Profile,
    ) -> Result<(), JournalError> {
        let reference = OrderReference(order.into());
        let news = GoodsNews::Delivered { reference, profile: Some(id), iccid: None, charged: None };
        self.on_with(journal, at(ms), Event::Goods { good: 0, news }, Some((id, content)))
    }

    pub(crate) fn paid(&mut self, journal: &mut dyn Journal) -> Result<(), JournalError> {
        self.on(journal, 5_000, Event::Ended(Ending::Completed))
    }
}

pub(crate) fn violation(result: Result<(), JournalError>) -> Violation {
    match result {
        Err(JournalError::Violation(violation)) => violation,
        other => panic!("a violation is expected, not {other:?}"),
    }
}

fn open(dir: &tempfile::TempDir) -> Opened {
    let section = Section { head_room_mb: 16, ..Section::at(dir.path()) };
    SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap()
}

fn memory() -> SqliteJournal {
    SqliteJournal::in_memory(&[7; 32]).unwrap()
}

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
    journal.day_closed("asked").unwrap();
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

#[test]
fn codes_are_wiped_a_while_after_the_hand_over() {
    let mut journal = memory();
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    played.held(&mut journal, "0042").unwrap();
    let id = ProfileId::from_parts(2, 1);
    played.delivered(&mut journal, 2_000, "ORD1", id, &profile("ABC-1")).unwrap();
    played.paid(&mut journal).unwrap();
    let later = at(0).plus_ms(80 * 3_600_000);
    assert_eq!(journal.tidy(later).unwrap(), 0, "an open sale keeps its code");
    played.on(&mut journal, 5_001, Event::HandOver).unwrap();
    played.on(&mut journal, 6_000, Event::HaveIt).unwrap();
    assert_eq!(journal.tidy(at(7_000)).unwrap(), 0);
    assert_eq!(journal.tidy(Moment { synced: false, ..later }).unwrap(), 0, "a clock that is not set wipes nothing");
    assert_eq!(journal.tidy(later).unwrap(), 1);
    assert_eq!(journal.reveal(id).unwrap(), None);
    // The code stays unique for ever.
    let mut second = Played::begin(&mut journal, 2, quote(2, Source::Provider)).unwrap();
    second.held(&mut journal, "0043").unwrap();
    let twice = second.delivered(&mut journal, 2_000, "ORD2", ProfileId::from_parts(2, 2), &profile("ABC-1"));
    assert_eq!(violation(twice), Violation::ProfileBound);
}

#[test]
fn a_step_that_does_not_follow_is_refused_and_the_journal_stays_down() {
    let mut journal = memory();
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    let old = played.sale.clone();
    played.held(&mut journal, "0042").unwrap();
    let step = on(&old, &Event::CancelWished, at(20), &Terms::default());
    let refused = append(&mut journal, Some(&old), &step, None, None).unwrap_err();
    assert!(matches!(refused, JournalError::Damaged { .. }), "{refused}");
    for refused in [journal.probe().unwrap_err(), journal.open_sales().unwrap_err()] {
        let JournalError::Storage { source, .. } = refused else { panic!("{refused}") };
        assert!(source.to_string().contains("never tried again"), "{source}");
    }
}

#[test]
fn what_a_newer_version_wrote_is_carried_along_as_a_case() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, .. } = open(&dir);
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    drop(journal);
    let path = dir.path().join("journal/journal.db");
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer
        .execute_batch(
            "INSERT INTO entries (sale, seq, run, mono_ms, wall_ms, synced, kind, json)
               SELECT id, 1, 1, 0, 0, 1, 'teleported', '{\"kind\":\"teleported\",\"to\":3}' FROM sales;
             UPDATE sales SET entries = 2; PRAGMA user_version = 2;",
        )
        .unwrap();
    drop(newer);
    let Opened { mut journal, .. } = open(&dir);
    let back = journal.open_sales().unwrap().remove(0);
    assert_eq!(back.cases[0].kind, crate::sale::record::CaseKind::NewerRecord);
    assert_eq!(back.entries, 2, "the numbering goes on");
    played.sale = back;
    played.on(&mut journal, 20, Event::CancelWished).unwrap();
    assert!(matches!(journal.entries(played.sale.id).unwrap()[2].record, Record::CancelWished));
}

#[test]
fn a_damaged_database_is_set_aside_and_the_kiosk_estranged() {
    use std::io::{Seek, SeekFrom, Write};
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, .. } = open(&dir);
    Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    drop(journal);
    drop(open(&dir)); // moves the log into the database
    let path = dir.path().join("journal/journal.db");
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(4096 * 3)).unwrap();
    file.write_all(&[0xA5; 4096]).unwrap();
    drop(file);
    let Opened { mut journal, found } = open(&dir);
    let Found::SetAside { path, why } = found else { panic!("{found:?}") };
    assert!(path.join("journal.db").exists() && !why.is_empty());
    assert!(journal.open_sales().unwrap().is_empty());
    assert!(journal.estranged().unwrap().contains("damaged"));
    drop(journal);
    let Opened { mut journal, found } = open(&dir);
    assert_eq!(found, Found::Sound);
    assert!(journal.estranged().is_some(), "it stays so until somebody adopts it");
    journal.adopt().unwrap();
    drop(journal);
    assert_eq!(open(&dir).journal.estranged(), None);
}

#[test]
fn a_restored_backup_knows_that_it_is_not_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let section = Section {
        generation_file: Some(outside.path().join("generation")),
        head_room_mb: 16,
        ..Section::at(dir.path())
    };
    let open = || SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal;
    let journal = open();
    let backup = outside.path().join("backup.db");
    journal.back_up(&backup).unwrap();
    drop(journal);
    assert_eq!(open().estranged(), None);
    assert_eq!(open().estranged(), None);
    for file in std::fs::read_dir(dir.path().join("journal")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    std::fs::copy(&backup, dir.path().join("journal/journal.db")).unwrap();
    let restored = open();
    assert!(restored.estranged().unwrap().contains("older"), "{:?}", restored.estranged());
    assert_eq!(restored.run(), 4, "the runs of the newer journal are not used twice");
}

#[test]
fn a_second_service_is_refused_and_another_key_too() {
    let dir = tempfile::tempdir().unwrap();
    let section = Section { head_room_mb: 16, ..Section::at(dir.path()) };
    let open = || SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH);
    let held = open().unwrap();
    assert!(matches!(open(), Err(OpenError::Held { .. })));
    drop(held);
    std::fs::remove_file(dir.path().join("journal.key")).unwrap();
    assert!(matches!(open(), Err(OpenError::Key(super::seal::NoKey::Gone { .. }))));
    drop(super::seal::Seal::load(None, &dir.path().join("journal.key"), true).unwrap());
    assert!(matches!(open(), Err(OpenError::Key(super::seal::NoKey::Other { .. }))));
}

#[test]
fn head_room_is_asked_for_and_stops_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let section = Section { head_room_mb: u64::MAX, ..Section::at(dir.path()) };
    let mut journal = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal;
    assert!(matches!(journal.probe(), Err(JournalError::HeadRoom { .. })));
    // What room is left belongs to the sales: nothing was written for the question.
    assert_eq!(super::sqlite::meta::<u64>(&journal.connection, "probes").unwrap(), None);
    assert!(Played::begin(&mut journal, 1, quote(1, Source::Provider)).is_ok());
    let all: BTreeSet<Lock> = journal.locks().unwrap().into_iter().map(|(lock, _)| lock).collect();
    assert!(all.contains(&Lock::Terminal));
}
