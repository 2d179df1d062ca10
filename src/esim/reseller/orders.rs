//! Buying from the reseller API, finding the order by our tag, and getting the code as text or out of a picture.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::calls::Args;
use super::super::evidence::{Got, Miss};
use super::super::line::Reply;
use super::super::pace::Urgency;
use super::super::profile::{NotDeliverable, Pieces};
use super::super::{Delivery, Doubt, LookUp, OrderOutcome, OrderRequest, Refusal, RefusalReason, Sent, loose};
use super::{PAGE, Reseller, picture, rows};
use crate::sale::activation::Iccid;
use crate::sale::offer::{DataVolume, Kind, OrderReference};

/// How far before and after the sending an order may be dated (sale.md 11).
const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// Pages of the list of orders after which it counts as endless.
const LIST_PAGES_MAX: u32 = 20;

impl Reseller {
    pub(super) async fn buy(&self, request: &OrderRequest) -> OrderOutcome {
        let good = request.key.reference();
        let got = match &request.offer.kind {
            Kind::Esim => {
                let daily = matches!(request.offer.data, DataVolume::BytesPerDay(_)).then_some(request.offer.days);
                let args = Args::new()
                    .and("plan_id", &request.offer.plan.0)
                    .and("quantity", 1)
                    .and("end_customer_email", tagged(&self.customer_email, &good))
                    .and("customer_name", format!("{} {good}", request.label))
                    .maybe("periodNum", daily);
                self.ask_as(&rows::ORDER, args, Some(&good), None).await
            }
            Kind::TopUp { iccid } => {
                let code = request.offer.package_code.as_deref().unwrap_or(&request.offer.plan.0);
                let args = Args::new().and("identifier", iccid.as_str()).and("package_code", code);
                match self.ask_as(&rows::TOP_UP, args, Some(&good), None).await {
                    // The details are empty: what was added shows only in the eSIM's total.
                    Ok(_) => return self.topped_up(request, iccid, &good).await,
                    Err(miss) => Err(miss),
                }
            }
            Kind::Number { .. } => Err(Miss::NeverSent("the reseller API sells no numbers".into())),
        };
        match got {
            Ok(reply) => self.read_order(request, &reply).await,
            Err(Miss::Refused(refusal)) => OrderOutcome::Refused(refusal),
            Err(Miss::NeverSent(why)) => OrderOutcome::NeverSent(why),
            Err(Miss::Unknown(doubt)) => OrderOutcome::Unknown(doubt),
        }
    }

    /// What an order document says: at the top, under `data`, or under `data.order`.
    async fn read_order(&self, request: &OrderRequest, reply: &Reply) -> OrderOutcome {
        let order = the_order(&reply.value);
        let Some(reference) = loose::any_text(order, &["id", "order_id"]).map(OrderReference) else {
            return OrderOutcome::Unknown(reply.doubt("success without an order id"));
        };
        if loose::text(order, "plan_id").is_some_and(|plan| plan != request.offer.plan.0) {
            return OrderOutcome::Unknown(reply.doubt("the order is for another plan than was asked for"));
        }
        let status = loose::text(order, "status").unwrap_or_default().to_ascii_lowercase();
        if matches!(status.as_str(), "cancelled" | "canceled" | "failed" | "refunded" | "expired") {
            let detail = format!("order {} is {status}", reference.0);
            return OrderOutcome::Refused(Refusal { reason: RefusalReason::Other, detail });
        }
        let charged = loose::exact(order, "total_amount", request.offer.cost.currency);
        match self.pieces(reply, order).await.profile() {
            Ok(profile) => OrderOutcome::Done(Delivery { reference, profile: Some(profile), charged }),
            Err(NotDeliverable::Missing) => OrderOutcome::Accepted(reference),
            Err(why) => OrderOutcome::Unknown(reply.doubt(&format!("order {} came, but {why}", reference.0))),
        }
    }

