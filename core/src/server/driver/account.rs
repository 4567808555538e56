//! What the log says about a session, and what its end is blamed on.

use std::io;

use crate::cause::Cause;
use crate::engineio::{CloseReason, TransportKind};
use crate::log;
use crate::notice;
use crate::server::driver::Driver;
use crate::server::sessions::SessionHandle;
use crate::server::shared::Shared;
use crate::socketio::Request;
use crate::transport::frame::FrameError;

/// A session has begun.
pub(in crate::server) fn opened(handle: &SessionHandle, request: &Request) {
    tracing::debug!(
        target: log::SESSION,
        "session {} opened from {}:{} over {}",
        handle.id.shown(),
        request.address(),
        request.port(),
        handle.link.transport().name()
    );
}

impl Driver {
    /// Notes why the session is about to end.
    pub(super) fn blame(&self, cause: Cause) {
        self.handle.link.blame(cause);
    }

    /// The same for what happened on a transport: only that of the session can end it.
    pub(super) fn blame_on(&self, from: TransportKind, cause: Cause) {
        if self.session.transport() == from {
            self.blame(cause);
        }
    }

    /// A frame against the rules or the limits. Once refused, a client may go on to break them.
    pub(super) fn blame_frame(&self, error: FrameError) {
        if self.session.is_closed() {
            return;
        }
        self.blame(cause_of(error, &self.shared));
        let stats = &self.shared.stats;
        match error.close_code() {
            1009 => stats.limit_payload_total.add(1),
            1008 => stats.limit_fragments_total.add(1),
            _ => stats.parse_errors_total.add(1),
        }
    }

    /// The host is behind, which is ordinary for a while.
    pub(super) fn log_paused(&self) {
        tracing::debug!(
            target: log::HOST,
            "session {} is not read until the host has dealt with what waits",
            self.handle.id.shown()
        );
    }

    pub(super) fn log_upgraded(&self) {
        tracing::debug!(target: log::SESSION, "session {} upgraded to websocket", self.handle.id.shown());
    }

    pub(super) fn log_probe_failed(&self, error: FrameError) {
        tracing::debug!(
            target: log::SESSION,
            "session {} stays on polling: {}",
            self.handle.id.shown(),
            cause_of(error, &self.shared)
        );
    }

    pub(super) fn log_late_upgrade(&self) {
        tracing::debug!(
            target: log::SESSION,
            "session {} stays on polling: {}",
            self.handle.id.shown(),
            Cause::deadline(
                "upgradeTimeout",
                self.shared.config.upgrade_timeout,
                "the upgrade was not completed in time"
            )
        );
    }

    pub(super) fn log_cut(&self) {
        tracing::debug!(
            target: log::SESSION,
            "the WebSocket of session {} was cut: {}",
            self.handle.id.shown(),
            Cause::deadline(
                "engine.closeTimeout",
                self.shared.config.close_timeout,
                "the client did not agree to the close in time"
            )
        );
    }

    /// Warns the host if a limit that it set has ended the session.
    fn warn_of_limit(&self) {
        let request = self.layer.request();
        if let Some(cause) = self.handle.link.cause()
            && cause.is_of_limit()
        {
            notice!(
                log::SESSION,
                "session {} from {}:{} was closed at a limit: {cause}",
                self.handle.id.shown(),
                request.address(),
                request.port()
            );
        }
    }

    /// The session ends now; its sockets have not been told.
    pub(super) fn log_closed(&self, reason: CloseReason) {
        let config = &self.shared.config;
        if reason == CloseReason::PingTimeout {
            self.blame(Cause::deadline(
                "pingTimeout",
                config.ping_timeout,
                "the client gave no sign of life after a ping",
            ));
        }
        self.handle.link.settle_cause();
        self.warn_of_limit();
        if !tracing::enabled!(target: log::SESSION, tracing::Level::DEBUG) {
            return;
        }
        let request = self.layer.request();
        let sockets = self.layer.sockets();
        let namespaces: Vec<&str> = sockets
            .iter()
            .map(|socket| &**socket.namespace().name())
            .collect();
        tracing::debug!(
            target: log::SESSION,
            "session {} closed from {}:{} over {} in {namespaces:?}: {}{}",
            self.handle.id.shown(),
            request.address(),
            request.port(),
            self.session.transport().name(),
            reason.as_str(),
            log::Because(self.handle.link.cause())
        );
    }
}

/// The stream of a WebSocket has ended, or is broken, without a close frame.
pub(super) fn broken(error: Option<io::Error>) -> Cause {
    match error {
        None => Cause::transport("the connection was closed without a close frame"),
        Some(error) => Cause::transport(format!("reading failed: {error}")),
    }
}

fn cause_of(error: FrameError, shared: &Shared) -> Cause {
    let config = &shared.config;
    match error {
        FrameError::MessageTooLarge | FrameError::LengthOverflow => Cause::limit(
            "maxHttpBufferSize",
            config.max_http_buffer_size,
            error.to_string(),
        ),
        FrameError::TooManyFragments => Cause::limit(
            "engine.maxFragments",
            config.max_fragments,
            error.to_string(),
        ),
        FrameError::InvalidUtf8 => Cause::parse(error.to_string()),
        _ => Cause::violation(error.to_string()),
    }
}
