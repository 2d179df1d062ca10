//! Health over time: a picture of lanes, and the last changes as a table.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::plain::words;
use super::{escape, section};
use crate::diagnostics::report::{Story, Stretch, stretches};

/// Changes that are told one by one.
const CHANGES: usize = 60;

pub(super) fn draw(page: &mut String, story: &Story<'_>) {
    section(page, "health", "Health over time");
    let end = story.scene.wanted.until.map_or(story.scene.now, |until| until.min(story.scene.now));
    let all = stretches(&story.history, end);
    let Some(first) = all.first() else {
        page.push_str("<p>No history was found.</p>\n");
        return;
    };
    let begin = story.scene.wanted.since.unwrap_or(first.from).max(first.from);
    lanes(page, story, &all, begin, end);
    writeln!(
        page,
        "<details{}><summary>Changes <span class=\"quiet\">({}, the newest first)</span></summary><div class=\"wide\"><table>\
         <tr><th>From</th><th class=\"n\">For</th><th>Selling</th><th>Terminal</th><th>Printer</th><th>Network</th></tr>",
        if all.len() <= 8 { " open" } else { "" },
        all.len().min(CHANGES)
    )
    .ok();
    for stretch in all.iter().rev().take(CHANGES) {
        let seconds = stretch.until.as_second() - stretch.from.as_second();
        writeln!(
            page,
            "<tr><td class=\"t\">{}</td><td class=\"n\">{}</td><td class=\"{}\">{}</td><td class=\"{}\">{}</td><td class=\"{}\">{}</td><td class=\"{}\">{}</td></tr>",
            story.books.local(stretch.from.as_millisecond()),
            span(seconds),
            class(selling(stretch)),
            escape(&words(&stretch.line.selling)),
            class(terminal(stretch)),
            escape(&words(&stretch.line.terminal)),
            class(printer(stretch)),
            escape(&words(&stretch.line.printer)),
            class(network(stretch)),
            if stretch.line.online { "answers" } else { "no answer" },
        )
        .ok();
    }
    page.push_str("</table></div></details>\n");
}

/// How a lane of the picture is marked in a stretch: good, fair, bad.
type Mark = fn(&Stretch) -> char;

fn lanes(page: &mut String, story: &Story<'_>, all: &[Stretch], begin: Timestamp, end: Timestamp) {
    let span = (end.as_second() - begin.as_second()).max(1);
    // Whole thousandths of the width: no floats needed.
    let place = |time: Timestamp| ((time.as_second() - begin.as_second()).clamp(0, span) * 900 / span) + 90;
    page.push_str("<svg viewBox=\"0 0 1000 110\" role=\"img\" aria-label=\"Health over time\">\n");
    let kinds: [(&str, Mark); 4] =
        [("selling", selling), ("terminal", terminal), ("printer", printer), ("network", network)];
    for (row, (name, mark)) in kinds.iter().enumerate() {
        let y = row * 22;
        write!(
            page,
            "<text x=\"0\" y=\"{}\">{name}</text><rect class=\"u\" x=\"90\" y=\"{y}\" width=\"900\" height=\"16\"/>",
            y + 12
        )
        .ok();
        for stretch in all {
            let (from, until) = (place(stretch.from), place(stretch.until));
            let (class, width) = (mark(stretch), (until - from).max(1));
            write!(page, "<rect class=\"{class}\" x=\"{from}\" y=\"{y}\" width=\"{width}\" height=\"16\"/>").ok();
        }
        page.push('\n');
    }
    writeln!(
        page,
        "<text x=\"90\" y=\"104\">{}</text><text x=\"990\" y=\"104\" text-anchor=\"end\">{}</text></svg>",
        story.books.local(begin.as_millisecond()),
        story.books.local(end.as_millisecond()),
    )
    .ok();
    page.push_str(
        "<p class=\"quiet\"><span class=\"good\">■</span> good &nbsp; <span class=\"fair\">■</span> limited &nbsp; \
         <span class=\"bad\">■</span> not selling, not ready &nbsp; □ the program did not run</p>\n",
    );
}

fn selling(stretch: &Stretch) -> char {
    match stretch.line.selling.as_str() {
        "open" => 'g',
        "without paper" | "stock only" => 'f',
        _ => 'b',
    }
}

fn terminal(stretch: &Stretch) -> char {
    if stretch.line.terminal == "ready" { 'g' } else { 'b' }
}

fn printer(stretch: &Stretch) -> char {
    match stretch.line.printer.as_str() {
        "ready" => 'g',
        "paper low" => 'f',
        _ => 'b',
    }
}

fn network(stretch: &Stretch) -> char {
    if stretch.line.online { 'g' } else { 'b' }
}

fn class(mark: char) -> &'static str {
    match mark {
        'g' => "good",
        'f' => "fair",
        _ => "bad",
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}
