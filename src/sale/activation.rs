//! Activation codes and ICCIDs. A code is a bearer secret: whoever reads it has the eSIM. It prints as dots,
//! serialises as dots, and is wiped from memory when dropped.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroize;

/// Why a text is not an activation code (SGP.22 4.1; placeholders: provider documents).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACode {
    /// Does not begin with `LPA:1$` or `1$`.
    #[error("it does not begin with LPA:1$ or 1$")]
    Prefix,
    /// The SM-DP+ address is no host name.
    #[error("the SM-DP+ address is not a host name")]
    Address,
    /// The matching id is empty or has other characters than `[0-9A-Z-]` (lower case is met in the field too).
    #[error("the matching id is empty or has forbidden characters")]
    MatchingId,
    /// The object id or the confirmation flag is malformed.
    #[error("a field after the matching id is malformed")]
    Tail,
    /// The text of a document, not of a profile.
    #[error("it is a placeholder, not a code")]
    Placeholder,
    /// More characters than any phone takes.
    #[error("it is longer than 255 characters")]
    TooLong,
}

/// An LPA activation code, checked, and kept as the provider sent it but for its prefix.
#[derive(Clone, PartialEq, Eq)]
pub struct ActivationCode {
    text: String,
}

impl ActivationCode {
    /// Checks `text` (SGP.22 4.1): `[LPA:]1$address$matching-id[$oid[$flag[$root[$notify]]]]`. White space and marks
    /// of no width are dropped at the ends. The prefix is written `LPA:` however it came, or did not come, since a QR
    /// code must have it; nothing else is ever rewritten.
    ///
    /// # Errors
    /// [`NotACode`] says which part is wrong; the text itself is in no error.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        const NO_WIDTH: [char; 4] = ['\u{200B}', '\u{200C}', '\u{200D}', '\u{FEFF}'];
        let text = text.trim_matches(|c: char| c.is_whitespace() || NO_WIDTH.contains(&c));
        let body = match text.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("LPA:") => &text[4..],
            _ => text,
        };
        if body.len() + 4 > 255 {
            return Err(NotACode::TooLong);
        }
        let mut fields = body.split('$');
        if fields.next() != Some("1") {
            return Err(NotACode::Prefix);
        }
        check_address(fields.next().ok_or(NotACode::Address)?)?;
        check_matching_id(fields.next().ok_or(NotACode::MatchingId)?)?;
        let tail: Vec<&str> = fields.collect();
        // Object id; confirmation flag; of version 3 the root key's id and the flag for notices of deletion.
        let checks: [fn(&str) -> bool; 4] = [is_object_id, is_flag, is_hex, is_flag];
        let well_formed = tail.iter().zip(checks).all(|(field, check)| field.is_empty() || check(field));
        if tail.len() > checks.len() || !well_formed {
            return Err(NotACode::Tail);
        }
        Ok(ActivationCode { text: format!("LPA:{body}") })
    }

    /// The whole text, for the QR code, the paper and the sealed table. Every call is a place to look at.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The SM-DP+ address, for typing by hand.
    pub fn sm_dp_address(&self) -> &str {
        self.text.split('$').nth(1).unwrap_or_default()
    }

    /// The matching id, for typing by hand.
    pub fn matching_id(&self) -> &str {
        self.text.split('$').nth(2).unwrap_or_default()
    }

    /// Whether the phone will ask for a confirmation code that the provider must have given.
    pub fn needs_confirmation_code(&self) -> bool {
        self.text.split('$').nth(4) == Some("1")
    }

    /// What makes the profile unique: the address in lower case and the matching id as it is (sale.md 7).
    pub fn identity(&self) -> String {
        format!("{}${}", self.sm_dp_address().to_ascii_lowercase(), self.matching_id())
    }
}

/// Dotted numbers, two at least. Shops like to put the code itself or a flag there.
fn is_object_id(field: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    field.contains('.') && field.split('.').all(number)
}

fn is_flag(field: &str) -> bool {
    field == "1"
}

fn is_hex(field: &str) -> bool {
    field.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn check_address(address: &str) -> Result<(), NotACode> {
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let ok = address.len() <= 253 && address.contains('.') && address.split('.').all(label_ok);
    if !ok {
        return Err(NotACode::Address);
    }
    let lower = address.to_ascii_lowercase();
    let placeholder = ["example.com", "example.org", "smdp.address"].iter().any(|word| lower == *word);
    if placeholder { Err(NotACode::Placeholder) } else { Ok(()) }
}

fn check_matching_id(id: &str) -> Result<(), NotACode> {
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(NotACode::MatchingId);
    }
    let upper = id.to_ascii_uppercase();
    let all_one = upper.len() > 3 && upper.bytes().all(|b| b == upper.as_bytes()[0]);
    let words = ["ACTIVATION-CODE", "MATCHING-ID", "YOUR-CODE", "ACTIVATIONCODE", "MATCHINGID", "PLACEHOLDER"];
    if all_one || words.contains(&upper.as_str()) { Err(NotACode::Placeholder) } else { Ok(()) }
}

