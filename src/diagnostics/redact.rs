//! What must not leave the machine is taken out of every text: a pipeline of rules, each for one kind of secret.
//!
//! The first rule is that it was not logged: secrets print as dots by their type. This is the second net, for what a
//! provider, a terminal or a library put into a sentence. It rather takes too much than too little; what stays is
//! asserted by the tests below, and the support guide names every rule.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

/// What stands where something was taken out.
const GONE: &str = "•••";
/// Known secrets that are shorter are no secrets but words.
const SHORTEST: usize = 6;

/// Escapes and what stands for them meanwhile: separators that are white space to every rule, so that a secret ends
/// where its line does, and that nobody writes.
const ESCAPES: [(&str, &str); 3] = [("\\n", "\u{2028}"), ("\\t", "\u{2029}"), ("\\r", "\u{85}")];

/// How many were taken out, by rule.
pub type Counts = BTreeMap<&'static str, u64>;

/// One kind of secret.
struct Rule {
    name: &'static str,
    pattern: Regex,
    put: fn(&Captures<'_>) -> Option<String>,
}

/// The pipeline.
pub struct Redactor {
    rules: Vec<Rule>,
    known: Vec<String>,
}

impl Default for Redactor {
    fn default() -> Self {
        Redactor::new(Vec::new())
    }
}

fn rule(name: &'static str, pattern: &str, put: fn(&Captures<'_>) -> Option<String>) -> Rule {
    Rule { name, pattern: Regex::new(pattern).expect("a fixed pattern"), put }
}

/// The names under which secrets stand in JSON, TOML, headers, forms and `Debug` of the providers' documents.
const SECRET_NAMES: &str = r"api[_-]?key|apikey|access[_-]?key|accesscode|secret[_-]?key|client[_-]?secret|secret|private[_-]?key|(?:access|refresh|auth|id|session|x-auth)[_-]?token|token|jwt|password|passwd|passwort|authorization|proxy-authorization|set-cookie|cookie|x-api-key|rt-accesscode|rt-signature|signature|claim[_ -]?code|confirmation[_ -]?code|activation[_ -]?code|activationcode|matching[_ -]?id|matchingid|qr[_-]?code(?:[_-]?(?:text|data|value|url))?|lpa|smdp[_-]?address[_-]?and[_-]?code|imsi|puk\d?|pin\d?|ki|opc?";

impl Redactor {
    /// Takes out what the rules know, and each of `known` wherever it stands: the keys of this very machine.
    pub fn new(known: Vec<String>) -> Self {
        let mut known: Vec<String> = known.into_iter().filter(|secret| secret.len() >= SHORTEST).collect();
        // The longest first: one may contain another.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Redactor { rules: rules(), known }
    }

    /// The text without its secrets; what was taken out is added to `counts`.
    pub fn text(&self, text: &str, counts: &mut Counts) -> String {
        // An escaped line end in JSON or `Debug` would glue its letter to the word behind it.
        let mut text = ESCAPES.iter().fold(text.to_owned(), |text, (escape, mark)| text.replace(escape, mark));
        for secret in &self.known {
            let found = text.matches(secret.as_str()).count();
            if found > 0 {
                *counts.entry("known secret").or_default() += found as u64;
                text = text.replace(secret.as_str(), GONE);
            }
        }
        for rule in &self.rules {
            let mut taken = 0_u64;
            let cleaned = rule.pattern.replace_all(&text, |found: &Captures<'_>| match (rule.put)(found) {
                Some(instead) => {
                    taken += 1;
                    instead
                }
                None => found[0].to_owned(),
            });
            if taken > 0 {
                let cleaned = cleaned.into_owned();
                text = cleaned;
                *counts.entry(rule.name).or_default() += taken;
            }
        }
        ESCAPES.iter().fold(text, |text, (escape, mark)| text.replace(mark, escape))
    }

    /// The same, uncounted.
    pub fn clean(&self, text: &str) -> String {
        self.text(text, &mut Counts::new())
    }
}

