//! Socket.IO protocol 5, without I/O.
//!
//! One Engine.IO connection carries any number of *namespaces*; a client in a namespace is a *socket*. A client emits
//! *events* to the server; the server emits events to one socket, to *rooms* (named sets of sockets of a namespace) or
//! to all sockets. An event can ask for an *acknowledgement*, in both directions, and can carry binary *attachments*.
//!
//! A [`client::Client`] is owned by the connection's task. The other types are shared between threads: the sockets and
//! rooms of a [`Namespace`] are behind one lock ([`members`]), a [`Socket`] has atomics, a [`link::Link`] has a
//! mailbox. Source: the Socket.IO protocol document, revision 5, and the behaviour of the official server.

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

/// The limits that the protocol layer enforces. Each is an option of the server, except `held_messages`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest number of attachments of a packet.
    pub attachments: usize,
    /// The largest size of a packet with its attachments, in bytes.
    pub packet_bytes: usize,
    /// How deep arrays and objects may be nested.
    pub json_depth: usize,
    /// The largest number of namespaces of a connection.
    pub namespaces: usize,
    /// The largest number of acknowledgements that a connection may owe.
    pub pending_acks: usize,
    /// The largest auth payload of a CONNECT, in bytes.
    pub auth_bytes: usize,
    /// The largest number of rooms of a socket; 0 for no limit.
    pub rooms: usize,
    /// The number of messages of a socket that may wait for a packet middleware before the connection is not read.
    pub held_messages: usize,
}

/// The configuration of the protocol layer.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The limits on what clients send.
    pub limits: Limits,
    /// The protocol of the sockets.
    pub protocol: Protocol,
    /// How long a host may take to answer a question.
    pub question_timeout: std::time::Duration,
    /// How long a binary packet may wait for its attachments.
    pub packet_timeout: std::time::Duration,
    /// How many bytes may wait for a client that has read nothing for `send_grace`.
    pub send_buffer: usize,
    /// How many bytes may wait for a client.
    pub send_buffer_max: usize,
    /// How long a client may read nothing before the limit `send_buffer` applies to it. Zero applies it at once.
    pub send_grace: std::time::Duration,
    /// What happens to a message that would exceed the limit.
    pub send_policy: SendPolicy,
}

/// The protocol that a server and its clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Socket.IO packets, encoded by a parser.
    SocketIo(Parser),
    /// Plain Engine.IO messages, without events, namespaces or acknowledgements ([`plain`]).
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
    /// The sender gets an error; the message is not queued.
    Error,
    /// The message is dropped and counted.
    Drop,
    /// The client is disconnected.
    Disconnect,
}
