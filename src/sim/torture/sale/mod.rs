//! Exhaustive interruption: every scenario, cut at its n-th record and at its n-th effect, n = 1 until the run ends by
//! itself; then started again, brought to rest, and the books compared.
//!
//! The kiosk is the product's loop and the product's session with the terminal; the terminal is the simulated one,
//! byte by byte in memory; journal and provider are twins without disk and wire. Time is virtual.

pub mod below;
mod blade;
mod books;
mod clocks;
mod damage;
mod drawn;
mod goods_scenarios;
mod month;
mod operator;
mod random;
mod run;
mod scenario;
mod shelf;
mod shop;
mod stand;
mod store;
mod used_up_scenarios;

pub use blade::{Cut, Disk};
pub use books::{Kind, Wrong};
pub use drawn::Drawn;
pub use month::{Lived, Month, Sample, lived};
pub use random::{Chances, PER_STAND, random};
pub use run::{Report, Wanted, run};

#[cfg(test)]
mod tests;
