//! The log lines about a session, and the recorded cause of its end.

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

/// Logs that a session has begun.
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
    /// Records why the session is about to end. The first cause counts.
    pub(super) fn blame(&self, cause: Cause) {
        self.handle.link.blame(cause);
    }

    /// Records a cause that occurred on a transport. A transport that is not the session's current one cannot end the session.
    pub(super) fn blame_on(&self, from: TransportKind, cause: Cause) {
        if self.session.transport() == from {
            self.blame(cause);
        }
    }

    /// Records and counts a frame that breaks a rule or a limit. Frames that arrive after the session's end are not counted.
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

    /// Logs that the driver stopped reading because too many events wait for the host. Ordinary under load, so not a warning.
    pub(super) fn log_paused(&self) {
        tracing::debug!(
            target: log::HOST,
            "session {} is not read until the host has handled the events that wait",
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

    pub(super) fn log_close_timeout(&self) {
        tracing::debug!(
            target: log::SESSION,
            "the WebSocket of session {} was dropped: {}",
            self.handle.id.shown(),
            Cause::deadline(
                "engine.closeTimeout",
                self.shared.config.close_timeout,
                "the client did not answer the close frame in time"
            )
        );
    }

    /// Logs a warning if a limit has ended the session.
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

    /// Logs the end of the session. Called before its sockets are told, because they are listed in the line.
    pub(super) fn log_closed(&self, reason: CloseReason) {
        let config = &self.shared.config;
        if reason == CloseReason::PingTimeout {
            self.blame(Cause::deadline(
                "pingTimeout",
                config.ping_timeout,
                "the client sent nothing after a ping",
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

/// The cause of a WebSocket whose stream has ended, or failed with `error`, without a close frame.
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
