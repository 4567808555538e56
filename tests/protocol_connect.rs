//! CONNECT: namespaces, auth, middleware, refusals and the deadline for joining.

use std::sync::LazyLock;
use std::time::Duration;

use conformance::http::request;
use conformance::socketio::kind;
use conformance::websocket::{Frame, KEY, Opcode};
use conformance::wire::now;
use conformance::{Client, Difference, Http, Polling, Server, Transport, WebSocket, differs};
use serde_json::{Value, json};

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// A WebSocket that has not joined a namespace.
fn opened(server: &Server) -> WebSocket {
    let mut websocket = WebSocket::connect(server);
    websocket.receive_open();
    websocket
}

/// Splits the reply to a CONNECT into its start and the id.
#[track_caller]
fn check_reply(packet: &str, start: &str) -> String {
    let json = packet
        .strip_prefix(start)
        .unwrap_or_else(|| panic!("{packet} is not {start}…"));
    let data: Value = serde_json::from_str(json).expect("the reply has data");
    let id = data["sid"].as_str().expect("an id is text").to_owned();
    assert_eq!(json, format!(r#"{{"sid":"{id}"}}"#));
    id
}

#[test]
fn the_main_namespace() {
    let mut websocket = opened(&SERVER);
    websocket.text("40");
    check_reply(&websocket.receive_text(), "40");
    assert_eq!(websocket.receive_text(), r#"42["auth",{}]"#);
}

#[test]
fn the_main_namespace_over_polling() {
    let mut polling = Polling::connect(&SERVER);
    polling.post("40");
    let mut packets = polling.poll();
    if packets.len() == 1 {
        packets.extend(polling.poll());
    }
    check_reply(&packets[0], "40");
    assert_eq!(packets[1], r#"42["auth",{}]"#);
}

#[test]
fn the_main_namespace_with_auth() {
    let mut websocket = opened(&SERVER);
    websocket.text(r#"40{"token":"123","deep":[{"a":null}]}"#);
    check_reply(&websocket.receive_text(), "40");
    assert_eq!(
        websocket.receive_text(),
        r#"42["auth",{"token":"123","deep":[{"a":null}]}]"#
    );
}

#[test]
fn the_main_namespace_by_its_name() {
    let mut websocket = opened(&SERVER);
    websocket.text("40/,");
    check_reply(&websocket.receive_text(), "40");
    assert_eq!(websocket.receive_text(), r#"42["auth",{}]"#);
}

#[test]
fn another_namespace() {
    for connect in ["40/custom,", "40/custom"] {
        let mut websocket = opened(&SERVER);
        websocket.text(connect);
        check_reply(&websocket.receive_text(), "40/custom,");
        assert_eq!(websocket.receive_text(), r#"42/custom,["auth",{}]"#);
    }
    let mut websocket = opened(&SERVER);
    websocket.text(r#"40/custom,{"token":"abc"}"#);
    check_reply(&websocket.receive_text(), "40/custom,");
    assert_eq!(
        websocket.receive_text(),
        r#"42/custom,["auth",{"token":"abc"}]"#
    );
}

#[test]
fn an_unknown_namespace_is_refused_and_the_connection_stays() {
    let mut websocket = opened(&SERVER);
    for name in [
        "/random",
        "/customs",
        "/Custom",
        "/custom/",
        "//",
        "/__proto__",
        "/custom?a=1",
    ] {
        websocket.text(&format!("40{name},"));
        let refusal = format!(r#"44{name},{{"message":"Invalid namespace"}}"#);
        assert_eq!(websocket.receive_text(), refusal);
    }
    websocket.text("40/random");
    assert_eq!(
        websocket.receive_text(),
        r#"44/random,{"message":"Invalid namespace"}"#
    );
    websocket.text("40");
    check_reply(&websocket.receive_text(), "40");
}

#[test]
fn several_namespaces_on_one_connection() {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        let custom = client.connect_to("/custom", &json!({"a": 1}));
        let auth = client.connect_to("/auth", &json!({"token": "secret"}));
        assert_ne!(client.id, custom);
        assert_ne!(custom, auth);
        client.send(r#"2/custom,["message","to custom"]"#);
        client.send(r#"2["message","to main"]"#);
        client.send(r#"2/auth,["message","to auth"]"#);
        for (nsp, text) in [
            ("/custom", "to custom"),
            ("/", "to main"),
            ("/auth", "to auth"),
        ] {
            let packet = client.receive_in(nsp);
            assert_eq!(
                (packet.event(), packet.args()),
                (Some("message-back"), &[json!(text)][..])
            );
        }
        client.send("1/custom,");
        client.expect_nothing();
        let again = client.connect_to("/custom", &json!({}));
        assert_ne!(again, custom);
    }
}

#[test]
fn namespaces_may_be_joined_in_one_payload() {
    let mut polling = Polling::connect(&SERVER);
    polling.post("40\x1e40/custom,\x1e40/random,");
    let mut packets = Vec::new();
    while packets.len() < 5 {
        packets.extend(polling.poll());
    }
    for start in ["40{", "40/custom,{", "44/random,{", "42[", "42/custom,["] {
        assert!(
            packets.iter().any(|packet| packet.starts_with(start)),
            "{start} in {packets:?}"
        );
    }
}

// Middleware.

#[test]
fn a_middleware_accepts() {
    for transport in Transport::ALL {
        Client::join(&SERVER, transport, "/auth", &json!({"token": "secret"}));
    }
}

#[test]
fn a_middleware_accepts_later() {
    for transport in Transport::ALL {
        Client::join(&SERVER, transport, "/auth", &json!({"token": "later"}));
    }
}

#[test]
fn a_middleware_refuses() {
    let mut websocket = opened(&SERVER);
    for auth in [
        "",
        "{}",
        r#"{"token":"wrong"}"#,
        r#"{"token":["secret"]}"#,
        r#"{"token":null}"#,
    ] {
        websocket.text(&format!("40/auth,{auth}"));
        let refusal = r#"44/auth,{"message":"unauthorized","data":{"code":4001}}"#;
        assert_eq!(websocket.receive_text(), refusal, "{auth}");
    }
    // The client can try again on the same connection.
    websocket.text(r#"40/auth,{"token":"secret"}"#);
    check_reply(&websocket.receive_text(), "40/auth,");
}

#[test]
fn a_refused_socket_was_never_there() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    client.send("0/auth,");
    assert_eq!(client.receive().kind, kind::CONNECT_ERROR);
    let log = client.log();
    assert!(!log.iter().any(|line| line.contains(" /auth ")), "{log:?}");
    // The client has not joined, so it must not send events.
    client.send(r#"2/auth,["message"]"#);
    client.expect_disconnection();
}

#[test]
fn packets_before_the_answer_end_the_connection() {
    let mut client = Client::connect(&SERVER);
    client.send(r#"0/auth,{"token":"later"}"#);
    client.send(r#"2/auth,["message"]"#);
    client.expect_disconnection();
}

#[test]
fn a_client_may_leave_during_middleware() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    for transport in Transport::ALL {
        let mut client = Client::open(&server, transport);
        client.send(r#"0/auth,{"token":"later"}"#);
        match transport {
            Transport::Polling => client.polling().post("1"),
            Transport::WebSocket => drop(client),
        }
    }
    // Another client connects after them and is answered after them.
    Client::join(
        &server,
        Transport::WebSocket,
        "/auth",
        &json!({"token": "later"}),
    );
    let log = observer.log();
    let joined = log
        .iter()
        .filter(|line| line.starts_with("connection /auth"))
        .count();
    assert_eq!(joined, 1, "{log:?}");
}

#[test]
fn a_client_that_is_never_answered_is_closed() {
    let server = Server::with(&json!({"connectTimeout": 300}));
    for transport in Transport::ALL {
        let mut client = Client::open(&server, transport);
        client.send(r#"0/auth,{"token":"never"}"#);
        client.expect_disconnection();
    }
}

// Deadlines.

#[test]
fn a_client_that_joins_nothing_is_closed() {
    let server = Server::with(&json!({"connectTimeout": 300}));
    let start = now();
    let mut websocket = opened(&server);
    assert_eq!(websocket.receive_close(), None);
    // The server may have read its clock a little before it armed the timer.
    assert!(
        start.elapsed() >= Duration::from_millis(200),
        "{:?}",
        start.elapsed()
    );
    let mut polling = Polling::connect(&server);
    assert_eq!(polling.poll(), ["1"]);
    assert_eq!(polling.poll_response().status, 400);
}

#[test]
fn a_refused_client_has_joined_nothing() {
    let server = Server::with(&json!({"connectTimeout": 2000}));
    let mut websocket = opened(&server);
    websocket.text("40/random,");
    assert_eq!(
        websocket.receive_text(),
        r#"44/random,{"message":"Invalid namespace"}"#
    );
    websocket.text("40/auth,");
    assert!(websocket.receive_text().starts_with("44/auth,"));
    assert_eq!(websocket.receive_close(), None);
}

#[test]
fn a_client_that_has_joined_stays() {
    let server = Server::with(&json!({"connectTimeout": 1500}));
    for transport in Transport::ALL {
        let mut client = Client::over(&server, transport);
        let waiting = Duration::from_millis(2000);
        match transport {
            Transport::WebSocket => {
                assert!(client.websocket().wire().is_silent_for(waiting));
                // Leaving the last namespace does not start a new deadline.
                client.send("1");
                assert!(client.websocket().wire().is_silent_for(waiting));
            }
            Transport::Polling => {
                client.polling().start_poll();
                let wire = client.polling().get_connection().wire();
                assert!(wire.is_silent_for(waiting));
            }
        }
    }
}

// The handshake of a socket.

#[test]
fn the_handshake_is_kept() {
    let endpoint = SERVER.endpoint();
    let headers = [
        ("Origin", "http://a.example"),
        ("X-Custom-Header", "Some Value"),
    ];
    let query = "EIO=4&transport=websocket&foo=bar&foo=b%20z&empty=";
    let mut websocket = WebSocket::attempt(endpoint, query, &headers).expect("upgraded");
    websocket.receive_open();
    websocket.text(r#"40{"token":1}"#);
    websocket.receive_text();
    websocket.receive_text();
    websocket.text(r#"420["handshake"]"#);
    let answer = websocket.receive_text();
    let answer: Value = serde_json::from_str(&answer["430".len()..]).expect("an answer");
    let handshake = &answer[0];
    assert_eq!(handshake["auth"], json!({"token": 1}));
    assert_eq!(handshake["address"], json!("127.0.0.1"));
    assert_eq!(handshake["secure"], json!(false));
    assert_eq!(handshake["xdomain"], json!(true));
    assert_eq!(handshake["url"], json!(format!("/socket.io/?{query}")));
    assert_eq!(handshake["headers"]["x-custom-header"], json!("Some Value"));
    assert_eq!(handshake["headers"]["origin"], json!("http://a.example"));
    assert_eq!(handshake["headers"]["host"], json!("localhost"));
    assert_eq!(handshake["query"]["EIO"], json!("4"));
    assert_eq!(handshake["query"]["transport"], json!("websocket"));
    assert_eq!(handshake["query"]["empty"], json!(""));
    let issued = handshake["issued"]
        .as_u64()
        .expect("issued is a number of milliseconds");
    assert!(issued > 1_700_000_000_000, "{issued}");
    assert!(
        handshake["time"]
            .as_str()
            .is_some_and(|time| time.contains("20")),
        "{handshake}"
    );
}

#[test]
fn the_handshake_over_polling_and_without_origin() {
    let mut client = Client::join(&SERVER, Transport::Polling, "/custom", &json!({"a": "b"}));
    let handshake = client.call(&json!(["handshake"])).remove(0);
    assert_eq!(handshake["xdomain"], json!(false));
    assert_eq!(handshake["auth"], json!({"a": "b"}));
    assert_eq!(handshake["query"]["transport"], json!("polling"));
    assert_eq!(
        handshake["url"],
        json!("/socket.io/?EIO=4&transport=polling")
    );
}

#[test]
fn a_trusted_proxy_says_who_the_client_is() {
    if !differs(Difference::TrustsProxies) {
        return;
    }
    // (number of trusted proxies, X-Forwarded-For of the last proxy, expected address)
    for (proxies, forwarded, address) in [
        (0, "203.0.113.7", "127.0.0.1"),
        (1, "198.51.100.9, 203.0.113.7", "203.0.113.7"),
        (2, "198.51.100.9, 203.0.113.7", "198.51.100.9"),
        (1, "nonsense", "127.0.0.1"),
    ] {
        let server = Server::with(&json!({"engine": {"trustProxy": proxies}}));
        let query = "EIO=4&transport=websocket";
        let headers = [("X-Forwarded-For", forwarded)];
        let mut websocket =
            WebSocket::attempt(server.endpoint(), query, &headers).expect("upgraded");
        websocket.receive_open();
        websocket.text("40");
        websocket.receive_text();
        websocket.receive_text();
        websocket.text(r#"420["handshake"]"#);
        let answer = websocket.receive_text();
        let answer: Value = serde_json::from_str(&answer["430".len()..]).expect("an answer");
        assert_eq!(
            answer[0]["address"],
            json!(address),
            "{proxies}, {forwarded}"
        );
    }
}

#[test]
fn sockets_are_found_by_their_id_in_their_namespace() {
    let mut one = Client::connect(&SERVER);
    let two = Client::join(&SERVER, Transport::Polling, "/custom", &json!({}));
    let own = one.id.clone();
    assert_eq!(one.call(&json!(["find", own])), [json!(true)]);
    assert_eq!(one.call(&json!(["find", two.id])), [json!(false)]);
    assert_eq!(one.call(&json!(["find", "nobody"])), [json!(false)]);
    let session = one.sid.clone();
    assert_eq!(one.call(&json!(["find", session])), [json!(false)]);
}

/// A server whose `connection` handlers run in the order in which they are called: with several callback threads,
/// handlers of different clients run in parallel.
fn in_order() -> Server {
    Server::with(&json!({"engine": {"callbackThreads": 1, "workerThreads": 4}}))
}

/// Asserts that these sockets have connected to `/` in this order.
#[track_caller]
fn check_order(observer: &mut Client, ids: &[String]) {
    let connected = observer.log().into_iter().filter_map(|line| {
        let id = line.strip_prefix("connection / ")?;
        ids.iter().position(|known| known == id)
    });
    let expected: Vec<_> = (0..ids.len()).collect();
    assert_eq!(connected.collect::<Vec<_>>(), expected);
}

/// Reads the answer to CONNECT and returns the id.
#[track_caller]
fn joined(websocket: &mut WebSocket) -> String {
    websocket.receive_open();
    check_reply(&websocket.receive_text(), "40")
}

const CROWD: usize = 50;

#[test]
fn clients_that_join_as_they_open_connect_in_their_order() {
    if !differs(Difference::KeepsEarlyMessages) {
        return;
    }
    let server = in_order();
    let mut observer = Client::connect(&server);
    for _ in 0..4 {
        let target = format!("{}?EIO=4&transport=websocket", server.endpoint().path);
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", KEY),
        ];
        let mut bytes = request("GET", &target, &headers, b"");
        bytes.extend(Frame::new(Opcode::Text, "40").encode());
        let opening: Vec<Http> = (0..CROWD)
            .map(|_| {
                let mut http = Http::connect(server.endpoint());
                http.write(&bytes);
                http
            })
            .collect();
        let mut clients: Vec<_> = opening
            .into_iter()
            .map(|http| WebSocket::accept(http).expect("upgraded"))
            .collect();
        let ids: Vec<_> = clients.iter_mut().map(joined).collect();
        check_order(&mut observer, &ids);
    }
}

#[test]
fn clients_that_join_one_after_the_other_connect_in_their_order() {
    let server = in_order();
    let mut observer = Client::connect(&server);
    for _ in 0..4 {
        let mut clients: Vec<_> = (0..CROWD)
            .map(|_| {
                let mut websocket = WebSocket::connect(&server);
                websocket.text("40");
                websocket
            })
            .collect();
        let ids: Vec<_> = clients.iter_mut().map(joined).collect();
        check_order(&mut observer, &ids);
    }
}

#[test]
fn clients_of_long_polling_connect_in_their_order() {
    let server = in_order();
    let mut observer = Client::connect(&server);
    for _ in 0..4 {
        let mut clients: Vec<_> = (0..CROWD).map(|_| Polling::connect(&server)).collect();
        for client in &mut clients {
            client.start_post("40");
        }
        let ids: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                assert_eq!(client.post_connection().receive().status, 200);
                check_reply(&client.poll()[0], "40")
            })
            .collect();
        check_order(&mut observer, &ids);
    }
}

/// A client that does not join, or joins slowly, does not delay later clients.
#[test]
fn a_client_that_does_not_join_keeps_no_place() {
    let server = in_order();
    let mut observer = Client::connect(&server);
    let mut late = opened(&server);
    let _never: Vec<_> = (0..CROWD).map(|_| opened(&server)).collect();
    let mut early: Vec<_> = (0..CROWD).map(|_| opened(&server)).collect();
    let mut ids: Vec<_> = early
        .iter_mut()
        .map(|websocket| {
            websocket.text("40");
            check_reply(&websocket.receive_text(), "40")
        })
        .collect();
    late.text("40");
    ids.push(check_reply(&late.receive_text(), "40"));
    check_order(&mut observer, &ids);
}
