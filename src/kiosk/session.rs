//! The traveller in front: language, browsing, wishes, idle time. Pure; what it wants done is returned as a [`Wish`].

use crate::sale::id::SaleId;
use crate::sale::moment::Moment;

use super::view::{Intent, Look, NotCharged, PayProblem, Printing, ServicePage};
use super::wanted::Wanted;

/// Where the traveller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Nobody is here.
    Attract,
    /// Choosing a language.
    Language,
    /// Choosing a destination.
    Destinations,
    /// Choosing a plan.
    Plans,
    /// Looking at one plan; `preparing` once Pay was touched.
    PlanDetail {
        /// Prices are being read again and the locks taken.
        preparing: bool,
    },
    /// Several eSIMs, a top-up or a number are wanted: prices are being read again and the locks taken.
    Gathering,
    /// A sale of this session runs: its facts decide the screen.
    Sale(SaleId),
    /// The sale is delivered: paper.
    Receipt(SaleId),
    /// Good-bye.
    ThankYou,
    /// Typing a claim code.
    ClaimEntry,
    /// The truth about a claimed sale.
    Truth(SaleId),
    /// Somebody stands before the service screen's door.
    ServicePin,
    /// An operator is inside.
    Service(ServicePage),
}

/// What lies over the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Help.
    Help,
    /// Settings.
    Settings,
}

/// What the session wants from the loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Read the prices again, take the locks, begin.
    BeginSale,
    /// The same for several eSIMs, a top-up or a number.
    Gather(Wanted),
    /// Stop the payment.
    Cancel(SaleId),
    /// "I have it."
    HaveIt(SaleId),
    /// The traveller left this sale.
    Leave(SaleId),
    /// Print the receipt, with the activation code or without.
    Print {
        /// Which sale.
        sale: SaleId,
        /// With the code.
        activation: bool,
    },
    /// Look for this claim code.
    Claim(String),
    /// Show the eSIM of the claimed sale.
    ShowClaimed(SaleId),
    /// Pay for the eSIM that was kept for this sale's code.
    BuyKept(SaleId),
}

/// How long each kind of screen waits before it asks "are you still there?", and how long the question stands, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// While browsing.
    pub browse_ms: u64,
    /// On the eSIM and receipt screens.
    pub esim_ms: u64,
    /// The question's countdown.
    pub ask_ms: u64,
    /// Thank you and other last words.
    pub farewell_ms: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { browse_ms: 45_000, esim_ms: 120_000, ask_ms: 20_000, farewell_ms: 8_000 }
    }
}

/// One traveller's session. `Session::fresh` forgets everything of the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Rises with every session.
    pub number: u64,
    /// Where the traveller is.
    pub stage: Stage,
    /// Language tag.
    pub language: String,
    /// How it looks.
    pub look: Look,
    /// What lies over it.
    pub over: Option<Over>,
    /// The search text.
    pub query: String,
    /// The chosen destination.
    pub destination: Option<String>,
    /// The chosen plan.
    pub plan: Option<String>,
    /// Whether the phone takes an eSIM.
    pub phone_takes_esim: Option<bool>,
    /// The tick.
    pub terms_accepted: bool,
    /// Why Pay did not go through.
    pub problem: Option<PayProblem>,
    /// What is wrong with the typed code.
    pub claim_problem: Option<super::view::ClaimProblem>,
    /// What becomes of the paper.
    pub printing: Printing,
    /// Paper was asked for with the activation code.
    pub printing_activation: bool,
    /// The last sign of life.
    pub touched_at: Moment,
}

