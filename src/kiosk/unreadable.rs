//! The case of a sale whose records cannot be read any more: what a person may state of it.

use crate::journal::unreadable::{CASE, Verdict};
use crate::sale::id::{SaleId, SaleNumber};
use crate::sale::record::Closing;
use crate::sale::{Goods, Money};

use super::Kiosk;
use super::operator::{GoodsFact, MoneyFact, OperatorAnswer, Statement};

/// Whether the statement is about such a case: its number belongs to no other.
pub fn is_about(statement: &Statement) -> bool {
    statement.case == CASE
}

/// What the statement means for the books. Nothing follows from it for devices and providers: nobody can read what
/// was asked of them, so whatever is still to be done was done by the person before.
///
/// # Errors
/// What is missing, in words.
pub fn verdict(statement: &Statement) -> Result<Verdict, &'static str> {
    let Some(money) = statement.money else {
        return Err("this sale cannot be read: state what became of the money, --money charged, not-charged or back");
    };
    let (money, goods, closing) = match (money, statement.goods) {
        (_, Some(GoodsFact::Code)) => {
            return Err("this sale cannot be read and keeps no code: give it to the traveller, and state --goods lost");
        }
        (_, Some(GoodsFact::Ended)) => {
            return Err("this sale cannot be read: end what runs at the provider, and state --goods lost");
        }
        (MoneyFact::Charged, None) => {
            return Err("charged for what? State --goods lost, or give the money back and state --money back");
        }
        (MoneyFact::Charged, Some(GoodsFact::Absent)) => {
            return Err("charged for nothing: give the money back first, and then state --money back");
        }
        (MoneyFact::Charged, Some(GoodsFact::Lost)) => (Money::Paid, Goods::Absent, Closing::Lost),
        (MoneyFact::NotCharged, Some(GoodsFact::Lost)) => (Money::None, Goods::Absent, Closing::Lost),
        (MoneyFact::NotCharged, _) => (Money::None, Goods::Absent, Closing::NotCharged),
        (MoneyFact::Back, Some(GoodsFact::Lost)) => (Money::Back, Goods::Absent, Closing::Lost),
        (MoneyFact::Back, _) => (Money::Back, Goods::Absent, Closing::Refunded),
    };
    let (witness, why) = (statement.witness.trim(), statement.reason.trim());
    if witness.is_empty() || why.is_empty() {
        return Err("a decision needs a witness and a reason");
    }
    Ok(Verdict { money, goods, closing, reason: format!("{why} (witness: {witness})") })
}

impl Kiosk {
    /// A sale turned out not to be readable: it is a case, which is counted, and everything else goes on.
    pub(super) fn lay_aside(&mut self, id: SaleId, why: &str) {
        match self.journal.lay_aside(id, why) {
            Ok(()) => self.read_cases(),
            Err(error) => self.journal_failed(error),
        }
    }

    /// A person closes the case of a sale that cannot be read.
    pub(super) fn decide_unreadable(&mut self, statement: &Statement) -> OperatorAnswer {
        let verdict = match verdict(statement) {
            Ok(verdict) => verdict,
            Err(why) => return OperatorAnswer::refused(why),
        };
        let name = statement.number.trim().to_ascii_uppercase();
        let found = match name.parse::<SaleId>() {
            Ok(id) => Ok(Some(id)),
            Err(_) => self.journal.find_number(&SaleNumber(name.clone())),
        };
        let now = self.clock.now();
        let decided = match found {
            Ok(Some(id)) => self.journal.decide_unreadable(id, &verdict, now),
            Ok(None) => return OperatorAnswer::refused(format!("there is no sale {name:?}")),
            Err(error) => return self.journal_refused(error),
        };
        match decided {
            Ok(true) => {
                self.read_cases();
                self.post.look_again();
                OperatorAnswer::done(told(&name, &verdict))
            }
            Ok(false) => OperatorAnswer::refused(NO_SUCH_CASE),
            Err(error) => self.journal_refused(error),
        }
    }
}

/// Where the case is not there, or not open.
pub const NO_SUCH_CASE: &str = "the sale has no such case, it is decided already, or the sale can be read again";

/// What the person is answered.
pub fn told(number: &str, verdict: &Verdict) -> String {
    format!("{number}: money {:?}, {:?}; its records stay as they are", verdict.money, verdict.closing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_money_witness_and_reason() {
        let statement = |money, goods, witness: &str| Statement {
            number: "K07-000001".into(),
            case: CASE,
            money,
            goods,
            code: None,
            witness: witness.into(),
            reason: "called the acquirer".into(),
        };
        for (money, goods, closing) in [
            (MoneyFact::NotCharged, None, Closing::NotCharged),
            (MoneyFact::NotCharged, Some(GoodsFact::Lost), Closing::Lost),
            (MoneyFact::Back, Some(GoodsFact::Absent), Closing::Refunded),
            (MoneyFact::Charged, Some(GoodsFact::Lost), Closing::Lost),
        ] {
            let verdict = verdict(&statement(Some(money), goods, "the acquirer's list")).unwrap();
            assert_eq!(verdict.closing, closing);
            assert_eq!(verdict.reason, "called the acquirer (witness: the acquirer's list)");
        }
        for (money, goods, witness) in [
            (None, Some(GoodsFact::Lost), "list"),
            (Some(MoneyFact::Charged), None, "list"),
            (Some(MoneyFact::Charged), Some(GoodsFact::Absent), "list"),
            (Some(MoneyFact::Back), Some(GoodsFact::Code), "list"),
            (Some(MoneyFact::Back), None, " "),
        ] {
            assert!(verdict(&statement(money, goods, witness)).is_err(), "{money:?} {goods:?} {witness:?}");
        }
    }
}
