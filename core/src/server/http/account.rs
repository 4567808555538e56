//! What the log says about connections that speak HTTP.

use std::error::Error as _;
use std::io;

use crate::cause::Cause;
use crate::server::http::Connection;
use crate::server::http::head::HeadFault;

impl Connection {
    /// A request was refused because its head violates HTTP.
    pub(super) fn log_fault(&self, fault: HeadFault) {
        let cause = Cause::violation(format!("refused with 400: {fault}"));
        self.peer.log_cause(&cause);
    }

    /// A request has not begun, or not been completed, in time.
    pub(super) fn log_late_head(&self) {
        self.peer.log_cause(&Cause::deadline(
            "engine.headerTimeout",
            self.shared.config.header_timeout,
            "the request head did not come in time",
        ));
    }

    /// The HTTP library has ended the connection.
    pub(super) fn log_http_error(&self, error: &hyper::Error) {
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
        self.peer.log_cause(&cause);
    }
}

/// Whether the stream has given up a client that did not read.
fn is_timed_out(error: &hyper::Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}
