//! OpenMetrics of the kiosk, for a collector on this machine: counts and states, never a sale's data.
//!
//! <https://openmetrics.io>, version 1.0: names with units at their end, counters with `_total`, states as 0 or 1.

use std::fmt::{Display, Write as _};

use crate::kiosk::status::Status;

/// The content type of the answer.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the process tells about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Process {
    /// Resident memory.
    pub resident_bytes: u64,
    /// Open files.
    pub open_fds: u64,
    /// Free on the journal's partition.
    pub free_bytes: Option<u64>,
}

impl Process {
    /// This process; the free space is asked elsewhere.
    pub fn of_this() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok());
        let kib: u64 = resident.unwrap_or(0);
        let fds = std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
        Process { resident_bytes: kib * 1_024, open_fds: fds, free_bytes: None }
    }
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, unit: Option<&str>, help: &str) {
        writeln!(self.0, "# TYPE {name} {kind}").ok();
        if let Some(unit) = unit {
            writeln!(self.0, "# UNIT {name} {unit}").ok();
        }
        writeln!(self.0, "# HELP {name} {help}").ok();
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escape(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.0, "{name}{labels} {value}").ok();
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", None, help);
        self.sample(name, &[], value);
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The whole page.
pub fn page(machine: &str, status: &Status, process: &Process) -> String {
    let mut page = Page(String::new());
    page.family("esim_kiosk_build", "info", None, "Program and machine.");
    page.sample("esim_kiosk_build_info", &[("version", env!("CARGO_PKG_VERSION")), ("machine", machine)], 1);
    let yes = u8::from;
    page.family("esim_kiosk_selling", "stateset", None, "Whether the kiosk sells.");
    for state in ["open", "without paper", "stock only", "paused"] {
        page.sample("esim_kiosk_selling", &[("esim_kiosk_selling", state)], yes(status.selling == state));
    }
    page.gauge("esim_kiosk_terminal_ready", "The card terminal is ready.", yes(status.terminal == "ready"));
    let paper = matches!(status.printer.as_str(), "ready" | "paper low");
    page.gauge("esim_kiosk_printer_ready", "The printer can print.", yes(paper));
    page.gauge("esim_kiosk_paper_low", "The roll is nearly at its end.", yes(status.printer == "paper low"));
    page.gauge("esim_kiosk_online", "A provider answers.", yes(status.online));
    page.gauge("esim_kiosk_journal_ok", "The journal takes writes.", yes(status.journal));
    page.gauge("esim_kiosk_clock_synced", "The clock was set by a server.", yes(status.clock_synced));
    page.gauge("esim_kiosk_locked", "Closed by the operator.", yes(status.locked));
    page.gauge("esim_kiosk_sales_open", "Sales that are not over.", status.open_sales);
    page.gauge("esim_kiosk_sales_doubtful", "Sales whose payment is unknown.", status.doubtful);
    page.family("esim_kiosk_sales_closed", "counter", None, "Sales that ended since the start, by how.");
    for how in ["delivered", "shown", "not_charged", "refunded", "refund_due", "given_away", "lost"] {
        let count = status.closed.get(how).copied().unwrap_or(0);
        page.sample("esim_kiosk_sales_closed_total", &[("how", how)], count);
    }
    page.family("esim_kiosk_wallet_balance", "gauge", None, "What the provider's account holds, in its currency.");
    for account in &status.accounts {
        if let Some(balance) = &account.balance {
            let labels = [("account", account.name.as_str()), ("currency", &balance.currency.to_string())];
            page.sample("esim_kiosk_wallet_balance", &labels, balance.decimal());
        }
    }
    page.family("esim_kiosk_provider_answers", "gauge", None, "The account answered the last time.");
    for account in &status.accounts {
        page.sample("esim_kiosk_provider_answers", &[("account", &account.name)], yes(account.answers));
    }
    page.family("esim_kiosk_uptime_seconds", "gauge", Some("seconds"), "Since the start of the program.");
    page.sample("esim_kiosk_uptime_seconds", &[], status.up_s);
    page.family("process_resident_memory_bytes", "gauge", Some("bytes"), "Resident memory.");
    page.sample("process_resident_memory_bytes", &[], process.resident_bytes);
    page.gauge("process_open_fds", "Open files.", process.open_fds);
    if let Some(free) = process.free_bytes {
        page.family("esim_kiosk_state_free_bytes", "gauge", Some("bytes"), "Free on the journal's partition.");
        page.sample("esim_kiosk_state_free_bytes", &[], free);
    }
    page.0.push_str("# EOF\n");
    page.0
}

#[cfg(test)]
mod tests;
