//! Limits and deadlines that the official server does not have: the server drops
//! and counts what exceeds one, and nothing else is lost. These tests do not run
//! against the reference.

use std::time::Duration;

use conformance::raw::reason_of;
use conformance::socketio::kind;
use conformance::under_test::UnderTest;
use conformance::wire::now;
use conformance::{
    Client, Difference, Frame, Http, Opcode, Polling, Server, Transport, WebSocket, differs,
    eventually, under_test,
};
use serde_json::{Value, json};

/// A server with these options for the engine; `None` when the server under test
/// has no such limits.
fn limited(engine: &Value) -> Option<Server> {
    differs(Difference::LimitsTime).then(|| Server::with(&json!({"engine": engine})))
}

#[track_caller]
fn check_counted(observer: &mut Client, name: &str) {
    eventually(name, || (observer.stat(name) > 0).then_some(()));
    assert_eq!(observer.stat("panics_total"), 0);
}

const DEADLINE: Duration = Duration::from_millis(300);
/// The server may have read its clock this long before it armed a timer.
const SLACK: Duration = Duration::from_millis(100);

// Deadlines.

#[test]
fn a_head_has_to_be_complete_in_time() {
    let Some(server) = limited(&json!({"headerTimeout": 300})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let start = now();
    let mut http = Http::connect(server.endpoint());
    http.write("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    http.wire().read_to_end();
    assert!(start.elapsed() + SLACK >= DEADLINE, "{:?}", start.elapsed());
    check_counted(&mut observer, "deadline_header_total");
}

#[test]
fn a_dripping_head_has_no_more_time() {
    let Some(server) = limited(&json!({"headerTimeout": 300})) else {
        return;
    };
    let mut http = Http::connect(server.endpoint());
    http.write("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    let mut drops = 0;
    while http.wire().is_silent_for(Duration::from_millis(50)) {
        let _ = http.wire().try_write(b"x");
        drops += 1;
        assert!(drops < 100, "the head may drip for ever");
    }
}

#[test]
fn a_body_has_to_be_complete_in_time() {
    let Some(server) = limited(&json!({"bodyTimeout": 300})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let polling = Polling::connect(&server);
    let mut http = Http::connect(server.endpoint());
    let start = now();
    http.write(format!(
        "POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4",
        polling.target()
    ));
    http.wire().read_to_end();
    assert!(start.elapsed() + SLACK >= DEADLINE, "{:?}", start.elapsed());
    check_counted(&mut observer, "deadline_body_total");
}

#[test]
fn a_message_has_to_be_complete_in_time() {
    let Some(server) = limited(&json!({"messageTimeout": 300})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let mut client = Client::connect(&server);
    let start = now();
    client
        .websocket()
        .send(&Frame::unfinished(Opcode::Text, "4"));
    client.expect_disconnection();
    assert!(start.elapsed() + SLACK >= DEADLINE, "{:?}", start.elapsed());
    check_counted(&mut observer, "deadline_message_total");
}

#[test]
fn attachments_have_to_come_in_time() {
    for transport in Transport::ALL {
        let Some(server) = limited(&json!({"messageTimeout": 300})) else {
            return;
        };
        let mut observer = Client::connect(&server);
        let mut client = Client::over(&server, transport);
        client.send(r#"52-["message",{"_placeholder":true,"num":0}]"#);
        client.send_binary(b"one");
        client.expect_disconnection();
        check_counted(&mut observer, "deadline_message_total");
        assert_eq!(observer.stat("partial_packets"), 0);
    }
}

#[test]
fn a_close_frame_has_to_be_answered_in_time() {
    let Some(server) = limited(&json!({"closeTimeout": 300})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let mut client = Client::connect(&server);
    let start = now();
    client.emit(&json!(["disconnect-me", true]));
    assert_eq!(client.receive().kind, kind::DISCONNECT);
    assert_eq!(client.websocket().receive().opcode, Opcode::Close);
    // The client sends nothing and keeps the connection open.
    client.websocket().wire().read_to_end();
    assert!(start.elapsed() + SLACK >= DEADLINE, "{:?}", start.elapsed());
    check_counted(&mut observer, "deadline_close_total");
}

#[test]
fn a_question_has_to_be_answered_in_time() {
    let Some(server) = limited(&json!({"deferredTimeout": 300})) else {
        return;
    };
    let mut client = Client::connect(&server);
    let start = now();
    client.send(r#"0/auth,{"token":"never"}"#);
    let packet = client.receive();
    assert_eq!(
        (packet.kind, packet.nsp.as_str()),
        (kind::CONNECT_ERROR, "/auth")
    );
    assert!(start.elapsed() + SLACK >= DEADLINE, "{:?}", start.elapsed());
    client.expect_nothing();
    check_counted(&mut client, "deadline_question_total");
}

#[test]
fn deadlines_for_joining_and_upgrading_are_counted() {
    if !differs(Difference::LimitsTime) {
        return;
    }
    let server = Server::with(&json!({"connectTimeout": 2000, "upgradeTimeout": 300}));
    let mut observer = Client::connect(&server);
    let mut nobody = WebSocket::connect(&server);
    nobody.receive_open();
    assert_eq!(nobody.receive_close(), None);
    check_counted(&mut observer, "deadline_connect_total");
    let polling = Client::over(&server, Transport::Polling);
    let mut half = WebSocket::upgrade(&server, &polling.sid);
    assert_eq!(half.receive_close(), None);
    check_counted(&mut observer, "deadline_upgrade_total");
}

// Numbers of parts.

#[test]
fn connections_are_limited() {
    let Some(server) = limited(&json!({"maxConnections": 3})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let second = Client::connect(&server);
    let _third = Polling::connect(&server);
    let response = server.get("EIO=4&transport=polling");
    assert_eq!(
        (response.status, response.text()),
        (503, r#"{"code":3,"message":"Bad request"}"#)
    );
    let query = "EIO=4&transport=websocket";
    assert!(WebSocket::attempt(server.endpoint(), query, &[]).is_err());
    check_counted(&mut observer, "limit_connections_total");
    // A client that leaves makes room for another.
    drop(second);
    eventually("there is room again", || {
        (server.get("EIO=4&transport=polling").status == 200).then_some(())
    });
}

#[test]
fn namespaces_of_a_connection_are_limited() {
    let Some(server) = limited(&json!({"maxNamespaces": 2})) else {
        return;
    };
    let mut client = Client::connect(&server);
    client.connect_to("/custom", &json!({}));
    client.send(r#"0/auth,{"token":"secret"}"#);
    let packet = client.receive();
    assert_eq!(
        (packet.kind, packet.nsp.as_str()),
        (kind::CONNECT_ERROR, "/auth")
    );
    check_counted(&mut client, "limit_namespaces_total");
    client.send("1/custom,");
    client.connect_to("/auth", &json!({"token": "secret"}));
}

#[test]
fn packets_of_a_payload_are_limited() {
    let Some(server) = limited(&json!({"maxPacketsPerPayload": 3})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let mut polling = Polling::connect(&server);
    assert_eq!(polling.post_response("6\x1e6\x1e6\x1e6").status, 413);
    check_counted(&mut observer, "limit_packets_total");
    polling.post("6\x1e6\x1e6");
}

#[test]
fn fragments_of_a_message_are_limited() {
    let Some(server) = limited(&json!({"maxFragments": 3})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let mut client = Client::connect(&server);
    for opcode in [
        Opcode::Text,
        Opcode::Continuation,
        Opcode::Continuation,
        Opcode::Continuation,
    ] {
        client.websocket().send(&Frame::unfinished(opcode, ""));
    }
    assert_eq!(client.websocket().receive_close(), Some(1008));
    check_counted(&mut observer, "limit_fragments_total");
}

#[test]
fn attachments_of_a_packet_are_limited() {
    let Some(server) = limited(&json!({"maxAttachments": 2})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let mut client = Client::connect(&server);
    client.send(r#"53-["message"]"#);
    client.expect_disconnection();
    check_counted(&mut observer, "limit_attachments_total");
}

#[test]
fn a_packet_and_its_attachments_are_limited_together() {
    if !differs(Difference::LimitsParts) {
        return;
    }
    let server = Server::with(&json!({"maxHttpBufferSize": 1000}));
    let mut observer = Client::connect(&server);
    for transport in Transport::ALL {
        let mut client = Client::over(&server, transport);
        client.send(r#"52-["message",{"_placeholder":true,"num":0}]"#);
        client.send_binary(&[0; 600]);
        client.send_binary(&[0; 600]);
        client.expect_disconnection();
    }
    check_counted(&mut observer, "limit_payload_total");
}

#[test]
fn nesting_is_limited() {
    let Some(server) = limited(&json!({"maxJsonDepth": 8})) else {
        return;
    };
    let mut client = Client::connect(&server);
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    client.send(&format!(r#"2["message",{}]"#, nested(7)));
    assert_eq!(client.expect("message-back").len(), 1);
    client.send(&format!(r#"2["message",{}]"#, nested(8)));
    client.expect_disconnection();
    let mut observer = Client::connect(&server);
    check_counted(&mut observer, "limit_depth_total");
}

#[test]
fn heads_are_limited() {
    let Some(server) = limited(&json!({"maxHeaderBytes": 8192, "maxHeaders": 20})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let long = "x".repeat(9000);
    let response = server.ask("GET", "EIO=4&transport=polling", &[("X-Long", &long)], b"");
    assert_eq!(response.status, 431);
    let many = [("X", "y"); 30];
    let response = server.ask("GET", "EIO=4&transport=polling", &many, b"");
    assert_eq!(response.status, 431);
    check_counted(&mut observer, "limit_headers_total");
}

#[test]
fn a_body_over_the_limit_is_counted() {
    if !differs(Difference::LimitsParts) {
        return;
    }
    let server = Server::with(&json!({"maxHttpBufferSize": 1000}));
    let mut observer = Client::connect(&server);
    let mut polling = Polling::connect(&server);
    assert_eq!(polling.post_response(&"x".repeat(1001)).status, 413);
    check_counted(&mut observer, "limit_payload_total");
}

#[test]
fn answers_a_client_owes_are_limited() {
    let Some(server) = limited(&json!({"maxPendingAcks": 3})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let mut client = Client::connect(&server);
    let calls: Vec<_> = (0..4)
        .map(|i| client.emit_for_ack(&json!(["call", 10_000, i])))
        .collect();
    // The fourth event is not sent: its operation ends at once, with another status.
    let refused = client.ack_of(calls[3]);
    assert_ne!(refused.args()[0], json!("ok"));
    for (i, call) in calls[..3].iter().enumerate() {
        let question = client.take_event("question");
        assert_eq!(question.args(), [json!(i)]);
        client.answer(&question, &json!([i]));
        assert_eq!(client.ack_of(*call).args(), [json!("ok"), json!([i])]);
    }
    client.expect_nothing();
    check_counted(&mut observer, "limit_acks_total");
    assert_eq!(observer.stat("pending_acks"), 0);
}

#[test]
fn an_auth_payload_has_a_limit() {
    let Some(server) = limited(&json!({"maxAuthBytes": 100})) else {
        return;
    };
    for transport in Transport::ALL {
        let mut client = Client::open(&server, transport);
        client.send(&format!("0{}", json!({"token": "x".repeat(100)})));
        let refusal = client.receive();
        assert_eq!(
            (refusal.kind, refusal.data),
            (
                kind::CONNECT_ERROR,
                Some(json!({"message": "Auth payload too large"}))
            )
        );
        client.id = client.connect_to("/", &json!({"token": "x".repeat(50)}));
        check_counted(&mut client, "limit_auth_total");
    }
}

#[test]
fn a_raw_session_has_the_same_limits() {
    if !differs(Difference::LimitsTime) {
        return;
    }
    let server = Server::raw(&json!({"engine": {"messageTimeout": 300, "closeTimeout": 300}}));
    let mut websocket = WebSocket::connect(&server);
    let sid = websocket.receive_open();
    websocket.send(&Frame::unfinished(Opcode::Binary, "x"));
    websocket.wire().read_to_end();
    reason_of(&server, &sid);
}

#[test]
fn a_broadcast_reaches_those_who_owe_too_many_answers() {
    let Some(server) = limited(&json!({"maxPendingAcks": 1})) else {
        return;
    };
    let mut observer = Client::connect(&server);
    let mut client = Client::connect(&server);
    client.emit_for_ack(&json!(["call", 10_000, "first"]));
    client.expect("question");
    let everybody = json!({"rooms": [], "except": [], "self": true, "timeout": 60_000});
    let call = observer.emit_for_ack(&json!(["broadcast-ack", everybody, 1]));
    assert_eq!(client.expect("question"), [json!(1)]);
    let question = observer.take_event("question");
    observer.answer(&question, &json!(["here"]));
    // The operation ends when the other replies have arrived, and its status shows that one is missing.
    let answer = observer.ack_of(call);
    assert_ne!(answer.args()[0], json!("ok"));
    assert_eq!(answer.args()[1], json!(["here"]));
    check_counted(&mut observer, "limit_acks_total");
}

#[test]
fn answers_that_a_host_leaves_out_are_limited() {
    // In a language where the return value of a handler is the answer, no event stays unanswered.
    if under_test::server() != UnderTest::C {
        return;
    }
    let server = Server::with(&json!({"engine": {"maxPendingAcks": 2}}));
    let mut client = Client::connect(&server);
    // About a thousand may be unanswered, even if the option is smaller.
    for _ in 0..1025 {
        client.emit_for_ack(&json!(["nobody-answers"]));
    }
    check_counted(&mut client, "limit_unanswered_total");
}

// Events that wait for the host.

/// A server with one callback thread that is busy, and the client that keeps it busy.
fn busy() -> Option<(Server, Client, u64)> {
    if !differs(Difference::BlockedHandlerKeepsConnections) {
        return None;
    }
    let engine = json!({
        "pollQueueEvents": 400, "pollQueueBytes": 4_000_000,
        "callbackThreads": 1, "metricsPath": "/metrics"
    });
    let server = Server::with(&json!({"engine": engine}));
    let mut client = Client::join(&server, Transport::WebSocket, "/plain", &json!({}));
    // The host has handled all events before this answer.
    client.stat("clients_count");
    let call = client.emit_for_ack(&json!(["block", 5000]));
    // A host that polls is busy with an event that has waited. In Node.js it has taken the event out of the queue; before
    // that, the event can wait because the program has other work.
    let names = ["busy_threads_count", "oldest_event_ms"];
    let is_node = under_test::server() == UnderTest::Node;
    let is_busy = || {
        let has_arrived = names.iter().any(|name| number(&server, name) > 0);
        let is_taken = !is_node || number(&server, "queued_events") == 0;
        (has_arrived && is_taken).then_some(())
    };
    eventually("the host is busy", is_busy);
    Some((server, client, call))
}

/// A statistic of the server, read without the host.
fn number(server: &Server, name: &str) -> i64 {
    let answer = Http::connect(server.endpoint()).request("GET", "/metrics", &[], b"");
    let text = String::from_utf8(answer.body).expect("metrics are text");
    let prefix = format!("bellwire_{name} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&prefix));
    value.and_then(|value| value.parse().ok()).expect(name)
}

#[test]
fn refused_requests_take_a_quarter_of_what_may_wait() {
    let Some((server, mut client, call)) = busy() else {
        return;
    };
    let before = server.resident_bytes();
    let filler = "x".repeat(8000);
    let mut http = Http::connect(server.endpoint());
    for _ in 0..2000 {
        let target = "/socket.io/?EIO=4&transport=none";
        let answer = http.request("GET", target, &[("X-Filler", &filler)], b"");
        assert_eq!(answer.status, 400);
    }
    // A hundred events wait; a few may have been handled before the host was busy.
    let dropped = number(&server, "limit_queue_total");
    assert!((1800..=1900).contains(&dropped), "{dropped} are not told");
    let stated = number(&server, "queued_bytes");
    assert!(
        (800_000..1_200_000).contains(&stated),
        "{stated} bytes wait"
    );
    // All of them together would take 16 MB.
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 8_000_000, "{grown} bytes more");
    client.ack_of(call);
    let is_idle = || (number(&server, "queued_events") == 0).then_some(());
    eventually("nothing waits", is_idle);
    assert_eq!(client.stat("connection_errors_total"), 2000);
    let told = client.log();
    let told = told
        .iter()
        .filter(|line| line.starts_with("connection_error"));
    assert_eq!(told.count() as i64, 2000 - dropped);
}

#[test]
fn a_question_whose_client_has_gone_is_not_asked() {
    let Some((server, mut client, call)) = busy() else {
        return;
    };
    let clients = number(&server, "clients_count");
    let queued = number(&server, "queued_events");
    let mut other = Client::open(&server, Transport::WebSocket);
    other.send(r#"0/auth,{"token":"secret"}"#);
    let is_asked = || (number(&server, "queued_events") > queued).then_some(());
    eventually("the question waits", is_asked);
    drop(other);
    let is_gone = || (number(&server, "clients_count") == clients).then_some(());
    eventually("the client has gone", is_gone);
    client.ack_of(call);
    check_counted(&mut client, "questions_withdrawn_total");
    assert!(!client.log().iter().any(|line| line.contains("/auth")));
}
