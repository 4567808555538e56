//! The handshake: the query of a request, the errors of a refused request, and the open packet that answers an accepted
//! one.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use crate::engineio::handshake::Field::{Number, Text};
use crate::engineio::{SessionId, TransportKind};

/// The query parameters of Engine.IO. The last value of a repeated parameter counts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HandshakeQuery<'a> {
    /// `EIO`: `4` is protocol 4; any other value, and no value, is protocol 3.
    pub eio: Option<Cow<'a, str>>,
    /// `transport`
    pub transport: Option<Cow<'a, str>>,
    /// `sid`
    pub sid: Option<Cow<'a, str>>,
    /// `b64`: if it is not empty, binary messages are sent as base64 text.
    pub b64: bool,
}

impl<'a> HandshakeQuery<'a> {
    /// Parses a query string: the part of the URL after the `?`.
    pub fn parse(query: &'a str) -> Self {
        let mut parsed = Self::default();
        for (name, value) in pairs(query) {
            match &*name {
                "EIO" => parsed.eio = Some(value),
                "transport" => parsed.transport = Some(value),
                "sid" => parsed.sid = Some(value),
                "b64" => parsed.b64 = !value.is_empty(),
                _ => {}
            }
        }
        // An empty sid counts as absent, as on the official server.
        parsed.sid = parsed.sid.filter(|sid| !sid.is_empty());
        parsed
    }

    /// The protocol revision of the request.
    pub fn revision(&self) -> u8 {
        if self.eio.as_deref() == Some("4") {
            4
        } else {
            3
        }
    }

    /// The transport of the request; `None` if the name is unknown.
    pub fn transport_kind(&self) -> Option<TransportKind> {
        match self.transport.as_deref() {
            Some("polling") => Some(TransportKind::Polling),
            Some("websocket") => Some(TransportKind::WebSocket),
            _ => None,
        }
    }
}

/// The decoded name-value pairs of a query string.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            // Searching bytes takes a tenth of the time of searching text, and every long-polling request is parsed
            // here.
            let equals = pair.bytes().position(|byte| byte == b'=');
            let (name, value) = match equals {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, ""),
            };
            (decode(name), decode(value))
        })
}

/// Percent-decodes a text, with `+` as a space. Invalid escapes are kept; invalid UTF-8 is replaced with U+FFFD.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| bytes.get(at + i).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', _, _) => decoded.push(b' '),
            (other, _, _) => decoded.push(other),
        }
        at += 1;
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// Why a request was refused: the six codes of the protocol, each with its context for the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionError {
    /// 0: the transport is unknown or disabled.
    UnknownTransport {
        /// The value in the request.
        transport: String,
    },
    /// 1: the session does not exist.
    UnknownSid {
        /// The value in the request.
        sid: String,
    },
    /// 2: the method is wrong: a session is opened with GET.
    BadHandshakeMethod {
        /// The method of the request.
        method: String,
    },
    /// 3: another fault of the request.
    BadRequest(BadRequest),
    /// 4: the host has refused the request.
    Forbidden {
        /// The host's message, which replaces the standard message.
        message: Option<String>,
    },
    /// 5: the protocol revision is not supported.
    UnsupportedProtocolVersion {
        /// The revision of the request.
        revision: u8,
    },
}

/// What is wrong with a request. The names are those of the official server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadRequest {
    /// The Origin header has invalid bytes.
    InvalidOrigin {
        /// The value, with U+FFFD for the invalid bytes.
        origin: String,
    },
    /// The session uses another transport.
    TransportMismatch {
        /// The transport of the request.
        transport: TransportKind,
        /// The transport of the session.
        previous: TransportKind,
    },
    /// The session uses another protocol revision.
    ProtocolMismatch {
        /// The revision of the request.
        revision: u8,
        /// The revision of the session.
        previous: u8,
    },
    /// `transport=websocket` without an upgrade to WebSocket.
    TransportHandshakeError,
    /// A session id could not be generated, or was generated twice.
    IdGenerationError,
    /// The server has as many connections as allowed.
    TooManyConnections,
    /// A WebSocket request with HTTP/1.0, for example from a proxy that does not use HTTP/1.1 towards the server.
    UpgradeOverHttp10,
}

impl BadRequest {
    /// The name in the context of the error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::InvalidOrigin { .. } => "INVALID_ORIGIN",
            Self::TransportMismatch { .. } => "TRANSPORT_MISMATCH",
            Self::ProtocolMismatch { .. } => "PROTOCOL_MISMATCH",
            Self::TransportHandshakeError => "TRANSPORT_HANDSHAKE_ERROR",
            Self::IdGenerationError => "ID_GENERATION_ERROR",
            Self::TooManyConnections => "TOO_MANY_CONNECTIONS",
            Self::UpgradeOverHttp10 => "UPGRADE_OVER_HTTP_1_0",
        }
    }
}

impl ConnectionError {
    /// The code on the wire.
    pub fn code(&self) -> u8 {
        match self {
            Self::UnknownTransport { .. } => 0,
            Self::UnknownSid { .. } => 1,
            Self::BadHandshakeMethod { .. } => 2,
            Self::BadRequest(_) => 3,
            Self::Forbidden { .. } => 4,
            Self::UnsupportedProtocolVersion { .. } => 5,
        }
    }

