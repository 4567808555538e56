//! Events: what the host hears. How they reach it is the `host` layer's matter.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::cause::Cause;
use crate::engineio::{CloseReason, ConnectionError, TransportKind};
use crate::socketio::ack::{AckOutcome, Operation, Reply};
use crate::socketio::backlog::Backlog;
use crate::socketio::handshake::Request;
use crate::socketio::id::SocketId;
use crate::socketio::message::Message;
use crate::socketio::name::EventName;
use crate::socketio::namespace::Namespace;
use crate::socketio::question::Question;
use crate::socketio::socket::Socket;
use crate::stats::Strain;

/// Why a socket left; the texts are the official server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The connection ended.
    Connection(CloseReason),
    /// The connection is being closed by the server, but a poll must come to say so.
    ForcedServerClose,
    /// The client left the namespace.
    ClientNamespace,
    /// The server put it out of the namespace.
    ServerNamespace,
}

impl DisconnectReason {
    /// The official text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection(reason) => reason.as_str(),
            Self::ForcedServerClose => "forced server close",
            Self::ClientNamespace => "client namespace disconnect",
            Self::ServerNamespace => "server namespace disconnect",
        }
    }

    /// What ended the connection of `socket`, if that is why it left.
    pub fn cause(self, socket: &Socket) -> Option<&Cause> {
        match self {
            Self::Connection(_) | Self::ForcedServerClose => socket.link().cause(),
            Self::ClientNamespace | Self::ServerNamespace => None,
        }
    }
}

/// What an incoming message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Socket.IO event: name, a JSON array of arguments, attachments.
    Event,
    /// A plain Engine.IO text message: it stands in `args`.
    Text,
    /// A plain Engine.IO binary message: it is the one attachment.
    Binary,
}

/// An incoming message, borrowed from wherever it lies.
#[derive(Debug, Clone, Copy)]
pub struct MessageRef<'a> {
    /// What it is.
    pub form: Form,
    /// The event's name, with U+FFFD for each half of a surrogate pair.
    pub name: &'a str,
    /// The name as a JSON string, quotes included, if it has halves of surrogate pairs.
    pub name_literal: Option<&'a str>,
    /// The arguments as a JSON array, in valid UTF-8; binary ones are placeholders.
    pub args: &'a [u8],
    /// How many arguments there are, where it was counted on the way.
    pub arg_count: Option<u32>,
    /// The attachments.
    pub attachments: &'a [Bytes],
}

impl<'a> MessageRef<'a> {
    /// The event's name, exactly.
    pub fn event_name(&self) -> EventName<'a> {
        EventName::new(self.name, self.name_literal)
    }

    /// A copy that can be kept.
    pub fn to_message(&self) -> Message {
        Message::received(self.event_name(), self.args, self.attachments)
    }

    /// How many bytes it carries.
    pub fn size(&self) -> usize {
        self.event_name().size()
            + self.args.len()
            + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }
}

