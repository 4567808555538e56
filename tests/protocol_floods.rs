//! Clients that send endlessly and never read: the memory for their answers is bounded, and they are dropped in time.
//! These tests do not run against the reference, whose memory for answers is unbounded.

use std::time::Duration;

use conformance::{
    Client, Difference, Frame, Opcode, Polling, Server, Transport, WebSocket, Wire, differs,
    eventually,
};
use serde_json::{Value, json};

/// Bytes that a flood sends; unbounded answers would take at least as much memory.
const FLOOD: usize = 160 << 20;
/// The memory that a flood may cost: the send buffer of 4 MiB and messages in progress, with room for a host with a
/// garbage-collected heap.
const BOUND: usize = 48 << 20;

fn limited(options: &Value) -> Option<Server> {
    differs(Difference::LimitsTime).then(|| Server::with(options))
}

/// Repeats a frame, so that each write is large.
fn chunk_of(frame: &Frame) -> Vec<u8> {
    let frame = frame.encode();
    frame.repeat((64 << 10) / frame.len() + 1)
}

fn pings() -> Vec<u8> {
    chunk_of(&Frame::new(Opcode::Ping, "x".repeat(125)))
}

/// Runs a flood, and checks that the server's memory grew by less than the bound and that it serves other clients.
#[track_caller]
fn check_bounded(server: &Server, flood: impl FnOnce() -> Wire) {
    let mut other = Client::connect(server);
    other.check_served(server);
    let before = server.resident_bytes();
    let _open = flood();
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < BOUND, "the server grew by {grown} bytes");
    other.check_served(server);
}

fn into_wire(mut websocket: WebSocket) -> Wire {
    websocket.wire().shrink_receive_buffer();
    websocket.into_wire()
}

#[test]
fn pings_before_a_namespace_is_joined() {
    let Some(server) = limited(&json!({})) else {
        return;
    };
    check_bounded(&server, || {
        let mut wire = into_wire(WebSocket::connect(&server));
        wire.flood(&pings(), FLOOD);
        wire
    });
}

#[test]
fn pings_of_a_client_in_a_namespace() {
    let Some(server) = limited(&json!({})) else {
        return;
    };
    check_bounded(&server, || {
        let mut websocket = WebSocket::connect(&server);
        websocket.text("40");
        let mut wire = into_wire(websocket);
        wire.flood(&pings(), FLOOD);
        wire
    });
}

#[test]
fn pings_and_probes_on_a_second_transport() {
    let Some(server) = limited(&json!({})) else {
        return;
    };
    for frame in [
        Frame::new(Opcode::Ping, "x".repeat(125)),
        Frame::new(Opcode::Text, "2probe"),
    ] {
        let polling = Polling::connect(&server);
        check_bounded(&server, || {
            let mut wire = into_wire(WebSocket::upgrade(&server, &polling.sid));
            wire.flood(&chunk_of(&frame), FLOOD);
            wire
        });
    }
}

#[test]
fn pings_after_a_close_are_not_answered() {
    let Some(server) = limited(&json!({})) else {
        return;
    };
    check_bounded(&server, || {
        let mut websocket = WebSocket::connect(&server);
        websocket.receive_open();
        // Not a packet: the server closes the connection.
        websocket.text("x");
        websocket.send(&Frame::new(Opcode::Ping, "anyone?"));
        assert_eq!(websocket.receive().opcode, Opcode::Close);
        let mut wire = into_wire(websocket);
        let written = wire.flood(&pings(), FLOOD);
        assert!(
            written < FLOOD,
            "the server reads without end after its close"
        );
        wire.expect_end();
        wire
    });
}

#[test]
fn refused_namespaces_over_websocket() {
    let Some(server) = limited(&json!({})) else {
        return;
    };
    check_bounded(&server, || {
        let mut wire = into_wire(WebSocket::connect(&server));
        let written = wire.flood(&chunk_of(&Frame::new(Opcode::Text, "40/nowhere,")), FLOOD);
        assert!(written < FLOOD, "the server goes on reading");
        wire
    });
    assert!(Client::connect(&server).stat("send_buffer_paused_total") > 0);
}

#[test]
fn refused_namespaces_over_polling() {
    let Some(server) = limited(&json!({})) else {
        return;
    };
    let mut polling = Polling::connect(&server);
    let body = ["40/nowhere,"; 4096].join("\u{1e}");
    let mut other = Client::connect(&server);
    let before = server.resident_bytes();
    let mut accepted = 0;
    'posts: loop {
        polling.start_post(&body);
        while polling
            .post_connection()
            .wire()
            .is_silent_for(Duration::from_millis(50))
        {
            if other.stat("send_buffer_paused_total") > 0 {
                break 'posts;
            }
        }
        assert_eq!(polling.post_connection().receive().text(), "ok");
        accepted += 1;
        assert!(accepted < 400, "the server goes on reading");
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < BOUND, "the server grew by {grown} bytes");
    // Nothing is lost: the server reads the rest when the client reads its answers.
    let mut refusals = 0;
    while refusals < (accepted + 1) * 4096 {
        refusals += polling
            .poll()
            .iter()
            .filter(|packet| packet.starts_with("44/nowhere,"))
            .count();
    }
    assert_eq!(polling.post_connection().receive().text(), "ok");
}

/// Keeps the connection open and waits until the server drops it because the client does not read.
#[track_caller]
fn check_dropped(server: &Server, id: &str, mut keep_alive: impl FnMut()) {
    let mut observer = Client::connect(server);
    let line = format!("disconnect / {id}");
    let line = eventually(&line, || {
        keep_alive();
        observer
            .log()
            .into_iter()
            .find(|known| known.starts_with(&line))
    });
    assert!(line.contains("transport error"), "{line}");
    assert_eq!(observer.stat("deadline_send_total"), 1);
    assert_eq!(observer.stat("ping_timeouts_total"), 0);
}

/// Makes the server send more to a client than the kernel buffers.
fn fill(server: &Server, client: &Client) {
    let mut sender = Client::connect(server);
    let filler = "x".repeat(100_000);
    let target = json!({"rooms": [client.id], "except": [], "self": true, "volatile": false});
    for _ in 0..100 {
        sender.emit(&json!(["broadcast", target, filler]));
    }
    sender.call(&json!(["message-with-ack"]));
}

#[test]
fn a_client_that_answers_pings_and_reads_nothing_is_dropped() {
    let options =
        json!({"pingInterval": 200, "pingTimeout": 60_000, "engine": {"sendTimeout": 1500}});
    let Some(server) = limited(&options) else {
        return;
    };
    let mut client = Client::connect(&server);
    client.websocket().wire().shrink_receive_buffer();
    fill(&server, &client);
    let pong = Frame::new(Opcode::Text, "3").encode();
    let id = client.id.clone();
    check_dropped(&server, &id, || {
        let _ = client.websocket().wire().try_write(&pong);
    });
}

#[test]
fn a_polling_client_that_posts_and_never_polls_is_dropped() {
    let options =
        json!({"pingInterval": 200, "pingTimeout": 60_000, "engine": {"sendTimeout": 1500}});
    let Some(server) = limited(&options) else {
        return;
    };
    let mut client = Client::over(&server, Transport::Polling);
    fill(&server, &client);
    let id = client.id.clone();
    check_dropped(&server, &id, || {
        let _ = client.polling().post_response("3");
    });
}
