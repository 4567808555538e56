//! The copy of a request that the host sees.

use std::sync::Arc;

use http::header::{self, HeaderName, HeaderValue};

use crate::server::request::EngineRequest;
use crate::socketio::Request as Snapshot;

impl EngineRequest {
    /// The copy for the host. The headers are copied by the first call.
    pub(super) fn snapshot(&self) -> &Arc<Snapshot> {
        self.snapshot.get_or_init(|| Arc::new(self.copy()))
    }

    fn copy(&self) -> Snapshot {
        let mut last: Option<&HeaderName> = None;
        let headers: Vec<(&str, String)> = self
            .head
            .headers
            .iter()
            .filter(|(name, _)| {
                // The values of one name follow each other.
                let is_repeated = last.replace(name) == Some(name);
                !(is_repeated && is_single(name))
            })
            .map(|(name, value)| (name.as_str(), latin1(value)))
            .collect();
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let method = self.head.method.as_str();
        let peer = (self.address(), self.peer.port);
        Snapshot::new(method, self.target(), headers, peer, self.peer.secure)
    }
}

/// Whether Node keeps the first value of a header and drops the others. Source: `message.headers` in its documentation.
fn is_single(name: &HeaderName) -> bool {
    [
        header::AGE,
        header::AUTHORIZATION,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::ETAG,
        header::EXPIRES,
        header::FROM,
        header::HOST,
        header::IF_MODIFIED_SINCE,
        header::IF_UNMODIFIED_SINCE,
        header::LAST_MODIFIED,
        header::LOCATION,
        header::MAX_FORWARDS,
        header::PROXY_AUTHORIZATION,
        header::REFERER,
        header::RETRY_AFTER,
        header::SERVER,
        header::USER_AGENT,
    ]
    .contains(name)
}

/// Converts each byte to one character, as Node does, because the encoding of the sender is not known.
fn latin1(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    }
}
