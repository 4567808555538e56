//! The link: the face of a connection that other threads see. What they send it lies in its mailbox until the task that
//! owns the connection takes it out.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use crate::cause::Cause;
use crate::engineio::packet::MessageKind;
use crate::engineio::{CloseReason, SessionId, TransportKind};
use crate::error::{Error, ErrorKind};
use crate::log;
use crate::mailbox::{Budget, Mailbox, PushError};
use crate::notice;
use crate::socketio::ack::AckTarget;
use crate::socketio::backlog::Backlog;
use crate::socketio::context::Context;
use crate::socketio::event::DisconnectReason;
use crate::socketio::message::Message;
use crate::socketio::packet::{EncodedPacket, PACKET_COST};
use crate::socketio::question::Answer;
use crate::socketio::socket::Socket;
use crate::socketio::{SendPolicy, target::Reliability};

/// What other threads put into the mailbox.
#[derive(Debug)]
pub enum Outgoing {
    /// A message whose bytes are in the mailbox's arena. A text begins with the `4` of Engine.IO.
    Inline {
        /// The type of the message.
        kind: MessageKind,
        /// The number of bytes.
        len: u32,
    },
    /// An attachment of the packet before it, whose bytes are shared.
    SharedAttachment(Bytes),
    /// A packet that may be shared with other connections.
    Packet(Arc<EncodedPacket>),
    /// A packet that somebody wants to see leave.
    Observed(Arc<Socket>, Arc<EncodedPacket>, Arc<Message>),
    /// A packet that the client is to acknowledge.
    WithAck(Box<AckRequest>),
    /// Nobody waits for this acknowledgement any more.
    ForgetAck {
        /// The socket's number within its connection.
        ordinal: u32,
        /// The acknowledgement's id.
        id: u64,
        /// What the waiting host is told.
        outcome: crate::socketio::ack::AckOutcome,
    },
    /// The host has decided whether a socket may join.
    Decided {
        /// The socket's number within its connection.
        ordinal: u32,
        /// The decision.
        answer: Answer,
    },
    /// The host has decided whether an event may be delivered.
    PacketDecided {
        /// The socket's number within its connection.
        ordinal: u32,
        /// The event's number among those of its connection that had to wait.
        number: u64,
        /// The decision.
        answer: Answer,
    },
    /// The host has put a socket out; it is out of its rooms already.
    Removed {
        /// The socket.
        socket: Arc<Socket>,
        /// Why.
        reason: DisconnectReason,
    },
    /// All sockets of the connection are put out, and it is closed.
    DisconnectAll,
    /// The connection is to be closed: in order for a forced close or a server that stops, else at once.
    Close(CloseReason),
}

/// See [`Outgoing::WithAck`].
#[derive(Debug)]
pub struct AckRequest {
    /// Who is to acknowledge it.
    pub socket: Arc<Socket>,
    /// The packet.
    pub packet: Arc<EncodedPacket>,
    /// The event, if somebody wants to see it leave.
    pub observed: Option<Arc<Message>>,
    /// The acknowledgement's id.
    pub id: u64,
    /// How long to wait.
    pub timeout: Option<Duration>,
    /// Who waits.
    pub target: AckTarget,
    /// What happens to the packet when the client owes too many acknowledgements already.
    pub overflow: Overflow,
}

/// What happens to an event whose acknowledgement cannot be waited for. Its sender is told in both cases, if it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// It is not sent.
    Refuse,
    /// It is sent: its sender has no way to hear that it was not.
    Send,
}

/// The messages of a packet that is written into the mailbox.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// The type of the first message.
    pub kind: MessageKind,
    /// About the number of bytes of the first message: at most a few more are written.
    pub size: usize,
    /// The binary messages that follow it.
    pub attachments: &'a [Bytes],
}

/// A message up to this length is copied into the mailbox; a longer one is shared.
const COPIED: usize = 2048;

/// So many messages of one size the mailbox's arena grows by: more are likely to come in the same turn.
const SIBLINGS: usize = 4;
/// Small ones grow it well enough by themselves.
const SMALL: usize = 256;

/// See the module's documentation.
#[derive(Debug)]
pub struct Link {
    session: SessionId,
    /// What waits for the connection's task.
    pub mailbox: Mailbox<Outgoing>,
    /// Whether a message would leave at once: what `volatile` asks.
    writable: AtomicBool,
    transport: AtomicU8,
    round_trip_us: AtomicU32,
    /// The connection is being closed because its send buffer was full.
    given_up: AtomicBool,
    /// The client has too much waiting, and has taken nothing of it for a while: the lower limit applies.
    stalled: AtomicBool,
    /// Why the connection ends; `None` when its reason says it all.
    cause: OnceLock<Option<Box<Cause>>>,
    /// What of it waits for the host.
    backlog: Arc<Backlog>,
    context: Arc<Context>,
}

