//! Buying from Mobilexy, and finding out afterwards.

use super::super::calls::Args;
use super::super::evidence::{Got, Miss};
use super::super::pace::Urgency;
use super::super::profile::Pieces;
use super::super::{Delivery, Doubt, LookUp, OrderOutcome, OrderRequest, Refusal, RefusalReason, loose};
use super::plans::PlanList;
use super::{Mobilexy, Reply, rows};
use crate::money::Exact;
use crate::sale::activation::Iccid;
use crate::sale::offer::{Kind, OrderReference};

/// Before the id of a number, so that [`Mobilexy::undo`] knows one from an eSIM's order number.
const NUMBER: &str = "number/";
/// Numbers that are asked for in one list.
const NUMBERS_PAGE: usize = 100;
/// Half a cent: what a balance may differ from the cost (providers.md 3.1).
const TOLERANCE: i128 = 500_000;

impl Mobilexy {
    pub(super) async fn buy(&self, request: &OrderRequest) -> OrderOutcome {
        if !self.affordable(request.offer.cost) {
            let (cost, most) = (request.offer.cost, self.most);
            return OrderOutcome::NeverSent(format!("{cost} is more than most_per_order allows ({most})"));
        }
        let got = match &request.offer.kind {
            Kind::Esim => self.buy_esim(request).await,
            Kind::TopUp { iccid } => self.buy_top_up(request, iccid).await,
            Kind::Number { offer_token } => self.buy_number(request, offer_token).await,
        };
        match got {
            Ok(delivery) => OrderOutcome::Done(delivery),
            Err(Miss::NeverSent(why)) => OrderOutcome::NeverSent(why),
            Err(Miss::Unknown(doubt)) => OrderOutcome::Unknown(doubt),
            Err(Miss::Refused(refusal)) => self.weigh_refusal(request, refusal).await,
        }
    }

    async fn buy_esim(&self, request: &OrderRequest) -> Got<Delivery> {
        let key = &request.offer.plan;
        let (_, id) =
            PlanList::of_key(key).ok_or_else(|| Miss::NeverSent(format!("{} is no plan of Mobilexy", key.0)))?;
        let reply = self.ask(&rows::PURCHASE, Args::new().and("plan_id", id)).await?;
        let reference =
            loose::text(&reply.value, "data.order.order_number").ok_or_else(|| reply.lacks("order number"))?;
        let pieces = Pieces {
            code: loose::text(&reply.value, "data.esim.qr_code"),
            iccid: loose::text(&reply.value, "data.esim.iccid"),
            install_before: loose::day(&reply.value, "data.esim.expiry_date"),
            ..Pieces::default()
        };
        let profile = pieces
            .profile()
            .map_err(|why| Miss::Unknown(reply.doubt(&format!("order {reference} was taken, but {why}"))))?;
        let charged = loose::exact(&reply.value, "data.order.total_amount", self.currency);
        Ok(Delivery { reference: OrderReference(reference), profile: Some(profile), charged })
    }

    async fn buy_top_up(&self, request: &OrderRequest, iccid: &Iccid) -> Got<Delivery> {
        let package = request.offer.package_code.as_deref().unwrap_or(&request.offer.plan.0);
        // The way from the ICCID to the number that the top-up wants. Nothing is bought yet, whatever happens here.
        let entry = self.usage_entry(iccid, None).await.map_err(|miss| match miss {
            Miss::Unknown(doubt) => Miss::NeverSent(format!("the eSIM could not be read before: {}", doubt.evidence)),
            other => other,
        })?;
        let number = loose::text(&entry, "esimTranNo")
            .ok_or_else(|| Miss::NeverSent("Mobilexy names no esimTranNo for this ICCID".into()))?;
        let reply = self.ask(&rows::TOP_UP, Args::new().and("esimTranNo", number).and("packageCode", package)).await?;
        let reference =
            loose::text(&reply.value, "data.obj.transactionId").ok_or_else(|| reply.lacks("transactionId"))?;
        match loose::text(&reply.value, "data.obj.iccid") {
            Some(other) if other != iccid.as_str() => {
                Err(Miss::Unknown(reply.doubt(&format!("{reference} topped up another eSIM than was asked for"))))
            }
            _ => Ok(Delivery { reference: OrderReference(reference), profile: None, charged: None }),
        }
    }

