//! The simulated printer.
