//! The kiosk's side of ZVT against the simulated terminal, on a line in memory and under paused time: what the kiosk
//! believes about a payment must be what the terminal's ledger says, whatever breaks (payment-terminal.md 6.2).
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