/// What the host hears.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// May this request open a session?
    AllowRequest {
        /// The request.
        request: &'a Arc<Request>,
        /// To be answered.
        question: &'a Question,
    },
    /// Which headers does this response get besides?
    Headers {
        /// The request that it answers.
        request: &'a Arc<Request>,
        /// Whether it is the first response of its session.
        first: Occasion,
        /// To be accepted, with headers.
        question: &'a Question,
    },
    /// May this socket join its namespace?
    Middleware {
        /// Not connected yet.
        socket: &'a Arc<Socket>,
        /// To be answered.
        question: &'a Question,
    },
    /// May this event be delivered?
    PacketMiddleware {
        /// Its sender.
        socket: &'a Arc<Socket>,
        /// The event.
        message: MessageRef<'a>,
        /// To be answered.
        question: &'a Question,
    },
    /// A socket has joined its namespace.
    Connection {
        /// The socket.
        socket: &'a Arc<Socket>,
    },
    /// A client sent an event.
    Message {
        /// Its sender.
        socket: &'a Arc<Socket>,
        /// The event.
        message: MessageRef<'a>,
        /// The id of the acknowledgement that the client waits for.
        ack: Option<u64>,
    },
    /// A socket is leaving; its rooms can still be seen.
    Disconnecting {
        /// The socket.
        socket: &'a Arc<Socket>,
        /// Why.
        reason: DisconnectReason,
    },
    /// A socket has left: its last event.
    Disconnect {
        /// The socket.
        socket: &'a Arc<Socket>,
        /// Why.
        reason: DisconnectReason,
    },
    /// An event is about to be sent to a socket.
    Outgoing {
        /// Its receiver.
        socket: &'a Arc<Socket>,
        /// The event.
        message: MessageRef<'a>,
    },
    /// A socket's connection has moved to another transport.
    Upgrade {
        /// The socket.
        socket: &'a Arc<Socket>,
        /// The new transport.
        transport: TransportKind,
    },
    /// Messages for a socket were refused or dropped because too much waits for it. Told at the first, once in a second
    /// while it goes on, and before the event that ends it.
    Dropped {
        /// The socket.
        socket: &'a Arc<Socket>,
        /// How many since the last time.
        count: u32,
    },
    /// A socket's send buffer has fallen below its low mark.
    Drain {
        /// The socket.
        socket: &'a Arc<Socket>,
    },
    /// A namespace was made.
    NewNamespace {
        /// The namespace.
        namespace: &'a Arc<Namespace>,
    },
    /// Something happened to a room.
    Room {
        /// Its namespace.
        namespace: &'a Arc<Namespace>,
        /// The room.
        room: &'a str,
        /// What.
        change: RoomChange,
    },
    /// A request was refused.
    ConnectionError {
        /// The request.
        request: &'a Arc<Request>,
        /// Why.
        error: &'a ConnectionError,
    },
    /// Something went wrong that no call can report.
    Fault {
        /// What.
        text: &'a str,
    },
    /// The server has stopped.
    Shutdown,
    /// The answers to an emit with acknowledgement.
    Acked {
        /// The socket it was sent to, if it was one.
        socket: Option<&'a Arc<Socket>>,
        /// The host's number for it.
        operation: Operation,
        /// How it ended.
        outcome: AckOutcome,
        /// The answers, in the order of arrival.
        replies: &'a [Reply],
    },
    /// The sockets that were asked for.
    Sockets {
        /// The host's number for the question.
        operation: Operation,
        /// The sockets.
        sockets: &'a [Arc<Socket>],
    },
}

/// Whether a response is its session's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The answer to the handshake.
    First,
    /// Any other.
    Later,
}

/// What happened to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomChange {
    /// It has its first member.
    Created,
    /// It has lost its last member.
    Deleted,
    /// A socket joined it.
    Joined(SocketId),
    /// A socket left it.
    Left(SocketId),
}

impl<'a> Event<'a> {
    /// The socket whose events these are, one at a time and in order.
    pub fn socket(&self) -> Option<&Arc<Socket>> {
        match self {
            Self::Middleware { socket, .. }
            | Self::PacketMiddleware { socket, .. }
            | Self::Connection { socket }
            | Self::Message { socket, .. }
            | Self::Disconnecting { socket, .. }
            | Self::Disconnect { socket, .. }
            | Self::Outgoing { socket, .. }
            | Self::Upgrade { socket, .. }
            | Self::Dropped { socket, .. }
            | Self::Drain { socket } => Some(socket),
            Self::Acked { socket, .. } => *socket,
            _ => None,
        }
    }

