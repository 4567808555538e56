//! The driver: one task for each session, the only owner of its state machines and transports.
//!
//! A wake-up repeats these steps, in this order, until nothing is left to do: requests, reading, deadlines, mailbox, the
//! session's outputs, one write. With inline delivery, host code runs while messages are read, and what it emits is in the
//! mailbox before the mailbox is drained: all answers to the messages of one read leave in one write.

mod account;
mod intake;
mod opening;
mod progress;
mod sending;
mod time;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::engineio::packet::Packet;
use crate::engineio::{CloseReason, Session, TransportKind};
use crate::server::clock::now;
pub(super) use crate::server::driver::account::opened;
use crate::server::driver::opening::{Opening, Turn};
use crate::server::driver::time::Clock;
use crate::server::layer::Layer;
use crate::server::scratch::Scratch;
use crate::server::sessions::SessionHandle;
use crate::server::shared::Shared;
use crate::server::turn;
use crate::transport::{PollAnswer, PostAnswer, WebSocket};

/// How many times one poll repeats the steps before it yields to other tasks.
const ROUNDS: usize = 8;
/// How many bytes of messages one poll receives before it yields.
const TURN_BYTES: u64 = 128 * 1024;
/// How many bytes of a POST are handled in one round, up to the end of a packet. It bounds the time of a round.
const PIECE: usize = 64 * 1024;

/// The task of one session.
pub(super) struct Driver {
    shared: Arc<Shared>,
    handle: Arc<SessionHandle>,
    session: Session,
    layer: Layer,
    /// The session's transport. After the session's end it is kept until the closing handshake is done.
    websocket: Option<WebSocket>,
    /// A WebSocket that probes the session and may become its transport.
    probe: Option<Box<WebSocket>>,
    /// Unanswered HTTP requests; `None` for a WebSocket session.
    waiting: Option<Box<Waiting>>,
    deadlines: Deadlines,
    sleep: Pin<Box<Sleep>>,
    /// Orders this session among others until the client has joined its first namespace.
    opening: Option<Box<Opening>>,
    /// When the client last took some of the bytes that wait for it, or when the first byte began to wait.
    progress: Option<Instant>,
    /// How many more bytes of the client are read after the session's end.
    close_handshake_left: usize,
    flags: Flags,
    count: Count,
}

/// Requests of long-polling that have not been answered yet.
#[derive(Default)]
struct Waiting {
    /// The waiting GET.
    poll: Option<oneshot::Sender<PollAnswer>>,
    /// A POST that has not been handled completely.
    post: Option<Post>,
}

/// The body of a POST, which is handled piece by piece.
struct Post {
    body: Vec<u8>,
    /// Where the next piece begins; beyond the end when there is none.
    at: usize,
    answer: oneshot::Sender<PostAnswer>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.poll.is_none() && self.post.is_none()
    }
}

/// Times at which the driver acts unless something has happened.
#[derive(Default)]
struct Deadlines {
    /// The client must have joined a namespace.
    connect: Option<Instant>,
    /// The incomplete message must be complete.
    message: Option<Instant>,
    /// The peer must have closed the WebSocket of the ended session.
    linger: Option<Instant>,
    /// The host is told how many messages were dropped.
    dropped: Option<Instant>,
}

#[derive(Default)]
struct Flags {
    /// The client is not read: the host has no room for events, or the client does not take what it is sent.
    paused: bool,
    /// More waits for the client than `sendBufferHigh`, so it is not read.
    choked: bool,
    /// A packet middleware has too many undecided packets, so the client is not read.
    behind: bool,
    /// A GET has taken the waiting packets since the last flush.
    polled: bool,
    /// The client has violated the protocol.
    violated: bool,
    /// The connection is to be closed when the mailbox is empty.
    close_when_sent: bool,
    /// More waits for the client than the low mark.
    above_low_mark: bool,
    /// The session has ended, and its sockets have been told.
    ended: bool,
    /// The frame reader has stashed bytes that have not been parsed: from the handshake, from a probe, or from a pause.
    unread_head: bool,
    /// The mailbox has given back the memory that the first messages needed.
    settled: bool,
    /// The timer has been set once.
    timer_set: bool,
    /// Only the closing handshake of the transport is left.
    lingering: bool,
}

/// Counts of one round, added to the shared counters once.
#[derive(Default)]
struct Count {
    received: u32,
    sent: u32,
    received_bytes: u64,
    sent_bytes: u64,
}

