//! The contract to the operator's fleet: presence, state, alarms and orders over MQTT 5, outbound only.
//!
//! Topics and life cycles are thin-edge.io's (MQTT topic structure `te/device/NAME///…`, operation commands with
//! `init` → `executing` → `successful` | `failed`), so that its gateway or its cloud can speak to a kiosk unchanged.
//! A broker that cannot be reached costs the kiosk nothing: what is known is kept here, and said again when it is
//! back. A broker that was broken into cannot order anything: orders are signed ([`order`]).

pub mod line;
pub mod link;
pub mod office;
pub mod order;
pub mod section;
#[cfg(all(test, feature = "sim"))]
mod tests;
pub mod topics;

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{broadcast, mpsc, oneshot};

use order::Order;

/// What the kiosk tells its fleet.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A retained state: facts, devices, selling.
    State {
        /// Its name: the topic's last part.
        name: &'static str,
        /// The whole state.
        value: Value,
    },
    /// An alarm, until it is cleared.
    Alarm {
        /// Its name: the topic's last part.
        name: &'static str,
        /// `critical`, `major`, `minor` or `warning`; none clears it.
        severity: Option<&'static str>,
        /// For people.
        text: String,
    },
    /// A finished sale for the back office; said once, its sender asks again.
    Sale(Value),
}

/// A signed order, checked, on its way to the service.
#[derive(Debug)]
pub struct Ordered {
    /// What.
    pub order: Order,
    /// Where the answer goes: nothing, or why it was not done.
    pub answer: oneshot::Sender<Result<String, String>>,
}

/// A command that somebody else carries out, such as the pull of logs.
#[derive(Debug)]
pub struct Command {
    /// Its kind: `log_upload`.
    pub kind: &'static str,
    /// Its id, from the topic.
    pub id: String,
    /// What the broker holds.
    pub payload: Value,
    /// Where its fields go that belong into the final state: `Ok` successful, `Err` failed with this reason.
    pub answer: oneshot::Sender<Result<Value, String>>,
}

/// Both ends of a link.
pub struct Ends {
    /// What the kiosk tells.
    pub news: mpsc::Receiver<News>,
    /// Orders for the service.
    pub orders: mpsc::Sender<Ordered>,
    /// Commands for those who carry them out.
    pub commands: mpsc::Sender<Command>,
    /// What the back office answers about sales, where sales go this way.
    pub taken: Option<Arc<broadcast::Sender<Value>>>,
}