    /// What is known about why a socket left or leaves besides the reason: the limit, deadline or rule that ended its
    /// connection.
    pub fn cause(&self) -> Option<&'a Cause> {
        match *self {
            Self::Disconnecting { socket, reason } | Self::Disconnect { socket, reason } => {
                reason.cause(socket)
            }
            _ => None,
        }
    }

    /// Whether it is about a request, which any peer can make without opening a session.
    pub fn is_about_request(&self) -> bool {
        matches!(
            self,
            Self::AllowRequest { .. } | Self::Headers { .. } | Self::ConnectionError { .. }
        )
    }

    /// Whether it is a question that takes no answer any more, because its client has gone or its time is up.
    pub fn is_withdrawn(&self) -> bool {
        match self {
            Self::AllowRequest { question, .. }
            | Self::Headers { question, .. }
            | Self::Middleware { question, .. }
            | Self::PacketMiddleware { question, .. } => question.is_expired(),
            _ => false,
        }
    }
}

/// Too many events about requests wait for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

/// Where events go. Called on an engine thread, one event of a socket at a time, in wire order; `Room`, `NewNamespace`
/// and `Sockets` on whatever thread caused them.
pub trait EventSink: Send + Sync + fmt::Debug {
    /// Takes an event that happened at `at`, or now; never blocks on the host unless the host asked for that. A host
    /// that has to be woken is woken by [`EventSink::ring`].
    fn deliver(&self, event: &Event<'_>, at: Option<Instant>);

    /// Takes an event about a request, if there is room for it: a peer can make more of them than any host can hear of.
    ///
    /// # Errors
    /// [`QueueFull`] when there is none; the event is dropped.
    fn offer(&self, event: &Event<'_>) -> Result<(), QueueFull> {
        self.deliver(event, None);
        Ok(())
    }

    /// Wakes the host, if there is something for it since the last time: once for everything that came in at once.
    fn ring(&self);

    /// Whether the host can take more of a connection's messages. Until it can, the connection is left unread, so that
    /// TCP slows the peer. The waker is called when it can again.
    fn poll_ready(&self, connection: &Arc<Backlog>, cx: &mut TaskContext<'_>) -> Poll<()>;

    /// A connection has ended, and is not to be woken any more.
    fn forget(&self, _connection: &Arc<Backlog>) {}

    /// How far the host is behind.
    fn strain(&self) -> Strain {
        Strain::default()
    }
}

/// Runs something later, on an engine thread.
pub trait Timer: Send + Sync + fmt::Debug {
    /// Calls `run` after `delay`.
    fn after(&self, delay: Duration, run: Box<dyn FnOnce() + Send>);
}

/// What a host wants to hear or decide besides connections and messages. What nobody wants costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Hook {
    /// `AllowRequest` questions.
    AllowRequest = 1,
    /// `Headers` questions.
    Headers = 1 << 1,
    /// `Middleware` questions.
    Middleware = 1 << 2,
    /// `PacketMiddleware` questions.
    PacketMiddleware = 1 << 3,
    /// `Outgoing` events.
    Outgoing = 1 << 4,
    /// `Room` events.
    Rooms = 1 << 5,
    /// `Upgrade` events.
    Upgrade = 1 << 6,
    /// `Drain` events.
    Drain = 1 << 7,
    /// `ConnectionError` events.
    ConnectionError = 1 << 8,
    /// `NewNamespace` events.
    NewNamespace = 1 << 9,
    /// `Dropped` events.
    Dropped = 1 << 10,
}

/// A set of [`Hook`]s that threads change while others look.
#[derive(Debug, Default)]
pub struct Hooks(AtomicU32);

impl Hooks {
    /// From now on the host wants it.
    pub fn add(&self, hook: Hook) {
        self.0.fetch_or(hook as u32, Ordering::SeqCst);
    }

    /// From now on it does not.
    pub fn remove(&self, hook: Hook) {
        self.0.fetch_and(!(hook as u32), Ordering::SeqCst);
    }

    /// Whether the host wants it.
    pub fn has(&self, hook: Hook) -> bool {
        self.0.load(Ordering::Relaxed) & hook as u32 != 0
    }
}
