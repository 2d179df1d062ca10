//! What an operator orders, through whichever door: the control socket, the service screen, the fleet link.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::journal::JournalError;
use crate::journal::purchases::PurchaseFact;
use crate::payment::OperatorTask;
use crate::sale::event::Event;
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::offer::ProviderId;
use crate::sale::record::{CaseDecision, PaperState, Record};

use super::Kiosk;
use super::calls::ProviderCall;
pub use super::claims::NO_SUCH_CLAIM;
pub use super::decide::fits;
use super::inbox::Inbox;
pub use super::unreadable;

/// What an operator may order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", content = "with", rename_all = "snake_case")]
pub enum OperatorCommand {
    /// Close or open the machine for travellers.
    Lock(bool),
    /// Fetch the catalogue now.
    RefreshCatalogue,
    /// Close the terminal's day.
    EndOfDay,
    /// Close a case by stating a fact with its witness.
    Decide(Box<Statement>),
    /// Print the receipt of a sale again, marked as a copy and without the activation code.
    Reprint {
        /// The sale's label.
        number: String,
    },
    /// Take a journal that may not be the newest as it is, and sell again.
    Adopt,
    /// Compare journal, terminal and providers now.
    Reconcile,
    /// Which sale a claim code opens, for whoever is told it by a traveller.
    FindClaim {
        /// As it was typed.
        code: FetchedCode,
    },
    /// What did not agree at ends of day is explained: no alarm any more.
    SettleBooks {
        /// Why it did not.
        reason: String,
    },
    /// How the trade stands: selling, queue, outbox, stock, day, cases. For the service screen too.
    Status,
    /// May the machine restart now? Nothing is changed.
    MayRestart,
    /// Does the card terminal answer? Nothing is changed.
    TerminalAnswers,
    /// An item of a stock that was locked with its journal was proven unused: it may be sold.
    ProveStock {
        /// The item.
        profile: ProfileId,
    },
    /// Buy profiles for the stock.
    BuyStock {
        /// The account.
        provider: ProviderId,
        /// The plan there.
        plan: String,
        /// How many.
        count: u16,
    },
    /// Take back what is left of such an order.
    CancelStock {
        /// Which batch.
        batch: SaleId,
        /// Who says so, and why.
        reason: String,
    },
    /// Decide an order for the stock that is in doubt.
    DecidePurchase {
        /// Which.
        id: SaleId,
        /// What became of it.
        fact: PurchaseFact,
        /// Who says so, and why.
        reason: String,
    },
    /// Take an item out of the stock for good.
    RetireStock {
        /// The item.
        profile: ProfileId,
    },
    /// Call one endpoint of a provider.
    CallProvider(ProviderCall),
    /// Have the card terminal do something beside the sales.
    Terminal(OperatorTask),
    /// Do not offer a plan any more, or offer it again; it stays so over a restart.
    PutOnSale {
        /// The account.
        provider: ProviderId,
        /// The plan there.
        plan: String,
        /// Why it is off sale; nothing puts it on sale again.
        off: Option<String>,
    },
    /// Ask the receipt printer, or let it print a test receipt.
    Printer(PrinterTask),
}

/// What an operator may ask of the receipt printer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrinterTask {
    /// Its state: always.
    Status,
    /// What it can, to tell which model fits; between travellers.
    Probe,
    /// A test receipt in this language; between travellers.
    Test(String),
}

/// A fact about a case, with its witness (sale.md 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The sale's label.
    pub number: String,
    /// Which case of the sale, by its place.
    pub case: u8,
    /// About the money.
    #[serde(default)]
    pub money: Option<MoneyFact>,
    /// About the goods.
    #[serde(default)]
    pub goods: Option<GoodsFact>,
    /// The code that was fetched by a person, where the goods are here.
    #[serde(default)]
    pub code: Option<FetchedCode>,
    /// Who or what says so: a name, a document.
    pub witness: String,
    /// Why it is decided so.
    pub reason: String,
}

/// What a person may state about money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyFact {
    /// The card was charged.
    Charged,
    /// It was not.
    NotCharged,
    /// The money is back.
    Back,
}

/// What a person may state about goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoodsFact {
    /// Bought, and this is the code.
    Code,
    /// Never bought.
    Absent,
    /// Bought, and never to be had.
    Lost,
    /// A number, and its subscription was ended by hand.
    Ended,
}

/// A code on its way from a person, an activation code to the sealed table or a claim code to its sale: it never prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FetchedCode(pub String);

impl std::fmt::Debug for FetchedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("•••")
    }
}

