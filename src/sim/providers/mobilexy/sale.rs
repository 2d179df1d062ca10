//! Buying an eSIM: at once, one at a time, without any way to ask for the answer again.

use serde_json::json;

use super::plans::plan_name;
use super::{error, success};
use crate::sim::providers::call::Call;
use crate::sim::providers::catalogue::Plan;
use crate::sim::providers::clock;
use crate::sim::providers::desk::{Desk, Purchase, Sold};
use crate::sim::providers::esim::Wait;
use crate::sim::providers::fault::Trick;
use crate::sim::providers::ledger::{Goods, SoldOrder};
use crate::sim::providers::reply::Reply;

pub(super) fn purchase(desk: &mut Desk, call: &Call) -> Reply {
    let Some(id) = call.field("plan_id") else {
        desk.dislike("missing_field");
        return error(desk, 422, "validation_error", "The plan id field is required.");
    };
    let Ok(id) = id.parse::<u32>() else {
        desk.dislike("wrong_field");
        return error(desk, 422, "validation_error", "The plan id must be an integer.");
    };
    if desk.tricked(&Trick::InFlight) {
        return error(desk, 409, "in_progress", "A purchase is already being processed");
    }
    if desk.tricked(&Trick::RepeatsEarlierOrder)
        && let Some(earlier) = desk.ledger.orders.iter().rev().find(|order| order.goods == Goods::Esim)
    {
        let (number, lpa) = (earlier.number, earlier.lpa.first().cloned());
        return bought(earlier, lpa.as_deref(), desk).of_order(number);
    }
    let poor = desk.tricks_before_sale(id);
    let Some(plan) = desk.on_sale(id) else { return error(desk, 404, "plan_not_found", "Plan not found or disabled") };
    if poor || desk.ledger.balance < plan.price {
        return error(desk, 400, "insufficient_balance", "Insufficient balance");
    }
    sell(desk, &plan)
}

fn sell(desk: &mut Desk, plan: &Plan) -> Reply {
    let wait = desk.wait_of(plan);
    let reference = desk.codes.number(10);
    let id = clock::tran_no(desk.clock.now_s(), desk.esims.len() as u64 + 1);
    let name = plan_name(&desk.catalogue, plan);
    let purchase = Purchase {
        pending: wait != Wait::Ready,
        ..Purchase::of(Goods::Esim, reference, plan.id.to_string(), name, plan.price)
    };
    let Sold { order: number, first, deaf } = desk.sell_esims(plan, vec![id], purchase, wait);
    let lpa = (wait == Wait::Ready).then(|| desk.esims[first].lpa().to_owned());
    if deaf {
        return error(desk, 500, "order_failed", "Something went wrong, please try again").of_order(number);
    }
    match desk.ledger.order(number) {
        Some(order) => bought(order, lpa.as_deref(), desk).of_order(number),
        None => error(desk, 500, "order_failed", "Order lost"),
    }
}

/// The answer of the document: `iccid` null, `serial_number` an overflowed column.
fn bought(order: &SoldOrder, lpa: Option<&str>, desk: &Desk) -> Reply {
    let expiry = clock::iso_day(desk.clock.now_s() + 180 * 86_400);
    success(
        "order_completed",
        "Order completed successfully",
        json!({
            "order": {"order_number": order.reference, "total_amount": order.price.eight(), "status": 0},
            "esim": {
                "serial_number": i32::MAX,
                "iccid": null,
                "phone_number": format!("08{:08}", (order.number * 7_654_321) % 100_000_000),
                "qr_code": lpa,
                "qr_code_image": null,
                "expiry_date": expiry,
                "info": null,
            },
        }),
    )
}
