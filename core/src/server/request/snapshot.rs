//! Who makes a request, and what of it the host may see.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header::{HeaderMap, HeaderValue};
use http::{HeaderName, Request, header};
use hyper::body::Incoming;

use crate::server::http::Connection;
use crate::server::request::forwarded;
use crate::socketio::Request as Snapshot;

/// The target as the client wrote it, when the HTTP parser got another one.
#[derive(Clone)]
struct Target(String);

/// The address that a trusted proxy has seen.
#[derive(Clone, Copy)]
struct Forwarded(IpAddr);

/// Path and query as the client wrote them.
pub(in crate::server) fn target<B>(request: &Request<B>) -> &str {
    match request.extensions().get::<Target>() {
        Some(Target(target)) => target,
        None => request
            .uri()
            .path_and_query()
            .map_or("/", |target| target.as_str()),
    }
}

impl Connection {
    /// Finds out what has to be known of a request whatever it is for.
    pub(in crate::server) fn identify(
        &self,
        request: &mut Request<Incoming>,
        target: Option<String>,
    ) {
        if let Some(target) = target {
            request.extensions_mut().insert(Target(target));
        }
        let hops = self.shared.config.trust_proxy;
        if hops > 0
            && let Some(address) = self.forwarded(request.headers(), hops)
        {
            request.extensions_mut().insert(Forwarded(address));
        }
    }

    /// The address that the last trusted proxy has seen. Source: `X-Forwarded-For`, read from the right.
    fn forwarded(&self, headers: &HeaderMap, hops: usize) -> Option<IpAddr> {
        let lines = headers.get_all("x-forwarded-for").iter();
        let seen: Vec<&[u8]> = lines
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .collect();
        let element = seen.get(seen.len().saturating_sub(hops))?;
        let address = forwarded::address(element);
        if address.is_none() {
            self.handle_unreadable(element);
        }
        address
    }

    /// Limits by address then count all clients behind the proxy as one: its operator has to know.
    fn handle_unreadable(&self, element: &[u8]) {
        self.shared.stats.forwarded_errors_total.add(1);
        if !self.shared.forwarded_told.swap(true, Ordering::Relaxed) {
            let element = &element[..element.len().min(64)];
            tracing::warn!(
                target: crate::log::HTTP,
                "X-Forwarded-For holds {:?} where the trusted proxy writes the client's address: requests like this have \
                 the address of the proxy, {}; they are counted in forwarded_errors_total and not logged again",
                String::from_utf8_lossy(element),
                self.peer.0,
            );
        }
    }

    /// What the host may see of a request.
    pub(in crate::server) fn snapshot<B>(&self, request: &Request<B>) -> Arc<Snapshot> {
        let mut last: Option<&HeaderName> = None;
        let headers: Vec<(&str, String)> = request
            .headers()
            .iter()
            .filter(|(name, _)| {
                // The values of one name follow each other.
                let is_repeated = last.replace(name) == Some(name);
                !(is_repeated && is_single(name))
            })
            .map(|(name, value)| (name.as_str(), latin1(value)))
            .collect();
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        Arc::new(Snapshot::new(
            request.method().as_str(),
            target(request),
            headers,
            (self.address(request), self.peer.1),
            false,
        ))
    }

    /// The address of the client.
    pub(in crate::server) fn address<B>(&self, request: &Request<B>) -> IpAddr {
        let forwarded = request.extensions().get();
        forwarded.map_or(self.peer.0, |Forwarded(address)| *address)
    }
}

/// The headers of which Node keeps the first and drops the others. Source: `message.headers` in its documentation.
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

/// Each byte is a character, as in Node: what the sender meant is not known.
fn latin1(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    }
}
