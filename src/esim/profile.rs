//! From a provider's texts to a profile that may be delivered: the code from the text, from the Apple link or from a
//! QR image, and nothing that a phone would not take.

use jiff::civil::Date;
use serde_json::Value;

use crate::sale::activation::{ActivationCode, Iccid, Profile};

/// Why a profile may not be delivered. Holds nothing of the code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDeliverable {
    /// No code anywhere.
    #[error("no activation code in the answer")]
    Missing,
    /// What stands there is no code.
    #[error("the activation code is unusable: {0}")]
    Unusable(#[from] crate::sale::activation::NotACode),
    /// The phone would ask for a confirmation code that we do not have.
    #[error("the activation code asks for a confirmation code and none came")]
    ConfirmationMissing,
}

/// The pieces of a profile as providers send them.
#[derive(Default)]
pub struct Pieces {
    /// The code's text.
    pub code: Option<String>,
    /// The Apple installation link, which holds the code as `carddata`.
    pub link: Option<String>,
    /// The card's number.
    pub iccid: Option<String>,
    /// The confirmation code.
    pub confirmation: Option<String>,
    /// Last day to install.
    pub install_before: Option<Date>,
    /// Access point name, where it does not come by itself.
    pub apn: Option<String>,
}

impl Pieces {
    /// The profile, if it may be delivered.
    ///
    /// # Errors
    /// [`NotDeliverable`].
    pub fn profile(self) -> Result<Profile, NotDeliverable> {
        let from_link = || self.link.as_deref().and_then(card_data);
        let text = self.code.clone().or_else(from_link).ok_or(NotDeliverable::Missing)?;
        let code = ActivationCode::parse(&text)?;
        if code.needs_confirmation_code() && self.confirmation.is_none() {
            return Err(NotDeliverable::ConfirmationMissing);
        }
        let iccid = self.iccid.as_deref().and_then(Iccid::parse);
        if let Some(iccid) = iccid.as_ref().filter(|iccid| !iccid.check_digit_ok()) {
            tracing::debug!(iccid = iccid.as_str(), "the provider's ICCID has a wrong check digit, as many have");
        }
        Ok(Profile {
            code,
            iccid,
            confirmation_code: self.confirmation,
            install_before: self.install_before,
            apn: self.apn,
        })
    }
}

/// The `carddata` of an Apple installation link, percent-encoded or not: providers leave `:` and `$` as they are.
pub fn card_data(link: &str) -> Option<String> {
    let url = reqwest::Url::parse(link).ok()?;
    let data = url.query()?.split('&').find_map(|pair| pair.strip_prefix("carddata="))?;
    let mut bytes = Vec::with_capacity(data.len());
    let mut rest = data.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let hex = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// The document with every activation code and token as dots, for people and logs.
pub fn without_codes(value: &Value) -> Value {
    let mask = super::secret::Mask::default();
    match value {
        Value::String(text) => Value::String(mask.clean(text)),
        Value::Array(list) => list.iter().map(without_codes).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, entry)| {
                let lower = name.to_ascii_lowercase().replace('_', "");
                let hidden =
                    ["activationcode", "matchingid", "pin", "puk", "accesstoken", "refreshtoken", "offertoken"];
                let dots = hidden.contains(&lower.as_str()) && entry.is_string();
                (name.clone(), if dots { Value::String("•••".into()) } else { without_codes(entry) })
            })
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "LPA:1$rsp-eu.simlessly.com$2D7F456148C640359B6A83E0E5AE34D3";

    #[test]
    fn a_code_is_found_in_the_text_or_in_the_link() {
        let plain = format!("https://esimsetup.apple.com/esim_qrcode_provisioning?carddata={CODE}");
        let encoded = plain.replace("LPA:1$", "LPA%3A1%24");
        for link in [plain, encoded] {
            let pieces = Pieces { link: Some(link), ..Pieces::default() };
            assert_eq!(pieces.profile().unwrap().code.reveal(), CODE);
        }
        assert_eq!(Pieces::default().profile(), Err(NotDeliverable::Missing));
    }

    #[test]
    fn what_no_phone_takes_is_not_delivered() {
        let with = |code: &str| Pieces { code: Some(code.to_owned()), ..Pieces::default() }.profile();
        assert!(matches!(with("LPA:1$..."), Err(NotDeliverable::Unusable(_))));
        assert!(matches!(with(""), Err(NotDeliverable::Unusable(_))));
        assert_eq!(with(&format!("{CODE}$$1")), Err(NotDeliverable::ConfirmationMissing));
        let pieces = Pieces {
            code: Some(format!("{CODE}$$1")),
            confirmation: Some("1234".into()),
            iccid: Some("8910300000056693431".into()),
            ..Pieces::default()
        };
        assert!(pieces.profile().unwrap().iccid.is_some(), "a wrong check digit never blocks");
    }

    #[test]
    fn an_operators_print_shows_no_code() {
        let value = serde_json::json!({"esim": {"qr_code": CODE, "activationCode": "TEST", "n": 1}, "l": [CODE]});
        let shown = without_codes(&value).to_string();
        assert!(!shown.contains("2D7F") && !shown.contains("TEST") && shown.contains("\"n\":1"), "{shown}");
    }
}
