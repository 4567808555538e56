//! The heads of requests, byte for byte: which are refused, which characters a
//! URL may have, and what the handshake contains.

use std::sync::LazyLock;

use conformance::refusal::{BAD_METHOD, check_refused};
use conformance::{
    Client, Difference, Http, Polling, Server, Transport, WebSocket, differs, eventually,
};
use serde_json::{Value, json};

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

/// The status of the response to these bytes. The server may respond before it has read all of them.
fn status_of(bytes: &[u8]) -> u16 {
    let mut http = Http::connect(SERVER.endpoint());
    http.write(bytes);
    http.receive_head().status
}

/// Sends a head that is refused with an empty 400 and the end of the connection.
#[track_caller]
fn check_bad_head(bytes: &[u8]) {
    let mut http = Http::connect(SERVER.endpoint());
    http.write(bytes);
    let response = http.receive_head();
    let shown = String::from_utf8_lossy(bytes);
    assert_eq!(response.status, 400, "{shown}");
    let rest = http.wire().read_to_end();
    // Node.js ends an empty body with an empty chunk.
    assert!(rest.is_empty() || rest == b"0\r\n\r\n", "{shown}: {rest:?}");
}

/// The content of `socket.handshake` after a handshake with this head.
fn handshake_of(server: &Server, head: &[u8]) -> Value {
    let mut http = Http::connect(server.endpoint());
    http.write(head);
    let response = http.receive();
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(head));
    let open: Value = serde_json::from_str(&response.text()[1..]).expect("an open packet");
    let sid = open["sid"].as_str().expect("a sid");
    let target = format!("{HANDSHAKE}&sid={sid}");
    let mut ask = |packet: &str, start: &str| {
        let posted = http.request("POST", &target, &[], packet.as_bytes());
        assert_eq!(posted.text(), "ok");
        loop {
            let polled = http.request("GET", &target, &[], b"");
            assert_eq!(polled.status, 200, "{}", polled.text());
            let mut packets = polled.text().split('\u{1e}');
            if let Some(answer) = packets.find_map(|packet| packet.strip_prefix(start)) {
                break serde_json::from_str::<Value>(answer).expect("an answer");
            }
        }
    };
    ask("40", "40");
    ask(r#"420["handshake"]"#, "430")[0].clone()
}

// Heads that are refused.

#[test]
fn every_request_names_its_host() {
    check_bad_head(format!("GET {HANDSHAKE} HTTP/1.1\r\n\r\n").as_bytes());
    check_bad_head(b"GET /elsewhere HTTP/1.1\r\nX: y\r\n\r\n");
    for head in [
        format!("GET {HANDSHAKE} HTTP/1.1\r\nHost:\r\n\r\n"),
        format!("GET {HANDSHAKE} HTTP/1.1\r\nhost: a\r\n\r\n"),
    ] {
        assert_eq!(status_of(head.as_bytes()), 200);
    }
    let mut http = Http::connect(SERVER.endpoint());
    http.write(format!("GET {HANDSHAKE} HTTP/1.0\r\n\r\n"));
    let answer = http.wire().read_to_end();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains(" 200 OK\r\n"), "{answer}");
}

#[test]
fn two_hosts_are_refused() {
    if !differs(Difference::StrictHttp) {
        return;
    }
    for second in ["a", "b"] {
        check_bad_head(
            format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\nHost: {second}\r\n\r\n").as_bytes(),
        );
    }
}

