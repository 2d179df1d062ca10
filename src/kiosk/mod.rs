//! THE LOOP: the only owner of changing state.

pub mod clock;
pub mod health;
pub mod session;
pub mod view;

pub use view::{Intent, View};
