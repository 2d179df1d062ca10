//! The JWT reseller API (StrongeSIM): a session with tokens that end, an `Idempotency-Key` that has to be proven, a
//! list of orders that may carry our tag, and profiles that come later, as text or only as a picture
//! (providers.md 1.4, 2.4, 3.4).

mod orders;
mod picture;
mod plans;
pub mod rows;
mod session;
mod speech;

use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::calls::{Args, BodyForm, Row};
use super::evidence::{Bare, Got, Miss};
use super::http::NoClient;
use super::line::{Line, Reply};
use super::loose;
use super::pace::{Health, Urgency};
use super::secret::{Kept, Mask, Secret, SecretPlace};
use super::section::Connection;
use super::{
    DuplicateGuard, EsimProvider, LookUp, OrderOutcome, OrderRequest, Outcome, PriceCheck, ProviderPlan, RefusalReason,
    Sent, Usage,
};
use crate::money::{Currency, Exact};
use crate::sale::activation::Iccid;
use crate::sale::offer::{Kind, Offer, OrderReference, ProviderId};
use session::{Logins, Tokens};
use speech::Envelope;

/// Pages after which a catalogue counts as endless.
const PAGES_MAX: u32 = 2_000;
/// Entries of a page: the documented most.
const PAGE: u32 = 100;

/// The section of the configuration: `api = "reseller"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The account's name in prices, rules and the journal.
    #[serde(default = "default_name")]
    pub name: String,
    /// Base address, such as `https://api.strongesim.com/api/v1`.
    pub base: String,
    /// The account's e-mail address.
    pub email: String,
    /// Where the password lies.
    pub password: SecretPlace,
    /// The currency of prices that state none.
    pub currency: Currency,
    /// The operator's own address: each order gets it with a tag, `kiosk+01J…-0@operator.example`. The traveller's is
    /// never asked for.
    pub customer_email: String,
    /// The acceptance test has shown that a repeated `Idempotency-Key` brings the first order again.
    #[serde(default)]
    pub keys_proven: bool,
    /// The acceptance test has shown that the list of orders carries the customer's name or address.
    #[serde(default)]
    pub list_shows_customer: bool,
    /// Nobody else orders from this account.
    #[serde(default)]
    pub account_exclusive: bool,
    /// Orders are cancelled as live clients do (`POST …/cancel`), not as the document has it (`DELETE`).
    #[serde(default)]
    pub cancel_by_post: bool,
    /// Where the times of the last logins are kept, so that restarts do not lock the account.
    pub logins_file: Option<PathBuf>,
    /// Hosts beside the base's from which a QR picture may be fetched.
    #[serde(default)]
    pub picture_hosts: Vec<String>,
    /// Time limits, additional roots, paths.
    #[serde(default)]
    pub connection: Connection,
}

fn default_name() -> String {
    "reseller".into()
}

/// The client.
pub struct Reseller {
    id: ProviderId,
    email: String,
    password: Kept,
    currency: Currency,
    customer_email: String,
    keys_proven: bool,
    list_shows_customer: bool,
    exclusive: bool,
    cancel_by_post: bool,
    picture_hosts: Vec<String>,
    line: Line,
    session: Mutex<State>,
}

struct State {
    tokens: Option<Tokens>,
    logins: Logins,
}

impl Reseller {
    /// The client of this section. Reads the password; sends nothing, logs in nowhere.
    ///
    /// # Errors
    /// [`NoClient`] names the setting that is wrong.
    pub fn new(section: &Section, machine: &str) -> Result<Self, NoClient> {
        let password = Kept::read(&section.password)?;
        let mask = Mask::of_kept([password.clone()]);
        Ok(Reseller {
            id: ProviderId(section.name.clone()),
            email: section.email.clone(),
            password,
            currency: section.currency,
            customer_email: section.customer_email.clone(),
            keys_proven: section.keys_proven,
            list_shows_customer: section.list_shows_customer,
            exclusive: section.account_exclusive,
            cancel_by_post: section.cancel_by_post,
            picture_hosts: section.picture_hosts.clone(),
            line: Line::new(&section.base, &section.connection, BodyForm::Json, mask, machine)?,
            session: Mutex::new(State { tokens: None, logins: Logins::new(section.logins_file.clone()) }),
        })
    }