#[test]
fn lines_end_with_both_characters() {
    for head in [
        format!("GET {HANDSHAKE} HTTP/1.1\nHost: a\n\n"),
        format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
        format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\n\n"),
        format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n"),
    ] {
        check_bad_head(head.as_bytes());
    }
    // The second of two requests is checked too; Node.js reads both before it responds.
    if differs(Difference::StrictHttp) {
        let mut http = Http::connect(SERVER.endpoint());
        http.write(format!(
            "GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\n\r\nGET {HANDSHAKE} HTTP/1.1\nHost: a\n\n"
        ));
        assert_eq!(http.receive().status, 200);
        assert_eq!(http.receive_head().status, 400);
        http.wire().expect_end();
    }
    // Empty lines before a request are skipped.
    for lines in ["\r\n", "\n", "\r\n\r\n"] {
        let head = format!("{lines}GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(status_of(head.as_bytes()), 200, "{lines:?}");
    }
}

#[test]
fn where_a_body_ends_is_never_a_question() {
    let chunks = "6\r\n4hello\r\n0\r\n\r\n";
    let both = [
        ("Transfer-Encoding: chunked, gzip", chunks),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
            chunks,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            chunks,
        ),
        ("Transfer-Encoding: chunked, chunked", chunks),
        ("Transfer-Encoding: identity", chunks),
        ("Transfer-Encoding: xchunked", chunks),
        ("Transfer-Encoding: \"chunked\"", chunks),
        ("Transfer-Encoding: chunked\r\nContent-Length: 6", chunks),
        ("Content-Length: 6\r\nTransfer-Encoding: chunked", chunks),
        ("Content-Length: 6\r\nContent-Length: 6", "4hello"),
        ("Content-Length: 6, 6", "4hello"),
        ("Content-Length:", "4hello"),
    ];
    // Node.js does not decode other codings either, but passes on the encoded body.
    let ours = [
        ("Transfer-Encoding: gzip, chunked", chunks),
        (
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            chunks,
        ),
        ("Transfer-Encoding: , chunked", chunks),
    ];
    let ours = ours.into_iter().filter(|_| differs(Difference::StrictHttp));
    for (headers, body) in both.into_iter().chain(ours) {
        // The official server ends the session of such a request.
        let target = Polling::connect(&SERVER).target();
        check_bad_head(
            format!("POST {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n{body}").as_bytes(),
        );
    }
    for (headers, body) in [
        (
            "Transfer-Encoding: chunked",
            "2;name=value\r\n40\r\n0\r\nX: y\r\n\r\n",
        ),
        (
            "transfer-encoding: CHUNKED",
            "1\r\n4\r\n01\r\n0\r\n000\r\n\r\n",
        ),
        ("Content-Length: 02", "40"),
    ] {
        let polling = Polling::connect(&SERVER);
        let bytes = format!(
            "POST {} HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n{body}",
            polling.target()
        );
        assert_eq!(status_of(bytes.as_bytes()), 200, "{headers}");
    }
}

/// After a body whose end is unknown, no further request is read.
#[test]
fn no_request_hides_behind_a_body_that_ends_badly() {
    if !differs(Difference::StrictHttp) {
        return;
    }
    let hidden = format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    for end in [
        "0\r\n\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\r\n\n",
        "0\n\r\n",
        "0x\r\n\r\n",
    ] {
        let target = Polling::connect(&SERVER).target();
        check_bad_head(
            format!(
                "POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n40\r\n{end}{hidden}"
            )
            .as_bytes(),
        );
    }
}

#[test]
fn what_is_refused_is_counted() {
    if !differs(Difference::StrictHttp) {
        return;
    }
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let mut http = Http::connect(server.endpoint());
    http.write("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(http.receive_head().status, 400);
    let mut http = Http::connect(server.endpoint());
    http.write("nonsense\r\n\r\n");
    assert_eq!(http.receive_head().status, 400);
    eventually("both are counted", || {
        (observer.stat("http_errors_total") == 2).then_some(())
    });
}

#[test]
fn a_session_is_asked_with_get_and_post() {
    if !differs(Difference::RefusesOtherMethods) {
        return;
    }
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let mut client = Client::over(&server, Transport::Polling);
    let target = client.polling().target();
    let mut http = Http::connect(server.endpoint());
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        check_refused(&http.request(method, &target, &[], b""), BAD_METHOD);
    }
    observer.wait_for_log("connection_error 2");
    client.check_served(&server);
}

