//! The body of an answer on its way out: whole, in drops, cut short.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As announced.
    Whole,
    /// The connection breaks off.
    Broken,
}

/// A body made of pieces.
pub(super) struct Outgoing {
    pieces: VecDeque<Bytes>,
    /// White space still to be sent before the pieces.
    padding: u64,
    every: Option<Duration>,
    pause: Option<Pin<Box<Sleep>>>,
    end: End,
    flushed: bool,
    /// Announced as `Content-Length`; `None` is chunked.
    length: Option<u64>,
}

const PADDING: usize = 65_536;

impl Outgoing {
    /// The whole body at once.
    pub(super) fn whole(body: impl Into<Bytes>) -> Outgoing {
        let body = body.into();
        let length = Some(body.len() as u64);
        Outgoing {
            pieces: VecDeque::from([body]),
            padding: 0,
            every: None,
            pause: None,
            end: End::Whole,
            flushed: false,
            length,
        }
    }

    /// Only the first `kept` bytes of a body, then the end of the connection. Chunked unless a length is announced.
    pub(super) fn cut(body: &Bytes, kept: usize, length: Option<u64>) -> Outgoing {
        let kept = body.slice(..kept.min(body.len()));
        Outgoing { length, end: End::Broken, ..Outgoing::whole(kept) }
    }

    /// `bytes` at a time.
    pub(super) fn drip(body: &Bytes, bytes: usize, every: Duration) -> Outgoing {
        let pieces = body.chunks(bytes.max(1)).map(Bytes::copy_from_slice).collect();
        Outgoing { pieces, every: Some(every), ..Outgoing::whole(body.clone()) }
    }

    /// `padding` bytes of white space first, unannounced.
    pub(super) fn padded(body: Bytes, padding: u64) -> Outgoing {
        Outgoing { padding, length: None, ..Outgoing::whole(body) }
    }
}

/// The body was broken off on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the simulated provider broke the answer off")]
pub(super) struct BrokenOff;

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(pause) = self.pause.as_mut() {
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        if self.padding > 0 {
            let piece = usize::try_from(self.padding).unwrap_or(PADDING).min(PADDING);
            self.padding -= piece as u64;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; piece])))));
        }
        if let Some(piece) = self.pieces.pop_front() {
            self.pause = self.every.map(|every| Box::pin(sleep(every)));
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if self.end == End::Whole {
            return Poll::Ready(None);
        }
        // One turn in between, in which what was said so far is written out.
        if !self.flushed {
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(BrokenOff)))
    }

    fn is_end_stream(&self) -> bool {
        self.end == End::Whole && self.pieces.is_empty() && self.padding == 0
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
