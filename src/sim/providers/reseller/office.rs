//! The back office: branding profiles, mail settings, prices, webhooks, logo.

use serde_json::{Value, json};

use super::{done, failed, missing, pagination, success};
use crate::sim::providers::call::Call;
use crate::sim::providers::desk::Desk;
use crate::sim::providers::reply::Reply;

/// Largest logo in bytes.
const LOGO_MAX: u64 = 5 << 20;

/// What the back office keeps.
#[derive(Default)]
pub(super) struct Office {
    branding: Vec<Value>,
    smtp: Option<Value>,
    pricing: Vec<Value>,
    webhooks: Vec<Value>,
}

fn fields(call: &Call) -> Value {
    call.json().cloned().unwrap_or_else(|| json!({}))
}

fn place(rows: &[Value], id: &str) -> Option<usize> {
    rows.iter().position(|row| row["id"] == id)
}

/// Lays `change` over `row`; its id stays.
fn merge(row: &mut Value, change: Value) {
    if let (Value::Object(row), Value::Object(change)) = (row, change) {
        row.extend(change.into_iter().filter(|(name, _)| name != "id"));
    }
}

impl Office {
    pub(super) fn answer(&mut self, desk: &mut Desk, name: &str, call: &Call) -> Reply {
        match name {
            "branding_list" => success(desk, 200, json!({"profiles": self.branding})),
            "branding_create" | "branding_update" | "branding_delete" => self.branding(desk, name, call),
            "smtp" | "smtp_update" | "smtp_test" | "smtp_delete" => self.smtp(desk, name, call),
            "pricing" => success(desk, 200, json!({"overrides": self.pricing})),
            "pricing_update" => self.price(desk, call),
            "logo" => logo(desk, call),
            "webhooks" => self.webhook_list(desk, call),
            "webhook_create" => self.webhook_create(desk, call),
            "webhook" | "webhook_update" | "webhook_delete" | "webhook_test" | "webhook_logs" => {
                self.webhook(desk, name, call)
            }
            _ => failed(404, "Not found"),
        }
    }

    fn branding(&mut self, desk: &mut Desk, name: &str, call: &Call) -> Reply {
        if name == "branding_create" {
            if call.field("name").is_none() {
                return missing(desk, "name");
            }
            let mut row = json!({"id": format!("profile-{}", self.branding.len() + 1)});
            merge(&mut row, fields(call));
            self.branding.push(row.clone());
            return success(desk, 201, json!({"profile": row}));
        }
        let Some(at) = call.path.get(2).and_then(|id| place(&self.branding, id)) else {
            return failed(404, "Profile not found");
        };
        if name == "branding_delete" {
            self.branding.remove(at);
            return done("Profile deleted successfully");
        }
        merge(&mut self.branding[at], fields(call));
        success(desk, 200, json!({"profile": self.branding[at]}))
    }

    /// The password is stored and never shown.
    fn smtp(&mut self, desk: &mut Desk, name: &str, call: &Call) -> Reply {
        match name {
            "smtp_update" => {
                if call.field("smtp_host").is_none() {
                    return missing(desk, "smtp_host");
                }
                let mut row = json!({"smtp_pass_configured": call.field("smtp_pass").is_some()});
                merge(&mut row, fields(call));
                if let Value::Object(row) = &mut row {
                    row.remove("smtp_pass");
                }
                self.smtp = Some(row.clone());
                let message = "SMTP configuration updated and tested successfully";
                success(desk, 200, json!({"message": message, "smtp_config": row}))
            }
            "smtp_delete" => {
                self.smtp = None;
                done("Custom SMTP disabled successfully")
            }
            "smtp_test" if self.smtp.is_some() => done("SMTP connection test successful"),
            "smtp_test" => failed(400, "No SMTP configuration"),
            _ => {
                let none = json!({"use_custom_smtp": false, "smtp_pass_configured": false});
                success(desk, 200, json!({"smtp_config": self.smtp.clone().unwrap_or(none)}))
            }
        }
    }

    fn price(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let plan = call.path.last().cloned().unwrap_or_default();
        if plan.parse().ok().and_then(|id| desk.on_sale(id)).is_none() {
            return failed(404, "Plan not found");
        }
        if call.field("markup_percent").is_none() && call.field("final_price_usd").is_none() {
            return missing(desk, "markup_percent or final_price_usd");
        }
        let mut row = json!({"plan_id": plan});
        merge(&mut row, fields(call));
        self.pricing.retain(|old| old["plan_id"] != row["plan_id"]);
        self.pricing.push(row.clone());
        success(desk, 200, json!({"override": row}))
    }

    fn webhook_list(&self, desk: &Desk, call: &Call) -> Reply {
        let wanted = call.query("status");
        let rows: Vec<&Value> =
            self.webhooks.iter().filter(|row| wanted.is_none_or(|wanted| row["status"] == wanted)).collect();
        let page = call.page(rows.len(), 20, 100);
        let shown = &rows[page.first..page.end];
        let events = ["ORDER_STATUS", "ESIM_STATUS", "DATA_USAGE", "VALIDITY_USAGE", "SMDP_EVENT"];
        let _ = desk;
        let body = json!({"success": true, "data": shown, "available_event_types": events,
            "pagination": pagination(page)});
        Reply::json(200, &body)
    }

    fn webhook_create(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let https = call.field("endpoint_url").is_some_and(|url| url.starts_with("https://"));
        if !https || call.field("name").is_none() {
            return missing(desk, "name and an https endpoint_url");
        }
        let mut row = json!({"id": format!("wh-{}", self.webhooks.len() + 1), "status": "active"});
        merge(&mut row, fields(call));
        if let Value::Object(row) = &mut row {
            row.remove("secret");
        }
        self.webhooks.push(row.clone());
        success(desk, 201, json!({"subscription": row}))
    }

    fn webhook(&mut self, desk: &mut Desk, name: &str, call: &Call) -> Reply {
        let Some(at) = call.path.get(1).and_then(|id| place(&self.webhooks, id)) else {
            return failed(404, "Subscription not found");
        };
        match name {
            "webhook_update" => {
                merge(&mut self.webhooks[at], fields(call));
                success(desk, 200, json!({"subscription": self.webhooks[at]}))
            }
            "webhook_delete" => {
                self.webhooks.remove(at);
                done("Subscription deleted successfully")
            }
            "webhook_test" => done("Test webhook sent"),
            "webhook_logs" => {
                let page = call.page(0, 20, 100);
                Reply::json(200, &json!({"success": true, "data": [], "pagination": pagination(page)}))
            }
            _ => success(desk, 200, json!({"subscription": self.webhooks[at]})),
        }
    }
}

fn logo(desk: &mut Desk, call: &Call) -> Reply {
    let Some(size) = call.field("logo").and_then(|size| size.parse::<u64>().ok()) else {
        return missing(desk, "logo");
    };
    if size > LOGO_MAX {
        return failed(413, "The logo is larger than 5 MB");
    }
    let url = format!("{}/logos/user-123.png", desk.base_url);
    success(desk, 200, json!({"message": "Logo uploaded successfully", "logo_url": url}))
}