impl Driver {
    /// The driver of a session that begins now, over `websocket` or else over long-polling.
    pub(super) fn new(
        shared: Arc<Shared>,
        handle: Arc<SessionHandle>,
        layer: Layer,
        websocket: Option<WebSocket>,
        now: Instant,
    ) -> Self {
        let kind = if websocket.is_some() {
            TransportKind::WebSocket
        } else {
            TransportKind::Polling
        };
        let session = Session::new(kind, Arc::clone(&shared.session_settings), now);
        let connect = layer
            .requires_connect()
            .then(|| now + shared.config.connect_timeout);
        let first = session
            .poll_timeout()
            .into_iter()
            .chain(connect)
            .min()
            .unwrap_or(now);
        shared.stats.clients_count.add(1);
        shared.stats.connections_total.add(1);
        if kind == TransportKind::Polling {
            shared.stats.polling_clients_count.add(1);
        }
        Self {
            handle,
            session,
            layer,
            flags: Flags {
                unread_head: websocket.is_some(),
                ..Flags::default()
            },
            websocket,
            probe: None,
            waiting: None,
            deadlines: Deadlines {
                connect,
                ..Deadlines::default()
            },
            sleep: Box::pin(tokio::time::sleep_until(first.into())),
            opening: None,
            progress: None,
            close_handshake_left: 0,
            count: Count::default(),
            shared,
        }
    }

    /// Sends the first packets of a WebSocket session, before anything else.
    pub(super) fn greet(&mut self, packets: Vec<Packet>) {
        self.session.greet(packets);
    }

    fn drive(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<()> {
        let mut clock = Clock::default();
        // The greeting is sent before any answer to the first bytes.
        self.carry_out(scratch, &mut clock);
        let mut received = 0;
        for _ in 0..ROUNDS {
            self.take_requests(cx, scratch, &mut clock);
            self.check_poll(cx);
            let mut more = match self.turn_for_input(cx) {
                Turn::Any => self.take_input(cx, scratch, &mut clock),
                Turn::Now(waker) => {
                    let cx = &mut Context::from_waker(&waker);
                    self.take_input(cx, scratch, &mut clock)
                }
                Turn::Later => self.read_probe(cx, scratch, &mut clock),
            };
            self.handle_read_end(more, &mut clock);
            if self.sleep.is_elapsed() {
                self.check_time(clock.now());
            }
            self.carry_out(scratch, &mut clock);
            if self.has_turn_for_mailbox(cx) {
                self.take_mailbox(scratch, &mut clock);
            }
            self.session.flush();
            self.carry_out(scratch, &mut clock);
            self.flush(cx, scratch, &mut clock);
            more |= self.resume(cx, &mut clock);
            turn::end_round(&*self.shared.sink, self.count.received_bytes);
            received += self.count.received_bytes;
            self.report();
            if self.is_over(cx) {
                return Poll::Ready(());
            }
            if self.opening.is_some() && self.layer.has_joined() {
                self.end_opening();
                more = true;
            }
            if !more && (self.has_left_input() || self.rest(cx)) {
                return Poll::Pending;
            }
            if received >= TURN_BYTES {
                break;
            }
        }
        // Yield: this task is polled again after every other ready task, and after the I/O driver has run.
        match self.input_waker() {
            Some(waker) => pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker)),
            None => pin!(tokio::task::yield_now()).poll(cx),
        }
    }
}

impl Driver {
    /// Runs the steps. A panic in them, which is a bug of the engine or of inline host code, ends only this connection.
    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = Scratch::take();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.drive(cx, &mut scratch)));
        if let Ok(outcome) = outcome {
            scratch.give_back();
            return outcome;
        }
        self.shared.stats.panics_total.add(1);
        tracing::error!(target: crate::log::SESSION, "a connection was dropped because of a panic, which is a bug of the engine or of an inline handler");
        self.give_up_after_panic();
        self.shared.sink.ring();
        self.end();
        Poll::Ready(())
    }

    /// Ends the session after a panic. If host code panics again in an event about the end, the socket concerned gets no
    /// further events; the other sockets are still told.
    fn give_up_after_panic(&mut self) {
        let (reason, at) = (CloseReason::TransportError, now());
        for _ in 0..=self.layer.sockets().len() {
            let told = catch_unwind(AssertUnwindSafe(|| {
                self.handle_closed(reason, at);
                self.layer.handle_close(reason, at);
            }));
            if told.is_ok() {
                return;
            }
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let opening = this.opening.as_ref();
        let arrivals = opening.map(|it| [Arc::clone(&it.input), Arc::clone(&it.decisions)]);
        let _polled = arrivals
            .as_ref()
            .map(|it| it.each_ref().map(|it| it.poll_begins(cx)));
        this.poll_steps(cx)
    }
}

impl Drop for Driver {
    /// If the runtime ends before the session, its sockets are still told, and references between them are released.
    fn drop(&mut self) {
        if !self.flags.ended {
            self.handle_closed(CloseReason::ServerShuttingDown, now());
            self.shared.sink.ring();
        }
        self.shared.sink.forget(self.handle.link.backlog());
    }
}