impl Session {
    /// A session that knows nothing, in the hall's first language.
    pub fn fresh(number: u64, language: &str, now: Moment) -> Self {
        Session {
            number,
            stage: Stage::Attract,
            language: language.to_owned(),
            look: Look::default(),
            over: None,
            query: String::new(),
            destination: None,
            plan: None,
            phone_takes_esim: None,
            terms_accepted: false,
            problem: None,
            claim_problem: None,
            printing: Printing::Idle,
            printing_activation: false,
            touched_at: now,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one line for each wish: split, nobody sees that none is missing")]
    /// Takes one wish of the traveller. What is not possible here and now is dropped: a late touch is no order.
    pub fn on(&mut self, intent: &Intent, now: Moment) -> Option<Wish> {
        if matches!(intent, Intent::Drawn(_)) {
            return None;
        }
        self.touched_at = now;
        match intent {
            Intent::Drawn(_) | Intent::Touched | Intent::StillHere => None,
            Intent::Help => self.lay_over(Over::Help),
            Intent::Settings => self.lay_over(Over::Settings),
            Intent::CloseOverlay => {
                self.over = None;
                None
            }
            Intent::ChooseLook(look) => {
                self.look = *look;
                None
            }
            Intent::ChooseLanguage(tag) => {
                self.language.clone_from(tag);
                if matches!(self.stage, Stage::Language | Stage::Attract) {
                    self.stage = Stage::Destinations;
                }
                self.over = None;
                None
            }
            Intent::Start if self.stage == Stage::Attract => self.go(Stage::Language),
            Intent::OpenClaim if self.stage == Stage::Attract => self.go(Stage::ClaimEntry),
            Intent::Search(text) if self.stage == Stage::Destinations => {
                self.query = text.chars().take(60).collect();
                None
            }
            Intent::ChooseDestination(id) if self.stage == Stage::Destinations => {
                self.destination = Some(id.clone());
                self.go(Stage::Plans)
            }
            Intent::ChoosePlan(id) if self.stage == Stage::Plans => {
                self.plan = Some(id.clone());
                self.problem = None;
                // Asked of this plan and of nobody before: a tick is a consent.
                self.terms_accepted = false;
                self.phone_takes_esim = None;
                self.go(Stage::PlanDetail { preparing: false })
            }
            Intent::PhoneTakesEsim(answer) => {
                self.phone_takes_esim = Some(*answer);
                None
            }
            Intent::AcceptTerms(accepted) => {
                self.terms_accepted = *accepted;
                None
            }
            Intent::Pay if self.stage == (Stage::PlanDetail { preparing: false }) && self.terms_accepted => {
                self.problem = None;
                self.stage = Stage::PlanDetail { preparing: true };
                Some(Wish::BeginSale)
            }
            Intent::Order(wanted) if self.may_order() => {
                self.problem = None;
                self.stage = Stage::Gathering;
                Some(Wish::Gather(wanted.clone()))
            }
            Intent::SubmitClaim(code) if self.stage == Stage::ClaimEntry => Some(Wish::Claim(code.0.clone())),
            Intent::ShowClaimed => match self.stage {
                Stage::Truth(sale) => Some(Wish::ShowClaimed(sale)),
                _ => None,
            },
            Intent::BuyKept => match self.stage {
                // After "not charged" the sale's own screen offers what came after all.
                Stage::Truth(sale) | Stage::Sale(sale) => Some(Wish::BuyKept(sale)),
                _ => None,
            },
            Intent::Cancel => match self.stage {
                Stage::Sale(sale) => Some(Wish::Cancel(sale)),
                _ => None,
            },
            Intent::HaveIt => match self.stage {
                Stage::Sale(sale) => Some(Wish::HaveIt(sale)),
                _ => None,
            },
            Intent::PrintActivation => self.print(true),
            Intent::PrintReceipt => self.print(false),
            Intent::Back => self.back(),
            Intent::Done if matches!(self.stage, Stage::Receipt(_)) => self.go(Stage::ThankYou),
            // Everything else is out of place here: Done and StartOver end the session, which is the loop's to do.
            _ => None,
        }
    }

    /// Whether an order of several goods, a top-up or a number makes sense here: while choosing, and with the tick.
    fn may_order(&self) -> bool {
        let choosing =
            matches!(self.stage, Stage::Destinations | Stage::Plans | Stage::PlanDetail { preparing: false });
        choosing && self.terms_accepted
    }

    /// Where a traveller stands again whose order could not begin.
    pub(super) fn stage_before_paying(&self) -> Stage {
        match (&self.plan, &self.destination) {
            (Some(_), _) => Stage::PlanDetail { preparing: false },
            (None, Some(_)) => Stage::Plans,
            (None, None) => Stage::Destinations,
        }
    }

    fn lay_over(&mut self, over: Over) -> Option<Wish> {
        self.over = Some(over);
        None
    }

    fn go(&mut self, stage: Stage) -> Option<Wish> {
        self.stage = stage;
        None
    }

    fn print(&mut self, activation: bool) -> Option<Wish> {
        if self.printing == Printing::Working {
            return None;
        }
        let (Stage::Sale(sale) | Stage::Receipt(sale) | Stage::Truth(sale)) = self.stage else { return None };
        self.printing = Printing::Working;
        self.printing_activation = activation;
        Some(Wish::Print { sale, activation })
    }

    fn back(&mut self) -> Option<Wish> {
        let stage = match &self.stage {
            Stage::Language | Stage::ClaimEntry | Stage::ServicePin | Stage::Service(_) => Stage::Attract,
            Stage::Destinations => Stage::Language,
            Stage::Plans => Stage::Destinations,
            Stage::PlanDetail { preparing: false } => Stage::Plans,
            Stage::Truth(_) => Stage::ClaimEntry,
            other => other.clone(),
        };
        match self.stage {
            Stage::ClaimEntry => self.claim_problem = None,
            // No plan is looked at any more: what is ordered from here began here.
            Stage::PlanDetail { preparing: false } => self.plan = None,
            _ => {}
        }
        self.go(stage)
    }

    /// Whether "back" leads anywhere.
    pub fn can_back(&self) -> bool {
        matches!(
            self.stage,
            Stage::Language
                | Stage::ClaimEntry
                | Stage::ServicePin
                | Stage::Service(_)
                | Stage::Destinations
                | Stage::Plans
                | Stage::PlanDetail { preparing: false }
                | Stage::Truth(_)
        )
    }
}

/// What idle time does to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Nothing.
    Fine,
    /// Ask, so many seconds left.
    Ask(u16),
    /// The traveller is gone.
    Gone,
}

/// Judges idle time. `protected`: between approval and hand-over nobody is ever sent away (sale.md 3).
pub fn idle(session: &Session, protected: bool, now: &Moment, patience: &Patience) -> Idle {
    if session.stage == Stage::Attract || protected {
        return Idle::Fine;
    }
    let limit = match session.stage {
        Stage::ThankYou => patience.farewell_ms,
        Stage::Sale(_) | Stage::Receipt(_) | Stage::Truth(_) | Stage::Service(_) => patience.esim_ms,
        _ => patience.browse_ms,
    };
    let age = now.since(&session.touched_at).unwrap_or(0);
    if age < limit {
        Idle::Fine
    } else if session.stage == Stage::ThankYou || age >= limit + patience.ask_ms {
        Idle::Gone
    } else {
        let left = (limit + patience.ask_ms - age).div_ceil(1_000);
        Idle::Ask(u16::try_from(left).unwrap_or(u16::MAX))
    }
}

/// Why nothing was charged, in the traveller's words, from a sale's facts.
pub fn not_charged_reason(sale: &crate::sale::Sale) -> NotCharged {
    use crate::sale::Decision;
    use crate::sale::record::ReleaseReason;
    use crate::sale::transaction::Ending;
    let payment = &sale.payment;
    match (payment.decision, &payment.ending) {
        (Some(Decision::Release(ReleaseReason::Cancelled)), _) => NotCharged::Cancelled,
        (Some(Decision::Release(ReleaseReason::NoEsim | ReleaseReason::Absent)), _) => NotCharged::NoEsim,
        (Some(Decision::Release(ReleaseReason::TooSlow | ReleaseReason::Overdue)), _) => NotCharged::TooSlow,
        (Some(Decision::Release(_)), _) => NotCharged::TerminalFault,
        (_, Some(Ending::Aborted { .. })) if payment.cancel_wished => NotCharged::Cancelled,
        (_, Some(Ending::Aborted { result_code: 0x6C, .. })) => NotCharged::NoCard,
        (_, Some(Ending::Aborted { .. })) => NotCharged::Declined,
        _ if payment.cancel_wished => NotCharged::Cancelled,
        _ => NotCharged::TerminalFault,
    }
}

#[cfg(test)]
mod tests;
