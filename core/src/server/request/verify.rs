//! The router: what a request is, in the order in which the official server checks it.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN, UPGRADE};
use http::{Method, Request, StatusCode, Version};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use crate::engineio::handshake::BadRequest;
use crate::engineio::session::PollRefusal;
use crate::engineio::{ConnectionError, HandshakeQuery, TransportKind, payload};
use crate::server::cors::{Outcome, is_allowed_origin};
use crate::server::http::{Admission, Connection};
use crate::server::request::answer::{self, Answer};
use crate::server::request::body::{self, BodyError};
use crate::server::request::snapshot::target;
use crate::server::request::{account, open};
use crate::server::sessions::SessionHandle;
use crate::socketio::event::{Event, Hook, Occasion, RequestEvent};
use crate::transport::{PollAnswer, PostAnswer, TransportRequest};

/// How long a waiting GET lives on when its client has ended its direction of the stream: long enough for what waits
/// already, and short enough that a client that has left is missed soon.
const HALF_CLOSED_POLL: Duration = Duration::from_millis(500);

/// Answers a request. Whatever happens, there is an answer.
pub(in crate::server) async fn route(
    connection: Arc<Connection>,
    mut request: Request<Incoming>,
) -> Answer {
    let shared = &connection.shared;
    shared.stats.http_requests_total.add(1);
    let note = connection.exchange.take_note();
    if let Some(fault) = note.fault {
        shared.stats.http_errors_total.add(1);
        connection.log_fault(fault);
        return answer::closing(answer::empty(StatusCode::BAD_REQUEST));
    }
    connection.identify(&mut request, note.target);
    let is_over_limit = connection.admission == Admission::Refused;
    let answer = if !target(&request).starts_with(&*shared.request_path) {
        serve_file(&connection, &request)
    } else {
        serve_engine(&connection, request).await
    };
    if is_over_limit {
        answer::closing(answer)
    } else {
        answer
    }
}

async fn serve_engine(connection: &Arc<Connection>, request: Request<Incoming>) -> Answer {
    let mut extra = HeaderMap::new();
    if let Some(cors) = &connection.shared.cors
        && let Outcome::Preflight(status) =
            cors.apply(request.method(), request.headers(), &mut extra)
    {
        let mut answer = answer::empty(status);
        answer.headers_mut().extend(extra);
        return answer;
    }
    let is_upgrade = is_upgrade(&request);
    let mut answer = match dispatch(connection, request, is_upgrade, &mut extra).await {
        Ok(answer) => answer,
        Err(error) if is_upgrade => answer::upgrade_error(&error),
        Err(error) => answer::error(&error),
    };
    answer.headers_mut().extend(extra);
    answer
}

/// Node speaks of an upgrade when both headers are there.
fn is_upgrade(request: &Request<Incoming>) -> bool {
    let mut connection = request.headers().get_all(http::header::CONNECTION).iter();
    request.headers().contains_key(UPGRADE)
        && connection.any(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        })
}

async fn dispatch(
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    is_upgrade: bool,
    extra: &mut HeaderMap,
) -> Result<Answer, ConnectionError> {
    let verified = verify(connection, &request, is_upgrade);
    match verified {
        Ok(Some(handle)) if is_upgrade => {
            open::upgrade_session(connection, request, handle, extra).await
        }
        Ok(Some(handle)) => Ok(on_session(connection, request, handle, extra).await),
        Ok(None) => open::open_session(connection, request, is_upgrade, extra).await,
        Err(error) => {
            connection.tell_error(&request, &error);
            Err(error)
        }
    }
}

