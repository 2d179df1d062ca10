//! The provider clients against the simulated providers, over TLS on loopback. The simulators keep the ledgers; what
//! a client says is compared with what they sold.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod configuration;
mod esimfly;
mod every_endpoint;
mod kit;
mod mobilexy;
mod reseller;
mod roamify;
mod secrets;
mod table;
mod torture;