#[test]
fn an_upgrade_over_http_1_0_is_told_why_not() {
    if !differs(Difference::RefusesUpgradesOverHttp10) {
        return;
    }
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let polling = Client::open(&server, Transport::Polling);
    for sid in [String::new(), format!("&sid={}", polling.sid)] {
        let mut http = Http::connect(server.endpoint());
        http.write(format!(
            "GET /socket.io/?EIO=4&transport=websocket{sid} HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            conformance::websocket::KEY
        ));
        let answer = http.wire().read_to_end();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with("HTTP/1.0 400 Bad Request\r\n"),
            "{answer}"
        );
        assert!(answer.contains("HTTP/1.1"), "{answer}");
        assert!(answer.contains("proxy_http_version"), "{answer}");
    }
    observer.wait_for_log("connection_error 3");
    assert_eq!(observer.stat("connection_errors_total"), 2);
}

// Characters.

#[test]
fn a_query_holds_every_visible_character() {
    for byte in 0..=255_u8 {
        let mut head = format!("GET {HANDSHAKE}&x=a").into_bytes();
        head.push(byte);
        head.extend_from_slice(b"b HTTP/1.1\r\nHost: a\r\n\r\n");
        let expected = if byte.is_ascii_graphic() { 200 } else { 400 };
        assert_eq!(status_of(&head), expected, "{byte:#x}");
    }
}

