//! What an operator must look at: a pure table over the kiosk's status and the machine's facts.

use jiff::Timestamp;

use crate::fleet::News;
use crate::money::parse_scaled;

use super::status::{AccountStatus, Status};

/// What the machine itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Machine {
    /// MB that are free where the journal lies; none where that cannot be asked.
    pub free_mb: Option<u64>,
    /// With less no card is asked.
    pub needed_mb: u64,
    /// How it stands with another version of everything.
    pub update: Update,
    /// The last configuration from afar was taken back.
    pub configuration_refused: bool,
}

/// How it stands with the last update of the machine's other slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Update {
    /// There is none, or it holds.
    #[default]
    Settled,
    /// It waits for a quiet moment.
    Waits,
    /// It was refused, or could not be fetched: the same version as before runs.
    NotInstalled,
    /// It was started and did not prove itself: the version before it runs again.
    FellBack,
}

impl Update {
    fn alarm(self) -> (Option<&'static str>, &'static str) {
        match self {
            Update::Settled => (None, ""),
            Update::Waits => (Some("warning"), "an update waits for a restart"),
            Update::NotInstalled => {
                (Some("minor"), "an update was refused or could not be fetched, or is not heard of any more")
            }
            Update::FellBack => (Some("major"), "the last update did not hold: the version before it runs again"),
        }
    }
}

/// Every alarm with its severity; one without is cleared. Their remedies stand in the operator's guide.
pub fn alarms(status: &Status, machine: &Machine, low_balance: Option<&str>) -> Vec<News> {
    let alarm = |name, severity, text: String| News::Alarm { name, severity, text };
    let when = |is: bool, severity| is.then_some(severity);
    let paper = match status.printer.as_str() {
        "ready" => None,
        "paper low" => Some("warning"),
        _ => Some("major"),
    };
    let terminal = match status.terminal.as_str() {
        "ready" | "busy" => None,
        "misconfigured" => Some("critical"),
        _ => Some("major"),
    };
    let low = low_wallets(status, low_balance);
    let trouble = |account: &AccountStatus| Some(format!("{}: {}", account.name, account.trouble()?));
    let troubled: Vec<String> = status.accounts.iter().filter_map(trouble).collect();
    let refused: Vec<String> = status
        .accounts
        .iter()
        .filter_map(|account| Some(format!("{}: {}", account.name, account.list_refused.as_ref()?)))
        .collect();
    let disk = match machine.free_mb {
        Some(free) if free < machine.needed_mb => Some("critical"),
        Some(free) if free < machine.needed_mb.saturating_mul(2) => Some("major"),
        _ => None,
    };
    let free = machine.free_mb.unwrap_or(0);
    let clock = clock(status);
    vec![
        alarm("paper", paper, format!("receipt printer: {}", status.printer)),
        alarm("terminal", terminal, format!("card terminal: {}", status.terminal)),
        alarm("network", when(!status.online, "major"), "no provider answers".to_owned()),
        alarm("balance", when(!low.is_empty(), "major"), format!("low wallet: {}", low.join(", "))),
        alarm("provider", when(!troubled.is_empty(), "major"), troubled.join("; ")),
        alarm("catalogue", when(!refused.is_empty(), "warning"), refused.join("; ")),
        alarm("clock", clock.0, clock.1),
        alarm("disk", disk, format!("{free} MB are free, {} MB are needed", machine.needed_mb)),
        alarm("journal", when(!status.journal, "critical"), "the journal cannot be written".to_owned()),
        alarm(
            "doubtful_sale",
            when(status.doubtful > 0, "major"),
            format!("{} sales: was the card charged?", status.doubtful),
        ),
        alarm("cases", when(status.cases > 0, "major"), format!("{} sales wait for a decision", status.cases)),
        alarm(
            "books",
            when(status.differences > 0, "major"),
            format!("{} differences between journal, terminal and providers", status.differences),
        ),
        alarm(
            "estranged",
            when(status.estranged, "critical"),
            "this journal may not be the newest of the machine: nothing is sold".to_owned(),
        ),
        alarm("day", status.day_trouble.map(|_| "major"), status.day_trouble.unwrap_or_default().to_owned()),
        alarm(
            "office",
            when(status.office_refuses > 0, "minor"),
            format!("the back office does not take {} sales", status.office_refuses),
        ),
        alarm(
            "configuration",
            when(machine.configuration_refused, "minor"),
            "the last configuration from afar did not hold and was taken back".to_owned(),
        ),
        alarm("update", machine.update.alarm().0, machine.update.alarm().1.to_owned()),
        alarm("locked", when(status.locked, "warning"), "closed by the operator".to_owned()),
        alarm("service_code", status.shut_out_since_ms.map(|_| "major"), shut_out(status)),
    ]
}