    /// The standard message.
    pub fn message(&self) -> &'static str {
        match self {
            Self::UnknownTransport { .. } => "Transport unknown",
            Self::UnknownSid { .. } => "Session ID unknown",
            Self::BadHandshakeMethod { .. } => "Bad handshake method",
            Self::BadRequest(_) => "Bad request",
            Self::Forbidden { .. } => "Forbidden",
            Self::UnsupportedProtocolVersion { .. } => "Unsupported protocol version",
        }
    }

    /// The message for the client.
    pub fn wire_message(&self) -> &str {
        match self {
            Self::Forbidden {
                message: Some(message),
            } => message,
            _ => self.message(),
        }
    }

    /// The JSON body of the HTTP response.
    pub fn body(&self) -> String {
        let mut body = format!("{{\"code\":{},\"message\":", self.code()).into_bytes();
        crate::json::write_string(&mut body, self.wire_message());
        body.push(b'}');
        String::from_utf8(body).unwrap_or_default()
    }

    /// The HTTP status of the response.
    pub fn status(&self) -> u16 {
        match self {
            Self::Forbidden { .. } => 403,
            _ => 400,
        }
    }

    /// The context of the error for the host: a JSON object with the keys of the official server.
    pub fn context(&self) -> String {
        match self {
            Self::UnknownTransport { transport } => object(&[("transport", Text(transport))]),
            Self::UnknownSid { sid } => object(&[("sid", Text(sid))]),
            Self::BadHandshakeMethod { method } => object(&[("method", Text(method))]),
            Self::BadRequest(reason) => reason.context(),
            Self::Forbidden { message } => {
                let message = message.as_deref().unwrap_or("Forbidden");
                object(&[("message", Text(message))])
            }
            Self::UnsupportedProtocolVersion { revision } => {
                object(&[("protocol", Number(*revision))])
            }
        }
    }
}

impl BadRequest {
    fn context(&self) -> String {
        let name = ("name", Text(self.name()));
        match self {
            Self::InvalidOrigin { origin } => object(&[name, ("origin", Text(origin))]),
            Self::TransportMismatch {
                transport,
                previous,
            } => object(&[
                name,
                ("transport", Text(transport.name())),
                ("previousTransport", Text(previous.name())),
            ]),
            Self::ProtocolMismatch { revision, previous } => object(&[
                name,
                ("protocol", Number(*revision)),
                ("previousProtocol", Number(*previous)),
            ]),
            _ => object(&[name]),
        }
    }
}

/// A value in the context of an error.
#[derive(Clone, Copy)]
enum Field<'a> {
    Text(&'a str),
    Number(u8),
}

fn object(fields: &[(&str, Field<'_>)]) -> String {
    let mut text = vec![b'{'];
    for (at, (name, value)) in fields.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        crate::json::write_string(&mut text, name);
        text.push(b':');
        match value {
            Text(value) => crate::json::write_string(&mut text, value),
            Number(value) => text.extend_from_slice(value.to_string().as_bytes()),
        }
    }
    text.push(b'}');
    String::from_utf8(text).unwrap_or_default()
}

/// The content of the open packet.
#[derive(Debug, Clone, Copy)]
pub struct OpenPacket {
    /// The session's id.
    pub sid: SessionId,
    /// Whether the client may upgrade to WebSocket.
    pub upgrade: bool,
    /// The heartbeat's interval.
    pub ping_interval: Duration,
    /// The time in which the client must answer a ping.
    pub ping_timeout: Duration,
    /// The largest request body or message that the server accepts, in bytes.
    pub max_payload: usize,
}

impl OpenPacket {
    /// The packet as text, with its leading `0`. The keys have the order of the official server.
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(128);
        let upgrades = if self.upgrade { "\"websocket\"" } else { "" };
        let _ = write!(
            text,
            "0{{\"sid\":\"{}\",\"upgrades\":[{upgrades}],\"pingInterval\":{},\"pingTimeout\":{},\"maxPayload\":{}}}",
            self.sid.as_str(),
            self.ping_interval.as_millis(),
            self.ping_timeout.as_millis(),
            self.max_payload,
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_leniently() {
        let query = HandshakeQuery::parse("EIO=4&transport=polling&t=abc&b64=1");
        assert_eq!(
            (query.revision(), query.transport_kind()),
            (4, Some(TransportKind::Polling))
        );
        assert!(query.b64 && query.sid.is_none());
        for (text, transport) in [
            (
                "transport=websocket&transport=polling",
                Some(TransportKind::Polling),
            ),
            ("transport=poll%69ng", Some(TransportKind::Polling)),
            ("transport=__proto__", None),
            ("transport", None),
            ("transport=%", None),
            ("", None),
        ] {
            assert_eq!(
                HandshakeQuery::parse(text).transport_kind(),
                transport,
                "{text}"
            );
        }
        for text in ["", "EIO=3", "EIO=abc", "EIO=44", "EIO=4&EIO=3"] {
            assert_eq!(HandshakeQuery::parse(text).revision(), 3, "{text}");
        }
    }

    #[test]
    fn bodies_are_the_official_ones() {
        let unknown = ConnectionError::UnknownTransport {
            transport: "x".into(),
        };
        assert_eq!(
            unknown.body(),
            r#"{"code":0,"message":"Transport unknown"}"#
        );
        let refused = ConnectionError::Forbidden {
            message: Some("say \"please\"".into()),
        };
        assert_eq!(
            (refused.status(), refused.body().as_str()),
            (403, r#"{"code":4,"message":"say \"please\""}"#)
        );
    }

    #[test]
    fn the_open_packet_has_the_official_order() {
        let sid = SessionId::parse("Lbo5JLzTotvW3g2LAAAA").unwrap();
        let open = OpenPacket {
            sid,
            upgrade: true,
            ping_interval: Duration::from_millis(25_000),
            ping_timeout: Duration::from_millis(20_000),
            max_payload: 1_000_000,
        };
        assert_eq!(
            open.encode(),
            r#"0{"sid":"Lbo5JLzTotvW3g2LAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        );
    }
}
