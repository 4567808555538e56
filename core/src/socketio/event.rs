//! Events that are delivered to the host. How they are queued and delivered is up to the `host` layer.

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

/// Why a socket has disconnected. The texts are those of the official server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The connection has ended.
    Connection(CloseReason),
    /// The server is closing the connection, and waits for the poll that carries the close.
    ForcedServerClose,
    /// The client has left the namespace.
    ClientNamespace,
    /// The host has disconnected the socket from the namespace.
    ServerNamespace,
}

impl DisconnectReason {
    /// The text, as on the official server.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection(reason) => reason.as_str(),
            Self::ForcedServerClose => "forced server close",
            Self::ClientNamespace => "client namespace disconnect",
            Self::ServerNamespace => "server namespace disconnect",
        }
    }

    /// What has ended the connection of `socket`, if that is the reason for the disconnection.
    pub fn cause(self, socket: &Socket) -> Option<&Cause> {
        match self {
            Self::Connection(_) | Self::ForcedServerClose => socket.link().cause(),
            Self::ClientNamespace | Self::ServerNamespace => None,
        }
    }
}

/// The kind of an incoming message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Socket.IO event: name, a JSON array of arguments, attachments.
    Event,
    /// A plain Engine.IO text message, in `args`.
    Text,
    /// A plain Engine.IO binary message, in the only attachment.
    Binary,
}

/// A borrowed view of an incoming message.
#[derive(Debug, Clone, Copy)]
pub struct MessageRef<'a> {
    /// The kind of the message.
    pub form: Form,
    /// The event's name, with U+FFFD for each lone surrogate.
    pub name: &'a str,
    /// The name as a JSON string with its quotes, if it has lone surrogates.
    pub name_literal: Option<&'a str>,
    /// The arguments as a JSON array in valid UTF-8, with placeholders for binary values.
    pub args: &'a [u8],
    /// The number of arguments, if the decoder has counted them.
    pub arg_count: Option<u32>,
    /// The attachments.
    pub attachments: &'a [Bytes],
}

impl<'a> MessageRef<'a> {
    /// The event's name, with its literal if there is one.
    pub fn event_name(&self) -> EventName<'a> {
        EventName::new(self.name, self.name_literal)
    }

    /// A copy that owns its parts.
    pub fn to_message(&self) -> Message {
        Message::received(self.event_name(), self.args, self.attachments)
    }

    /// The number of bytes of name, arguments and attachments.
    pub fn size(&self) -> usize {
        self.event_name().size()
            + self.args.len()
            + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }
}

/// An event that is delivered to the host: what happened, to which object, and when.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// The object concerned, and what happened to it.
    pub what: What<'a>,
    /// When it happened.
    pub at: Instant,
}

/// The object that an event concerns, and what happened to it.
///
/// None of these enums is `non_exhaustive`: when a variant is added, the compiler lists every place in the faces that
/// has to handle it.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    /// The server as a whole.
    Server(ServerEvent<'a>),
    /// An HTTP request, which any peer can make without opening a session.
    Request(&'a Arc<Request>, RequestEvent<'a>),
    /// A namespace.
    Namespace(&'a Arc<Namespace>, NamespaceEvent<'a>),
    /// A socket. The events of one socket are delivered one at a time and in order.
    Socket(&'a Arc<Socket>, SocketEvent<'a>),
}

/// What can happen to the server.
#[derive(Debug, Clone, Copy)]
pub enum ServerEvent<'a> {
    /// An error occurred that no call of the host can return.
    Fault {
        /// What failed, and why.
        text: &'a str,
    },
    /// The server has stopped. No event follows.
    Shutdown,
    /// A broadcast with acknowledgement has ended.
    Acked(Acked<'a>),
}

/// What can happen to an HTTP request.
#[derive(Debug, Clone, Copy)]
pub enum RequestEvent<'a> {
    /// Asks whether the request may open a session.
    AllowRequest {
        /// The host's answer goes here.
        question: &'a Question,
    },
    /// Asks which headers to add to the response.
    Headers {
        /// Whether the response is the first of its session.
        first: Occasion,
        /// To be accepted, with headers.
        question: &'a Question,
    },
    /// The request was refused.
    ConnectionError {
        /// Why it was refused.
        error: &'a ConnectionError,
    },
}

