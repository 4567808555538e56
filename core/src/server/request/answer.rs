//! The answers that requests get, byte for byte those of the official server.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, USER_AGENT,
};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::engineio::ConnectionError;
use crate::engineio::handshake::BadRequest;
use crate::server::files::File;
use crate::transport::handshake::UpgradeError;

/// An answer with its whole body.
pub(in crate::server) type Answer = Response<Full<Bytes>>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=UTF-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What the operator of a proxy with its default settings has to read.
const HTTP_1_0: &str = "A WebSocket needs HTTP/1.1, but the request came as HTTP/1.0: \
    let the proxy speak HTTP/1.1 (nginx: proxy_http_version 1.1)";

/// A status and nothing else.
pub(in crate::server) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn with(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// A payload has more packets than allowed; none of them was dealt with.
pub(in crate::server) fn too_many_packets(packets: usize, most: usize) -> Answer {
    let text = format!(
        "the payload has {packets} packets, and maxPacketsPerPayload is {most}: send fewer in one POST"
    );
    with(StatusCode::PAYLOAD_TOO_LARGE, TEXT, text)
}

/// A payload for a GET.
pub(in crate::server) fn payload(body: Vec<u8>, request: &HeaderMap) -> Answer {
    polling(with(StatusCode::OK, TEXT, body), request)
}

/// `ok` for a POST.
pub(in crate::server) fn accepted(request: &HeaderMap) -> Answer {
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

/// One of the six errors, for a plain request.
pub(in crate::server) fn error(error: &ConnectionError) -> Answer {
    let status = match error {
        ConnectionError::BadRequest(BadRequest::TooManyConnections) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        other => StatusCode::from_u16(other.status()).unwrap_or(StatusCode::BAD_REQUEST),
    };
    with(status, JSON, error.body())
}

/// The same for an upgrade: always 400, and the connection ends.
pub(in crate::server) fn upgrade_error(error: &ConnectionError) -> Answer {
    let text = match error {
        ConnectionError::BadRequest(BadRequest::UpgradeOverHttp10) => HTTP_1_0,
        other => other.wire_message(),
    };
    closing(with(StatusCode::BAD_REQUEST, HTML, text.to_owned()))
}

/// An upgrade that is no WebSocket's.
pub(in crate::server) fn no_websocket(error: UpgradeError) -> Answer {
    let mut answer = with(error.status(), HTML, error.body());
    if let Some((name, value)) = error.header() {
        answer.headers_mut().insert(name, value);
    }
    closing(answer)
}

/// The connection ends with this answer.
pub(in crate::server) fn closing(mut answer: Answer) -> Answer {
    answer
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// What a host serves.
pub(in crate::server) fn file(file: &File, request: &HeaderMap) -> Answer {
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

/// The server's numbers.
pub(in crate::server) fn metrics(text: String) -> Answer {
    const OPEN_METRICS: HeaderValue =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    with(StatusCode::OK, OPEN_METRICS, text)
}
