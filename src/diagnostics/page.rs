//! `report.html`: one page without scripts or addresses, readable without a network.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::live;
use super::report::{Story, Stretch, beats, stretches};

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8886;--good:#2e7d32;--fair:#b26a00;--bad:#c62828;--soft:#8882}
body{font:15px/1.45 system-ui,sans-serif;max-width:1100px;margin:1.5rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.2rem 0 .3rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line)}
td.n{text-align:right;white-space:nowrap}code,pre{font:13px/1.4 ui-monospace,monospace}
pre,td.says{white-space:pre-wrap;overflow-wrap:anywhere}td.says{font:12px/1.35 ui-monospace,monospace;opacity:.8}
.bad{color:var(--bad)}.fair{color:var(--fair)}.good{color:var(--good)}.restart td{border-top:3px double var(--bad)}
.bar{background:var(--soft);height:.55rem;min-width:12rem;position:relative}.bar i{position:absolute;top:0;bottom:0;width:4px;background:var(--good)}
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:currentColor}
.g{fill:var(--good)}.f{fill:var(--fair)}.b{fill:var(--bad)}.u{fill:var(--soft)}";

/// Draws the page.
pub(super) fn html(story: &Story<'_>) -> String {
    let mut page = String::new();
    let machine = escape(story.scene.machine());
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{machine}: report</title>\n<style>{STYLE}</style></head>\n<body>\n\
         <h1>Kiosk {machine}</h1>\n<p>Made {}, esim-kiosk {}, service {}.<br>Asked for: {}.</p>\n",
        escape(&story.scene.now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        env!("CARGO_PKG_VERSION"),
        escape(&live::service(&story.scene.journal().directory)),
        escape(&story.scene.wanted.words()),
    )
    .ok();
    failures(&mut page, story);
    cases(&mut page, story);
    health(&mut page, story);
    timelines(&mut page, story);
    list(&mut page, story);
    page.push_str("</body></html>\n");
    page
}

fn failures(page: &mut String, story: &Story<'_>) {
    let damaged = story.books.found.contains("DAMAGED");
    if damaged {
        writeln!(page, "<p class=\"bad\"><strong>{}</strong></p>", escape(&story.books.found)).ok();
    }
    if story.failed.is_empty() {
        return;
    }
    page.push_str("<h2>What could not be read</h2>\n<table>\n");
    for (name, why) in story.failed {
        let first: String = why.lines().take(3).collect::<Vec<_>>().join("\n");
        writeln!(page, "<tr><td><code>{}</code></td><td class=\"says\">{}</td></tr>", escape(name), escape(&first))
            .ok();
    }
    page.push_str("</table>\n");
}

fn cases(page: &mut String, story: &Story<'_>) {
    page.push_str("<h2>Open cases</h2>\n");
    if story.books.cases.is_empty() {
        page.push_str("<p class=\"good\">None.</p>\n");
        return;
    }
    page.push_str("<table><tr><th>Sale</th><th>About</th><th>Since</th><th>Look until</th><th>Evidence</th></tr>\n");
    for case in story.books.cases.iter().take(100) {
        writeln!(
            page,
            "<tr><td>{}</td><td class=\"bad\">{}</td><td>{}</td><td>{}</td><td class=\"says\">{}</td></tr>",
            escape(&case.number),
            escape(&case.kind),
            story.books.local(case.opened_ms),
            story.books.local(case.due_ms),
            escape(&case.evidence)
        )
        .ok();
    }
    page.push_str("</table>\n");
}

fn health(page: &mut String, story: &Story<'_>) {
    page.push_str("<h2>Health over time</h2>\n");
    let end = story.scene.wanted.until.unwrap_or(story.scene.now);
    let all = stretches(&story.history, end);
    let Some(first) = all.first() else {
        page.push_str("<p>No history was found.</p>\n");
        return;
    };
    let begin = story.scene.wanted.since.unwrap_or(first.from).max(first.from);
    lanes(page, &all, begin, end);
    page.push_str(
        "<table><tr><th>From</th><th>For</th><th>Selling</th><th>Terminal</th><th>Printer</th><th>Network</th></tr>\n",
    );
    for stretch in all.iter().rev().take(60) {
        let seconds = stretch.until.as_second() - stretch.from.as_second();
        writeln!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            story.books.local(stretch.from.as_millisecond()),
            span(seconds),
            word(selling_mark(stretch)),
            escape(&stretch.line.selling),
            escape(&stretch.line.terminal),
            escape(&stretch.line.printer),
            if stretch.line.online { "yes" } else { "no" },
        )
        .ok();
    }
    page.push_str("</table>\n");
}

