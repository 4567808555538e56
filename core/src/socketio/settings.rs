//! The configuration of the protocol layer.

use std::time::Duration;

use crate::socketio::parser::Parser;

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
    pub question_timeout: Duration,
    /// How long a binary packet may wait for its attachments.
    pub packet_timeout: Duration,
    /// How many bytes may wait for a client that has read nothing for `send_grace`.
    pub send_buffer: usize,
    /// How many bytes may wait for a client.
    pub send_buffer_max: usize,
    /// How long a client may read nothing before the limit `send_buffer` applies to it. Zero applies it at once.
    pub send_grace: Duration,
    /// What happens to a message that would exceed the limit.
    pub send_policy: SendPolicy,
}

/// The protocol that a server and its clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Socket.IO packets, encoded by a parser.
    SocketIo(Parser),
    /// Plain Engine.IO messages, without events, namespaces or acknowledgements ([`crate::socketio::plain`]).
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
