//! What the fleet is told of the kiosk's state, each under its own topic (docs/schemas).

use serde_json::json;

use crate::fleet::News;

use super::status::Status;

/// Whether it sells, its devices, its facts.
pub fn states(status: &Status) -> Vec<News> {
    let selling = json!({ "state": status.selling, "reason": status.reason });
    let devices = json!({ "terminal": status.terminal, "printer": status.printer, "online": status.online });
    let accounts = status.accounts.iter().map(|account| {
        let balance = account.balance.as_ref().map(ToString::to_string);
        json!({ "name": account.name, "balance": balance, "answers": account.answers })
    });
    let facts = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "run": status.run,
        "open_sales": status.open_sales,
        "doubtful": status.doubtful,
        "accounts": accounts.collect::<Vec<_>>(),
    });
    let states = [("selling", selling), ("devices", devices), ("facts", facts)];
    states.into_iter().map(|(name, value)| News::State { name, value }).collect()
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    use super::*;
    use crate::kiosk::alarms::tests::well;
    use crate::kiosk::alarms::{Machine, alarms};
    use crate::kiosk::view::OutOfService;
    use crate::sim::schema::{judge, judge_both_ways};

    #[test]
    fn every_state_and_every_alarm_is_as_its_schema_says() {
        let reasons = [
            OutOfService::Terminal,
            OutOfService::TerminalBusy,
            OutOfService::Network,
            OutOfService::Printer,
            OutOfService::Journal,
            OutOfService::EarlierPayment,
            OutOfService::Catalogue,
            OutOfService::Operator,
            OutOfService::Configuration,
        ];
        let paused = reasons.map(|reason| Status { selling: "paused", reason: Some(reason), ..well() });
        let mut silent = well();
        silent.accounts[0].balance = None;
        let all = ["open", "without paper", "stock only"].map(|selling| Status { selling, ..well() });
        for status in all.into_iter().chain(paused).chain([silent]) {
            for news in states(&status) {
                let News::State { name, value } = news else { panic!("{news:?} is no state") };
                judge_both_ways(name, &value).unwrap();
            }
        }
        assert!(judge("selling", &json!({ "state": "shut", "reason": null })).is_err());
        let low = alarms(&well(), &Machine::default(), Some("1000"));
        assert!(low.iter().any(|news| matches!(news, News::Alarm { name: "balance", severity: Some("major"), .. })));
    }
}
