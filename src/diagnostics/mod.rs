//! What support reads from another continent: one archive that explains a machine, with no secret in it.
//!
//! [`sources`] gathers texts, each on its own: one that fails becomes a text that says so. [`redact`] takes out what
//! must not leave the machine. [`bundle`] packs what is left with a manifest and checksums, and [`report`] draws the
//! page that a person opens first. Nothing here needs the service: it may be dead, its database locked or broken, its
//! disk full. What only the living service knows, [`recorder`] writes down while it lives.

pub mod bundle;
pub mod configuration;
