//! The answers that requests get, byte for byte those of the official server.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE, USER_AGENT,
};
use http::request::Parts;
use http::{Response, StatusCode};

use crate::engineio::ConnectionError;
use crate::engineio::handshake::BadRequest;
use crate::server::cors::Outcome;
use crate::server::files::File;
use crate::server::shared::Shared;
use crate::transport::handshake::{Upgrade, UpgradeError};

/// An answer with its whole body.
pub(in crate::server) type Answer = Response<Bytes>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=UTF-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The error for an upgrade with HTTP/1.0. A proxy with its default settings sends such requests.
const HTTP_1_0: &str = "A WebSocket needs HTTP/1.1, but the request came as HTTP/1.0: \
    let the proxy speak HTTP/1.1 (nginx: proxy_http_version 1.1)";

/// An answer without a body.
pub(in crate::server) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}

fn with(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// The error for a payload with more packets than allowed; none of them was handled.
pub(super) fn too_many_packets(packets: usize, most: usize) -> Answer {
    let text = format!(
        "the payload has {packets} packets, and maxPacketsPerPayload is {most}: send fewer in one POST"
    );
    with(StatusCode::PAYLOAD_TOO_LARGE, TEXT, text)
}

/// The answer to a GET: a payload.
pub(super) fn payload(body: Vec<u8>, request: &HeaderMap) -> Answer {
    polling(with(StatusCode::OK, TEXT, body), request)
}

/// The answer to a POST: `ok`.
pub(super) fn accepted(request: &HeaderMap) -> Answer {
    polling(with(StatusCode::OK, HTML, "ok"), request)
}

fn polling(mut answer: Answer, request: &HeaderMap) -> Answer {
    answer.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    // Old Internet Explorers refuse to show an answer that looks like a script.
    let agent = request
        .get(USER_AGENT)
        .map_or(&b""[..], HeaderValue::as_bytes);
    if memchr::memmem::find(agent, b";MSIE").is_some()
        || memchr::memmem::find(agent, b"Trident/").is_some()
    {
        answer.headers_mut().insert(
            HeaderName::from_static("x-xss-protection"),
            HeaderValue::from_static("0"),
        );
    }
    answer
}

/// One of the six errors of the protocol, for a request that is not an upgrade.
pub(super) fn error(error: &ConnectionError) -> Answer {
    let status = match error {
        ConnectionError::BadRequest(BadRequest::TooManyConnections) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        other => StatusCode::from_u16(other.status()).unwrap_or(StatusCode::BAD_REQUEST),
    };
    with(status, JSON, error.body())
}

/// One of the six errors of the protocol, for an upgrade: always 400, and the connection is closed.
pub(super) fn upgrade_error(error: &ConnectionError) -> Answer {
    let text = match error {
        ConnectionError::BadRequest(BadRequest::UpgradeOverHttp10) => HTTP_1_0,
        other => other.wire_message(),
    };
    closing(with(StatusCode::BAD_REQUEST, HTML, text.to_owned()))
}

/// The answer to a preflight request, if the request is one. Otherwise `extra` gets the CORS headers of the answer.
pub(super) fn preflight(shared: &Shared, head: &Parts, extra: &mut HeaderMap) -> Option<Answer> {
    let cors = shared.cors.as_ref()?;
    match cors.apply(&head.method, &head.headers, extra) {
        Outcome::Preflight(status) => Some(empty(status)),
        Outcome::Continue => None,
    }
}

/// The answer after which the connection is a WebSocket.
pub(super) fn switching(accepted: Upgrade) -> Answer {
    let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
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

/// An upgrade that is not a valid WebSocket handshake.
pub(super) fn no_websocket(error: UpgradeError) -> Answer {
    let mut answer = with(error.status(), HTML, error.body());
    if let Some((name, value)) = error.header() {
        answer.headers_mut().insert(name, value);
    }
    closing(answer)
}

/// The same answer, after which the connection is closed.
pub(in crate::server) fn closing(mut answer: Answer) -> Answer {
    answer
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// A file of the host.
pub(super) fn file(file: &File, request: &HeaderMap) -> Answer {
    let mut answer = if request.get(IF_NONE_MATCH) == Some(&file.etag) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        with(StatusCode::OK, file.content_type.clone(), file.body.clone())
    };
    answer.headers_mut().insert(ETAG, file.etag.clone());
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
    answer
}

/// The metrics of the server.
pub(super) fn metrics(text: String) -> Answer {
    const OPEN_METRICS: HeaderValue =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    with(StatusCode::OK, OPEN_METRICS, text)
}
