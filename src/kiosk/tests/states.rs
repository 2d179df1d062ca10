//! What the fleet is told, beside its schemas.

use serde_json::json;

use crate::fleet::News;
use crate::kiosk::alarms::tests::well;
use crate::kiosk::alarms::{Machine, alarms};
use crate::kiosk::states::states;
use crate::kiosk::status::Status;
use crate::kiosk::view::OutOfService;
use crate::sim::schema::{judge, judge_both_ways};

#[test]
fn every_state_and_every_alarm_is_as_its_schema_says() {
    let paused = OutOfService::ALL.map(|reason| Status { selling: "paused", reason: Some(reason), ..well() });
    let mut silent = well();
    silent.accounts[0].balance = None;
    let all = ["open", "without paper", "stock only"].map(|selling| Status { selling, ..well() });
    for status in all.into_iter().chain(paused).chain([silent]) {
        for image in [None, Some("0.1.0-g1234abc")] {
            for news in states(&status, image) {
                let News::State { name, value } = news else { panic!("{news:?} is no state") };
                judge_both_ways(name, &value).unwrap();
            }
        }
    }
    assert!(judge("selling", &json!({ "state": "shut", "reason": null })).is_err());
    let low = alarms(&well(), &Machine::default(), Some("1000"));
    assert!(low.iter().any(|news| matches!(news, News::Alarm { name: "balance", severity: Some("major"), .. })));
}
