//! Socket.IO protocol 5, without I/O.
//!
//! One Engine.IO connection carries any number of *namespaces*; a client in a namespace is a *socket*. Sockets send
//! each other nothing: a client emits *events* to the server, the server emits to one socket, to *rooms* (named sets of
//! sockets of a namespace) or to everyone. An event may ask for an *acknowledgement*, in both directions, and may carry
//! binary *attachments*, which travel behind it as messages of their own.
//!
//! A [`client::Client`] is owned by the task that drives its connection; everything else here is shared between
//! threads: a [`Namespace`] with its rooms behind one lock, a [`Socket`] by atomics, a [`link::Link`] by its mailbox.
//! Source: the Socket.IO protocol document, revision 5, and the behaviour of the official server.

pub mod account;
pub mod ack;
pub mod backlog;
pub mod batch;
pub mod client;
pub mod context;
pub mod event;
pub mod handshake;
pub mod id;
pub mod key;
pub mod link;
pub mod members;
pub mod message;
pub mod name;
pub mod namespace;
pub mod namespaces;
pub mod packet;
pub mod parser;
pub mod plain;
pub mod question;
pub mod room_name;
pub mod rooms;
pub mod socket;
pub mod target;

pub use ack::{AckOutcome, BroadcastAck, Operation, Reply};
pub use backlog::Backlog;
pub use batch::EventBatch;
pub use context::Context;
pub use event::{DisconnectReason, Event, EventSink, MessageRef};
pub use handshake::{Handshake, Request};
pub use id::SocketId;
pub use link::Link;
pub use message::Message;
pub use name::EventName;
pub use namespace::Namespace;
pub use namespaces::Namespaces;
pub use packet::EncodedPacket;
pub use parser::Parser;
pub use question::{Answer, Question, Rejection};
pub use socket::Socket;
pub use target::{Target, TargetBuf};

/// The limits that the protocol layer enforces; each is an option of the server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Attachments of one packet.
    pub attachments: usize,
    /// Bytes of one packet with all its attachments.
    pub packet_bytes: usize,
    /// Nesting of arrays and objects.
    pub json_depth: usize,
    /// Namespaces that one connection may be in.
    pub namespaces: usize,
    /// Answers that one connection may owe.
    pub pending_acks: usize,
    /// Bytes of what a client says of itself when it joins a namespace.
    pub auth_bytes: usize,
    /// Rooms that one socket may be in; 0 is no limit.
    pub rooms: usize,
    /// Messages of one socket that may wait for a packet middleware.
    pub held_messages: usize,
}

/// What the protocol layer is told when a server is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// See [`Limits`].
    pub limits: Limits,
    /// The protocol of the sockets.
    pub protocol: Protocol,
    /// How long a host may take to answer a question.
    pub question_timeout: std::time::Duration,
    /// How long a binary packet may wait for its attachments.
    pub packet_timeout: std::time::Duration,
    /// Bytes that may wait for a client that takes nothing.
    pub send_buffer: usize,
    /// Bytes that may wait for any client.
    pub send_buffer_max: usize,
    /// How long a client may take nothing before it counts as one that takes nothing; zero is at once.
    pub send_grace: std::time::Duration,
    /// What happens to a message beyond them.
    pub send_policy: SendPolicy,
}

/// The protocol that a server and its clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Socket.IO packets, encoded by a parser.
    SocketIo(Parser),
    /// Plain Engine.IO messages: see [`plain`].
    EngineIo,
}

impl Protocol {
    /// The parser of the packets. Plain Engine.IO has no packets; the result is then the default parser.
    pub fn parser(self) -> Parser {
        match self {
            Self::SocketIo(parser) => parser,
            Self::EngineIo => Parser::default(),
        }
    }
}

/// What happens to a message that would exceed a client's send buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendPolicy {
    /// The sender is told; nothing is queued.
    Error,
    /// It is dropped and counted.
    Drop,
    /// The client is disconnected.
    Disconnect,
}
