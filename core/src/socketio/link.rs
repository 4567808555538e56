//! The link: the part of a connection that other threads use. Messages and commands for the connection wait in its
//! mailbox until the connection's task takes them out.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use crate::cause::Cause;
use crate::engineio::packet::MessageKind;
use crate::engineio::{CloseReason, SessionId, TransportKind};
use crate::error::{Error, ErrorKind};
use crate::log;
use crate::log::listener::ServerId;
use crate::mailbox::{Budget, Mailbox, PushError};
use crate::notice;
use crate::socketio::ack::AckTarget;
use crate::socketio::backlog::Backlog;
use crate::socketio::context::Context;
use crate::socketio::event::DisconnectReason;
use crate::socketio::message::Message;
use crate::socketio::packet::{EncodedPacket, PACKET_COST};
use crate::socketio::question::Decision;
use crate::socketio::settings::SendPolicy;
use crate::socketio::socket::Socket;
use crate::socketio::target::Reliability;

/// A message or a command in the mailbox.
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
    /// A packet for which the host gets an `Outgoing` event when it is sent.
    Observed(Arc<Socket>, Arc<EncodedPacket>, Arc<Message>),
    /// A packet that the client is to acknowledge.
    WithAck(Box<AckRequest>),
    /// An acknowledgement is not waited for any more.
    ForgetAck {
        /// The socket's number within its connection.
        ordinal: u32,
        /// The acknowledgement's id.
        id: u64,
        /// The outcome that the host is told.
        outcome: crate::socketio::ack::AckOutcome,
    },
    /// The host has decided whether a socket may join.
    Decided {
        /// The socket's number within its connection.
        ordinal: u32,
        /// The decision.
        decision: Decision,
    },
    /// The host has decided whether an event may be delivered.
    PacketDecided {
        /// The socket's number within its connection.
        ordinal: u32,
        /// The number of the event among the held events of its connection.
        number: u64,
        /// The decision.
        decision: Decision,
    },
    /// The host has disconnected a socket, which has left its rooms already.
    Removed {
        /// The socket.
        socket: Arc<Socket>,
        /// The reason for the disconnection.
        reason: DisconnectReason,
    },
    /// Disconnect all sockets of the connection, then close it.
    DisconnectAll,
    /// Close the connection. A forced close and the server's shutdown send the queued messages first; other reasons do
    /// not.
    Close(CloseReason),
}

/// A packet that the client is to acknowledge.
#[derive(Debug)]
pub struct AckRequest {
    /// The socket that is to acknowledge it.
    pub socket: Arc<Socket>,
    /// The packet.
    pub packet: Arc<EncodedPacket>,
    /// The message for the `Outgoing` event, if the host wants that event.
    pub observed: Option<Arc<Message>>,
    /// The acknowledgement's id.
    pub id: u64,
    /// How long to wait for the answer.
    pub timeout: Option<Duration>,
    /// What waits for the answer.
    pub target: AckTarget,
    /// What happens to the packet when the client owes as many acknowledgements as allowed.
    pub overflow: Overflow,
}

/// What happens to an event when the client owes as many acknowledgements as allowed. The outcome is `Full` in both
/// cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The event is not sent.
    Refuse,
    /// The event is sent, because its sender could not learn that it was not.
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

/// The mailbox's arena grows by this many messages of one size, because more messages of that size often follow.
const SIBLINGS: usize = 4;
/// Up to this length, the arena grows by doubling only.
const SMALL: usize = 256;

/// The part of a connection that other threads use.
#[derive(Debug)]
pub struct Link {
    session: SessionId,
    /// What waits for the connection's task: messages and commands.
    pub mailbox: Mailbox<Outgoing>,
    /// Whether a message would be sent at once. A volatile message is dropped otherwise.
    writable: AtomicBool,
    transport: AtomicU8,
    round_trip_us: AtomicU32,
    /// Whether the connection is being closed because its send buffer was full.
    given_up: AtomicBool,
    /// Whether the client is above the lower limit of the send buffer and has read nothing for `send_grace`: the lower
    /// limit applies.
    stalled: AtomicBool,
    /// Why the connection ends; `None` when there is no more to say than the close reason.
    cause: OnceLock<Option<Box<Cause>>>,
    /// The events of the connection that wait for the host.
    backlog: Arc<Backlog>,
    context: Arc<Context>,
}