/// The checks that need nobody's opinion: the session that the request is for, or none if it wants to open one.
fn verify(
    connection: &Connection,
    request: &Request<Incoming>,
    is_upgrade: bool,
) -> Result<Option<Arc<SessionHandle>>, ConnectionError> {
    let shared = &connection.shared;
    let refuse = |reason| Err(ConnectionError::BadRequest(reason));
    if connection.admission == Admission::Refused {
        shared.stats.limit_connections_total.add(1);
        return refuse(BadRequest::TooManyConnections);
    }
    if is_upgrade && request.version() < Version::HTTP_11 {
        crate::notice!(
            crate::log::HTTP,
            "refused a WebSocket from {}:{} because its request came as HTTP/1.0: let the proxy speak HTTP/1.1 (nginx: \
             proxy_http_version 1.1)",
            connection.peer.0,
            connection.peer.1
        );
        return refuse(BadRequest::UpgradeOverHttp10);
    }
    let query = HandshakeQuery::parse(request.uri().query().unwrap_or(""));
    let unknown = || ConnectionError::UnknownTransport {
        transport: shortened(query.transport.as_deref().unwrap_or("")),
    };
    let transport = query.transport_kind().ok_or_else(unknown)?;
    let enabled = match transport {
        TransportKind::Polling => shared.config.transports.polling,
        TransportKind::WebSocket => shared.config.transports.websocket,
    };
    if !enabled {
        return Err(unknown());
    }
    let is_valid = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff);
    if let Some(origin) = request.headers().get(ORIGIN)
        && !origin.as_bytes().iter().all(is_valid)
    {
        let origin = shortened(&String::from_utf8_lossy(origin.as_bytes()));
        return refuse(BadRequest::InvalidOrigin { origin });
    }
    if shared.config.check_origin && !is_allowed_origin(shared.cors.as_ref(), request.headers()) {
        return Err(ConnectionError::Forbidden {
            message: Some("Origin not allowed".to_owned()),
        });
    }
    if let Some(sid) = &query.sid {
        let handle = shared
            .sessions
            .find(sid)
            .ok_or_else(|| unknown_sid(request))?;
        let previous = handle.link.transport();
        if !is_upgrade && previous != transport {
            return refuse(BadRequest::TransportMismatch {
                transport,
                previous,
            });
        }
        let revision = query.revision();
        if revision != 4 {
            return refuse(BadRequest::ProtocolMismatch {
                revision,
                previous: 4,
            });
        }
        if !is_upgrade && !matches!(*request.method(), Method::GET | Method::POST) {
            return Err(bad_method(request.method()));
        }
        return Ok(Some(handle));
    }
    if request.method() != Method::GET {
        return Err(bad_method(request.method()));
    }
    if transport == TransportKind::WebSocket && !is_upgrade {
        return refuse(BadRequest::TransportHandshakeError);
    }
    Ok(None)
}

/// What a client has written, as far as the host is told of it.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

fn unknown_sid<B>(request: &Request<B>) -> ConnectionError {
    let query = HandshakeQuery::parse(request.uri().query().unwrap_or(""));
    ConnectionError::UnknownSid {
        sid: shortened(query.sid.as_deref().unwrap_or("")),
    }
}

/// The session of a polling request is on a WebSocket by now.
fn has_moved() -> ConnectionError {
    ConnectionError::BadRequest(BadRequest::TransportMismatch {
        transport: TransportKind::Polling,
        previous: TransportKind::WebSocket,
    })
}

fn bad_method(method: &Method) -> ConnectionError {
    ConnectionError::BadHandshakeMethod {
        method: method.to_string(),
    }
}

/// A GET or POST of a polling session.
async fn on_session(
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    handle: Arc<SessionHandle>,
    extra: &mut HeaderMap,
) -> Answer {
    let method = request.method().clone();
    if connection.shared.context.hooks.has(Hook::Headers)
        && let Ok(headers) = connection.ask_headers(&request, Occasion::Later).await
    {
        extra.extend(headers);
    }
    connection.arrival.turn().await;
    if handle.link.transport() == TransportKind::WebSocket {
        return connection.refuse(&request, &has_moved());
    }
    match method {
        Method::GET => poll(connection, request, &handle).await,
        _ => post(connection, request, &handle).await,
    }
}

async fn poll(
    connection: &Connection,
    request: Request<Incoming>,
    handle: &SessionHandle,
) -> Answer {
    let (sender, mut receiver) = oneshot::channel();
    handle.ask(TransportRequest::Poll(sender));
    let left = async {
        connection.exchange.half_closed().await;
        tokio::time::sleep(HALF_CLOSED_POLL).await;
    };
    let answer = tokio::select! {
        biased;
        answer = &mut receiver => answer,
        () = left => {
            // The session learns it from the receiver, the client from the end of the connection.
            drop(receiver);
            connection.exchange.abandon();
            return std::future::pending().await;
        }
    };
    let refusal = match answer {
        Ok(PollAnswer::Payload(body)) => return answer::payload(body, request.headers()),
        Ok(PollAnswer::Refused(refusal)) => refusal,
        Err(_) => PollRefusal::Ended,
    };
    match refusal {
        PollRefusal::Overlap => answer::empty(StatusCode::BAD_REQUEST),
        PollRefusal::Upgraded => connection.refuse(&request, &has_moved()),
        PollRefusal::Ended => connection.refuse(&request, &unknown_sid(&request)),
    }
}

