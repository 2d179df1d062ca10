//! Everything that may differ between two kiosks.
