//! Long runs that try everything at every moment and compare ledgers. Each prints a table and, last, one line of JSON
//! with its counts; any mismatch is a failure.

mod accounts;
pub mod blows;
pub mod far;
pub mod killed;
pub mod power_loss;
pub mod providers;
pub mod rules;
pub mod sale;
pub mod soak;
