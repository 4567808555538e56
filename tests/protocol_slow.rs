//! Clients that do not read or read slowly: how much waits for them, for how long, and what the host gets when a message
//! does not fit. These tests do not run against the reference, which has no such limits.

use std::time::Duration;

use conformance::wire::now;
use conformance::{Client, Difference, Frame, Opcode, Server, differs, eventually};
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

/// Sends about twelve megabytes each to a client that does not read and to a
/// client that reads, which gets all of it.
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
        // The flooded client does not answer pings meanwhile.
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
        // Of 24 megabytes. A host with a garbage-collected heap grows by about half of that at this rate.
        assert!(grown < 16 << 20, "{policy}: {grown} bytes");
        // The messages that it reads later are in order, beginning with the first.
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
    // Each message that the client does not read may be the first one after the grace.
    eventually(&dropped, || {
        observer.emit(&json!(["broadcast", target(&stalled.id), 0]));
        observer.log().into_iter().find(|line| *line == dropped)
    });
    assert!(start.elapsed() + SLACK >= grace, "{:?}", start.elapsed());
    let end = observer.wait_for_log(&format!("disconnect / {}", stalled.id));
    assert!(end.contains("transport error"), "{end}");
    assert_eq!(observer.stat("slow_clients_disconnected_total"), 1);
    assert_eq!(observer.stat("deadline_send_total"), 0);
    // The client that reads got everything and is connected.
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
        let end = messages.min(emitted + 6);
        for number in emitted..end {
            sender.emit(&json!(["broadcast", target(&slow.id), number, filler]));
        }
        emitted = end;
        for _ in 0..3 {
            assert_eq!(slow.expect("broadcast")[0], json!(read));
            read += 1;
        }
        // The client is slow on purpose; the pause does not wait for an event.
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
        // The host may still be emitting, so the client continues to read.
        sender.emit(&json!(["broadcast", target(&slow.id), MESSAGES]));
        for number in read..=MESSAGES {
            assert_eq!(slow.expect("broadcast")[0], json!(number));
        }
        assert_eq!(sender.stat("send_buffer_full_total"), 0);
        return;
    }
    panic!("this machine is too busy for the test");
}

/// Sends a signal to the server's process.
fn signal(server: &Server, name: &str) {
    let status = std::process::Command::new("kill")
        .args(["-s", name, &server.pid().to_string()])
        .status()
        .expect("kill can be run");
    assert!(status.success(), "kill -s {name}: {status}");
}

/// The client has read while the server's process was stopped for longer than the grace and the timeout. What it read
/// is too little for the kernel to report room for more.
#[test]
fn a_client_that_reads_while_the_server_is_stopped_loses_nothing() {
    const WAITING: u64 = 100;
    let timeout = Duration::from_secs(3);
    for _ in 0..5 {
        let Some(server) = limited(&json!({
            "sendBufferHigh": 500_000, "sendBufferLow": 100_000, "sendBufferGrace": 3000,
            "sendBufferPolicy": "drop", "sendTimeout": 3000,
        })) else {
            return;
        };
        let mut slow = Client::connect(&server);
        slow.websocket().wire().shrink_receive_buffer();
        let mut sender = Client::connect(&server);
        let filler = "x".repeat(60_000);
        let start = now();
        for number in 0..WAITING {
            sender.emit(&json!(["broadcast", target(&slow.id), number, filler]));
        }
        sender.call(&json!(["message-with-ack"]));
        signal(&server, "STOP");
        let is_early = start.elapsed() < timeout;
        for number in 0..4 {
            assert_eq!(slow.expect("broadcast")[0], json!(number));
        }
        // The deadlines have to pass while the server is stopped.
        std::thread::sleep(timeout + SLACK);
        signal(&server, "CONT");
        let resumed = now();
        sender.call(&json!(["message-with-ack"]));
        for number in WAITING..WAITING + 10 {
            sender.emit(&json!(["broadcast", target(&slow.id), number, filler]));
        }
        sender.call(&json!(["message-with-ack"]));
        if !is_early || resumed.elapsed() > timeout / 2 {
            // This process was so slow that the client may have been late.
            continue;
        }
        for number in 4..WAITING + 10 {
            assert_eq!(slow.expect("broadcast")[0], json!(number));
        }
        assert_eq!(sender.stat("send_buffer_full_total"), 0);
        assert_eq!(sender.stat("deadline_send_total"), 0);
        return;
    }
    panic!("this machine is too busy for the test");
}