impl Link {
    /// The link of a connection that is opened on `transport`.
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

    /// Notes why the connection is about to end. The first cause counts, because later ones follow from it.
    pub fn blame(&self, cause: Cause) {
        // An earlier cause stays.
        let _ = self.cause.set(Some(Box::new(cause)));
    }

    /// Notes that the connection has ended: later causes are ignored.
    pub fn settle_cause(&self) {
        // An earlier cause stays.
        let _ = self.cause.set(None);
    }

    /// Why the connection has ended or is about to end, if there is more to say than the close reason.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.get()?.as_deref()
    }

    /// The server's context.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The events of the connection that wait for the host.
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// The id of the connection's session, which is secret.
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

    /// The round trip of the last ping and pong.
    pub fn round_trip(&self) -> Option<Duration> {
        match self.round_trip_us.load(Ordering::Relaxed) {
            0 => None,
            us => Some(Duration::from_micros(u64::from(us))),
        }
    }

    /// Sets the transport. Called by the connection's task.
    pub fn set_transport(&self, transport: TransportKind) {
        self.transport.store(transport as u8, Ordering::Relaxed);
    }

    /// Sets whether a message would be sent at once. Called by the connection's task.
    pub fn set_writable(&self, writable: bool) {
        if self.writable.load(Ordering::Relaxed) != writable {
            self.writable.store(writable, Ordering::Relaxed);
        }
    }

    /// Sets whether the client is above the lower limit and reads nothing. Called by the connection's task.
    pub fn set_stalled(&self, stalled: bool) {
        let stalled = stalled || self.context.settings.send_grace.is_zero();
        if self.stalled.load(Ordering::Relaxed) != stalled {
            self.stalled.store(stalled, Ordering::Relaxed);
        }
    }

    /// Whether the lower limit of the send buffer applies.
    pub fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// The limit of the send buffer in bytes, and the name of its option.
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

    /// Sets the round trip of the last ping and pong. Called by the connection's task.
    pub fn set_round_trip(&self, round_trip: Duration) {
        let us = u32::try_from(round_trip.as_micros())
            .unwrap_or(u32::MAX)
            .max(1);
        self.round_trip_us.store(us, Ordering::Relaxed);
    }

    /// Queues an item regardless of the send buffer's limit. Ignored after the connection has ended.
    pub fn tell(&self, item: Outgoing) {
        // The task that would take it has ended.
        let _ = self.mailbox.push(item, 0, Budget::Unlimited);
    }

    /// Queues a control packet that `write` writes, regardless of the send buffer's limit.
    pub fn tell_written(&self, kind: MessageKind, write: impl FnOnce(&mut Vec<u8>)) {
        // The task that would take it has ended.
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

    /// Whether a message is dropped because it would have to wait. Source: Socket.IO, "Volatile events".
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

    /// Queues a packet of a broadcast. The caller holds the lock of the namespace, and a log line runs code of the
    /// host; so `refused` collects the refusals, and logs one line after the lock is released.
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
            refused.last = Some((self.context.log_id, self.refuse(dropped)));
        }
    }

    fn settle(&self, dropped: &AtomicU32, pushed: Result<(), PushError>) -> Result<(), Error> {
        match pushed {
            Ok(()) => Ok(()),
            Err(PushError::Closed) => Err(Error::new(ErrorKind::Gone, "the connection has ended")),
            Err(PushError::Full) => {
                let (limit, option) = self.refuse(dropped);
                let _scope = self.context.log_id.scope();
                notice!(
                    log::SOCKET,
                    "a message for session {} was dropped: the client's send buffer is full ({option} is {limit})",
                    self.session.shown()
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

    /// Counts a message that exceeds the send buffer, and disconnects the client if that is the policy. Returns the
    /// limit.
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
    /// The server, the limit that the last refused receiver had reached, and the name of its option.
    last: Option<(ServerId, (usize, &'static str))>,
}

impl Refused {
    /// Writes the log line, if there were refusals.
    pub fn log(&self) {
        if let Some((server, (limit, option))) = self.last {
            let _scope = server.scope();
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
        // Most connections never have more than one item waiting.
        items.reserve_exact(1);
    }
    items.push(Outgoing::Inline {
        kind,
        len: (arena.len() - start) as u32,
    });
}
