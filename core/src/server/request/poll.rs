//! Long-polling: the GET and POST requests of a session.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};
use tokio::sync::oneshot;

use crate::engineio::handshake::BadRequest;
use crate::engineio::session::PollRefusal;
use crate::engineio::{ConnectionError, TransportKind, payload};
use crate::server::request::answer::{self, Answer};
use crate::server::request::body::{self, Body, BodyError};
use crate::server::request::verify::unknown_sid;
use crate::server::request::{EngineRequest, Reply, account};
use crate::server::sessions::SessionHandle;
use crate::server::shared::Shared;
use crate::socketio::event::Occasion;
use crate::transport::{PollAnswer, PostAnswer, TransportRequest};

/// How long a waiting GET is kept after its client has ended its direction of the stream: long enough for packets that
/// are queued already, and short enough that the session of a client that has left is closed soon.
const HALF_CLOSED_POLL: Duration = Duration::from_millis(500);

/// The session of a polling request has been moved to a WebSocket.
fn has_moved() -> ConnectionError {
    ConnectionError::BadRequest(BadRequest::TransportMismatch {
        transport: TransportKind::Polling,
        previous: TransportKind::WebSocket,
    })
}

/// The first steps of both methods: the headers of the host, and the order among requests.
///
/// # Errors
/// If the session was moved to a WebSocket in the meantime.
pub(super) async fn begin(
    shared: &Shared,
    request: &EngineRequest,
    session: &SessionHandle,
    extra: &mut HeaderMap,
) -> Result<(), ConnectionError> {
    request.add_headers(shared, Occasion::Later, extra).await;
    request.arrival.turn().await;
    if session.link.transport() == TransportKind::WebSocket {
        return Err(has_moved());
    }
    Ok(())
}

/// Waits for packets of the session.
///
/// # Errors
/// If the session ends, or moves to a WebSocket.
pub(super) async fn get(
    request: &EngineRequest,
    session: &SessionHandle,
    mut body: impl Body,
) -> Result<Reply, ConnectionError> {
    let (sender, mut receiver) = oneshot::channel();
    session.ask(TransportRequest::Poll(sender));
    let left = async {
        body.half_closed().await;
        tokio::time::sleep(HALF_CLOSED_POLL).await;
    };
    let answer = tokio::select! {
        biased;
        answer = &mut receiver => answer,
        // The session sees that the receiver is dropped.
        () = left => return Ok(Reply::Abandon),
    };
    let refusal = match answer {
        Ok(PollAnswer::Payload(body)) => {
            return Ok(Reply::Answer(answer::payload(body, &request.head.headers)));
        }
        Ok(PollAnswer::Refused(refusal)) => refusal,
        Err(_) => PollRefusal::Ended,
    };
    match refusal {
        PollRefusal::Overlap => Ok(bad_request()),
        PollRefusal::Upgraded => Err(has_moved()),
        PollRefusal::Ended => Err(ended(session)),
    }
}

/// Hands packets to the session.
///
/// # Errors
/// If the session has ended.
pub(super) async fn post(
    shared: &Arc<Shared>,
    request: &EngineRequest,
    session: &Arc<SessionHandle>,
    body: impl Body,
) -> Result<Reply, ConnectionError> {
    let headers = &request.head.headers;
    let is_binary = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value == "application/octet-stream");
    if is_binary {
        return refuse_post(session, "invalid content").await;
    }
    if !begin_post(session).await {
        return refuse_post(session, "data request overlap from client").await;
    }
    // If the connection is lost, this future is dropped, and the guard tells the session.
    let mut guard = Posting {
        session,
        request: Some(TransportRequest::PostLost),
    };
    let body = body::read(shared, body);
    let refused = match request.arrival.pass_on(body).await {
        Ok(body) => check_packets(shared, request, &body).map_or(Ok(body), Err),
        Err(BodyError::Lost) => return Ok(bad_request()),
        Err(error) => {
            request.log_body(shared, error);
            Err(answer::empty(error.status()))
        }
    };
    let body = match refused {
        Ok(body) => body,
        Err(answer) => {
            guard.request = None;
            session.end_post();
            return Ok(Reply::Answer(answer));
        }
    };
    let (sender, receiver) = oneshot::channel();
    guard.request = Some(TransportRequest::Post(body, sender));
    // The end of the body may have come later than the head.
    request.arrival.turn().await;
    drop(guard);
    match receiver.await {
        Ok(PostAnswer::Accepted) => Ok(Reply::Answer(answer::accepted(headers))),
        Ok(PostAnswer::Refused) => Ok(bad_request()),
        Err(_) => Err(ended(session)),
    }
}

fn bad_request() -> Reply {
    Reply::Answer(answer::empty(StatusCode::BAD_REQUEST))
}

fn ended(session: &SessionHandle) -> ConnectionError {
    unknown_sid(session.id.as_str())
}

/// Refuses a payload with more packets than the host allows, before any of them is handled.
fn check_packets(shared: &Shared, request: &EngineRequest, body: &[u8]) -> Option<Answer> {
    let most = shared.config.max_packets_per_payload?;
    let packets = memchr::memchr_iter(payload::SEPARATOR, body).count() + 1;
    if packets <= most {
        return None;
    }
    shared.stats.limit_packets_total.add(1);
    request.log_packets(packets, most);
    Some(answer::too_many_packets(packets, most))
}

/// Begins a POST; returns false if another one is in progress. A previous POST with a complete body is handled first.
async fn begin_post(session: &SessionHandle) -> bool {
    if session.begin_post() {
        return true;
    }
    let (sender, receiver) = oneshot::channel();
    session.ask(TransportRequest::Barrier(sender));
    // The driver drops the sender when the session ends.
    let _ = receiver.await;
    session.begin_post()
}

/// Tells the session that a POST violates the protocol, which ends the session.
///
/// # Errors
/// If the session had ended before.
async fn refuse_post(
    session: &Arc<SessionHandle>,
    cause: &'static str,
) -> Result<Reply, ConnectionError> {
    account::blame_post(session, cause);
    let (sender, receiver) = oneshot::channel();
    session.ask(TransportRequest::BadPost(sender));
    match receiver.await {
        Ok(_) => Ok(bad_request()),
        Err(_) => Err(ended(session)),
    }
}

/// A POST in progress: passes a request to the session when it is dropped.
struct Posting<'a> {
    session: &'a SessionHandle,
    request: Option<TransportRequest>,
}

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.session.ask(request);
        }
    }
}
