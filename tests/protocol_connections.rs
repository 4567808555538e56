//! Connections below Engine.IO: limits on their number, clients that do not read
//! responses, and clients that shut down their direction early.

use std::process::Command;
use std::time::Duration;

use conformance::raw::reason_of;
use conformance::refusal::{SESSION_UNKNOWN, check_refused};
use conformance::wire::now;
use conformance::{
    Client, Difference, Endpoint, Frame, Http, Opcode, Polling, Server, Transport, WebSocket,
    differs, eventually, http,
};
use serde_json::{Value, json};

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

/// A server with a page of metrics and these options for the engine; `None` when
/// the server under test has no limits for connections.
fn limited(engine: &Value) -> Option<Server> {
    let mut options = json!({"engine": engine, "maxHttpBufferSize": ROOMY});
    options["engine"]["metricsPath"] = json!("/metrics");
    differs(Difference::LimitsTime).then(|| Server::with(&options))
}

/// The statistic with this name, requested on a new connection.
fn stat(endpoint: &Endpoint, name: &str) -> i64 {
    let response = Http::connect(endpoint).request("GET", "/metrics", &[], b"");
    assert_eq!(response.status, 200);
    let start = format!("bellwire_{name} ");
    let line = response
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(&start));
    let value = line.unwrap_or_else(|| panic!("no number {name}"));
    value.parse().expect("a number")
}

#[track_caller]
fn wait_for(server: &Server, name: &str, is_right: impl Fn(i64) -> bool) {
    let caller = std::panic::Location::caller();
    eventually(&format!("{name} at {caller}"), || {
        is_right(stat(server.endpoint(), name)).then_some(())
    });
}

/// A long-polling session to which the server sends a message of this many megabytes.
fn with_waiting(server: &Server, megabytes: usize) -> Client {
    let mut sender = Client::connect(server);
    let stalled = Client::over(server, Transport::Polling);
    let target = json!({"rooms": [stalled.id], "except": [], "self": true, "volatile": false});
    sender.emit(&json!(["broadcast", target, "x".repeat(megabytes << 20)]));
    sender.call(&json!(["message-with-ack"]));
    stalled
}

const ROOMY: usize = 64 << 20;

// Responses that are not read.

#[test]
fn an_answer_that_is_not_read_is_given_up() {
    let engine = json!({"writeTimeout": 300, "sendBufferHigh": ROOMY});
    let Some(server) = limited(&engine) else {
        return;
    };
    let mut stalled = with_waiting(&server, 6);
    let target = stalled.polling().target();
    let start = now();
    let mut unread = Http::connect(server.endpoint());
    unread.wire().shrink_receive_buffer();
    unread.send("GET", &target, &[], b"");
    wait_for(&server, "deadline_write_total", |count| count == 1);
    assert!(start.elapsed() >= Duration::from_millis(280));
    drop(stalled);
    // The connection of this request.
    wait_for(&server, "http_connections_count", |count| count == 1);
}

