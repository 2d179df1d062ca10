//! The messages of ZVT: bytes to meaning and back (PA00P015 rev. 13.08). Pure and total: no input panics.

pub mod answer;
pub mod apdu;
pub mod bmp;
pub mod charset;
pub mod codes;
pub mod command;
pub mod incoming;
pub mod redact;
pub mod status;
pub mod tlv;

pub use apdu::{Apdu, ApduError};
pub use charset::Charset;
pub use incoming::Incoming;
pub use status::StatusInformation;
