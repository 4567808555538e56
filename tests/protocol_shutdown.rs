//! A graceful stop: clients are disconnected, the process exits with 0, the port is free.

use std::net::TcpStream;
use std::time::Duration;

use conformance::client::Message;
use conformance::{
    Client, Difference, Http, Opcode, Polling, Server, Transport, WebSocket, differs, eventually,
};
use serde_json::json;

#[test]
fn a_server_without_clients_stops() {
    for name in ["TERM", "INT"] {
        let mut server = Server::start();
        server.signal(name);
        assert_eq!(server.wait(), 0, "{name}");
    }
}

#[test]
fn clients_are_told() {
    let mut server = Server::start();
    let mut websocket = Client::connect(&server);
    let mut polling = Client::over(&server, Transport::Polling);
    polling.polling().start_poll();
    let wire = polling.polling().get_connection().wire();
    assert!(wire.is_silent_for(Duration::from_millis(50)));
    server.signal("TERM");
    // The server sends no DISCONNECT packet: it closes the transport.
    assert_eq!(websocket.websocket().receive_close(), None);
    assert_eq!(polling.polling().finish_poll(), ["1"]);
    drop((websocket, polling));
    assert_eq!(server.wait(), 0);
}

#[test]
fn raw_sessions_are_told() {
    let mut server = Server::raw(&json!({}));
    let mut websocket = WebSocket::connect(&server);
    websocket.receive_open();
    let mut polling = Polling::connect(&server);
    polling.wait_in_poll();
    server.signal("INT");
    assert_eq!(websocket.receive_close(), None);
    assert_eq!(polling.finish_poll(), ["1"]);
    drop((websocket, polling));
    assert_eq!(server.wait(), 0);
}

#[test]
fn the_port_is_free_afterwards() {
    let server = Server::start();
    let address = server.endpoint().address;
    let port = address.port().to_string();
    Client::connect(&server);
    server.stop();
    assert!(TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err());
    let again = Server::with_arguments(&json!({}), &["--port", &port]);
    assert_eq!(again.endpoint().address, address);
    Client::connect(&again);
}

#[test]
fn an_idle_connection_does_not_keep_the_server() {
    let mut server = Server::start();
    let mut http = Http::connect(server.endpoint());
    assert_eq!(http.request("GET", "/elsewhere", &[], b"").status, 404);
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    drop(http);
}

#[test]
fn new_clients_are_refused_while_the_server_stops() {
    let mut server = Server::start();
    let mut client = Client::connect(&server);
    let address = server.endpoint().address;
    server.signal("TERM");
    // The client does not reply to the close frame yet, so the server still waits.
    assert_eq!(client.websocket().receive().opcode, Opcode::Close);
    eventually("the port is closed", || {
        TcpStream::connect(address).is_err().then_some(())
    });
    drop(client);
    assert_eq!(server.wait(), 0);
}

#[test]
fn many_clients_do_not_keep_the_server() {
    let mut server = Server::start();
    let clients: Vec<_> = (0..60)
        .map(|i| Client::over(&server, Transport::ALL[i % 2]))
        .collect();
    server.signal("TERM");
    let closing = std::thread::spawn(move || {
        for mut client in clients {
            client.expect_end();
        }
    });
    assert_eq!(server.wait(), 0);
    closing.join().expect("every client is told");
}

#[test]
fn clients_that_do_nothing_do_not_keep_the_server() {
    if !differs(Difference::LimitsTime) {
        return;
    }
    let mut server = Server::with(&json!({"engine": {"closeTimeout": 300}}));
    let silent = Client::connect(&server);
    let unused = Http::connect(server.endpoint());
    let mut half = Http::connect(server.endpoint());
    half.write("GET /socket.io/?EIO=4");
    let mut body = Http::connect(server.endpoint());
    body.write("POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nContent-Length: 9\r\n\r\n");
    let probing = Polling::connect(&server);
    let mut probe = WebSocket::upgrade(&server, &probing.sid);
    probe.text("2probe");
    assert_eq!(probe.receive_text(), "3probe");
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    drop((silent, unused, half, body, probing, probe));
}

#[test]
fn a_client_that_does_not_read_does_not_keep_the_server() {
    if !differs(Difference::LimitsTime) {
        return;
    }
    let mut server = Server::with(&json!({"engine": {"closeTimeout": 300}}));
    let mut stalled = Client::connect(&server);
    let mut other = Client::connect(&server);
    stalled.websocket().wire().shrink_receive_buffer();
    let target = json!({"rooms": [stalled.id], "except": [], "self": true, "volatile": false});
    let filler = "x".repeat(100_000);
    for _ in 0..60 {
        other.emit(&json!(["broadcast", target, filler]));
    }
    other.call(&json!(["message-with-ack"]));
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
}

#[test]
fn an_answer_on_its_way_is_written_to_its_end() {
    // The official server exits with half of the response written.
    if !differs(Difference::LimitsTime) {
        return;
    }
    let roomy = 64 << 20;
    let mut server = Server::with(&json!({
        "maxHttpBufferSize": roomy,
        "engine": {"sendBufferHigh": roomy},
    }));
    let mut sender = Client::connect(&server);
    let mut slow = Client::over(&server, Transport::Polling);
    let target = json!({"rooms": [slow.id], "except": [], "self": true, "volatile": false});
    sender.emit(&json!(["broadcast", target, "x".repeat(6_000_000)]));
    let target = slow.polling().target();
    let mut http = Http::connect(server.endpoint());
    http.wire().shrink_receive_buffer();
    http.send("GET", &target, &[], b"");
    let head = http.receive_head();
    let length = head.header("content-length").expect("a length");
    let mut left: usize = length.parse().expect("a number");
    assert!(left > 6_000_000, "{left}");
    server.signal("TERM");
    eventually("the stop has begun", || {
        TcpStream::connect(server.endpoint().address)
            .is_err()
            .then_some(())
    });
    while left > 0 {
        left -= http.wire().read_exact(left.min(1 << 20)).len();
        std::thread::sleep(Duration::from_millis(20));
    }
    http.wire().expect_end();
    drop((sender, slow));
    assert_eq!(server.wait(), 0);
}

#[test]
fn what_was_emitted_before_is_not_mixed_up() {
    // The bytes that arrive before the end are a prefix of what was emitted.
    let mut server = Server::start();
    let mut client = Client::connect(&server);
    for i in 0..100 {
        client.emit(&json!(["message", i]));
    }
    server.signal("TERM");
    let mut expected = 0;
    loop {
        let frame = client.websocket().receive();
        if frame.opcode == Opcode::Close {
            break;
        }
        let text = String::from_utf8(frame.payload).expect("text");
        assert_eq!(
            Message::Text(text),
            Message::Text(format!(r#"42["message-back",{expected}]"#))
        );
        expected += 1;
    }
    drop(client);
    assert_eq!(server.wait(), 0);
}