    async fn buy_number(&self, request: &OrderRequest, token: &str) -> Got<Delivery> {
        let args = Args::new().and("offerToken", token).and("number", &request.offer.plan.0);
        let reply = self.ask(&rows::NUMBER_ORDER, args).await?;
        let id = loose::text(&reply.value, "data.order.virtual_number.id").ok_or_else(|| reply.lacks("number id"))?;
        let number = loose::text(&reply.value, "data.order.number");
        if number.as_deref().is_some_and(|number| digits(number) != digits(&request.offer.plan.0)) {
            return Err(Miss::Unknown(reply.doubt("another number was bought than was asked for")));
        }
        let charged = loose::exact(&reply.value, "data.order.retail_price", self.currency);
        Ok(Delivery { reference: OrderReference(format!("{NUMBER}{id}")), profile: None, charged })
    }

    /// Which remarks mean what is not published, so even a well-formed error is checked with the wallet: unchanged
    /// means refused, anything else means that nobody knows.
    async fn weigh_refusal(&self, request: &OrderRequest, refusal: Refusal) -> OrderOutcome {
        if matches!(refusal.reason, RefusalReason::Credentials | RefusalReason::RateLimited)
            || matches!(request.offer.kind, Kind::Number { .. })
        {
            return OrderOutcome::Refused(refusal);
        }
        let doubt = |why: String| OrderOutcome::Unknown(Doubt { evidence: why, provider_date: None });
        let said = &refusal.detail;
        match (request.balance_before, self.read_balance(Some(Urgency::Duty)).await) {
            (None, _) => doubt(format!("refused ({said}), and no balance was read before to check it")),
            (_, Err(miss)) => doubt(format!("refused ({said}), and the balance cannot be read: {}", miss.words())),
            (Some(before), Ok(now)) if now == before => OrderOutcome::Refused(refusal),
            (Some(before), Ok(now)) => doubt(format!("refused ({said}), but the balance went from {before} to {now}")),
        }
    }

    pub(super) async fn witness(&self, request: &OrderRequest) -> LookUp {
        match &request.offer.kind {
            Kind::Esim => self.balance_witness(request, None).await,
            Kind::TopUp { iccid } => self.balance_witness(request, Some(iccid)).await,
            Kind::Number { .. } => self.number_witness(&request.offer.plan.0).await,
        }
    }

    async fn balance_witness(&self, request: &OrderRequest, top_up: Option<&Iccid>) -> LookUp {
        let Some(before) = request.balance_before else {
            return LookUp::Undecidable { evidence: "no balance was read before the order".into() };
        };
        let now = match self.read_balance(Some(Urgency::Duty)).await {
            Ok(now) => now,
            Err(miss) => return LookUp::Unknown(miss.doubt()),
        };
        let evidence = format!("balance {before} before and {now} now, cost {}", request.offer.cost);
        if !self.exclusive {
            return LookUp::Undecidable { evidence: format!("{evidence}; others spend from this wallet too") };
        }
        let moved = movement(before, now, request.offer.cost);
        let Some(iccid) = top_up else {
            return match moved {
                Movement::None => LookUp::NotThere,
                Movement::ByTheCost => LookUp::BoughtAndLost { evidence },
                Movement::Otherwise => LookUp::Undecidable { evidence },
            };
        };
        // A top-up needs no code, so money that moved by its cost means that it is done.
        let total = self.usage_entry(iccid, Some(Urgency::Duty)).await.ok();
        let total =
            total.and_then(|entry| loose::whole(&entry, "totalData")).and_then(|bytes| u64::try_from(bytes).ok());
        let rose = matches!((request.total_before, total), (Some(before), Some(now)) if now > before);
        match moved {
            Movement::ByTheCost => LookUp::Found(OrderOutcome::Done(Delivery {
                reference: OrderReference(format!("balance/{}", request.key.reference())),
                profile: None,
                charged: Some(request.offer.cost),
            })),
            Movement::None if !rose => LookUp::NotThere,
            _ => LookUp::Undecidable {
                evidence: format!("{evidence}; total {:?} before, {total:?} now", request.total_before),
            },
        }
    }