#[test]
fn a_query_is_shown_as_it_was_written() {
    let raw = r#"x="<>"&y=[{}]|\^`&z=%22%3C"#;
    let head = format!("GET {HANDSHAKE}&{raw} HTTP/1.1\r\nHost: a\r\n\r\n");
    let handshake = handshake_of(&SERVER, head.as_bytes());
    assert_eq!(handshake["url"], json!(format!("{HANDSHAKE}&{raw}")));
    assert_eq!(handshake["query"]["x"], json!(r#""<>""#));
    assert_eq!(handshake["query"]["y"], json!(r"[{}]|\^`"));
    assert_eq!(handshake["query"]["z"], json!("\"<"));
    // The next request on the connection does not depend on this one.
    let mut http = Http::connect(SERVER.endpoint());
    http.write(format!("GET {HANDSHAKE}&x=\" HTTP/1.1\r\nHost: a\r\n\r\n").repeat(3));
    for _ in 0..3 {
        assert_eq!(http.receive().status, 200);
    }
}

#[test]
fn each_byte_of_a_header_is_a_character() {
    let mut head = format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\nX-Bytes: ").into_bytes();
    let bytes: Vec<u8> = (0x20..0x7f).chain(0x80..=0xff).collect();
    head.extend_from_slice(b"a");
    head.extend_from_slice(&bytes);
    head.extend_from_slice("\r\nX-Text: caf\u{e9}\r\n\r\n".as_bytes());
    let headers = handshake_of(&SERVER, &head)["headers"].clone();
    let expected: String = bytes.iter().copied().map(char::from).collect();
    assert_eq!(headers["x-bytes"], json!(format!("a{expected}")));
    assert_eq!(headers["x-text"], json!("caf\u{c3}\u{a9}"));
}

#[test]
fn of_a_header_with_one_value_the_first_counts() {
    let single = [
        "age",
        "authorization",
        "content-type",
        "etag",
        "expires",
        "from",
        "if-modified-since",
        "if-unmodified-since",
        "last-modified",
        "location",
        "max-forwards",
        "proxy-authorization",
        "referer",
        "retry-after",
        "server",
        "user-agent",
    ];
    let joined = ["accept", "x-forwarded-for", "x-custom", "via", "origin"];
    let mut head = format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\n");
    for value in ["one", "two"] {
        for name in single.iter().chain(&joined).chain(&["cookie"]) {
            head += &format!("{name}: {value}\r\n");
        }
    }
    head += "\r\n";
    let headers = handshake_of(&SERVER, head.as_bytes())["headers"].clone();
    for name in single {
        assert_eq!(headers[name], json!("one"), "{name}");
    }
    for name in joined {
        assert_eq!(headers[name], json!("one, two"), "{name}");
    }
    assert_eq!(headers["cookie"], json!("one; two"));
}

// Proxies.

#[test]
fn an_address_is_read_as_proxies_write_it() {
    if !differs(Difference::TrustsProxies) {
        return;
    }
    let server = Server::with(&json!({"engine": {"trustProxy": 1}}));
    let mut observer = Client::connect(&server);
    let address_of = |forwarded: &str| {
        let head =
            format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {forwarded}\r\n\r\n");
        handshake_of(&server, head.as_bytes())["address"].clone()
    };
    for (forwarded, address) in [
        ("203.0.113.7:51234", "203.0.113.7"),
        ("\"203.0.113.7:51234\"", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7:1", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("\"[2001:db8::1]:443\"", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ] {
        assert_eq!(address_of(forwarded), json!(address), "{forwarded}");
    }
    assert_eq!(observer.stat("forwarded_errors_total"), 0);
    for (count, forwarded) in (1..).zip(["unknown", "caf\u{e9}, unknown", "203.0.113.7:x", ""]) {
        assert_eq!(address_of(forwarded), json!("127.0.0.1"), "{forwarded}");
        // Only the first request has the header, so the error is counted once.
        assert_eq!(observer.stat("forwarded_errors_total"), count);
    }
}

// Origins.

/// Whether a request from this origin is served: a handshake, and a WebSocket.
fn is_served(server: &Server, headers: &[(&str, &str)]) -> [bool; 2] {
    let polling = server.ask("GET", "EIO=4&transport=polling", headers, b"");
    if polling.status != 200 {
        let refused = r#"{"code":4,"message":"Origin not allowed"}"#;
        assert_eq!((polling.status, polling.text()), (403, refused));
    }
    let query = "EIO=4&transport=websocket";
    let websocket = WebSocket::attempt(server.endpoint(), query, headers);
    if let Err(refused) = &websocket {
        let text = (refused.status, refused.text());
        assert_eq!(text, (400, "Origin not allowed"));
    }
    [polling.status == 200, websocket.is_ok()]
}

#[test]
fn origins_are_not_checked_unless_asked_for() {
    let server = Server::with(&json!({"cors": {"origin": "https://a.example"}}));
    let foreign = [("Origin", "https://evil.example")];
    assert_eq!(is_served(&server, &foreign), [true, true]);
}

#[test]
fn foreign_origins_are_refused_when_asked_for() {
    if !differs(Difference::ChecksOrigins) {
        return;
    }
    let check = json!({"checkOrigin": true});
    let fixed = json!({"origin": "https://a.example"});
    let list = json!({"origin": ["https://a.example", "https://b.example"]});
    let any = json!({"origin": "*"});
    let reflected = json!({"origin": true});
    let host = ("Host", "game.example:8080");
    for (cors, origin, is_allowed) in [
        (&json!(false), "https://evil.example", false),
        (&json!(false), "null", false),
        (&json!(false), "http://game.example:8080", true),
        (&json!(false), "https://Game.Example:8080", true),
        (&json!(false), "https://game.example", false),
        (
            &json!(false),
            "https://game.example:8080.evil.example",
            false,
        ),
        (&fixed, "https://a.example", true),
        (&fixed, "http://a.example", false),
        (&fixed, "https://b.example", false),
        (&fixed, "https://game.example:8080", true),
        (&list, "https://b.example", true),
        (&list, "https://c.example", false),
        (&any, "https://evil.example", true),
        (&reflected, "https://evil.example", true),
    ] {
        let server = Server::with(&json!({"cors": cors, "engine": check}));
        let served = is_served(&server, &[host, ("Origin", origin)]);
        assert_eq!(served, [is_allowed; 2], "{cors} {origin}");
        // Clients other than browsers send no origin.
        assert_eq!(is_served(&server, &[host]), [true, true]);
    }
    let server = Server::with(&json!({"engine": check}));
    let twice = [
        ("Origin", "http://localhost"),
        ("Origin", "http://localhost"),
    ];
    assert_eq!(is_served(&server, &twice), [false, false]);
    let mut observer = Client::connect(&server);
    observer.wait_for_log("connection_error 4");
    // Requests of an open session are refused from other origins too.
    let session = Client::over(&server, Transport::Polling);
    let query = format!("EIO=4&transport=polling&sid={}", session.sid);
    let foreign = [("Origin", "https://evil.example")];
    assert_eq!(server.ask("GET", &query, &foreign, b"").status, 403);
    assert_eq!(server.ask("POST", &query, &foreign, b"1").status, 403);
}
