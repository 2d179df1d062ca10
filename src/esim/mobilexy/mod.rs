//! Mobilexy: one key, form fields, an envelope of `remark`, `status`, `message`, `data`; no idempotency key, no
//! client reference and no order list for eSIMs. After a doubtful purchase only the wallet can tell whether money
//! moved, and the code cannot be fetched again (providers.md 3.1).

mod orders;
mod plans;
pub mod rows;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::calls::{Args, BodyForm, Place, Row};
use super::evidence::{Got, Miss, Speech};
use super::http::{NoClient, Payload};
use super::line::{Line, Reply};
use super::loose;
use super::pace::{Health, Urgency};
use super::secret::{Kept, Mask, SecretPlace};
use super::section::{Connection, Sum};
use super::{
    DuplicateGuard, EsimProvider, LookUp, OrderOutcome, OrderRequest, Outcome, PriceCheck, ProviderPlan, RefusalReason,
    Sent, Usage,
};
use crate::money::{Currency, Exact};
use crate::sale::activation::Iccid;
use crate::sale::offer::{Kind, Offer, OrderReference, ProviderId};
use plans::PlanList;

/// The most that an order may cost where the configuration does not say: 25.00.
const MOST_UNITS: i128 = 25 * crate::money::EXACT_SCALE;
/// Country lists that are fetched side by side.
const LANES: usize = 4;

/// The section of the configuration: `api = "mobilexy"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The account's name in prices, rules and the journal.
    #[serde(default = "default_name")]
    pub name: String,
    /// Base address.
    #[serde(default = "default_base")]
    pub base: String,
    /// Where the API key lies.
    pub key: SecretPlace,
    /// What a null currency means. Mobilexy states none; ask them, then write it here.
    pub currency: Currency,
    /// Nobody else spends from this wallet: only then a balance difference proves anything.
    #[serde(default)]
    pub account_exclusive: bool,
    /// What costs more is neither offered nor ordered, since a lost code cannot be fetched again; 25.00 of `currency`
    /// where it is not named.
    pub most_per_order: Option<Sum>,
    /// Time limits, additional roots, paths.
    #[serde(default)]
    pub connection: Connection,
}

fn default_name() -> String {
    "mobilexy".into()
}

fn default_base() -> String {
    "https://mobilexy.com/api".into()
}

impl Section {
    /// The most that one order may cost; none where it is no sum in the account's currency.
    pub fn most(&self) -> Option<Exact> {
        match &self.most_per_order {
            Some(sum) => sum.exact().ok().filter(|most| most.currency == self.currency && most.units > 0),
            None => Some(Exact { units: MOST_UNITS, currency: self.currency }),
        }
    }
}

/// The client.
pub struct Mobilexy {
    id: ProviderId,
    key: Kept,
    currency: Currency,
    exclusive: bool,
    most: Exact,
    line: Line,
}

struct Envelope;

impl Speech for Envelope {
    fn verdict(&self, value: &Value) -> Option<bool> {
        match loose::text(value, "status") {
            Some(status) if status.eq_ignore_ascii_case("success") => {
                Some(loose::flag(value, "data.success").unwrap_or(true))
            }
            Some(status) if status.eq_ignore_ascii_case("error") => Some(false),
            Some(_) => None,
            None => loose::flag(value, "success"),
        }
    }

    /// The list of `remark`s is not published: the words decide, and where they say nothing it is `Other`.
    fn reason(&self, status: u16, value: &Value) -> RefusalReason {
        let words = self.words(value).to_ascii_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        if matches!(status, 401 | 403) || says(&["api key", "api_key", "unauth", "invalid key"]) {
            RefusalReason::Credentials
        } else if says(&["insufficient", "balance", "not enough fund"]) {
            RefusalReason::NoFunds
        } else if says(&["plan not", "plan is not", "invalid plan", "plan_id", "no longer available"]) {
            RefusalReason::PlanGone
        } else if status == 404 || says(&["not found"]) {
            RefusalReason::NotFound
        } else {
            RefusalReason::Other
        }
    }
}

impl Mobilexy {
    /// The client of this section. Reads the key; sends nothing.
    ///
    /// # Errors
    /// [`NoClient`] names the setting that is wrong.
    pub fn new(section: &Section, machine: &str) -> Result<Self, NoClient> {
        let key = Kept::read(&section.key)?;
        let mask = Mask::of_kept([key.clone()]);
        let most = section.most().ok_or(NoClient::MostPerOrder)?;
        Ok(Mobilexy {
            id: ProviderId(section.name.clone()),
            key,
            currency: section.currency,
            exclusive: section.account_exclusive,
            most,
            line: Line::new(&section.base, &section.connection, BodyForm::Form, mask, machine)?,
        })
    }

