//! What a person does about a journal that may not be the newest: takes it as it is, and decides each case by what the
//! acquirer and the provider tell.

use std::time::Duration;

use tokio::time::sleep;

use super::books::{Kind, Wrong};
use super::stand::{Open, Stand};
use crate::kiosk::Inbox;
use crate::kiosk::operator::{GoodsFact, MoneyFact, OperatorCommand, Statement};
use crate::sale::Sale;
use crate::sale::record::CaseKind;

/// Adopts the journal and decides its cases.
pub(super) async fn adopts(stand: &Stand, open: &Open) -> Vec<Wrong> {
    order(open, OperatorCommand::Adopt).await;
    if stand.disk.estranged().is_some() {
        return vec![stuck("the journal could not be adopted".to_owned())];
    }
    let mut wrongs = Vec::new();
    for sale in stand.disk.sales() {
        for case in sale.cases.iter().filter(|case| case.decided.is_none()) {
            let place = case.place;
            let Some(statement) = truth(stand, &sale, place, case.kind) else { continue };
            order(open, OperatorCommand::Decide(Box::new(statement))).await;
            let now = stand.disk.sales().into_iter().find(|known| known.id == sale.id);
            let decided = now.is_some_and(|now| now.case(place).is_some_and(|case| case.decided.is_some()));
            if !decided {
                wrongs.push(stuck(format!("{}: case {place} could not be decided", sale.quote.number)));
            }
        }
    }
    wrongs
}

fn stuck(what: String) -> Wrong {
    Wrong { kind: Kind::Stuck, what }
}

async fn order(open: &Open, command: OperatorCommand) {
    // A kiosk that is gone answers nothing, and is noticed by what it does not do.
    open.inbox.send(Inbox::Operator(command)).await.ok();
    sleep(Duration::from_secs(2)).await;
}

/// What the acquirer's and the provider's own books say about a case; none where it asks for neither.
fn truth(stand: &Stand, sale: &Sale, case: u8, kind: CaseKind) -> Option<Statement> {
    let receipt = sale.payment.paid_as.as_ref().or(sale.payment.approval.as_ref().map(|approval| &approval.key));
    let receipt = receipt.and_then(|key| key.receipt.clone());
    let payments = stand.terminal.ledger().book().payments;
    // One whose receipt is lost with its record is the last one that was asked for.
    let payment = match receipt {
        Some(_) => payments.iter().rev().find(|payment| payment.receipt == receipt),
        None => payments.last().filter(|_| sale.payment.asked_at.is_some()),
    };
    let charged = payment.is_some_and(|payment| payment.paid_minor > 0);
    let bought = stand.shop.sold().iter().any(|order| order.key.sale == sale.id);
    let (money, goods) = match kind {
        CaseKind::MoneyUnknown | CaseKind::ChargedOtherwise => {
            (Some(if charged { MoneyFact::Charged } else { MoneyFact::NotCharged }), None)
        }
        CaseKind::OrderInDoubt | CaseKind::CodeLost => {
            (None, Some(if bought { GoodsFact::Lost } else { GoodsFact::Absent }))
        }
        _ => return None,
    };
    Some(Statement {
        number: sale.quote.number.0.clone(),
        case,
        money,
        goods,
        code: None,
        witness: "the acquirer's and the provider's lists".to_owned(),
        reason: "the journal is an older one".to_owned(),
    })
}
