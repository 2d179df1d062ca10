//! Sales, record by record, and the list of them.

use std::fmt::Write as _;

use super::plain::{facts, sum, words};
use super::{escape, section};
use crate::diagnostics::report::{Story, beats};
use crate::diagnostics::sales::Told;
use crate::journal::archive::SaleRow;

/// Most records of a sale.
const RECORDS: usize = 300;
/// Most rows of the list.
const LISTED: usize = 500;

/// How a sale ended, or where it is.
fn state(row: &SaleRow) -> String {
    row.closed.as_ref().map_or_else(|| format!("open, {}", words(&row.phase)), |closed| words(closed))
}

/// A sale that ended as it should, one that is under way, one that wants a look.
fn class(row: &SaleRow) -> &'static str {
    match row.closed.as_deref() {
        _ if row.open_cases > 0 => "bad",
        Some("delivered" | "shown" | "not_charged" | "refunded") => "good",
        Some(_) => "bad",
        None => "fair",
    }
}

/// The sale that was asked for, whole and first.
pub(super) fn asked(page: &mut String, story: &Story<'_>) {
    let (Some(name), Some(shown)) = (&story.scene.wanted.sale, &story.asked) else { return };
    section(page, "asked", &format!("The sale that was asked for: {shown}"));
    let named = |told: &&Told| told.row.number == *name || told.row.id.to_string() == *name;
    match story.books.told.iter().find(named) {
        Some(told) => timeline(page, story, told, true),
        None => page.push_str("<p class=\"bad\">It is not in this journal.</p>\n"),
    }
}

/// Every other one.
pub(super) fn timelines(page: &mut String, story: &Story<'_>) {
    section(page, "records", "Sales, record by record");
    let wanted = story.scene.wanted.sale.as_deref();
    let others = |told: &&Told| wanted != Some(told.row.number.as_str()) && wanted != Some(&told.row.id.to_string());
    let mut any = false;
    for told in story.books.told.iter().filter(others) {
        timeline(page, story, told, told.row.open_cases > 0);
        any = true;
    }
    if !any {
        page.push_str("<p>No other sale is told here.</p>\n");
    }
}

fn timeline(page: &mut String, story: &Story<'_>, told: &Told, open: bool) {
    let row = &told.row;
    let goods: Vec<String> = row.goods.iter().map(|good| words(good)).collect();
    writeln!(
        page,
        "<details class=\"sale\" id=\"{number}\"{}><summary>{number} <span class=\"{}\">{}</span> \
         <span class=\"quiet\">· {} · money {} · goods {} · {}</span></summary>",
        if open { " open" } else { "" },
        class(row),
        escape(&state(row)),
        escape(&sum(row.amount_minor, &row.currency)),
        escape(&words(&row.money)),
        escape(&goods.join(", ")),
        story.books.local(row.opened_ms),
        number = escape(&row.number)
    )
    .ok();
    let beats = beats(story, told);
    let longest = beats.iter().filter_map(|beat| beat.after_ms).max().unwrap_or(0).max(1);
    page.push_str(
        "<table class=\"told\"><tr><th>Time</th><th class=\"n\">After</th><th class=\"barred\"></th><th>Record</th></tr>\n",
    );
    let day = story.books.local(row.opened_ms);
    for beat in beats.iter().take(RECORDS) {
        let left = beat.after_ms.map_or(0, |ms| ms.saturating_mul(97) / longest).min(97);
        let after = beat.after_ms.map_or("unknown".to_owned(), |ms| format!("{}.{:03} s", ms / 1_000, ms % 1_000));
        write!(
            page,
            "<tr{}><td class=\"t\">{}</td><td class=\"n\">{after}</td>\
             <td class=\"barred\"><div class=\"bar\"><b style=\"left:{left}%\"></b></div></td><td><span class=\"kind\">{}</span><br>",
            if beat.restarted { " class=\"restart\" title=\"the program was started anew\"" } else { "" },
            time_of(&beat.time, &day),
            escape(&words(&beat.kind)),
        )
        .ok();
        for fact in facts(&beat.says) {
            let (path, name, says) = (escape(&fact.path), escape(&fact.name), escape(&fact.says));
            write!(page, "<span class=\"pair\" title=\"{path}\"><i>{name}</i>{says}</span>").ok();
        }
        page.push_str("</td></tr>\n");
    }
    page.push_str("</table></details>\n");
}

/// The time of day alone, on the day that stands above.
fn time_of<'a>(time: &'a str, day: &str) -> &'a str {
    let same = time.get(..11).is_some_and(|date| day.starts_with(date));
    if same { time.get(11..19).unwrap_or(time) } else { time }
}

/// Open cases of all times.
pub(super) fn cases(page: &mut String, story: &Story<'_>) {
    section(page, "cases", "Open cases");
    if story.cases.is_empty() {
        page.push_str("<p class=\"good\">None.</p>\n");
        return;
    }
    page.push_str("<div class=\"wide\"><table class=\"stack\"><tr><th>Sale</th><th>About</th><th>Since</th><th>Look until</th><th>Evidence</th></tr>\n");
    for case in story.cases.iter().take(100) {
        writeln!(
            page,
            "<tr><td class=\"t\">{}</td><td class=\"bad\">{}</td><td class=\"t\">{}</td><td class=\"t\">{}</td><td class=\"says\">{}</td></tr>",
            link(story, &case.number),
            escape(&words(&case.kind)),
            story.books.local(case.opened_ms),
            story.books.local(case.due_ms),
            escape(&case.evidence)
        )
        .ok();
    }
    page.push_str("</table></div>\n");
}

/// The sales of the time.
pub(super) fn list(page: &mut String, story: &Story<'_>) {
    section(page, "sales", "Sales of the time");
    if story.books.sales.is_empty() {
        page.push_str("<p>None.</p>\n");
        return;
    }
    page.push_str("<div class=\"wide\"><table><tr><th>Sale</th><th>Chosen</th><th class=\"n\">Amount</th><th>End</th><th>Money</th><th>Card</th><th class=\"n\">Open cases</th></tr>\n");
    for row in story.books.sales.iter().take(LISTED) {
        writeln!(
            page,
            "<tr><td class=\"t\">{}</td><td class=\"t\">{}</td><td class=\"n\">{}</td><td class=\"{}\">{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
            link(story, &row.number),
            story.books.local(row.opened_ms),
            escape(&sum(row.amount_minor, &row.currency)),
            class(row),
            escape(&state(row)),
            escape(&words(&row.money)),
            row.last4.as_ref().map_or(String::new(), |last| format!("…{}", escape(last))),
            row.open_cases
        )
        .ok();
    }
    page.push_str("</table></div>\n");
    if story.books.sales.len() > LISTED {
        writeln!(page, "<p>{} more are in <code>sales/list.txt</code>.</p>", story.books.sales.len() - LISTED).ok();
    }
}

/// A sale's number, leading to its records where they are told.
fn link(story: &Story<'_>, number: &str) -> String {
    let safe = escape(number);
    if story.books.told.iter().any(|told| told.row.number == number) {
        format!("<a href=\"#{safe}\">{safe}</a>")
    } else {
        safe
    }
}
