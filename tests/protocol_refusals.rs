//! Refused requests: the six error codes with their exact responses, the order of
//! the checks, and refused upgrades.

use std::sync::LazyLock;

use conformance::refusal::{
    BAD_METHOD, BAD_REQUEST, SESSION_UNKNOWN, TRANSPORT_UNKNOWN, UNSUPPORTED_VERSION, check_refused,
};
use conformance::{
    Client, Difference, Http, Polling, Server, Transport, WebSocket, differs, eventually,
};

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

#[track_caller]
fn check_upgrade_refused(query: &str, message: &str) {
    let response = WebSocket::attempt(SERVER.endpoint(), query, &[]).expect_err(query);
    assert_eq!(
        (response.status, response.text()),
        (400, message),
        "{query}"
    );
    assert_eq!(response.reason, "Bad Request");
    let connection = response.header("connection").map(str::to_ascii_lowercase);
    assert_eq!(connection.as_deref(), Some("close"));
    assert_eq!(response.header("content-type"), Some("text/html"));
    assert_eq!(
        response.header("content-length"),
        Some(message.len().to_string().as_str())
    );
}

// Refused HTTP requests.

#[test]
fn code_0_transport_unknown() {
    for query in [
        "EIO=4",
        "EIO=4&transport=",
        "EIO=4&transport=abc",
        "EIO=4&transport=Polling",
        "EIO=4&transport=webtransport",
        "EIO=4&transport=constructor",
        "EIO=4&transport=__proto__",
        "EIO=4&transport=toString",
        "EIO=4&transport[]=polling",
        "EIO=4&transport=tobi&sid=unknown",
        "",
    ] {
        check_refused(&SERVER.get(query), TRANSPORT_UNKNOWN);
    }
}

#[test]
fn code_1_session_unknown() {
    for sid in [
        "unknown",
        "AAAAAAAAAAAAAAAAAAAA",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "%00",
        "..%2f..%2fetc",
        &"x".repeat(2000),
    ] {
        let query = format!("EIO=4&transport=polling&sid={sid}");
        check_refused(&SERVER.get(&query), SESSION_UNKNOWN);
        check_refused(&SERVER.ask("POST", &query, &[], b"4x"), SESSION_UNKNOWN);
        check_refused(
            &SERVER.get(&query.replace("polling", "websocket")),
            SESSION_UNKNOWN,
        );
    }
}

#[test]
fn code_2_bad_handshake_method() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let response = SERVER.ask(method, "EIO=4&transport=polling", &[], b"");
        check_refused(&response, BAD_METHOD);
        let response = SERVER.ask(method, "EIO=4&transport=websocket", &[], b"");
        check_refused(&response, BAD_METHOD);
    }
}

#[test]
fn head_is_not_get() {
    let mut http = Http::connect(SERVER.endpoint());
    http.send("HEAD", "/socket.io/?EIO=4&transport=polling", &[], b"");
    assert_eq!(http.receive_head().status, 400);
}

#[test]
fn code_3_websocket_without_upgrade() {
    check_refused(&SERVER.get("EIO=4&transport=websocket"), BAD_REQUEST);
}

#[test]
fn code_3_origin_with_forbidden_characters() {
    for origin in ["http://a\u{1}b", "http://a\u{7f}b"] {
        // An HTTP parser may refuse such a header before Engine.IO sees it.
        let mut http = Http::connect(SERVER.endpoint());
        let target = "/socket.io/?EIO=4&transport=polling";
        http.send(
            "GET",
            target,
            &[("Origin", origin), ("Connection", "close")],
            b"",
        );
        let answer = http.wire().read_to_end();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{origin:?}: {answer}"
        );
    }
    for origin in ["http://a\tb", "http://caf\u{e9}.example", "null"] {
        let response = SERVER.ask("GET", "EIO=4&transport=polling", &[("Origin", origin)], b"");
        assert_eq!(response.status, 200, "{origin:?}");
    }
}

