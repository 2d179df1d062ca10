//! Roamify's endpoints: eight of its eSIM page, and the selling half from its live documentation (providers.md 2.2).

use crate::esim::calls::{Form, Origin::Inferred, Origin::Live, Row, body, path, query};

/// Generates a profile: up to 90 s.
pub const APPLY: Row = Row::new("apply", "POST", "/api/esim/apply")
    .with(&[body("esimId").must(), body("referenceId"), body("startDate")])
    .gives(&["data.id text"])
    .slow();
/// One eSIM by its id.
pub const ESIM_BY_ID: Row =
    Row::new("esim-by-id", "GET", "/api/esim").with(&[query("esimId").must()]).gives(&["data.id text"]);
/// One eSIM by its card number.
pub const ESIM_BY_ICCID: Row =
    Row::new("esim-by-iccid", "GET", "/api/esim").with(&[query("iccid").must()]).gives(&["data.id text"]);
/// Use of an eSIM.
pub const USAGE: Row =
    Row::new("usage", "GET", "/api/esim/usage").with(&[query("iccid").must()]).gives(&["data.iccid text"]);
/// Use of an eSIM day by day.
pub const USAGE_DETAILS: Row = Row::new("usage-details", "GET", "/api/esim/usage/details")
    .with(&[query("iccid").must()])
    .gives(&["data.iccid text", "data.dataUsages list"]);
/// What an eSIM can be topped up with.
pub const TOP_UP_PACKAGES: Row = Row::new("topup-packages", "GET", "/api/esim/topup/packages")
    .with(&[
        query("iccid").must(),
        query("days").as_(Form::Whole),
        query("gbs").as_(Form::Decimal),
        query("isUnlimited").as_(Form::Flag),
        query("packageId"),
    ])
    .gives(&["data|data.packages list"]);
/// Packages of an eSIM so far.
pub const HISTORY: Row =
    Row::new("history", "GET", "/api/esim/history").with(&[query("iccid").must()]).gives(&["data list"]);
/// All our eSIMs.
pub const ESIMS: Row = Row::new("esims", "GET", "/api/esims")
    .with(&[query("status"), query("limit").as_(Form::Whole)])
    .gives(&["data list"])
    .catalogue();
/// Countries with plans.
pub const COUNTRIES: Row = Row::new("countries", "GET", "/api/esim/countries")
    .with(&[query("geography")])
    .gives(&["data|data.countries list"])
    .from(Live)
    .catalogue();
/// Packages, paged.
pub const PACKAGES: Row = Row::new("packages", "GET", "/api/esim/packages")
    .with(&[
        query("country"),
        query("countryCode"),
        query("geography"),
        query("days").as_(Form::Whole),
        query("gbs").as_(Form::Decimal),
        query("isUnlimited").as_(Form::Flag),
        query("packageId"),
        query("page").as_(Form::Whole),
        query("pageSize").as_(Form::Whole),
    ])
    .gives(&["data"])
    .from(Live)
    .catalogue();
/// Buys; the profile is generated afterwards.
pub const ORDER: Row = Row::new("order", "POST", "/api/esim/order")
    .with(&[body("items").as_(Form::Json).must(), body("referenceId")])
    .gives(&["data.id|data.orderId|data.order.id text"])
    .from(Live);
/// Buys and generates in one slow step.
pub const ORDER_INSTANT: Row = Row::new("order-instant", "POST", "/api/esim/order/instant")
    .with(&[body("items").as_(Form::Json).must(), body("referenceId")])
    .gives(&["data.id|data.orderId|data.order.id text"])
    .from(Live)
    .slow();
/// Tops an eSIM up.
pub const ORDER_TOP_UP: Row = Row::new("order-topup", "POST", "/api/esim/order/topup")
    .with(&[body("iccid").must(), body("packageId").must(), body("referenceId")])
    .gives(&["data.id|data.orderId|data.order.id text"])
    .from(Live);
/// One order by its id or by our reference.
pub const ORDER_GET: Row = Row::new("order-get", "GET", "/api/esim/order")
    .with(&[query("orderId"), query("referenceId")])
    .gives(&["data"])
    .from(Live);
/// All our orders.
pub const ORDERS: Row = Row::new("orders", "GET", "/api/esim/orders")
    .with(&[query("page").as_(Form::Whole), query("pageSize").as_(Form::Whole)])
    .gives(&["data"])
    .from(Inferred)
    .catalogue();
/// The wallet.
pub const BALANCE: Row = Row::new("balance", "GET", "/api/balance").gives(&["data.balance decimal"]).from(Live);
/// Phones that take an eSIM.
pub const DEVICES: Row =
    Row::new("compatible-devices", "GET", "/api/compatible-devices").gives(&["data"]).from(Live).catalogue();
/// Asks for a refund: a request that people decide.
pub const REFUND: Row = Row::new("refund", "POST", "/api/refund")
    .with(&[body("esimId"), body("orderId"), body("reason")])
    .gives(&["data"])
    .from(Live);
/// State of a refund request.
pub const REFUND_GET: Row = Row::new("refund-get", "GET", "/api/refund")
    .with(&[query("refundId"), query("esimId")])
    .gives(&["data"])
    .from(Live);
/// Withdraws a refund request.
pub const REFUND_CANCEL: Row =
    Row::new("refund-cancel", "DELETE", "/api/refund/{refundId}").with(&[path("refundId")]).from(Inferred);
/// Up or down.
pub const HEALTH: Row = Row::new("health", "GET", "/api/health").from(Live);

/// All of them.
pub static ROWS: &[Row] = &[
    APPLY,
    USAGE,
    USAGE_DETAILS,
    TOP_UP_PACKAGES,
    HISTORY,
    ESIM_BY_ICCID,
    ESIM_BY_ID,
    ESIMS,
    COUNTRIES,
    PACKAGES,
    ORDER,
    ORDER_INSTANT,
    ORDER_TOP_UP,
    ORDER_GET,
    ORDERS,
    BALANCE,
    DEVICES,
    REFUND,
    REFUND_GET,
    REFUND_CANCEL,
    HEALTH,
];
