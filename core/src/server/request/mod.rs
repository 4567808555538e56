//! Requests: what an HTTP request asks of the engine, and the reply.
//!
//! This module knows neither sockets nor the HTTP library. The adapter in `server/http`, or a test, hands in the head of a
//! request, its peer and its body, and carries out the reply.

mod account;
mod admission;
mod answer;
mod body;
mod files;
pub mod forwarded;
mod open;
mod poll;
mod snapshot;
mod verify;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use http::request::Parts;

use crate::engineio::ConnectionError;
use crate::server::arrivals::Arrival;
pub(super) use crate::server::request::answer::{Answer, closing, empty};
pub(super) use crate::server::request::body::{Body, Lost};
pub(super) use crate::server::request::open::Purpose;
use crate::server::request::verify::Aim;
use crate::server::shared::Shared;
use crate::socketio::Request as Snapshot;

/// The peer of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// Whether the connection is encrypted.
    pub(super) secure: bool,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.address, self.port)
    }
}

/// Whether a connection is within the limit of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is within the limit.
    Served,
    /// It is over the limit: its request is answered with an error, and the connection is closed.
    Refused,
}

/// A request, with what is known of its connection.
pub(super) struct EngineRequest {
    head: Parts,
    /// Path and query as the client wrote them, if the HTTP parser was given others.
    target: Option<String>,
    peer: Peer,
    /// The address of the client, if a trusted proxy has reported it.
    forwarded: Option<IpAddr>,
    admission: Admission,
    arrival: Arc<Arrival>,
    /// The copy for the host, made when it is first needed.
    snapshot: OnceLock<Arc<Snapshot>>,
}

/// What a connection does after a request.
pub(super) enum Reply {
    /// It sends this answer.
    Answer(Answer),
    /// It sends this answer, then it is a WebSocket.
    Switch(Answer, Purpose),
    /// It is closed without an answer: the client has left.
    Abandon,
}

impl EngineRequest {
    /// A request of `peer`. `target` is path and query as the client wrote them, if `head` has others. `arrival` orders
    /// the request among those of other connections.
    pub(super) fn new(
        shared: &Shared,
        head: Parts,
        target: Option<String>,
        peer: Peer,
        admission: Admission,
        arrival: &Arc<Arrival>,
    ) -> Self {
        Self {
            forwarded: forwarded::client(shared, &head.headers, peer),
            head,
            target,
            peer,
            admission,
            arrival: Arc::clone(arrival),
            snapshot: OnceLock::new(),
        }
    }

    /// Path and query as the client wrote them.
    fn target(&self) -> &str {
        let parsed = || self.head.uri.path_and_query();
        match &self.target {
            Some(target) => target,
            None => parsed().map_or("/", |target| target.as_str()),
        }
    }

    /// The address of the client.
    fn address(&self) -> IpAddr {
        self.forwarded.unwrap_or(self.peer.address)
    }
}

/// Handles a request. Every request has a reply.
pub(super) async fn handle(
    shared: &Arc<Shared>,
    request: &EngineRequest,
    body: impl Body,
) -> Reply {
    shared.stats.http_requests_total.add(1);
    let reply = if request.target().starts_with(&*shared.request_path) {
        handle_engine(shared, request, body).await
    } else {
        Reply::Answer(files::answer(shared, request))
    };
    match reply {
        Reply::Answer(answer) if request.admission == Admission::Refused => {
            Reply::Answer(closing(answer))
        }
        reply => reply,
    }
}

async fn handle_engine(shared: &Arc<Shared>, request: &EngineRequest, body: impl Body) -> Reply {
    let mut extra = HeaderMap::new();
    if let Some(mut answer) = answer::preflight(shared, &request.head, &mut extra) {
        answer.headers_mut().extend(extra);
        return Reply::Answer(answer);
    }
    let reply = match dispatch(shared, request, body, &mut extra).await {
        Ok(reply) => reply,
        Err(error) => {
            request.tell_error(shared, &error);
            Reply::Answer(if verify::is_upgrade(&request.head) {
                answer::upgrade_error(&error)
            } else {
                answer::error(&error)
            })
        }
    };
    match reply {
        Reply::Answer(mut answer) => {
            answer.headers_mut().extend(extra);
            Reply::Answer(answer)
        }
        Reply::Switch(mut answer, purpose) => {
            answer.headers_mut().extend(extra);
            Reply::Switch(answer, purpose)
        }
        Reply::Abandon => Reply::Abandon,
    }
}

async fn dispatch(
    shared: &Arc<Shared>,
    request: &EngineRequest,
    body: impl Body,
    extra: &mut HeaderMap,
) -> Result<Reply, ConnectionError> {
    match verify::verify(shared, request)? {
        Aim::Open { upgrade, revision } => {
            open::open(shared, request, upgrade, revision, extra).await
        }
        Aim::TakeOver(session, upgrade) => {
            Ok(open::take_over(shared, request, &session, upgrade, extra).await)
        }
        Aim::Poll(session) => {
            poll::begin(shared, request, &session, extra).await?;
            poll::get(request, &session, body).await
        }
        Aim::Post(session) => {
            poll::begin(shared, request, &session, extra).await?;
            poll::post(shared, request, &session, body).await
        }
    }
}

#[cfg(test)]
mod tests;
