//! The Engine.IO handshake: what opens a session, what is refused, in which
//! order the checks are made, and with which exact answers.

use std::collections::HashSet;
use std::sync::LazyLock;

use conformance::{
    Client, Difference, Http, Polling, Response, Server, Transport, WebSocket, differs, eventually,
};
use serde_json::{Value, json};

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

const TRANSPORT_UNKNOWN: &str = r#"{"code":0,"message":"Transport unknown"}"#;
const SESSION_UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
const BAD_METHOD: &str = r#"{"code":2,"message":"Bad handshake method"}"#;
const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
const UNSUPPORTED_VERSION: &str = r#"{"code":5,"message":"Unsupported protocol version"}"#;

#[track_caller]
fn check_refused(response: &Response, body: &str) {
    assert_eq!((response.status, response.text()), (400, body));
    assert_eq!(response.header("content-type"), Some("application/json"));
}

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

// Opening.

#[test]
fn polling_handshake_is_answered_with_the_open_packet() {
    let response = SERVER.get("EIO=4&transport=polling");
    assert_eq!((response.status, response.reason.as_str()), (200, "OK"));
    assert_eq!(
        response.header("content-type"),
        Some("text/plain; charset=UTF-8")
    );
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let length = response.body.len().to_string();
    assert_eq!(response.header("content-length"), Some(length.as_str()));
    let open = open_packet(response.text());
    let sid = open["sid"].as_str().expect("a sid is text");
    let expected = format!(
        r#"0{{"sid":"{sid}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}}"#
    );
    assert_eq!(response.text(), expected);
}

#[test]
fn websocket_handshake_is_answered_with_the_open_packet() {
    let mut websocket = WebSocket::connect(&SERVER);
    assert_eq!(
        websocket.response.header("upgrade").map(str::to_lowercase),
        Some("websocket".into())
    );
    assert_eq!(
        websocket
            .response
            .header("connection")
            .map(str::to_lowercase),
        Some("upgrade".into())
    );
    assert_eq!(websocket.response.reason, "Switching Protocols");
    let text = websocket.receive_text();
    let open = open_packet(&text);
    let sid = open["sid"].as_str().expect("a sid is text");
    let expected = format!(
        r#"0{{"sid":"{sid}","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}}"#
    );
    assert_eq!(text, expected);
}

#[test]
fn open_packet_tells_the_options() {
    let server = Server::with(&json!({
        "pingInterval": 1234, "pingTimeout": 5678, "maxHttpBufferSize": 4321,
    }));
    let open = Polling::connect(&server).open;
    assert_eq!(
        (
            &open["pingInterval"],
            &open["pingTimeout"],
            &open["maxPayload"]
        ),
        (&json!(1234), &json!(5678), &json!(4321))
    );
}

#[test]
fn upgrades_are_not_offered_when_they_are_off() {
    let server = Server::with(&json!({"allowUpgrades": false}));
    assert_eq!(Polling::connect(&server).open["upgrades"], json!([]));
}

#[test]
fn a_disabled_websocket_is_not_offered_and_unknown() {
    let server = Server::with(&json!({"transports": ["polling"]}));
    assert_eq!(Polling::connect(&server).open["upgrades"], json!([]));
    check_refused(&server.get("EIO=4&transport=websocket"), TRANSPORT_UNKNOWN);
}

#[test]
fn disabled_polling_is_unknown() {
    let server = Server::with(&json!({"transports": ["websocket"]}));
    check_refused(&server.get("EIO=4&transport=polling"), TRANSPORT_UNKNOWN);
    WebSocket::connect(&server);
}

#[test]
fn initial_packet_follows_the_open_packet() {
    let server = Server::with(&json!({"initialPacket": "hello"}));
    let response = server.get("EIO=4&transport=polling");
    let (open, message) = response.text().split_once('\x1e').expect("two packets");
    open_packet(open);
    assert_eq!(message, "4hello");
    let mut websocket = WebSocket::connect(&server);
    open_packet(&websocket.receive_text());
    assert_eq!(websocket.receive_text(), "4hello");
}

#[test]
fn sids_are_twenty_characters_and_never_the_same() {
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let sid = Polling::connect(&SERVER).sid;
        assert_eq!(sid.len(), 20, "{sid}");
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        assert!(sid.bytes().all(allowed), "{sid}");
        assert!(seen.insert(sid));
    }
    // Whoever has one must not be able to guess the next: no long part is shared.
    let starts: HashSet<_> = seen.iter().map(|sid| &sid[..8]).collect();
    assert_eq!(starts.len(), seen.len());
}

