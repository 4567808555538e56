//! Pings, pongs and timeouts.

use std::time::Duration;

use conformance::raw::{log, reason_of};
use conformance::under_test::{self, UnderTest};
use conformance::wire::now;
use conformance::{
    Client, Difference, Frame, Opcode, Polling, Server, Transport, WebSocket, differs,
};
use serde_json::json;

const INTERVAL: Duration = Duration::from_millis(300);
const TIMEOUT: Duration = Duration::from_millis(200);
/// The server may have read its clock this long before it armed a timer.
const SLACK: Duration = Duration::from_millis(100);
/// How long a client may be silent in tests where it must send in time.
const SILENCE: Duration = Duration::from_secs(4);

/// Options for clients that stay silent.
fn quick() -> Server {
    Server::raw(&json!({"pingInterval": 300, "pingTimeout": 200}))
}

/// Options for clients that answer every ping, possibly late.
fn patient() -> Server {
    Server::raw(&json!({"pingInterval": 300, "pingTimeout": 20_000}))
}

/// Options for clients that send other packets than pongs. The timeout is much longer than their pauses.
fn lenient() -> Server {
    Server::raw(&json!({"pingInterval": 1000, "pingTimeout": 3000}))
}

fn open(server: &Server) -> (WebSocket, String) {
    let mut websocket = WebSocket::connect(server);
    let sid = websocket.receive_open();
    (websocket, sid)
}

#[test]
fn websocket_is_pinged_again_and_again() {
    let server = patient();
    let start = now();
    let (mut websocket, sid) = open(&server);
    for _ in 0..4 {
        assert_eq!(websocket.receive_text(), "2");
        websocket.text("3");
    }
    // A server that sends one ping late may count the next interval from the time when the ping was due.
    assert!(start.elapsed() >= 3 * INTERVAL, "{:?}", start.elapsed());
    websocket.text("4alive");
    while websocket.receive_text() != "4alive" {}
    assert!(
        !log(&server)
            .iter()
            .any(|line| line.contains("disconnect") && line.contains(&sid))
    );
}

/// The packets of the next poll other than pings. Answers the pings, since the poll may be late.
fn poll_past_pings(polling: &mut Polling) -> Vec<String> {
    loop {
        let mut packets = polling.poll();
        let count = packets.len();
        packets.retain(|packet| packet != "2");
        if packets.len() < count {
            polling.post("3");
        }
        if !packets.is_empty() {
            return packets;
        }
    }
}

#[test]
fn polling_is_pinged_again_and_again() {
    let server = patient();
    let mut polling = Polling::connect(&server);
    for _ in 0..4 {
        assert_eq!(polling.poll(), ["2"]);
        polling.post("3");
    }
    polling.post("4alive");
    assert_eq!(poll_past_pings(&mut polling), ["4alive"]);
}

#[test]
fn a_request_that_comes_too_late_finds_no_session() {
    let server = Server::raw(&json!({"pingInterval": 5, "pingTimeout": 60}));
    let mut rounds = 0;
    for _ in 0..400 {
        if rounds == 40 {
            break;
        }
        let mut polling = Polling::connect(&server);
        let response = polling.poll_response();
        if (response.status, response.text()) != (200, "2") {
            // This client was too late for its first poll.
            continue;
        }
        // The poll came before its answer, so the last sign of life is not later than this.
        let pinged = now();
        if under_test::server() == UnderTest::Reference {
            // The server's timers may be late if the machine is busy.
            reason_of(&server, &polling.sid);
        }
        while pinged.elapsed() < Duration::from_millis(65) {
            std::hint::spin_loop();
        }
        polling.check_gone();
        assert_eq!(reason_of(&server, &polling.sid), "ping timeout");
        rounds += 1;
    }
    assert_eq!(rounds, 40, "hardly any client could poll within 65 ms");
}

#[test]
fn a_pong_may_be_answered_with_a_message() {
    let server = patient();
    let mut polling = Polling::connect(&server);
    for _ in 0..3 {
        assert_eq!(polling.poll(), ["2"]);
        polling.post("3\x1e4and more");
        assert_eq!(polling.poll()[0], "4and more");
    }
}

