//! ZVT: frames, link, messages, terminal.
