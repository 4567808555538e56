//! Decides whether an HTTP request may become a WebSocket (RFC 6455, section 4.2.1). The order of the checks and the
//! messages are those of the official server.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;

use http::header::{
    AsHeaderName, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderName, Method, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The values for the `101 Switching Protocols` response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The value of `Sec-WebSocket-Protocol`: the first protocol that the client offered.
    pub protocol: Option<HeaderValue>,
}

/// Why a request may not become a WebSocket; `Display` writes the body of the response.
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
    /// The status of the response.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Upgrade | Self::Connection | Self::Key | Self::Version | Self::Protocol => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    /// The body of the response.
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

    /// A header that the response has in addition to the usual ones.
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
/// The first rule that the request breaks.
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

/// The value of a header that occurs exactly once.
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

/// Whether this is the base64 form of 16 bytes. The unused bits of the last digit may be set, as with the official
/// server.
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

#[cfg(test)]
mod tests {
    use super::{Upgrade, UpgradeError, upgrade};
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    /// The example of RFC 6455.
    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    /// The result for the valid request with the values of one header replaced.
    fn with(name: &str, values: &[&str]) -> Result<Upgrade, UpgradeError> {
        let mut headers = HeaderMap::new();
        let kept = GOOD.into_iter().filter(|good| good.0 != name);
        for (name, value) in kept.chain(values.iter().map(|&value| (name, value))) {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        upgrade(&Method::GET, &headers)
    }

    fn accepted(protocol: Option<&'static str>) -> Result<Upgrade, UpgradeError> {
        Ok(Upgrade {
            accept: ACCEPT.to_owned(),
            protocol: protocol.map(HeaderValue::from_static),
        })
    }

    #[test]
    fn good_requests() {
        let cases: [(&str, &[&str], Option<&'static str>); 11] = [
            ("x-other", &[], None),
            ("upgrade", &["WebSocket"], None),
            ("connection", &["keep-alive, Upgrade"], None),
            ("connection", &["keep-alive", "upgrade"], None),
            ("connection", &["UPGRADE,close"], None),
            ("sec-websocket-version", &["8"], None),
            ("sec-websocket-protocol", &["chat"], Some("chat")),
            ("sec-websocket-protocol", &["a, b"], Some("a")),
            ("sec-websocket-protocol", &["a\t ,\t b.c+1"], Some("a")),
            ("sec-websocket-protocol", &["b", "a"], Some("b")),
            ("sec-websocket-extensions", &["permessage-deflate"], None),
        ];
        for (name, values, protocol) in cases {
            assert_eq!(with(name, values), accepted(protocol), "{name} {values:?}");
        }
    }

    #[test]
    fn bad_requests() {
        use UpgradeError::{Connection, Key, Protocol, Upgrade, Version};
        let cases: [(&str, &[&str], UpgradeError); 27] = [
            ("upgrade", &[], Upgrade),
            ("upgrade", &["h2c"], Upgrade),
            ("upgrade", &["websocket, h2c"], Upgrade),
            ("upgrade", &["websocket", "websocket"], Upgrade),
            ("connection", &[], Connection),
            ("connection", &["keep-alive"], Connection),
            ("connection", &["upgraded"], Connection),
            ("sec-websocket-key", &[], Key),
            ("sec-websocket-key", &[""], Key),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZQ="], Key),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZQ=a"], Key),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZQAA"], Key),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25j-Q=="], Key),
            ("sec-websocket-key", &["dGhlIHNhbXBsZSBub25jZQAAAA=="], Key),
            ("sec-websocket-version", &[], Version),
            ("sec-websocket-version", &["7"], Version),
            ("sec-websocket-version", &["14"], Version),
            ("sec-websocket-version", &["13, 8"], Version),
            ("sec-websocket-version", &["13", "13"], Version),
            ("sec-websocket-protocol", &[""], Protocol),
            ("sec-websocket-protocol", &["a,"], Protocol),
            ("sec-websocket-protocol", &["a,,b"], Protocol),
            ("sec-websocket-protocol", &["a b"], Protocol),
            ("sec-websocket-protocol", &["a/b"], Protocol),
            ("sec-websocket-protocol", &["é"], Protocol),
            ("sec-websocket-protocol", &["a, b, a"], Protocol),
            ("sec-websocket-protocol", &["a", "a"], Protocol),
        ];
        for (name, values, error) in cases {
            assert_eq!(with(name, values), Err(error), "{name} {values:?}");
        }
        let error = upgrade(&Method::POST, &HeaderMap::new());
        assert_eq!(error, Err(UpgradeError::Method));
    }

    #[test]
    fn refusals() {
        let cases = [
            (UpgradeError::Method, 405, "Invalid HTTP method"),
            (UpgradeError::Upgrade, 400, "Invalid Upgrade header"),
            (UpgradeError::Connection, 400, "Invalid Connection header"),
            (
                UpgradeError::Key,
                400,
                "Missing or invalid Sec-WebSocket-Key header",
            ),
            (
                UpgradeError::Version,
                400,
                "Missing or invalid Sec-WebSocket-Version header",
            ),
            (
                UpgradeError::Protocol,
                400,
                "Invalid Sec-WebSocket-Protocol header",
            ),
        ];
        for (error, status, body) in cases {
            assert_eq!(error.status(), status);
            assert_eq!(error.to_string(), body);
            let header = error.header();
            assert_eq!(header.is_some(), error == UpgradeError::Version);
            if let Some((name, value)) = header {
                assert_eq!(
                    (name.as_str(), value.as_bytes()),
                    ("sec-websocket-version", &b"13, 8"[..])
                );
            }
        }
    }

    #[test]
    fn a_long_offer_is_read_once() {
        let offer: Vec<String> = (0..20_000).map(|index| format!("p{index}")).collect();
        assert_eq!(
            with("sec-websocket-protocol", &[&offer.join(", ")]),
            accepted(Some("p0"))
        );
    }
}