fn rules() -> Vec<Rule> {
    vec![
        rule("private key", r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*-----|\z)", |_| {
            Some(format!("[private key {GONE}]"))
        }),
        rule("activation code", r#"(?i)LPA(?::|%3A)\s?1(?:\$|%24|\\u0024)[^\s"'<>&,;)\]}]*"#, |_| {
            Some(format!("LPA:1${GONE}"))
        }),
        rule("activation code", r"(?:^|[^A-Za-z0-9$])1\$[A-Za-z0-9.-]+\.[A-Za-z0-9.-]+\$[A-Za-z0-9$.-]+", |found| {
            let before: String = found[0].chars().take_while(|c| *c != '1').collect();
            Some(format!("{before}1${GONE}"))
        }),
        rule("address with a password", r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+@", |found| {
            Some(format!("{}{GONE}@", &found[1]))
        }),
        rule("query of an address", r#"(?i)\b(https?://[^\s?"'<>]+)\?[^\s"'<>]+"#, |found| {
            Some(format!("{}?{GONE}", &found[1]))
        }),
        named(),
        rule("token", r"(?i)\b(bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{8,}", |found| {
            Some(format!("{} {GONE}", &found[1]))
        }),
        rule("token", r"\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){0,2}", |_| Some(GONE.to_owned())),
        rule("token", r"(?i)\b(?:sk|pk|rk|key|tok)_(?:live|test|prod)?_?[A-Za-z0-9]{8,}", |_| Some(GONE.to_owned())),
        rule("token", r"[A-Za-z0-9_-]{24,}={0,2}", |found| looks_random(&found[0]).then(|| GONE.to_owned())),
        rule("card track", r"\b\d{12,19}[=D]\d{4,}[0-9?]*", |_| Some(format!("[track {GONE}]"))),
        rule("ICCID or EID", r"\b89\d{16,30}F?\b", |found| {
            let digits = &found[0];
            Some(format!("{}…{}", &digits[..7], &digits[digits.len() - 5..]))
        }),
        rule("card digits", r"\b\d(?:[ -]?\d){12,18}\b", |found| card(&found[0])),
        rule("card digits", r"\b\d{4}[ -]?\d{0,2}[ -]?[xX*•.]{2,}[ -]?[xX*•. -]*(\d{4})\b", |found| {
            Some(format!("…{}", &found[1]))
        }),
        rule(
            "card digits",
            r#"(?i)\b(pan|card[_ -]?(?:number|no|nr)|karten-?n(?:umme)?r)(\\*["']?\s*[:=]?\s*\\*["']?)\d[\d ]{6,}(\d{4})\b"#,
            |found| Some(format!("{}{}…{}", &found[1], &found[2], &found[3])),
        ),
        rule(
            "claim code",
            r"(?i)\b[0-9A-HJKMNP-TV-Z]{3}[- \u{2013}][0-9A-HJKMNP-TV-Z]{3}[-\u{2013}][0-9A-HJKMNP-TV-Z]{3}\b",
            |_| Some(GONE.to_owned()),
        ),
        rule("claim code", r"\b[0-9A-HJKMNP-TV-Z]{9}\b", |found| claim(&found[0])),
        rule("e-mail", r"(?i)\b[a-z0-9._%+-]+(?:@|%40)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b", |_| {
            Some(format!("{GONE}@{GONE}"))
        }),
        rule("telephone", r"(?:\+|\b00)[1-9]\d{0,2}[ ()/.-]{0,2}\d(?:[ ()/.-]{0,2}\d){5,12}\b", |found| {
            Some(format!("{}{GONE}", found[0].chars().take(3).collect::<String>()))
        }),
        rule(
            "telephone",
            r#"(?i)\b(phone|tel(?:ephone|efon)?|mobile|msisdn|sms)(\\*["']?\s*[:=]\s*\\*["']?|\s+)\+?\d[\d ()/.-]{5,}"#,
            |found| Some(format!("{}{}{GONE}", &found[1], &found[2])),
        ),
        rule("telephone", r"\b0\d{2,4}[ /]\d{3,4}[ ]?\d{2,8}\b", |_| Some(GONE.to_owned())),
    ]
}

/// A value under a name that says that it is a secret. Places (`credential:x`, `file:/x`) and what is no text stay.
fn named() -> Rule {
    let pattern = format!(
        r#"(?i)(^|[^A-Za-z0-9])((?:[A-Za-z0-9]+[_-])?(?:{SECRET_NAMES}))((?:\\*["'])?\s*(?:=>|[:=])\s*(?:Some\()?(?:\\*["'])?)((?:bearer|basic)\s+)?([^\s"'\\,;&)}}\]]+)"#
    );
    rule("named secret", &pattern, |found| {
        let value = &found[5];
        let harmless = ["credential:", "file:", GONE, "null", "None", "true", "false", "[", "{", "Some("];
        if harmless.iter().any(|start| value.starts_with(start)) || value.starts_with("ActivationCode(") {
            return None;
        }
        Some(format!("{}{}{}{GONE}", &found[1], &found[2], &found[3]))
    })
}

