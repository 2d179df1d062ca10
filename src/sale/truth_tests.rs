//! Every sentence of sale.md 5, "Was the card charged?", and the answers of terminals that are easy to misread.

use super::*;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::played;
use crate::sale::rules::choose;

const ASKED: u64 = 990;

fn told(receipt: &str, trace: &str, minor: u64) -> Transaction {
    let key = ApprovalKey {
        terminal_id: Some("29001006".into()),
        receipt: Some(receipt.into()),
        trace: Some(trace.into()),
        amount_minor: Some(minor),
    };
    Transaction { key, payment_type: None, ..played::transaction(receipt, minor) }
}

fn reversal(trace: &str, original: &str, minor: u64) -> Transaction {
    Transaction { original_trace: Some(original.into()), ..told("0099", trace, minor) }
}

/// A sale of 9.90 whose card was asked after the terminal had told `before`.
fn asked(before: Option<LastTransaction>, totals: Option<Totals>) -> Sale {
    let quote = played::quote(&["any"]);
    let now = Moment { run: 1, mono_ms: 0, wall_ms: 0, synced: true };
    let mut sale = choose(SaleId::from_parts(1, 1), quote, now).unwrap().next;
    sale.payment.baseline = before.map(|last| (last, totals));
    sale
}

fn is(transaction: Transaction) -> LastTransaction {
    LastTransaction::Is(Box::new(transaction))
}

/// Asked after receipt 0041 with trace 000041.
fn usual() -> Sale {
    asked(Some(is(told("0041", "000041", 500))), None)
}

fn approved(mut sale: Sale, trace: &str) -> Sale {
    sale.payment.approval = Some(Box::new(told("0042", trace, ASKED)));
    sale
}

/// The verdict about a terminal at rest.
fn judge(sale: &Sale, last: &LastTransaction, totals: Option<Totals>) -> WasCharged {
    was_charged(sale, last, totals, true, false, &Terms::default())
}

#[track_caller]
fn is_otherwise(sale: &Sale, seen: Transaction) {
    assert_eq!(judge(sale, &is(seen.clone()), None), WasCharged::Otherwise(Box::new(seen)));
}

#[track_caller]
fn is_undecided(sale: &Sale, seen: Transaction) {
    let verdict = judge(sale, &is(seen), None);
    assert!(matches!(verdict, WasCharged::Unknown(_)), "{verdict:?}");
}

#[test]
fn the_baseline_again_is_not_charged_also_where_it_was_a_reversal() {
    assert_eq!(judge(&usual(), &is(told("0041", "000041", 500)), None), WasCharged::No);
    let before = reversal("000041", "000040", ASKED);
    let sale = asked(Some(is(before.clone())), None);
    assert_eq!(judge(&sale, &is(before.clone()), None), WasCharged::No);
    assert_eq!(judge(&approved(sale, "000042"), &is(before), None), WasCharged::No);
}

#[test]
fn newer_with_our_terminal_amount_and_currency_is_charged() {
    let ours = told("0042", "000042", ASKED);
    assert_eq!(judge(&usual(), &is(ours.clone()), None), WasCharged::Yes(Box::new(ours.clone())));
    let held = approved(usual(), "000042");
    assert_eq!(judge(&held, &is(ours.clone()), None), WasCharged::Yes(Box::new(ours)));
    // The traces wrap.
    let sale = asked(Some(is(told("9999", "999999", 500))), None);
    let wrapped = told("0001", "000001", ASKED);
    assert_eq!(judge(&sale, &is(wrapped.clone()), None), WasCharged::Yes(Box::new(wrapped)));
}

#[test]
fn newer_but_otherwise_is_neither() {
    is_otherwise(&usual(), told("0042", "000042", ASKED + 1));
    is_otherwise(&usual(), Transaction { currency: Some(756), ..told("0042", "000042", ASKED) });
    is_otherwise(&approved(usual(), "000042"), told("0043", "000043", ASKED));
    let mut elsewhere = told("0042", "000042", ASKED);
    elsewhere.key.terminal_id = Some("29001007".into());
    is_otherwise(&usual(), elsewhere);
    let mut without = told("0042", "000042", ASKED);
    without.key.amount_minor = None;
    is_otherwise(&usual(), without);
}

