//! eSIMfly: every request signed, a request id that is never taken twice, optionally an idempotency key, and a list of
//! orders for what is in doubt (providers.md 1.3, 2.1, 3.3).

mod orders;
mod packages;
pub mod rows;
pub mod sign;

use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::calls::{Args, BodyForm, Row};
use super::evidence::{Got, Miss, Speech};
use super::http::{NoClient, Payload};
use super::line::{CLOCK_MAX_S, Line, Reply};
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
/// Entries of a page: the documented most.
const PAGE: u32 = 100;

/// The section of the configuration: `api = "esimfly"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The account's name in prices, rules and the journal.
    #[serde(default = "default_name")]
    pub name: String,
    /// Base address.
    #[serde(default = "default_base")]
    pub base: String,
    /// Where the access code (`esf_…`) lies.
    pub access_code: SecretPlace,
    /// Where the secret key (`sk_…`) lies.
    pub key: SecretPlace,
    /// The currency of prices that state none.
    pub currency: Currency,
    /// The acceptance test has shown that this account replays an `idempotency_key`.
    #[serde(default)]
    pub keys_proven: bool,
    /// Nobody else orders from this account: only then a match in the list of orders proves anything.
    #[serde(default)]
    pub account_exclusive: bool,
    /// Words in a package's name or networks that mean a slow profile: sold from stock only.
    #[serde(default = "default_slow")]
    pub slow_marks: Vec<String>,
    /// Time limits, additional roots, paths.
    #[serde(default)]
    pub connection: Connection,
}

fn default_name() -> String {
    "esimfly".into()
}

fn default_base() -> String {
    "https://esimfly.net/api/v1/business".into()
}

fn default_slow() -> Vec<String> {
    vec!["KDDI".into()]
}

/// The client.
pub struct Esimfly {
    id: ProviderId,
    access_code: Kept,
    key: Kept,
    currency: Currency,
    keys_proven: bool,
    exclusive: bool,
    slow_marks: Vec<String>,
    line: Line,
    /// Orders of this process, so that no look-up takes one of them for its own.
    own: Mutex<orders::Own>,
}

struct Envelope;

impl Speech for Envelope {
    fn verdict(&self, value: &Value) -> Option<bool> {
        loose::flag(value, "success")
    }

    fn reason(&self, status: u16, value: &Value) -> RefusalReason {
        match loose::text(value, "code").unwrap_or_default().as_str() {
            "INVALID_API_KEY" | "INVALID_SIGNATURE" | "HMAC_REQUIRED" | "INVALID_USER" | "FORBIDDEN" => {
                RefusalReason::Credentials
            }
            "INVALID_TIMESTAMP" => RefusalReason::ClockWrong,
            "DUPLICATE_REQUEST" => RefusalReason::Duplicate,
            "INSUFFICIENT_BALANCE" => RefusalReason::NoFunds,
            "INVALID_PACKAGE" | "PACKAGE_NOT_FOUND" | "MISSING_PACKAGE_CODE" | "INVALID_TOPUP_PACKAGE" => {
                RefusalReason::PlanGone
            }
            "PRICE_MISMATCH" => RefusalReason::PriceChanged,
            "ORDER_NOT_FOUND" | "ESIM_NOT_FOUND" => RefusalReason::NotFound,
            "RATE_LIMIT_EXCEEDED" => RefusalReason::RateLimited,
            "" if matches!(status, 401 | 403) => RefusalReason::Credentials,
            "" if status == 404 => RefusalReason::NotFound,
            _ => RefusalReason::Other,
        }
    }

    fn doubtful(&self, value: &Value) -> bool {
        matches!(loose::text(value, "code").as_deref(), Some("ORDER_PROCESSING_ERROR" | "PROVIDER_ERROR"))
    }
}