#[test]
fn socket_ids_are_not_the_session_id() {
    for transport in Transport::ALL {
        let client = Client::over(&SERVER, transport);
        assert_eq!(client.id.len(), 20);
        assert_ne!(client.id, client.sid);
    }
}

#[test]
fn other_query_parameters_are_ignored() {
    for query in [
        "EIO=4&transport=polling&t=Oabc",
        "t=1&transport=polling&x&=&&EIO=4&foo=%zz",
    ] {
        assert_eq!(SERVER.get(query).status, 200, "{query}");
    }
}

#[test]
fn the_last_of_repeated_parameters_counts() {
    assert_eq!(
        SERVER
            .get("EIO=3&EIO=4&transport=abc&transport=polling")
            .status,
        200
    );
    check_refused(
        &SERVER.get("EIO=4&transport=polling&transport=abc"),
        TRANSPORT_UNKNOWN,
    );
    check_refused(
        &SERVER.get("EIO=4&EIO=3&transport=polling"),
        UNSUPPORTED_VERSION,
    );
}

#[test]
fn parameters_are_percent_decoded() {
    assert_eq!(SERVER.get("%45IO=%34&transport=poll%69ng").status, 200);
    check_refused(&SERVER.get("EIO=4&transport=poll+ing"), TRANSPORT_UNKNOWN);
}

#[test]
fn an_empty_sid_is_no_sid() {
    assert_eq!(SERVER.get("EIO=4&transport=polling&sid=").status, 200);
}

// Refusing, over HTTP.

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
        // The session is none the worse for it.
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
    let errors = eventually("five lines", || {
        let mut log = observer.log();
        log.retain(|line| line.starts_with("connection_error"));
        (log.len() >= 5).then_some(log)
    });
    assert_eq!(
        errors,
        [
            "connection_error 0 Transport unknown",
            "connection_error 1 Session ID unknown",
            "connection_error 2 Bad handshake method",
            "connection_error 3 Bad request",
            "connection_error 5 Unsupported protocol version",
        ]
    );
}

// Refusing an upgrade.

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
    open_packet(&websocket.receive_text());
}

// The path.

#[test]
fn other_paths_are_not_found() {
    for target in [
        "/",
        "/socket.io?EIO=4&transport=polling",
        "/socket.iox/",
        "/foo",
        "*",
    ] {
        let method = if target == "*" { "OPTIONS" } else { "GET" };
        let response = Http::connect(SERVER.endpoint()).request(method, target, &[], b"");
        assert_eq!(response.status, 404, "{target}");
    }
}

#[test]
fn everything_below_the_path_belongs_to_the_engine() {
    let mut http = Http::connect(SERVER.endpoint());
    for target in [
        "/socket.io/default/?EIO=4&transport=polling",
        "/socket.io/x?EIO=4&transport=polling",
    ] {
        assert_eq!(
            http.request("GET", target, &[], b"").status,
            200,
            "{target}"
        );
    }
    check_refused(
        &http.request("GET", "/socket.io/", &[], b""),
        TRANSPORT_UNKNOWN,
    );
}

#[test]
fn the_path_is_an_option() {
    for path in ["/deep/er", "/deep/er/"] {
        let server = Server::with(&json!({"path": path}));
        let mut http = Http::connect(server.endpoint());
        let mut status = |target: &str| http.request("GET", target, &[], b"").status;
        assert_eq!(status("/deep/er/?EIO=4&transport=polling"), 200);
        assert_eq!(status("/deep/er?EIO=4&transport=polling"), 404);
        assert_eq!(status("/socket.io/?EIO=4&transport=polling"), 404);
    }
}

#[test]
fn the_trailing_slash_is_an_option() {
    let server = Server::with(&json!({"addTrailingSlash": false}));
    let mut http = Http::connect(server.endpoint());
    let mut status = |target: &str| http.request("GET", target, &[], b"").status;
    assert_eq!(status("/socket.io?EIO=4&transport=polling"), 200);
    assert_eq!(status("/socket.io/?EIO=4&transport=polling"), 200);
}

#[test]
fn an_upgrade_elsewhere_is_not_taken() {
    let endpoint = SERVER.endpoint();
    let mut http = Http::connect(endpoint);
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", conformance::websocket::KEY),
    ];
    http.send(
        "GET",
        "/elsewhere/?EIO=4&transport=websocket",
        &headers,
        b"",
    );
    if differs(Difference::AnswersForeignUpgrades) {
        assert_eq!(http.receive().status, 404);
    } else {
        http.wire().expect_end();
    }
}

fn open_packet(text: &str) -> Value {
    let json = text
        .strip_prefix('0')
        .unwrap_or_else(|| panic!("no open packet: {text}"));
    serde_json::from_str(json).expect("an open packet is JSON")
}
