//! Roamify: a bearer token, an envelope of `status` and `data`. The order answers fast and can be looked up by our
//! reference; the profile is generated in a second step of up to 90 seconds that cannot charge again
//! (providers.md 1.2, 2.2, 3.2).

mod orders;
mod packages;
pub mod rows;

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::calls::{Args, BodyForm, Row};
use super::evidence::{Bare, Got, Miss, Speech};
use super::http::NoClient;
use super::line::{Line, Reply};
use super::loose;
use super::pace::{Health, Urgency};
use super::secret::{Kept, Mask, SecretPlace};
use super::section::Connection;
use super::{
    DuplicateGuard, EsimProvider, LookUp, OrderOutcome, OrderRequest, Outcome, PriceCheck, ProviderPlan, RefusalReason,
    Sent, Usage,
};
use crate::money::{Currency, Exact};
use crate::sale::activation::Iccid;
use crate::sale::offer::{Kind, Offer, OrderReference, ProviderId};

/// Pages after which a catalogue counts as endless.
const PAGES_MAX: u32 = 2_000;

/// The section of the configuration: `api = "roamify"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The account's name in prices, rules and the journal.
    #[serde(default = "default_name")]
    pub name: String,
    /// Base address; the test system is `https://api-dev.getroamify.com`.
    #[serde(default = "default_base")]
    pub base: String,
    /// Where the bearer token lies.
    pub key: SecretPlace,
    /// The currency of prices that state none.
    pub currency: Currency,
    /// Packages asked for in one page.
    #[serde(default = "default_page")]
    pub page_size: u32,
    /// Time limits, additional roots, paths.
    #[serde(default)]
    pub connection: Connection,
}

fn default_name() -> String {
    "roamify".into()
}

fn default_base() -> String {
    "https://api.getroamify.com".into()
}

fn default_page() -> u32 {
    200
}

/// The client.
pub struct Roamify {
    id: ProviderId,
    token: Kept,
    currency: Currency,
    page_size: u32,
    line: Line,
    /// When a profile was last asked to be generated, by eSIM id.
    applied: Mutex<HashMap<String, Instant>>,
}

struct Envelope;

impl Speech for Envelope {
    fn verdict(&self, value: &Value) -> Option<bool> {
        match loose::text(value, "status")?.to_ascii_lowercase().as_str() {
            "success" => Some(true),
            "failed" | "error" => Some(false),
            _ => None,
        }
    }

    fn reason(&self, status: u16, value: &Value) -> RefusalReason {
        let words = self.words(value).to_ascii_lowercase();
        match status {
            401 | 403 => RefusalReason::Credentials,
            _ if words.contains("balance") || words.contains("fund") => RefusalReason::NoFunds,
            _ if words.contains("package") => RefusalReason::PlanGone,
            404 => RefusalReason::NotFound,
            _ => RefusalReason::Other,
        }
    }

    /// "Still pending processing" says that the profile is on its way.
    fn doubtful(&self, value: &Value) -> bool {
        self.words(value).to_ascii_lowercase().contains("pending")
    }
}

impl Roamify {
    /// The client of this section. Reads the token; sends nothing.
    ///
    /// # Errors
    /// [`NoClient`] names the setting that is wrong.
    pub fn new(section: &Section, machine: &str) -> Result<Self, NoClient> {
        let token = Kept::read(&section.key)?;
        let mask = Mask::of_kept([token.clone()]);
        Ok(Roamify {
            id: ProviderId(section.name.clone()),
            token,
            currency: section.currency,
            page_size: section.page_size.max(1),
            line: Line::new(&section.base, &section.connection, BodyForm::Json, mask, machine)?,
            applied: Mutex::new(HashMap::new()),
        })
    }

    async fn ask(&self, row: &Row, args: Args) -> Got<Reply> {
        self.ask_as(row, args, None).await
    }

    async fn ask_as(&self, row: &Row, args: Args, urgency: Option<Urgency>) -> Got<Reply> {
        let mut draft = self.line.draft(row, &args)?;
        if let Some(urgency) = urgency {
            draft.urgency = urgency;
        }
        draft.bearer(&self.token.now());
        let speech: &dyn Speech = if row.name == rows::HEALTH.name { &Bare } else { &Envelope };
        self.line.send(row, draft, speech).await
    }

    /// Every page until one brings nothing new: the size of a page may be cut by the server.
    async fn every_package(&self) -> Got<Vec<ProviderPlan>> {
        let (mut plans, mut seen) = (Vec::new(), HashSet::new());
        for page in 1..=PAGES_MAX {
            let args = Args::new().and("page", page).and("pageSize", self.page_size);
            let reply = self.ask(&rows::PACKAGES, args).await?;
            let data = loose::at(&reply.value, "data").ok_or_else(|| reply.lacks("data"))?;
            let fresh = packages::packages(data, self.currency).ok_or_else(|| reply.lacks("list of packages"))?;
            let before = plans.len();
            // One package can stand under several countries: each is a plan of its own there.
            plans.extend(
                fresh.into_iter().filter(|plan| seen.insert((plan.key.clone(), format!("{:?}", plan.coverage)))),
            );
            if plans.len() == before {
                return Ok(plans);
            }
        }
        Err(Miss::unknown("the list of packages has no end"))
    }