impl Link {
    /// The link of a connection that begins on `transport`.
    pub fn new(session: SessionId, transport: TransportKind, context: Arc<Context>) -> Self {
        Self {
            session,
            mailbox: Mailbox::default(),
            writable: AtomicBool::new(transport == TransportKind::WebSocket),
            transport: AtomicU8::new(transport as u8),
            round_trip_us: AtomicU32::new(0),
            given_up: AtomicBool::new(false),
            stalled: AtomicBool::new(context.settings.send_grace.is_zero()),
            cause: OnceLock::new(),
            backlog: Arc::default(),
            context,
        }
    }

    /// Notes why the connection is about to end. The first cause counts: what follows from it is not a cause.
    pub fn blame(&self, cause: Cause) {
        // A cause that is already there stays.
        let _ = self.cause.set(Some(Box::new(cause)));
    }

    /// The connection has ended: what happens to it from now on is not why.
    pub fn settle_cause(&self) {
        // As above.
        let _ = self.cause.set(None);
    }

    /// Why the connection ended or is about to end, if there is more to say than its reason.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.get()?.as_deref()
    }

    /// What the server shares.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// What of the connection waits for the host.
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// The id of the connection's session: a secret of the client and the host.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// The transport that carries the connection.
    pub fn transport(&self) -> TransportKind {
        if self.transport.load(Ordering::Relaxed) == TransportKind::WebSocket as u8 {
            TransportKind::WebSocket
        } else {
            TransportKind::Polling
        }
    }

    /// The last round trip of the heartbeat.
    pub fn round_trip(&self) -> Option<Duration> {
        match self.round_trip_us.load(Ordering::Relaxed) {
            0 => None,
            us => Some(Duration::from_micros(u64::from(us))),
        }
    }

    /// The connection's task tells what it knows.
    pub fn set_transport(&self, transport: TransportKind) {
        self.transport.store(transport as u8, Ordering::Relaxed);
    }

    /// The connection's task tells what it knows.
    pub fn set_writable(&self, writable: bool) {
        if self.writable.load(Ordering::Relaxed) != writable {
            self.writable.store(writable, Ordering::Relaxed);
        }
    }

    /// The connection's task tells what it knows.
    pub fn set_stalled(&self, stalled: bool) {
        let stalled = stalled || self.context.settings.send_grace.is_zero();
        if self.stalled.load(Ordering::Relaxed) != stalled {
            self.stalled.store(stalled, Ordering::Relaxed);
        }
    }

    /// Whether the client has too much waiting and takes nothing of it, or any client is treated so.
    pub fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// How many bytes may wait now, and the option that says so.
    fn limit(&self) -> (usize, &'static str) {
        let settings = &self.context.settings;
        if self.is_stalled() {
            (settings.send_buffer, "engine.sendBufferHigh")
        } else {
            (settings.send_buffer_max, "engine.sendBufferMax")
        }
    }

    fn budget(&self) -> Budget {
        Budget::Bytes(self.limit().0)
    }

    /// The connection's task tells what it knows.
    pub fn set_round_trip(&self, round_trip: Duration) {
        let us = u32::try_from(round_trip.as_micros())
            .unwrap_or(u32::MAX)
            .max(1);
        self.round_trip_us.store(us, Ordering::Relaxed);
    }

    /// Queues what the engine itself must say; nothing happens after the end.
    pub fn tell(&self, item: Outgoing) {
        // A connection that has ended needs to be told nothing.
        let _ = self.mailbox.push(item, 0, Budget::Unlimited);
    }

    /// Queues a control packet that `write` writes, whatever the send buffer holds.
    pub fn tell_written(&self, kind: MessageKind, write: impl FnOnce(&mut Vec<u8>)) {
        // As above.
        let _ = self
            .mailbox
            .push_with(0, Budget::Unlimited, |items, arena| {
                push_written(items, arena, kind, write);
            });
    }

    /// Queues a packet of the host, whose first message `write` writes. `dropped` counts the packets that are refused.
    ///
    /// # Errors
    /// `Gone` when the connection has ended, `Full` when the send buffer is full and the policy is to report it.
    pub fn send_written(
        &self,
        shape: Shape<'_>,
        reliability: Reliability,
        dropped: &AtomicU32,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Error> {
        if self.is_dropped(reliability) {
            return Ok(());
        }
        let Shape {
            kind,
            size,
            attachments,
        } = shape;
        let budget = self.budget();
        if size > COPIED {
            let mut head = Vec::with_capacity(size + 32);
            write(&mut head);
            let packet = Arc::new(EncodedPacket::new(kind, head, attachments.into()));
            let cost = packet.cost();
            return self.settle(
                dropped,
                self.mailbox.push(Outgoing::Packet(packet), cost, budget),
            );
        }
        let cost = attachments.iter().fold(size + PACKET_COST, |sum, bytes| {
            sum + bytes.len() + PACKET_COST
        });
        self.settle(
            dropped,
            self.mailbox.push_with(cost, budget, |items, arena| {
                if attachments.is_empty() {
                    make_room(arena, size);
                }
                push_written(items, arena, kind, write);
                for bytes in attachments {
                    if bytes.len() <= COPIED {
                        make_room(arena, bytes.len());
                        arena.extend_from_slice(bytes);
                        items.push(Outgoing::Inline {
                            kind: MessageKind::Binary,
                            len: bytes.len() as u32,
                        });
                    } else {
                        items.push(Outgoing::SharedAttachment(bytes.clone()));
                    }
                }
            }),
        )
    }

    /// Queues a packet of a host.
    ///
    /// # Errors
    /// As [`Link::send_written`].
    pub fn send(
        &self,
        item: Outgoing,
        cost: usize,
        reliability: Reliability,
        dropped: &AtomicU32,
    ) -> Result<(), Error> {
        if self.is_dropped(reliability) {
            return Ok(());
        }
        self.settle(dropped, self.mailbox.push(item, cost, self.budget()))
    }

    /// Volatile messages do not wait. Source: Socket.IO, "Volatile events".
    fn is_dropped(&self, reliability: Reliability) -> bool {
        if reliability == Reliability::Reliable {
            return false;
        }
        let ready = self.writable.load(Ordering::Relaxed) && self.mailbox.buffered() == 0;
        if !ready {
            self.context.stats.volatile_dropped_total.add(1);
        }
        !ready
    }

    /// Queues a packet of a broadcast. It writes no log line, because a line runs code of the host: `refused` writes one
    /// for all receivers, after the lock of the namespace was released.
    pub fn send_one_of_many(
        &self,
        item: Outgoing,
        cost: usize,
        reliability: Reliability,
        dropped: &AtomicU32,
        refused: &mut Refused,
    ) {
        if !self.is_dropped(reliability)
            && self.mailbox.push(item, cost, self.budget()) == Err(PushError::Full)
        {
            refused.count += 1;
            refused.limit = Some(self.refuse(dropped));
        }
    }

    fn settle(&self, dropped: &AtomicU32, pushed: Result<(), PushError>) -> Result<(), Error> {
        match pushed {
            Ok(()) => Ok(()),
            Err(PushError::Closed) => Err(Error::new(ErrorKind::Gone, "the connection has ended")),
            Err(PushError::Full) => {
                let (limit, option) = self.refuse(dropped);
                notice!(
                    log::SOCKET,
                    "a message was dropped: a client's send buffer is full ({option} is {limit})"
                );
                if self.context.settings.send_policy == SendPolicy::Error {
                    return Err(Error::new(
                        ErrorKind::Full,
                        format!("the client's send buffer is full ({option} is {limit} bytes)"),
                    ));
                }
                Ok(())
            }
        }
    }

    /// A message finds no room: it is counted, and the client is disconnected if the policy says so. The limit that was
    /// reached.
    fn refuse(&self, dropped: &AtomicU32) -> (usize, &'static str) {
        dropped.fetch_add(1, Ordering::Relaxed);
        self.context.stats.send_buffer_full_total.add(1);
        let (limit, option) = self.limit();
        if self.context.settings.send_policy == SendPolicy::Disconnect
            && !self.given_up.swap(true, Ordering::Relaxed)
        {
            self.context.stats.slow_clients_disconnected_total.add(1);
            self.blame(Cause::limit(option, limit, "the send buffer is full"));
            self.tell(Outgoing::Close(CloseReason::TransportError));
        }
        (limit, option)
    }
}

/// The receivers of a broadcast whose send buffers were full.
#[derive(Debug, Default)]
pub struct Refused {
    count: usize,
    /// The limit that the last of them reached, and the option that sets it.
    limit: Option<(usize, &'static str)>,
}

impl Refused {
    /// Writes the log line, if there is anything to say.
    pub fn log(&self) {
        if let Some((limit, option)) = self.limit {
            let count = self.count;
            notice!(
                log::SOCKET,
                "a broadcast was dropped for {count} of its receivers: their send buffers are full ({option} is {limit})"
            );
        }
    }
}

fn make_room(arena: &mut Vec<u8>, size: usize) {
    if size > SMALL && arena.capacity() - arena.len() < size {
        arena.reserve(SIBLINGS * size);
    }
}

fn push_written(
    items: &mut Vec<Outgoing>,
    arena: &mut Vec<u8>,
    kind: MessageKind,
    write: impl FnOnce(&mut Vec<u8>),
) {
    let start = arena.len();
    write(arena);
    if items.capacity() == 0 {
        // Most connections never have more than one waiting.
        items.reserve_exact(1);
    }
    items.push(Outgoing::Inline {
        kind,
        len: (arena.len() - start) as u32,
    });
}
