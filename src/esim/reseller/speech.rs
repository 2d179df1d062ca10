//! How the reseller API says yes, no and why.

use serde_json::Value;

use crate::esim::evidence::Speech;
use crate::esim::{RefusalReason, loose};

/// Document and live answers alike.
pub(super) struct Envelope;

impl Speech for Envelope {
    fn verdict(&self, value: &Value) -> Option<bool> {
        loose::flag(value, "success").or_else(|| {
            // Live answers carry only their payload.
            (loose::at(value, "data").is_some() && loose::at(value, "error").is_none()).then_some(true)
        })
    }

    fn reason(&self, status: u16, value: &Value) -> RefusalReason {
        let words = self.words(value).to_ascii_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        match status {
            401 | 403 => RefusalReason::Credentials,
            402 => RefusalReason::NoFunds,
            _ if says(&["insufficient", "credit", "balance"]) => RefusalReason::NoFunds,
            _ if says(&["plan"]) => RefusalReason::PlanGone,
            404 => RefusalReason::NotFound,
            _ => RefusalReason::Other,
        }
    }
}