#[test]
fn an_absent_currency_is_ours_only_by_the_terminals_profile() {
    let silent = Transaction { currency: None, ..told("0042", "000042", ASKED) };
    let lenient = Terms { currency_may_be_absent: true, ..Terms::default() };
    let strict = Terms { currency_may_be_absent: false, ..Terms::default() };
    let last = is(silent);
    assert!(matches!(was_charged(&usual(), &last, None, true, false, &lenient), WasCharged::Yes(_)));
    assert!(matches!(was_charged(&usual(), &last, None, true, false, &strict), WasCharged::Otherwise(_)));
}

#[test]
fn a_receipt_of_another_sale_and_an_older_transaction_say_nothing() {
    let last = is(told("0042", "000042", ASKED));
    let verdict = was_charged(&usual(), &last, None, true, true, &Terms::default());
    assert!(matches!(verdict, WasCharged::Unknown(_)), "{verdict:?}");
    is_undecided(&usual(), told("0040", "000040", ASKED));
    is_undecided(&usual(), Transaction { result_code: Some(0x6c), ..told("0040", "000040", ASKED) });
}

#[test]
fn the_approved_payment_taken_back_whole_is_not_charged() {
    let held = approved(usual(), "000042");
    assert_eq!(judge(&held, &is(reversal("000043", "000042", ASKED)), None), WasCharged::No);
    // BMP 37 has six digits, the trace of 1F2B has more.
    let long = approved(usual(), "0007000042");
    assert_eq!(judge(&long, &is(reversal("000043", "000042", ASKED)), None), WasCharged::No);
    is_otherwise(&held, reversal("000043", "000042", ASKED - 100));
    is_otherwise(&held, reversal("000043", "000041", ASKED));
    is_otherwise(&held, reversal("000043", "000000", ASKED));
}

#[test]
fn a_reversal_without_an_approval_seen_counts_only_if_nothing_else_can_be_meant() {
    assert_eq!(judge(&usual(), &is(reversal("000043", "000042", ASKED)), None), WasCharged::No);
    // Of the baseline, or of something older: our payment may stand between.
    is_otherwise(&usual(), reversal("000043", "000041", ASKED));
    is_otherwise(&usual(), reversal("000043", "000017", ASKED));
    is_otherwise(&usual(), reversal("000043", "000042", ASKED - 1));
    is_otherwise(&usual(), reversal("000043", "000043", ASKED));
    let mut untold = reversal("000043", "000042", ASKED);
    untold.key.trace = None;
    is_otherwise(&usual(), untold);
    let wrapping = asked(Some(is(told("9998", "999998", 500))), None);
    assert_eq!(judge(&wrapping, &is(reversal("000001", "999999", ASKED)), None), WasCharged::No);
    let fresh = asked(Some(LastTransaction::Empty), None);
    assert_eq!(judge(&fresh, &is(reversal("000002", "000001", ASKED)), None), WasCharged::No);
    is_otherwise(&fresh, reversal("000002", "000001", ASKED - 1));
}

#[test]
fn a_reversal_that_failed_proves_nothing() {
    let failed = Transaction { result_code: Some(0xb5), ..reversal("000043", "000042", ASKED) };
    is_undecided(&usual(), failed.clone());
    is_undecided(&approved(usual(), "000042"), failed);
}

#[test]
fn a_failed_newest_transaction_is_ours_only_if_it_says_which_it_is() {
    let failed = Transaction { result_code: Some(0x05), ..told("0042", "000042", ASKED) };
    assert_eq!(judge(&usual(), &is(failed.clone()), None), WasCharged::No);
    let mut nameless = failed.clone();
    (nameless.key.receipt, nameless.key.trace, nameless.key.amount_minor) = (None, None, None);
    is_undecided(&usual(), nameless);
    is_undecided(&usual(), Transaction { result_code: Some(0x05), ..told("0042", "000042", 1) });
    is_undecided(&usual(), Transaction { result_code: None, ..failed });
}

