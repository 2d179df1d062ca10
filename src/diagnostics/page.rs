//! `report.html`: one page without scripts or addresses, readable without a network. What a person asks first stands
//! first: how the machine is, the sale that was asked for, what waits for somebody.

mod health;
mod plain;
mod sales;

use std::fmt::Write as _;

use super::live;
use super::report::Story;
pub(super) use plain::sum;
use plain::words;

const STYLE: &str = include_str!("page/style.css");

/// Draws the page.
pub(super) fn html(story: &Story<'_>) -> String {
    let mut page = String::new();
    let machine = escape(story.scene.machine());
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{machine}: report</title>\n<style>{STYLE}</style></head>\n<body>\n\
         <h1>Kiosk {machine}</h1>\n<p class=\"made\">Made {}, esim-kiosk {}. Asked for: {}.</p>\n",
        story.books.local(story.scene.now.as_millisecond()),
        env!("CARGO_PKG_VERSION"),
        escape(&asked_for(story)),
    )
    .ok();
    if story.books.found.contains("DAMAGED") {
        writeln!(page, "<p class=\"bad\"><strong>{}</strong></p>", escape(&story.books.found)).ok();
    }
    now(&mut page, story);
    page.push_str("<nav>");
    let mut goals = vec![("cases", "Open cases"), ("sales", "Sales"), ("health", "Health"), ("records", "Records")];
    if !story.failed.is_empty() {
        goals.push(("failed", "What could not be read"));
    }
    for (goal, name) in goals {
        write!(page, "<a href=\"#{goal}\">{name}</a>").ok();
    }
    page.push_str("</nav>\n");
    sales::asked(&mut page, story);
    sales::cases(&mut page, story);
    sales::list(&mut page, story);
    health::draw(&mut page, story);
    sales::timelines(&mut page, story);
    failures(&mut page, story);
    page.push_str("</body></html>\n");
    page
}

fn asked_for(story: &Story<'_>) -> String {
    let wanted = &story.scene.wanted;
    let time = |time: Option<jiff::Timestamp>| time.map(|time| story.books.local(time.as_millisecond()));
    let sale = story.asked.as_ref().map_or(String::new(), |sale| format!("sale {sale}, "));
    let since = time(wanted.since).unwrap_or_else(|| "the beginning".to_owned());
    format!("{sale}{since} until {}", time(wanted.until).unwrap_or_else(|| "now".to_owned()))
}

fn section(page: &mut String, id: &str, title: &str) {
    writeln!(page, "<h2 id=\"{id}\">{}</h2>", escape(title)).ok();
}

/// How the machine is, as the service told it last.
fn now(page: &mut String, story: &Story<'_>) {
    let mut cards: Vec<(&str, String, &str)> = Vec::new();
    let service = live::service(&story.scene.journal().directory);
    cards.push(("Service", service.clone(), if service.starts_with("running") { "good" } else { "bad" }));
    cards.extend(told_last(story));
    let (found, class) = if story.books.found.is_empty() {
        ("cannot be read".to_owned(), "bad")
    } else {
        (story.books.found.clone(), if story.books.found.contains("DAMAGED") { "bad" } else { "good" })
    };
    cards.push(("Journal", found, class));
    let waiting = story.cases.len();
    cards.push(("Open cases", waiting.to_string(), if waiting == 0 { "good" } else { "bad" }));
    page.push_str("<dl class=\"now\">\n");
    for (name, says, class) in &cards {
        writeln!(page, "<div><dt>{}</dt><dd class=\"{class}\">{}</dd></div>", escape(name), escape(says)).ok();
    }
    page.push_str("</dl>\n");
}

/// What the service's last word was.
fn told_last(story: &Story<'_>) -> Vec<(&'static str, String, &'static str)> {
    let Some(now) = &story.devices else {
        return vec![("Last told", "nothing was found".to_owned(), "fair")];
    };
    let text = |name: &str| now[name].as_str().map(words).unwrap_or_else(|| "?".to_owned());
    let good = |good: bool| if good { "good" } else { "bad" };
    let selling = match now["reason"].as_str() {
        Some(reason) => format!("{}: {}", text("selling"), words(reason)),
        None => text("selling"),
    };
    let open = now["selling"].as_str();
    let class = if open == Some("open") {
        "good"
    } else if open == Some("paused") {
        "bad"
    } else {
        "fair"
    };
    let online = now["online"] == true;
    let mut cards = vec![
        ("Last told", story.books.local(now["at_ms"].as_i64().unwrap_or(0)), ""),
        ("Selling", selling, class),
        ("Card terminal", text("terminal"), good(now["terminal"] == "ready")),
        ("Printer", text("printer"), good(now["printer"] == "ready")),
        ("Network", if online { "a provider answers" } else { "no provider answers" }.to_owned(), good(online)),
        (
            "Clock",
            if now["clock_synced"] == true { "set by a server" } else { "not set by a server" }.to_owned(),
            good(now["clock_synced"] == true),
        ),
        ("Charged or not: unknown", format!("{} sales", now["doubtful"]), good(now["doubtful"] == 0)),
    ];
    for account in now["accounts"].as_array().into_iter().flatten() {
        let name = account["name"].as_str().unwrap_or("?");
        let balance = plain::facts(&account["balance"]).pop().map_or("balance unknown".to_owned(), |fact| fact.says);
        let answers = account["answers"] == true;
        let says = format!("{name}: {balance}{}", if answers { "" } else { ", does not answer" });
        cards.push(("Account", says, good(answers)));
    }
    cards
}

fn failures(page: &mut String, story: &Story<'_>) {
    if story.failed.is_empty() {
        return;
    }
    section(page, "failed", "What could not be read");
    page.push_str("<div class=\"wide\"><table class=\"stack\">\n");
    for (name, why) in &story.failed {
        let first: String = why.lines().take(3).collect::<Vec<_>>().join("\n");
        writeln!(
            page,
            "<tr><td class=\"t\"><code>{}</code></td><td class=\"says\">{}</td></tr>",
            escape(name),
            escape(&first)
        )
        .ok();
    }
    page.push_str("</table></div>\n");
}

/// Text that cannot become markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