/// What an operator is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatorAnswer {
    /// It is done, or begun.
    pub ok: bool,
    /// In words.
    pub text: String,
    /// For programs.
    #[serde(default)]
    pub value: serde_json::Value,
}

impl OperatorAnswer {
    /// Done, or begun.
    pub fn done(text: impl Into<String>) -> Self {
        OperatorAnswer { ok: true, text: text.into(), value: serde_json::Value::Null }
    }

    /// Not done, and nothing was changed.
    pub fn refused(text: impl Into<String>) -> Self {
        OperatorAnswer { ok: false, text: text.into(), value: serde_json::Value::Null }
    }
}

impl OperatorCommand {
    /// How long its answer may take: a terminal asks for a card and holds it, everything else is only written down.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(match self {
            OperatorCommand::Terminal(_) => 600,
            // The slowest call of a provider takes 100 s.
            OperatorCommand::CallProvider(_) => 150,
            _ => 60,
        })
    }
}

impl Statement {
    /// What a sale is told of it: each fact, then the decision that closes the case.
    pub fn events(&self) -> Vec<Event> {
        let decisions = self.decisions();
        let reason = self.reason();
        let stated =
            |decision: &CaseDecision| Event::Stated { case: self.case, decision: *decision, reason: reason.clone() };
        // The last fact is stated by the decision itself: told twice, it would meet the order that it has just caused.
        let before = decisions.len().saturating_sub(1);
        let mut events: Vec<Event> = decisions[..before].iter().map(stated).collect();
        events.extend(decisions.last().map(|decision| Event::Decided {
            case: self.case,
            decision: *decision,
            reason: reason.clone(),
        }));
        events
    }

    /// What goes into the journal beside the decision.
    fn reason(&self) -> String {
        format!("{} (witness: {})", self.reason.trim(), self.witness.trim())
    }

    fn decisions(&self) -> Vec<CaseDecision> {
        let goods = self.goods.map(|fact| match fact {
            GoodsFact::Code => CaseDecision::GoodsHere,
            GoodsFact::Absent => CaseDecision::GoodsAbsent,
            GoodsFact::Lost => CaseDecision::GoodsLost,
            GoodsFact::Ended => CaseDecision::NumberEnded,
        });
        let money = self.money.map(|fact| match fact {
            MoneyFact::Charged => CaseDecision::Charged,
            MoneyFact::NotCharged => CaseDecision::NotCharged,
            MoneyFact::Back => CaseDecision::Back,
        });
        goods.into_iter().chain(money).collect()
    }
}

impl Kiosk {
    /// Carries an order out and says what came of it.
    pub(super) fn operator(&mut self, command: &OperatorCommand) -> OperatorAnswer {
        info!(?command, "operator's order");
        let answer = self.operator_quietly(command);
        info!(ok = answer.ok, answer.text, "operator's order answered");
        answer
    }

    /// The same without a line in the log, for what a screen asks at every tick.
    pub(super) fn operator_quietly(&mut self, command: &OperatorCommand) -> OperatorAnswer {
        match command {
            OperatorCommand::Lock(closed) => self.set_closed(*closed),
            OperatorCommand::RefreshCatalogue => self.refresh_catalogue(),
            OperatorCommand::EndOfDay => self.order_day_end(),
            OperatorCommand::Decide(statement) => self.decide(statement),
            OperatorCommand::Reprint { number } => self.reprint(number),
            OperatorCommand::Adopt => self.adopt(),
            OperatorCommand::Reconcile => self.reconcile_now(),
            OperatorCommand::FindClaim { code } => self.find_claim(code),
            OperatorCommand::SettleBooks { reason } => self.settle_differences(reason),
            OperatorCommand::Status => self.trading(),
            OperatorCommand::MayRestart => self.may_restart(),
            OperatorCommand::TerminalAnswers => self.terminal_answers(),
            OperatorCommand::ProveStock { profile } => self.prove_stock(*profile),
            OperatorCommand::BuyStock { provider, plan, count } => self.buy_stock(provider, plan, *count),
            OperatorCommand::CancelStock { batch, reason } => self.cancel_stock(*batch, reason),
            OperatorCommand::DecidePurchase { id, fact, reason } => self.decide_purchase(*id, *fact, reason),
            OperatorCommand::RetireStock { profile } => self.retire_stock(*profile),
            OperatorCommand::Terminal(task) => {
                self.errand(task.clone(), None);
                OperatorAnswer::done("handed to the terminal; its end is in the log")
            }
            OperatorCommand::PutOnSale { provider, plan, off } => self.set_sale(provider, plan, off.as_deref()),
            OperatorCommand::Printer(_) => OperatorAnswer::refused("the printer answers by itself"),
            OperatorCommand::CallProvider(_) => {
                OperatorAnswer::refused("a provider is called by the command line alone")
            }
        }
    }

