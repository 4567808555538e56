//! Requests that end a polling session.

use crate::ends::CauseKind::{Parse, Transport, Violation};
use crate::ends::Row;
use crate::peer::{Peer, joined_polling, waiting_poll};

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "two polls at once",
        options: "{}",
        act: |host| {
            let query = joined_polling(host);
            vec![waiting_poll(host, &query), waiting_poll(host, &query)]
        },
        reason: "transport error",
        kind: Violation,
        option: None,
        seen: None,
        text: "overlap from client",
        counter: None,
    },
    Row {
        name: "a payload that holds what is not a packet",
        options: "{}",
        act: |host| {
            let query = joined_polling(host);
            let mut peer = Peer::new(host);
            peer.ask("POST", &query, "", b"x");
            vec![peer]
        },
        reason: "parse error",
        kind: Parse,
        option: None,
        seen: None,
        text: "a payload has a part that is not an Engine.IO packet",
        counter: Some("parse_errors_total"),
    },
    Row {
        name: "a binary body",
        options: "{}",
        act: |host| {
            let query = joined_polling(host);
            let mut peer = Peer::new(host);
            let binary = "Content-Type: application/octet-stream\r\n";
            peer.ask("POST", &query, binary, b"42");
            vec![peer]
        },
        reason: "transport error",
        kind: Violation,
        option: None,
        seen: None,
        text: "invalid content",
        counter: None,
    },
    Row {
        name: "a poll whose connection is lost",
        options: "{}",
        act: |host| {
            let query = joined_polling(host);
            drop(waiting_poll(host, &query));
            vec![]
        },
        reason: "transport error",
        kind: Transport,
        option: None,
        seen: None,
        text: "poll connection closed prematurely",
        counter: None,
    },
];
