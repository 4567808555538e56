//! The protocol above a session: Socket.IO, or plain messages.

use std::sync::Arc;
use std::time::Instant;

use crate::engineio::CloseReason;
use crate::server::clock::unix_ms;
use crate::socketio::client::{Client, Flow};
use crate::socketio::event::DisconnectReason;
use crate::socketio::link::{AckRequest, Outgoing};
use crate::socketio::plain::PlainClient;
use crate::socketio::{Request, Socket};

/// The state of the protocol above one session.
#[derive(Debug)]
pub(super) enum Layer {
    SocketIo(Client),
    EngineIo(PlainClient),
}

impl Layer {
    /// Whether the client has to join a namespace within `connectTimeout`.
    pub(super) fn requires_connect(&self) -> bool {
        matches!(self, Self::SocketIo(_))
    }

    /// The request that opened the connection.
    pub(super) fn request(&self) -> &Request {
        match self {
            Self::SocketIo(client) => client.request(),
            Self::EngineIo(client) => client.socket().handshake().request(),
        }
    }

    pub(super) fn handle_text(&mut self, text: &mut [u8], now: Instant) -> Flow {
        match self {
            Self::SocketIo(client) => client.handle_text(text, now, unix_ms),
            Self::EngineIo(client) => {
                client.handle_text(text, now);
                Flow::Continue
            }
        }
    }

    pub(super) fn handle_binary(&mut self, data: &[u8], now: Instant) -> Flow {
        match self {
            Self::SocketIo(client) => client.handle_binary(data, now),
            Self::EngineIo(client) => {
                client.handle_binary(data, now);
                Flow::Continue
            }
        }
    }

    pub(super) fn handle_read_end(&mut self, now: Instant) {
        if let Self::SocketIo(client) = self {
            client.handle_read_end(now);
        }
    }

    /// Handles an item of the mailbox. Returns whether to close the connection when everything is sent.
    pub(super) fn handle_outgoing(&mut self, item: Outgoing, now: Instant) -> bool {
        match self {
            Self::SocketIo(client) => {
                let close = matches!(item, Outgoing::DisconnectAll);
                client.handle_outgoing(item, now);
                close
            }
            Self::EngineIo(client) => client.handle_outgoing(&item),
        }
    }

    pub(super) fn expect_ack(&mut self, request: &AckRequest, now: Instant) -> bool {
        match self {
            Self::SocketIo(client) => client.expect_ack(request, now),
            Self::EngineIo(_) => false,
        }
    }

    pub(super) fn leave_all(&mut self, reason: DisconnectReason, now: Instant) {
        match self {
            Self::SocketIo(client) => client.leave_all(reason, now),
            Self::EngineIo(client) => {
                if let DisconnectReason::Connection(reason) = reason {
                    client.handle_close(reason, now);
                }
            }
        }
    }

    pub(super) fn handle_close(&mut self, reason: CloseReason, now: Instant) {
        match self {
            Self::SocketIo(client) => client.handle_close(reason, now),
            Self::EngineIo(client) => client.handle_close(reason, now),
        }
    }

    pub(super) fn has_joined(&self) -> bool {
        match self {
            Self::SocketIo(client) => client.has_joined(),
            Self::EngineIo(_) => true,
        }
    }

    pub(super) fn is_behind(&self) -> bool {
        match self {
            Self::SocketIo(client) => client.is_behind(),
            Self::EngineIo(_) => false,
        }
    }

    pub(super) fn sockets(&self) -> Vec<Arc<Socket>> {
        match self {
            Self::SocketIo(client) => client.sockets().map(Arc::clone).collect(),
            Self::EngineIo(client) => vec![Arc::clone(client.socket())],
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::SocketIo(client) => client.poll_timeout(),
            Self::EngineIo(_) => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Flow {
        match self {
            Self::SocketIo(client) => client.handle_timeout(now),
            Self::EngineIo(_) => Flow::Continue,
        }
    }
}
