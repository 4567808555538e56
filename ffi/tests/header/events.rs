//! Which fields of `bw_event` each event has: the table in the header, and the table by which the
//! journal of the C tests checks every event that it is given.

use bellwire::event::bw_event_values::{self, *};

/// How often an event has a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Has {
    Always,
    Sometimes,
}

use Has::{Always, Sometimes};

/// Whether an event exists without a listener for its type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exists {
    Always,
    WithListener,
}

struct Row {
    exists: Exists,
    nsp: Option<Has>,
    socket: Option<Has>,
    /// What `name` is, and whether it can be empty.
    name: Option<(&'static str, Has)>,
    /// Each with what the header adds to its name.
    others: &'static [(&'static str, Has, &'static str)],
}

const EVENTS: [bw_event_values; 22] = [
    BW_EV_ALLOW_REQUEST,
    BW_EV_HEADERS,
    BW_EV_MIDDLEWARE,
    BW_EV_PACKET_MIDDLEWARE,
    BW_EV_CONNECTION,
    BW_EV_MESSAGE,
    BW_EV_OUTGOING,
    BW_EV_DISCONNECTING,
    BW_EV_DISCONNECT,
    BW_EV_UPGRADE,
    BW_EV_DRAIN,
    BW_EV_DROPPED,
    BW_EV_NEW_NAMESPACE,
    BW_EV_ROOM_CREATED,
    BW_EV_ROOM_DELETED,
    BW_EV_ROOM_JOINED,
    BW_EV_ROOM_LEFT,
    BW_EV_CONNECTION_ERROR,
    BW_EV_FAULT,
    BW_EV_SHUTDOWN,
    BW_EV_ACKED,
    BW_EV_SOCKETS,
];

/// The row of an event. A new event does not compile without one.
fn row(event: bw_event_values) -> Row {
    let of_server = Row {
        exists: Exists::Always,
        nsp: None,
        socket: None,
        name: None,
        others: &[],
    };
    let of_socket = Row {
        nsp: Some(Always),
        socket: Some(Always),
        ..of_server
    };
    let with_listener = |row: Row| Row {
        exists: Exists::WithListener,
        ..row
    };
    let named = |name, has, row: Row| Row {
        name: Some((name, has)),
        ..row
    };
    let question: &[_] = &[("handshake", Always, ""), ("deferred", Always, "")];
    let reason: &[_] = &[("code", Always, " (bw_reason)"), ("cause", Sometimes, "")];
    let socket_id: &[_] = &[("args", Always, " [\"<socket id>\"]")];
    let outcome = |others| Row {
        others,
        ..of_server
    };
    match event {
        BW_EV_NONE => of_server,
        BW_EV_ALLOW_REQUEST | BW_EV_HEADERS => with_listener(Row {
            others: question,
            ..of_server
        }),
        BW_EV_MIDDLEWARE => with_listener(Row {
            others: question,
            ..of_socket
        }),
        BW_EV_PACKET_MIDDLEWARE => with_listener(Row {
            others: &[("message", Always, ""), ("deferred", Always, "")],
            ..named("event", Sometimes, of_socket)
        }),
        BW_EV_CONNECTION => Row {
            others: &[("handshake", Always, "")],
            ..of_socket
        },
        BW_EV_MESSAGE => Row {
            others: &[("message", Always, ""), ("ack", Sometimes, "")],
            ..named("event", Sometimes, of_socket)
        },
        BW_EV_OUTGOING => with_listener(Row {
            others: &[("message", Always, "")],
            ..named("event", Sometimes, of_socket)
        }),
        BW_EV_DISCONNECTING | BW_EV_DISCONNECT => Row {
            others: reason,
            ..named("reason", Always, of_socket)
        },
        BW_EV_UPGRADE => with_listener(Row {
            others: &[("code", Always, " (BW_TR_*)")],
            ..named("transport", Always, of_socket)
        }),
        BW_EV_DRAIN => with_listener(of_socket),
        BW_EV_DROPPED => with_listener(Row {
            others: &[("code", Always, " (messages)")],
            ..of_socket
        }),
        BW_EV_NEW_NAMESPACE => with_listener(Row {
            nsp: Some(Always),
            ..of_server
        }),
        BW_EV_ROOM_CREATED | BW_EV_ROOM_DELETED => with_listener(Row {
            nsp: Some(Always),
            ..named("room", Sometimes, of_server)
        }),
        BW_EV_ROOM_JOINED | BW_EV_ROOM_LEFT => with_listener(Row {
            socket: Some(Sometimes),
            others: socket_id,
            ..named("room", Sometimes, of_socket)
        }),
        BW_EV_CONNECTION_ERROR => with_listener(Row {
            others: &[
                ("code", Sometimes, ""),
                ("args", Always, ""),
                ("handshake", Always, ""),
            ],
            ..named("message", Always, of_server)
        }),
        BW_EV_FAULT => Row {
            others: &[("status", Always, "")],
            ..named("message", Always, of_server)
        },
        BW_EV_SHUTDOWN => of_server,
        BW_EV_ACKED => Row {
            nsp: Some(Sometimes),
            socket: Some(Sometimes),
            ..outcome(&[
                ("op", Always, ""),
                ("status", Sometimes, ""),
                ("replies", Sometimes, ""),
            ])
        },
        BW_EV_SOCKETS => outcome(&[
            ("op", Always, ""),
            ("status", Sometimes, ""),
            ("sockets", Sometimes, ""),
        ]),
    }
}

fn short(event: bw_event_values) -> String {
    format!("{event:?}").replace("BW_EV_", "")
}

fn mark(has: Has) -> &'static str {
    match has {
        Always => "",
        Sometimes => "?",
    }
}

