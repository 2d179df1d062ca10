//! The signature: timestamp, request id, access code and raw body, HMAC-SHA256, upper-case hexadecimal.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Esimfly, failed};
use crate::sim::providers::call::Call;
use crate::sim::providers::desk::Desk;
use crate::sim::providers::reply::Reply;

/// How far a timestamp may lie from the provider's clock.
const WINDOW_MS: i64 = 5 * 60 * 1000;
/// How long a request id is remembered.
const MEMORY_MS: i64 = 24 * 3600 * 1000;

/// The signature of a request.
pub(super) fn signature(secret: &str, timestamp: &str, request_id: &str, access_code: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    for part in [timestamp.as_bytes(), request_id.as_bytes(), access_code.as_bytes(), body] {
        mac.update(part);
    }
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02X}")).collect()
}

fn is_uuid_v4(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'4',
            19 => matches!(byte, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
            _ => byte.is_ascii_hexdigit(),
        })
}

impl Esimfly {
    /// The request id of a request that may come in.
    pub(super) fn verify(&mut self, desk: &mut Desk, call: &Call) -> Result<String, Reply> {
        let refuse = |desk: &mut Desk, status, code: &str, words: &str| {
            desk.dislike(&code.to_lowercase());
            failed(status, code, words)
        };
        let header = |name| call.header(name).unwrap_or("").to_owned();
        let (access, id) = (header("rt-accesscode"), header("rt-requestid"));
        let (timestamp, signed) = (header("rt-timestamp"), header("rt-signature"));
        if access != self.access_code {
            return Err(refuse(desk, 401, "INVALID_API_KEY", "API key is invalid or not found"));
        }
        if id.is_empty() || timestamp.is_empty() || signed.is_empty() {
            return Err(refuse(desk, 401, "HMAC_REQUIRED", "All four RT headers are required"));
        }
        if !is_uuid_v4(&id) {
            return Err(refuse(desk, 400, "INVALID_REQUEST_ID", "RT-RequestID must be a UUID v4"));
        }
        let now_ms = desk.clock.now_ms();
        let fresh = timestamp.parse::<i64>().is_ok_and(|at| (now_ms - at).abs() <= WINDOW_MS);
        if !fresh {
            return Err(refuse(desk, 401, "INVALID_TIMESTAMP", "Request timestamp is too old"));
        }
        if signed != signature(&self.secret, &timestamp, &id, &access, &call.body) {
            return Err(refuse(desk, 401, "INVALID_SIGNATURE", "HMAC signature verification failed"));
        }
        self.request_ids.retain(|_, at| now_ms - *at < MEMORY_MS);
        if self.request_ids.insert(id.clone(), now_ms).is_some() {
            return Err(refuse(desk, 400, "DUPLICATE_REQUEST", "Request ID has already been used"));
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors A, B and D of the provider reference, section 2.1.
    #[test]
    fn signatures_match_the_vectors() {
        let id = "3f2b8c1e-5d4a-4e6f-8a9b-0c1d2e3f4a5b";
        let sign = |body: &[u8]| signature("sk_kiosk_test", "1760000000000", id, "esf_kiosk_test", body);
        assert_eq!(sign(b""), "800EB5E11E29505A0C87D905ECFD86B27DA69C591E82E5432E84D7181D486DD5");
        let body = br#"{"packageCode":"PHAJHEAYP","quantity":1}"#;
        assert_eq!(sign(body), "C6F279A480FC47482918A6869CA1142D1C4DF62305C1062BD8E18C67649A0641");
        let documented = signature(
            "sk_1111",
            "1628670421000",
            "4ce9d9cd-ac9e-4e17-b3a2-c66c358c1ce2",
            "esf_11111",
            br#"{"packageCode":"PHAJHEAYP"}"#,
        );
        assert_eq!(documented, "FA2050B34D3C61025B991E8C82967BC583C02A92ED625D985F46DC7E25BFA934");
    }

    #[test]
    fn request_ids_are_version_four() {
        assert!(is_uuid_v4("3f2b8c1e-5d4a-4e6f-8a9b-0c1d2e3f4a5b"));
        for bad in ["", "3f2b8c1e-5d4a-1e6f-8a9b-0c1d2e3f4a5b", "3f2b8c1e5d4a4e6f8a9b0c1d2e3f4a5b"] {
            assert!(!is_uuid_v4(bad), "{bad}");
        }
    }
}