#[test]
fn code_3_another_transport_than_the_session_s() {
    let polling = Polling::connect(&SERVER);
    let query = format!("EIO=4&transport=websocket&sid={}", polling.sid);
    check_refused(&SERVER.get(&query), BAD_REQUEST);
    let client = Client::open(&SERVER, Transport::WebSocket);
    let query = format!("EIO=4&transport=polling&sid={}", client.sid);
    check_refused(&SERVER.get(&query), BAD_REQUEST);
    check_refused(&SERVER.ask("POST", &query, &[], b"4x"), BAD_REQUEST);
}

#[test]
fn code_3_another_protocol_than_the_session_s() {
    for version in ["EIO=3&", "EIO=5&", "", "EIO=&"] {
        let mut polling = Polling::connect(&SERVER);
        let query = format!("{version}transport=polling&sid={}", polling.sid);
        check_refused(&SERVER.get(&query), BAD_REQUEST);
        check_refused(&SERVER.ask("POST", &query, &[], b"4x"), BAD_REQUEST);
        // The session continues.
        polling.post("40");
        assert!(polling.poll()[0].starts_with("40{"));
    }
}

#[test]
fn code_5_unsupported_protocol_version() {
    for version in [
        "EIO=3&",
        "EIO=5&",
        "EIO=abc&",
        "EIO=04&",
        "EIO=4%20&",
        "EIO=&",
        "",
    ] {
        let response = SERVER.get(&format!("{version}transport=polling"));
        check_refused(&response, UNSUPPORTED_VERSION);
    }
}

#[test]
fn checks_are_made_in_order() {
    // Transport, then session, then transport of the session, then its protocol.
    check_refused(
        &SERVER.get("EIO=3&transport=abc&sid=unknown"),
        TRANSPORT_UNKNOWN,
    );
    check_refused(
        &SERVER.get("EIO=3&transport=websocket&sid=unknown"),
        SESSION_UNKNOWN,
    );
    let polling = Polling::connect(&SERVER);
    let query = format!("EIO=3&transport=websocket&sid={}", polling.sid);
    check_refused(&SERVER.get(&query), BAD_REQUEST);
    // Method, then upgrade, then version.
    check_refused(
        &SERVER.ask("POST", "EIO=3&transport=websocket", &[], b""),
        BAD_METHOD,
    );
    check_refused(&SERVER.get("EIO=3&transport=websocket"), BAD_REQUEST);
    check_refused(
        &SERVER.ask("POST", "EIO=3&transport=polling", &[], b""),
        BAD_METHOD,
    );
    check_refused(
        &SERVER.ask("POST", "EIO=3&transport=abc", &[], b""),
        TRANSPORT_UNKNOWN,
    );
}

#[test]
fn refusals_are_reported_to_the_program() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    server.get("EIO=4&transport=abc");
    server.get("EIO=4&transport=polling&sid=unknown");
    server.ask("POST", "EIO=4&transport=polling", &[], b"");
    server.get("EIO=4&transport=websocket");
    server.get("EIO=3&transport=polling");
    let mut polling = Polling::connect(&server);
    let mut websocket = WebSocket::upgrade(&server, &polling.sid);
    server.get(&format!("EIO=3&transport=polling&sid={}", polling.sid));
    websocket.text("5");
    polling.poll_response();
    let errors = eventually("seven lines", || {
        let mut log = observer.log();
        log.retain(|line| line.starts_with("connection_error"));
        (log.len() >= 7).then_some(log)
    });
    assert_eq!(
        errors,
        [
            r#"connection_error 0 Transport unknown {"transport":"abc"}"#,
            r#"connection_error 1 Session ID unknown {"sid":"unknown"}"#,
            r#"connection_error 2 Bad handshake method {"method":"POST"}"#,
            r#"connection_error 3 Bad request {"name":"TRANSPORT_HANDSHAKE_ERROR"}"#,
            r#"connection_error 5 Unsupported protocol version {"protocol":3}"#,
            r#"connection_error 3 Bad request {"name":"PROTOCOL_MISMATCH","protocol":3,"previousProtocol":4}"#,
            r#"connection_error 3 Bad request {"name":"TRANSPORT_MISMATCH","transport":"polling","previousTransport":"websocket"}"#,
        ]
    );
}

