//! Errands: what an operator has the card terminal do beside the sales. Each holds the terminal's lock, so that no card
//! is asked meanwhile; and a reversal of a sale's own receipt is no errand but that sale's give-back (sale.md 5, 6).

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use crate::payment::profile::{self, TerminalProfile};
use crate::payment::{NotTaken, OperatorReport, OperatorTask, Transaction};
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::{Lock, Money};

use super::Kiosk;
use super::inbox::Inbox;
use super::operator::OperatorAnswer;
use super::settings::Hold;

/// H of a terminal that was never measured, in ms.
const NEVER_MEASURED_MS: u64 = 14_000;

/// Who waits for the answer to an order that takes its time.
pub(super) type Waiting = oneshot::Sender<OperatorAnswer>;

/// What is under way for operators at the terminal.
#[derive(Debug, Default)]
pub(super) struct Errands {
    /// The name under which the running errand holds the terminal's lock.
    running: Option<SaleId>,
    /// Ordered give-backs whose money has not come back yet, and who waits.
    give_backs: Vec<(SaleId, Waiting)>,
}

impl Errands {
    /// The terminal is at an errand: cards wait.
    pub(super) fn hold_terminal(&self) -> bool {
        self.running.is_some()
    }
}

/// An errand that ended.
#[derive(Debug)]
pub struct Errand {
    id: SaleId,
    outcome: Result<OperatorReport, NotTaken>,
    /// What a hold test measured, once it is kept.
    measured: Option<TerminalProfile>,
    answer: Option<Waiting>,
}

fn moves_money(task: &OperatorTask) -> bool {
    matches!(task, OperatorTask::Reverse { .. } | OperatorTask::Refund { .. } | OperatorTask::HoldTest { .. })
}

impl Kiosk {
    /// An operator's task for the terminal. It is answered when it has ended.
    pub(super) fn errand(&mut self, task: OperatorTask, answer: Option<Waiting>) {
        if let OperatorTask::Reverse { receipt, .. } = &task {
            match self.journal.sale_of_receipt(receipt) {
                Ok(Some(sale)) => return self.order_give_back(sale, answer),
                Ok(None) => {}
                Err(error) => {
                    let said = self.journal_refused(error);
                    return tell(answer, said);
                }
            }
        }
        match self.begin_errand(&task) {
            Ok(id) => self.send_errand(id, task, answer),
            Err(why) => tell(answer, OperatorAnswer::refused(why)),
        }
    }

    /// Takes the terminal's lock for an errand.
    fn begin_errand(&mut self, task: &OperatorTask) -> Result<SaleId, String> {
        if self.halted.is_some() || self.terminal.service().is_none() {
            return Err("the terminal's line is not being served".to_owned());
        }
        if self.is_estranged() && moves_money(task) {
            return Err("the journal may not be the newest: `esim-kiosk sales adopt` first".to_owned());
        }
        if self.day.holds_terminal() {
            return Err("the terminal closes its day right now: try again in some minutes".to_owned());
        }
        if self.errands.hold_terminal() {
            return Err("the terminal is at another errand: try again when it has ended".to_owned());
        }
        if let Some(holder) = self.locks.get(&Lock::Terminal) {
            let name = self.sales.get(holder).map_or(holder.to_string(), |sale| sale.quote.number.to_string());
            return Err(format!("the payment of sale {name} is not decided: the terminal is its own until then"));
        }
        let id = self.new_errand_id().ok_or("no random numbers")?;
        if moves_money(task) {
            warn!(?task, errand = %id, "an operator moves money at the terminal");
            self.expect_foreign_transaction();
        }
        self.locks.insert(Lock::Terminal, id);
        self.errands.running = Some(id);
        self.freshen_health();
        Ok(id)
    }

    fn new_errand_id(&self) -> Option<SaleId> {
        let mut bits = [0_u8; 16];
        getrandom::fill(&mut bits).ok()?;
        let now = u64::try_from(self.clock.now().wall_ms).unwrap_or(0);
        Some(SaleId::from_parts(now, u128::from_be_bytes(bits)))
    }

