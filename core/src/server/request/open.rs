//! Opening sessions, and moving them to a WebSocket.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL,
    SET_COOKIE, UPGRADE,
};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;

use crate::engineio::handshake::BadRequest;
use crate::engineio::packet::{Message, Packet};
use crate::engineio::{
    ConnectionError, HandshakeQuery, OpenPacket, SessionId, TransportKind, payload,
};
use crate::server::arrivals::Arrival;
use crate::server::clock::{now, unix_ms};
use crate::server::driver::{Driver, opened};
use crate::server::http::Connection;
use crate::server::http::io::HttpIo;
use crate::server::layer::Layer;
use crate::server::request::answer::{self, Answer};
use crate::server::sessions::{ComingWebSocket, SessionHandle};
use crate::server::shared::Shared;
use crate::socketio::client::Client;
use crate::socketio::event::{Event, Hook, Occasion, RequestEvent};
use crate::socketio::plain::PlainClient;
use crate::socketio::{Decision, Link, Question, Rejection, Request as Snapshot};
use crate::transport::WebSocket;
use crate::transport::handshake::upgrade;

/// A connection that becomes a WebSocket when its answer has been sent.
pub(in crate::server) struct PendingUpgrade {
    on: OnUpgrade,
    base64: bool,
    purpose: Purpose,
}

enum Purpose {
    /// It opens a session.
    Open {
        id: SessionId,
        snapshot: Arc<Snapshot>,
    },
    /// It wants to take over a session.
    TakeOver(ComingWebSocket),
    /// It is closed at once.
    Nothing,
}

impl PendingUpgrade {
    /// Waits for the stream and does what it is for.
    pub(in crate::server) async fn complete(self, connection: &Connection) {
        let Ok(upgraded) = self.on.await else { return };
        // It is our own stream, in the wrapping that we gave it.
        let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<HttpIo>>() else {
            return;
        };
        let shared = &connection.shared;
        let (stream, slot, behind) = io.into_inner().into_parts();
        let mut websocket = if behind.is_empty() {
            WebSocket::new(stream, &read_buf, shared.frame_limits())
        } else {
            WebSocket::new(
                stream,
                &[&read_buf[..], &behind].concat(),
                shared.frame_limits(),
            )
        };
        websocket.slot = Some(slot);
        let mut websocket = Box::new(websocket);
        websocket.base64 = self.base64;
        match self.purpose {
            Purpose::Nothing => shared.say_farewell(websocket),
            Purpose::TakeOver(coming) => coming.deliver(websocket),
            Purpose::Open { id, snapshot } => {
                // That an id is given twice does not happen; if it did, the second would have to go.
                if let Err(Some(websocket)) = start(shared, id, &snapshot, Some(websocket)) {
                    shared.say_farewell(websocket);
                }
            }
        }
    }
}

/// A request without a session id.
pub(in crate::server) async fn open_session(
    connection: &Arc<Connection>,
    mut request: Request<Incoming>,
    is_upgrade: bool,
    extra: &mut HeaderMap,
) -> Result<Answer, ConnectionError> {
    let shared = &connection.shared;
    let refuse = |request: &Request<Incoming>, error: ConnectionError| {
        connection.tell_error(request, &error);
        Err(error)
    };
    connection.arrival.turn().await;
    if let Err(error) = connection.ask_admission(&request).await {
        return refuse(&request, error);
    }
    let query = HandshakeQuery::parse(request.uri().query().unwrap_or(""));
    if query.revision() != 4 {
        return refuse(
            &request,
            ConnectionError::UnsupportedProtocolVersion {
                revision: query.revision(),
            },
        );
    }
    let full = shared
        .config
        .max_connections
        .is_some_and(|most| shared.stats.clients_count.value() >= most as i64);
    if full || shared.lifecycle.is_closing() {
        shared.stats.limit_connections_total.add(i64::from(full));
        return refuse(
            &request,
            ConnectionError::BadRequest(BadRequest::TooManyConnections),
        );
    }
    let (transport, base64) = (query.transport_kind(), query.b64);
    let Some(id) = SessionId::random() else {
        return refuse(
            &request,
            ConnectionError::BadRequest(BadRequest::IdGenerationError),
        );
    };
    let snapshot = connection.snapshot(&request);
    if is_upgrade {
        let purpose = match transport {
            Some(TransportKind::WebSocket) => Purpose::Open { id, snapshot },
            // The official server accepts the upgrade and finds then that nobody wants it.
            _ => Purpose::Nothing,
        };
        return Ok(switch(
            connection,
            &mut request,
            purpose,
            base64,
            Occasion::First,
            extra,
        )
        .await);
    }
    connection
        .add_headers(&request, Occasion::First, extra)
        .await;
    let Ok(()) = start(shared, id, &snapshot, None) else {
        return refuse(
            &request,
            ConnectionError::BadRequest(BadRequest::IdGenerationError),
        );
    };
    if let Some(cookie) = &shared.cookie {
        extra.append(SET_COOKIE, cookie.header_value(id.as_str()));
    }
    let mut body = Vec::new();
    greeting(shared, id, TransportKind::Polling)
        .iter()
        .for_each(|packet| payload::encode(&mut body, packet));
    Ok(answer::payload(body, request.headers()))
}

