//! The Engine.IO handshake: requests that open a session, the content of the open
//! packet, and the paths of the engine.

use std::collections::HashSet;
use std::sync::LazyLock;

use conformance::refusal::{TRANSPORT_UNKNOWN, UNSUPPORTED_VERSION, check_refused};
use conformance::{Client, Difference, Http, Polling, Server, Transport, WebSocket, differs};
use serde_json::{Value, json};

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

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
    // A client must not be able to guess another id from its own: ids have no long common part.
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