impl Esimfly {
    /// The client of this section. Reads the keys; sends nothing.
    ///
    /// # Errors
    /// [`NoClient`] names the setting that is wrong.
    pub fn new(section: &Section, machine: &str) -> Result<Self, NoClient> {
        let (access_code, key) = (Kept::read(&section.access_code)?, Kept::read(&section.key)?);
        let mask = Mask::of_kept([access_code.clone(), key.clone()]);
        Ok(Esimfly {
            id: ProviderId(section.name.clone()),
            access_code,
            key,
            currency: section.currency,
            keys_proven: section.keys_proven,
            exclusive: section.account_exclusive,
            slow_marks: section.slow_marks.clone(),
            line: Line::new(&section.base, &section.connection, BodyForm::Json, mask, machine)?,
            own: Mutex::default(),
        })
    }

    async fn ask(&self, row: &Row, args: Args) -> Got<Reply> {
        self.ask_as(row, args, None, None).await
    }

    async fn ask_duty(&self, row: &Row, args: Args) -> Got<Reply> {
        self.ask_as(row, args, None, Some(Urgency::Duty)).await
    }

    /// Signs and sends. An order brings its own request id; everything else gets a fresh one.
    async fn ask_as(&self, row: &Row, args: Args, request_id: Option<String>, urgency: Option<Urgency>) -> Got<Reply> {
        self.line.clock_is_right().await?;
        let mut draft = self.line.draft(row, &args)?;
        if let Some(urgency) = urgency {
            draft.urgency = urgency;
        }
        let fresh = || sign::fresh_request_id().map_err(|error| Miss::NeverSent(format!("no randomness: {error}")));
        let request_id = request_id.map_or_else(fresh, Ok)?;
        let body: &[u8] = if let Payload::Json(bytes) = &draft.payload { bytes } else { b"" };
        let now = Timestamp::now().as_millisecond();
        let access_code = self.access_code.now();
        let signature = sign::signature(now, &request_id, access_code.reveal(), &self.key.now(), body);
        for (name, value) in [
            ("rt-accesscode", access_code.reveal()),
            ("rt-requestid", &request_id),
            ("rt-timestamp", &now.to_string()),
            ("rt-signature", &signature),
        ] {
            draft.secret_header(name, value);
        }
        self.line.send(row, draft, &Envelope).await
    }

    async fn every_package(&self) -> Got<Vec<ProviderPlan>> {
        let mut plans = Vec::new();
        for page in 1..=PAGES_MAX {
            let reply = self.ask(&rows::PACKAGES, Args::new().and("page", page).and("limit", PAGE)).await?;
            let list = loose::entries(&reply.value, &["data.packages"]).ok_or_else(|| reply.lacks("packages"))?;
            let empty = list.is_empty();
            plans.extend(list.into_iter().filter_map(|one| packages::plan(one, self.currency, &self.slow_marks)));
            let last = packages::pages(&reply.value).ok_or_else(|| reply.lacks("number of pages"))?;
            if empty || i64::from(page) >= last {
                return Ok(plans);
            }
        }
        Err(Miss::unknown("the list of packages has no end"))
    }

    async fn read_balance(&self) -> Got<Exact> {
        let reply = self.ask_duty(&rows::BALANCE, Args::new()).await?;
        let currency = loose::currency(&reply.value, "data.currency").unwrap_or(self.currency);
        loose::exact(&reply.value, "data.balance", currency).ok_or_else(|| reply.lacks("balance"))
    }

    async fn current_price(&self, offer: &Offer) -> Got<PriceCheck> {
        let (region, _) = packages::region_and_name(offer);
        for page in 1..=PAGES_MAX {
            let (row, args) = match &offer.kind {
                Kind::TopUp { iccid } => (&rows::TOP_UP_PACKAGES, Args::new().and("iccid", iccid.as_str())),
                _ => (&rows::PACKAGES, Args::new().and("search", region)),
            };
            let reply =
                self.ask_as(row, args.and("page", page).and("limit", PAGE), None, Some(Urgency::Prompt)).await?;
            let list = loose::entries(&reply.value, &["data.packages"]).ok_or_else(|| reply.lacks("packages"))?;
            let wanted = Some(offer.plan.0.as_str());
            if let Some(found) = list.iter().find(|one| loose::text(one, "package_code").as_deref() == wanted) {
                let cost = packages::cost(found, self.currency).ok_or_else(|| reply.lacks("cost"))?;
                return Ok(PriceCheck { cost, available: true });
            }
            if list.is_empty() || packages::pages(&reply.value).is_none_or(|last| i64::from(page) >= last) {
                break;
            }
        }
        Err(Miss::refused(RefusalReason::PlanGone, "the package is not listed any more"))
    }

