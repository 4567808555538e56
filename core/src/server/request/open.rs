//! Opening sessions, and moving them to a WebSocket.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::header::{HeaderMap, SET_COOKIE};

use crate::engineio::handshake::BadRequest;
use crate::engineio::packet::{Message, Packet};
use crate::engineio::{ConnectionError, OpenPacket, SessionId, TransportKind, payload};
use crate::server::arrivals::Arrival;
use crate::server::clock::{now, unix_ms};
use crate::server::driver::{Driver, opened};
use crate::server::layer::Layer;
use crate::server::request::verify::{Upgrade, refuse};
use crate::server::request::{EngineRequest, Reply, answer};
use crate::server::sessions::{ComingWebSocket, SessionHandle};
use crate::server::shared::Shared;
use crate::socketio::client::Client;
use crate::socketio::event::Occasion;
use crate::socketio::plain::PlainClient;
use crate::socketio::{Link, Request as Snapshot};
use crate::transport::WebSocket;
use crate::transport::handshake::upgrade;

/// What a connection is for after it has become a WebSocket.
pub(in crate::server) enum Purpose {
    /// It opens a session.
    Open {
        id: SessionId,
        snapshot: Arc<Snapshot>,
        base64: bool,
    },
    /// It takes over a session.
    TakeOver {
        session: ComingWebSocket,
        base64: bool,
    },
    /// It is closed at once.
    Close,
}

impl Purpose {
    /// Hands the WebSocket to its session.
    pub(in crate::server) fn fulfil(self, shared: &Arc<Shared>, mut websocket: Box<WebSocket>) {
        match self {
            Self::Close => shared.close_websocket(websocket),
            Self::TakeOver { session, base64 } => {
                websocket.base64 = base64;
                session.deliver(websocket);
            }
            Self::Open {
                id,
                snapshot,
                base64,
            } => {
                websocket.base64 = base64;
                // The id is random. If it were taken nevertheless, the second session would have to go.
                if let Err(Some(websocket)) = start(shared, id, &snapshot, Some(websocket)) {
                    shared.close_websocket(websocket);
                }
            }
        }
    }
}

/// Opens a session.
///
/// # Errors
/// If the host, the protocol revision or a limit forbids it.
pub(super) async fn open(
    shared: &Arc<Shared>,
    request: &EngineRequest,
    upgrade: Option<Upgrade>,
    revision: u8,
    extra: &mut HeaderMap,
) -> Result<Reply, ConnectionError> {
    request.arrival.turn().await;
    request.ask_admission(shared).await?;
    if revision != 4 {
        return Err(ConnectionError::UnsupportedProtocolVersion { revision });
    }
    check_room(shared)?;
    let no_id = ConnectionError::BadRequest(BadRequest::IdGenerationError);
    let Some(id) = SessionId::random() else {
        return Err(no_id);
    };
    if let Some(upgrade) = upgrade {
        let purpose = match upgrade {
            Upgrade::WebSocket { base64 } => Purpose::Open {
                id,
                snapshot: Arc::clone(request.snapshot()),
                base64,
            },
            Upgrade::Mismatched => Purpose::Close,
        };
        return Ok(switch(shared, request, purpose, Occasion::First, extra).await);
    }
    request.add_headers(shared, Occasion::First, extra).await;
    start(shared, id, request.snapshot(), None).map_err(|_| no_id)?;
    if let Some(cookie) = &shared.cookie {
        extra.append(SET_COOKIE, cookie.header_value(id.as_str()));
    }
    let mut body = Vec::new();
    greeting(shared, id, TransportKind::Polling)
        .iter()
        .for_each(|packet| payload::encode(&mut body, packet));
    Ok(Reply::Answer(answer::payload(body, &request.head.headers)))
}

/// Checks that there is room for one more session.
fn check_room(shared: &Shared) -> Result<(), ConnectionError> {
    let open = shared.stats.clients_count.value();
    let most = shared.config.max_connections;
    let is_full = most.is_some_and(|most| open >= most as i64);
    if is_full || shared.lifecycle.is_closing() {
        shared.stats.limit_connections_total.add(i64::from(is_full));
        return refuse(BadRequest::TooManyConnections);
    }
    Ok(())
}

/// Moves a session to the WebSocket that the connection becomes.
pub(super) async fn take_over(
    shared: &Shared,
    request: &EngineRequest,
    session: &Arc<SessionHandle>,
    upgrade: Upgrade,
    extra: &mut HeaderMap,
) -> Reply {
    request.arrival.turn().await;
    let purpose = match upgrade {
        Upgrade::WebSocket { base64 } => Purpose::TakeOver {
            session: session.expect_websocket(),
            base64,
        },
        Upgrade::Mismatched => Purpose::Close,
    };
    switch(shared, request, purpose, Occasion::Later, extra).await
}

/// Accepts a WebSocket handshake.
async fn switch(
    shared: &Shared,
    request: &EngineRequest,
    purpose: Purpose,
    occasion: Occasion,
    extra: &mut HeaderMap,
) -> Reply {
    match upgrade(&request.head.method, &request.head.headers) {
        Ok(accepted) => {
            request.add_headers(shared, occasion, extra).await;
            Reply::Switch(answer::switching(accepted), purpose)
        }
        Err(error) => Reply::Answer(answer::no_websocket(error)),
    }
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

/// Creates a session and its driver.
///
/// # Errors
/// If the id is taken; the WebSocket is given back.
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
    // A session without Socket.IO is announced here, and needs no turn for that.
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
        // The shutdown may have listed the sessions before this one was added.
        handle.abort();
    }
    Ok(())
}
