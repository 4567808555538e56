//! The handshake: what a request asks for, why it can be refused, and the open packet that answers it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use crate::engineio::handshake::Field::{Number, Text};
use crate::engineio::{SessionId, TransportKind};

/// The query parameters that mean something to Engine.IO. Of a repeated one the last counts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HandshakeQuery<'a> {
    /// `EIO`: exactly `4` is protocol 4; everything else, its absence included, is protocol 3.
    pub eio: Option<Cow<'a, str>>,
    /// `transport`
    pub transport: Option<Cow<'a, str>>,
    /// `sid`
    pub sid: Option<Cow<'a, str>>,
    /// `b64`, not empty: binary is to be sent as text.
    pub b64: bool,
}

impl<'a> HandshakeQuery<'a> {
    /// Reads a query string (what stands behind the `?`).
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
        // An empty sid is no sid, as for the official server.
        parsed.sid = parsed.sid.filter(|sid| !sid.is_empty());
        parsed
    }

    /// The protocol revision that the request speaks.
    pub fn revision(&self) -> u8 {
        if self.eio.as_deref() == Some("4") {
            4
        } else {
            3
        }
    }

    /// The transport that the request names, if there is such a transport.
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
            // Searching bytes costs a tenth of searching text, and every request of long-polling comes by here.
            let equals = pair.bytes().position(|byte| byte == b'=');
            let (name, value) = match equals {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, ""),
            };
            (decode(name), decode(value))
        })
}

/// Percent-decoding with `+` as a space; what is not valid stays as it is, what is not UTF-8 is replaced.
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

/// Why a request was refused: the protocol's six codes, each with what the host may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionError {
    /// 0: no such transport, or it is switched off.
    UnknownTransport {
        /// What the request named.
        transport: String,
    },
    /// 1: no such session.
    UnknownSid {
        /// What the request named.
        sid: String,
    },
    /// 2: a session is opened with GET.
    BadHandshakeMethod {
        /// What the request used.
        method: String,
    },
    /// 3: anything else.
    BadRequest(BadRequest),
    /// 4: the host said no.
    Forbidden {
        /// The host's words; they replace the standard message on the wire.
        message: Option<String>,
    },
    /// 5: a protocol revision that is not spoken here.
    UnsupportedProtocolVersion {
        /// The revision.
        revision: u8,
    },
}

/// What was bad about a request; the names are the official server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadRequest {
    /// The Origin header holds bytes that no header may hold.
    InvalidOrigin {
        /// What it holds, with replacements for these bytes.
        origin: String,
    },
    /// The session lives on another transport.
    TransportMismatch {
        /// The transport of the request.
        transport: TransportKind,
        /// The transport of the session.
        previous: TransportKind,
    },
    /// The session speaks another revision.
    ProtocolMismatch {
        /// The revision of the request.
        revision: u8,
        /// The revision of the session.
        previous: u8,
    },
    /// `transport=websocket` without an upgrade.
    TransportHandshakeError,
    /// The id source failed, or gave an id twice.
    IdGenerationError,
    /// The server takes no more connections.
    TooManyConnections,
    /// A WebSocket over HTTP/1.0: a proxy does not speak HTTP/1.1 to the server.
    UpgradeOverHttp10,
}

impl BadRequest {
    /// The name in the error's context.
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

    /// The message that the client is given.
    pub fn wire_message(&self) -> &str {
        match self {
            Self::Forbidden {
                message: Some(message),
            } => message,
            _ => self.message(),
        }
    }

    /// The JSON body of the HTTP answer.
    pub fn body(&self) -> String {
        let mut body = format!("{{\"code\":{},\"message\":", self.code()).into_bytes();
        crate::json::write_string(&mut body, self.wire_message());
        body.push(b'}');
        String::from_utf8(body).unwrap_or_default()
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Forbidden { .. } => 403,
            _ => 400,
        }
    }

    /// What the host is told besides code and message, as a JSON object with the official server's keys.
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

/// A value in an error's context.
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

/// What the open packet tells the client.
#[derive(Debug, Clone, Copy)]
pub struct OpenPacket {
    /// The session's id.
    pub sid: SessionId,
    /// Whether an upgrade to WebSocket is offered.
    pub upgrade: bool,
    /// The heartbeat's interval.
    pub ping_interval: Duration,
    /// How long a pong may take.
    pub ping_timeout: Duration,
    /// The largest body or message that the server takes, in bytes.
    pub max_payload: usize,
}

impl OpenPacket {
    /// The packet as text, with its leading `0`; the keys stand in the official order.
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
