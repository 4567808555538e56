//! Responses to requests that the server refuses.

use crate::http::Response;

/// Code 0: the transport does not exist, or the options exclude it.
pub const TRANSPORT_UNKNOWN: &str = r#"{"code":0,"message":"Transport unknown"}"#;
/// Code 1: the session does not exist or has ended.
pub const SESSION_UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
/// Code 2: only GET opens a session.
pub const BAD_METHOD: &str = r#"{"code":2,"message":"Bad handshake method"}"#;
/// Code 3: a bad request; only the host gets the details.
pub const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
/// Code 5: another revision of Engine.IO.
pub const UNSUPPORTED_VERSION: &str = r#"{"code":5,"message":"Unsupported protocol version"}"#;

/// Asserts that the request was refused with this body.
#[track_caller]
pub fn check_refused(response: &Response, body: &str) {
    assert_eq!((response.status, response.text()), (400, body));
    assert_eq!(response.header("content-type"), Some("application/json"));
}
