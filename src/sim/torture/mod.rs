//! Long runs that try everything at every moment and compare ledgers. Each prints a table and, last, one line of JSON
//! with its counts; any mismatch is a failure.

mod accounts;
pub mod blows;
<<<<<<< HEAD
pub mod killed;
=======
pub mod far;
>>>>>>> e972419 (Torture pulls and a fleet with a real Mosquitto; check schemas, dashboard and rules)
pub mod providers;
pub mod sale;
pub mod rules;