    /// A sale by its label or id, brought into memory.
    pub(super) fn bring(&mut self, name: &str) -> Result<SaleId, OperatorAnswer> {
        let name = name.trim().to_ascii_uppercase();
        let found = match name.parse::<SaleId>() {
            Ok(id) => Ok(Some(id)),
            Err(_) => self.journal.find_number(&SaleNumber(name.clone())),
        };
        let missing = || OperatorAnswer::refused(format!("there is no sale {name:?}"));
        let id = match found {
            Ok(Some(id)) => id,
            Ok(None) => return Err(missing()),
            Err(error) => return Err(self.journal_refused(error)),
        };
        if !self.sales.contains_key(&id) {
            match self.journal.sale(id) {
                Ok(Some(sale)) => {
                    if sale.closed.is_some() {
                        self.closed_over.insert(id);
                    }
                    self.sales.insert(id, sale);
                }
                Ok(None) => return Err(missing()),
                // This one sale is damaged: the journal works, and the others are sold and finished.
                Err(JournalError::Damaged { what }) => {
                    self.lay_aside(id, &what);
                    let text = format!("{name} cannot be read ({what}): its case is in `esim-kiosk sales cases`");
                    return Err(OperatorAnswer::refused(text));
                }
                Err(error) => return Err(self.journal_refused(error)),
            }
        }
        Ok(id)
    }

    pub(super) fn journal_refused(&mut self, error: crate::journal::JournalError) -> OperatorAnswer {
        let text = super::chain(&error);
        self.journal_failed(error);
        OperatorAnswer::refused(text)
    }

    /// Prints a receipt again: a copy, counted, without the activation code.
    fn reprint(&mut self, number: &str) -> OperatorAnswer {
        let id = match self.bring(number) {
            Ok(id) => id,
            Err(answer) => return answer,
        };
        if !self.health.can_print() {
            return OperatorAnswer::refused("the printer is not ready: see `esim-kiosk printer status`");
        }
        let (claim, entries) = match (self.journal.claim_code(id), self.journal.entries(id)) {
            (Ok(Some(claim)), Ok(entries)) => (claim, entries),
            (Ok(None), _) => return OperatorAnswer::refused("the sale's claim code is not in the journal"),
            // This one sale is damaged: nobody else's receipt is.
            (Err(JournalError::Damaged { what }), _) | (_, Err(JournalError::Damaged { what })) => {
                return OperatorAnswer::refused(format!("{number} cannot be read whole ({what}): nothing is printed"));
            }
            (Err(error), _) | (_, Err(error)) => return self.journal_refused(error),
        };
        let printed = entries
            .iter()
            .filter(|entry| {
                matches!(entry.record, Record::Paper { state: PaperState::Confirmed | PaperState::Unknown })
            })
            .count();
        let copy = u8::try_from(printed).unwrap_or(u8::MAX).max(1);
        let Some(sale) = self.sales.get(&id) else { return OperatorAnswer::refused("the sale is gone") };
        let language = sale.quote.language.clone();
        let receipt = self.receipt_of(sale, &claim, Vec::new(), copy, &language);
        self.tell(id, &Event::Paper(PaperState::Requested));
        let (printer, inbox) = (self.printer.clone(), self.inbox.clone());
        tokio::spawn(async move {
            let outcome = printer.print(&receipt).await;
            if inbox.send(Inbox::Printed { sale: id, outcome }).await.is_err() {
                warn!(sale = %id, "the kiosk ended before the printer's word was taken");
            }
        });
        OperatorAnswer::done(format!("copy {copy} is being printed"))
    }

    /// The journal is taken as it is. Its open sales stay cases; stock is sold once it is proven unused.
    fn adopt(&mut self) -> OperatorAnswer {
        if !self.is_estranged() {
            return OperatorAnswer::refused("the journal is the newest: there is nothing to adopt");
        }
        if let Err(error) = self.journal.adopt() {
            return self.journal_refused(error);
        }
        self.take_terminal_as_it_is();
        // Neither an order for the stock that was open, nor what was still to be bought, waits for the next start.
        self.ask_about_purchase();
        self.follow_purchases();
        self.freshen_health();
        let open = self.sales.values().filter(|sale| sale.closed.is_none()).count();
        OperatorAnswer::done(format!("the journal is adopted; {open} open sales are cases"))
    }
}
