//! What the fleet is told of the kiosk's state, each under its own topic (docs/schemas).

use serde_json::json;

use crate::fleet::News;

use super::status::Status;

/// Whether it sells, its devices, its facts; `image` is the version of the device's image, where there is one.
pub fn states(status: &Status, image: Option<&str>) -> Vec<News> {
    let selling = json!({ "state": status.selling, "reason": status.reason });
    let devices = json!({ "terminal": status.terminal, "printer": status.printer, "online": status.online });
    let accounts = status.accounts.iter().map(|account| {
        let balance = account.balance.as_ref().map(ToString::to_string);
        json!({ "name": account.name, "balance": balance, "answers": account.answers })
    });
    let facts = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "image": image,
        "run": status.run,
        "open_sales": status.open_sales,
        "doubtful": status.doubtful,
        "accounts": accounts.collect::<Vec<_>>(),
    });
    let states = [("selling", selling), ("devices", devices), ("facts", facts)];
    states.into_iter().map(|(name, value)| News::State { name, value }).collect()
}
