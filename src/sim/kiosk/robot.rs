//! A traveller made of code: sees every picture, touches what it says, and remembers what it was shown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use crate::kiosk::view::{Printing, Screen, SecretText, Selling};
use crate::kiosk::wanted::Wanted;
use crate::kiosk::{Intent, View};
use crate::payment::Prompt;

/// So many touches need no time; whoever goes on, round and round, takes [`MOMENT`] for each: where time is virtual it
/// would stand still otherwise, and no patience would ever end.
const NIMBLE: u32 = 200;
/// Of a traveller who goes round and round.
const MOMENT: Duration = Duration::from_millis(100);
/// A picture that does not change is looked at again so often: a touch may have been lost.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// When a traveller touches cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancels {
    /// As soon as the pay screen is there.
    AtOnce,
    /// When the card was read and the bank is asked: the approval is in flight.
    InFlight,
}

/// What a traveller has come for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// An eSIM, of whichever plan stands first.
    Buy {
        /// The traveller changes their mind.
        cancels: Option<Cancels>,
        /// The activation code is wanted on paper too.
        prints: bool,
        /// The traveller walks off without "I have it".
        walks_off: bool,
    },
    /// Several eSIMs of the plan that stands first, a top-up or a number.
    Order(Order),
    /// What became of an earlier purchase.
    Claim(String),
    /// The same, and what was bought all the same is paid for if it is offered.
    BuyKept(String),
}

/// What a traveller orders whose screens do not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub wants: Wants,
    /// The traveller changes their mind.
    pub cancels: Option<Cancels>,
    /// The activation codes are wanted on paper too.
    pub prints: bool,
    /// The traveller walks off without "I have it".
    pub walks_off: bool,
    /// What was bought all the same is paid for when it is offered.
    pub keeps: bool,
}

/// The goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    /// So many eSIMs of one plan.
    Esims(usize),
    /// A top-up or a number.
    Other(Wanted),
}

impl Order {
    /// A plain order, with paper.
    pub fn of(wants: Wants) -> Order {
        Order { wants, cancels: None, prints: true, walks_off: false, keeps: false }
    }
}

impl Errand {
    /// A plain purchase, with paper.
    pub const PURCHASE: Errand = Errand::Buy { cancels: None, prints: true, walks_off: false };
}

/// Something that a traveller was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Another screen, by its name.
    Screen(&'static str),
    /// The claim code of the sale with this label.
    Claim {
        /// The sale's label.
        number: String,
        /// The code.
        code: String,
    },
    /// An activation code, on the screen of the sale with this label.
    Code {
        /// The sale's label.
        number: String,
        /// The code.
        code: String,
    },
    /// "You were not charged."
    NotCharged,
}

/// How an errand ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The traveller is gone, and the first screen is there again.
    AtRest,
    /// The kiosk is gone.
    Dead,
    /// Nothing led on in the traveller's patience.
    Stuck,
}

/// The traveller.
pub struct Robot {
    intents: mpsc::Sender<Intent>,
    views: watch::Receiver<Arc<View>>,
    tells: Box<dyn FnMut(&Sight) + Send>,
    seen: Vec<Sight>,
    began: bool,
}

impl Robot {
    /// A traveller before the screen. `tells` hears of everything new that is shown, once.
    pub fn new(
        intents: mpsc::Sender<Intent>,
        views: watch::Receiver<Arc<View>>,
        tells: Box<dyn FnMut(&Sight) + Send>,
    ) -> Robot {
        Robot { intents, views, tells, seen: Vec::new(), began: false }
    }

    /// Everything new that was shown.
    pub fn seen(&self) -> &[Sight] {
        &self.seen
    }

    /// The next traveller: what was shown to this one is new again.
    pub fn forget(&mut self) {
        self.seen.clear();
    }

    /// Does the errand, for as long as the patience lasts.
    pub async fn run(&mut self, errand: &Errand, patience: Duration) -> Ended {
        self.began = false;
        let until = Instant::now() + patience;
        let mut rounds = 0;
        loop {
            rounds += 1;
            if rounds > NIMBLE {
                tokio::time::sleep(MOMENT).await;
            }
            let view = self.views.borrow_and_update().clone();
            self.remember(&view);
            if self.began && matches!(view.screen, Screen::Attract(_)) {
                return Ended::AtRest;
            }
            if Instant::now() >= until {
                return Ended::Stuck;
            }
            let touches = self.touches(errand, &view);
            for touch in [Intent::Drawn(view.version)].into_iter().chain(touches) {
                if self.intents.send(touch).await.is_err() {
                    return Ended::Dead;
                }
            }
            if let Ok(Err(_)) = timeout(LOOK_AGAIN, self.views.changed()).await {
                return Ended::Dead;
            }
        }
    }

    /// Waits until the first screen says that cards are taken.
    pub async fn wait_for_open(&mut self, patience: Duration) -> Ended {
        let open = |view: &Arc<View>| {
            matches!(&view.screen, Screen::Attract(attract)
                if matches!(attract.selling, Selling::Open | Selling::WithoutPaper))
        };
        match timeout(patience, self.views.wait_for(open)).await {
            Ok(Ok(_)) => Ended::AtRest,
            Ok(Err(_)) => Ended::Dead,
            Err(_) => Ended::Stuck,
        }
    }

