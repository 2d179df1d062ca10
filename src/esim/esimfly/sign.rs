//! eSIMfly's signature (providers.md 2.1): HMAC-SHA256 over timestamp, request id, access code and the raw body, with
//! nothing between, as upper-case hexadecimal. The request id of an order derives from its good, so that the same
//! order can never be taken twice within the 24 hours for which ids are remembered.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::esim::secret::Secret;

/// The signature of one request.
pub fn signature(timestamp_ms: i64, request_id: &str, access_code: &str, secret: &Secret, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(timestamp_ms.to_string().as_bytes());
    mac.update(request_id.as_bytes());
    mac.update(access_code.as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The request id of an order: the same for the same good, for ever, in the form of a UUID of version 4.
pub fn order_request_id(reference: &str) -> String {
    let digest = Sha256::digest(format!("esim-kiosk order {reference}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid_v4(bytes)
}

/// A fresh request id.
///
/// # Errors
/// Where the system gives no randomness.
pub fn fresh_request_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(uuid_v4(bytes))
}

fn uuid_v4(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_vectors() {
        let (id, key) = ("3f2b8c1e-5d4a-4e6f-8a9b-0c1d2e3f4a5b", Secret::new("sk_kiosk_test"));
        let at = 1_760_000_000_000;
        assert_eq!(
            signature(at, id, "esf_kiosk_test", &key, b""),
            "800EB5E11E29505A0C87D905ECFD86B27DA69C591E82E5432E84D7181D486DD5"
        );
        assert_eq!(
            signature(at, id, "esf_kiosk_test", &key, br#"{"packageCode":"PHAJHEAYP","quantity":1}"#),
            "C6F279A480FC47482918A6869CA1142D1C4DF62305C1062BD8E18C67649A0641"
        );
        // The provider's page prints another value for these inputs; it is a placeholder.
        assert_eq!(
            signature(
                1_628_670_421_000,
                "4ce9d9cd-ac9e-4e17-b3a2-c66c358c1ce2",
                "esf_11111",
                &Secret::new("sk_1111"),
                br#"{"packageCode":"PHAJHEAYP"}"#
            ),
            "FA2050B34D3C61025B991E8C82967BC583C02A92ED625D985F46DC7E25BFA934"
        );
    }

    #[test]
    fn ids_have_the_form_of_a_uuid_v4() {
        let (one, two) = (order_request_id("01J-0"), order_request_id("01J-1"));
        assert_eq!(one, order_request_id("01J-0"));
        assert_ne!(one, two);
        for id in [one, two, fresh_request_id().unwrap()] {
            let bytes = id.as_bytes();
            assert_eq!((bytes.len(), bytes[8], bytes[14]), (36, b'-', b'4'), "{id}");
            assert!(b"89ab".contains(&bytes[19]), "{id}");
        }
    }
}
