//! What the log says about requests: one line for each refusal, with the client's address.

use crate::cause::Cause;
use crate::engineio::handshake::BadRequest;
use crate::engineio::{ConnectionError, TransportKind};
use crate::log;
use crate::server::request::body::BodyError;
use crate::server::request::{EngineRequest, Peer};
use crate::server::sessions::SessionHandle;
use crate::server::shared::Shared;

impl EngineRequest {
    /// The request was refused with one of the six codes of the protocol.
    pub(super) fn log_refused(&self, shared: &Shared, error: &ConnectionError) {
        let most = shared.config.max_connections.unwrap_or(0);
        let is_limit = matches!(
            error,
            ConnectionError::BadRequest(BadRequest::TooManyConnections)
        );
        if is_limit {
            crate::notice!(
                log::HTTP,
                "refused a request from {}: too many connections are open (engine.maxConnections is {most})",
                self.peer
            );
        }
        if !tracing::enabled!(target: log::HTTP, tracing::Level::DEBUG) {
            return;
        }
        let limit = match is_limit {
            true => format!(" (engine.maxConnections is {most})"),
            false => String::new(),
        };
        // A session that is unknown here may be open on another server, and its id is a secret.
        let context = match error {
            ConnectionError::UnknownSid { .. } => "{}".to_owned(),
            _ => error.context(),
        };
        tracing::debug!(
            target: log::HTTP,
            "refused {} {:?} from {}:{}: {} {:?} {}{limit}",
            self.head.method,
            self.head.uri.path(),
            self.address(),
            self.peer.port,
            error.code(),
            error.wire_message(),
            context
        );
    }

    /// The request is an upgrade with HTTP/1.0, which a proxy with its default settings sends.
    pub(super) fn log_old_upgrade(&self) {
        crate::notice!(
            log::HTTP,
            "refused a WebSocket from {} because its request came as HTTP/1.0: let the proxy speak HTTP/1.1 (nginx: \
             proxy_http_version 1.1)",
            self.peer
        );
    }

    /// A POST was refused because of the size of its body, or because its body was not complete in time.
    pub(super) fn log_body(&self, shared: &Shared, error: BodyError) {
        let config = &shared.config;
        let cause = match error {
            BodyError::TooLarge => Cause::limit(
                "maxHttpBufferSize",
                config.max_http_buffer_size,
                "the body is too large",
            ),
            BodyError::TooSlow => Cause::deadline(
                "engine.bodyTimeout",
                config.body_timeout,
                "the body did not come in time",
            ),
            BodyError::Lost => Cause::transport("the connection of a POST was lost"),
        };
        self.peer.log_cause(&cause);
    }

    /// A payload was refused because it has more packets than the host allows.
    pub(super) fn log_packets(&self, packets: usize, most: usize) {
        let text = "too many packets in one payload";
        let cause = Cause::limit("engine.maxPacketsPerPayload", most, text);
        self.peer.log_cause(&cause.with_seen(packets));
    }
}

impl Shared {
    /// The host did not answer a question in time.
    pub(super) fn log_unanswered(&self) {
        crate::notice!(
            log::HOST,
            "the host has not answered a question about a request within {} ms (engine.deferredTimeout)",
            self.config.answer_timeout().as_millis()
        );
    }
}

impl Peer {
    /// A request of this peer failed.
    pub(in crate::server) fn log_cause(self, cause: &Cause) {
        if cause.is_of_limit() {
            crate::notice!(
                log::HTTP,
                "a request from {self} was refused at a limit: {cause}"
            );
        }
        tracing::debug!(target: log::HTTP, "a request from {self} failed: {cause}");
    }
}

/// A POST that the protocol does not allow ends its session.
pub(super) fn blame_post(session: &SessionHandle, cause: &'static str) {
    if session.link.transport() == TransportKind::Polling {
        session.link.blame(Cause::violation(cause));
    }
}
