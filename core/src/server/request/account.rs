//! What the log says about requests: one line for each refusal, with the client's address.

use std::error::Error as _;
use std::fmt::Display;
use std::io;
use std::sync::Arc;

use http::Request;

use crate::cause::Cause;
use crate::engineio::handshake::BadRequest;
use crate::engineio::{ConnectionError, TransportKind};
use crate::log;
use crate::server::http::Connection;
use crate::server::request::body::BodyError;
use crate::server::sessions::SessionHandle;

impl Connection {
    /// A request was refused with one of the protocol's six codes.
    pub(in crate::server) fn log_refused<B>(&self, request: &Request<B>, error: &ConnectionError) {
        if let ConnectionError::BadRequest(BadRequest::TooManyConnections) = error {
            crate::notice!(
                log::HTTP,
                "refused a request from {}:{}: too many connections are open (engine.maxConnections is {})",
                self.peer.0,
                self.peer.1,
                self.shared.config.max_connections.unwrap_or(0)
            );
        }
        if !tracing::enabled!(target: log::HTTP, tracing::Level::DEBUG) {
            return;
        }
        let limit = match error {
            ConnectionError::BadRequest(BadRequest::TooManyConnections) => {
                let most = self.shared.config.max_connections.unwrap_or(0);
                format!(" (engine.maxConnections is {most})")
            }
            _ => String::new(),
        };
        // A session that is unknown here may be open on another server, and its id is a secret.
        let context = match error {
            ConnectionError::UnknownSid { .. } => "{}".to_owned(),
            _ => error.context(),
        };
        tracing::debug!(
            target: log::HTTP,
            "refused {} {:?} from {}:{}: {} {:?} {}{limit}",
            request.method(),
            request.uri().path(),
            self.address(request),
            self.peer.1,
            error.code(),
            error.wire_message(),
            context
        );
    }

    /// A request was refused because it breaks the rules of HTTP.
    pub(in crate::server) fn log_fault(&self, fault: impl Display) {
        self.log_cause(&Cause::violation(format!("refused with 400: {fault}")));
    }

    /// A POST was refused for what its body is, or because its body did not come.
    pub(in crate::server) fn log_body(&self, error: BodyError) {
        let config = &self.shared.config;
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
        self.log_cause(&cause);
    }

    /// A payload was refused because it has more packets than the host allows.
    pub(in crate::server) fn log_packets(&self, packets: usize, most: usize) {
        let text = "too many packets in one payload";
        let cause = Cause::limit("engine.maxPacketsPerPayload", most, text);
        self.log_cause(&cause.with_seen(packets));
    }

    /// A request has not begun, or not been completed, in time.
    pub(in crate::server) fn log_late_head(&self) {
        self.log_cause(&Cause::deadline(
            "engine.headerTimeout",
            self.shared.config.header_timeout,
            "the request head did not come in time",
        ));
    }

    /// Hyper has ended the connection.
    pub(in crate::server) fn log_http_error(&self, error: &hyper::Error) {
        let config = &self.shared.config;
        let cause = if error.is_parse_too_large() {
            Cause::limit(
                "engine.maxHeaderBytes",
                config.max_header_bytes,
                format!(
                    "the request head is too large, or has more fields than engine.maxHeaders ({}) allows",
                    config.max_headers
                ),
            )
        } else if error.is_timeout() {
            return self.log_late_head();
        } else if is_timed_out(error) {
            Cause::deadline(
                "engine.writeTimeout",
                config.write_timeout,
                "the client took nothing of an answer in time",
            )
        } else {
            let source = error.source().map(|source| format!(": {source}"));
            Cause::transport(format!("{error}{}", source.unwrap_or_default()))
        };
        self.log_cause(&cause);
    }

    /// The host did not answer a question in time.
    pub(in crate::server) fn log_unanswered(&self) {
        crate::notice!(
            log::HOST,
            "the host has not answered a question about a request within {} ms (engine.deferredTimeout)",
            self.shared.config.answer_timeout().as_millis()
        );
    }

    fn log_cause(&self, cause: &Cause) {
        if cause.is_of_limit() {
            crate::notice!(
                log::HTTP,
                "a request from {}:{} was refused at a limit: {cause}",
                self.peer.0,
                self.peer.1
            );
        }
        tracing::debug!(target: log::HTTP, "a request from {}:{} failed: {cause}", self.peer.0, self.peer.1);
    }
}

/// The stream itself gave up.
fn is_timed_out(error: &hyper::Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// A POST that the protocol does not allow ends its session.
pub(in crate::server) fn blame_post(handle: &Arc<SessionHandle>, what: &'static str) {
    if handle.link.transport() == TransportKind::Polling {
        handle.link.blame(Cause::violation(what));
    }
}
