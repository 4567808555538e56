//! A client that keeps the host busy slows down only itself.
//!
//! In threads and polled delivery the waiting events are bounded, for one connection and for all. Inline delivery has no
//! queue: a callback that blocks holds the engine's thread and its connections. These tests do not run with it.

use conformance::client::prefix;
use conformance::under_test::{self, UnderTest};
use conformance::{Client, Difference, Frame, Opcode, Server, Transport, differs};
use serde_json::json;

/// A server that lets few events wait and runs one callback at a time; `None` with inline delivery.
fn busy() -> Option<Server> {
    let engine = json!({"pollQueueEvents": 640, "callbackThreads": 1});
    differs(Difference::BlockedHandlerKeepsConnections)
        .then(|| Server::with(&json!({"engine": engine})))
}

/// More events than may wait in total; each takes 25 ms to handle.
fn flood(client: &mut Client, namespace: &str) {
    let event = format!(r#"2{}["block",25]"#, prefix(namespace));
    (0..2000).for_each(|_| client.send(&event));
}

/// Asserts that existing and new clients are served.
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
    // Hosts in other languages would take minutes for the number of events that shows unbounded growth.
    let is_native = matches!(under_test::server(), UnderTest::C);
    let flood = if is_native { 96 << 20 } else { 4 << 20 };
    // The bound leaves room for a host with a garbage-collected heap.
    const BOUND: usize = 32 << 20;
    if !differs(Difference::BlockedHandlerKeepsConnections) {
        return;
    }
    // This client does not answer pings while it sends.
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
    // The host handles a few events at a time, which makes room for a few more.
    client.websocket().wire().flood(&chunk, flood);
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < BOUND, "the server grew by {grown} bytes");
    check_served(&server, &mut other);
}
