//! Buying from eSIMfly, finding the order in the list, and fetching its code.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::calls::Args;
use super::super::evidence::{Got, Miss};
use super::super::line::Reply;
use super::super::pace::Urgency;
use super::super::profile::{NotDeliverable, Pieces};
use super::super::{Delivery, Doubt, LookUp, OrderOutcome, OrderRequest, Refusal, RefusalReason, Sent, loose};
use super::{Esimfly, PAGE, packages, rows, sign};
use crate::sale::activation::Iccid;
use crate::sale::offer::{Kind, OrderReference};

/// How far before and after the sending an order may be dated (sale.md 11).
const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// Pages of the list of orders after which it counts as endless.
const LIST_PAGES_MAX: u32 = 20;

/// Orders of this process.
#[derive(Default)]
pub(super) struct Own {
    /// References by the good they were bought for.
    taken: BTreeMap<String, String>,
    /// Package codes of orders that are on their way, by good.
    under_way: BTreeMap<String, String>,
}

impl Esimfly {
    fn own(&self) -> std::sync::MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) async fn buy(&self, request: &OrderRequest) -> OrderOutcome {
        let (offer, good) = (&request.offer, request.key.reference());
        let (_, name) = packages::region_and_name(offer);
        let args = Args::new()
            .and("packageCode", &offer.plan.0)
            .and("packageName", name)
            .and("price", offer.cost.decimal())
            .and("quantity", 1);
        let (row, args) = match &offer.kind {
            Kind::Esim => (&rows::ORDER, args.and("duration", offer.days).and("idempotency_key", &good)),
            Kind::TopUp { iccid } => (&rows::TOP_UP, args.and("iccid", iccid.as_str())),
            Kind::Number { .. } => return OrderOutcome::NeverSent("eSIMfly sells no numbers".into()),
        };
        self.own().under_way.insert(good.clone(), offer.plan.0.clone());
        let got = self.ask_as(row, args, Some(sign::order_request_id(&good)), None).await;
        self.own().under_way.remove(&good);
        let outcome = match got {
            Ok(reply) => self.read_purchase(request, &reply),
            // It arrived once before: that says nothing of its success.
            Err(Miss::Refused(refusal)) if refusal.reason == RefusalReason::Duplicate => {
                OrderOutcome::Unknown(Doubt { evidence: refusal.detail, provider_date: None })
            }
            Err(Miss::Refused(refusal)) => OrderOutcome::Refused(refusal),
            Err(Miss::NeverSent(why)) => OrderOutcome::NeverSent(why),
            Err(Miss::Unknown(doubt)) => OrderOutcome::Unknown(doubt),
        };
        if let OrderOutcome::Done(Delivery { reference, .. }) | OrderOutcome::Accepted(reference) = &outcome {
            self.own().taken.insert(good, reference.0.clone());
        }
        outcome
    }

    fn read_purchase(&self, request: &OrderRequest, reply: &Reply) -> OrderOutcome {
        let Some(reference) = loose::text(&reply.value, "orderReference").map(OrderReference) else {
            return OrderOutcome::Unknown(reply.doubt("success without an order reference"));
        };
        let charged = ["final_price", "amount"]
            .iter()
            .find_map(|name| loose::exact(&reply.value, name, request.offer.cost.currency));
        let status = loose::text(&reply.value, "status").unwrap_or_default().to_ascii_lowercase();
        if has_failed(&status) {
            return OrderOutcome::Unknown(reply.doubt(&format!("success, but order {} is {status}", reference.0)));
        }
        if let Kind::TopUp { iccid } = &request.offer.kind {
            let topped = loose::text(&reply.value, "iccid");
            return match status.as_str() {
                _ if topped.as_deref().is_some_and(|topped| topped != iccid.as_str()) => {
                    OrderOutcome::Unknown(reply.doubt(&format!("{} topped up another eSIM", reference.0)))
                }
                "" | "completed" => OrderOutcome::Done(Delivery { reference, profile: None, charged }),
                _ => OrderOutcome::Accepted(reference),
            };
        }
        let list = loose::entries(&reply.value, &["esims"]).unwrap_or_default();
        let Some(esim) = list.first().filter(|esim| loose::flag(esim, "isPending") != Some(true)) else {
            return OrderOutcome::Accepted(reference);
        };
        match pieces(esim, &reply.value).profile() {
            Ok(profile) => OrderOutcome::Done(Delivery { reference, profile: Some(profile), charged }),
            Err(NotDeliverable::Missing) => OrderOutcome::Accepted(reference),
            Err(why) => OrderOutcome::Unknown(reply.doubt(&format!("order {} came, but {why}", reference.0))),
        }
    }

    pub(super) async fn profile_of(&self, request: &OrderRequest, reference: &OrderReference) -> OrderOutcome {
        let args = Args::new().and("orderReference", &reference.0);
        let Ok(reply) = self.ask_duty(&rows::ORDER_STATUS, args).await else {
            return OrderOutcome::Accepted(reference.clone());
        };
        let Some(order) = loose::at(&reply.value, "order") else { return OrderOutcome::Accepted(reference.clone()) };
        if loose::text(order, "packageCode").is_some_and(|code| code != request.offer.plan.0) {
            return OrderOutcome::Unknown(reply.doubt("the order is for another package than was asked for"));
        }
        let status = loose::text(order, "status").unwrap_or_default().to_ascii_lowercase();
        if has_failed(&status) {
            let detail = format!("order {} is {status}", reference.0);
            return OrderOutcome::Refused(Refusal { reason: RefusalReason::Other, detail });
        }
        let charged = loose::exact(order, "finalPrice", request.offer.cost.currency);
        if matches!(request.offer.kind, Kind::TopUp { .. }) {
            return match status.as_str() {
                "completed" => OrderOutcome::Done(Delivery { reference: reference.clone(), profile: None, charged }),
                _ => OrderOutcome::Accepted(reference.clone()),
            };
        }
        let esim = loose::at(order, "esim").unwrap_or(&Value::Null);
        let mut found = pieces(esim, order).profile();
        if let (Err(NotDeliverable::Missing), Some(iccid)) = (&found, loose::text(esim, "iccid")) {
            found = self.among_our_esims(&iccid).await;
        }
        match found {
            Ok(profile) => {
                OrderOutcome::Done(Delivery { reference: reference.clone(), profile: Some(profile), charged })
            }
            Err(NotDeliverable::Missing) => OrderOutcome::Accepted(reference.clone()),
            Err(why) => OrderOutcome::Unknown(reply.doubt(&format!("order {} came, but {why}", reference.0))),
        }
    }

    /// The code as text, from the list of our eSIMs.
    async fn among_our_esims(&self, iccid: &str) -> Result<crate::sale::activation::Profile, NotDeliverable> {
        let reply = self.ask_duty(&rows::ESIMS, Args::new().and("search", iccid)).await;
        let reply = reply.map_err(|_| NotDeliverable::Missing)?;
        let list = loose::entries(&reply.value, &["data.esims"]).unwrap_or_default();
        let ours = list.into_iter().find(|esim| loose::text(esim, "iccid").as_deref() == Some(iccid));
        pieces(ours.ok_or(NotDeliverable::Missing)?, &Value::Null).profile()
    }

    pub(super) async fn by_the_list(&self, request: &OrderRequest, sent: &Sent) -> LookUp {
        let offer = &request.offer;
        // In the provider's own time: our clock may be wrong.
        let ahead = SignedDuration::from_secs(self.line.health().clock_ahead_s.unwrap_or(0));
        let from = sent.at.checked_sub(ahead + WINDOW).unwrap_or(Timestamp::UNIX_EPOCH);
        let until = sent.at.checked_add(WINDOW - ahead).unwrap_or(Timestamp::MAX);
        let (reply, list) = match self.listed(&offer.plan.0, from).await {
            Ok(listed) => listed,
            Err(miss) => return LookUp::Unknown(miss.doubt()),
        };
        let mut taken: BTreeSet<String> = sent.taken.iter().map(|reference| reference.0.clone()).collect();
        let good = request.key.reference();
        let under_way = {
            let own = self.own();
            taken.extend(own.taken.iter().filter(|(key, _)| **key != good).map(|(_, reference)| reference.clone()));
            own.under_way.iter().any(|(key, code)| *key != good && *code == offer.plan.0)
        };
        if under_way {
            return LookUp::Unknown(reply.doubt("another order of the same package is under way on this account"));
        }
        let fits = |order: &&Value| {
            let dated = loose::moment(order, "created_at").is_none_or(|at| at >= from && at <= until);
            let code = loose::text(order, "package_code").as_deref() == Some(offer.plan.0.as_str());
            // An order without a name could be ours too.
            code && dated && loose::text(order, "order_reference").is_none_or(|reference| !taken.contains(&reference))
        };
        let candidates: Vec<&Value> = list.iter().filter(fits).collect();
        self.weigh(request, &reply, &candidates).await
    }

    /// Our orders of a package since `from`, all pages of them; the last answer with it.
    async fn listed(&self, package: &str, from: Timestamp) -> Got<(Reply, Vec<Value>)> {
        let mut orders: Vec<Value> = Vec::new();
        for page in 1..=LIST_PAGES_MAX {
            let args = Args::new()
                .and("search", package)
                .and("from_date", from)
                .and("sort_by", "created_at")
                .and("sort_order", "desc")
                .and("page", page)
                .and("limit", PAGE);
            let reply = self.ask_duty(&rows::ORDERS, args).await?;
            let list = loose::entries(&reply.value, &["data.orders"])
                .ok_or_else(|| Miss::Unknown(reply.doubt("the list of orders has an unknown form")))?;
            let before = orders.len();
            let fresh: Vec<Value> = list.into_iter().filter(|order| !orders.contains(order)).cloned().collect();
            orders.extend(fresh);
            let last = packages::pages(&reply.value).is_some_and(|pages| i64::from(page) >= pages);
            if last || orders.len() == before || loose::goes_back_before(&orders, "created_at", from) {
                return Ok((reply, orders));
            }
        }
        Err(Miss::unknown("the list of orders has no end"))
    }

    async fn weigh(&self, request: &OrderRequest, reply: &Reply, candidates: &[&Value]) -> LookUp {
        let offer = &request.offer;
        let [order] = candidates else {
            if candidates.is_empty() {
                return match &offer.kind {
                    Kind::TopUp { iccid } => self.by_usage(request, iccid).await,
                    _ if self.exclusive || self.keys_proven => LookUp::NotThere,
                    _ => {
                        LookUp::Undecidable { evidence: "no such order in the list, but others order here too".into() }
                    }
                };
            }
            let evidence = format!("{} orders in the list could be this one", candidates.len());
            return LookUp::Undecidable { evidence };
        };
        let Some(reference) = loose::text(order, "order_reference") else {
            return LookUp::Undecidable { evidence: "an order in the list could be it, but has no reference".into() };
        };
        if !self.exclusive {
            return LookUp::Undecidable { evidence: format!("{reference} could be it, but others order here too") };
        }
        let amount = loose::exact(order, "amount", offer.cost.currency);
        if amount != Some(offer.cost) {
            let evidence = format!("{reference} could be it, but at {amount:?} instead of {}", offer.cost);
            return LookUp::Undecidable { evidence };
        }
        match loose::text(order, "status").unwrap_or_default().to_ascii_lowercase().as_str() {
            status if has_failed(status) => LookUp::Found(OrderOutcome::Refused(Refusal {
                reason: RefusalReason::Other,
                detail: format!("order {reference} failed by the list"),
            })),
            "completed" if matches!(offer.kind, Kind::TopUp { .. }) => LookUp::Found(OrderOutcome::Done(Delivery {
                reference: OrderReference(reference),
                profile: None,
                charged: amount,
            })),
            "" => LookUp::Unknown(reply.doubt("an order without a status")),
            _ => LookUp::Found(OrderOutcome::Accepted(OrderReference(reference))),
        }
    }

    /// The second witness of a top-up: the eSIM's total.
    async fn by_usage(&self, request: &OrderRequest, iccid: &Iccid) -> LookUp {
        let total = match self.read_usage(iccid, Some(Urgency::Duty)).await {
            Ok(usage) => usage.total_bytes,
            Err(miss) => return LookUp::Unknown(miss.doubt()),
        };
        match (request.total_before, total) {
            (Some(before), Some(now)) if now > before => LookUp::Found(OrderOutcome::Done(Delivery {
                reference: OrderReference(format!("total/{}", request.key.reference())),
                profile: None,
                charged: None,
            })),
            (Some(before), Some(now)) if now == before && self.exclusive => LookUp::NotThere,
            (before, now) => {
                LookUp::Undecidable { evidence: format!("no order in the list; total {before:?} before, {now:?} now") }
            }
        }
    }

    pub(super) async fn undo(&self, reference: &OrderReference) -> Got<()> {
        let reply = self.ask_duty(&rows::ORDER_STATUS, Args::new().and("orderReference", &reference.0)).await?;
        let iccid = loose::text(&reply.value, "order.esim.iccid").ok_or_else(|| reply.lacks("ICCID"))?;
        match self.ask_duty(&rows::CANCEL, Args::new().and("iccid", iccid)).await {
            Ok(_) => Ok(()),
            Err(Miss::Refused(refusal)) if refusal.detail.contains("ALREADY_CANCELLED") => Ok(()),
            Err(miss) => Err(miss),
        }
    }
}

/// Whether this status of an order means that nothing is sold.
fn has_failed(status: &str) -> bool {
    matches!(status, "failed" | "cancelled" | "canceled" | "refunded")
}

/// The pieces of a profile, from the eSIM's own entry first, then from the answer around it.
fn pieces(esim: &Value, around: &Value) -> Pieces {
    const CODES: &[&str] = &["lpaString", "manual_installation.lpa_format", "lpa"];
    const LINKS: &[&str] = &["directAppleInstallUrl", "direct_apple_installation_url"];
    let of = |names: &[&str]| loose::any_text(esim, names).or_else(|| loose::any_text(around, names));
    Pieces {
        code: of(CODES),
        link: of(LINKS),
        iccid: loose::text(esim, "iccid"),
        confirmation: loose::any_text(esim, &["confirmationCode"]),
        ..Pieces::default()
    }
}