/// The wallets below the limit; those that are not known are not low.
fn low_wallets(status: &Status, limit: Option<&str>) -> Vec<String> {
    let Some(limit) = limit.and_then(|limit| parse_scaled(limit).ok()) else { return Vec::new() };
    let low = |account: &AccountStatus| {
        let balance = account.balance.as_ref()?;
        (parse_scaled(&balance.decimal()).ok()? < limit).then(|| format!("{}: {balance}", account.name))
    };
    status.accounts.iter().filter_map(low).collect()
}

/// A clock that nobody has set makes ages unknown; worse, accounts that sign with the time sell nothing until it is.
fn clock(status: &Status) -> (Option<&'static str>, String) {
    let waits = |account: &&AccountStatus| account.health.clock_unset && !account.health.sells;
    let waiting: Vec<&str> = status.accounts.iter().filter(waits).map(|account| account.name.as_str()).collect();
    let words = "the clock was not set by a server";
    match (waiting.is_empty(), status.clock_synced) {
        (false, _) => (Some("major"), format!("{words}: {} sells nothing until it is", waiting.join(", "))),
        (true, false) => (Some("minor"), words.to_owned()),
        (true, true) => (None, words.to_owned()),
    }
}

fn shut_out(status: &Status) -> String {
    let at = status.shut_out_since_ms.and_then(|at| Timestamp::from_millisecond(at).ok());
    let at = at.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
    format!("too many wrong service codes, last at {at}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::money::{Currency, Exact};

    pub(crate) fn well() -> Status {
        Status {
            at_ms: 0,
            clock_synced: true,
            run: 1,
            up_s: 60,
            selling: "open",
            reason: None,
            reason_unlocked: None,
            terminal: "ready".into(),
            printer: "ready".into(),
            online: true,
            catalogue: true,
            journal: true,
            locked: false,
            shut_out_since_ms: None,
            accounts: vec![AccountStatus {
                name: "mobilexy".into(),
                balance: Some(Exact::parse("25.00", Currency::EUR).unwrap()),
                answers: true,
                health: crate::esim::pace::Health { sells: true, ..crate::esim::pace::Health::default() },
                list_refused: None,
            }],
            open_sales: 0,
            doubtful: 0,
            cases: 0,
            differences: 0,
            estranged: false,
            day_trouble: None,
            office_refuses: 0,
            busy: false,
            screen: "attract",
            closed: [("delivered".to_owned(), 3)].into(),
        }
    }

    fn raised(status: &Status, machine: &Machine, low: Option<&str>) -> Vec<(&'static str, &'static str)> {
        let raised = |news| match news {
            News::Alarm { name, severity: Some(severity), .. } => Some((name, severity)),
            _ => None,
        };
        alarms(status, machine, low).into_iter().filter_map(raised).collect()
    }

    const ROOMY: Machine =
        Machine { free_mb: Some(1_000), needed_mb: 64, update: Update::Settled, configuration_refused: false };

    fn every_name() -> Vec<&'static str> {
        let name = |news| match news {
            News::Alarm { name, .. } => Some(name),
            News::State { .. } | News::Sale(_) => None,
        };
        alarms(&well(), &ROOMY, None).into_iter().filter_map(name).collect()
    }

    /// Bends one thing; the alarms that follow.
    fn after(bend: fn(&mut Status, &mut Machine)) -> Vec<(&'static str, &'static str)> {
        let (mut status, mut machine) = (well(), ROOMY);
        bend(&mut status, &mut machine);
        raised(&status, &machine, Some("20"))
    }

    #[test]
    fn each_fault_raises_its_own_alarm_and_its_end_clears_it() {
        assert_eq!(raised(&well(), &ROOMY, Some("20")), []);
        type Bend = fn(&mut Status, &mut Machine);
        let cases: [(&str, &str, Bend); 26] = [
            ("paper", "warning", |status, _| status.printer = "paper low".into()),
            ("paper", "major", |status, _| status.printer = "paper out".into()),
            ("terminal", "major", |status, _| status.terminal = "silent".into()),
            ("terminal", "critical", |status, _| status.terminal = "misconfigured".into()),
            ("network", "major", |status, _| status.online = false),
            ("balance", "major", |status, _| {
                status.accounts[0].balance = Some(Exact::parse("19.99", Currency::EUR).unwrap());
            }),
            ("provider", "major", |status, _| {
                status.accounts[0].health.sells = false;
                status.accounts[0].health.credentials_refused = true;
            }),
            ("provider", "major", |status, _| status.accounts[0].answers = false),
            ("catalogue", "warning", |status, _| status.accounts[0].list_refused = Some("4 of 10 are gone".into())),
            ("clock", "minor", |status, _| status.clock_synced = false),
            ("disk", "major", |_, machine| machine.free_mb = Some(127)),
            ("disk", "critical", |_, machine| machine.free_mb = Some(63)),
            ("journal", "critical", |status, _| status.journal = false),
            ("doubtful_sale", "major", |status, _| status.doubtful = 1),
            ("cases", "major", |status, _| status.cases = 1),
            ("books", "major", |status, _| status.differences = 1),
            ("estranged", "critical", |status, _| status.estranged = true),
            ("day", "major", |status, _| status.day_trouble = Some("the terminal closed its day unasked")),
            ("office", "minor", |status, _| status.office_refuses = 2),
            ("configuration", "minor", |_, machine| machine.configuration_refused = true),
            ("update", "warning", |_, machine| machine.update = Update::Waits),
            ("update", "minor", |_, machine| machine.update = Update::NotInstalled),
            ("update", "major", |_, machine| machine.update = Update::FellBack),
            ("locked", "warning", |status, _| status.locked = true),
            ("service_code", "major", |status, _| status.shut_out_since_ms = Some(1_763_776_800_000)),
            // Not known is not low.
            ("", "", |status, _| status.accounts[0].balance = None),
        ];
        for (name, severity, bend) in &cases {
            let expected: Vec<_> = (!name.is_empty()).then_some((*name, *severity)).into_iter().collect();
            assert_eq!(after(*bend), expected);
        }
        let tried: std::collections::BTreeSet<_> = cases.iter().map(|(name, ..)| *name).collect();
        assert!(every_name().iter().all(|name| tried.contains(name)), "an alarm is not tried here");
        assert_eq!(raised(&well(), &ROOMY, None), [], "no limit, no alarm");
    }

    #[test]
    fn the_operators_guide_has_a_remedy_for_every_alarm_and_no_other() {
        let guide = include_str!("../../docs/operator.md");
        let table = guide.split_once("\n## Alarms and remedies\n").unwrap().1;
        let table = table.split("\n## ").next().unwrap();
        let rows: Vec<Vec<&str>> = table
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        let named: Vec<&str> = rows.iter().map(|row| row[0].split('`').nth(1).unwrap()).collect();
        assert_eq!(named, every_name());
        assert!(rows.iter().all(|row| row.len() == 3 && row[1].len() > 10 && row[2].len() > 10), "{rows:?}");
    }
}
