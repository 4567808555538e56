//! Decides whether an HTTP request may become a WebSocket (RFC 6455, section 4.2.1), in the order
//! and with the words of the official server.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;

use http::header::{
    AsHeaderName, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderName, Method, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// What goes into the `101 Switching Protocols` reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The value of `Sec-WebSocket-Protocol`: the first one the client offered.
    pub protocol: Option<HeaderValue>,
}

/// Why a request may not become a WebSocket; `Display` gives the body of the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpgradeError {
    /// The method is not GET.
    Method,
    /// `Upgrade` is not `websocket`.
    Upgrade,
    /// `Connection` does not name the upgrade.
    Connection,
    /// `Sec-WebSocket-Key` is not 16 bytes in base64.
    Key,
    /// `Sec-WebSocket-Version` is neither 13 nor 8.
    Version,
    /// `Sec-WebSocket-Protocol` is not a list of different tokens.
    Protocol,
}

impl UpgradeError {
    /// The status of the reply.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Upgrade | Self::Connection | Self::Key | Self::Version | Self::Protocol => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    /// The body of the reply.
    #[must_use]
    pub fn body(self) -> &'static str {
        match self {
            Self::Method => "Invalid HTTP method",
            Self::Upgrade => "Invalid Upgrade header",
            Self::Connection => "Invalid Connection header",
            Self::Key => "Missing or invalid Sec-WebSocket-Key header",
            Self::Version => "Missing or invalid Sec-WebSocket-Version header",
            Self::Protocol => "Invalid Sec-WebSocket-Protocol header",
        }
    }

    /// A header the reply needs beside the usual ones.
    #[must_use]
    pub fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Version => Some((SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13, 8"))),
            Self::Method | Self::Upgrade | Self::Connection | Self::Key | Self::Protocol => None,
        }
    }
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.body())
    }
}

impl Error for UpgradeError {}

/// Checks the head of an upgrade request.
///
/// # Errors
/// The request is not a WebSocket upgrade this server can take; nothing was changed.
pub fn upgrade(method: &Method, headers: &HeaderMap) -> Result<Upgrade, UpgradeError> {
    if method != Method::GET {
        return Err(UpgradeError::Method);
    }
    if !single(headers, UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
        return Err(UpgradeError::Upgrade);
    }
    if !names_upgrade(headers) {
        return Err(UpgradeError::Connection);
    }
    let key = single(headers, SEC_WEBSOCKET_KEY)
        .filter(|key| is_key(key))
        .ok_or(UpgradeError::Key)?;
    if !matches!(
        single(headers, SEC_WEBSOCKET_VERSION),
        Some(b"13") | Some(b"8")
    ) {
        return Err(UpgradeError::Version);
    }
    Ok(Upgrade {
        accept: derive_accept_key(key),
        protocol: first_protocol(headers)?,
    })
}

/// The value of a header that is there exactly once.
fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes().trim_ascii()),
        _ => None,
    }
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

/// Whether this is the base64 form of 16 bytes. The unused bits of the last digit may be set, as
/// the official server lets them.
fn is_key(key: &[u8]) -> bool {
    key.strip_suffix(b"==").is_some_and(|digits| {
        digits.len() == 22
            && digits
                .iter()
                .all(|&digit| digit.is_ascii_alphanumeric() || matches!(digit, b'+' | b'/'))
    })
}

/// The first of the offered subprotocols, if the whole offer is well-formed.
fn first_protocol(headers: &HeaderMap) -> Result<Option<HeaderValue>, UpgradeError> {
    let mut offered = HashSet::new();
    let mut first = None;
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        for token in value.as_bytes().split(|&byte| byte == b',') {
            let token = token.trim_ascii();
            let is_token = !token.is_empty() && token.iter().all(|&byte| is_token_char(byte));
            if !is_token || !offered.insert(token) {
                return Err(UpgradeError::Protocol);
            }
            first = first.or(Some(token));
        }
    }
    first
        .map(HeaderValue::from_bytes)
        .transpose()
        .map_err(|_| UpgradeError::Protocol)
}

/// A character of a token as HTTP defines it.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
