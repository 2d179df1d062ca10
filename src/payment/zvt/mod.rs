//! The kiosk's side of ZVT, the protocol of card terminals in Germany, Austria and around (PA00P015, PA00P016).
//!
//! From the line up: [`frame`] (bytes), [`link`] (repeats and acknowledgements on a serial line) or [`stream`] (TCP),
//! [`message`] (meaning), then the session (what is asked when) and [`terminal`] (its task on a [`line`]).

pub mod config;
pub mod decode;
pub mod frame;
pub mod line;
pub mod link;
mod link_words;
pub mod message;
mod recorder;
mod serial_port;
mod session;
pub mod stream;
pub mod terminal;

pub use config::{Dialect, Texts, Timers, ZvtConfig};
pub use line::Address;
pub use message::command::Password;
pub use recorder::FrameLog;
pub use session::Aftermath;
pub use terminal::ZvtTerminal;
