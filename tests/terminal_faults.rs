//! The kiosk's side of ZVT against the simulated terminal, on a line in memory and under paused time: what the kiosk
//! believes about a payment must be what the terminal's ledger says, whatever breaks (payment-terminal.md 6.2).

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]
// The number of a dialect names it in what a failing test says.
#![allow(clippy::needless_range_loop)]
#![allow(unreachable_pub, reason = "modules of one test")]

#[path = "terminal_faults/clerk.rs"]
mod clerk;
#[path = "terminal_faults/duties.rs"]
mod duties;
#[path = "terminal_faults/everywhere.rs"]
mod everywhere;
#[path = "terminal_faults/healthy.rs"]
mod healthy;
#[path = "terminal_faults/matrix.rs"]
mod matrix;