#[test]
fn a_silent_websocket_times_out() {
    let server = quick();
    let start = now();
    let (mut websocket, sid) = open(&server);
    assert_eq!(websocket.receive_text(), "2");
    assert_eq!(websocket.receive_close(), None);
    assert!(
        start.elapsed() + SLACK >= INTERVAL + TIMEOUT,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(reason_of(&server, &sid), "ping timeout");
}

/// How late a session ends that has this many signs of life after the handshake.
fn lateness(server: &Server, signs: u32) -> Duration {
    let mut last = now();
    let (mut websocket, _) = open(server);
    for _ in 0..signs {
        std::thread::sleep(SILENCE / 8);
        last = now();
        websocket.text("3");
    }
    while websocket.receive().opcode != Opcode::Close {}
    let silence = last.elapsed();
    assert!(silence + SLACK >= SILENCE, "too early: {silence:?}");
    silence.saturating_sub(SILENCE)
}

#[test]
fn a_dead_client_is_closed_on_time() {
    if !differs(Difference::EveryByteIsLife) {
        return;
    }
    // If the timer were not moved, or moved only at the next ping, the session would end later than this.
    const ON_TIME: Duration = Duration::from_millis(400);
    let server = &lenient();
    let mut late: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..15)
            .map(|i| scope.spawn(move || lateness(server, i % 4)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("it ends, and not too early"))
            .collect()
    });
    late.sort();
    // A busy machine delays some sessions, but not most of them.
    assert!(late[late.len() / 2] < ON_TIME, "{late:?}");
}

