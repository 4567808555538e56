//! Engine.IO protocol 4, as a state machine without I/O.
//!
//! A *session* carries *messages*, text or binary, in both directions. It begins with a handshake, in which the
//! server's open packet names the session. It uses one *transport* at a time, HTTP long-polling or WebSocket, and can
//! change from polling to WebSocket once (the *upgrade*). The server's pings show whether the client is alive. A
//! session ends with a close reason.
//!
//! This module opens no sockets and reads no clock: bytes, requests and the time are arguments, and the caller polls
//! the output. Source: the Engine.IO protocol document, revision 4, and the behaviour of the official server.

pub mod handshake;
pub mod heartbeat;
pub mod packet;
pub mod payload;
pub mod session;
pub mod session_id;
pub mod upgrade;

pub use handshake::{ConnectionError, HandshakeQuery, OpenPacket};
pub use packet::{DecodeError, Message, Packet, PacketType};
pub use session::{CloseReason, Output, Session, Settings};
pub use session_id::SessionId;

/// The transports of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TransportKind {
    /// HTTP long-polling: a waiting GET carries packets to the client, a POST carries them to the server.
    Polling = 1,
    /// One WebSocket message for each packet.
    WebSocket = 2,
}

impl TransportKind {
    /// The protocol's name, as in the `transport` query parameter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}
