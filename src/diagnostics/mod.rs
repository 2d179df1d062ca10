//! What support reads from another continent: one archive that explains a machine, with no secret in it.
//!
//! [`sources`] gathers texts, each on its own: one that fails becomes a text that says so. [`redact`] takes out what
//! must not leave the machine. [`bundle`] packs what is left with a manifest and checksums, and [`report`] draws the
//! page that a person opens first. Nothing here needs the service: it may be dead, its database locked or broken, its
//! disk full. What only the living service knows, [`recorder`] writes down while it lives.

pub mod bundle;
pub mod configuration;
pub mod errand;
mod gather;
pub mod live;
pub mod machine;
mod paced;
mod page;
mod programs;
pub mod pull;
pub mod recorder;
pub mod redact;
pub mod report;
pub mod sales;
pub mod secrets;
pub mod section;
pub mod sources;
pub mod spans;
#[cfg(test)]
mod tests;
pub mod upload;

pub use bundle::{Bundle, NoBundle};
pub use gather::{Gathered, gather, unknown_sale};
pub use sources::{Scene, Wanted};

/// Takes out of texts what the rules know, and the secrets that this configuration names.
pub fn redactor(config_file: &std::path::Path) -> redact::Redactor {
    redact::Redactor::new(secrets::of(config_file).lines())
}
