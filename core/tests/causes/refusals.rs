//! Requests, packets and clients that are refused, which only the log and a counter report.

use bellwire_core::socketio::event::Hook;

use crate::DELIVERIES;
use crate::host::Host;
use crate::peer::{Peer, joined, joined_polling, opened, upgrade};
use crate::record::is_warned_of;

/// One way to be refused, which only the log and a counter tell.
struct Refusal {
    name: &'static str,
    options: &'static str,
    act: fn(&Host) -> Vec<Peer>,
    counter: &'static str,
    /// What is in the line.
    line: &'static str,
}

fn asked(host: &Host, method: &str, query: &str) -> Vec<Peer> {
    let mut peer = Peer::new(host);
    peer.ask(method, query, "", b"");
    vec![peer]
}

const REFUSALS: &[Refusal] = &[
    Refusal {
        name: "an unknown transport",
        options: "{}",
        act: |host| asked(host, "GET", "transport=carrier-pigeon"),
        counter: "connection_errors_total",
        line: r#"0 "Transport unknown" {"transport":"carrier-pigeon"}"#,
    },
    Refusal {
        name: "an unknown session",
        options: "{}",
        act: |host| asked(host, "GET", "transport=polling&sid=nobody"),
        counter: "connection_errors_total",
        line: r#"1 "Session ID unknown" {}"#,
    },
    Refusal {
        name: "a bad method",
        options: "{}",
        act: |host| asked(host, "PUT", "transport=polling"),
        counter: "connection_errors_total",
        line: r#"2 "Bad handshake method" {"method":"PUT"}"#,
    },
    Refusal {
        name: "too many connections",
        options: r#"{"engine":{"maxConnections":1}}"#,
        act: |host| {
            let first = opened(host);
            let mut all = asked(host, "GET", "transport=polling");
            all.push(first);
            all
        },
        counter: "limit_connections_total",
        line: r#"3 "Bad request" {"name":"TOO_MANY_CONNECTIONS"} (engine.maxConnections is 1)"#,
    },
    Refusal {
        name: "a question that the host rejects for want of an answer",
        options: r#"{"engine":{"deferredTimeout":50}}"#,
        act: |host| {
            host.server.hooks().add(Hook::AllowRequest);
            asked(host, "GET", "transport=polling")
        },
        counter: "deadline_question_total",
        line: r#"4 "Forbidden""#,
    },
    Refusal {
        name: "another revision",
        options: "{}",
        act: |host| asked(host, "GET", "transport=polling&EIO=3"),
        counter: "connection_errors_total",
        line: r#"5 "Unsupported protocol version" {"protocol":3}"#,
    },
    Refusal {
        name: "a body that is too large",
        options: r#"{"maxHttpBufferSize":100}"#,
        act: |host| {
            let query = joined_polling(host);
            let mut peer = Peer::new(host);
            peer.ask("POST", &query, "", &[b'4'; 200]);
            vec![peer]
        },
        counter: "limit_payload_total",
        line: "the body is too large (maxHttpBufferSize is 100)",
    },
    Refusal {
        name: "a body that does not come",
        options: r#"{"engine":{"bodyTimeout":50}}"#,
        act: |host| {
            let query = joined_polling(host);
            let mut peer = Peer::new(host);
            let head = format!(
                "POST /socket.io/?EIO=4&{query} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4"
            );
            peer.send(head.as_bytes());
            vec![peer]
        },
        counter: "deadline_body_total",
        line: "the body did not come in time (engine.bodyTimeout is 50 ms)",
    },
    Refusal {
        name: "a head that does not come",
        options: r#"{"engine":{"headerTimeout":50}}"#,
        act: |host| {
            let mut peer = Peer::new(host);
            peer.send(b"GET /socket.io/");
            vec![peer]
        },
        counter: "deadline_header_total",
        line: "the request head did not come in time (engine.headerTimeout is 50 ms)",
    },
    Refusal {
        name: "a head that is too large",
        options: r#"{"engine":{"maxHeaderBytes":8192}}"#,
        act: |host| {
            let mut peer = Peer::new(host);
            peer.send(format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000)).as_bytes());
            vec![peer]
        },
        counter: "limit_headers_total",
        line: "engine.maxHeaderBytes is 8192",
    },
    Refusal {
        name: "more namespaces than allowed",
        options: r#"{"engine":{"maxNamespaces":1}}"#,
        act: |host| {
            host.server.of("/other").expect("a namespace");
            let mut peer = joined(host);
            peer.text("40/other,");
            vec![peer]
        },
        counter: "limit_namespaces_total",
        line: "Too many namespaces (engine.maxNamespaces is 1)",
    },
    Refusal {
        name: "more auth than allowed",
        options: r#"{"engine":{"maxAuthBytes":10}}"#,
        act: |host| {
            let mut peer = opened(host);
            peer.text(r#"40{"token":1234567}"#);
            vec![peer]
        },
        counter: "limit_auth_total",
        line: "Auth payload too large (engine.maxAuthBytes is 10, seen 17)",
    },
    Refusal {
        name: "more packets in a payload than allowed",
        options: r#"{"engine":{"maxPacketsPerPayload":2}}"#,
        act: |host| {
            let query = joined_polling(host);
            let mut peer = Peer::new(host);
            peer.ask("POST", &query, "", b"3\x1e3\x1e3");
            vec![peer]
        },
        counter: "limit_packets_total",
        line: "too many packets in one payload (engine.maxPacketsPerPayload is 2, seen 3)",
    },
    Refusal {
        name: "an answer that is not read",
        options: r#"{"engine":{"writeTimeout":50}}"#,
        act: |host| {
            let body = bytes::Bytes::from(vec![0; 64 << 20]);
            let served = host.server.serve("/large", "text/plain", Some(body));
            served.expect("a path");
            let mut peer = Peer::new(host);
            peer.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
            vec![peer]
        },
        counter: "deadline_write_total",
        line: "the client took nothing of an answer in time (engine.writeTimeout is 50 ms)",
    },
    Refusal {
        name: "a client that joins nothing",
        options: r#"{"connectTimeout":50}"#,
        act: |host| vec![opened(host)],
        counter: "deadline_connect_total",
        line: "forced close: the client joined no namespace in time (connectTimeout is 50 ms)",
    },
    Refusal {
        name: "an upgrade that is not completed",
        options: r#"{"upgradeTimeout":50}"#,
        act: |host| {
            let query = joined_polling(host).replace("polling", "websocket");
            let mut peer = Peer::new(host);
            upgrade(&mut peer, &query);
            vec![peer]
        },
        counter: "deadline_upgrade_total",
        line: "the upgrade was not completed in time (upgradeTimeout is 50 ms)",
    },
    Refusal {
        name: "a close that the client does not agree to",
        options: r#"{"engine":{"closeTimeout":50}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text("40");
            vec![peer]
        },
        counter: "deadline_close_total",
        line: "the client did not answer the close frame in time (engine.closeTimeout is 50 ms)",
    },
];

#[test]
fn refusals_are_logged_with_their_cause() {
    for delivery in DELIVERIES {
        for row in REFUSALS {
            let name = format!("{} ({delivery})", row.name);
            let host = Host::new(delivery, row.options);
            let peers = (row.act)(&host);
            let line = host.line(row.line);
            assert!(line.is_some(), "{name}: no line with {:?}", row.line);
            assert!(host.counted(row.counter) > 0, "{name}: {}", row.counter);
            drop(peers);
        }
    }
    assert!(is_warned_of(&[
        "a request from 127.0.0.1:",
        " was refused at a limit: "
    ]));
    assert!(is_warned_of(&[
        "refused a request from 127.0.0.1:",
        "(engine.maxConnections is 1)"
    ]));
    assert!(is_warned_of(&["a client was refused by ", " at a limit: "]));
}
