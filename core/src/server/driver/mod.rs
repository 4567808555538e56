//! The driver: one task for each session, the only owner of its state machines and transports.
//!
//! A wake-up goes through the same steps, in this order, until nothing is left to do: requests, reading, time, mailbox,
//! what the session decided, one write. Host code that runs inline runs in the middle of it, and what it emits lies in
//! the mailbox before the mailbox's turn comes: all answers to what was read at once leave in one write.

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

/// How often a wake-up goes through its steps before others get their turn.
const ROUNDS: usize = 8;
/// How many bytes of messages it receives before that.
const TURN_BYTES: u64 = 128 * 1024;
/// How much of a POST is dealt with in one round, up to the end of a packet: whatever is in it, that is soon done.
const PIECE: usize = 64 * 1024;

/// See the module's documentation.
pub(super) struct Driver {
    shared: Arc<Shared>,
    handle: Arc<SessionHandle>,
    session: Session,
    layer: Layer,
    /// The session's transport, or what is left of it.
    websocket: Option<WebSocket>,
    /// What wants to become the session's transport.
    probe: Option<Box<WebSocket>>,
    /// What HTTP requests wait for; a WebSocket session has none.
    waiting: Option<Box<Waiting>>,
    deadlines: Deadlines,
    sleep: Pin<Box<Sleep>>,
    /// Until the client has joined its first namespace.
    opening: Option<Box<Opening>>,
    /// When the client last took something of what waits for it, or began to have something waiting.
    progress: Option<Instant>,
    /// So much of the client is read after the session's end.
    farewell_left: usize,
    flags: Flags,
    count: Count,
}

/// Requests of long-polling that were not answered yet.
#[derive(Default)]
struct Waiting {
    /// The waiting GET.
    poll: Option<oneshot::Sender<PollAnswer>>,
    /// A POST that was not dealt with yet.
    post: Option<Post>,
}

/// The body of a POST, which is dealt with piece by piece.
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

/// Times by which something must have happened.
#[derive(Default)]
struct Deadlines {
    /// A namespace must have been joined.
    connect: Option<Instant>,
    /// The message that is coming in must be complete.
    message: Option<Instant>,
    /// The peer must have closed the WebSocket.
    linger: Option<Instant>,
    /// What was dropped meanwhile is told.
    dropped: Option<Instant>,
}

#[derive(Default)]
struct Flags {
    /// The client is not read: the host is behind, or the client does not take what it is sent.
    paused: bool,
    /// So much waits for the client that it is not read.
    choked: bool,
    /// A packet middleware has so much to decide that the client is not read.
    behind: bool,
    /// A GET has taken what waited.
    polled: bool,
    /// The client has broken the rules.
    violated: bool,
    /// The connection is to be closed when the mailbox is empty.
    close_when_sent: bool,
    /// More waits for the client than the low mark.
    above_low_mark: bool,
    /// The end was told.
    ended: bool,
    /// Bytes that came with the handshake have not been looked at.
    unread_head: bool,
    /// The mailbox keeps no longer what the greetings needed.
    settled: bool,
    /// The timer has been set once.
    timer_set: bool,
    /// Only the farewell of the transport is left.
    lingering: bool,
}

/// What happened in this wake-up, added to the shared numbers once.
#[derive(Default)]
struct Count {
    received: u32,
    sent: u32,
    received_bytes: u64,
    sent_bytes: u64,
}

impl Driver {
    /// The driver of a session that begins now. With a WebSocket, `greeting` is its first packets.
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
            farewell_left: 0,
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
        // A greeting leaves before anything that the first bytes lead to.
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
        // Ours comes again when all others have had their turn, those included whose bytes nobody has looked for yet.
        match self.arrival_waker() {
            Some(waker) => pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker)),
            None => pin!(tokio::task::yield_now()).poll(cx),
        }
    }
}

impl Driver {
    /// Goes through the steps. A panic in them, which is a bug of the engine or of inline host code, costs this
    /// connection alone.
    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = Scratch::take();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.drive(cx, &mut scratch)));
        if let Ok(outcome) = outcome {
            scratch.give_back();
            return outcome;
        }
        self.shared.stats.panics_total.add(1);
        tracing::error!(target: crate::log::SESSION, "a connection was given up because of a bug");
        self.give_up_after_panic();
        self.shared.sink.ring();
        self.end();
        Poll::Ready(())
    }

    /// Ends the session. Each panic of host code that is told of it ends one of its sockets without the rest of its
    /// events; the others are still told.
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
        let arrival = opening.map(|opening| Arc::clone(&opening.arrival));
        let _polled = arrival.as_ref().map(|arrival| arrival.poll_begins(cx));
        this.poll_steps(cx)
    }
}

impl Drop for Driver {
    /// Where the engine's threads end first, its sockets still hear of their end, and let go of one another.
    fn drop(&mut self) {
        if !self.flags.ended {
            self.handle_closed(CloseReason::ServerShuttingDown, now());
            self.shared.sink.ring();
        }
        self.shared.sink.forget(self.handle.link.backlog());
    }
}
