//! The reseller API's fifty-seven endpoints, in the order of its document. The document gives titles without paths:
//! a path is `Live` where a public client uses it, `Inferred` otherwise; both can be overridden by
//! `connection.paths`.

use crate::esim::calls::{Form, Origin::Inferred, Origin::Live, Row, body, path, query};

/// Logs in: five tries in fifteen minutes, then the account locks.
pub const LOGIN: Row = Row::new("auth-login", "POST", "/auth/login")
    .with(&[body("email").must(), body("password").must(), body("role")])
    .gives(&["access_token|data.access_token text"])
    .from(Live);
/// A new pair of tokens for the refresh token.
pub const REFRESH: Row = Row::new("auth-refresh", "POST", "/auth/refresh")
    .with(&[body("refresh_token").must()])
    .gives(&["access_token|data.access_token text"])
    .from(Inferred);
/// Who we are: proves that the token is live.
pub const ME: Row = Row::new("me", "GET", "/users/me").gives(&["data object"]).from(Live);
/// Plans, paged. With a dead token it answers with public prices.
pub const PLANS: Row = Row::new("plans", "GET", "/plans")
    .with(&[
        query("country"),
        query("country_name"),
        query("region"),
        query("provider"),
        query("search"),
        query("page").as_(Form::Whole),
        query("limit").as_(Form::Whole),
    ])
    .gives(&["data|plans|data.plans list"])
    .from(Live)
    .catalogue();
/// One plan.
pub const PLAN: Row =
    Row::new("plan", "GET", "/plans/{id}").with(&[path("id")]).gives(&["data|plan object"]).from(Inferred);
/// Buys.
pub const ORDER: Row = Row::new("order-create", "POST", "/orders")
    .with(&[
        body("plan_id").as_(Form::Json).must(),
        body("quantity").as_(Form::Whole),
        body("provider_id"),
        body("reseller_profile_id"),
        body("end_customer_email").must(),
        body("customer_name").must(),
        body("periodNum").as_(Form::Whole),
    ])
    .gives(&["data.order.id|order.id|data.id|id|data.order_id|order_id text"])
    .from(Live);
/// Our orders.
pub const ORDERS: Row = Row::new("orders", "GET", "/orders")
    .with(&[query("status"), query("page").as_(Form::Whole), query("limit").as_(Form::Whole)])
    .gives(&["data|orders|data.orders list"])
    .from(Live);
/// One order.
pub const ORDER_GET: Row = Row::new("order", "GET", "/orders/{id}")
    .with(&[path("id")])
    .gives(&["data.order.id|order.id|data.id|id|data.order_id|order_id text"])
    .from(Live);
/// Cancels, as the document has it.
pub const ORDER_DELETE: Row =
    Row::new("order-cancel", "DELETE", "/orders/{id}").with(&[path("id")]).gives(&["success|data"]).from(Inferred);
/// Cancels, as live clients do.
pub const ORDER_CANCEL: Row = Row::new("order-cancel-live", "POST", "/orders/{id}/cancel")
    .with(&[path("id"), body("reason"), body("force").as_(Form::Flag)])
    .gives(&["success|data"])
    .from(Live);
/// One profile by ICCID, `esimTranNo` or order id.
pub const PROFILE: Row = Row::new("profile", "GET", "/profiles/{identifier}")
    .with(&[path("identifier"), query("provider_id")])
    .gives(&["profile|data.profile|data object"])
    .from(Live);
/// Its use.
pub const PROFILE_USAGE: Row = Row::new("profile-usage", "GET", "/profiles/{identifier}/usage")
    .with(&[path("identifier"), query("provider_id")])
    .gives(&["usage|data.usage|data object"])
    .from(Live);
/// Tops a profile up.
pub const TOP_UP: Row = Row::new("profile-topup", "POST", "/profiles/{identifier}/topup")
    .with(&[path("identifier"), body("package_code").must()])
    .gives(&["success|data"])
    .from(Live);
/// What a profile can be topped up with.
pub const TOP_UP_PLANS: Row = Row::new("profile-topup-plans", "GET", "/profiles/{identifier}/topup-plans")
    .with(&[path("identifier")])
    .gives(&["plans|data.plans|data list"])
    .from(Inferred);
/// The wallet.
pub const BALANCE: Row = Row::new("credits-balance", "GET", "/credits/balance")
    .gives(&["balance|available_credit|data.balance|data.available_credit decimal"])
    .from(Live);
/// Movements of the wallet.
pub const TRANSACTIONS: Row = Row::new("credits-transactions", "GET", "/credits/transactions")
    .with(&[
        query("type"),
        query("status"),
        query("search"),
        query("start_date"),
        query("end_date"),
        query("page").as_(Form::Whole),
        query("limit").as_(Form::Whole),
    ])
    .gives(&["success|data"])
    .from(Inferred);