    async fn read_usage(&self, iccid: &Iccid, urgency: Option<Urgency>) -> Got<Usage> {
        let reply = self.ask_as(&rows::USAGE, Args::new().and("iccid", iccid.as_str()), None, urgency).await?;
        let megabytes = |name: &str| loose::bytes(&reply.value, &format!("data.data.{name}"), 1 << 20);
        let unlimited = loose::flag(&reply.value, "data.data.is_unlimited") == Some(true);
        Ok(Usage {
            // Unlimited is a total of nothing.
            total_bytes: if unlimited { None } else { megabytes("total_mb").filter(|bytes| *bytes > 0) },
            used_bytes: megabytes("used_mb"),
            as_of: reply.date.map(|date| date.to_string()),
            expires: loose::text(&reply.value, "data.validity.expires_at"),
            status: loose::text(&reply.value, "data.esim.status"),
        })
    }
}

#[async_trait]
impl EsimProvider for Esimfly {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn guard(&self, offer: &Offer) -> DuplicateGuard {
        match offer.kind {
            // The key is known for orders alone; a top-up has its request id and nothing else.
            Kind::Esim if self.keys_proven => DuplicateGuard::Replay,
            _ => DuplicateGuard::HardRefusal,
        }
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

    async fn look_up(&self, request: &OrderRequest, sent: &Sent) -> LookUp {
        self.by_the_list(request, sent).await
    }

    async fn fetch(&self, request: &OrderRequest, reference: &OrderReference) -> OrderOutcome {
        self.profile_of(request, reference).await
    }

    async fn usage(&self, iccid: &Iccid) -> Outcome<Usage> {
        self.read_usage(iccid, None).await.into()
    }

    async fn top_up_offers(&self, iccid: &Iccid) -> Outcome<Vec<ProviderPlan>> {
        let read = async {
            let mut offers = Vec::new();
            for page in 1..=PAGES_MAX {
                let args = Args::new().and("iccid", iccid.as_str()).and("page", page).and("limit", PAGE);
                let reply = self.ask(&rows::TOP_UP_PACKAGES, args).await?;
                let list = loose::entries(&reply.value, &["data.packages"]).ok_or_else(|| reply.lacks("packages"))?;
                let empty = list.is_empty();
                offers.extend(list.into_iter().filter_map(|one| packages::plan(one, self.currency, &[])));
                if empty || packages::pages(&reply.value).is_none_or(|last| i64::from(page) >= last) {
                    return Ok(offers);
                }
            }
            Err(Miss::unknown("the list of top-ups has no end"))
        };
        let got: Got<Vec<ProviderPlan>> = read.await;
        got.into()
    }

    async fn cancel(&self, reference: &OrderReference) -> Outcome<()> {
        self.undo(reference).await.into()
    }

    /// With our clock too far from theirs every signature is refused: then nothing is sold.
    fn health(&self) -> Health {
        let health = self.line.health_signed();
        let clock = health.clock_ahead_s.is_none_or(|ahead| ahead.unsigned_abs() <= CLOCK_MAX_S);
        Health { sells: health.sells && clock, ..health }
    }

    fn calls(&self) -> &'static [Row] {
        rows::ROWS
    }

    async fn call(&self, row: &str, args: Args) -> Outcome<Value> {
        let Some(row) = rows::ROWS.iter().find(|known| known.name == row) else {
            return Outcome::NeverSent(format!("eSIMfly has no call {row:?}: see `provider {} calls`", self.id));
        };
        self.ask(row, args).await.map(|reply| reply.value).into()
    }
}
