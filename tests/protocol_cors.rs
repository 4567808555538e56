//! Headers for browsers: CORS and the cookie.

use conformance::{Client, Http, Polling, Response, Server, WebSocket};
use serde_json::{Value, json};

const POLLING: &str = "EIO=4&transport=polling";
const A: (&str, &str) = ("Origin", "https://a.example");
const B: (&str, &str) = ("Origin", "https://b.example");

fn with_cors(cors: &Value) -> Server {
    Server::with(&json!({"cors": cors}))
}

fn cors_headers(response: &Response) -> Vec<(String, String)> {
    let mut headers: Vec<_> = response
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, _)| name.starts_with("access-control-") || name == "vary")
        .collect();
    headers.sort();
    headers
}

/// Checks the CORS headers of a handshake, name by name in alphabetical order.
#[track_caller]
fn check(server: &Server, origin: (&str, &str), expected: &[(&str, &str)]) {
    let response = server.ask("GET", POLLING, &[origin], b"");
    assert_eq!(response.status, 200);
    assert_eq!(borrowed(&cors_headers(&response)), expected);
}

/// Checks the answer to a preflight request.
#[track_caller]
fn check_preflight(server: &Server, headers: &[(&str, &str)], expected: &[(&str, &str)]) {
    let response = server.ask("OPTIONS", POLLING, headers, b"");
    assert_eq!((response.status, response.text()), (204, ""));
    // The official server sends a length for older browsers; RFC 9110 forbids one with 204.
    assert!(matches!(
        response.header("content-length"),
        None | Some("0")
    ));
    assert_eq!(borrowed(&cors_headers(&response)), expected);
}

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

// Origins.

#[test]
fn nothing_is_allowed_by_default() {
    let server = Server::start();
    check(&server, A, &[]);
    let response = server.ask("OPTIONS", POLLING, &[A], b"");
    assert_eq!(response.status, 400);
    assert_eq!(
        response.text(),
        r#"{"code":2,"message":"Bad handshake method"}"#
    );
    assert!(cors_headers(&response).is_empty());
}

#[test]
fn everything_is_allowed() {
    let server = with_cors(&json!({"origin": "*"}));
    check(&server, A, &[("access-control-allow-origin", "*")]);
    let response = server.get(POLLING);
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn one_origin_is_allowed() {
    let server = with_cors(&json!({"origin": "https://a.example"}));
    let expected = [
        ("access-control-allow-origin", "https://a.example"),
        ("vary", "Origin"),
    ];
    check(&server, A, &expected);
    // Other origins get the same header, and their browsers refuse the response.
    check(&server, B, &expected);
}

#[test]
fn listed_origins_are_allowed() {
    let server = with_cors(&json!({"origin": ["https://a.example", "https://c.example"]}));
    check(
        &server,
        A,
        &[
            ("access-control-allow-origin", "https://a.example"),
            ("vary", "Origin"),
        ],
    );
    check(&server, B, &[("vary", "Origin")]);
}

#[test]
fn every_origin_by_its_name() {
    let server = with_cors(&json!({"origin": true}));
    for origin in [A, B] {
        check(
            &server,
            origin,
            &[
                ("access-control-allow-origin", origin.1),
                ("vary", "Origin"),
            ],
        );
    }
}

#[test]
fn no_origin() {
    let server = with_cors(&json!({"origin": false}));
    check(&server, A, &[]);
}

#[test]
fn credentials_and_exposed_headers() {
    let server = with_cors(&json!({
        "origin": "https://a.example", "credentials": true, "exposedHeaders": ["X-One", "X-Two"],
    }));
    check(
        &server,
        A,
        &[
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-origin", "https://a.example"),
            ("access-control-expose-headers", "X-One,X-Two"),
            ("vary", "Origin"),
        ],
    );
}

#[test]
fn every_answer_has_the_headers() {
    let server = with_cors(&json!({"origin": "*"}));
    let mut polling = Polling::connect(&server);
    let allowed = |response: &Response| {
        assert_eq!(
            response.header("access-control-allow-origin"),
            Some("*"),
            "{response:?}"
        );
    };
    allowed(&polling.post_response("40"));
    allowed(&polling.poll_response());
    allowed(&server.get("EIO=4&transport=abc"));
    allowed(&server.get("EIO=4&transport=polling&sid=unknown"));
    allowed(&server.ask("POST", POLLING, &[], b""));
    let websocket = WebSocket::connect(&server);
    allowed(&websocket.response);
    let websocket = WebSocket::upgrade(&server, &polling.sid);
    allowed(&websocket.response);
}

// Preflight.

#[test]
fn a_preflight_request_is_answered() {
    let server = with_cors(&json!({"origin": "https://a.example", "credentials": true}));
    check_preflight(
        &server,
        &[
            A,
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "x-a, x-b"),
        ],
        &[
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "x-a, x-b"),
            (
                "access-control-allow-methods",
                "GET,HEAD,PUT,PATCH,POST,DELETE",
            ),
            ("access-control-allow-origin", "https://a.example"),
            ("vary", "Origin, Access-Control-Request-Headers"),
        ],
    );
}

