//! One namespace of a connection: being joined, or joined.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::socketio::client::held::Held;
use crate::socketio::question::Question;
use crate::socketio::socket::Socket;

/// One namespace that the client has joined or is joining.
#[derive(Debug)]
pub(super) struct Entry {
    /// The number of the entry within its connection, which is also its socket's; an answer of the host names it.
    pub(super) ordinal: u32,
    /// The name of the namespace.
    pub(super) name: Arc<str>,
    pub(super) phase: Phase,
    /// The events that wait for a packet middleware. The host has been asked about the first.
    pub(super) held: VecDeque<Held>,
}

/// ```text
///   CONNECT, and the host                  CONNECT, and the host
///   has middlewares                        has no middlewares
///          │                                        │
///          ▼                                        ▼
///      ┌───────┐       accepted              ┌───────────┐
///      │ Asked │ ───────────────────┐        │   Ready   │
///      └───────┘                    │        └───────────┘
///          │                        ▼              │ all messages that arrived with
///          │                  ┌───────────┐        │ the CONNECT have been handled
///          │                  │ Connected │ ◀──────┘
///          │                  └───────────┘
///          │ rejected, timed out    │ DISCONNECT, disconnected by the host
///          ▼                        ▼
///   The entry is removed. The end of the connection removes it in every phase.
/// ```
#[derive(Debug)]
pub(super) enum Phase {
    /// The host is deciding whether the socket may connect.
    Asked {
        socket: Arc<Socket>,
        question: Question,
        deadline: Instant,
    },
    /// The socket is accepted. Until it connects, a packet for its namespace is a violation, as with the official server.
    Ready(Arc<Socket>),
    /// The socket has connected. Another thread may have disconnected it since.
    Connected(Arc<Socket>),
}

impl Entry {
    /// The socket, in whatever phase.
    pub(super) fn socket(&self) -> &Arc<Socket> {
        match &self.phase {
            Phase::Asked { socket, .. } | Phase::Ready(socket) | Phase::Connected(socket) => socket,
        }
    }

    /// The socket, if it has connected.
    pub(super) fn connected(&self) -> Option<&Arc<Socket>> {
        match &self.phase {
            Phase::Connected(socket) => Some(socket),
            Phase::Asked { .. } | Phase::Ready(_) => None,
        }
    }
}
