//! A provider without a wire: it sells by its own books, in whichever manner the scenario wants. The wire is the
//! business of `cargo torture providers`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::manner::DEADLINE;
pub(super) use super::manner::{Ends, Manner, Struck};
use crate::esim::{
    Delivery, Doubt, DuplicateGuard, EsimProvider, LookUp, OrderOutcome, OrderRequest, Outcome, PriceCheck, Refusal,
    RefusalReason, Sent, Usage,
};
use crate::money::{Currency, Exact};
use crate::sale::activation::{ActivationCode, Iccid, Profile};
use crate::sale::id::GoodKey;
use crate::sale::offer::{DataVolume, Kind, Offer, OrderReference, PlanKey, ProviderId};
use crate::sale::plan::{Coverage, ProviderPlan};

/// One order as the provider has it.
#[derive(Debug, Clone)]
pub(super) struct Sold {
    pub(super) key: GoodKey,
    pub(super) reference: OrderReference,
    pub(super) code: String,
    pub(super) kind: Kind,
    ready_at: Instant,
}

impl Sold {
    /// What was sold.
    pub(super) fn profile(&self) -> Option<Profile> {
        if self.kind != Kind::Esim {
            return None;
        }
        Some(Profile {
            code: ActivationCode::parse(&self.code).ok()?,
            iccid: Some(iccid()),
            confirmation_code: None,
            install_before: None,
            apn: None,
        })
    }
}

#[derive(Debug)]
struct Books {
    manner: Manner,
    guard: DuplicateGuard,
    sold: Vec<Sold>,
    mute_until: Option<Instant>,
    offline: bool,
    /// What is done with every good of an order after its first.
    second: Option<Manner>,
    ends: Ends,
    /// Numbers whose subscription was ended, by order.
    ended: Vec<OrderReference>,
    struck: Struck,
}

/// The provider and its books; clones are the same one. It outlives every kiosk.
#[derive(Debug, Clone)]
pub(super) struct Shop {
    id: ProviderId,
    books: Arc<Mutex<Books>>,
}

impl Shop {
    pub(super) fn new(guard: DuplicateGuard) -> Shop {
        let books = Books {
            manner: Manner::Sells(Duration::from_secs(3)),
            guard,
            sold: Vec::new(),
            mute_until: None,
            offline: false,
            second: None,
            ends: Ends::Well,
            ended: Vec::new(),
            struck: Struck::default(),
        };
        Shop { id: shop_name(), books: Arc::new(Mutex::new(books)) }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, manner: Manner) {
        self.books().manner = manner;
    }

    /// What is done with the later goods of an order, and with the end of a number's subscription.
    pub(super) fn set_goods(&self, second: Option<Manner>, ends: Ends) {
        let mut books = self.books();
        books.second = second;
        books.ends = ends;
    }

    /// It answers again, whatever went before.
    pub(super) fn is_well(&self) {
        self.books().mute_until = None;
    }

