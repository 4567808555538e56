//! The public id of a socket.

use crate::engineio::SessionId;

/// The public id of a socket. It has the form of a session's id, but is not secret.
pub type SocketId = SessionId;