    async fn read_balance(&self) -> Got<Exact> {
        let reply = self.ask(&rows::BALANCE, Args::new()).await?;
        let currency = loose::currency(&reply.value, "data.currency").unwrap_or(self.currency);
        loose::exact(&reply.value, "data.balance", currency).ok_or_else(|| reply.lacks("data.balance"))
    }

    async fn current_price(&self, offer: &Offer) -> Got<PriceCheck> {
        let (row, args) = match &offer.kind {
            Kind::TopUp { iccid } => {
                (&rows::TOP_UP_PACKAGES, Args::new().and("iccid", iccid.as_str()).and("packageId", &offer.plan.0))
            }
            _ => (&rows::PACKAGES, Args::new().and("packageId", &offer.plan.0)),
        };
        let reply = self.ask_as(row, args, Some(Urgency::Prompt)).await?;
        let data = loose::at(&reply.value, "data").ok_or_else(|| reply.lacks("data"))?;
        let found = find_package(data, &offer.plan.0)
            .ok_or_else(|| Miss::refused(RefusalReason::PlanGone, "the package is not listed any more"))?;
        let cost = packages::cost(found, self.currency).ok_or_else(|| reply.lacks("price"))?;
        Ok(PriceCheck { cost, available: true })
    }

    async fn read_usage(&self, iccid: &Iccid) -> Got<Usage> {
        let reply = self.ask(&rows::USAGE, Args::new().and("iccid", iccid.as_str())).await?;
        let megabytes = |name: &str| loose::bytes(&reply.value, &format!("data.{name}"), 1 << 20);
        let (total, left) = (megabytes("allowedData"), megabytes("remainingData"));
        Ok(Usage {
            total_bytes: total.filter(|bytes| *bytes > 0),
            used_bytes: total.zip(left).map(|(total, left)| total.saturating_sub(left)),
            as_of: reply.date.map(|date| date.to_string()),
            expires: loose::moment(&reply.value, "data.expiredAt").map(|stamp| stamp.to_string()),
            status: loose::text(&reply.value, "data.status"),
        })
    }
}

/// The package with this id, at any depth of the known forms.
fn find_package<'a>(data: &'a Value, id: &str) -> Option<&'a Value> {
    match data {
        Value::Object(_) if loose::text(data, "packageId").as_deref() == Some(id) => Some(data),
        Value::Object(map) => map.values().find_map(|inner| find_package(inner, id)),
        Value::Array(list) => list.iter().find_map(|inner| find_package(inner, id)),
        _ => None,
    }
}

#[async_trait]
impl EsimProvider for Roamify {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn guard(&self, _offer: &Offer) -> DuplicateGuard {
        DuplicateGuard::LookUp
    }

    async fn catalogue(&self) -> Outcome<Vec<ProviderPlan>> {
        self.every_package().await.into()
    }

    async fn price(&self, offer: &Offer) -> Outcome<PriceCheck> {
        self.current_price(offer).await.into()
    }

    async fn balance(&self) -> Outcome<Exact> {
        self.read_balance().await.into()
    }

    async fn order(&self, request: &OrderRequest) -> OrderOutcome {
        self.buy(request).await
    }

    async fn look_up(&self, request: &OrderRequest, _sent: &Sent) -> LookUp {
        self.by_our_reference(request).await
    }

    async fn fetch(&self, request: &OrderRequest, reference: &OrderReference) -> OrderOutcome {
        self.profile_of(request, reference).await
    }

    async fn usage(&self, iccid: &Iccid) -> Outcome<Usage> {
        self.read_usage(iccid).await.into()
    }

    async fn top_up_offers(&self, iccid: &Iccid) -> Outcome<Vec<ProviderPlan>> {
        let read = async {
            let reply = self.ask(&rows::TOP_UP_PACKAGES, Args::new().and("iccid", iccid.as_str())).await?;
            let list = loose::entries(&reply.value, &["data", "data.packages"]).ok_or_else(|| reply.lacks("data"))?;
            Ok(list.into_iter().filter_map(|package| packages::top_up(package, self.currency)).collect())
        };
        let got: Got<Vec<ProviderPlan>> = read.await;
        got.into()
    }

    /// A refund at Roamify is a request that people decide days later and that revokes nothing: it undoes no order.
    async fn cancel(&self, _reference: &OrderReference) -> Outcome<()> {
        Outcome::NeverSent(format!("Roamify undoes no order: ask for a refund with `provider {} call refund`", self.id))
    }

    fn health(&self) -> Health {
        self.line.health()
    }

    fn calls(&self) -> &'static [Row] {
        rows::ROWS
    }

    async fn call(&self, row: &str, args: Args) -> Outcome<Value> {
        let Some(row) = rows::ROWS.iter().find(|known| known.name == row) else {
            return Outcome::NeverSent(format!("Roamify has no call {row:?}: see `provider {} calls`", self.id));
        };
        self.ask(row, args).await.map(|reply| reply.value).into()
    }
}
