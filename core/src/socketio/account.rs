//! The log lines of the socket layer: one line when a socket joins, is refused or leaves.

use std::time::Duration;

use crate::log;
use crate::notice;
use crate::socketio::event::DisconnectReason;
use crate::socketio::socket::Socket;

/// Logs that a socket has joined its namespace.
pub fn joined(socket: &Socket) {
    let request = socket.handshake().request();
    tracing::debug!(
        target: log::SOCKET,
        "{} connected to {} from {}:{} over {}",
        socket.id().as_str(),
        socket.namespace().name(),
        request.address(),
        request.port(),
        socket.link().transport().name()
    );
}

/// Logs that a socket was refused.
pub fn refused(socket: &Socket, message: &str) {
    let request = socket.handshake().request();
    tracing::debug!(
        target: log::SOCKET,
        "a client was refused by {} from {}:{}: {message}",
        socket.namespace().name(),
        request.address(),
        request.port()
    );
}

/// Logs that the host has not answered a question about a client or an event in time.
pub fn unanswered(timeout: Duration) {
    notice!(
        log::HOST,
        "the host has not answered a question within {} ms (engine.deferredTimeout)",
        timeout.as_millis()
    );
}

/// Logs that a socket has left its namespace.
pub fn left(socket: &Socket, reason: DisconnectReason) {
    if !tracing::enabled!(target: log::SOCKET, tracing::Level::DEBUG) {
        return;
    }
    let request = socket.handshake().request();
    let cause = reason.cause(socket);
    tracing::debug!(
        target: log::SOCKET,
        "{} disconnected from {} from {}:{} over {}: {}{}",
        socket.id().as_str(),
        socket.namespace().name(),
        request.address(),
        request.port(),
        socket.link().transport().name(),
        reason.as_str(),
        log::Because(cause)
    );
}
