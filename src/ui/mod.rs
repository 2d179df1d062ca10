//! The bridge to the screen.
