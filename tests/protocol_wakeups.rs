//! A message that has arrived is handled at once, in every interleaving of the engine's threads.

use std::thread;
use std::time::Duration;

use conformance::wire::now;
use conformance::{Server, WebSocket};
use serde_json::json;

/// Much longer than one of these calls takes on a busy machine, and shorter than the ping interval: a ping would wake a
/// connection whose wake-up was lost.
const BOUND: Duration = Duration::from_secs(10);
const PING_INTERVAL_MS: u64 = 3_600_000;

/// Number of calls of each client; `BELLWIRE_CALLS` sets it for a long run.
fn calls() -> u32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the length of a long run is given by hand"
    )]
    let calls = std::env::var("BELLWIRE_CALLS").ok();
    calls.map_or(18_000, |calls| {
        calls.parse().expect("BELLWIRE_CALLS is a number")
    })
}

/// Makes `calls` calls in groups of three: two at once, and a third after both are answered. Returns the longest time
/// to an answer.
fn call_in_pairs(server: &Server, calls: u32) -> Duration {
    let mut websocket = WebSocket::connect(server);
    websocket.receive_open();
    websocket.text("40");
    assert!(websocket.receive_text().starts_with("40"));
    assert!(websocket.receive_text().starts_with("42[\"auth\""));
    let mut slowest = Duration::ZERO;
    for id in (0..calls).step_by(3) {
        for ids in [&[id, id + 1][..], &[id + 2]] {
            let begun = now();
            for id in ids {
                websocket.text(&format!("42{id}[\"message-with-ack\",1]"));
            }
            for id in ids {
                assert_eq!(websocket.receive_text(), format!("43{id}[1]"));
            }
            slowest = slowest.max(begun.elapsed());
        }
    }
    slowest
}

#[test]
fn no_call_waits_for_a_ping() {
    let server = Server::with(&json!({
        "pingInterval": PING_INTERVAL_MS, "pingTimeout": PING_INTERVAL_MS, "engine": {"workerThreads": 4},
    }));
    let calls = calls();
    let slowest = thread::scope(|scope| {
        let clients: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| call_in_pairs(&server, calls)))
            .collect();
        let slowest = clients
            .into_iter()
            .map(|client| client.join().expect("every call is answered"));
        slowest.max().expect("there are clients")
    });
    assert!(slowest < BOUND, "the slowest answer came after {slowest:?}");
}
