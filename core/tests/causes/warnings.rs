//! Limits that end no connection and refuse no client: a counter reports each case, and a line at *warn* the first of many.

use std::sync::Arc;
use std::time::Instant;

use bellwire_core::socketio::ack::Operation;
use bellwire_core::socketio::event::Hook;
use bellwire_core::socketio::link::Overflow;
use bellwire_core::socketio::message::Payload;
use bellwire_core::socketio::target::{Reliability, Target};
use bytes::Bytes;

use crate::host::Host;
use crate::peer::{Peer, joined};
use crate::record::is_warned_of;
use crate::{DELIVERIES, TIMEOUT};

/// One limit that is exceeded.
struct Warning {
    name: &'static str,
    options: &'static str,
    /// The deliveries in which it can be exceeded.
    deliveries: &'static [&'static str],
    /// Exceeds the limit and waits for the counter.
    act: fn(&Host),
    counter: &'static str,
    /// Parts of the line.
    line: &'static [&'static str],
}

const WARNINGS: &[Warning] = &[
    Warning {
        name: "more unanswered acknowledgements than maxPendingAcks",
        options: r#"{"engine":{"maxPendingAcks":1}}"#,
        deliveries: &DELIVERIES,
        act: |host| {
            let peer = joined(host);
            let namespace = host.server.of("/").expect("a namespace");
            let message = Payload::event("e", b"[]", &[], 64).expect("a good payload");
            let message = Arc::new(message.to_message());
            for socket in namespace.sockets(&Target::ALL) {
                for number in 0..2 {
                    let (overflow, operation) = (Overflow::Refuse, Operation(number));
                    let sent = socket.emit_with_ack(&message, None, overflow, operation);
                    sent.expect("the socket is connected");
                }
            }
            assert_eq!(host.counted("limit_acks_total"), 1);
            drop(peer);
        },
        counter: "limit_acks_total",
        line: &[
            "the acknowledgement of an event for ",
            "the client owes 1 of them, as many as engine.maxPendingAcks allows",
        ],
    },
    Warning {
        name: "more requests than the host has room for",
        options: r#"{"engine":{"pollQueueEvents":16,"callbackThreads":1}}"#,
        // An inline host has no queue.
        deliveries: &["threads", "polled"],
        act: |host| {
            host.server.hooks().add(Hook::ConnectionError);
            let busy = host.events.refusals.lock();
            let end = Instant::now() + TIMEOUT;
            while host.counter("limit_queue_total") == 0 {
                assert!(Instant::now() < end, "the queue never filled up");
                let mut peer = Peer::new(host);
                peer.ask("GET", "transport=carrier-pigeon", "", b"");
                assert!(peer.read_until("\r\n\r\n").contains(" 400 "));
            }
            drop(busy);
        },
        counter: "limit_queue_total",
        line: &[
            " events about requests wait for the host, which is a quarter of pollQueueEvents or pollQueueBytes",
        ],
    },
    Warning {
        name: "a message for a client whose send buffer is full",
        options: r#"{"engine":{"sendBufferMax":100000,"sendBufferHigh":100000,"sendBufferLow":1000}}"#,
        deliveries: &DELIVERIES,
        act: |host| {
            let peer = joined(host);
            let namespace = host.server.of("/").expect("a namespace");
            let attachments = [Bytes::from(vec![0; 64 << 20])];
            let args = br#"[{"_placeholder":true,"num":0}]"#;
            let payload = Payload::event("e", args, &attachments, 64).expect("a good payload");
            for socket in namespace.sockets(&Target::ALL) {
                socket
                    .emit(&payload, Reliability::Reliable)
                    .expect("a single message may be larger than the buffer");
                let error = socket
                    .emit(&payload, Reliability::Reliable)
                    .expect_err("it is full");
                let text =
                    "the client's send buffer is full (engine.sendBufferMax is 100000 bytes)";
                assert_eq!(error.message(), text);
            }
            drop(peer);
        },
        counter: "send_buffer_full_total",
        line: &[
            "a message for session ",
            " was dropped: the client's send buffer is full (engine.sendBufferMax is 100000)",
        ],
    },
];

#[test]
fn exceeded_limits_are_counted_and_logged() {
    for row in WARNINGS {
        for delivery in row.deliveries {
            let name = format!("{} ({delivery})", row.name);
            let host = Host::new(delivery, row.options);
            (row.act)(&host);
            assert!(host.counted(row.counter) > 0, "{name}: {}", row.counter);
        }
        assert!(
            is_warned_of(row.line),
            "{}: no line with {:?}",
            row.name,
            row.line
        );
    }
}