async fn post(
    connection: &Connection,
    request: Request<Incoming>,
    handle: &Arc<SessionHandle>,
) -> Answer {
    let (head, incoming) = request.into_parts();
    let is_binary = head
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value == "application/octet-stream");
    let is_free = !is_binary && begin_post(handle).await;
    if !is_free {
        account::blame_post(
            handle,
            if is_binary {
                "invalid content"
            } else {
                "data request overlap from client"
            },
        );
        let request = Request::from_parts(head, ());
        return match refuse_post(handle).await {
            Some(answer) => answer,
            None => connection.refuse(&request, &unknown_sid(&request)),
        };
    }
    // If the connection is lost, this future is dropped, and the guard tells the session.
    let mut guard = Posting {
        handle,
        request: Some(TransportRequest::PostLost),
    };
    let body = body::read(&connection.shared, &connection.exchange, incoming);
    let body = match connection.arrival.pass_on(body).await {
        Ok(body) => body,
        Err(error @ (BodyError::TooLarge | BodyError::TooSlow)) => {
            connection.log_body(error);
            guard.request = None;
            handle.end_post();
            let status = if error == BodyError::TooLarge {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::REQUEST_TIMEOUT
            };
            return answer::empty(status);
        }
        Err(BodyError::Lost) => return answer::empty(StatusCode::BAD_REQUEST),
    };
    if let Some(answer) = too_many_packets(connection, &body) {
        guard.request = None;
        handle.end_post();
        return answer;
    }
    let (sender, receiver) = oneshot::channel();
    guard.request = Some(TransportRequest::Post(body, sender));
    // The end of the body may have come later than the head.
    connection.arrival.turn().await;
    drop(guard);
    match receiver.await {
        Ok(PostAnswer::Accepted) => answer::accepted(&head.headers),
        Ok(PostAnswer::Refused) => answer::empty(StatusCode::BAD_REQUEST),
        Err(_) => {
            let request = Request::from_parts(head, ());
            connection.refuse(&request, &unknown_sid(&request))
        }
    }
}

/// Refuses a payload with more packets than the host allows, before any of them is dealt with.
fn too_many_packets(connection: &Connection, body: &[u8]) -> Option<Answer> {
    let shared = &connection.shared;
    let most = shared.config.max_packets_per_payload?;
    let packets = memchr::memchr_iter(payload::SEPARATOR, body).count() + 1;
    if packets <= most {
        return None;
    }
    shared.stats.limit_packets_total.add(1);
    connection.log_packets(packets, most);
    Some(answer::too_many_packets(packets, most))
}

/// Begins a POST; false when another is under way. One that is complete is dealt with first.
async fn begin_post(handle: &SessionHandle) -> bool {
    if handle.begin_post() {
        return true;
    }
    let (sender, receiver) = oneshot::channel();
    handle.ask(TransportRequest::Barrier(sender));
    // After the end of the session there is no answer.
    let _ = receiver.await;
    handle.begin_post()
}

/// The session is told that the rules were broken, which ends it. None: it had ended before.
async fn refuse_post(handle: &SessionHandle) -> Option<Answer> {
    let (sender, receiver) = oneshot::channel();
    handle.ask(TransportRequest::BadPost(sender));
    let answer = receiver.await.ok();
    answer.map(|_| answer::empty(StatusCode::BAD_REQUEST))
}

struct Posting<'a> {
    handle: &'a SessionHandle,
    /// What the session is asked when this is dropped.
    request: Option<TransportRequest>,
}

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.handle.ask(request);
        }
    }
}

/// A path that is not the engine's: what the host has put there, the metrics, or nothing.
fn serve_file(connection: &Connection, request: &Request<Incoming>) -> Answer {
    let shared = &connection.shared;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_read && shared.config.metrics_path.as_deref() == Some(request.uri().path()) {
        return answer::metrics(shared.stats.open_metrics());
    }
    if connection.admission == Admission::Refused {
        shared.stats.limit_connections_total.add(1);
        return answer::empty(StatusCode::SERVICE_UNAVAILABLE);
    }
    match shared.files.get(request.uri().path()) {
        Some(file) if is_read => answer::file(&file, request.headers()),
        Some(_) => {
            let mut answer = answer::empty(StatusCode::METHOD_NOT_ALLOWED);
            answer
                .headers_mut()
                .insert(http::header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        }
        None => answer::empty(StatusCode::NOT_FOUND),
    }
}

impl Connection {
    /// Refuses a request for a session that has changed since the request was checked, and tells the host.
    fn refuse<B>(&self, request: &Request<B>, error: &ConnectionError) -> Answer {
        self.tell_error(request, error);
        answer::error(error)
    }

    /// Tells the host that a request was refused.
    pub(in crate::server) fn tell_error<B>(&self, request: &Request<B>, error: &ConnectionError) {
        self.shared.stats.connection_errors_total.add(1);
        self.log_refused(request, error);
        if self.shared.context.hooks.has(Hook::ConnectionError) {
            let (sink, request) = (&self.shared.sink, &self.snapshot(request));
            let event = RequestEvent::ConnectionError { error };
            let event = Event::of_request(request, event, self.shared.context.clock.now());
            if sink.offer(&event).is_err() {
                self.shared.count_full_queue();
            }
            sink.ring();
        }
    }
}
