//! Deadlines that pass, and streams that end.

use std::net::Shutdown;

use crate::ends::CauseKind::{Deadline, Transport};
use crate::ends::Row;
use crate::peer::joined;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "attachments that do not come",
        options: r#"{"engine":{"messageTimeout":100}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"451-["a",{"_placeholder":true,"num":0}]"#);
            vec![peer]
        },
        reason: "forced close",
        kind: Deadline,
        option: Some(("engine.messageTimeout", 100)),
        seen: None,
        text: "the attachments of a packet did not come in time",
        counter: Some("deadline_message_total"),
    },
    Row {
        name: "a message that is not finished",
        options: r#"{"engine":{"messageTimeout":100}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x01, b"42");
            vec![peer]
        },
        reason: "transport error",
        kind: Deadline,
        option: Some(("engine.messageTimeout", 100)),
        seen: None,
        text: "a message was not finished in time",
        counter: Some("deadline_message_total"),
    },
    Row {
        name: "pings that are not answered",
        options: r#"{"pingInterval":50,"pingTimeout":50}"#,
        act: |host| vec![joined(host)],
        reason: "ping timeout",
        kind: Deadline,
        option: Some(("pingTimeout", 50)),
        seen: None,
        text: "the client sent nothing after a ping",
        counter: Some("ping_timeouts_total"),
    },
    Row {
        name: "a stream that ends without a close frame",
        options: "{}",
        act: |host| {
            let peer = joined(host);
            peer.0.shutdown(Shutdown::Write).expect("it is open");
            vec![peer]
        },
        reason: "transport close",
        kind: Transport,
        option: None,
        seen: None,
        text: "the connection was closed without a close frame",
        counter: None,
    },
    Row {
        name: "an unusual close code",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x88, &4001_u16.to_be_bytes());
            vec![peer]
        },
        reason: "transport close",
        kind: Transport,
        option: None,
        seen: None,
        text: "the client closed the WebSocket with code 4001",
        counter: None,
    },
];
