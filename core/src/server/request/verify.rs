//! The checks that do not involve the host, in the order of the official server: their result says what a request asks
//! for.

use std::sync::Arc;

use http::header::{CONNECTION, ORIGIN, UPGRADE};
use http::request::Parts;
use http::{Method, Version};

use crate::engineio::handshake::BadRequest;
use crate::engineio::{ConnectionError, HandshakeQuery, TransportKind};
use crate::server::cors::is_allowed_origin;
use crate::server::request::{Admission, EngineRequest};
use crate::server::sessions::SessionHandle;
use crate::server::shared::Shared;

/// What a request asks for.
pub(super) enum Aim {
    /// To open a session: on a WebSocket if the request is an upgrade, otherwise with long-polling.
    Open {
        upgrade: Option<Upgrade>,
        /// The protocol revision, which is checked after the host has been asked.
        revision: u8,
    },
    /// To take packets from a session.
    Poll(Arc<SessionHandle>),
    /// To send packets to a session.
    Post(Arc<SessionHandle>),
    /// To move a session to a WebSocket.
    TakeOver(Arc<SessionHandle>, Upgrade),
}

/// What an upgrade is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// A session.
    WebSocket {
        /// Whether binary messages are sent as base64 text.
        base64: bool,
    },
    /// Its query has `transport=polling`. As on the official server, the upgrade is accepted, and the WebSocket is closed
    /// at once.
    Mismatched,
}

/// Whether a request is an upgrade: it has both headers, as Node requires.
pub(super) fn is_upgrade(head: &Parts) -> bool {
    let mut connection = head.headers.get_all(CONNECTION).iter();
    head.headers.contains_key(UPGRADE)
        && connection.any(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        })
}

/// Checks a request, and parses what it asks for. The query is parsed here, and nowhere else.
///
/// # Errors
/// The error of the first check that fails.
pub(super) fn verify(shared: &Shared, request: &EngineRequest) -> Result<Aim, ConnectionError> {
    let head = &request.head;
    if request.admission == Admission::Refused {
        shared.stats.limit_connections_total.add(1);
        return refuse(BadRequest::TooManyConnections);
    }
    let is_upgrade = is_upgrade(head);
    if is_upgrade && head.version < Version::HTTP_11 {
        request.log_old_upgrade();
        return refuse(BadRequest::UpgradeOverHttp10);
    }
    let query = HandshakeQuery::parse(head.uri.query().unwrap_or(""));
    let transport = verify_transport(shared, &query)?;
    verify_origin(shared, head)?;
    let upgrade = is_upgrade.then_some(match transport {
        TransportKind::WebSocket => Upgrade::WebSocket { base64: query.b64 },
        TransportKind::Polling => Upgrade::Mismatched,
    });
    if query.sid.is_some() {
        return verify_session(shared, request, &query, transport, upgrade);
    }
    if head.method != Method::GET {
        return Err(bad_method(&head.method));
    }
    if transport == TransportKind::WebSocket && !is_upgrade {
        return refuse(BadRequest::TransportHandshakeError);
    }
    let revision = query.revision();
    Ok(Aim::Open { upgrade, revision })
}

fn verify_transport(
    shared: &Shared,
    query: &HandshakeQuery<'_>,
) -> Result<TransportKind, ConnectionError> {
    let transports = &shared.config.transports;
    match query.transport_kind() {
        Some(kind @ TransportKind::Polling) if transports.polling => Ok(kind),
        Some(kind @ TransportKind::WebSocket) if transports.websocket => Ok(kind),
        _ => Err(ConnectionError::UnknownTransport {
            transport: shortened(query.transport.as_deref().unwrap_or("")),
        }),
    }
}

fn verify_origin(shared: &Shared, head: &Parts) -> Result<(), ConnectionError> {
    let is_valid = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff);
    if let Some(origin) = head.headers.get(ORIGIN)
        && !origin.as_bytes().iter().all(is_valid)
    {
        let origin = shortened(&String::from_utf8_lossy(origin.as_bytes()));
        return refuse(BadRequest::InvalidOrigin { origin });
    }
    if shared.config.check_origin && !is_allowed_origin(shared.cors.as_ref(), &head.headers) {
        return Err(ConnectionError::Forbidden {
            message: Some("Origin not allowed".to_owned()),
        });
    }
    Ok(())
}

fn verify_session(
    shared: &Shared,
    request: &EngineRequest,
    query: &HandshakeQuery<'_>,
    transport: TransportKind,
    upgrade: Option<Upgrade>,
) -> Result<Aim, ConnectionError> {
    let sid = query.sid.as_deref().unwrap_or("");
    let session = shared.sessions.find(sid).ok_or_else(|| unknown_sid(sid))?;
    let previous = session.link.transport();
    if upgrade.is_none() && previous != transport {
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
    match (upgrade, &request.head.method) {
        (Some(upgrade), _) => Ok(Aim::TakeOver(session, upgrade)),
        (None, &Method::GET) => Ok(Aim::Poll(session)),
        (None, &Method::POST) => Ok(Aim::Post(session)),
        (None, other) => Err(bad_method(other)),
    }
}

pub(super) fn refuse<T>(reason: BadRequest) -> Result<T, ConnectionError> {
    Err(ConnectionError::BadRequest(reason))
}

/// The error for a session that does not exist, or has ended.
pub(super) fn unknown_sid(sid: &str) -> ConnectionError {
    ConnectionError::UnknownSid {
        sid: shortened(sid),
    }
}

fn bad_method(method: &Method) -> ConnectionError {
    ConnectionError::BadHandshakeMethod {
        method: method.to_string(),
    }
}

/// The part of a client's text that the host is shown.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