/// How a lane of the picture is marked in a stretch.
type Mark = fn(&Stretch) -> char;

fn lanes(page: &mut String, all: &[Stretch], begin: Timestamp, end: Timestamp) {
    let span = (end.as_second() - begin.as_second()).max(1);
    // Whole thousandths of the width: no floats needed.
    let place = |time: Timestamp| ((time.as_second() - begin.as_second()).clamp(0, span) * 900 / span) + 90;
    page.push_str("<svg viewBox=\"0 0 1000 110\" role=\"img\" aria-label=\"Health over time\">\n");
    let kinds: [(&str, Mark); 4] = [
        ("selling", selling_mark),
        ("terminal", |stretch| if stretch.line.terminal == "ready" { 'g' } else { 'b' }),
        ("printer", |stretch| match stretch.line.printer.as_str() {
            "ready" => 'g',
            "paper low" => 'f',
            _ => 'b',
        }),
        ("network", |stretch| if stretch.line.online { 'g' } else { 'b' }),
    ];
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
        begin.strftime("%Y-%m-%d %H:%M UTC"),
        end.strftime("%Y-%m-%d %H:%M UTC")
    )
    .ok();
}

fn selling_mark(stretch: &Stretch) -> char {
    match stretch.line.selling.as_str() {
        "open" => 'g',
        "without paper" => 'f',
        _ => 'b',
    }
}

fn word(mark: char) -> &'static str {
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

fn timelines(page: &mut String, story: &Story<'_>) {
    page.push_str("<h2>Sales, record by record</h2>\n");
    for told in &story.books.told {
        let row = &told.row;
        let closed = row.closed.clone().unwrap_or_else(|| format!("open: {}", row.phase));
        writeln!(
            page,
            "<h3 id=\"{number}\">{number}: {}, money {}, goods {}</h3>",
            escape(&closed),
            escape(&row.money),
            escape(&row.goods.join(", ")),
            number = escape(&row.number)
        )
        .ok();
        let beats = beats(story.books, told);
        let longest = beats.iter().filter_map(|beat| beat.after_ms).max().unwrap_or(0).max(1);
        page.push_str("<table><tr><th>Time</th><th>After</th><th></th><th>Record</th><th></th></tr>\n");
        for beat in beats.iter().take(300) {
            let left = beat.after_ms.map_or(0, |ms| ms.saturating_mul(100) / longest).min(99);
            let after = beat.after_ms.map_or("unknown".to_owned(), |ms| format!("{}.{:03} s", ms / 1_000, ms % 1_000));
            writeln!(
                page,
                "<tr{}><td>{}</td><td class=\"n\">{after}</td><td><div class=\"bar\"><i style=\"left:{left}%\"></i></div></td>\
                 <td>{}</td><td class=\"says\">{}</td></tr>",
                if beat.restarted { " class=\"restart\"" } else { "" },
                beat.time,
                escape(&beat.kind),
                escape(&beat.says)
            )
            .ok();
        }
        page.push_str("</table>\n");
    }
}

fn list(page: &mut String, story: &Story<'_>) {
    page.push_str("<h2>Sales of the time</h2>\n<table><tr><th>Sale</th><th>Chosen</th><th>Minor units</th><th>End</th><th>Money</th><th>Card</th><th>Cases</th></tr>\n");
    for row in story.books.sales.iter().take(500) {
        let closed = row.closed.clone().unwrap_or_else(|| format!("open: {}", row.phase));
        writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{} {}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&row.number),
            story.books.local(row.opened_ms),
            row.amount_minor,
            escape(&row.currency),
            escape(&closed),
            escape(&row.money),
            row.last4.as_ref().map_or(String::new(), |last| format!("…{}", escape(last))),
            row.open_cases
        )
        .ok();
    }
    page.push_str("</table>\n");
}

/// Text that cannot become markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