/// A long word of mixed letters and digits, or a long hexadecimal one, is no word of any language. ULIDs (26 capitals
/// and digits) and UUIDs in groups are names, not secrets.
fn looks_random(word: &str) -> bool {
    let word = word.trim_end_matches('=');
    if word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return word.bytes().any(|byte| byte.is_ascii_alphabetic()) && word.bytes().any(|byte| byte.is_ascii_digit());
    }
    let count = |kind: fn(&u8) -> bool| word.as_bytes().iter().filter(|byte| kind(byte)).count();
    let (upper, lower, digits) =
        (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase), count(u8::is_ascii_digit));
    upper >= 3 && lower >= 3 && digits >= 3
}

/// A card number keeps its last four. Issuers begin with 2 to 6 (ISO/IEC 7812), so times and counters stay.
fn card(text: &str) -> Option<String> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
    let issuer = (2..=6).contains(&digits[0]) && (digits.len() >= 14 || digits[0] == 4);
    if !issuer || !luhn(&digits) {
        return None;
    }
    let last: String = digits[digits.len() - 4..].iter().map(ToString::to_string).collect();
    Some(format!("…{last}"))
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(*digit) << (place % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// A claim code without its dashes: only one whose check character fits, or every word of nine letters would go.
fn claim(text: &str) -> Option<String> {
    let mixed = text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    (mixed && crate::sale::claim::ClaimCode::parse(text).is_ok()).then(|| GONE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn goes(text: &str, secret: &str) {
        assert!(text.contains(secret), "the test is wrong: {secret:?} is not in {text:?}");
        let cleaned = Redactor::default().clean(text);
        assert!(!cleaned.contains(secret), "{secret:?} stayed in {cleaned:?}");
    }

    #[track_caller]
    fn stays(text: &str) {
        assert_eq!(Redactor::default().clean(text), text);
    }

    #[test]
    fn activation_codes_and_matching_ids_go() {
        goes("got LPA:1$smdp.io$K2-ABC-DEF from", "K2-ABC-DEF");
        goes("lpa:1$smdp.io$QWERTY1$1.3.6.1$1", "QWERTY1");
        goes("https://x.io/q?carddata=LPA%3A1%24smdp.io%24SECRET7", "SECRET7");
        goes("code 1$rsp.truphone.com$JQ-209U6H-6I82J5", "209U6H");
        goes(r#"{"matchingId":"ABC-1234","x":1}"#, "ABC-1234");
        goes(r#"matching_id: Some("ZZTOP-11")"#, "ZZTOP-11");
        goes(r#"{\"activationCode\":\"GHI-777\"}"#, "GHI-777");
        goes(r#""{\\\"accessToken\\\":\\\"jkl-888\\\"}""#, "jkl-888");
        goes(r#""LPA:1$smdp.io$AB-CD""#, "AB-CD");
        goes(r#""said\n1$rsp.truphone.com$JQ-209U6H\n4761739001010119\neyJhbGciOi.x""#, "eyJhbGciOi");
        goes(r#""said\n1$rsp.truphone.com$JQ-209U6H\n4761739001010119\neyJhbGciOi.x""#, "476173900101");
    }

    #[test]
    fn keys_and_tokens_go_wherever_they_stand() {
        goes("Authorization: Bearer abcDEF123456789", "abcDEF123456789");
        goes("x-api-key: 9f8e7d6c", "9f8e7d6c");
        goes("api_key=sk_live_12345678&x=1", "12345678");
        goes("password = \"123456\"", "123456");
        goes(r#"{"access_token":"tttt","refreshToken":"rrrr"}"#, "tttt");
        goes(r#"{"access_token":"tttt","refreshToken":"rrrr"}"#, "rrrr");
        goes("the answer was eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJzdWIiOiIxIn0");
        goes(r#""Authorization: Bearer abcDEF123456\nx-api-key: 9f8e7d6c\nok""#, "9f8e7d6c");
        goes(r#""Authorization: Bearer abcDEF123456\nx-api-key: 9f8e7d6c\nok""#, "abcDEF123456");
        goes("key 0123456789abcdef0123456789abcdef01 refused", "0123456789abcdef");
        goes("key aB3dE5fG7hI9jK1lM3nO5pQ7 refused", "aB3dE5fG7hI9jK1l");
        goes("mqtts://kiosk:hunter22@broker.example", "hunter22");
        goes("PUT https://s3.example/b?X-Amz-Signature=abcd", "abcd");
        goes("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", "MIIEvQ");
        goes("-----BEGIN EC PRIVATE KEY-----\nMIIEvQ cut off", "MIIEvQ");
    }

    #[test]
    fn a_card_keeps_its_last_four_only() {
        assert_eq!(Redactor::default().clean("card 4761739001010119 ok"), "card …0119 ok");
        assert_eq!(Redactor::default().clean("4761 7390 0101 0119"), "…0119");
        assert_eq!(Redactor::default().clean("Nr. 476173xxxxxx0119"), "Nr. …0119");
        assert_eq!(Redactor::default().clean("Nr. 4761********0119"), "Nr. …0119");
        goes("track ;4761739001010119=22122011143804400000?", "4761739001010119");
        goes("PAN: 4761739001010118", "476173900101");
        goes("amex 378282246310005", "37828224631");
    }

    #[test]
    fn claim_codes_addresses_and_numbers_of_people_go() {
        let code = crate::sale::claim::ClaimCode::from_random([1, 2, 3, 4, 5]);
        goes(&format!("typed {} twice", code.grouped()), &code.grouped());
        let plain: String = code.grouped().replace('-', "");
        goes(&format!("typed {plain} twice"), &plain);
        goes("mail to jane.doe+esim@mail.example.com failed", "jane.doe");
        goes("mail=jane%40mail.example.com", "jane");
        goes("call +43 660 1234567 now", "1234567");
        goes("call 0043 660 1234567 now", "1234567");
        goes("call 0660 1234567 now", "1234567");
        goes(r#""phone":"6601234567""#, "6601234567");
    }

    #[test]
    fn profiles_keep_what_a_provider_needs_to_find_them() {
        assert_eq!(Redactor::default().clean("iccid 8943108170000000007 ok"), "iccid 8943108…00007 ok");
    }

    #[test]
    fn what_support_needs_stays() {
        stays("2026-11-22T04:34:09.123456+01:00 K07 esim-kiosk[412]: operator's order command=Lock(true)");
        stays("K07-000123  01JD9Z6Q2W8X5T3R7V1M0N4K6P  9.90 EUR  money paid  card …4711  receipt 0042 trace 000817");
        stays("order ORD-20261122-0017 from mobilexy, plan eu-5gb-30d, wallet 125.40 USD");
        stays(
            r#"{"at":{"run":7,"mono_ms":120345,"wall_ms":1795322049123,"synced":true},"record":{"kind":"card_asked"}}"#,
        );
        stays("password = \"credential:terminal\"");
        stays("key = \"file:/etc/esim-kiosk/mobilexy.key\"");
        stays("[    1.234567] usb 1-1: New USB device found, idVendor=04b8, idProduct=0e28, bcdDevice= 1.00");
        stays("MemTotal:        8144060 kB");
        stays("192.168.1.30:20007 fe80::5054:ff:fe12:3456 52:54:00:12:34:56");
        stays("root=UUID=6f1f1d0a-3f44-4d68-9d5f-0d5f6b1c2a3b ro quiet");
        stays("   12.345 -> 06 01 0A 04 00 00 00 00 09 90 49 09 78");
        stays("activation_code: ActivationCode(•••), claim: •••");
        stays("no token was sent; the secret file cannot be read; pin pad ready");
    }

    #[test]
    fn this_machines_own_keys_go_whatever_they_look_like() {
        let redactor = Redactor::new(vec!["open sesame".into(), "ab".into()]);
        let mut counts = Counts::new();
        assert_eq!(redactor.text("said open sesame to ab", &mut counts), "said ••• to ab");
        assert_eq!(counts["known secret"], 1);
    }

    #[test]
    fn cleaning_twice_changes_nothing() {
        let text = "LPA:1$a.b$C password=\"x\" 4761739001010119 a@b.cd +43 660 1234567 Bearer abcdefgh12";
        let once = Redactor::default().clean(text);
        assert_eq!(Redactor::default().clean(&once), once);
    }
}
