//! Parsers: how packets are encoded as Engine.IO messages.
//!
//! Encoding goes through the methods of [`Parser`]. Decoding begins in [`crate::socketio::client::Client::handle_text`]
//! and `handle_binary`, which choose by the parser how to read a message. Hosts see the arguments of an event as JSON
//! text with attachments, whatever the parser is.

use bytes::Bytes;

use crate::engineio::packet::MessageKind;
use crate::socketio::name::EventName;

pub mod json;

/// The encoding that a server and its clients use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Parser {
    /// The default of Socket.IO: JSON text, and attachments in messages of their own.
    #[default]
    Json,
}

impl Parser {
    /// The type of a packet's first message.
    pub fn kind(self) -> MessageKind {
        match self {
            Self::Json => MessageKind::Text,
        }
    }

    /// The attachments that are sent as messages after the first one, not as part of it.
    pub fn trailing(self, attachments: &[Bytes]) -> &[Bytes] {
        match self {
            Self::Json => attachments,
        }
    }

    /// Appends the first message of an EVENT. `args` is a valid JSON array, or empty.
    pub fn write_event(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        id: Option<u64>,
        name: EventName<'_>,
        args: &[u8],
        attachments: &[Bytes],
    ) {
        match self {
            Self::Json => json::write_event(out, namespace, id, name, args, attachments.len()),
        }
    }

    /// Appends the first message of an ACK. `args` is a valid JSON array, or empty.
    pub fn write_ack(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        id: u64,
        args: &[u8],
        attachments: &[Bytes],
    ) {
        match self {
            Self::Json => json::write_ack(out, namespace, id, args, attachments.len()),
        }
    }

    /// Appends the CONNECT that accepts a client.
    pub fn write_connect(self, out: &mut Vec<u8>, namespace: &str, sid: &str) {
        match self {
            Self::Json => json::write_connect(out, namespace, sid),
        }
    }

    /// Appends the CONNECT_ERROR that refuses a client. `data` is valid JSON, or empty.
    pub fn write_connect_error(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        message: &str,
        data: &[u8],
    ) {
        match self {
            Self::Json => json::write_connect_error(out, namespace, message, data),
        }
    }

    /// Appends a DISCONNECT.
    pub fn write_disconnect(self, out: &mut Vec<u8>, namespace: &str) {
        match self {
            Self::Json => json::write_disconnect(out, namespace),
        }
    }
}
