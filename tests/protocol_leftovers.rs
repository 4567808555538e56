//! After a client has left in any way, the server keeps no descriptor, session or memory of it, and nothing that another
//! client could use.

use conformance::{
    Client, Difference, Frame, Http, Opcode, Polling, Server, Transport, WebSocket, differs,
    eventually,
};
use serde_json::{Value, json};

#[test]
fn refusals_give_everything_back() {
    let server = Server::start();
    let mut old = Client::connect(&server);
    let before = server.open_descriptors();
    for _ in 0..30 {
        server.get("EIO=4&transport=abc");
        server.get("EIO=4&transport=polling&sid=unknown");
        server.ask("POST", "EIO=4&transport=polling", &[], b"");
        server.get("EIO=3&transport=polling");
        let octets = [("Content-Type", "application/octet-stream")];
        let polling = Polling::connect(&server);
        let mut http = Http::connect(server.endpoint());
        assert_eq!(
            http.request("POST", &polling.target(), &octets, b"x")
                .status,
            400
        );
        let mut http = Http::connect(server.endpoint());
        let long = vec![b'x'; 1_000_001];
        let polling = Polling::connect(&server);
        assert_eq!(
            http.request("POST", &polling.target(), &[], &long).status,
            413
        );
        drop(http);
        let mut polling = polling;
        polling.post_response("1");
        for query in [
            "EIO=4&transport=abc",
            "EIO=4&transport=websocket&sid=unknown",
        ] {
            assert!(WebSocket::attempt(server.endpoint(), query, &[]).is_err());
        }
        let mut websocket = WebSocket::connect(&server);
        websocket.send(&Frame {
            reserved: 1,
            ..Frame::new(Opcode::Text, "x")
        });
        websocket.receive_open();
        websocket.receive_close();
    }
    eventually("no descriptor is left open", || {
        (server.open_descriptors() <= before + 2).then_some(())
    });
    eventually("no session is left", || {
        (old.stat("clients_count") == 1).then_some(())
    });
    old.check_served(&server);
}

#[test]
fn who_breaks_the_protocol_keeps_no_descriptor() {
    if !differs(Difference::LimitsTime) {
        return;
    }
    // Long enough that only the shorter deadline can have closed the descriptor.
    let options = json!({"engine": {"closeTimeout": 600_000, "errorCloseTimeout": 200}});
    let server = Server::with(&options);
    let mut old = Client::connect(&server);
    let before = server.open_descriptors();
    let reserved = Frame {
        reserved: 1,
        ..Frame::new(Opcode::Text, "x")
    };
    let violations = [
        reserved,
        Frame::new(Opcode::Text, "x"),
        Frame::new(Opcode::Text, "4x"),
    ];
    let open: Vec<_> = violations
        .iter()
        .cycle()
        .take(30)
        .map(|violation| {
            let mut websocket = WebSocket::connect(&server);
            websocket.receive_open();
            websocket.send(violation);
            assert_eq!(websocket.receive().opcode, Opcode::Close);
            websocket
        })
        .collect();
    eventually("no descriptor is left open", || {
        (server.open_descriptors() <= before + 2).then_some(())
    });
    drop(open);
    old.check_served(&server);
}

#[test]
fn clients_that_leave_at_any_point_leave_nothing() {
    let server = Server::with(&json!({
        "connectTimeout": 3000, "upgradeTimeout": 3000, "pingInterval": 1000, "pingTimeout": 3000,
        "engine": {"headerTimeout": 3000, "bodyTimeout": 3000, "messageTimeout": 3000,
                   "closeTimeout": 3000},
    }));
    let before = server.open_descriptors();
    for i in 0..20 {
        // After the handshake, after CONNECT, with a question open, …
        let _open = Polling::connect(&server);
        let mut connected = Client::over(&server, Transport::ALL[i % 2]);
        connected.emit_for_ack(&json!(["call", 0, "never answered"]));
        connected.emit(&json!(["held", 1]));
        connected.call(&json!(["join", format!("room {i}")]));
        connected.send(r#"51-["message"]"#);
        let mut pending = Client::open(&server, Transport::ALL[i % 2]);
        pending.send(r#"0/auth,{"token":"never"}"#);
        // … with a poll open, with half a post, …
        let mut waiting = Polling::connect(&server);
        waiting.start_poll();
        let posting = Polling::connect(&server);
        let _post = posting.begin_post(9, "4");
        // … and in the middle of an upgrade.
        let probing = Polling::connect(&server);
        let mut probe = WebSocket::upgrade(&server, &probing.sid);
        probe.text("2probe");
        let _unprobed = WebSocket::upgrade(&server, &Polling::connect(&server).sid);
        let mut fragment = WebSocket::connect(&server);
        fragment.send(&Frame::unfinished(Opcode::Text, "4"));
    }
    let mut old = Client::connect(&server);
    eventually("all sessions are gone", || {
        (old.stat("clients_count") == 1).then_some(())
    });
    eventually("all descriptors are closed", || {
        old.call(&json!(["message-with-ack"]));
        (server.open_descriptors() <= before + 2).then_some(())
    });
    for name in [
        "sockets_count",
        "rooms_count",
        "pending_acks",
        "partial_packets",
    ] {
        let left = eventually(name, || {
            let left = old.stat(name);
            (left <= 1).then_some(left)
        });
        assert!(left <= i64::from(name == "sockets_count"), "{name}: {left}");
    }
    old.check_served(&server);
}

#[test]
fn announced_bytes_are_not_reserved() {
    let server = Server::start();
    let mut old = Client::connect(&server);
    let mut clients: Vec<_> = (0..100).map(|_| Client::connect(&server)).collect();
    let before = server.resident_bytes();
    for client in &mut clients {
        let head = Frame::new(Opcode::Binary, "").head(1_000_000);
        client.websocket().wire().write(&head);
        client.websocket().wire().write(b"just these");
    }
    let polling: Vec<_> = (0..100).map(|_| Polling::connect(&server)).collect();
    let posts: Vec<_> = polling
        .iter()
        .map(|polling| polling.begin_post(1_000_000, "4"))
        .collect();
    old.check_served(&server);
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 40 << 20, "{grown} bytes for two hundred promises");
    drop(posts);
}

#[test]
fn messages_in_tiny_parts_are_not_blown_up() {
    let server = Server::start();
    let mut old = Client::connect(&server);
    let before = server.resident_bytes();
    let mut clients: Vec<_> = (0..10).map(|_| Client::connect(&server)).collect();
    let part = Frame::unfinished(Opcode::Continuation, "x").encode();
    for client in &mut clients {
        let mut bytes = Frame::unfinished(Opcode::Text, "4").encode();
        bytes.extend(part.repeat(100_000));
        // Too many parts: the server may end the connection.
        let _ = client.websocket().wire().try_write(&bytes);
    }
    old.check_served(&server);
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(
        grown < 150 << 20,
        "{grown} bytes for a megabyte in tiny parts"
    );
}

#[test]
fn a_client_cannot_speak_for_another() {
    let server = Server::start();
    let mut victim = Client::over(&server, Transport::Polling);
    // The public id does not give access to the session.
    let target = format!("EIO=4&transport=polling&sid={}", victim.id);
    assert_eq!(
        server.ask("POST", &target, &[], b"42[\"message\"]").status,
        400
    );
    let mut other = Client::connect(&server);
    let found: Value = other.call(&json!(["find", victim.id])).remove(0);
    assert_eq!(found, json!(true));
    victim.expect_nothing();
}