/// What can happen to a namespace.
#[derive(Debug, Clone, Copy)]
pub enum NamespaceEvent<'a> {
    /// The namespace was created.
    Created,
    /// A room was created or deleted, or a socket joined or left it.
    Room {
        /// The room.
        room: &'a str,
        /// What happened to it.
        change: RoomChange,
    },
    /// The sockets that the host asked for.
    Sockets {
        /// The host's number for the request.
        operation: Operation,
        /// The sockets.
        sockets: &'a [Arc<Socket>],
    },
}

/// What can happen to a socket.
#[derive(Debug, Clone, Copy)]
pub enum SocketEvent<'a> {
    /// Asks whether the socket may join its namespace. The socket is not connected yet.
    Middleware {
        /// The host's answer goes here.
        question: &'a Question,
    },
    /// Asks whether an event that the client sent may be delivered.
    PacketMiddleware {
        /// The event.
        message: MessageRef<'a>,
        /// The host's answer goes here.
        question: &'a Question,
    },
    /// The socket has joined its namespace.
    Connection,
    /// The client sent an event.
    Message {
        /// The event.
        message: MessageRef<'a>,
        /// The id of the acknowledgement that the client waits for.
        ack: Option<u64>,
    },
    /// The socket is leaving; its rooms can still be read.
    Disconnecting {
        /// Why.
        reason: DisconnectReason,
    },
    /// The socket has left. This is its last event.
    Disconnect {
        /// Why.
        reason: DisconnectReason,
    },
    /// An event is about to be sent to the client.
    Outgoing {
        /// The event.
        message: MessageRef<'a>,
    },
    /// The socket's connection has moved to another transport.
    Upgrade {
        /// The new transport.
        transport: TransportKind,
    },
    /// Messages for the socket were refused or dropped because its send buffer is full. Delivered for the first such
    /// message, then once a second while messages are dropped, and before the socket's `Disconnecting`.
    Dropped {
        /// How many messages since the previous `Dropped`.
        count: u32,
    },
    /// The socket's send buffer has fallen below its low mark.
    Drain,
    /// An emit to this socket with acknowledgement has ended.
    Acked(Acked<'a>),
}

/// The last two events of a socket.
pub fn leaving(reason: DisconnectReason) -> [SocketEvent<'static>; 2] {
    [
        SocketEvent::Disconnecting { reason },
        SocketEvent::Disconnect { reason },
    ]
}

/// How an emit with acknowledgement ended.
#[derive(Debug, Clone, Copy)]
pub struct Acked<'a> {
    /// The host's number for the emit.
    pub operation: Operation,
    /// How it ended.
    pub outcome: AckOutcome,
    /// The replies, in the order of arrival.
    pub replies: &'a [Reply],
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
    /// An event of the server.
    pub fn of_server(event: ServerEvent<'a>, at: Instant) -> Self {
        let what = What::Server(event);
        Self { what, at }
    }

    /// An event of a request.
    pub fn of_request(request: &'a Arc<Request>, event: RequestEvent<'a>, at: Instant) -> Self {
        let what = What::Request(request, event);
        Self { what, at }
    }

    /// An event of a namespace.
    pub fn of_namespace(
        namespace: &'a Arc<Namespace>,
        event: NamespaceEvent<'a>,
        at: Instant,
    ) -> Self {
        let what = What::Namespace(namespace, event);
        Self { what, at }
    }

    /// An event of a socket.
    #[inline]
    pub fn of_socket(socket: &'a Arc<Socket>, event: SocketEvent<'a>, at: Instant) -> Self {
        let what = What::Socket(socket, event);
        Self { what, at }
    }

    /// The socket that the event concerns, if it concerns one.
    #[inline]
    pub fn socket(&self) -> Option<&'a Arc<Socket>> {
        match self.what {
            What::Socket(socket, _) => Some(socket),
            What::Server(_) | What::Request(..) | What::Namespace(..) => None,
        }
    }

    /// The limit, deadline or rule that ended the connection of a socket that leaves or has left, if there is one.
    pub fn cause(&self) -> Option<&'a Cause> {
        match self.what {
            What::Socket(
                socket,
                SocketEvent::Disconnecting { reason } | SocketEvent::Disconnect { reason },
            ) => reason.cause(socket),
            _ => None,
        }
    }

    /// Whether the event is about an HTTP request.
    pub fn is_about_request(&self) -> bool {
        matches!(self.what, What::Request(..))
    }

    /// The question that the host has to answer, if the event is one.
    pub fn question(&self) -> Option<&'a Question> {
        match self.what {
            What::Request(
                _,
                RequestEvent::AllowRequest { question } | RequestEvent::Headers { question, .. },
            )
            | What::Socket(
                _,
                SocketEvent::Middleware { question }
                | SocketEvent::PacketMiddleware { question, .. },
            ) => Some(question),
            _ => None,
        }
    }

    /// The host's number for the operation that has ended with this event, if it is the end of one.
    pub fn operation(&self) -> Option<Operation> {
        match self.what {
            What::Server(ServerEvent::Acked(acked))
            | What::Socket(_, SocketEvent::Acked(acked)) => Some(acked.operation),
            What::Namespace(_, NamespaceEvent::Sockets { operation, .. }) => Some(operation),
            _ => None,
        }
    }

    /// Whether the event is a question that can no longer be answered, because its client has disconnected or its
    /// deadline has passed.
    pub fn is_withdrawn(&self) -> bool {
        self.question().is_some_and(Question::is_expired)
    }
}

