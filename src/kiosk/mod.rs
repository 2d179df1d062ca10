//! THE LOOP: the only owner of changing state.

pub mod view;

pub use view::{Intent, View};