impl fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActivationCode(•••)")
    }
}

impl Serialize for ActivationCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("•••")
    }
}

impl Drop for ActivationCode {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// The number of an eSIM card: 18 to 22 characters, beginning with 89, digits but for the letters A to F that some
/// issuers put in (providers.md 4.5). A failing check digit is common in the field and never blocks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Iccid(String);

impl Iccid {
    /// The number in `text` if it can be an ICCID; spaces, as people type them, and a pad of `F` at the end are dropped.
    pub fn parse(text: &str) -> Option<Iccid> {
        let joined: String = text.chars().filter(|c| *c != ' ').collect();
        let number = joined.trim().trim_end_matches(['F', 'f']);
        let ok = (18..=22).contains(&number.len())
            && number.starts_with("89")
            && number.bytes().all(|byte| byte.is_ascii_hexdigit());
        ok.then(|| Iccid(number.to_owned()))
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the last digit is the Luhn check digit of the others. A number with letters has none.
    pub fn check_digit_ok(&self) -> bool {
        if !self.0.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        let sum: u32 = self
            .0
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, byte)| {
                let digit = u32::from(byte - b'0');
                let doubled = digit * 2;
                if place % 2 == 0 {
                    digit
                } else if doubled > 9 {
                    doubled - 9
                } else {
                    doubled
                }
            })
            .sum();
        sum.is_multiple_of(10)
    }
}

/// What a provider delivered for one good: the code and what goes with it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The activation code.
    pub code: ActivationCode,
    /// The card's number, where the provider gives it.
    pub iccid: Option<Iccid>,
    /// The confirmation code, where the code asks for one and the provider gave it.
    #[serde(skip)]
    pub confirmation_code: Option<String>,
    /// The profile must be fetched by this day.
    pub install_before: Option<jiff::civil::Date>,
    /// The network's access point name, where it does not come by itself.
    pub apn: Option<String>,
}

