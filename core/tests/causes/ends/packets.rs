//! Messages, frames and packets that end a connection.

use crate::ends::CauseKind::{Limit, Parse, Violation};
use crate::ends::Row;
use crate::peer::joined;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "a message over maxHttpBufferSize",
        options: r#"{"maxHttpBufferSize":100}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x81, &[b'4'; 200]);
            vec![peer]
        },
        reason: "transport error",
        kind: Limit,
        option: Some(("maxHttpBufferSize", 100)),
        seen: None,
        text: "Max payload size exceeded",
        counter: Some("limit_payload_total"),
    },
    Row {
        name: "a message of too many fragments",
        options: r#"{"engine":{"maxFragments":3}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x01, b"4");
            for _ in 0..4 {
                peer.frame(0x00, b"2");
            }
            vec![peer]
        },
        reason: "transport error",
        kind: Limit,
        option: Some(("engine.maxFragments", 3)),
        seen: None,
        text: "Too many message fragments",
        counter: Some("limit_fragments_total"),
    },
    Row {
        name: "a frame with a reserved bit",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0xc1, b"4");
            vec![peer]
        },
        reason: "transport error",
        kind: Violation,
        option: None,
        seen: None,
        text: "Invalid WebSocket frame: RSV1 must be clear",
        counter: Some("parse_errors_total"),
    },
    Row {
        name: "a text that is not UTF-8",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x81, b"4\xff");
            vec![peer]
        },
        reason: "transport error",
        kind: Parse,
        option: None,
        seen: None,
        text: "Invalid WebSocket frame: invalid UTF-8 sequence",
        counter: Some("parse_errors_total"),
    },
    Row {
        name: "a message that is not an Engine.IO packet",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.text("x");
            vec![peer]
        },
        reason: "parse error",
        kind: Parse,
        option: None,
        seen: None,
        text: "a message is not an Engine.IO packet",
        counter: Some("parse_errors_total"),
    },
    Row {
        name: "a message that is not a Socket.IO packet",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.text("42[");
            vec![peer]
        },
        reason: "forced close",
        kind: Parse,
        option: None,
        seen: None,
        text: "invalid payload",
        counter: Some("parse_errors_total"),
    },
    Row {
        name: "too many attachments",
        options: r#"{"engine":{"maxAttachments":2}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"453-["a"]"#);
            vec![peer]
        },
        reason: "forced close",
        kind: Limit,
        option: Some(("engine.maxAttachments", 2)),
        seen: None,
        text: "too many attachments",
        counter: Some("limit_attachments_total"),
    },
    Row {
        name: "too deep",
        options: r#"{"engine":{"maxJsonDepth":3}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"42["a",[[[[1]]]]]"#);
            vec![peer]
        },
        reason: "forced close",
        kind: Limit,
        option: Some(("engine.maxJsonDepth", 3)),
        seen: None,
        text: "payload nested too deeply",
        counter: Some("limit_depth_total"),
    },
    Row {
        name: "attachments that are too large together",
        options: r#"{"maxHttpBufferSize":100}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"451-["a",{"_placeholder":true,"num":0}]"#);
            peer.frame(0x82, &[0; 90]);
            vec![peer]
        },
        reason: "forced close",
        kind: Limit,
        option: Some(("maxHttpBufferSize", 100)),
        seen: Some(128),
        text: "packet too large",
        counter: Some("limit_payload_total"),
    },
    Row {
        name: "a packet for a namespace that was not joined",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"42/nowhere,["a"]"#);
            vec![peer]
        },
        reason: "forced close",
        kind: Violation,
        option: None,
        seen: None,
        text: "a packet for a namespace that the client has not joined",
        counter: Some("protocol_violations_total"),
    },
    Row {
        name: "a second CONNECT",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.text("40");
            vec![peer]
        },
        reason: "forced close",
        kind: Violation,
        option: None,
        seen: None,
        text: "a second CONNECT for a namespace that the client has joined",
        counter: Some("protocol_violations_total"),
    },
];