    /// For how long it will still answer nothing.
    pub(super) fn mute_left(&self) -> Duration {
        self.books().mute_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Numbers whose subscription was ended.
    pub(super) fn ended(&self) -> Vec<OrderReference> {
        self.books().ended.clone()
    }

    pub(super) fn sold(&self) -> Vec<Sold> {
        self.books().sold.clone()
    }

    /// Whether anybody reaches it at all.
    pub(super) fn set_offline(&self, offline: bool) {
        self.books().offline = offline;
    }

    pub(super) fn is_offline(&self) -> bool {
        let mut books = self.books();
        books.struck.offline |= books.offline;
        books.offline
    }

    /// The same, without anybody having tried.
    pub(super) fn is_dark(&self) -> bool {
        self.books().offline
    }

    /// What went wrong here since it was last asked so.
    pub(super) fn take_struck(&self) -> Struck {
        std::mem::take(&mut self.books().struck)
    }

    /// What went wrong here until now.
    pub(super) fn struck(&self) -> Struck {
        self.books().struck
    }

    /// Sells one, and has its code after so long.
    pub(super) fn sell(&self, key: GoodKey, takes: Duration) -> Sold {
        self.sell_of(key, Kind::Esim, takes)
    }

    fn sell_of(&self, key: GoodKey, kind: Kind, takes: Duration) -> Sold {
        let mut books = self.books();
        let doubles = books.manner == Manner::Doubles;
        let place = books.sold.len() + 1;
        let doubled = books.sold.first().filter(|_| doubles).map(|first| first.code.clone());
        let code = doubled.unwrap_or_else(|| format!("LPA:1$smdp.example$CODE-{place}"));
        let reference = OrderReference(format!("ORDER-{place}"));
        let sold = Sold { key, reference, code, kind, ready_at: Instant::now() + takes };
        books.sold.push(sold.clone());
        sold
    }

    /// Waits while the provider is mute, for at most a client's deadline; `Err` where it gave up.
    async fn reach(&self) -> Result<(), Doubt> {
        if self.is_offline() {
            return Err(doubt("no route"));
        }
        let mute = self.books().mute_until;
        let Some(until) = mute.filter(|until| *until > Instant::now()) else { return Ok(()) };
        sleep((until - Instant::now()).min(DEADLINE)).await;
        if Instant::now() < until { Err(doubt("no answer in 30 s")) } else { Ok(()) }
    }

    fn wallet(&self) -> Exact {
        let spent = i128::try_from(self.books().sold.len()).unwrap_or(0);
        let full = Exact::parse("1000000", Currency::EUR).expect("a sum");
        Exact { units: full.units - spent * plan().cost.units, ..full }
    }

    /// Money that moved by its cost means that a top-up is done: it needs no code.
    fn by_wallet(&self, request: &OrderRequest) -> LookUp {
        let Some(before) = request.balance_before else {
            return LookUp::Undecidable { evidence: "no wallet was read before".to_owned() };
        };
        let spent = before.units - self.wallet().units;
        let reference = OrderReference(format!("balance/{}", request.key.reference()));
        match spent {
            0 => LookUp::NotThere,
            spent if spent == request.offer.cost.units => {
                LookUp::Found(OrderOutcome::Done(Delivery { reference, profile: None, charged: None }))
            }
            spent => LookUp::Undecidable { evidence: format!("{spent} units are gone") },
        }
    }

    fn told(sold: &Sold) -> OrderOutcome {
        if Instant::now() < sold.ready_at {
            return OrderOutcome::Accepted(sold.reference.clone());
        }
        OrderOutcome::Done(Delivery { reference: sold.reference.clone(), profile: sold.profile(), charged: None })
    }

    fn mute_for(&self, time: Duration) {
        self.books().mute_until = Some(Instant::now() + time);
    }
}

fn doubt(evidence: &str) -> Doubt {
    Doubt { evidence: evidence.to_owned(), provider_date: None }
}

/// Its name.
pub(super) fn shop_name() -> ProviderId {
    ProviderId("shop".to_owned())
}

/// The one eSIM that can be topped up here.
pub(super) fn iccid() -> Iccid {
    Iccid::parse("8944500102198304826").expect("a card's number")
}

/// What a number costs for a month.
pub(super) fn number_cost() -> Exact {
    plan().cost
}

/// The one plan that is sold here.
pub(super) fn plan() -> ProviderPlan {
    ProviderPlan {
        key: PlanKey("7".into()),
        package_code: None,
        name: "Japan 5GB".into(),
        coverage: Coverage::Country { iso: Some("JP".into()), name: "Japan".into() },
        data: DataVolume::Bytes(5 << 30),
        days: 30,
        cost: Exact::parse("4.5", Currency::EUR).expect("a cost"),
        networks: vec!["SoftBank".into()],
        speed: Some("4G".into()),
        fair_use: String::new(),
        install_at_destination: false,
        slow: false,
        can_top_up: false,
    }
}

#[async_trait]
impl EsimProvider for Shop {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn guard(&self, offer: &Offer) -> DuplicateGuard {
        match offer.kind {
            // The list of our numbers names each of them.
            Kind::Number { .. } => DuplicateGuard::LookUp,
            Kind::Esim | Kind::TopUp { .. } => self.books().guard,
        }
    }

    async fn catalogue(&self) -> Outcome<Vec<ProviderPlan>> {
        Outcome::Done(vec![plan()])
    }

    async fn price(&self, offer: &Offer) -> Outcome<PriceCheck> {
        if self.is_offline() {
            return Outcome::NeverSent("no route".to_owned());
        }
        Outcome::Done(PriceCheck { cost: offer.cost, available: true })
    }

    async fn balance(&self) -> Outcome<Exact> {
        if self.is_offline() {
            return Outcome::NeverSent("no route".to_owned());
        }
        Outcome::Done(self.wallet())
    }

