//! The simulated terminal.
