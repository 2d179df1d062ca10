//! The session against a terminal played by hand, message by message.

mod bench;
mod care;
mod duties;
mod hold;
mod replay;