    /// A token that lives long enough: the one we have, a refreshed one, or, seldom, one of a new login.
    async fn tokens(&self, refused: Option<&Secret>) -> Got<(Secret, Option<Secret>)> {
        let mut state = self.session.lock().await;
        let now = Timestamp::now();
        if let Some(tokens) = &state.tokens
            && refused.is_none_or(|refused| *refused != tokens.access)
            && tokens.live(now)
        {
            return Ok((tokens.access.clone(), tokens.session.clone()));
        }
        let refresh = state.tokens.as_ref().and_then(|tokens| tokens.refresh.clone());
        let mut fresh = None;
        if let Some(refresh) = refresh {
            let args = Args::new().and("refresh_token", refresh.reveal());
            if let Ok(reply) = self.send_bare(&rows::REFRESH, args).await {
                fresh = Tokens::read(&reply.value, now);
                if let Some(tokens) = fresh.as_mut().filter(|tokens| tokens.refresh.is_none()) {
                    tokens.refresh = Some(refresh);
                }
            }
        }
        if fresh.is_none() {
            fresh = Some(self.log_in(&mut state, now).await?);
        }
        let session = state.tokens.as_ref().and_then(|tokens| tokens.session.clone());
        if let Some(tokens) = fresh.as_mut().filter(|tokens| tokens.session.is_none()) {
            tokens.session = session;
        }
        state.tokens = fresh;
        let tokens = state.tokens.as_ref().ok_or_else(|| Miss::NeverSent("no token".into()))?;
        Ok((tokens.access.clone(), tokens.session.clone()))
    }

    async fn log_in(&self, state: &mut State, now: Timestamp) -> Got<Tokens> {
        state.logins.try_once(now).map_err(|seconds| {
            Miss::NeverSent(format!("no login for {seconds} s more: the account would lock; check e-mail and password"))
        })?;
        let args =
            Args::new().and("email", &self.email).and("password", self.password.now().reveal()).and("role", "reseller");
        let reply = self.send_bare(&rows::LOGIN, args).await.map_err(|miss| match miss {
            // Nothing of what the caller wanted was sent.
            Miss::Unknown(doubt) => Miss::NeverSent(format!("the login got no answer: {}", doubt.evidence)),
            other => other,
        })?;
        Tokens::read(&reply.value, now).ok_or_else(|| Miss::NeverSent("the login brought no token".into()))
    }

    /// Without a token: login, refresh, and what an account needs before it can log in.
    async fn send_bare(&self, row: &Row, args: Args) -> Got<Reply> {
        let mut draft = self.line.draft(row, &args)?;
        draft.urgency = Urgency::Duty;
        self.line.send(row, draft, &Envelope).await
    }

    async fn ask(&self, row: &Row, args: Args) -> Got<Reply> {
        self.ask_as(row, args, None, None).await
    }

    async fn ask_duty(&self, row: &Row, args: Args) -> Got<Reply> {
        self.ask_as(row, args, None, Some(Urgency::Duty)).await
    }

    /// With a live token. A 401 or 403 is refused before anything was done (providers.md 3.4), so the same request
    /// goes once more with a new token and the same key.
    async fn ask_as(&self, row: &Row, args: Args, key: Option<&str>, urgency: Option<Urgency>) -> Got<Reply> {
        if row.name == rows::HEALTH.name {
            let draft = self.line.draft(row, &args)?;
            return self.line.send(row, draft, &Bare).await;
        }
        self.line.clock_is_right().await?;
        let mut refused: Option<Secret> = None;
        loop {
            let (access, session) = self.tokens(refused.as_ref()).await?;
            let mut draft = self.line.draft(row, &args)?;
            if let Some(urgency) = urgency {
                draft.urgency = urgency;
            }
            draft.bearer(&access);
            if let Some(session) = session {
                draft.secret_header("x-session-id", session.reveal());
            }
            if let Some(key) = key {
                draft.secret_header("idempotency-key", key);
            }
            match self.line.send(row, draft, &Envelope).await {
                Err(Miss::Refused(refusal)) if refusal.reason == RefusalReason::Credentials && refused.is_none() => {
                    refused = Some(access);
                }
                other => return other,
            }
        }
    }

    /// The plans of a token that is proven live before and after: a dead one gets public prices with a success.
    async fn every_plan(&self) -> Got<Vec<ProviderPlan>> {
        self.ask(&rows::ME, Args::new()).await?;
        let mut plans = Vec::new();
        for page in 1..=PAGES_MAX {
            let reply = self.ask(&rows::PLANS, Args::new().and("page", page).and("limit", PAGE)).await?;
            let list =
                loose::entries(&reply.value, &["data", "plans", "data.plans"]).ok_or_else(|| reply.lacks("plans"))?;
            let full = u32::try_from(list.len()).is_ok_and(|count| count >= PAGE);
            plans.extend(list.into_iter().filter_map(|one| plans::plan(one, self.currency)));
            let last = loose::whole(&reply.value, "pagination.total_pages")
                .or_else(|| loose::whole(&reply.value, "data.pagination.total_pages"));
            if last.map_or(!full, |last| i64::from(page) >= last) {
                self.ask(&rows::ME, Args::new()).await?;
                return Ok(plans);
            }
        }
        Err(Miss::unknown("the list of plans has no end"))
    }