#[test]
fn the_totals_are_the_second_witness() {
    let before = Totals { count: 3, sum_minor: 4_000 };
    let charged = Totals { count: 4, sum_minor: 4_000 + ASKED };
    let empty = asked(Some(LastTransaction::Empty), Some(before));
    assert_eq!(judge(&empty, &LastTransaction::Empty, Some(before)), WasCharged::No);
    assert_eq!(judge(&empty, &LastTransaction::Empty, Some(charged)), WasCharged::YesByTotals);
    let odd = Totals { count: 4, sum_minor: 4_001 };
    assert!(matches!(judge(&empty, &LastTransaction::Empty, Some(odd)), WasCharged::Unknown(_)));
    assert!(matches!(judge(&empty, &LastTransaction::Empty, None), WasCharged::Unknown(_)));
    let silent = LastTransaction::Silent { evidence: "nobody answered".into() };
    assert!(matches!(judge(&empty, &silent, None), WasCharged::AskAgain(_)));
    // Without a baseline nothing is known about before.
    let blind = asked(None, None);
    let verdict = judge(&blind, &is(told("0042", "000042", ASKED)), Some(charged));
    assert!(matches!(verdict, WasCharged::Unknown(_)), "{verdict:?}");
}

#[test]
fn a_new_payment_that_no_total_knows_is_a_case() {
    let before = Totals { count: 3, sum_minor: 4_000 };
    let sale = asked(Some(is(told("0041", "000041", 500))), Some(before));
    let ours = is(told("0042", "000042", ASKED));
    assert!(matches!(judge(&sale, &ours, Some(before)), WasCharged::Unknown(_)));
    let after = Totals { count: 4, sum_minor: 4_000 + ASKED };
    assert!(matches!(judge(&sale, &ours, Some(after)), WasCharged::Yes(_)));
}

#[test]
fn a_busy_terminal_proves_nothing_but_a_charge() {
    let busy = |last: &LastTransaction| was_charged(&usual(), last, None, false, false, &Terms::default());
    assert!(matches!(busy(&is(told("0041", "000041", 500))), WasCharged::AskAgain(_)));
    assert!(matches!(busy(&LastTransaction::Empty), WasCharged::AskAgain(_)));
    assert!(matches!(busy(&is(told("0042", "000042", 1))), WasCharged::AskAgain(_)));
    assert!(matches!(busy(&is(told("0042", "000042", ASKED))), WasCharged::Yes(_)));
}

#[test]
fn only_the_whole_of_a_payment_is_taken_back() {
    let key = told("0042", "000042", ASKED).key;
    assert!(takes_back(&reversal("000043", "000042", ASKED), &key));
    let long = ApprovalKey { trace: Some("0007000042".into()), ..key.clone() };
    assert!(takes_back(&reversal("000043", "000042", ASKED), &long));
    assert!(!takes_back(&reversal("000043", "000042", ASKED - 1), &key));
    assert!(!takes_back(&reversal("000043", "000041", ASKED), &key));
    assert!(!takes_back(&Transaction { result_code: Some(0xb5), ..reversal("000043", "000042", ASKED) }, &key));
    assert!(!takes_back(&told("0042", "000042", ASKED), &key));
}

/// The terminal's day may be closed while nobody hears of it, and its store is then as empty as before the payment.
#[test]
fn an_empty_store_takes_nothing_back() {
    let totals = |count| Some(Totals { count, sum_minor: u64::from(count) * ASKED });
    let first = asked(Some(LastTransaction::Empty), totals(0));
    assert!(matches!(judge(&first, &LastTransaction::Empty, totals(0)), WasCharged::Unknown(_)));
    assert_eq!(judge(&first, &LastTransaction::Empty, totals(1)), WasCharged::YesByTotals);
    let silent = LastTransaction::Silent { evidence: "06 20 was refused with 84 83".into() };
    assert!(matches!(judge(&first, &silent, totals(0)), WasCharged::Unknown(_)), "a terminal that names nothing");
    let failed = Transaction { result_code: Some(0xb4), ..reversal("000043", "000042", ASKED) };
    assert!(matches!(judge(&first, &is(failed), totals(0)), WasCharged::Unknown(_)), "our payment may hide behind it");
    // Something is still in it, or a transaction of before is named: the day is the one in which we asked.
    let later = asked(Some(LastTransaction::Empty), totals(3));
    assert_eq!(judge(&later, &LastTransaction::Empty, totals(3)), WasCharged::No);
    let before = is(told("0041", "000041", 500));
    let named = asked(Some(before.clone()), totals(0));
    assert_eq!(judge(&named, &before, totals(0)), WasCharged::No);
    assert!(matches!(judge(&named, &LastTransaction::Empty, totals(0)), WasCharged::Unknown(_)));
}