/// The lines of the header's table.
pub(crate) fn table() -> String {
    let mut text = String::from(" *   BW_EV_             nsp socket  name       other fields\n");
    for event in EVENTS {
        let row = row(event);
        let column =
            |has: Option<Has>| has.map_or_else(|| "-".to_owned(), |has| format!("x{}", mark(has)));
        let name = row.name.map_or("-", |(name, _)| name);
        let others: Vec<String> = row
            .others
            .iter()
            .map(|(field, has, more)| format!("{field}{}{more}", mark(*has)))
            .collect();
        let others = if others.is_empty() {
            "-".to_owned()
        } else {
            others.join(" ")
        };
        text += &format!(
            " *   {:<18} {:<3} {:<7} {name:<10} {others}\n",
            short(event),
            column(row.nsp),
            column(row.socket),
        );
    }
    text
}

/// The events that exist only while a listener for them is registered, as lines of the header.
pub(crate) fn with_listener() -> String {
    let names: Vec<String> = EVENTS
        .iter()
        .filter(|event| row(**event).exists == Exists::WithListener)
        .map(|event| short(*event))
        .collect();
    let mut lines = vec![String::from(" *")];
    for (index, name) in names.iter().enumerate() {
        let end = if index + 1 == names.len() { "" } else { "," };
        if lines.last().unwrap().len() + name.len() > 76 {
            lines.push(String::from(" *"));
        }
        *lines.last_mut().unwrap() += &format!(" {name}{end}");
    }
    lines.join("\n") + "\n"
}

/// The table for the C tests: event, the fields that are set, those that may be set.
pub(crate) fn for_c() -> String {
    let mut text = String::from(
        "/* Generated from ffi/tests/header/events.rs by make header: the event, the fields that it\n \
         * always has, those that it may have, and whether it exists only with a listener. */\n",
    );
    for event in EVENTS {
        let row = row(event);
        let name = row.name.map(|(_, has)| ("name", has));
        let others = row.others.iter().map(|(field, has, _)| (*field, *has));
        let fields: Vec<(&str, Has)> = row
            .nsp
            .map(|has| ("nsp", has))
            .into_iter()
            .chain(row.socket.map(|has| ("socket", has)))
            .chain(name)
            .chain(others)
            .collect();
        let set = |wanted: Has| {
            let names: Vec<String> = fields
                .iter()
                .filter(|(_, has)| *has == wanted)
                .map(|(field, _)| format!("HAS_{}", field.to_uppercase()))
                .collect();
            if names.is_empty() {
                "0".to_owned()
            } else {
                names.join(" | ")
            }
        };
        let listener = i32::from(row.exists == Exists::WithListener);
        text += &format!(
            "{{{event:?}, {}, {}, {listener}}},\n",
            set(Always),
            set(Sometimes)
        );
    }
    text
}