/// An upgrade with a session id.
pub(in crate::server) async fn upgrade_session(
    connection: &Arc<Connection>,
    mut request: Request<Incoming>,
    handle: Arc<SessionHandle>,
    extra: &mut HeaderMap,
) -> Result<Answer, ConnectionError> {
    connection.arrival.turn().await;
    let query = HandshakeQuery::parse(request.uri().query().unwrap_or(""));
    let base64 = query.b64;
    let purpose = match query.transport_kind() {
        Some(TransportKind::WebSocket) => Purpose::TakeOver(handle.expect_websocket()),
        _ => Purpose::Nothing,
    };
    Ok(switch(
        connection,
        &mut request,
        purpose,
        base64,
        Occasion::Later,
        extra,
    )
    .await)
}

/// Answers 101 and remembers what the WebSocket is for.
async fn switch(
    connection: &Arc<Connection>,
    request: &mut Request<Incoming>,
    purpose: Purpose,
    base64: bool,
    occasion: Occasion,
    extra: &mut HeaderMap,
) -> Answer {
    let accepted = match upgrade(request.method(), request.headers()) {
        Ok(accepted) => accepted,
        Err(error) => return answer::no_websocket(error),
    };
    connection.add_headers(request, occasion, extra).await;
    let on = hyper::upgrade::on(request);
    *connection
        .upgrade
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(PendingUpgrade {
        on,
        base64,
        purpose,
    });
    let mut answer = answer::empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::try_from(accepted.accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(protocol) = accepted.protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    answer
}

fn greeting(shared: &Shared, sid: SessionId, transport: TransportKind) -> Vec<Packet> {
    let config = &shared.config;
    let upgrade =
        transport == TransportKind::Polling && config.allow_upgrades && config.transports.websocket;
    let open = OpenPacket {
        sid,
        upgrade,
        ping_interval: config.ping_interval,
        ping_timeout: config.ping_timeout,
        max_payload: config.max_http_buffer_size,
    };
    let mut packets = vec![Packet::Open(Bytes::from(open.encode()))];
    if let Some(initial) = &config.initial_packet {
        packets.push(Packet::Message(Message::Text(Bytes::from(format!(
            "4{initial}"
        )))));
    }
    packets
}

/// Makes the session and its driver; gives the WebSocket back when the id is taken.
fn start(
    shared: &Arc<Shared>,
    id: SessionId,
    snapshot: &Arc<Snapshot>,
    websocket: Option<Box<WebSocket>>,
) -> Result<(), Option<Box<WebSocket>>> {
    let kind = if websocket.is_some() {
        TransportKind::WebSocket
    } else {
        TransportKind::Polling
    };
    let link = Arc::new(Link::new(id, kind, Arc::clone(&shared.context)));
    // A session without Socket.IO is announced here.
    let arrival = shared
        .is_socket_io()
        .then(|| Arrival::of_task(&shared.joining));
    let handle = Arc::new(SessionHandle::new(id, Arc::clone(&link), arrival.clone()));
    if !shared.sessions.insert(&handle) {
        return Err(websocket);
    }
    shared.lifecycle.sessions.fetch_add(1, Ordering::AcqRel);
    let at = now();
    let layer = if shared.is_socket_io() {
        Layer::SocketIo(Client::new(
            Arc::clone(&shared.namespaces),
            link,
            Arc::clone(snapshot),
        ))
    } else {
        let Ok(root) = shared.namespaces.of("/") else {
            return Err(websocket);
        };
        Layer::EngineIo(PlainClient::new(id, &root, &link, snapshot, at, unix_ms()))
    };
    let mut driver = Driver::new(
        Arc::clone(shared),
        Arc::clone(&handle),
        layer,
        websocket.map(|websocket| *websocket),
        at,
    );
    if let Some(arrival) = arrival {
        driver.join_in_order(arrival);
    }
    if kind == TransportKind::WebSocket {
        driver.greet(greeting(shared, id, kind));
    }
    opened(&handle, snapshot);
    shared.runtime.spawn(driver);
    if shared.lifecycle.is_closing() {
        // It slipped in while the doors were being shut.
        handle.cut();
    }
    Ok(())
}

impl Connection {
    /// Asks the host whether a request may open a session, if it wants to be asked.
    async fn ask_admission(&self, request: &Request<Incoming>) -> Result<(), ConnectionError> {
        if !self.shared.context.hooks.has(Hook::AllowRequest) {
            return Ok(());
        }
        let request = self.snapshot(request);
        let decision = self.ask(&request, About::Admission).await;
        match decision {
            Some(Decision::Accept(_)) => Ok(()),
            Some(Decision::Reject(rejection)) => Err(ConnectionError::Forbidden {
                // As with the official server, an empty text is the default text here.
                message: rejection.message.filter(|message| !message.is_empty()),
            }),
            _ => Err(ConnectionError::Forbidden { message: None }),
        }
    }

    /// Adds the headers that the host wants in an answer, if it wants to be asked.
    async fn add_headers(
        &self,
        request: &Request<Incoming>,
        occasion: Occasion,
        extra: &mut HeaderMap,
    ) {
        if self.shared.context.hooks.has(Hook::Headers)
            && let Ok(headers) = self.ask_headers(request, occasion).await
        {
            extra.extend(headers);
        }
    }

    /// The headers that the host wants in an answer.
    pub(in crate::server) async fn ask_headers(
        &self,
        request: &Request<Incoming>,
        occasion: Occasion,
    ) -> Result<HeaderMap, ()> {
        let request = self.snapshot(request);
        let decision = self.ask(&request, About::Headers(occasion)).await;
        let Some(Decision::Accept(headers)) = decision else {
            return Err(());
        };
        let parsed = headers.into_iter().filter_map(|(name, value)| {
            Some((
                HeaderName::try_from(name).ok()?,
                HeaderValue::try_from(value).ok()?,
            ))
        });
        Ok(parsed.collect())
    }

    /// Puts a question to the host, to one listener after the other, until it is answered or its time has run out.
    async fn ask(&self, request: &Arc<Snapshot>, about: About) -> Option<Decision> {
        let shared = &self.shared;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        // Nobody listens any more when the client has gone.
        let mut question = Question::new(move |answer| drop(sender.send(answer)));
        let _withdrawal = Withdrawal(question.clone());
        let deadline = now() + shared.config.answer_timeout();
        loop {
            let event = match about {
                About::Admission => RequestEvent::AllowRequest {
                    question: &question,
                },
                About::Headers(first) => RequestEvent::Headers {
                    first,
                    question: &question,
                },
            };
            let event = Event::of_request(request, event, shared.context.clock.now());
            if shared.sink.offer(&event).is_err() {
                shared.count_full_queue();
                return Some(Decision::Reject(Rejection {
                    message: Some("Too many requests wait for the server".to_owned()),
                    ..Rejection::default()
                }));
            }
            shared.sink.ring();
            match tokio::time::timeout_at(deadline.into(), receiver.recv()).await {
                Ok(Some(Decision::Next)) => question = question.next_step(),
                Ok(decision) => return decision,
                Err(_) => {
                    shared.stats.deadline_question_total.add(1);
                    self.log_unanswered();
                    question.expire();
                    return None;
                }
            }
        }
    }
}

/// Takes a question back when the request that it is about has ended, or its connection.
struct Withdrawal(Question);

impl Drop for Withdrawal {
    fn drop(&mut self) {
        // One that was answered stays answered.
        let _ = self.0.expire();
    }
}

#[derive(Clone, Copy)]
enum About {
    Admission,
    Headers(Occasion),
}
