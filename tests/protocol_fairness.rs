//! A client that keeps the host busy slows itself down, and no other client.
//!
//! In the deliveries with a queue, events wait within bounds: of one connection, and of all. Inline there is no queue: a
//! callback that does not return holds the engine's thread and the connections on it, so a host that blocks does not
//! choose it, and nothing of this is asked of it.

use conformance::client::prefix;
use conformance::under_test::{self, UnderTest};
use conformance::{Client, Difference, Frame, Opcode, Server, Transport, differs};
use serde_json::json;

/// A server that lets few events wait, and runs one callback at a time; `None` when its handlers run in place.
fn busy() -> Option<Server> {
    let engine = json!({"pollQueueEvents": 640, "callbackThreads": 1});
    differs(Difference::BlockedHandlerKeepsConnections)
        .then(|| Server::with(&json!({"engine": engine})))
}

/// More than may wait of all, whose handling takes 25 ms each.
fn flood(client: &mut Client, namespace: &str) {
    let event = format!(r#"2{}["block",25]"#, prefix(namespace));
    (0..2000).for_each(|_| client.send(&event));
}

/// Those who are there and those who come are served.
fn check_served(server: &Server, client: &mut Client) {
    assert_eq!(client.call(&json!(["message-with-ack", 0])), [json!(0)]);
    let mut another = Client::connect(server);
    assert_eq!(another.call(&json!(["message-with-ack", 1])), [json!(1)]);
    assert_eq!(client.stat("panics_total"), 0);
}

#[test]
fn a_flood_in_a_second_namespace_stops_no_other_client() {
    let Some(server) = busy() else { return };
    let mut other = Client::connect(&server);
    let mut client = Client::connect(&server);
    client.connect_to("/plain", &json!({}));
    flood(&mut client, "/plain");
    check_served(&server, &mut other);
}

#[test]
fn floods_of_many_clients_stop_no_other_client() {
    let Some(server) = busy() else { return };
    let mut other = Client::connect(&server);
    let join = |_| Client::join(&server, Transport::WebSocket, "/plain", &json!({}));
    let mut clients: Vec<_> = (0..4).map(join).collect();
    for client in &mut clients {
        flood(client, "/plain");
    }
    check_served(&server, &mut other);
}

#[test]
fn what_the_host_has_no_time_for_is_not_read() {
    // A host in another language takes minutes for as much as would show what is not bounded.
    let is_native = matches!(under_test::server(), UnderTest::C);
    let flood = if is_native { 96 << 20 } else { 4 << 20 };
    // With room for a host with a heap of its own.
    const BOUND: usize = 32 << 20;
    if !differs(Difference::BlockedHandlerKeepsConnections) {
        return;
    }
    // This client answers no ping while it sends.
    let server = Server::with(&json!({
        "pingTimeout": 600_000, "engine": {"pollQueueEvents": 640, "callbackThreads": 1},
    }));
    let mut other = Client::connect(&server);
    let mut client = Client::connect(&server);
    check_served(&server, &mut other);
    let event = format!(r#"42["block",0,"{}"]"#, "x".repeat(200));
    let frame = Frame::new(Opcode::Text, event).encode();
    let chunk = frame.repeat((64 << 10) / frame.len());
    let before = server.resident_bytes();
    // The host deals with a few of them at a time, and each time there is room for a few more.
    client.websocket().wire().flood(&chunk, flood);
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < BOUND, "the server grew by {grown} bytes");
    check_served(&server, &mut other);
}