// By hand: the confirmation code opens the profile as the activation code does, and is in no log.
impl fmt::Debug for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let confirmation = self.confirmation_code.as_ref().map(|_| "…");
        formatter
            .debug_struct("Profile")
            .field("code", &self.code)
            .field("iccid", &self.iccid)
            .field("confirmation_code", &confirmation)
            .field("install_before", &self.install_before)
            .field("apn", &self.apn)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_kept_as_they_are() {
        let text = "LPA:1$rsp.truphone.com$QRF-BETTERROAMING-PMRDGIR2EARDEIT5";
        let code = ActivationCode::parse(&format!(" {text}\n")).unwrap();
        assert_eq!(code.reveal(), text);
        assert_eq!(code.sm_dp_address(), "rsp.truphone.com");
        assert_eq!(code.matching_id(), "QRF-BETTERROAMING-PMRDGIR2EARDEIT5");
        assert!(!code.needs_confirmation_code());
        assert!(ActivationCode::parse("LPA:1$SMDP.IO$K2-1$$1").unwrap().needs_confirmation_code());
        assert_eq!(ActivationCode::parse("LPA:1$SMDP.IO$k2-1A").unwrap().identity(), "smdp.io$k2-1A");
    }

    #[test]
    fn what_no_phone_takes_is_refused() {
        for (text, why) in [
            ("", NotACode::Prefix),
            ("LPA:2$smdp.io$ABC1", NotACode::Prefix),
            ("LPA:", NotACode::Prefix),
            ("LPA:1", NotACode::Address),
            ("LPA:1$", NotACode::Address),
            ("LPA:1$$ID", NotACode::Address),
            ("2$smdp.example.com$ID", NotACode::Prefix),
            ("$smdp.example.com$ID", NotACode::Prefix),
            ("LPA:12$host.example$ID", NotACode::Prefix),
            ("LPA:LPA:1$smdp.io$ABC1", NotACode::Prefix),
            ("LPA:1$smdp.example.com/endpoint$MATCH", NotACode::Address),
            ("LPA:1$smdp.example.com:443$MATCH", NotACode::Address),
            ("LPA:1$-smdp.io$MATCH", NotACode::Address),
            ("LPA:1$sm-v4-009-pla-gtm.pr.go-esim.com#CODE", NotACode::Address),
            ("LPA:1$...", NotACode::Address),
            ("LPA:1$smdp.example.com$AB_CD", NotACode::MatchingId),
            ("LPA:1$smdp.example.com$ÄBC", NotACode::MatchingId),
            ("LPA:1$smdp.io$AB\u{200B}CD", NotACode::MatchingId),
            ("LPA:1$smdp.example.com$ID$notoid", NotACode::Tail),
            ("LPA:1$smdp.example.com$ID$1", NotACode::Tail),
            ("LPA:1$smdp.example.com$ID$1.", NotACode::Tail),
            ("LPA:1$smdp.io$ABC1$.$1", NotACode::Tail),
            ("LPA:1$localhost$ABC1", NotACode::Address),
            ("LPA:1$smdp..io$ABC1", NotACode::Address),
            ("LPA:1$smdp.io", NotACode::MatchingId),
            ("LPA:1$smdp.io$", NotACode::MatchingId),
            ("LPA:1$smdp.io$A B", NotACode::MatchingId),
            ("LPA:1$smdp.io$XXXXXXXX", NotACode::Placeholder),
            ("LPA:1$example.com$ABC1", NotACode::Placeholder),
            ("LPA:1$smdp.io$ABC1$x", NotACode::Tail),
            ("LPA:1$smdp.io$ABC1$$2", NotACode::Tail),
            ("LPA:1$smdp.io$ABC1$$1$xyz", NotACode::Tail),
            ("LPA:1$smdp.io$ABC1$$1$$1$", NotACode::Tail),
        ] {
            assert_eq!(ActivationCode::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn codes_that_phones_take_are_taken() {
        for (text, confirmation) in [
            ("1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815$1.3.6.1.4.1.31746", false),
            ("1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815$1.3.6.1.4.1.31746$1", true),
            ("1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815$$1", true),
            ("LPA:1$rsp.truphone.com$QRF-SPEEDTEST", false),
            ("1$smdpp.test.rsp.sysmocom.de$TS48V1-B-UNIQUE", false),
            ("1$prod.smdp-plus.rsp.goog$052X-UFXS-CQIY-PNGL", false),
            ("LPA:1$ais.prod.ondemandconnectivity.com$SEW7JEBMFGPRVSPD", false),
            ("LPA:1$lpa.roamify.com$TEST", false),
            ("lpa:1$rsp.truphone.com$QRF-SPEEDTEST", false),
            ("\u{FEFF}LPA:1$rsp.truphone.com$QRF-SPEEDTEST\u{200B}\n", false),
            ("LPA:1$smdp.io$ABC1$$1$", true),
            ("LPA:1$smdp.io$ABC1$$$C0FFEE$1", false),
        ] {
            let code = ActivationCode::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            let body = text.trim_matches(['\u{FEFF}', '\u{200B}', '\n']);
            let body = body.strip_prefix("LPA:").or_else(|| body.strip_prefix("lpa:")).unwrap_or(body);
            assert_eq!(code.reveal(), format!("LPA:{body}"), "the prefix alone is rewritten");
            assert_eq!(code.needs_confirmation_code(), confirmation, "{text}");
        }
        let long = |letters: usize| format!("1$smdp.io${}", "AB".repeat(letters / 2));
        assert!(ActivationCode::parse(&long(238)).is_ok());
        assert_eq!(ActivationCode::parse(&long(242)), Err(NotACode::TooLong));
    }

    #[test]
    fn a_code_never_prints() {
        let code = ActivationCode::parse("LPA:1$smdp.io$TOPSECRET-1").unwrap();
        let profile =
            Profile { code, iccid: None, confirmation_code: Some("9876".into()), install_before: None, apn: None };
        let shown = format!("{:?} {}", profile.code, serde_json::to_string(&profile).unwrap());
        assert!(!shown.contains("TOPSECRET") && !shown.contains("smdp.io") && !shown.contains("9876"), "{shown}");
    }

    #[test]
    fn iccids() {
        assert!(Iccid::parse("8910300000012345678").is_some());
        assert!(Iccid::parse("89103000000123456F").is_none());
        assert!(Iccid::parse("891030000001234567F").is_some());
        assert_eq!(Iccid::parse("8910 3000 0001 2345 678").unwrap().as_str(), "8910300000012345678");
        assert!(!Iccid::parse("89860110f9900160570").unwrap().check_digit_ok(), "letters, as in the field");
        for bad in ["8810300000012345678", "8910300000-12345678", "8910300000012345678g", "89103000000123456781234"] {
            assert_eq!(Iccid::parse(bad), None, "{bad}");
        }
        for known in ["8944500000000000014", "89445000000000000126", "89852000263318806140"] {
            assert!(Iccid::parse(known).unwrap().check_digit_ok(), "{known}");
        }
        assert!(!Iccid::parse("894000000000029365").unwrap().check_digit_ok(), "never blocks");
        assert!(Iccid::parse("8944500102198304826").unwrap().check_digit_ok());
        assert!(!Iccid::parse("8944500102198304827").unwrap().check_digit_ok());
    }
}
