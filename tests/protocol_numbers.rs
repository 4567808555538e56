//! The statistics of a server: `bw_server_stat`, and the page of metrics. The
//! statistics of limits and deadlines are in `protocol_limits`. These tests do not
//! run against the reference.

use std::collections::BTreeMap;

use conformance::{
    Client, Difference, Frame, Http, Opcode, Polling, Server, Transport, WebSocket, differs,
    eventually, under_test,
};
use serde_json::{Value, json};

/// A server with a page of metrics and these options; `None` when the server
/// under test has no such page.
fn measured(engine: &Value) -> Option<Server> {
    let mut options = json!({"engine": engine});
    options["engine"]["metricsPath"] = json!("/metrics");
    differs(Difference::LimitsTime).then(|| Server::with(&options))
}

/// All statistics, requested without a session.
fn numbers(server: &Server) -> BTreeMap<String, i64> {
    let response = Http::connect(server.endpoint()).request("GET", "/metrics", &[], b"");
    assert_eq!(response.status, 200);
    let lines = response.text().lines();
    assert_eq!(lines.clone().next_back(), Some("# EOF"));
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.split_once(' ').expect("a name and a value");
            let name = name.strip_prefix("bellwire_").expect("our prefix");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

/// Waits until the statistics have changed by these amounts since `before`.
#[track_caller]
fn wait_for(server: &Server, before: &BTreeMap<String, i64>, changes: &[(&str, i64)]) {
    let mut seen = Vec::new();
    let caller = std::panic::Location::caller();
    eventually(&format!("{changes:?} at {caller}"), || {
        let now = numbers(server);
        let change = |name: &str| now[name] - before[name];
        seen = changes
            .iter()
            .map(|(name, _)| (*name, change(name)))
            .collect();
        (seen == changes).then_some(())
    });
    assert_eq!(numbers(server)["panics_total"], 0);
}

#[test]
fn messages_and_their_bytes_are_counted() {
    let Some(server) = measured(&json!({})) else {
        return;
    };
    for transport in Transport::ALL {
        let fresh = numbers(&server);
        let mut client = Client::over(&server, transport);
        // A message is counted after it was written: the answer to CONNECT, and `auth`.
        wait_for(&server, &fresh, &[("messages_sent_total", 2)]);
        let before = numbers(&server);
        for i in 0..10 {
            client.emit(&json!(["message", i]));
            assert_eq!(client.expect("message-back"), [json!(i)]);
        }
        // The text and the attachment are one message each.
        client.send_with(
            r#"51-["message",{"_placeholder":true,"num":0}]"#,
            &[b"12345"],
        );
        client.expect("message-back");
        let head = r#"451-["message",{"_placeholder":true,"num":0}]"#.len() + 5;
        let received = 10 * r#"42["message",0]"#.len() + head;
        let sent = received + 11 * "-back".len();
        wait_for(
            &server,
            &before,
            &[
                ("messages_received_total", 12),
                ("bytes_received_total", received as i64),
                ("messages_sent_total", 12),
                ("bytes_sent_total", sent as i64),
            ],
        );
    }
}

#[test]
fn requests_are_counted() {
    let Some(server) = measured(&json!({})) else {
        return;
    };
    let before = numbers(&server);
    let mut polling = Polling::connect(&server);
    polling.post("40");
    polling.poll();
    assert_eq!(server.get("EIO=4&transport=abc").status, 400);
    let _websocket = WebSocket::connect(&server);
    let elsewhere = Http::connect(server.endpoint()).request("GET", "/elsewhere", &[], b"");
    assert_eq!(elsewhere.status, 404);
    let after = numbers(&server);
    // Three of the session, a refused one, a WebSocket, one for another path, and the request of this test.
    assert_eq!(
        after["http_requests_total"] - before["http_requests_total"],
        7
    );
    assert_eq!(
        after["connection_errors_total"] - before["connection_errors_total"],
        1
    );
}

#[test]
fn what_waits_for_the_host_is_counted() {
    if !differs(Difference::BlockedHandlerKeepsConnections) {
        return;
    }
    let Some(server) = measured(&json!({"pollQueueEvents": 10, "callbackThreads": 1})) else {
        return;
    };
    let mut blocker = Client::connect(&server);
    let mut clients: Vec<_> = (0..40).map(|_| Client::connect(&server)).collect();
    let call = blocker.emit_for_ack(&json!(["block", 1000]));
    let filler = "x".repeat(1000);
    // The first events may be taken before the handler blocks, but not all of them.
    for _ in 0..10 {
        for client in &mut clients {
            client.emit(&json!(["message", filler]));
        }
    }
    // The most events wait, and the other clients are not read.
    let most = eventually("the queue is full", || {
        let now = numbers(&server);
        let full = now["queued_events"] >= 10 && now["queued_bytes"] > 5_000;
        // The exact number is known only in threads delivery.
        let strained = now["oldest_event_ms"] > 0 && now["busy_threads_count"] <= 1;
        (full && strained && now["reading_paused_total"] > 0).then_some(now["queued_events"])
    });
    // A client without waiting events is read, and a polling host may have taken the same number before.
    assert!(most <= 2 * (10 + 40), "{most} events wait");
    // Nothing is lost, and afterwards no event waits.
    blocker.ack_of(call);
    for client in &mut clients {
        for _ in 0..10 {
            assert_eq!(client.expect("message-back"), [json!(filler)]);
        }
    }
    eventually("nothing waits", || {
        let now = numbers(&server);
        let idle = now["oldest_event_ms"] == 0 && now["busy_threads_count"] == 0;
        (idle && now["queued_events"] == 0 && now["queued_bytes"] == 0).then_some(())
    });
}

#[test]
fn what_is_owed_and_unfinished_is_counted() {
    let Some(server) = measured(&json!({})) else {
        return;
    };
    for transport in Transport::ALL {
        let mut client = Client::over(&server, transport);
        let before = numbers(&server);
        let call = client.emit_for_ack(&json!(["call", 0, "well?"]));
        let question = client.take_event("question");
        client.send(r#"51-["message",{"_placeholder":true,"num":0}]"#);
        wait_for(
            &server,
            &before,
            &[("pending_acks", 1), ("partial_packets", 1)],
        );
        client.send_binary(b"the rest");
        client.expect("message-back");
        client.answer(&question, &json!(["well"]));
        client.ack_of(call);
        wait_for(
            &server,
            &before,
            &[("pending_acks", 0), ("partial_packets", 0)],
        );
        // A client that leaves is removed from the counts of pending acknowledgements and incomplete packets.
        client.emit_for_ack(&json!(["call", 0, "well?"]));
        client.take_event("question");
        client.send(r#"51-["message",{"_placeholder":true,"num":0}]"#);
        wait_for(
            &server,
            &before,
            &[("pending_acks", 1), ("partial_packets", 1)],
        );
        match transport {
            Transport::Polling => client.polling().post("1"),
            Transport::WebSocket => client.websocket().send(&Frame::new(Opcode::Close, "")),
        }
        wait_for(
            &server,
            &before,
            &[("pending_acks", 0), ("partial_packets", 0)],
        );
    }
}

#[test]
fn dropped_volatile_events_are_counted() {
    let Some(server) = measured(&json!({})) else {
        return;
    };
    let mut client = Client::over(&server, Transport::Polling);
    let before = numbers(&server);
    client.emit(&json!(["volatile-many", 5]));
    // The client polls only then.
    wait_for(&server, &before, &[("volatile_dropped_total", 5)]);
    client.expect("volatile-done");
}

#[test]
fn ends_are_counted_by_their_reason() {
    let Some(server) = measured(&json!({})) else {
        return;
    };
    for transport in Transport::ALL {
        let before = numbers(&server);
        let mut client = Client::over(&server, transport);
        client.send("0");
        client.expect_disconnection();
        wait_for(
            &server,
            &before,
            &[("protocol_violations_total", 1), ("parse_errors_total", 0)],
        );
        let mut client = Client::over(&server, transport);
        client.send("9");
        client.expect_disconnection();
        wait_for(
            &server,
            &before,
            &[("protocol_violations_total", 1), ("parse_errors_total", 1)],
        );
    }
    let quick =
        json!({"pingInterval": 100, "pingTimeout": 100, "engine": {"metricsPath": "/metrics"}});
    let server = Server::with(&quick);
    let before = numbers(&server);
    let _silent = Polling::connect(&server);
    wait_for(
        &server,
        &before,
        &[("ping_timeouts_total", 1), ("disconnections_total", 1)],
    );
}

#[test]
fn numbers_follow_what_happens() {
    if !differs(Difference::LimitsTime) {
        return;
    }
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let mut numbers = |names: [&str; 4]| names.map(|name| observer.stat(name));
    assert_eq!(
        numbers([
            "clients_count",
            "polling_clients_count",
            "sockets_count",
            "rooms_count"
        ]),
        [1, 0, 1, 0]
    );
    let mut client = Client::over(&server, Transport::Polling);
    client.connect_to("/custom", &json!({}));
    client.call(&json!(["join", "room"]));
    assert_eq!(
        numbers([
            "clients_count",
            "polling_clients_count",
            "sockets_count",
            "rooms_count"
        ]),
        [2, 1, 3, 1]
    );
    let mut websocket = WebSocket::upgrade(&server, &client.sid);
    websocket.text("2probe");
    assert_eq!(websocket.receive_text(), "3probe");
    websocket.text("5");
    websocket.text(r#"4299["message-with-ack"]"#);
    assert_eq!(websocket.receive_text(), "4399[]");
    assert_eq!(
        numbers([
            "clients_count",
            "polling_clients_count",
            "upgrades_total",
            "connections_total"
        ]),
        [2, 0, 1, 2]
    );
    websocket.close();
    eventually("the session has ended", || {
        (numbers([
            "clients_count",
            "sockets_count",
            "rooms_count",
            "disconnections_total",
        ]) == [1, 1, 0, 1])
        .then_some(())
    });
    server.get("EIO=4&transport=abc");
    assert_eq!(
        numbers([
            "connection_errors_total",
            "parse_errors_total",
            "ping_timeouts_total",
            "panics_total"
        ]),
        [1, 0, 0, 0]
    );
}

#[test]
fn every_number_has_a_test() {
    let Some(server) = measured(&json!({})) else {
        return;
    };
    let files = std::fs::read_dir(under_test::tests_folder()).expect("the suites can be listed");
    let suites: Vec<_> = files
        .map(|file| file.expect("a file can be listed").path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("protocol_") && name.ends_with(".rs"))
        })
        .map(|path| std::fs::read_to_string(path).expect("a suite can be read"))
        .collect();
    for name in numbers(&server).keys() {
        let quoted = format!("\"{name}\"");
        assert!(suites.iter().any(|text| text.contains(&quoted)), "{name}");
    }
}