/// Too many events about requests wait for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

/// The delivery of events to the host.
///
/// Events of one socket are passed by its driver, one at a time and in wire order. `Room`, `Created` and `Sockets` are
/// passed by the thread that caused them.
pub trait EventSink: Send + Sync + fmt::Debug {
    /// Takes an event that a connection's own task reports. Inline delivery calls the host before this returns; the
    /// other deliveries queue the event and never block on the host. A host that has to be woken is woken by
    /// [`EventSink::ring`].
    fn deliver(&self, event: &Event<'_>);

    /// Takes an event that any other thread reports, for example one that a call of the host has caused. The host is
    /// never called before this returns.
    fn defer(&self, event: &Event<'_>) {
        self.deliver(event);
    }

    /// Takes an event about a request, if the bound for such events allows it: peers can make more requests than any
    /// host can handle.
    ///
    /// # Errors
    /// [`QueueFull`] when the bound is reached; the event is dropped.
    fn offer(&self, event: &Event<'_>) -> Result<(), QueueFull> {
        self.deliver(event);
        Ok(())
    }

    /// Wakes the host if events were queued since the last call: once for everything that was read at once.
    fn ring(&self);

    /// Whether the host can take more messages of a connection. Until it can, the connection is not read, so that TCP
    /// slows the peer down. The waker is called when it can.
    fn poll_ready(&self, connection: &Arc<Backlog>, cx: &mut TaskContext<'_>) -> Poll<()>;

    /// Forgets the waker of a connection that has ended.
    fn forget(&self, _connection: &Arc<Backlog>) {}

    /// How far the host is behind.
    fn strain(&self) -> Strain {
        Strain::default()
    }
}

/// The time, for everything below the server layer.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now. Not called once for each message: a driver passes the time of its wake-up along.
    fn now(&self) -> Instant;

    /// Calls `run` after `delay`, on an engine thread.
    fn after(&self, delay: Duration, run: Box<dyn FnOnce() + Send>);
}

/// What a host can ask to be told or to decide, besides connections and messages. A hook that is not set costs nothing.
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
    /// `Created` events of namespaces.
    NewNamespace = 1 << 9,
    /// `Dropped` events.
    Dropped = 1 << 10,
}

/// A set of [`Hook`]s that one thread can change while others read it.
#[derive(Debug, Default)]
pub struct Hooks(AtomicU32);

impl Hooks {
    /// Starts delivery for this hook.
    pub fn add(&self, hook: Hook) {
        self.0.fetch_or(hook as u32, Ordering::SeqCst);
    }

    /// Stops delivery for this hook.
    pub fn remove(&self, hook: Hook) {
        self.0.fetch_and(!(hook as u32), Ordering::SeqCst);
    }

    /// Whether the hook is set.
    pub fn has(&self, hook: Hook) -> bool {
        self.0.load(Ordering::Relaxed) & hook as u32 != 0
    }
}