#[test]
fn pipelined_answers_that_are_not_read_hold_nothing_for_long() {
    let Some(server) = limited(&json!({"writeTimeout": 300})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let (descriptors, memory) = (server.open_descriptors(), server.resident_bytes());
    let requests = http::request("GET", "/metrics", &[], b"").repeat(100);
    let clients: Vec<Http> = (0..40)
        .map(|_| {
            let mut http = Http::connect(server.endpoint());
            http.wire().shrink_receive_buffer();
            // The server does not read from a client while a response to it waits.
            for _ in 0..20 {
                if http.wire().try_write(&requests).is_err() {
                    break;
                }
            }
            http
        })
        .collect();
    wait_for(&server, "deadline_write_total", |count| count == 40);
    observer.check_served(&server);
    let grown = server.resident_bytes().saturating_sub(memory);
    assert!(grown < 40 << 20, "{grown} bytes");
    eventually("the descriptors are closed", || {
        (server.open_descriptors() <= descriptors + 1).then_some(())
    });
    drop(clients);
}

/// The bytes in the kernel's send queue of each connection of the server.
fn send_queues(server: &Server) -> Vec<usize> {
    let port = format!(":{:04X}", server.endpoint().address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux shows its connections");
    let lines = table.lines().skip(1);
    let queue_of = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (unsent, _) = fields[4].split_once(':')?;
        let is_ours = fields[1].ends_with(&port);
        is_ours.then(|| usize::from_str_radix(unsent, 16).expect("a hexadecimal number"))
    };
    lines.filter_map(queue_of).collect()
}

#[test]
fn the_kernel_keeps_little_for_a_client_that_does_not_read() {
    let Some(server) = limited(&json!({"writeTimeout": 1000, "sendBufferHigh": ROOMY})) else {
        return;
    };
    let mut stalled: Vec<Client> = (0..3).map(|_| with_waiting(&server, 6)).collect();
    let unread: Vec<Http> = stalled
        .iter_mut()
        .map(|stalled| {
            let mut http = Http::connect(server.endpoint());
            http.wire().shrink_receive_buffer();
            http.send("GET", &stalled.polling().target(), &[], b"");
            http
        })
        .collect();
    let mut most = 0;
    eventually("all of them are given up", || {
        most = most.max(send_queues(&server).into_iter().max().unwrap_or(0));
        (stat(server.endpoint(), "deadline_write_total") == 3).then_some(())
    });
    // By default the kernel buffers more than two megabytes for each connection.
    assert!((1..1 << 20).contains(&most), "{most} bytes");
    // The memory is freed with the connection.
    eventually("nothing is kept", || {
        send_queues(&server)
            .iter()
            .all(|queue| *queue == 0)
            .then_some(())
    });
    drop(unread);
}

#[test]
fn a_slow_client_gets_the_whole_answer() {
    let engine = json!({"writeTimeout": 2000, "sendBufferHigh": ROOMY});
    let Some(server) = limited(&engine) else {
        return;
    };
    let mut slow = with_waiting(&server, 6);
    let target = slow.polling().target();
    let mut http = Http::connect(server.endpoint());
    http.wire().shrink_receive_buffer();
    http.send("GET", &target, &[], b"");
    let head = http.receive_head();
    let length = head.header("content-length").expect("a length");
    let mut left: usize = length.parse().expect("a number");
    let part = left / 50;
    while left > 0 {
        left -= http.wire().read_exact(part.min(left)).len();
        // The client reads slowly: the whole response takes longer than the deadline.
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(stat(server.endpoint(), "deadline_write_total"), 0);
}

// Numbers of connections.

#[test]
fn connections_are_limited_whatever_they_speak() {
    let Some(server) = limited(&json!({"maxConnections": 10})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let mut idle = vec![Http::connect(server.endpoint())];
    assert_eq!(idle[0].request("GET", "/elsewhere", &[], b"").status, 404);
    let descriptors = server.open_descriptors();
    idle.extend((0..8).map(|_| Http::connect(server.endpoint())));
    eventually("ten are open", || {
        (observer.stat("open_connections_count") == 10).then_some(())
    });
    assert_eq!(observer.stat("http_connections_count"), 9);
    // Above the limit, a reserve of connections get a response before they are closed.
    let mut refused = Http::connect(server.endpoint());
    let response = refused.request("GET", HANDSHAKE, &[], b"");
    assert_eq!(
        (response.status, response.text()),
        (503, r#"{"code":3,"message":"Bad request"}"#)
    );
    refused.wire().expect_end();
    let mut refused = Http::connect(server.endpoint());
    assert_eq!(refused.request("GET", "/elsewhere", &[], b"").status, 503);
    refused.wire().expect_end();
    let query = "EIO=4&transport=websocket";
    let response = WebSocket::attempt(server.endpoint(), query, &[]).expect_err("it is refused");
    assert_eq!((response.status, response.text()), (400, "Bad request"));
    assert_eq!(observer.stat("limit_connections_total"), 3);
    observer.wait_for_log("connection_error 3");
    // The statistics can still be read.
    assert_eq!(stat(server.endpoint(), "limit_connections_total"), 3);
    // Beyond the reserve, connections are closed without an answer.
    let many: Vec<Http> = (0..100).map(|_| Http::connect(server.endpoint())).collect();
    eventually("the others are closed", || {
        (observer.stat("limit_connections_total") >= 3 + 100 - 16).then_some(())
    });
    assert!(observer.stat("open_connections_count") <= 10 + 16);
    assert!(server.open_descriptors() <= descriptors + 8 + 16);
    // Existing connections continue, and a closed connection makes room for another.
    observer.call(&json!(["message-with-ack"]));
    assert_eq!(idle[0].request("GET", "/elsewhere", &[], b"").status, 404);
    drop((idle, many));
    eventually("there is room again", || {
        (observer.stat("open_connections_count") == 1).then_some(())
    });
    observer.check_served(&server);
}

#[test]
fn a_websocket_keeps_its_place() {
    let Some(server) = limited(&json!({"maxConnections": 2})) else {
        return;
    };
    let mut first = Client::connect(&server);
    let second = Client::connect(&server);
    assert_eq!(first.stat("open_connections_count"), 2);
    assert_eq!(first.stat("http_connections_count"), 0);
    assert_eq!(server.get("EIO=4&transport=polling").status, 503);
    drop(second);
    eventually("its place is free", || {
        (server.get("EIO=4&transport=polling").status == 200).then_some(())
    });
}

#[test]
fn a_server_without_descriptors_accepts_again_when_it_has_some() {
    let Some(server) = limited(&json!({})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let set_limit = |most: usize| {
        let status = Command::new("prlimit")
            .args(["--pid", &server.pid().to_string()])
            .arg(format!("--nofile={most}:4096"))
            .status();
        assert!(status.expect("prlimit can be started").success());
    };
    set_limit(server.open_descriptors());
    let waiting: Vec<Http> = (0..20).map(|_| Http::connect(server.endpoint())).collect();
    eventually("accepting fails", || {
        (observer.stat("accept_errors_total") > 0).then_some(())
    });
    observer.call(&json!(["message-with-ack"]));
    set_limit(1024);
    for mut http in waiting {
        assert_eq!(http.request("GET", "/elsewhere", &[], b"").status, 404);
    }
    observer.check_served(&server);
}

// Clients that shut down their direction after the request.

#[test]
fn a_handshake_is_answered_although_nothing_more_comes() {
    let server = Server::start();
    for i in 0..200 {
        let mut http = Http::connect(server.endpoint());
        http.send("GET", HANDSHAKE, &[], b"");
        http.wire().finish();
        assert_eq!(http.receive().status, 200, "{i}");
        http.wire().expect_end();
    }
}

#[test]
fn a_post_is_answered_although_nothing_more_comes() {
    let server = Server::raw(&json!({}));
    for i in 0..100 {
        let mut polling = Polling::connect(&server);
        let mut http = Http::connect(server.endpoint());
        http.send("POST", &polling.target(), &[], b"4hello");
        http.wire().finish();
        let response = http.receive();
        assert_eq!((response.status, response.text()), (200, "ok"), "{i}");
        http.wire().expect_end();
        assert_eq!(polling.poll(), ["4hello"]);
    }
}

#[test]
fn what_waits_is_sent_although_nothing_more_comes() {
    let server = Server::raw(&json!({}));
    for i in 0..100 {
        let mut polling = Polling::connect(&server);
        polling.post("4hello");
        let mut http = Http::connect(server.endpoint());
        http.send("GET", &polling.target(), &[], b"");
        http.wire().finish();
        let response = http.receive();
        assert_eq!((response.status, response.text()), (200, "4hello"), "{i}");
        http.wire().expect_end();
    }
}

#[test]
fn pipelined_requests_are_answered_although_nothing_more_comes() {
    let server = Server::start();
    for i in 0..50 {
        let mut http = Http::connect(server.endpoint());
        http.write(http::request("GET", HANDSHAKE, &[], b"").repeat(3));
        http.wire().finish();
        let statuses = [(); 3].map(|()| http.receive().status);
        assert_eq!(statuses, [200, 200, 200], "{i}");
        http.wire().expect_end();
    }
}

#[test]
fn a_body_that_ends_early_ends_the_session() {
    let server = Server::raw(&json!({}));
    let mut polling = Polling::connect(&server);
    let mut post = polling.begin_post(9, "4hell");
    post.wire().finish();
    assert_eq!(post.receive_head().status, 400);
    post.wire().expect_end();
    assert_eq!(reason_of(&server, &polling.sid), "transport error");
    polling.check_gone();
}

#[test]
fn a_waiting_poll_ends_with_its_client() {
    let server = Server::raw(&json!({}));
    let mut polling = Polling::connect(&server);
    polling.wait_in_poll();
    let wire = polling.get_connection().wire();
    wire.finish();
    wire.expect_end();
    let query = format!("EIO=4&transport=polling&sid={}", polling.sid);
    check_refused(&server.get(&query), SESSION_UNKNOWN);
}

#[test]
fn a_websocket_that_is_used_before_it_is_there_loses_nothing() {
    if !differs(Difference::KeepsEarlyMessages) {
        return;
    }
    let server = Server::raw(&json!({}));
    for i in 0..20 {
        let mut http = Http::connect(server.endpoint());
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", conformance::websocket::KEY),
        ];
        let mut bytes = http::request(
            "GET",
            "/engine.io/?EIO=4&transport=websocket",
            &headers,
            b"",
        );
        for message in 0..10 {
            let text = format!("4{message}{}", "x".repeat(i * 97));
            bytes.extend(Frame::new(Opcode::Text, text).encode());
        }
        http.write(bytes);
        let mut websocket = WebSocket::accept(http).expect("upgraded");
        websocket.receive_open();
        for message in 0..10 {
            let expected = format!("4{message}{}", "x".repeat(i * 97));
            assert_eq!(websocket.receive_text(), expected);
        }
    }
}