    async fn order(&self, request: &OrderRequest) -> OrderOutcome {
        if self.is_offline() {
            return OrderOutcome::NeverSent("no route".to_owned());
        }
        if let Err(doubt) = self.reach().await {
            return OrderOutcome::Unknown(doubt);
        }
        let manner = {
            let mut books = self.books();
            let second = books.second.filter(|_| request.key.index > 0);
            let manner = second.unwrap_or(books.manner);
            books.struck.second |= second.is_some_and(Manner::is_fault);
            books.struck.manner |= second.is_none() && manner.is_fault();
            manner
        };
        let sell = |takes| self.sell_of(request.key, request.offer.kind.clone(), takes);
        match manner {
            Manner::Sells(after) => {
                let sold = sell(Duration::ZERO);
                sleep(after).await;
                Self::told(&sold)
            }
            Manner::Doubles => Self::told(&sell(Duration::ZERO)),
            Manner::Refuses(after) => {
                sleep(after).await;
                OrderOutcome::Refused(Refusal { reason: RefusalReason::PlanGone, detail: "sold out".to_owned() })
            }
            Manner::Unreachable => OrderOutcome::NeverSent("no route".to_owned()),
            Manner::SellsLater(after) => Self::told(&sell(after)),
            Manner::SellsUntold(mute) => {
                sell(Duration::ZERO);
                self.mute_for(mute);
                sleep(DEADLINE).await;
                OrderOutcome::Unknown(doubt("no answer in 30 s"))
            }
            Manner::Loses(mute) => {
                self.mute_for(mute);
                sleep(DEADLINE).await;
                OrderOutcome::Unknown(doubt("no answer in 30 s"))
            }
        }
    }

    async fn look_up(&self, request: &OrderRequest, sent: &Sent) -> LookUp {
        if let Err(doubt) = self.reach().await {
            return LookUp::Unknown(doubt);
        }
        let by_reference = self.guard(&request.offer) != DuplicateGuard::None;
        if !by_reference && matches!(request.offer.kind, Kind::TopUp { .. }) {
            return self.by_wallet(request);
        }
        let ours: Vec<Sold> = if by_reference {
            self.sold().into_iter().filter(|sold| sold.key == request.key).collect()
        } else {
            // Without our own reference only the list can witness: what nobody here has bound yet.
            let unbound = |sold: &Sold| sold.kind == request.offer.kind && !sent.taken.contains(&sold.reference);
            self.sold().into_iter().filter(unbound).collect()
        };
        match ours.as_slice() {
            [] => LookUp::NotThere,
            [one] => LookUp::Found(Self::told(one)),
            several => LookUp::Undecidable { evidence: format!("{} orders would fit", several.len()) },
        }
    }

    async fn fetch(&self, _request: &OrderRequest, reference: &OrderReference) -> OrderOutcome {
        if let Err(doubt) = self.reach().await {
            return OrderOutcome::Unknown(doubt);
        }
        let sold = self.sold().into_iter().find(|sold| sold.reference == *reference);
        sold.map_or_else(|| OrderOutcome::Unknown(doubt("no such order")), |sold| Self::told(&sold))
    }

    async fn usage(&self, _iccid: &Iccid) -> Outcome<Usage> {
        if self.is_offline() {
            return Outcome::NeverSent("no route".to_owned());
        }
        let topped = self.sold().iter().filter(|sold| matches!(sold.kind, Kind::TopUp { .. })).count();
        let total = (1 + u64::try_from(topped).unwrap_or(0)) << 30;
        Outcome::Done(Usage { total_bytes: Some(total), used_bytes: Some(0), as_of: None, expires: None, status: None })
    }

    async fn top_up_offers(&self, _iccid: &Iccid) -> Outcome<Vec<ProviderPlan>> {
        Outcome::Done(vec![plan()])
    }

    async fn cancel(&self, reference: &OrderReference) -> Outcome<()> {
        if let Err(doubt) = self.reach().await {
            return Outcome::Unknown(doubt);
        }
        sleep(Duration::from_secs(1)).await;
        let mut books = self.books();
        books.struck.ends |= books.ends != Ends::Well;
        if books.ends == Ends::Never {
            return Outcome::Refused(Refusal { reason: RefusalReason::Other, detail: "not now".to_owned() });
        }
        if !books.ended.contains(reference) {
            books.ended.push(reference.clone());
        }
        match books.ends {
            Ends::Untold(left) if left > 0 => {
                books.ends = Ends::Untold(left - 1);
                Outcome::Unknown(doubt("no answer in 30 s"))
            }
            _ => Outcome::Done(()),
        }
    }
}
