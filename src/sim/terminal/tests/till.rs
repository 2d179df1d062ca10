//! A till for these tests: says exactly the bytes of a script, and checks every byte that comes back.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, timeout_at};

use crate::sim::terminal::frame::{ACK, Ear, Framing, Heard, NAK, wrap};

/// How long the slowest terminal may take in these tests.
const PATIENCE: Duration = Duration::from_secs(400);

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(super) struct Till {
    pub(super) wire: DuplexStream,
    ear: Ear,
    /// Messages of the terminal in their order.
    pub(super) heard: Vec<String>,
}

impl Till {
    pub(super) fn new(wire: DuplexStream) -> Till {
        Till { wire, ear: Ear::new(Framing::Serial), heard: Vec::new() }
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) {
        self.wire.write_all(bytes).await.unwrap();
    }

    /// The next thing on the line within a time.
    pub(super) async fn listen(&mut self, patience: Duration) -> Option<Heard> {
        let deadline = Instant::now() + patience;
        loop {
            let byte = timeout_at(deadline, self.wire.read_u8()).await.ok()?.ok()?;
            if let Some(heard) = self.ear.hear(byte) {
                return Some(heard);
            }
        }
    }

    /// Sends a message and wants its ACK.
    pub(super) async fn send(&mut self, message: &str) {
        self.raw(&wrap(&bytes(message))).await;
        assert_eq!(self.listen(PATIENCE).await, Some(Heard::Ack), "ACK of {message}");
    }

    /// The next message, acknowledged.
    pub(super) async fn message(&mut self) -> String {
        match self.listen(PATIENCE).await {
            Some(Heard::Message(message)) => {
                self.raw(&[ACK]).await;
                self.heard.push(hex(&message));
                hex(&message)
            }
            other => panic!("a message, not {other:?}; before it {:?}", self.heard),
        }
    }

    /// Wants exactly this message.
    pub(super) async fn expect(&mut self, message: &str) {
        assert_eq!(self.message().await, message.replace(' ', ""));
    }

    /// Sends a command that is taken.
    pub(super) async fn command(&mut self, message: &str) {
        self.send(message).await;
        self.expect("800000").await;
    }

    /// Says yes to everything until a message begins so; that one is not answered.
    pub(super) async fn yes_until(&mut self, start: &str) -> String {
        loop {
            let message = self.message().await;
            if message.starts_with(start) {
                return message;
            }
            self.send("800000").await;
        }
    }

    /// Says yes to everything until Completion or Abort, and to that too.
    pub(super) async fn yes_to_the_end(&mut self) -> String {
        loop {
            let message = self.message().await;
            self.send("800000").await;
            if message.starts_with("060f") || message.starts_with("061e") {
                return message;
            }
        }
    }

    /// A whole command with nothing but yes.
    pub(super) async fn run(&mut self, command: &str) -> String {
        self.command(command).await;
        self.yes_to_the_end().await
    }

    /// Registers as a kiosk that composes its own receipts, in euros.
    pub(super) async fn register(&mut self) {
        assert!(self.run("06 00 0a 123456 3a 0978 0301 0600").await.starts_with("060f"));
    }

    pub(super) async fn refuse_frame(&mut self) {
        self.raw(&[NAK]).await;
    }

    pub(super) async fn is_quiet_for(&mut self, time: Duration) -> bool {
        self.listen(time).await.is_none()
    }
}
