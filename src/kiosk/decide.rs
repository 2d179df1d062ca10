//! What a person decides about a case: facts with their witness, and the code that was fetched by hand.

use crate::sale::activation::{ActivationCode, Iccid, Profile};
use crate::sale::event::{Event, GoodsNews};
use crate::sale::id::SaleId;
use crate::sale::offer::OrderReference;
use crate::sale::record::CaseKind;
use crate::sale::{Goods, Sale};

use super::Kiosk;
use super::operator::{GoodsFact, MoneyFact, OperatorAnswer, Statement};

impl Kiosk {
    /// A person states a fact about a case; the table of money and goods applies again.
    pub(super) fn decide(&mut self, statement: &Statement) -> OperatorAnswer {
        if super::unreadable::is_about(statement) {
            return self.decide_unreadable(statement);
        }
        let id = match self.bring(&statement.number) {
            Ok(id) => id,
            Err(answer) => return answer,
        };
        if let Err(why) = self.sales.get(&id).map_or(Err("no sale"), |sale| fits(sale, statement)) {
            return OperatorAnswer::refused(why);
        }
        if statement.goods == Some(GoodsFact::Code)
            && let Err(why) = self.take_code(id, statement)
        {
            return OperatorAnswer::refused(why);
        }
        for event in statement.events() {
            self.tell(id, &event);
        }
        let Some(sale) = self.sales.get(&id) else { return OperatorAnswer::refused("the sale is gone") };
        let decided = sale.case(statement.case).is_some_and(|case| case.decided.is_some());
        let text = format!("{}: money {:?}, {:?}", sale.quote.number, sale.payment.money, sale.phase());
        self.forget_closed();
        if decided { OperatorAnswer::done(text) } else { OperatorAnswer::refused("the journal did not take it") }
    }

    /// The code that a person fetched becomes the sale's, sealed, if it belongs to nobody else.
    fn take_code(&mut self, id: SaleId, statement: &Statement) -> Result<(), &'static str> {
        let typed = statement.code.as_ref().ok_or("the code itself is missing: give it on standard input")?;
        let code = ActivationCode::parse(typed.0.trim()).map_err(|_| "that is no activation code (LPA:1$…)")?;
        let sale = self.sales.get(&id).ok_or("no sale")?;
        let place = wants_code(sale, statement.case)?;
        let good = u8::try_from(place).map_err(|_| "no such good")?;
        let reference = sale.goods[place].reference.clone();
        let reference = reference.unwrap_or_else(|| OrderReference(format!("by hand {}", sale.key(good).reference())));
        let iccid: Option<Iccid> = sale.goods[place].iccid.clone();
        let profile = Profile { code, iccid, confirmation_code: None, install_before: None, apn: None };
        let name = self.new_profile_id().ok_or("no random numbers")?;
        let news = GoodsNews::Delivered { reference, profile: Some(name), iccid: None, charged: None };
        self.tell_with(id, &Event::Goods { good, news }, Some((name, &profile)));
        let here = self.sales.get(&id).is_some_and(|sale| sale.goods[place].profile == Some(name));
        if here { Ok(()) } else { Err("the code belongs to another sale already") }
    }
}

/// The good whose code a person may bring: the case's own, or the first eSIM that is missing where it names none.
fn wants_code(sale: &Sale, case: u8) -> Result<usize, &'static str> {
    let case = sale.case(case).ok_or("the sale has no such case")?;
    let missing = |good: &usize| {
        let open = matches!(sale.goods[*good].state, Goods::Asked | Goods::Accepted | Goods::Unknown);
        open && case.names(*good)
    };
    let mut missing = (0..sale.goods.len()).filter(missing).peekable();
    missing.peek().ok_or("every good of this case is decided")?;
    let esim = missing.find(|good| sale.is_kind_stockable(*good));
    esim.ok_or("only an eSIM has a code: state --goods absent, or lost where it was bought")
}

/// Whether the statement can be about this case at all.
///
/// # Errors
/// Why not, in words.
pub fn fits(sale: &Sale, statement: &Statement) -> Result<(), &'static str> {
    let case = sale.case(statement.case).ok_or("the sale has no such case")?;
    if case.decided.is_some() {
        return Err("the case is decided already: nothing is changed any more");
    }
    if statement.money.is_none() && statement.goods.is_none() {
        return Err("state a fact: --money charged, not-charged or back, or --goods code, absent, lost or ended");
    }
    if case.is_about_goods() && statement.goods.is_none() {
        return Err("this case asks for the goods: state --goods code, absent or lost");
    }
    if (case.kind == CaseKind::NumberRuns) != (statement.goods == Some(GoodsFact::Ended)) {
        return Err("--goods ended is for a number that runs on, and for that alone: end it at its provider first");
    }
    if case.kind == CaseKind::RefundByAcquirer && statement.money != Some(MoneyFact::Back) {
        return Err("this case waits for a refund: state --money back once the acquirer has paid it");
    }
    if matches!(case.kind, CaseKind::MoneyUnknown | CaseKind::ChargedOtherwise) && statement.money.is_none() {
        return Err("this case asks for the money: state --money charged, not-charged or back");
    }
    if statement.goods == Some(GoodsFact::Code) {
        wants_code(sale, statement.case)?;
    }
    if statement.witness.trim().is_empty() || statement.reason.trim().is_empty() {
        return Err("a decision needs a witness and a reason");
    }
    Ok(())
}