    fn send_errand(&mut self, id: SaleId, task: OperatorTask, answer: Option<Waiting>) {
        let Some(service) = self.terminal.service() else { return };
        let (inbox, place) = (self.inbox.clone(), self.settings.profile.clone());
        let now = jiff::Timestamp::from_millisecond(self.clock.now().wall_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        tokio::spawn(async move {
            let mut outcome = service.perform(task).await;
            let measured = match (&mut outcome, &place) {
                (Ok(report), Some(place)) if report.hold.is_some() => profile::keep_measured(report, place, now),
                _ => None,
            };
            let ended = Errand { id, outcome, measured, answer };
            if inbox.send(Inbox::Errand(Box::new(ended))).await.is_err() {
                warn!("the kiosk ended before an errand's answer was taken");
            }
        });
    }

    /// The terminal has answered: it is free again.
    pub(super) fn errand_ended(&mut self, ended: Errand) {
        if self.errands.running == Some(ended.id) {
            self.errands.running = None;
            self.locks.remove(&Lock::Terminal);
            self.freshen_health();
        }
        if let Some(measured) = ended.measured {
            self.take_measured(measured);
        }
        let said = match ended.outcome {
            Ok(report) => OperatorAnswer {
                ok: report.ok,
                text: report.message.clone(),
                value: serde_json::to_value(&report).unwrap_or_default(),
            },
            Err(why) => OperatorAnswer::refused(why.to_string()),
        };
        info!(ok = said.ok, said.text, "an errand at the terminal ended");
        tell(ended.answer, said);
    }

    /// From now on this terminal holds for as long as was measured, unless the configuration says otherwise.
    fn take_measured(&mut self, measured: TerminalProfile) {
        if self.settings.hold == Hold::Configured {
            return;
        }
        info!(hold_ms = measured.hold_ms, "the terminal's hold was measured");
        let settings = Arc::make_mut(&mut self.settings);
        settings.terms.hold_ms = measured.hold_ms;
        settings.hold = Hold::Measured { terminal_id: measured.terminal_id };
    }

    /// A measured hold is that terminal's: another one that stands here now counts as never measured.
    pub(super) fn check_measured(&mut self, seen: &Transaction) {
        let Hold::Measured { terminal_id: Some(measured) } = &self.settings.hold else { return };
        let Some(other) = seen.key.terminal_id.as_ref().filter(|other| *other != measured) else { return };
        error!(measured, other, "another terminal stands here: it was never measured (esim-kiosk terminal hold-test)");
        let settings = Arc::make_mut(&mut self.settings);
        settings.terms.hold_ms = settings.terms.hold_ms.min(NEVER_MEASURED_MS);
        settings.hold = Hold::NeverMeasured;
    }

    /// The receipt is a sale's: its money goes back by that sale's own rules, journalled, when the terminal is free.
    fn order_give_back(&mut self, id: SaleId, answer: Option<Waiting>) {
        let id = match self.bring(&id.to_string()) {
            Ok(id) => id,
            Err(said) => return tell(answer, said),
        };
        if self.is_estranged() {
            let why = "the journal may not be the newest: `esim-kiosk sales adopt` first";
            return tell(answer, OperatorAnswer::refused(why));
        }
        self.tell(id, &Event::GiveBack { reason: "esim-kiosk terminal reverse".to_owned() });
        let Some(sale) = self.sales.get(&id) else { return };
        if sale.payment.money != Money::Releasing {
            let said = format!("the receipt is of sale {}: {}", sale.quote.number, standing(sale.payment.money));
            self.forget_closed();
            return tell(answer, OperatorAnswer::refused(said));
        }
        info!(sale = %sale.quote.number, "an operator gives the money back");
        if let Some(answer) = answer {
            self.errands.give_backs.push((id, answer));
        }
    }

    /// Answers those whose money has come back, or cannot.
    pub(super) fn follow_give_backs(&mut self) {
        for (id, answer) in std::mem::take(&mut self.errands.give_backs) {
            let Some(sale) = self.sales.get(&id) else {
                tell(
                    Some(answer),
                    OperatorAnswer::refused(format!("sale {id} is over: see `esim-kiosk sales show {id}`")),
                );
                continue;
            };
            let number = &sale.quote.number;
            match sale.payment.money {
                Money::Releasing => self.errands.give_backs.push((id, answer)),
                Money::Back => {
                    tell(Some(answer), OperatorAnswer::done(format!("the money of sale {number} is back on the card")));
                }
                money => {
                    tell(Some(answer), OperatorAnswer::refused(format!("sale {number}: {}", standing(money))));
                }
            }
        }
    }
}

/// Why a receipt cannot be reversed now, in words.
pub fn standing(money: Money) -> &'static str {
    match money {
        Money::None => "nothing was charged",
        Money::Asked | Money::Held | Money::Committing => "its payment is under way",
        Money::Paid => "the journal did not take it",
        Money::Releasing => "its money is on its way back already",
        Money::RefundDue => {
            "the terminal does not reverse it any more; the acquirer must give it back: see `esim-kiosk sales cases`"
        }
        Money::Back => "its money is back already",
        Money::Unknown => "nobody knows yet whether it was charged: decide its case (`esim-kiosk sales cases`)",
    }
}

fn tell(answer: Option<Waiting>, said: OperatorAnswer) {
    if let Some(answer) = answer
        && answer.send(said).is_err()
    {
        warn!("an operator did not wait for the answer");
    }
}
