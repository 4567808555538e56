//! The example programs other than the echo servers. The tests of the arena are
//! in `browser`.

use conformance::{Frame, Opcode, Server, WebSocket, native};

fn start(name: &str, path: &str) -> Server {
    let program = native::root().join("build/examples").join(name);
    Server::program(&program, &["0"], path)
}

fn join(server: &Server) -> WebSocket {
    let mut websocket = WebSocket::connect(server);
    websocket.receive_open();
    websocket.text("40");
    assert!(websocket.receive_text().starts_with("40{"));
    websocket
}

/// The example exits with 0 on SIGTERM; the drop of `Server` checks the status.
fn stop(mut server: Server) {
    server.signal("INT");
    assert_eq!(server.wait(), 0);
}

#[test]
fn pull_is_a_chat() {
    let server = start("pull", "/socket.io/");
    let (mut ada, mut bob) = (join(&server), join(&server));
    ada.text(r#"420["nick","Ada"]"#);
    for client in [&mut ada, &mut bob] {
        assert_eq!(client.receive_text(), r#"42["named","Ada"]"#);
    }
    assert_eq!(ada.receive_text(), "430[true]");
    bob.text(r#"42["say","hello"]"#);
    for client in [&mut ada, &mut bob] {
        assert_eq!(client.receive_text(), r#"42["said","anonymous","hello"]"#);
    }
    ada.close();
    assert_eq!(bob.receive_text(), r#"42["left","Ada"]"#);
    drop(bob);
    stop(server);
}

/// A nick has at most 31 bytes. A longer one is cut after the last complete character, and its client can still send.
#[test]
fn pull_does_not_cut_characters() {
    let server = start("pull", "/socket.io/");
    let mut client = join(&server);
    for (nick, kept) in [
        ("x".repeat(31), "x".repeat(31)),
        ("x".repeat(32), "x".repeat(31)),
        ("é".repeat(16), "é".repeat(15)),
        (
            format!("xx{}", "😀".repeat(9)),
            format!("xx{}", "😀".repeat(7)),
        ),
    ] {
        client.text(&format!(r#"42["nick","{nick}"]"#));
        assert_eq!(client.receive_text(), format!(r#"42["named","{kept}"]"#));
        client.text(r#"42["say","hello"]"#);
        assert_eq!(
            client.receive_text(),
            format!(r#"42["said","{kept}","hello"]"#)
        );
    }
    drop(client);
    stop(server);
}

#[test]
fn epoll_counts_the_seconds() {
    let server = start("epoll", "/socket.io/");
    let mut client = join(&server);
    client.text(r#"427["echo",1,{"a":[]}]"#);
    let mut messages = vec![client.receive_text(), client.receive_text()];
    messages.sort();
    assert!(messages[0].starts_with(r#"42["second","#), "{messages:?}");
    assert_eq!(messages[1], r#"437[1,{"a":[]}]"#);
    drop(client);
    stop(server);
}

#[test]
fn engineio_sends_everything_back() {
    let mut server = start("engineio", "/engine.io/");
    let mut client = WebSocket::connect(&server);
    client.receive_open();
    client.text("4hello");
    assert_eq!(client.receive_text(), "4hello");
    client.binary(b"bytes");
    let back = client.receive();
    assert_eq!(
        (back.opcode, &back.payload[..]),
        (Opcode::Binary, &b"bytes"[..])
    );
    client.send(&Frame::new(Opcode::Close, ""));
    // The example does not handle signals, so the signal ends it.
    server.shall_end_with(128 + 15);
    server.stop();
}
