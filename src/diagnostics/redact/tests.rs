//! Both ways: lines with what must be gone and what must stay, and lines that must stay whole. At the end secrets made
//! by chance in every shape of line.

mod gone;
mod planted;
mod stays;

use std::sync::LazyLock;

use super::*;

/// Made once: the expressions cost more than the lines.
static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::default);

/// A line, what must be gone, what must stay.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

#[track_caller]
fn judge(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (line, gone, stays) in rows {
        let cleaned = REDACTOR.clean(line);
        for secret in *gone {
            assert!(line.contains(secret), "the test is wrong: {secret:?} is not in {line:?}");
            if cleaned.contains(secret) {
                wrong.push(format!("STAYED {secret:?}\n   in {line}\n  now {cleaned}"));
            }
        }
        for word in *stays {
            assert!(line.contains(word), "the test is wrong: {word:?} is not in {line:?}");
            if !cleaned.contains(word) {
                wrong.push(format!("LOST {word:?}\n   in {line}\n  now {cleaned}"));
            }
        }
        let twice = REDACTOR.clean(&cleaned);
        if twice != cleaned {
            wrong.push(format!("NOT AT REST\n   in {line}\n once {cleaned}\ntwice {twice}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn this_machines_own_keys_go_whatever_they_look_like() {
    let redactor =
        Redactor::new(vec!["open sesame".into(), "ab".into(), "quo\"ted key".into(), "open sesame street".into()]);
    let mut counts = Counts::new();
    assert_eq!(redactor.text("said open sesame to ab", &mut counts), "said ••• to ab");
    assert_eq!(counts["known secret"], 1);
    assert_eq!(redactor.clean("in open sesame street"), "in •••");
    assert_eq!(redactor.clean(r#""said quo\"ted key""#), r#""said •••""#);
    assert_eq!(redactor.clean("q=open%20sesame%20street&x"), "q=•••&x");
}

#[test]
fn each_rule_counts_what_it_took() {
    let mut counts = Counts::new();
    REDACTOR.text("LPA:1$a.b$C password=\"x\" 4761739001010119 a@b.cd +43 660 1234567 Bearer abcdefgh12", &mut counts);
    let counted: Vec<_> = counts.into_iter().collect();
    let kinds = ["activation code", "card digits", "e-mail", "named secret", "telephone", "token"];
    assert_eq!(counted, kinds.map(|kind| (kind, 1)));
}

#[test]
fn a_text_under_a_name_goes_with_the_name() {
    assert_eq!(REDACTOR.under("userPassword", "correct \"horse\" battery"), GONE);
    assert_eq!(
        REDACTOR.under("evidence", "said \"token\": \"ab\\\"cd\" and \u{e9}\n"),
        "said \"token\": \"•••\" and \u{e9}\n"
    );
    assert_eq!(REDACTOR.under("plan", "eu-5gb-30d"), "eu-5gb-30d");
    assert_eq!(REDACTOR.under("number", "4761739001010119"), "…0119");
}