    /// The code as text where there is one, else out of the picture.
    async fn pieces(&self, reply: &Reply, order: &Value) -> Pieces {
        let lists = ["profiles", "data.profiles", "order.profiles", "data.order.profiles"];
        let profile = loose::entries(order, &["profiles"])
            .or_else(|| loose::entries(&reply.value, &lists))
            .and_then(|list| list.first().copied())
            .unwrap_or(&Value::Null);
        let of = |names: &[&str]| loose::any_text(profile, names).or_else(|| loose::any_text(order, names));
        let mut pieces = Pieces {
            code: of(&["activation_code", "lpa", "lpa_string"]),
            link: of(&["apple_install_url", "direct_apple_install_url"]),
            iccid: of(&["iccid"]),
            confirmation: of(&["confirmation_code"]),
            ..Pieces::default()
        };
        if pieces.code.is_none()
            && pieces.link.is_none()
            && let Some(address) = of(&["qr_code_url"]).filter(|address| self.trusted(address))
            && let Ok(bytes) = self.line.image(&address).await
        {
            pieces.code = picture::text_of(&bytes);
        }
        pieces
    }

    /// Pictures come from the API's own host, or from one that the operator named.
    fn trusted(&self, address: &str) -> bool {
        let Ok(url) = reqwest::Url::parse(address) else { return false };
        let base = self.line.base();
        let same = url.host_str() == base.host_str() && url.port_or_known_default() == base.port_or_known_default();
        let named = url.host_str().is_some_and(|host| self.picture_hosts.iter().any(|known| known == host));
        url.scheme() == "https" && (same || named)
    }

    async fn topped_up(&self, request: &OrderRequest, iccid: &Iccid, good: &str) -> OrderOutcome {
        let reference = OrderReference(format!("topup/{good}"));
        let total = self.read_usage(iccid, Some(Urgency::Duty)).await.ok().and_then(|usage| usage.total_bytes);
        match (request.total_before, total) {
            (Some(before), Some(now)) if now > before => {
                OrderOutcome::Done(Delivery { reference, profile: None, charged: None })
            }
            _ => OrderOutcome::Accepted(reference),
        }
    }

    pub(super) async fn profile_of(&self, request: &OrderRequest, reference: &OrderReference) -> OrderOutcome {
        if let (Kind::TopUp { iccid }, Some(good)) = (&request.offer.kind, reference.0.strip_prefix("topup/")) {
            return self.topped_up(request, iccid, good).await;
        }
        match self.ask_duty(&rows::ORDER_GET, Args::new().and("id", &reference.0)).await {
            Ok(reply) => self.read_order(request, &reply).await,
            Err(_) => OrderOutcome::Accepted(reference.clone()),
        }
    }

    pub(super) async fn by_the_list(&self, request: &OrderRequest, sent: &Sent) -> LookUp {
        let good = request.key.reference();
        let names = ["customer_name", "end_customer_email", "customer_email", "end_customer_name"];
        let carries = |order: &Value| names.iter().any(|name| loose::at(order, name).is_some());
        let ours = |order: &Value| {
            let tagged = |name: &&str| loose::text(order, name).is_some_and(|text| text.contains(&good));
            names.iter().any(tagged)
        };
        let (reply, list) = match self.listed(sent, ours).await {
            Ok(listed) => listed,
            Err(miss) => return LookUp::Unknown(miss.doubt()),
        };
        if let Some(order) = list.iter().find(|order| ours(order)) {
            return self.adopt(request, &reply, order).await;
        }
        if list.iter().all(carries) && (self.list_shows_customer || !list.is_empty()) {
            return LookUp::NotThere;
        }
        let candidates: Vec<&Value> = list.iter().filter(|order| self.may_be(request, sent, order)).collect();
        match candidates.as_slice() {
            [] => self.wallet_says(request, "no such order in the list").await,
            [order] if self.exclusive => self.adopt(request, &reply, order).await,
            some => LookUp::Undecidable { evidence: format!("{} orders in the list could be this one", some.len()) },
        }
    }

    /// Our orders, page after page, until one is `ours`, or the rest is older than the order that is looked for.
    async fn listed(&self, sent: &Sent, ours: impl Fn(&Value) -> bool) -> Got<(Reply, Vec<Value>)> {
        let ahead = SignedDuration::from_secs(self.line.health().clock_ahead_s.unwrap_or(0));
        let since = sent.at.checked_sub(ahead + WINDOW).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut orders: Vec<Value> = Vec::new();
        for page in 1..=LIST_PAGES_MAX {
            let reply = self.ask_duty(&rows::ORDERS, Args::new().and("page", page).and("limit", PAGE)).await?;
            let list = loose::entries(&reply.value, &["data", "orders", "data.orders"])
                .ok_or_else(|| Miss::Unknown(reply.doubt("the list of orders has an unknown form")))?;
            let before = orders.len();
            let fresh: Vec<Value> = list.into_iter().filter(|order| !orders.contains(order)).cloned().collect();
            orders.extend(fresh);
            let pages = loose::whole(&reply.value, "pagination.total_pages")
                .or_else(|| loose::whole(&reply.value, "data.pagination.total_pages"));
            if pages.is_some_and(|pages| i64::from(page) >= pages)
                || orders.len() == before
                || orders.iter().any(&ours)
                || loose::goes_back_before(&orders, "created_at", since)
            {
                return Ok((reply, orders));
            }
        }
        Err(Miss::unknown("the list of orders has no end"))
    }

