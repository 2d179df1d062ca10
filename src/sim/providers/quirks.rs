//! Where a provider's documents disagree with each other or with what was seen live, the simulator can do either.

/// How Mobilexy wraps the sentences of `message` in errors (provider reference, 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MessageStyle {
    /// `["…"]`.
    #[default]
    List,
    /// `{"error": ["…"]}`.
    Object,
    /// `"…"`.
    Text,
    /// Left out.
    Absent,
}

/// The switches of all providers; each looks at its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quirks {
    /// Mobilexy: how `message` is wrapped in errors.
    pub message: MessageStyle,
    /// Mobilexy: errors come with HTTP 200 (as the script family does) instead of 4xx.
    pub errors_with_200: bool,
    /// Roamify: an order becomes visible by its `referenceId` only after so many look-ups in vain.
    pub visible_after_look_ups: u32,
    /// Roamify: packages with `data{}`, `call{}`, `sms{}` (the document's top-up list) instead of flat fields.
    pub nested_packages: bool,
    /// Roamify: lists under `data.countries` and `data.packages` instead of `data` itself.
    pub wrapped_lists: bool,
    /// Roamify: an unknown package gives 500 "Unknown error" (as seen live) instead of 404.
    pub unknown_package_500: bool,
    /// Roamify: so many calls of apply answer "eSIM is still pending processing" before the profile is there.
    pub apply_pending: u32,
    /// eSIMfly: `idempotency_key` is honoured (live documents) or ignored (the first ones).
    pub esimfly_keys: bool,
    /// eSIMfly: `price` and `packageName` are required (the first documents).
    pub esimfly_price_required: bool,
    /// eSIMfly: answers carry `lpaString` (live) besides the Apple link.
    pub esimfly_lpa_string: bool,
    /// eSIMfly: pages are counted in `totalPages` instead of `total_pages`.
    pub camel_pages: bool,
    /// eSIMfly: `X-RateLimit-Reset` in unix seconds instead of ISO 8601.
    pub rate_reset_unix: bool,
    /// Reseller: `Idempotency-Key` is honoured (live) or ignored (the document).
    pub reseller_keys: bool,
    /// Reseller: payloads under `data`, camel-case tokens and a session id (live) instead of the document's form.
    pub reseller_live: bool,
    /// Reseller: activation codes come as text in `profiles[]` (live) and not only in the picture at `qr_code_url`.
    pub reseller_lpa_text: bool,
    /// Reseller: life of an access token in seconds.
    pub token_life_s: i64,
    /// Reseller: what a customer's order needs is not in the order's answer but only in its details.
    pub reseller_profile_later: bool,
    /// Reseller: an expired token still gets the plan list, with public prices (seen live), instead of 401.
    pub stale_token_public_prices: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Quirks {
            message: MessageStyle::List,
            errors_with_200: true,
            visible_after_look_ups: 0,
            nested_packages: false,
            wrapped_lists: false,
            unknown_package_500: true,
            apply_pending: 0,
            esimfly_keys: true,
            esimfly_price_required: true,
            esimfly_lpa_string: true,
            camel_pages: false,
            rate_reset_unix: false,
            reseller_keys: true,
            reseller_live: false,
            reseller_lpa_text: true,
            token_life_s: 3600,
            reseller_profile_later: false,
            stale_token_public_prices: true,
        }
    }
}
