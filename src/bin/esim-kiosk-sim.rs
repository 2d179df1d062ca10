//! The simulators.
fn main() {}
