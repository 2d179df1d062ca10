//! Activation codes and ICCIDs. A code is a bearer secret: whoever reads it has the eSIM. It prints as dots,
//! serialises as dots, and is wiped from memory when dropped.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroize;

/// Why a text is not an activation code (SGP.22 4.1; placeholders: provider documents).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACode {
    /// Does not begin with `LPA:1$` or `1$`.
    #[error("it does not begin with LPA:1$")]
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

/// An LPA activation code, checked and kept exactly as the provider sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct ActivationCode {
    text: String,
}

impl ActivationCode {
    /// Checks `text`. Surrounding white space is dropped; nothing else is ever rewritten.
    ///
    /// # Errors
    /// [`NotACode`] says which part is wrong; the text itself is in no error.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let text = text.trim();
        if text.len() > 255 {
            return Err(NotACode::TooLong);
        }
        let body = match text.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("LPA:") => &text[4..],
            _ => return Err(NotACode::Prefix),
        };
        let mut fields = body.split('$');
        if fields.next() != Some("1") {
            return Err(NotACode::Prefix);
        }
        let address = fields.next().ok_or(NotACode::Address)?;
        let matching_id = fields.next().ok_or(NotACode::MatchingId)?;
        check_address(address)?;
        check_matching_id(matching_id)?;
        let tail: Vec<&str> = fields.collect();
        let oid_ok = tail.first().is_none_or(|oid| oid.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        let flag_ok = tail.get(1).is_none_or(|flag| matches!(*flag, "" | "1"));
        if tail.len() > 2 || !oid_ok || !flag_ok {
            return Err(NotACode::Tail);
        }
        Ok(ActivationCode { text: text.to_owned() })
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

/// The number of an eSIM card, 18 to 20 digits. A failing check digit is common in the field and never blocks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Iccid(String);

impl Iccid {
    /// The digits of `text` if they can be an ICCID; a trailing `F` pad is dropped.
    pub fn parse(text: &str) -> Option<Iccid> {
        let digits = text.trim().trim_end_matches(['F', 'f']);
        let ok = (18..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        ok.then(|| Iccid(digits.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the last digit is the Luhn check digit of the others.
    pub fn check_digit_ok(&self) -> bool {
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
            ("1$smdp.io$ABC1", NotACode::Prefix),
            ("LPA:1$localhost$ABC1", NotACode::Address),
            ("LPA:1$smdp..io$ABC1", NotACode::Address),
            ("LPA:1$smdp.io", NotACode::MatchingId),
            ("LPA:1$smdp.io$", NotACode::MatchingId),
            ("LPA:1$smdp.io$A B", NotACode::MatchingId),
            ("LPA:1$smdp.io$XXXXXXXX", NotACode::Placeholder),
            ("LPA:1$example.com$ABC1", NotACode::Placeholder),
            ("LPA:1$smdp.io$ABC1$x", NotACode::Tail),
            ("LPA:1$smdp.io$ABC1$$2", NotACode::Tail),
            ("LPA:1$smdp.io$ABC1$$1$", NotACode::Tail),
        ] {
            assert_eq!(ActivationCode::parse(text), Err(why), "{text}");
        }
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
        assert!(Iccid::parse("8910300000 12345678").is_none());
        assert!(Iccid::parse("8944500102198304826").unwrap().check_digit_ok());
        assert!(!Iccid::parse("8944500102198304827").unwrap().check_digit_ok());
    }
}
