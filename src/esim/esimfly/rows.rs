//! eSIMfly's endpoints: nine of its reference, and two of its live documentation that a kiosk needs.

use crate::esim::calls::{Form, Origin::Live, Row, body, query};

/// The wallet.
pub const BALANCE: Row = Row::new("balance", "GET", "/balance").gives(&["data.balance decimal"]);
/// Packages, paged, with our prices.
pub const PACKAGES: Row = Row::new("packages", "GET", "/esims/packages")
    .with(&[query("search"), query("type"), query("page").as_(Form::Whole), query("limit").as_(Form::Whole)])
    .gives(&["data.packages list"])
    .catalogue();
/// Buys.
pub const ORDER: Row = Row::new("order", "POST", "/esims/order")
    .with(&[
        body("packageCode").must(),
        body("packageName").must(),
        body("price").as_(Form::Decimal).must(),
        body("quantity").as_(Form::Whole),
        body("duration").as_(Form::Whole),
        body("flagUrl"),
        body("idempotency_key"),
    ])
    .gives(&["orderReference text"]);
/// One order.
pub const ORDER_STATUS: Row = Row::new("order-status", "GET", "/esims/order")
    .with(&[query("orderReference").must()])
    .gives(&["order.orderReference text"]);
/// What an eSIM can be topped up with.
pub const TOP_UP_PACKAGES: Row = Row::new("topup-packages", "GET", "/topup/packages")
    .with(&[query("iccid").must(), query("page").as_(Form::Whole), query("limit").as_(Form::Whole)])
    .gives(&["data.packages list"]);
/// Tops an eSIM up.
pub const TOP_UP: Row = Row::new("topup-order", "POST", "/topup/order")
    .with(&[
        body("iccid").must(),
        body("packageCode").must(),
        body("packageName"),
        body("price").as_(Form::Decimal),
        body("quantity").as_(Form::Whole),
    ])
    .gives(&["orderReference text"]);
/// Our eSIMs, with their codes as text.
pub const ESIMS: Row = Row::new("esims", "GET", "/esims")
    .with(&[
        query("page").as_(Form::Whole),
        query("limit").as_(Form::Whole),
        query("status"),
        query("search"),
        query("include_base64").as_(Form::Flag),
    ])
    .gives(&["data.esims list"]);
/// Use of an eSIM.
pub const USAGE: Row = Row::new("usage", "GET", "/esims/usage/query")
    .with(&[query("iccid"), query("order_id"), query("from_date"), query("to_date")])
    .gives(&["data.esim object", "data.data object"]);
/// Our orders.
pub const ORDERS: Row = Row::new("orders", "GET", "/orders")
    .with(&[
        query("page").as_(Form::Whole),
        query("limit").as_(Form::Whole),
        query("status"),
        query("from_date"),
        query("to_date"),
        query("search"),
        query("sort_by"),
        query("sort_order"),
    ])
    .gives(&["data.orders list"]);
/// Cancels an eSIM that was not activated; cancels every eSIM of its order.
pub const CANCEL: Row = Row::new("cancel", "POST", "/esims/cancel")
    .with(&[body("iccid"), body("esimId").as_(Form::Whole)])
    .gives(&["success"])
    .from(Live);
/// The state of an eSIM in its network.
pub const STATUS: Row = Row::new("status", "POST", "/esims/status").with(&[body("iccid").must()]).from(Live).reads();

/// All of them.
pub static ROWS: &[Row] =
    &[BALANCE, PACKAGES, ORDER, ORDER_STATUS, TOP_UP_PACKAGES, TOP_UP, ESIMS, USAGE, ORDERS, CANCEL, STATUS];
