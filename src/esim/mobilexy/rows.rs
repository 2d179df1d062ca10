//! Mobilexy's nineteen endpoints, all from its document. POST bodies are form fields; the key is added by the client.

use crate::esim::calls::{Form, Row, body, path, query};

/// Countries with a "from" price.
pub const COUNTRIES: Row =
    Row::new("countries", "GET", "/coverage/countries").gives(&["data.countries list"]).catalogue();
/// Regions.
pub const REGIONS: Row = Row::new("regions", "GET", "/coverage/regions").gives(&["data.regions list"]).catalogue();
/// Plans of one country.
pub const COUNTRY_PLANS: Row = Row::new("country-plans", "GET", "/country-plans/{slug}")
    .with(&[path("slug")])
    .gives(&["data.plans list"])
    .catalogue();
/// Plans of one region.
pub const REGION_PLANS: Row = Row::new("region-plans", "GET", "/region-plans/{slug}")
    .with(&[path("slug")])
    .gives(&["data.plans list"])
    .catalogue();
/// Global plans.
pub const GLOBAL_PLANS: Row = Row::new("global-plans", "GET", "/global-plans").gives(&["data.plans list"]).catalogue();
/// The wallet.
pub const BALANCE: Row = Row::new("balance", "POST", "/balance").gives(&["data.balance decimal"]).reads();
/// One plan, without its price.
pub const PLAN: Row = Row::new("plan", "GET", "/plan/{id}").with(&[path("id")]).gives(&["data.plan.id whole"]);
/// Buys one eSIM at once.
pub const PURCHASE: Row = Row::new("purchase", "POST", "/plan/purchase")
    .with(&[body("plan_id").as_(Form::Whole).must()])
    .gives(&["data.order.order_number text", "data.esim object"]);
/// Tops an eSIM up.
pub const TOP_UP: Row = Row::new("topup", "POST", "/profile/topup")
    .with(&[body("esimTranNo").must(), body("packageCode").must()])
    .gives(&["data.obj.transactionId text"]);
/// Use of up to ten eSIMs; also the way from an ICCID to an `esimTranNo`.
pub const USAGE: Row = Row::new("usage-check", "POST", "/profile/usage-check")
    .with(&[body("iccid"), body("esimTranNo"), body("esimTranNos").as_(Form::List)])
    .gives(&["obj.usageList list"])
    .reads();
/// Countries that have numbers.
pub const NUMBER_COUNTRIES: Row = Row::new("number-countries", "GET", "/virtual-numbers/countries")
    .with(&[query("with_price").as_(Form::Whole)])
    .gives(&["data.countries list"]);
/// Numbers on offer; their tokens live about ten minutes.
pub const NUMBERS_AVAILABLE: Row = Row::new("numbers-available", "GET", "/virtual-numbers/available")
    .with(&[query("country"), query("type"), query("features"), query("numberPrefix")])
    .gives(&["data.obj.items list"]);
/// Buys a number.
pub const NUMBER_ORDER: Row = Row::new("number-order", "POST", "/virtual-numbers/order")
    .with(&[
        body("offerToken").must(),
        body("number"),
        body("country"),
        body("type"),
        body("setupPrice").as_(Form::Decimal),
        body("monthlyPrice").as_(Form::Decimal),
    ])
    .gives(&["data.order.order_number text", "data.order.virtual_number object"]);
/// Our numbers.
pub const NUMBERS: Row = Row::new("numbers", "GET", "/virtual-numbers/list")
    .with(&[query("status"), query("per_page").as_(Form::Whole)])
    .gives(&["data"]);
/// One number.
pub const NUMBER: Row = Row::new("number", "GET", "/virtual-numbers/{id}").with(&[path("id")]).gives(&["data"]);
/// Ends a number at its paid end.
pub const NUMBER_CANCEL: Row = Row::new("number-cancel", "POST", "/virtual-numbers/{id}/cancel").with(&[path("id")]);
/// Messages that a number received.
pub const NUMBER_SMS: Row = Row::new("number-sms", "GET", "/virtual-numbers/{id}/sms")
    .with(&[path("id"), query("per_page").as_(Form::Whole)])
    .gives(&["data"]);
/// What messages of a number cost.
pub const NUMBER_CHARGES: Row = Row::new("number-charges", "GET", "/virtual-numbers/{id}/charges")
    .with(&[path("id"), query("per_page").as_(Form::Whole)])
    .gives(&["data"]);
/// Brings a number back that was blocked for an empty wallet.
pub const NUMBER_REACTIVATE: Row =
    Row::new("number-reactivate", "POST", "/virtual-numbers/{id}/reactivate").with(&[path("id")]);

/// All of them.
pub static ROWS: &[Row] = &[
    COUNTRIES,
    REGIONS,
    COUNTRY_PLANS,
    REGION_PLANS,
    GLOBAL_PLANS,
    BALANCE,
    PLAN,
    PURCHASE,
    TOP_UP,
    USAGE,
    NUMBER_COUNTRIES,
    NUMBERS_AVAILABLE,
    NUMBER_ORDER,
    NUMBERS,
    NUMBER,
    NUMBER_CANCEL,
    NUMBER_SMS,
    NUMBER_CHARGES,
    NUMBER_REACTIVATE,
];