    async fn ask(&self, row: &Row, args: Args) -> Got<Reply> {
        self.ask_as(row, args, None).await
    }

    /// As a duty: passes the breaker, because an open order waits for it.
    async fn ask_duty(&self, row: &Row, args: Args) -> Got<Reply> {
        self.ask_as(row, args, Some(Urgency::Duty)).await
    }

    async fn ask_as(&self, row: &Row, args: Args, urgency: Option<Urgency>) -> Got<Reply> {
        let mut draft = self.line.draft(row, &args)?;
        if let Some(urgency) = urgency {
            draft.urgency = urgency;
        }
        match &mut draft.payload {
            Payload::Form(fields) => fields.insert(0, ("api_key".to_owned(), self.key.now().reveal().to_owned())),
            // The coverage calls list no parameter, so the key stays out of their addresses.
            _ if row.path.starts_with("/virtual-numbers") => {
                draft.url.query_pairs_mut().append_pair("api_key", self.key.now().reveal());
            }
            _ => {}
        }
        self.line.send(row, draft, &Envelope).await
    }

    async fn plan_list(&self, list: &PlanList, urgency: Option<Urgency>) -> Got<Reply> {
        match list {
            PlanList::Country(slug, _) => {
                self.ask_as(&rows::COUNTRY_PLANS, Args::new().and("slug", slug), urgency).await
            }
            PlanList::Region(slug, _) => self.ask_as(&rows::REGION_PLANS, Args::new().and("slug", slug), urgency).await,
            PlanList::Global => self.ask_as(&rows::GLOBAL_PLANS, Args::new(), urgency).await,
        }
    }

    async fn plans_of(&self, list: &PlanList) -> Got<Vec<ProviderPlan>> {
        let reply = self.plan_list(list, None).await?;
        let plans = loose::entries(&reply.value, &["data.plans"]).ok_or_else(|| reply.lacks("data.plans"))?;
        Ok(plans.into_iter().filter_map(|plan| plans::plan(plan, list, self.currency)).collect())
    }

    async fn lane(&self, lists: &[PlanList], lane: usize) -> Got<Vec<ProviderPlan>> {
        let mut plans = Vec::new();
        for list in lists.iter().skip(lane).step_by(LANES) {
            plans.extend(self.plans_of(list).await?);
        }
        Ok(plans)
    }

    async fn places(&self, row: &Row, path: &str, list: fn(String, String) -> PlanList) -> Got<Vec<PlanList>> {
        let reply = self.ask(row, Args::new()).await?;
        let entries = loose::entries(&reply.value, &[path]).ok_or_else(|| reply.lacks(path))?;
        let place = |entry: &&Value| Some(list(loose::text(entry, "slug")?, loose::text(entry, "name")?));
        Ok(entries.iter().filter_map(place).collect())
    }

    async fn every_plan(&self) -> Got<Vec<ProviderPlan>> {
        let mut lists = self.places(&rows::COUNTRIES, "data.countries", PlanList::Country).await?;
        lists.extend(self.places(&rows::REGIONS, "data.regions", PlanList::Region).await?);
        lists.push(PlanList::Global);
        let (one, two, three, four) =
            tokio::try_join!(self.lane(&lists, 0), self.lane(&lists, 1), self.lane(&lists, 2), self.lane(&lists, 3))?;
        let mut plans: Vec<ProviderPlan> = [one, two, three, four].into_iter().flatten().collect();
        plans.retain(|plan| self.affordable(plan.cost));
        Ok(plans)
    }

    /// Whether so much may be risked in one order.
    fn affordable(&self, cost: Exact) -> bool {
        cost.currency == self.most.currency && cost.units <= self.most.units
    }

    async fn read_balance(&self, urgency: Option<Urgency>) -> Got<Exact> {
        let reply = self.ask_as(&rows::BALANCE, Args::new(), urgency).await?;
        loose::exact(&reply.value, "data.balance", self.currency).ok_or_else(|| reply.lacks("data.balance"))
    }

