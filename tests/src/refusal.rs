//! How a request that opens no session is answered.

use crate::http::Response;

/// No such transport, or not with these options.
pub const TRANSPORT_UNKNOWN: &str = r#"{"code":0,"message":"Transport unknown"}"#;
/// No such session, or not any more.
pub const SESSION_UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
/// A session is opened with GET.
pub const BAD_METHOD: &str = r#"{"code":2,"message":"Bad handshake method"}"#;
/// One of several things; the program is told which.
pub const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
/// Another revision of Engine.IO.
pub const UNSUPPORTED_VERSION: &str = r#"{"code":5,"message":"Unsupported protocol version"}"#;

/// Asserts that the request was refused with this body.
#[track_caller]
pub fn check_refused(response: &Response, body: &str) {
    assert_eq!((response.status, response.text()), (400, body));
    assert_eq!(response.header("content-type"), Some("application/json"));
}