/// The CPU time of the engine's threads. It does not depend on other programs on the machine.
fn engine_time(server: &Server) -> Duration {
    let tasks = format!("/proc/{}/task", server.pid());
    let mut total = Duration::ZERO;
    for task in std::fs::read_dir(tasks).expect("the server is alive") {
        let path = task.expect("a thread").path();
        // A thread may end between the two reads.
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        let Some(number) = name.trim_end().strip_prefix("bellwire-") else {
            continue;
        };
        if number.parse::<u32>().is_ok() {
            let times = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            let spent = times.split(' ').next().and_then(|text| text.parse().ok());
            total += Duration::from_nanos(spent.expect("the time on a core in nanoseconds"));
        }
    }
    assert!(!total.is_zero(), "the engine has threads");
    total
}

/// A client whose message is incomplete and that the server has stopped reading within `timeout`, with the rest of the
/// message, and when its message began. `None` when this process was so slow that the message came too late.
fn stopped_within_a_message(
    server: &Server,
    observer: &mut Client,
    timeout: Duration,
) -> Option<(Client, Vec<u8>)> {
    let message = format!(r#"42["message","{}"]"#, "x".repeat(10_000));
    let mut bytes = Frame::new(Opcode::Text, message).encode();
    let mut client = Client::connect(server);
    client.websocket().wire().shrink_receive_buffer();
    let paused = observer.stat("send_buffer_paused_total");
    client.websocket().wire().write(&bytes[..20]);
    bytes.drain(..20);
    let start = now();
    let filler = "x".repeat(60_000);
    for i in 0..200 {
        observer.emit(&json!(["broadcast", target(&client.id), i, filler]));
    }
    // The server checks the send buffer of a client when the client sends something.
    while observer.stat("send_buffer_paused_total") == paused {
        if start.elapsed() > timeout || bytes.len() < 5000 {
            return None;
        }
        // Fails if the message came too late.
        let _ = client.websocket().wire().try_write(&bytes[..1]);
        bytes.remove(0);
    }
    (observer.stat("deadline_message_total") == 0).then_some((client, bytes))
}

#[test]
fn a_deadline_that_passes_while_a_client_is_not_read_costs_no_time() {
    let timeout = Duration::from_secs(2);
    for _ in 0..5 {
        if !differs(Difference::LimitsTime) {
            return;
        }
        // The flooded client does not answer pings meanwhile.
        let server = Server::with(&json!({"pingTimeout": 600_000, "engine": {
            "sendBufferHigh": 500_000, "sendBufferLow": 100_000, "sendBufferPolicy": "drop",
            "sendTimeout": 600_000, "messageTimeout": 2000,
        }}));
        let mut observer = Client::connect(&server);
        let Some((mut client, rest)) = stopped_within_a_message(&server, &mut observer, timeout)
        else {
            continue;
        };
        // The deadline must not have an effect, so the test cannot wait for an event: it measures time.
        std::thread::sleep(timeout + SLACK);
        let before = engine_time(&server);
        std::thread::sleep(Duration::from_secs(1));
        let spent = engine_time(&server) - before;
        assert!(
            spent < Duration::from_millis(30),
            "idle threads took {spent:?}"
        );
        // The client could not finish its message while it was not read, so the deadline starts again.
        assert_eq!(observer.stat("deadline_message_total"), 0);
        client.websocket().wire().write(&rest);
        client.take_event("message-back");
        return;
    }
    panic!("this machine is too busy for the test");
}