    async fn current_price(&self, offer: &Offer) -> Got<PriceCheck> {
        let plan = match &offer.kind {
            Kind::TopUp { iccid } => {
                let args = Args::new().and("identifier", iccid.as_str());
                let reply = self.ask(&rows::TOP_UP_PLANS, args).await?;
                let list = loose::entries(&reply.value, &["plans"]).unwrap_or_default();
                let wanted = Some(offer.plan.0.as_str());
                list.into_iter().find(|one| loose::text(one, "package_code").as_deref() == wanted).cloned()
            }
            _ => {
                let reply = self.ask(&rows::PLAN, Args::new().and("id", &offer.plan.0)).await?;
                loose::first(&reply.value, &["data.plan", "plan", "data"]).cloned()
            }
        };
        let gone = || Miss::refused(RefusalReason::PlanGone, "the plan is not listed any more");
        let plan = plan.ok_or_else(gone)?;
        let cost = plans::cost(&plan, self.currency).ok_or_else(|| Miss::unknown("the plan has no price"))?;
        Ok(PriceCheck { cost, available: true })
    }

    async fn read_balance(&self) -> Got<Exact> {
        let reply = self.ask_duty(&rows::BALANCE, Args::new()).await?;
        let at = |name: &str| loose::any_text(&reply.value, &[name, &format!("data.{name}")]);
        let currency = at("currency").and_then(|code| code.parse().ok()).unwrap_or(self.currency);
        // What can be spent decides; an account on invoice has no balance.
        at("available_credit")
            .or_else(|| at("balance"))
            .and_then(|text| Exact::parse(&text, currency).ok())
            .ok_or_else(|| reply.lacks("balance"))
    }

    async fn read_usage(&self, iccid: &Iccid, urgency: Option<Urgency>) -> Got<Usage> {
        let args = Args::new().and("identifier", iccid.as_str());
        let reply = self.ask_as(&rows::PROFILE_USAGE, args, None, urgency).await?;
        let usage = loose::first(&reply.value, &["usage", "data.usage", "data"]).ok_or_else(|| reply.lacks("usage"))?;
        // Numbers are megabytes; elsewhere the same fact is a text with its unit.
        let size = |name: &str| {
            let text = loose::text(usage, name)?;
            loose::sized_text(&text).or_else(|| loose::scaled_bytes(&text, 1 << 20))
        };
        Ok(Usage {
            total_bytes: size("data_limit").or_else(|| size("data_total")).filter(|bytes| *bytes > 0),
            used_bytes: size("data_used"),
            as_of: reply.date.map(|date| date.to_string()),
            expires: loose::text(usage, "validity_remaining_days").map(|days| format!("{days} days")),
            status: None,
        })
    }
}

#[async_trait]
impl EsimProvider for Reseller {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn guard(&self, offer: &Offer) -> DuplicateGuard {
        match offer.kind {
            Kind::Esim if self.keys_proven => DuplicateGuard::Replay,
            Kind::Esim if self.list_shows_customer => DuplicateGuard::LookUp,
            _ => DuplicateGuard::None,
        }
    }

    async fn catalogue(&self) -> Outcome<Vec<ProviderPlan>> {
        self.every_plan().await.into()
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
        match &request.offer.kind {
            Kind::TopUp { iccid } => self.top_up_witness(request, iccid).await,
            _ => self.by_the_list(request, sent).await,
        }
    }

    async fn fetch(&self, request: &OrderRequest, reference: &OrderReference) -> OrderOutcome {
        self.profile_of(request, reference).await
    }

    async fn usage(&self, iccid: &Iccid) -> Outcome<Usage> {
        self.read_usage(iccid, None).await.into()
    }

    async fn top_up_offers(&self, iccid: &Iccid) -> Outcome<Vec<ProviderPlan>> {
        let read = async {
            let reply = self.ask(&rows::TOP_UP_PLANS, Args::new().and("identifier", iccid.as_str())).await?;
            let list = loose::entries(&reply.value, &["plans"]).ok_or_else(|| reply.lacks("plans"))?;
            Ok(list.into_iter().filter_map(|one| plans::top_up(one, self.currency)).collect())
        };
        let got: Got<Vec<ProviderPlan>> = read.await;
        got.into()
    }

    async fn cancel(&self, reference: &OrderReference) -> Outcome<()> {
        let args = Args::new().and("id", &reference.0);
        let got = if self.cancel_by_post {
            self.ask_duty(&rows::ORDER_CANCEL, args.and("reason", "not delivered").and("force", false)).await
        } else {
            self.ask_duty(&rows::ORDER_DELETE, args).await
        };
        got.map(|_| ()).into()
    }

    fn health(&self) -> Health {
        self.line.health_signed()
    }

    fn calls(&self) -> &'static [Row] {
        rows::ROWS
    }

    async fn call(&self, row: &str, args: Args) -> Outcome<Value> {
        let Some(row) = rows::ROWS.iter().find(|known| known.name == row) else {
            return Outcome::NeverSent(format!(
                "the reseller API has no call {row:?}: see `provider {} calls`",
                self.id
            ));
        };
        if row.name == rows::LOGIN.name || row.name == rows::REFRESH.name {
            return self.tokens(None).await.map(|_| Value::Bool(true)).into();
        }
        if rows::WITHOUT_TOKEN.contains(&row.name) {
            // Nobody could verify an address or set a lost password anew if that took a login.
            return self.send_bare(row, args).await.map(|reply| reply.value).into();
        }
        self.ask(row, args).await.map(|reply| reply.value).into()
    }
}
