//! What an operator must look at: a pure table over the kiosk's status and the machine's facts.

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
    /// A newer version is installed in the other slot, or waits.
    pub update_waits: bool,
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
    let low: Vec<String> = status
        .accounts
        .iter()
        .filter_map(|account| {
            let limit = parse_scaled(low_balance?).ok()?;
            let balance = account.balance.as_ref()?;
            (parse_scaled(&balance.decimal()).ok()? < limit).then(|| format!("{}: {balance}", account.name))
        })
        .collect();
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
    vec![
        alarm("paper", paper, format!("receipt printer: {}", status.printer)),
        alarm("terminal", terminal, format!("card terminal: {}", status.terminal)),
        alarm("network", when(!status.online, "major"), "no provider answers".to_owned()),
        alarm("balance", when(!low.is_empty(), "major"), format!("low wallet: {}", low.join(", "))),
        alarm("provider", when(!troubled.is_empty(), "major"), troubled.join("; ")),
        alarm("catalogue", when(!refused.is_empty(), "warning"), refused.join("; ")),
        alarm("clock", when(!status.clock_synced, "minor"), "the clock was not set by a server".to_owned()),
        alarm("disk", disk, format!("{free} MB are free, {} MB are needed", machine.needed_mb)),
        alarm("journal", when(!status.journal, "critical"), "the journal cannot be written".to_owned()),
        alarm(
            "doubtful_sale",
            when(status.doubtful > 0, "major"),
            format!("{} sales: was the card charged?", status.doubtful),
        ),
        alarm("update", when(machine.update_waits, "warning"), "an update waits for a restart".to_owned()),
        alarm("locked", when(status.locked, "warning"), "closed by the operator".to_owned()),
    ]
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
            terminal: "ready".into(),
            printer: "ready".into(),
            online: true,
            catalogue: true,
            journal: true,
            locked: false,
            accounts: vec![AccountStatus {
                name: "mobilexy".into(),
                balance: Some(Exact::parse("25.00", Currency::EUR).unwrap()),
                answers: true,
                health: crate::esim::pace::Health { sells: true, ..crate::esim::pace::Health::default() },
                list_refused: None,
            }],
            open_sales: 0,
            doubtful: 0,
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

    #[test]
    fn a_healthy_kiosk_raises_nothing_and_each_fault_its_own() {
        let machine = Machine { free_mb: Some(1_000), needed_mb: 64, update_waits: false };
        assert_eq!(raised(&well(), &machine, Some("20")), []);
        let bad = Status {
            printer: "paper out".into(),
            terminal: "silent".into(),
            online: false,
            clock_synced: false,
            journal: false,
            doubtful: 1,
            locked: true,
            ..well()
        };
        let machine = Machine { free_mb: Some(10), update_waits: true, ..machine };
        let mut bad = bad;
        bad.accounts[0].health.sells = false;
        bad.accounts[0].health.credentials_refused = true;
        bad.accounts[0].list_refused = Some("4 of 10 plans are gone".into());
        assert_eq!(bad.accounts[0].trouble().unwrap(), "our key or password is refused");
        let names: Vec<_> = raised(&bad, &machine, Some("30")).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "paper",
                "terminal",
                "network",
                "balance",
                "provider",
                "catalogue",
                "clock",
                "disk",
                "journal",
                "doubtful_sale",
                "update",
                "locked"
            ]
        );
        assert_eq!(
            raised(&Status { printer: "paper low".into(), ..well() }, &Machine::default(), None),
            [("paper", "warning")]
        );
    }
}
