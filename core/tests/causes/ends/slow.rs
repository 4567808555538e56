//! Clients that do not read, each dropped by one of the limits of the send buffer.

use std::time::{Duration, Instant};

use bellwire_core::socketio::message::Payload;
use bellwire_core::socketio::target::Target;
use bytes::Bytes;

use crate::TIMEOUT;
use crate::ends::CauseKind::{Deadline, Limit};
use crate::ends::Row;
use crate::host::Host;
use crate::peer::joined;

/// More than the socket buffers of both ends hold.
const UNREAD: usize = 64 << 20;

/// Emits a message of about this size to every client.
fn emit(host: &Host, size: usize) {
    let attachments = [Bytes::from(vec![0; size])];
    let args = br#"[{"_placeholder":true,"num":0}]"#;
    let payload = Payload::event("e", args, &attachments, 64).expect("a good payload");
    let namespace = host.server.of("/").expect("a namespace");
    namespace.emit(&Target::ALL, &payload);
}

/// Emits small messages until the limit has disconnected the client. One message might be emitted while the driver moves
/// the large one from the mailbox to the socket, when it is not counted.
fn emit_until_disconnected(host: &Host) {
    let end = Instant::now() + TIMEOUT;
    while host.counter("slow_clients_disconnected_total") == 0 && Instant::now() < end {
        emit(host, 1);
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "a client that takes nothing for sendTimeout",
        options: r#"{"engine":{"sendTimeout":100}}"#,
        act: |host| {
            let peer = joined(host);
            emit(host, UNREAD);
            vec![peer]
        },
        reason: "transport error",
        kind: Deadline,
        option: Some(("engine.sendTimeout", 100)),
        seen: None,
        text: "the client took nothing of what waited for it",
        counter: Some("deadline_send_total"),
    },
    Row {
        name: "more than sendBufferMax at once",
        options: r#"{"engine":{"sendBufferPolicy":"disconnect","sendBufferHigh":1000,"sendBufferLow":1000,"sendBufferMax":100000}}"#,
        act: |host| {
            let peer = joined(host);
            emit(host, UNREAD);
            emit_until_disconnected(host);
            vec![peer]
        },
        reason: "transport error",
        kind: Limit,
        option: Some(("engine.sendBufferMax", 100_000)),
        seen: None,
        text: "the send buffer is full",
        counter: Some("slow_clients_disconnected_total"),
    },
    Row {
        name: "more than sendBufferHigh after sendBufferGrace",
        options: r#"{"engine":{"sendBufferPolicy":"disconnect","sendBufferHigh":1000,"sendBufferLow":1000,"sendBufferMax":1000000000,"sendBufferGrace":100}}"#,
        act: |host| {
            let peer = joined(host);
            emit(host, UNREAD);
            emit_until_disconnected(host);
            vec![peer]
        },
        reason: "transport error",
        kind: Limit,
        option: Some(("engine.sendBufferHigh", 1000)),
        seen: None,
        text: "the send buffer is full",
        counter: Some("slow_clients_disconnected_total"),
    },
];
