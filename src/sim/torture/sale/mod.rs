//! Exhaustive interruption: every scenario, cut at its n-th write and at its n-th effect, n = 1 until every sale is
//! closed by itself, with queue, claim and end of day; then started again, gone on with, and the books compared. The
//! start after a cut is cut too.
//!
//! The kiosk is the product's loop and the product's session with the terminal; the terminal is the simulated one,
//! byte by byte in memory; journal and provider are twins without disk and wire. Time is virtual.

pub mod below;
mod blade;
mod books;
mod cells;
mod clocks;
mod damage;
mod drawn;
mod draws;
mod goods_scenarios;
mod manner;
mod month;
mod operator;
mod play;
mod random;
mod report;
mod run;
mod scenario;
mod shelf;
mod shop;
mod stand;
mod store;
mod teeth;
mod used_up_scenarios;

pub use blade::{Cut, Disk};
pub use books::{Kind, Wrong};
pub use cells::{Cell, Cells, Column};
pub use drawn::Drawn;
pub use draws::Trouble;
pub use month::{Lived, Month, Sample, lived};
pub use random::{Chances, PER_STAND, random};
pub use report::Report;
pub use run::{Wanted, run};

#[cfg(test)]
mod tests;