    async fn current_price(&self, offer: &Offer) -> Got<PriceCheck> {
        let gone = || Miss::refused(RefusalReason::PlanGone, format!("no plan {} in Mobilexy's lists", offer.plan.0));
        let (list, id) = PlanList::of_key(&offer.plan).ok_or_else(gone)?;
        let reply = self.plan_list(&list, Some(Urgency::Prompt)).await?;
        let plans = loose::entries(&reply.value, &["data.plans"]).ok_or_else(|| reply.lacks("data.plans"))?;
        let plan = plans.into_iter().find(|plan| loose::whole(plan, "id") == Some(id)).ok_or_else(gone)?;
        let cost = plans::cost(plan, self.currency).ok_or_else(|| reply.lacks("converted_price"))?;
        Ok(PriceCheck { cost, available: loose::whole(plan, "status").is_none_or(|status| status == 1) })
    }

    /// The entry of the usage list for this card.
    async fn usage_entry(&self, iccid: &Iccid, urgency: Option<Urgency>) -> Got<Value> {
        let reply = self.ask_as(&rows::USAGE, Args::new().and("iccid", iccid.as_str()), urgency).await?;
        let list = loose::entries(&reply.value, &["obj.usageList"]).unwrap_or_default();
        match list.as_slice() {
            [only] => Ok((*only).clone()),
            [] => Err(Miss::refused(RefusalReason::NotFound, "Mobilexy knows no eSIM with this ICCID")),
            _ => Err(reply.lacks("single entry of usageList")),
        }
    }
}

#[async_trait]
impl EsimProvider for Mobilexy {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn guard(&self, offer: &Offer) -> DuplicateGuard {
        match offer.kind {
            Kind::Esim | Kind::TopUp { .. } => DuplicateGuard::None,
            // The list of our numbers shows whether the number that was asked for is ours.
            Kind::Number { .. } => DuplicateGuard::LookUp,
        }
    }

    async fn catalogue(&self) -> Outcome<Vec<ProviderPlan>> {
        self.every_plan().await.into()
    }

    async fn price(&self, offer: &Offer) -> Outcome<PriceCheck> {
        match &offer.kind {
            Kind::Esim => self.current_price(offer).await.into(),
            // Neither list names a price again: the offer's own is minutes old by its token.
            Kind::TopUp { .. } | Kind::Number { .. } => Outcome::Done(PriceCheck { cost: offer.cost, available: true }),
        }
    }

    async fn balance(&self) -> Outcome<Exact> {
        self.read_balance(None).await.into()
    }

    async fn order(&self, request: &OrderRequest) -> OrderOutcome {
        self.buy(request).await
    }

    async fn look_up(&self, request: &OrderRequest, _sent: &Sent) -> LookUp {
        self.witness(request).await
    }

    async fn fetch(&self, _request: &OrderRequest, reference: &OrderReference) -> OrderOutcome {
        OrderOutcome::Unknown(super::Doubt {
            evidence: format!("Mobilexy has no call that reads order {} again", reference.0),
            provider_date: None,
        })
    }

    async fn usage(&self, iccid: &Iccid) -> Outcome<Usage> {
        let read = async {
            let entry = self.usage_entry(iccid, None).await?;
            let total = loose::whole(&entry, "totalData");
            Ok(Usage {
                total_bytes: total.and_then(|bytes| u64::try_from(bytes).ok()),
                used_bytes: loose::whole(&entry, "dataUsage").and_then(|bytes| u64::try_from(bytes).ok()),
                as_of: loose::text(&entry, "lastUpdateTime"),
                expires: None,
                status: None,
            })
        };
        let got: Got<Usage> = read.await;
        got.into()
    }

    /// Mobilexy lists no compatible top-ups; an eSIM takes the package code of the plan it was sold with.
    async fn top_up_offers(&self, _iccid: &Iccid) -> Outcome<Vec<ProviderPlan>> {
        Outcome::Done(Vec::new())
    }

    async fn cancel(&self, reference: &OrderReference) -> Outcome<()> {
        self.undo(reference).await.into()
    }

    fn health(&self) -> Health {
        self.line.health()
    }

    fn calls(&self) -> &'static [Row] {
        rows::ROWS
    }

    async fn call(&self, row: &str, args: Args) -> Outcome<Value> {
        let Some(row) = rows::ROWS.iter().find(|known| known.name == row) else {
            return Outcome::NeverSent(format!("Mobilexy has no call {row:?}: see `provider {} calls`", self.id));
        };
        debug_assert!(row.params.iter().all(|param| param.place != Place::Query || row.method == "GET"));
        self.ask(row, args).await.map(|reply| reply.value).into()
    }
}
