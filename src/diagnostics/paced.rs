//! A body that is sent at a pace, and tells that it moves.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

/// Bytes that are sent at once.
const CHUNK: usize = 16 * 1024;

/// A body that is sent at a pace.
pub(super) struct Paced {
    bytes: Bytes,
    bytes_s: u64,
    next: Pin<Box<Sleep>>,
    moved: watch::Sender<usize>,
}

impl Paced {
    /// The body, and how many bytes of it were taken.
    pub(super) fn new(bytes: Bytes, bytes_s: u64) -> (Self, watch::Receiver<usize>) {
        let (moved, seen) = watch::channel(0);
        (Paced { bytes, bytes_s, next: Box::pin(tokio::time::sleep(Duration::ZERO)), moved }, seen)
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        if self.next.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let length = self.bytes.len().min(CHUNK);
        let chunk = self.bytes.split_to(length);
        self.moved.send_modify(|taken| *taken += length);
        let micros = (length as u64).saturating_mul(1_000_000) / self.bytes_s.max(1);
        self.next.as_mut().reset(Instant::now() + Duration::from_micros(micros));
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