#[test]
fn a_preflight_request_has_its_options() {
    let server = with_cors(&json!({
        "origin": "*", "methods": ["GET", "POST"], "allowedHeaders": ["x-a"], "maxAge": 600,
    }));
    check_preflight(
        &server,
        &[A, ("Access-Control-Request-Method", "POST")],
        &[
            ("access-control-allow-headers", "x-a"),
            ("access-control-allow-methods", "GET,POST"),
            ("access-control-allow-origin", "*"),
            ("access-control-max-age", "600"),
        ],
    );
    let server = with_cors(&json!({"origin": "*", "optionsSuccessStatus": 200}));
    assert_eq!(server.ask("OPTIONS", POLLING, &[A], b"").status, 200);
}

#[test]
fn a_preflight_request_of_a_session() {
    let server = with_cors(&json!({"origin": "*"}));
    let mut polling = Polling::connect(&server);
    let response =
        Http::connect(server.endpoint()).request("OPTIONS", &polling.target(), &[A], b"");
    assert_eq!(response.status, 204);
    polling.post("40");
    assert!(polling.poll()[0].starts_with("40{"));
}

#[test]
fn a_preflight_request_may_go_on() {
    let server = with_cors(&json!({"origin": "*", "preflightContinue": true}));
    let response = server.ask("OPTIONS", POLLING, &[A], b"");
    assert_eq!(response.status, 400);
    assert_eq!(
        response.text(),
        r#"{"code":2,"message":"Bad handshake method"}"#
    );
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
}

// The cookie.

#[track_caller]
fn check_cookie(cookie: &Value, expected: &str) {
    let server = Server::with(&json!({"cookie": cookie}));
    let response = server.get(POLLING);
    let sid = &response.text()[9..29];
    assert_eq!(
        response.header("set-cookie"),
        Some(expected.replace("SID", sid).as_str())
    );
}

#[test]
fn no_cookie_by_default() {
    let server = Server::start();
    assert_eq!(server.get(POLLING).header("set-cookie"), None);
    let server = Server::with(&json!({"cookie": false}));
    assert_eq!(server.get(POLLING).header("set-cookie"), None);
}

#[test]
fn the_cookie_holds_the_session_id() {
    check_cookie(&json!(true), "io=SID; Path=/; HttpOnly; SameSite=Lax");
    check_cookie(&json!({}), "io=SID; Path=/; HttpOnly; SameSite=Lax");
}

#[test]
fn the_cookie_has_its_options() {
    check_cookie(
        &json!({"name": "sid", "path": "/x", "sameSite": "strict", "maxAge": 10,
                "domain": "a.example", "secure": true}),
        "sid=SID; Max-Age=10; Domain=a.example; Path=/x; HttpOnly; Secure; SameSite=Strict",
    );
    check_cookie(
        &json!({"httpOnly": false, "sameSite": "none"}),
        "io=SID; Path=/; SameSite=None",
    );
    check_cookie(&json!({"path": false}), "io=SID; HttpOnly; SameSite=Lax");
    check_cookie(&json!({"sameSite": false}), "io=SID; Path=/; HttpOnly");
}

#[test]
fn the_cookie_is_set_once() {
    let server = Server::with(&json!({"cookie": true}));
    let mut polling = Polling::connect(&server);
    assert_eq!(polling.post_response("40").header("set-cookie"), None);
    assert_eq!(polling.poll_response().header("set-cookie"), None);
    let websocket = WebSocket::connect(&server);
    assert_eq!(websocket.response.header("set-cookie"), None);
    let websocket = WebSocket::upgrade(&server, &polling.sid);
    assert_eq!(websocket.response.header("set-cookie"), None);
    Client::connect(&server);
}