/// Up or down.
pub const HEALTH: Row = Row::new("health", "GET", "/health").gives(&["status text"]).from(Inferred);

/// What the document lets anybody call, beside login and refresh.
pub const WITHOUT_TOKEN: &[&str] =
    &["auth-register", "auth-verify-email", "auth-resend-verification", "auth-forgot-password", "auth-reset-password"];

const PAGED: &[crate::esim::calls::Param] =
    &[query("status"), query("page").as_(Form::Whole), query("limit").as_(Form::Whole)];
const MONEY: &[crate::esim::calls::Param] = &[body("amount").as_(Form::Decimal).must(), body("currency").must()];
const BRAND: &[crate::esim::calls::Param] =
    &[body("name"), body("email_sender_name"), body("is_default").as_(Form::Flag), body("color_scheme")];

/// All of them: fifty-seven of the document, and the live form of cancelling.
pub static ROWS: &[Row] = &[
    // Authentication and profile: 10.
    Row::new("auth-register", "POST", "/auth/register")
        .with(&[body("email").must(), body("password").must(), body("role").must(), body("name")])
        .gives(&["user|data.user|data object"])
        .from(Live),
    LOGIN,
    Row::new("auth-verify-email", "POST", "/auth/verify-email")
        .with(&[body("email").must(), body("verification_token").must()])
        .gives(&["success|data"])
        .from(Live),
    Row::new("auth-resend-verification", "POST", "/auth/resend-verification")
        .with(&[body("email").must()])
        .gives(&["success|data"])
        .from(Live),
    REFRESH,
    Row::new("auth-forgot-password", "POST", "/auth/forgot-password")
        .with(&[body("email").must()])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("auth-reset-password", "POST", "/auth/reset-password")
        .with(&[body("reset_token").must(), body("new_password").must()])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("auth-logout", "POST", "/auth/logout").gives(&["success|data"]).from(Inferred),
    ME,
    Row::new("me-password", "PUT", "/users/me/password")
        .with(&[body("old_password").must(), body("new_password").must(), body("confirm_password").must()])
        .gives(&["success|data"])
        .from(Inferred),
    // Plans: 3.
    PLANS,
    PLAN,
    Row::new("plans-region", "GET", "/plans/region/{code}")
        .with(&[path("code")])
        .gives(&["data|plans|data.plans list"])
        .from(Inferred)
        .catalogue(),
    // Orders: 5.
    ORDER,
    ORDERS,
    ORDER_GET,
    Row::new("order-update", "PUT", "/orders/{id}")
        .with(&[path("id"), body("status"), body("customer_email"), body("customer_name")])
        .gives(&["success|data"])
        .from(Inferred),
    ORDER_DELETE,
    // Profiles: 8.
    PROFILE,
    PROFILE_USAGE,
    Row::new("profile-suspend", "POST", "/profiles/{identifier}/suspend")
        .with(&[path("identifier")])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("profile-unsuspend", "POST", "/profiles/{identifier}/unsuspend")
        .with(&[path("identifier")])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("profile-revoke", "POST", "/profiles/{identifier}/revoke")
        .with(&[path("identifier")])
        .gives(&["success|data"])
        .from(Inferred),
    TOP_UP,
    TOP_UP_PLANS,
    Row::new("profile-sms", "POST", "/profiles/{identifier}/sms")
        .with(&[path("identifier"), body("message").must()])
        .gives(&["success|data"])
        .from(Live),
    // Credits and payments: 5.
    BALANCE,
    TRANSACTIONS,
    Row::new("credits-topup", "POST", "/credits/topup")
        .with(MONEY)
        .gives(&["paypal_order.id|data.paypal_order.id|data.id text"])
        .from(Inferred),
    Row::new("payments-create", "POST", "/payments/paypal/create-order")
        .with(&[body("amount").as_(Form::Decimal).must(), body("currency").must(), body("orderId")])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("payments-capture", "POST", "/payments/paypal/capture")
        .with(&[body("orderID").must()])
        .gives(&["transaction|data.transaction|data object"])
        .from(Inferred),
    // Deposit: 3.
    Row::new("deposit-initiate", "POST", "/deposit/initiate")
        .with(&[
            body("amount").as_(Form::Decimal).must(),
            body("currency").must(),
            body("return_url"),
            body("cancel_url"),
            body("payment_method"),
        ])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("deposit-confirm", "POST", "/deposit/confirm")
        .with(&[body("paypal_order_id").must()])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("deposit-status", "GET", "/deposit/status").gives(&["success|data"]).from(Inferred),
    // Reseller, SMTP and pricing: 11.
    Row::new("reseller-dashboard", "GET", "/reseller/dashboard").gives(&["data.account object"]).from(Inferred),
    Row::new("reseller-profiles", "GET", "/reseller/profiles").gives(&["success|data"]).from(Inferred),
    Row::new("reseller-profile-create", "POST", "/reseller/profiles")
        .with(BRAND)
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("reseller-profile-update", "PUT", "/reseller/profiles/{id}")
        .with(&[
            path("id"),
            body("name"),
            body("email_sender_name"),
            body("is_default").as_(Form::Flag),
            body("color_scheme"),
        ])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("reseller-profile-delete", "DELETE", "/reseller/profiles/{id}")
        .with(&[path("id")])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("smtp", "GET", "/reseller/profiles/{id}/smtp")
        .with(&[path("id")])
        .gives(&["smtp_config|data.smtp_config|data object"])
        .from(Inferred),
    Row::new("smtp-update", "PUT", "/reseller/profiles/{id}/smtp")
        .with(&[
            path("id"),
            body("smtp_host").must(),
            body("smtp_port").as_(Form::Whole).must(),
            body("smtp_user"),
            body("smtp_pass"),
            body("smtp_secure").as_(Form::Flag),
            body("email_from"),
            body("email_from_name"),
            body("use_custom_smtp").as_(Form::Flag),
        ])
        .gives(&["smtp_config|data.smtp_config|data object"])
        .from(Inferred),
    Row::new("smtp-test", "POST", "/reseller/profiles/{id}/smtp/test")
        .with(&[path("id")])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("smtp-delete", "DELETE", "/reseller/profiles/{id}/smtp")
        .with(&[path("id")])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("pricing", "GET", "/reseller/pricing").gives(&["success|data"]).from(Live),
    Row::new("pricing-update", "PUT", "/reseller/pricing/{plan_id}")
        .with(&[path("plan_id"), body("markup_percent").as_(Form::Decimal), body("final_price_usd").as_(Form::Decimal)])
        .gives(&["success|data"])
        .from(Inferred),
    // Usage: 3.
    Row::new("usage-balance", "GET", "/usage/balance")
        .with(&[query("provider_id")])
        .gives(&["success|data"])
        .from(Inferred),
    Row::new("usage-check", "POST", "/usage/check")
        .with(&[body("provider_id").must(), body("esimTranNoList").as_(Form::List).must()])
        .gives(&["success|data"])
        .from(Inferred)
        .reads(),
    Row::new("usage-order", "GET", "/usage/orders/{id}")
        .with(&[path("id"), query("refreshCache").as_(Form::Flag)])
        .gives(&["usage|data.usage|data object"])
        .from(Inferred),
    // Webhooks: 7.
    Row::new("webhooks", "GET", "/webhook-subscriptions").with(PAGED).gives(&["success|data"]).from(Live),
    Row::new("webhook-create", "POST", "/webhook-subscriptions")
        .with(&[
            body("name").must(),
            body("endpoint_url").must(),
            body("event_types").as_(Form::List).must(),
            body("secret"),
            body("timeout_seconds").as_(Form::Whole),
            body("retry_count").as_(Form::Whole),
        ])
        .gives(&["success|data"])
        .from(Live),
    Row::new("webhook", "GET", "/webhook-subscriptions/{id}").with(&[path("id")]).gives(&["success|data"]).from(Live),
    Row::new("webhook-update", "PUT", "/webhook-subscriptions/{id}")
        .with(&[
            path("id"),
            body("name"),
            body("endpoint_url"),
            body("event_types").as_(Form::List),
            body("secret"),
            body("timeout_seconds").as_(Form::Whole),
            body("retry_count").as_(Form::Whole),
        ])
        .gives(&["success|data"])
        .from(Live),
    Row::new("webhook-delete", "DELETE", "/webhook-subscriptions/{id}")
        .with(&[path("id")])
        .gives(&["success|data"])
        .from(Live),
    Row::new("webhook-test", "POST", "/webhook-subscriptions/{id}/test")
        .with(&[path("id")])
        .gives(&["success|data"])
        .from(Live),
    Row::new("webhook-logs", "GET", "/webhook-subscriptions/{id}/logs")
        .with(&[path("id"), query("status"), query("page").as_(Form::Whole), query("limit").as_(Form::Whole)])
        .gives(&["success|data"])
        .from(Live),
    // Health and logo: 2.
    HEALTH,
    Row::new("logo", "POST", "/reseller/logo")
        .with(&[body("logo").as_(Form::File).must()])
        .gives(&["success|data"])
        .from(Inferred),
    // Live only.
    ORDER_CANCEL,
];
