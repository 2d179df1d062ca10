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
/// While a traveller buys, so few go out so seldom: enough for the receiver not to hang up.
const TRICKLE: usize = 512;
const TRICKLES: Duration = Duration::from_secs(5);

/// A body that is sent at a pace.
pub(super) struct Paced {
    bytes: Bytes,
    bytes_s: u64,
    next: Pin<Box<Sleep>>,
    moved: watch::Sender<usize>,
    busy: watch::Receiver<bool>,
}

impl Paced {
    /// The body, and how many bytes of it were taken.
    pub(super) fn new(bytes: Bytes, bytes_s: u64, busy: watch::Receiver<bool>) -> (Self, watch::Receiver<usize>) {
        let (moved, seen) = watch::channel(0);
        (Paced { bytes, bytes_s, next: Box::pin(tokio::time::sleep(Duration::ZERO)), moved, busy }, seen)
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
        let busy = *self.busy.borrow();
        let length = self.bytes.len().min(if busy { TRICKLE } else { CHUNK });
        let chunk = self.bytes.split_to(length);
        self.moved.send_modify(|taken| *taken += length);
        let pace = Duration::from_micros((length as u64).saturating_mul(1_000_000) / self.bytes_s.max(1));
        let pause = if busy { pace.max(TRICKLES) } else { pace };
        self.next.as_mut().reset(Instant::now() + pause);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn while_a_traveller_buys_it_trickles() {
        let (buys, busy) = watch::channel(true);
        let (mut body, _) = Paced::new(Bytes::from(vec![7; 40_000]), 16 * 1024, busy);
        let begun = Instant::now();
        let mut frame = async || -> (usize, u64) {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            let length =
                frame.and_then(Result::ok).and_then(|frame| frame.into_data().ok()).map_or(0, |data| data.len());
            (length, begun.elapsed().as_secs())
        };
        assert_eq!((frame().await, frame().await), ((512, 0), (512, 5)));
        buys.send_replace(false);
        assert_eq!((frame().await, frame().await), ((16_384, 10), (16_384, 11)), "the traveller is gone");
    }
}
