//! Clients that do not read, or read slowly: how much waits for them, for how long, and what the host sees when a message
//! finds no room. The reference has no such limits and is not asked.

use std::time::Duration;

use conformance::wire::now;
use conformance::{Client, Difference, Server, differs, eventually};
use serde_json::{Value, json};

/// A server with these options for the engine; `None` when the server under test has no such limits.
fn limited(engine: &Value) -> Option<Server> {
    differs(Difference::LimitsTime).then(|| Server::with(&json!({"engine": engine})))
}

#[track_caller]
fn check_counted(observer: &mut Client, name: &str) {
    eventually(name, || (observer.stat(name) > 0).then_some(()));
    assert_eq!(observer.stat("panics_total"), 0);
}

fn target(id: &str) -> Value {
    json!({"rooms": [id], "except": [], "self": true, "volatile": false})
}

/// Sends about twelve megabytes to a client that reads nothing, and as much to
/// one that does, which gets all of it.
fn flood(server: &Server, stalled: &mut Client) {
    stalled.websocket().wire().shrink_receive_buffer();
    let mut reader = Client::connect(server);
    let mut sender = Client::connect(server);
    let filler = "x".repeat(60_000);
    for i in 0..200 {
        sender.emit(&json!(["broadcast", target(&stalled.id), i, filler]));
        sender.emit(&json!(["broadcast", target(&reader.id), i, filler]));
        assert_eq!(reader.expect("broadcast")[0], json!(i));
    }
    sender.call(&json!(["message-with-ack"]));
}

#[test]
fn a_client_that_does_not_read_is_disconnected() {
    let policy = json!({"sendBufferHigh": 500_000, "sendBufferLow": 100_000, "sendBufferGrace": 0, "sendBufferPolicy": "disconnect"});
    let Some(server) = limited(&policy) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let mut stalled = Client::connect(&server);
    flood(&server, &mut stalled);
    check_counted(&mut observer, "slow_clients_disconnected_total");
    observer.wait_for_log(&format!("disconnect / {}", stalled.id));
}

#[test]
fn a_client_that_does_not_read_loses_what_is_too_much() {
    for policy in ["drop", "error"] {
        if !differs(Difference::LimitsTime) {
            return;
        }
        // The client that is flooded answers no ping meanwhile.
        let server = Server::with(&json!({"pingTimeout": 600_000, "engine": {
            "sendBufferHigh": 500_000, "sendBufferLow": 100_000, "sendBufferGrace": 0,
            "sendBufferPolicy": policy, "sendTimeout": 600_000,
        }}));
        let before = server.resident_bytes();
        let mut observer = Client::connect(&server);
        let mut first = Client::connect(&server);
        flood(&server, &mut first);
        let mut stalled = Client::connect(&server);
        flood(&server, &mut stalled);
        check_counted(&mut observer, "send_buffer_full_total");
        let grown = server.resident_bytes().saturating_sub(before);
        // Of 24 megabytes. A host with a heap of its own grows by about half of that at such a pace.
        assert!(grown < 16 << 20, "{policy}: {grown} bytes");
        // What it reads later is in order, from the first on.
        let mut last = None;
        while last < Some(20) {
            let number = stalled.expect("broadcast")[0].as_u64();
            assert!(number > last, "{number:?} after {last:?}");
            last = number;
        }
    }
}

/// The server may have read its clock this long before it armed a timer.
const SLACK: Duration = Duration::from_millis(100);

#[test]
fn a_client_that_takes_nothing_is_dropped_after_the_grace() {
    let grace = Duration::from_millis(500);
    let Some(server) = limited(&json!({
        "sendBufferHigh": 500_000, "sendBufferLow": 100_000, "sendBufferGrace": 500,
        "sendBufferPolicy": "disconnect", "sendTimeout": 600_000,
    })) else {
        return;
    };
    let mut stalled = Client::connect(&server);
    let start = now();
    flood(&server, &mut stalled);
    let mut observer = Client::connect(&server);
    let dropped = format!("dropped / {}", stalled.id);
    // Each message that the client does not take may be the first one after the grace.
    eventually(&dropped, || {
        observer.emit(&json!(["broadcast", target(&stalled.id), 0]));
        observer.log().into_iter().find(|line| *line == dropped)
    });
    assert!(start.elapsed() + SLACK >= grace, "{:?}", start.elapsed());
    let end = observer.wait_for_log(&format!("disconnect / {}", stalled.id));
    assert!(end.contains("transport error"), "{end}");
    assert_eq!(observer.stat("slow_clients_disconnected_total"), 1);
    assert_eq!(observer.stat("deadline_send_total"), 0);
    // The client that read was told of everything and is there.
    let others = observer.log();
    let others = others.iter().filter(|line| line.starts_with("dropped "));
    assert_eq!(others.count(), 1);
}

/// Emits six messages to a client for each three that it reads, for at least twice the grace. Returns how many it has
/// read, or `None` when this process was so busy that the server might have waited for half of the grace.
fn read_half(
    sender: &mut Client,
    slow: &mut Client,
    messages: u64,
    grace: Duration,
) -> Option<u64> {
    let filler = "x".repeat(60_000);
    let (start, mut emitted, mut read) = (now(), 0, 0);
    while emitted < messages || start.elapsed() < grace * 2 {
        let round = now();
        for number in emitted..messages.min(emitted + 6) {
            sender.emit(&json!(["broadcast", target(&slow.id), number, filler]));
            emitted = number + 1;
        }
        for _ in 0..3 {
            assert_eq!(slow.expect("broadcast")[0], json!(read));
            read += 1;
        }
        // The client is slow on purpose; the test waits for nothing here.
        std::thread::sleep(grace / 50);
        if round.elapsed() > grace / 2 {
            return None;
        }
    }
    Some(read)
}

#[test]
fn a_client_that_takes_something_within_the_grace_loses_nothing() {
    const MESSAGES: u64 = 600;
    let grace = Duration::from_secs(1);
    let options = json!({
        "sendBufferHigh": 500_000, "sendBufferLow": 100_000, "sendBufferGrace": 1000,
        "sendBufferPolicy": "drop", "sendTimeout": 600_000,
    });
    for _ in 0..5 {
        let Some(server) = limited(&options) else {
            return;
        };
        let mut slow = Client::connect(&server);
        slow.websocket().wire().shrink_receive_buffer();
        let mut sender = Client::connect(&server);
        let Some(read) = read_half(&mut sender, &mut slow, MESSAGES, grace) else {
            continue;
        };
        assert!(read + 10 < MESSAGES, "more than sendBufferHigh waits");
        // The host may still be emitting, so the client goes on reading.
        sender.emit(&json!(["broadcast", target(&slow.id), MESSAGES]));
        for number in read..=MESSAGES {
            assert_eq!(slow.expect("broadcast")[0], json!(number));
        }
        assert_eq!(sender.stat("send_buffer_full_total"), 0);
        return;
    }
    panic!("this machine is too busy for the test");
}