#[test]
fn a_silent_poll_times_out() {
    let server = quick();
    let start = now();
    let mut polling = Polling::connect(&server);
    assert_eq!(polling.poll(), ["2"]);
    assert_eq!(polling.poll(), ["1"]);
    assert!(
        start.elapsed() + SLACK >= INTERVAL + TIMEOUT,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(reason_of(&server, &polling.sid), "ping timeout");
    assert_eq!(polling.poll_response().status, 400);
}

#[test]
fn a_client_that_never_polls_times_out() {
    let server = quick();
    let polling = Polling::connect(&server);
    assert_eq!(reason_of(&server, &polling.sid), "ping timeout");
}

#[test]
fn pings_wait_for_a_poll() {
    let server = Server::raw(&json!({"pingInterval": 200, "pingTimeout": 20_000}));
    let mut polling = Polling::connect(&server);
    polling.post("4first");
    // After ten intervals the ping was due long ago, even on a busy machine.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(polling.poll(), ["4first", "2"]);
}

#[test]
fn a_pong_without_a_ping_does_no_harm() {
    let server = Server::raw(&json!({}));
    let (mut websocket, _) = open(&server);
    for pong in ["3", "3", "3probe", "3"] {
        websocket.text(pong);
    }
    websocket.text("4alive");
    assert_eq!(websocket.receive_text(), "4alive");
    let mut polling = Polling::connect(&server);
    polling.post("3\x1e3\x1e4alive");
    assert_eq!(polling.poll(), ["4alive"]);
}

#[test]
fn a_ping_from_a_client_is_a_transport_error() {
    let server = Server::raw(&json!({}));
    for ping in ["2", "2probe", "2x"] {
        let (mut websocket, sid) = open(&server);
        websocket.text(ping);
        assert_eq!(websocket.receive_close(), None, "{ping}");
        assert_eq!(reason_of(&server, &sid), "transport error", "{ping}");
        let mut polling = Polling::connect(&server);
        polling.post(ping);
        assert_eq!(
            reason_of(&server, &polling.sid),
            "transport error",
            "{ping}"
        );
        assert_eq!(polling.poll_response().status, 400);
    }
}

/// Sends a message every 60 ms, and no pongs, for twice the allowed silence. Returns whether the session timed out.
fn is_dead_after_messages(server: &Server, transport: Transport) -> bool {
    let mut polling = Polling::connect(server);
    let (mut websocket, mut sid) = open(server);
    if transport == Transport::Polling {
        sid.clone_from(&polling.sid);
    }
    let start = now();
    let mut ended = false;
    while start.elapsed() < 2 * SILENCE && !ended {
        std::thread::sleep(Duration::from_millis(60));
        ended = match transport {
            Transport::Polling => polling.post_response("4tick").status != 200,
            Transport::WebSocket => websocket
                .wire()
                .try_write(&Frame::new(Opcode::Text, "4tick").encode())
                .is_err(),
        };
    }
    log(server).contains(&format!("disconnect {sid} ping timeout"))
}

#[test]
fn messages_keep_a_session_alive() {
    let server = &lenient();
    std::thread::scope(|scope| {
        for transport in Transport::ALL {
            scope.spawn(move || {
                let dead = is_dead_after_messages(server, transport);
                assert_eq!(dead, !differs(Difference::EveryByteIsLife), "{transport:?}");
            });
        }
    });
}

#[test]
fn bytes_of_an_unfinished_message_keep_a_session_alive() {
    if !differs(Difference::EveryByteIsLife) {
        return;
    }
    let server = lenient();
    let (mut websocket, _) = open(&server);
    let bytes = Frame::new(Opcode::Text, "4a message on a very slow line").encode();
    let pause = 2 * SILENCE / bytes.len() as u32;
    for byte in bytes {
        std::thread::sleep(pause);
        websocket.wire().write(&[byte]);
    }
    let mut text = websocket.receive_text();
    while text == "2" {
        text = websocket.receive_text();
    }
    assert_eq!(text, "4a message on a very slow line");
}

#[test]
fn websocket_pings_keep_a_session_alive() {
    if !differs(Difference::EveryByteIsLife) {
        return;
    }
    let server = lenient();
    let (mut websocket, sid) = open(&server);
    let start = now();
    while start.elapsed() < 2 * SILENCE {
        std::thread::sleep(Duration::from_millis(60));
        websocket.send(&Frame::new(Opcode::Ping, ""));
    }
    assert!(
        !log(&server)
            .iter()
            .any(|line| line.starts_with(&format!("disconnect {sid}")))
    );
}

#[test]
fn silence_after_a_message_ends_the_session() {
    let server = lenient();
    let (mut websocket, sid) = open(&server);
    assert_eq!(websocket.receive_text(), "2");
    let last = now();
    websocket.text("3");
    websocket.text("4last words");
    while websocket.receive().opcode != Opcode::Close {}
    let silence = last.elapsed();
    assert!(silence + SLACK >= SILENCE, "{silence:?}");
    assert_eq!(reason_of(&server, &sid), "ping timeout");
}

#[test]
fn a_blocked_handler_costs_no_connection() {
    let server = Server::with(&json!({"pingInterval": 500, "pingTimeout": 2000}));
    let mut blocker = Client::connect(&server);
    let mut other = Client::connect(&server);
    let question = blocker.emit_for_ack(&json!(["block", 5000]));
    if differs(Difference::BlockedHandlerKeepsConnections) {
        // Both clients get pings while the handler sleeps.
        for _ in 0..6 {
            assert_eq!(other.websocket().receive_text(), "2");
            other.websocket().text("3");
            assert_eq!(blocker.websocket().receive_text(), "2");
            blocker.websocket().text("3");
        }
    }
    // The handler may also block the other client's thread, which delays its answer.
    while blocker.websocket().wire().is_silent_for(INTERVAL / 20) {
        if !other.websocket().wire().is_silent_for(INTERVAL / 20) {
            assert_eq!(other.websocket().receive_text(), "2");
            other.websocket().text("3");
        }
    }
    blocker.ack_of(question);
    assert_eq!(
        other.call(&json!(["message-with-ack", "alive"])),
        [json!("alive")]
    );
}

#[test]
fn sockets_are_told_about_a_timeout() {
    let server = Server::with(&json!({"pingInterval": 200, "pingTimeout": 2000}));
    let mut silent = Client::connect(&server);
    let mut observer = Client::connect(&server);
    let id = silent.id.clone();
    observer.wait_for_log(&format!("disconnecting / {id} ping timeout {id}"));
    observer.wait_for_log(&format!("disconnect / {id} ping timeout"));
    silent.expect_disconnection();
}
