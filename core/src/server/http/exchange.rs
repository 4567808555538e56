//! The state that the two sides of an HTTP connection share: its byte stream, and its requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

use crate::server::http::head::HeadFault;
use crate::sync::Lock as _;

/// The state of the request that a connection serves. A connection serves one request at a time, in one task.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The head of a request was passed to the HTTP parser, and its answer was not passed to the HTTP writer yet.
    in_progress: AtomicBool,
    /// Bytes of an answer were not written yet.
    unwritten: AtomicBool,
    /// The client has ended its direction of the stream.
    half_closed: AtomicBool,
    half_closing: Notify,
    /// Notified when the connection is to be dropped because its client has left.
    abandoned: Notify,
    note: Mutex<Note>,
    /// The waker of the task while the task waits for the end of the exchange instead of bytes.
    parked: Mutex<Option<Waker>>,
}

/// What the scanner has found in the head of a request.
#[derive(Debug, Default)]
pub(super) struct Note {
    /// The reason to refuse the request.
    pub(super) fault: Option<HeadFault>,
    /// Path and query as the client wrote them, if the parser was given others.
    pub(super) target: Option<String>,
}

impl Exchange {
    /// The head of a request is passed to the HTTP parser.
    pub(super) fn begin(&self, note: Note) {
        *self.note.locked() = note;
        self.in_progress.store(true, Ordering::Release);
    }

    /// Takes the note about the request that the parser has just returned.
    pub(super) fn take_note(&self) -> Note {
        std::mem::take(&mut *self.note.locked())
    }

    pub(super) fn is_in_progress(&self) -> bool {
        self.in_progress.load(Ordering::Acquire)
    }

    /// Whether a graceful shutdown can close the connection: no request is in progress, and every answer is written.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_in_progress() && !self.unwritten.load(Ordering::Acquire)
    }

    /// The whole answer was passed to the HTTP writer.
    fn end(&self) {
        self.unwritten.store(true, Ordering::Release);
        self.in_progress.store(false, Ordering::Release);
        let parked = self.parked.locked().take();
        if let Some(parked) = parked {
            parked.wake();
        }
    }

    /// Sets whether bytes of an answer were not written yet.
    pub(super) fn set_unwritten(&self, unwritten: bool) {
        self.unwritten.store(unwritten, Ordering::Release);
    }

    /// Registers the task to be woken at the end of the exchange.
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

    /// Requests that the connection is dropped without an answer: the client has left.
    pub(super) fn abandon(&self) {
        self.abandoned.notify_one();
    }

    /// Completes when the connection is to be dropped.
    pub(super) async fn abandoned(&self) {
        self.abandoned.notified().await;
    }
}

/// The body of an answer. The HTTP library drops it after all of it was passed to the HTTP writer.
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

/// Ends the exchange when it is dropped.
pub(super) struct InProgress(pub(super) Arc<Exchange>);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.end();
    }
}
