//! What stands at the operator's: a certificate authority, a broker, and those who ask.

pub mod broker;
mod packet;
pub mod pki;