    fn may_be(&self, request: &OrderRequest, sent: &Sent, order: &Value) -> bool {
        let ahead = SignedDuration::from_secs(self.line.health().clock_ahead_s.unwrap_or(0));
        let dated = loose::moment(order, "created_at").is_none_or(|at| {
            let apart = at.as_second() - (sent.at.as_second() - ahead.as_secs());
            apart.abs() <= WINDOW.as_secs()
        });
        let plan = loose::text(order, "plan_id").is_none_or(|plan| plan == request.offer.plan.0);
        let id = loose::any_text(order, &["id", "order_id"]).unwrap_or_default();
        dated && plan && !sent.taken.iter().any(|reference| reference.0 == id)
    }

    async fn adopt(&self, request: &OrderRequest, reply: &Reply, order: &Value) -> LookUp {
        let alone = Reply { value: order.clone(), date: reply.date };
        match self.read_order(request, &alone).await {
            OrderOutcome::Unknown(doubt) => LookUp::Undecidable { evidence: doubt.evidence },
            outcome => LookUp::Found(outcome),
        }
    }

    /// The second witness: the wallet.
    async fn wallet_says(&self, request: &OrderRequest, so_far: &str) -> LookUp {
        let Some(before) = request.balance_before else {
            return LookUp::Undecidable { evidence: format!("{so_far}, and no balance was read before") };
        };
        match self.read_balance().await {
            Ok(now) if now == before && self.exclusive => LookUp::NotThere,
            Ok(now) => LookUp::Undecidable { evidence: format!("{so_far}; balance {before} before, {now} now") },
            Err(miss) => LookUp::Unknown(miss.doubt()),
        }
    }

    pub(super) async fn top_up_witness(&self, request: &OrderRequest, iccid: &Iccid) -> LookUp {
        let total = match self.read_usage(iccid, Some(Urgency::Duty)).await {
            Ok(usage) => usage.total_bytes,
            Err(miss) => return LookUp::Unknown(miss.doubt()),
        };
        let doubt = |evidence: String| Doubt { evidence, provider_date: None };
        match (request.total_before, total) {
            (Some(before), Some(now)) if now > before => LookUp::Found(OrderOutcome::Done(Delivery {
                reference: OrderReference(format!("topup/{}", request.key.reference())),
                profile: None,
                charged: None,
            })),
            (Some(before), Some(now)) if now == before => self.wallet_says(request, "the total did not change").await,
            (before, None) => LookUp::Unknown(doubt(format!("total {before:?} before, none stated now"))),
            (before, now) => LookUp::Undecidable { evidence: format!("total {before:?} before, {now:?} now") },
        }
    }
}

fn the_order(value: &Value) -> &Value {
    loose::first(value, &["data.order", "order", "data"]).filter(|found| found.is_object()).unwrap_or(value)
}

/// `kiosk@operator.example` with a tag: `kiosk+01J…-0@operator.example`.
fn tagged(address: &str, tag: &str) -> String {
    match address.split_once('@') {
        Some((name, host)) => format!("{name}+{tag}@{host}"),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_found_in_every_wrapping() {
        for value in [
            serde_json::json!({"success": true, "order": {"id": "o"}}),
            serde_json::json!({"data": {"order": {"id": "o"}, "profiles": []}}),
            serde_json::json!({"data": {"id": "o"}}),
            serde_json::json!({"id": "o"}),
        ] {
            assert_eq!(loose::text(the_order(&value), "id").as_deref(), Some("o"), "{value}");
        }
        assert_eq!(tagged("kiosk@x.example", "01J-0"), "kiosk+01J-0@x.example");
    }
}