// Refused upgrades.

#[test]
fn upgrade_refusals_are_plain_text_and_end_the_connection() {
    check_upgrade_refused("EIO=4&transport=abc", "Transport unknown");
    check_upgrade_refused("EIO=4&transport=__proto__", "Transport unknown");
    check_upgrade_refused("EIO=4", "Transport unknown");
    check_upgrade_refused(
        "EIO=4&transport=websocket&sid=unknown",
        "Session ID unknown",
    );
    check_upgrade_refused(
        "EIO=4&transport=websocket&sid=__proto__",
        "Session ID unknown",
    );
    let polling = Polling::connect(&SERVER);
    for version in ["EIO=3&", "EIO=5&", ""] {
        let query = format!("{version}transport=websocket&sid={}", polling.sid);
        check_upgrade_refused(&query, "Bad request");
    }
}

#[test]
fn upgrade_with_unsupported_version() {
    for query in [
        "EIO=3&transport=websocket",
        "transport=websocket",
        "EIO=5&transport=websocket",
    ] {
        if differs(Difference::RefusesUnsupportedProtocolBeforeUpgrade) {
            check_upgrade_refused(query, "Unsupported protocol version");
        } else {
            let mut websocket = WebSocket::to(SERVER.endpoint(), query);
            let text = websocket.wire().read_to_end();
            let text = String::from_utf8_lossy(&text);
            assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{text}");
        }
    }
}

#[test]
fn upgrade_with_transport_polling() {
    let mut websocket = WebSocket::to(SERVER.endpoint(), "EIO=4&transport=polling");
    assert_eq!(websocket.receive_close(), None);
}

#[test]
fn upgrade_with_another_method_than_get() {
    let mut http = Http::connect(SERVER.endpoint());
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", conformance::websocket::KEY),
    ];
    let response = http.request(
        "POST",
        "/socket.io/?EIO=4&transport=websocket",
        &headers,
        b"",
    );
    assert_eq!(
        (response.status, response.text()),
        (400, "Bad handshake method")
    );
    http.wire().expect_end();
}

#[test]
fn websocket_headers_are_checked() {
    let good = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", conformance::websocket::KEY),
    ];
    let cases = [
        (
            "Sec-WebSocket-Version",
            "12",
            "Missing or invalid Sec-WebSocket-Version header",
        ),
        (
            "Sec-WebSocket-Version",
            "",
            "Missing or invalid Sec-WebSocket-Version header",
        ),
        (
            "Sec-WebSocket-Key",
            "short",
            "Missing or invalid Sec-WebSocket-Key header",
        ),
        (
            "Sec-WebSocket-Key",
            "",
            "Missing or invalid Sec-WebSocket-Key header",
        ),
    ];
    for (name, value, message) in cases {
        let headers = good.map(|(key, old)| {
            if key == name {
                (key, value)
            } else {
                (key, old)
            }
        });
        let mut http = Http::connect(SERVER.endpoint());
        let response = http.request(
            "GET",
            "/socket.io/?EIO=4&transport=websocket",
            &headers,
            b"",
        );
        assert_eq!(
            (response.status, response.text()),
            (400, message),
            "{name}: {value}"
        );
        http.wire().expect_end();
        if name == "Sec-WebSocket-Version" {
            assert!(
                response
                    .header(name)
                    .is_some_and(|versions| versions.contains("13"))
            );
        }
    }
}

#[test]
fn header_names_and_values_of_an_upgrade_are_case_insensitive() {
    let headers = [
        ("connection", "keep-alive, UPGRADE"),
        ("UPGRADE", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("SEC-WEBSOCKET-KEY", conformance::websocket::KEY),
    ];
    let mut http = Http::connect(SERVER.endpoint());
    http.send(
        "GET",
        "/socket.io/?EIO=4&transport=websocket",
        &headers,
        b"",
    );
    let mut websocket = WebSocket::accept(http).expect("upgraded");
    websocket.receive_open();
}
