//! What the two sides of an HTTP connection, its bytes and its requests, tell each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

use crate::server::http::head::HeadFault;
use crate::sync::Lock as _;

/// The state of the request that a connection serves; there is at most one, and all of it happens in one task.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// A request was passed on to the HTTP parser, and its answer was not.
    in_progress: AtomicBool,
    /// Bytes of an answer wait for the peer.
    unwritten: AtomicBool,
    /// The client has ended its direction of the stream.
    half_closed: AtomicBool,
    half_closing: Notify,
    /// The connection is to be given up: its client has left.
    abandoned: Notify,
    note: Mutex<Note>,
    /// The task, when it waits for the end of the exchange and not for the stream.
    parked: Mutex<Option<Waker>>,
}

/// What the scanner has to say about the head of a request.
#[derive(Debug, Default)]
pub(super) struct Note {
    /// Why the request is to be refused.
    pub(super) fault: Option<HeadFault>,
    /// The target as the client wrote it, when the parser got another one.
    pub(super) target: Option<String>,
}

impl Exchange {
    /// A head is being passed on to the HTTP parser.
    pub(super) fn begin(&self, note: Note) {
        *self.note.locked() = note;
        self.in_progress.store(true, Ordering::Release);
    }

    /// What there is to say about the request that the parser gives out now.
    pub(super) fn take_note(&self) -> Note {
        std::mem::take(&mut *self.note.locked())
    }

    pub(super) fn is_in_progress(&self) -> bool {
        self.in_progress.load(Ordering::Acquire)
    }

    /// Whether there is nothing that a graceful stop has to wait for.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_in_progress() && !self.unwritten.load(Ordering::Acquire)
    }

    /// The whole answer has been handed to the HTTP writer.
    fn end(&self) {
        self.unwritten.store(true, Ordering::Release);
        self.in_progress.store(false, Ordering::Release);
        let parked = self.parked.locked().take();
        if let Some(parked) = parked {
            parked.wake();
        }
    }

    /// Whether bytes of an answer wait for the peer.
    pub(super) fn set_unwritten(&self, unwritten: bool) {
        self.unwritten.store(unwritten, Ordering::Release);
    }

    /// The reader has nothing more to say before the exchange has ended.
    pub(super) fn park(&self, waker: &Waker) {
        let mut parked = self.parked.locked();
        match &mut *parked {
            Some(known) => known.clone_from(waker),
            None => *parked = Some(waker.clone()),
        }
    }

    /// The client has ended its direction of the stream.
    pub(super) fn handle_end_of_input(&self) {
        if !self.half_closed.swap(true, Ordering::AcqRel) {
            self.half_closing.notify_waiters();
        }
    }

    /// Completes when the client has ended its direction of the stream.
    pub(super) async fn half_closed(&self) {
        let notified = self.half_closing.notified();
        if !self.half_closed.load(Ordering::Acquire) {
            notified.await;
        }
    }

    /// The client has left, and gets no answer.
    pub(super) fn abandon(&self) {
        self.abandoned.notify_one();
    }

    /// Completes when the connection is to be given up.
    pub(super) async fn abandoned(&self) {
        self.abandoned.notified().await;
    }
}

/// The body of an answer; when it is dropped, all of it has been handed to the HTTP writer.
pub(super) struct AnswerBody {
    bytes: Full<Bytes>,
    _in_progress: InProgress,
}

impl AnswerBody {
    pub(super) fn new(bytes: Full<Bytes>, in_progress: InProgress) -> Self {
        Self {
            bytes,
            _in_progress: in_progress,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::pin::Pin::new(&mut self.bytes).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.size_hint()
    }
}

/// A request that is being answered, until it is dropped.
pub(super) struct InProgress(pub(super) Arc<Exchange>);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.end();
    }
}