    fn remember(&mut self, view: &View) {
        let mut sights = vec![Sight::Screen(view.name())];
        let number = view.frame.sale_number.clone().unwrap_or_default();
        if let Some(SecretText(code)) = &view.frame.claim_code {
            sights.push(Sight::Claim { number: number.clone(), code: code.clone() });
        }
        match &view.screen {
            Screen::YourEsim(esim) => sights.push(Sight::Code { number, code: esim.qr.0.clone() }),
            Screen::NotCharged { .. } => sights.push(Sight::NotCharged),
            _ => {}
        }
        for sight in sights {
            if !self.seen.contains(&sight) {
                (self.tells)(&sight);
                self.seen.push(sight);
            }
        }
    }

    /// What is touched on this picture.
    fn touches(&mut self, errand: &Errand, view: &View) -> Vec<Intent> {
        match errand {
            Errand::Buy { cancels, prints, walks_off } => self.buys(view, *cancels, *prints, *walks_off),
            Errand::Order(order) => self.orders(view, order),
            Errand::Claim(code) => self.claims(view, code),
            Errand::BuyKept(code) => match &view.screen {
                Screen::Truth(truth) if truth.can_buy_kept => vec![Intent::BuyKept],
                Screen::Pay(_) | Screen::PlanDetail(_) => self.buys(view, None, false, false),
                _ => self.claims(view, code),
            },
        }
    }

    fn buys(&mut self, view: &View, cancels: Option<Cancels>, prints: bool, walks_off: bool) -> Vec<Intent> {
        match &view.screen {
            Screen::Attract(attract) if !matches!(attract.selling, Selling::Paused(_)) => vec![Intent::Start],
            Screen::Language { .. } => vec![Intent::ChooseLanguage("en".to_owned())],
            Screen::Destinations(shown) if shown.browse_only.is_none() => {
                shown.rows.first().map(|row| Intent::ChooseDestination(row.id.clone())).into_iter().collect()
            }
            Screen::Plans(shown) => {
                let plan = shown.plans.iter().find(|plan| plan.unavailable.is_none());
                plan.map(|plan| Intent::ChoosePlan(plan.id.clone())).into_iter().collect()
            }
            Screen::PlanDetail(plan) if !plan.terms_accepted => vec![Intent::AcceptTerms(true)],
            Screen::PlanDetail(plan) if plan.can_pay && !plan.preparing => vec![Intent::Pay],
            Screen::Pay(pay) => {
                self.began = true;
                let now = match cancels {
                    None => false,
                    Some(Cancels::AtOnce) => true,
                    Some(Cancels::InFlight) => matches!(pay.prompt, Prompt::AskingBank | Prompt::PleaseWait),
                };
                if now && pay.can_cancel && !pay.cancelling { vec![Intent::Cancel] } else { Vec::new() }
            }
            Screen::YourEsim(_) if walks_off => Vec::new(),
            Screen::YourEsim(esim) => match esim.printing {
                Printing::Idle if prints && esim.can_print => vec![Intent::PrintActivation],
                Printing::Working => Vec::new(),
                _ => vec![Intent::HaveIt],
            },
            Screen::Preparing { .. } => {
                self.began = true;
                Vec::new()
            }
            other => self.leaves(other),
        }
    }

    fn orders(&mut self, view: &View, order: &Order) -> Vec<Intent> {
        match &view.screen {
            Screen::Plans(shown) => {
                let plan = shown.plans.iter().find(|plan| plan.unavailable.is_none());
                let wanted = match (&order.wants, plan) {
                    (Wants::Esims(count), Some(plan)) => Wanted::Basket(vec![plan.id.clone(); *count]),
                    (Wants::Esims(_), None) => return Vec::new(),
                    (Wants::Other(wanted), _) => wanted.clone(),
                };
                vec![Intent::AcceptTerms(true), Intent::Order(wanted)]
            }
            Screen::Truth(truth) if order.keeps && truth.can_buy_kept => vec![Intent::BuyKept],
            _ => self.buys(view, order.cancels, order.prints, order.walks_off),
        }
    }

    fn claims(&mut self, view: &View, code: &str) -> Vec<Intent> {
        match &view.screen {
            Screen::Attract(_) => vec![Intent::OpenClaim],
            Screen::ClaimEntry { problem: Some(_), .. } => vec![Intent::StartOver],
            Screen::ClaimEntry { .. } => {
                self.began = true;
                vec![Intent::SubmitClaim(SecretText(code.to_owned()))]
            }
            Screen::Truth(truth) if truth.can_show_esim => vec![Intent::ShowClaimed],
            Screen::YourEsim(_) => vec![Intent::HaveIt],
            other => self.leaves(other),
        }
    }

    /// The ways out, the same for every errand.
    fn leaves(&mut self, screen: &Screen) -> Vec<Intent> {
        match screen {
            Screen::Receipt(_) => vec![Intent::Done],
            Screen::NotCharged { .. } | Screen::Truth(_) => {
                self.began = true;
                vec![Intent::StartOver]
            }
            Screen::Destinations(_) => vec![Intent::StartOver],
            _ => Vec::new(),
        }
    }
}
