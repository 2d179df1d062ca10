//! The rules as a model: the product's own transition function (`src/sale/`), stepped by every event that may come,
//! with a crash before and after each effect, breadth first over all worlds that can be reached.
//!
//! The terminal, the providers, the journal and the clock around it are abstract and keep their own truth; in every
//! world the truth is compared with what the sales believe, say and show (`promises`), and from every world a way
//! without further faults must lead to an end: closed, or a case for a person.
//!
//! What is assumed, since no source states it, is a switch of a [`Scene`]: a busy terminal that answers `06 20` with
//! the old transaction, and `06 1E` after a booked payment.

mod device;
mod goods;
mod key;
mod moves;
mod promises;
mod scene;
mod scenes;
mod search;
mod step;
#[cfg(test)]
mod tests;
mod world;

pub use scene::{Mutant, Scene, Ware};
pub use scenes::scenes;
pub use search::{Found, Trace};

/// Enumerates a scene, at most `limit` worlds of it.
pub fn enumerate(scene: &Scene, limit: usize) -> Found {
    search::enumerate(scene, limit)
}