    async fn number_witness(&self, wanted: &str) -> LookUp {
        let reply = match self.ask_duty(&rows::NUMBERS, Args::new().and("per_page", NUMBERS_PAGE)).await {
            Ok(reply) => reply,
            Err(miss) => return LookUp::Unknown(miss.doubt()),
        };
        let Some(list) = number_list(&reply) else {
            return LookUp::Unknown(reply.doubt("the list of numbers has an unknown form"));
        };
        let full = list.len() >= NUMBERS_PAGE;
        let ours = list
            .into_iter()
            .find(|entry| loose::text(entry, "number").is_some_and(|number| digits(&number) == digits(wanted)));
        let Some(ours) = ours else {
            if full {
                let evidence = format!("{wanted} is not among the first {NUMBERS_PAGE} numbers; there are more");
                return LookUp::Undecidable { evidence };
            }
            return LookUp::NotThere;
        };
        match loose::any_text(ours, &["id", "roamlinx_number_id"]) {
            None => LookUp::Undecidable { evidence: format!("{wanted} is ours, but the list names no id for it") },
            Some(id) => LookUp::Found(OrderOutcome::Done(Delivery {
                reference: OrderReference(format!("{NUMBER}{id}")),
                profile: None,
                charged: None,
            })),
        }
    }

    pub(super) async fn undo(&self, reference: &OrderReference) -> Got<()> {
        let Some(id) = reference.0.strip_prefix(NUMBER) else {
            return Err(Miss::NeverSent("Mobilexy has no call that cancels an eSIM: ask its support".into()));
        };
        match self.ask_duty(&rows::NUMBER_CANCEL, Args::new().and("id", id)).await {
            // Asked a second time, it says that it was cancelled before: what it is now tells that from a refusal.
            Err(Miss::Refused(refusal)) => match self.ask_duty(&rows::NUMBER, Args::new().and("id", id)).await {
                Ok(reply) if ends(&reply) => Ok(()),
                _ => Err(Miss::Refused(refusal)),
            },
            answered => answered.map(|_| ()),
        }
    }
}

/// A number that is not paid for any more after its current term.
fn ends(reply: &Reply) -> bool {
    let places = ["data.virtual_number.status", "data.number.status", "data.status"];
    let status = places.iter().find_map(|place| loose::text(&reply.value, place));
    status.is_some_and(|status| matches!(status.as_str(), "pending_termination" | "terminated"))
}

/// The document does not show the list: an array under one of the likely names, perhaps paged.
fn number_list(reply: &Reply) -> Option<Vec<&serde_json::Value>> {
    let names = [
        "data",
        "data.data",
        "data.numbers",
        "data.numbers.data",
        "data.virtual_numbers",
        "data.virtual_numbers.data",
        "data.items",
    ];
    loose::entries(&reply.value, &names)
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

enum Movement {
    None,
    ByTheCost,
    Otherwise,
}

fn movement(before: Exact, now: Exact, cost: Exact) -> Movement {
    if before.currency != now.currency || before.currency != cost.currency {
        return Movement::Otherwise;
    }
    match before.units - now.units {
        0 => Movement::None,
        gone if (gone - cost.units).abs() <= TOLERANCE => Movement::ByTheCost,
        _ => Movement::Otherwise,
    }
}
