//! Every operation of the engine, and what it is called in each language, or why it is missing there.
//!
//! A new operation fails this test until it stands in the table; so does a name that is not in the C header, in the
//! Python package or in the TypeScript types any more.

use std::collections::BTreeSet;
use std::path::Path;

use conformance::under_test;

/// How a language has an operation.
#[derive(Clone, Copy)]
enum Face {
    /// A function or constant of the header; `Class.method` elsewhere. Both servers of Python have what `Server` has.
    As(&'static str),
    /// Not, or not as a call, because …
    Not(&'static str),
}
use Face::{As, Not};

struct Row {
    core: &'static str,
    c: Face,
    python: Face,
    node: Face,
}

const fn row(core: &'static str, c: Face, python: Face, node: Face) -> Row {
    Row {
        core,
        c,
        python,
        node,
    }
}

const BY_LOOP: &str = "the package takes the events on the loop of the program";
const BY_OBJECT: &str = "the object itself tells";
const NEEDS_MESSAGE: &str = "an event is encoded once for all its receivers without being kept";
const MAKES_NAMESPACES: &str = "the program makes all namespaces itself, so it knows";
const LATER: &str = "not in this version";
const DONE_BY_CONNECT: &str = "the connect handler decides, alone";

const TABLE: &[Row] = &[
    // A server's life.
    row(
        "Server::new",
        As("bw_server_new"),
        As("Server.__init__"),
        As("Server.constructor"),
    ),
    row(
        "Server::with_bell",
        Not("a descriptor can be watched from any loop"),
        Not("asyncio watches descriptors"),
        As("Server.constructor"),
    ),
    row(
        "Server::listen_tcp",
        As("bw_server_listen_tcp"),
        As("Server.listen"),
        As("Server.listen"),
    ),
    row(
        "Server::listen_unix",
        As("bw_server_listen_unix"),
        As("Server.listen_unix"),
        As("Server.listen"),
    ),
    row(
        "Server::listen_fd",
        As("bw_server_listen_fd"),
        As("Server.listen_socket"),
        Not("Node gives no descriptors of sockets away; a path or a port is listened on"),
    ),
    row(
        "Server::serve",
        As("bw_server_serve"),
        As("Server.serve_file"),
        As("Server.serve"),
    ),
    row(
        "Server::of",
        As("bw_nsp_get"),
        As("Server.on"),
        As("Server.of"),
    ),
    row(
        "Server::stats",
        As("bw_server_stat"),
        As("Server.stat"),
        As("Engine.stat"),
    ),
    row(
        "Server::close",
        As("bw_server_close"),
        As("Server.shutdown"),
        As("Server.close"),
    ),
    row(
        "Server::wait",
        As("bw_server_wait"),
        As("Server.shutdown"),
        As("Server.close"),
    ),
    row(
        "Server::stop",
        As("bw_server_free"),
        As("Server.shutdown"),
        As("Server.close"),
    ),
    // Taking events.
    row(
        "Queue::descriptor",
        As("bw_server_poll_fd"),
        Not(BY_LOOP),
        Not(BY_LOOP),
    ),
    row(
        "Queue::wake",
        As("bw_server_wakeup"),
        Not(BY_LOOP),
        Not(BY_LOOP),
    ),
    row(
        "Queue::poll",
        As("bw_server_poll"),
        Not(BY_LOOP),
        Not(BY_LOOP),
    ),
    row(
        "Queue::next",
        As("bw_server_next"),
        Not(BY_LOOP),
        Not(BY_LOOP),
    ),
    // A namespace.
    row(
        "Namespace::find",
        As("bw_socket_find"),
        As("Server.is_connected"),
        As("Namespace.sockets"),
    ),
    row(
        "Namespace::sockets",
        As("bw_fetch_sockets"),
        As("Server.sids"),
        As("Namespace.sockets"),
    ),
    row(
        "Namespace::fetch_sockets",
        As("bw_fetch_sockets"),
        As("Server.sids"),
        As("BroadcastOperator.fetchSockets"),
    ),
    row(
        "Namespace::emit",
        As("bw_emit"),
        As("Server.emit"),
        As("BroadcastOperator.emit"),
    ),
    row(
        "Namespace::emit_message",
        As("bw_emit_message"),
        Not(NEEDS_MESSAGE),
        Not(NEEDS_MESSAGE),
    ),
    row(
        "Namespace::emit_with_ack",
        As("bw_emit_ack"),
        As("Server.call_all"),
        As("BroadcastOperator.emitWithAck"),
    ),
    row(
        "Namespace::join",
        As("bw_join"),
        As("Server.enter_room_all"),
        As("BroadcastOperator.socketsJoin"),
    ),
    row(
        "Namespace::leave",
        As("bw_leave"),
        As("Server.leave_room_all"),
        As("BroadcastOperator.socketsLeave"),
    ),
    row(
        "Namespace::disconnect",
        As("bw_disconnect"),
        As("Server.disconnect_all"),
        As("BroadcastOperator.disconnectSockets"),
    ),
    // A socket.
    row(
        "Socket::is_connected",
        As("BW_SK_CONNECTED"),
        As("Server.is_connected"),
        As("Socket.connected"),
    ),
    row(
        "Socket::link",
        As("BW_SK_TRANSPORT"),
        As("Server.transport"),
        As("Connection.transport"),
    ),
    row(
        "Socket::handshake",
        As("bw_socket_handshake"),
        As("Server.get_environ"),
        As("Socket.handshake"),
    ),
    row(
        "Socket::round_trip",
        As("BW_SK_RTT_US"),
        As("Server.round_trip"),
        Not("socket.io has no such number"),
    ),
    row(
        "Socket::emit",
        As("bw_socket_emit"),
        As("Server.emit"),
        As("Socket.emit"),
    ),
    row(
        "Socket::emit_message",
        As("bw_emit_message"),
        Not(NEEDS_MESSAGE),
        Not(NEEDS_MESSAGE),
    ),
    row(
        "Socket::emit_with_ack",
        As("bw_emit_ack"),
        As("Server.call"),
        As("Socket.emitWithAck"),
    ),
    row(
        "Socket::acknowledge",
        As("bw_ack_send"),
        Not("what a handler returns is sent"),
        Not("the last argument of a listener is called"),
    ),
    row(
        "Socket::send_packet",
        As("bw_send_text"),
        As("EngineServer.send"),
        Not(LATER),
    ),
    row(
        "Socket::join",
        As("bw_join"),
        As("Server.enter_room"),
        As("Socket.join"),
    ),
    row(
        "Socket::leave",
        As("bw_leave"),
        As("Server.leave_room"),
        As("Socket.leave"),
    ),
    row(
        "Socket::rooms",
        As("bw_socket_rooms"),
        As("Server.rooms"),
        As("Socket.rooms"),
    ),
    row(
        "Socket::disconnect",
        As("bw_disconnect"),
        As("Server.disconnect"),
        As("Socket.disconnect"),
    ),
    row(
        "Socket::data",
        As("bw_socket_data_get"),
        As("Server.get_session"),
        As("Socket.data"),
    ),
    row(
        "Socket::set_data",
        As("bw_socket_data_set"),
        As("Server.save_session"),
        As("Socket.data"),
    ),
    row(
        "AckHandle::cancel",
        As("bw_op_cancel"),
        Not("a task is cancelled, which forgets the answer"),
        Not("a promise cannot be cancelled"),
    ),
    // A question.
    row(
        "Question::set_header",
        As("bw_deferred_set_header"),
        Not(LATER),
        Not(LATER),
    ),
    row(
        "Question::accept",
        As("bw_deferred_accept"),
        As("Server.use"),
        As("Socket.use"),
    ),
    row(
        "Question::pass",
        As("bw_deferred_accept"),
        Not(DONE_BY_CONNECT),
        As("Server.use"),
    ),
    row(
        "Question::reject",
        As("bw_deferred_reject"),
        As("Server.use"),
        As("Server.use"),
    ),
    // What can be heard.
    row(
        "Hook::AllowRequest",
        As("BW_EV_ALLOW_REQUEST"),
        Not("cors_allowed_origins decides"),
        Not(LATER),
    ),
    row("Hook::Headers", As("BW_EV_HEADERS"), Not(LATER), Not(LATER)),
    row(
        "Hook::Middleware",
        As("BW_EV_MIDDLEWARE"),
        As("Server.on"),
        As("Server.use"),
    ),
    row(
        "Hook::PacketMiddleware",
        As("BW_EV_PACKET_MIDDLEWARE"),
        As("Server.use"),
        As("Socket.use"),
    ),
    row(
        "Hook::Outgoing",
        As("BW_EV_OUTGOING"),
        As("Server.watch"),
        As("Socket.onAnyOutgoing"),
    ),
    row(
        "Hook::Rooms",
        As("BW_EV_ROOM_JOINED"),
        As("Server.watch"),
        As("Adapter.on"),
    ),
    row(
        "Hook::Upgrade",
        As("BW_EV_UPGRADE"),
        As("Server.watch"),
        As("Connection.on"),
    ),
    row(
        "Hook::Drain",
        As("BW_EV_DRAIN"),
        As("Server.watch"),
        Not(LATER),
    ),
    row(
        "Hook::ConnectionError",
        As("BW_EV_CONNECTION_ERROR"),
        As("Server.watch"),
        As("Engine.on"),
    ),
    row(
        "Hook::NewNamespace",
        As("BW_EV_NEW_NAMESPACE"),
        Not(MAKES_NAMESPACES),
        Not(MAKES_NAMESPACES),
    ),
    // What a client came with.
    row(
        "Request::method",
        As("BW_HS_METHOD"),
        As("Server.get_environ"),
        As("HandshakeRequest.method"),
    ),
    row(
        "Request::url",
        As("BW_HS_URL"),
        As("Server.get_environ"),
        As("Handshake.url"),
    ),
    row(
        "Request::address",
        As("BW_HS_ADDRESS"),
        As("Server.get_environ"),
        As("Handshake.address"),
    ),
    row(
        "Request::port",
        As("BW_HS_PORT"),
        As("Server.get_environ"),
        As("HandshakeRequest.socket"),
    ),
    row(
        "Request::secure",
        As("BW_HS_SECURE"),
        As("Server.get_environ"),
        As("Handshake.secure"),
    ),
    row(
        "Request::header",
        As("bw_handshake_header"),
        As("Server.get_environ"),
        As("Handshake.headers"),
    ),
    row(
        "Request::query",
        As("bw_handshake_query"),
        As("Server.get_environ"),
        As("Handshake.query"),
    ),
    row(
        "Request::xdomain",
        As("BW_HS_XDOMAIN"),
        As("Server.get_environ"),
        As("Handshake.xdomain"),
    ),
    row(
        "Request::headers_json",
        As("BW_HS_HEADERS_JSON"),
        As("Server.get_environ"),
        As("Handshake.headers"),
    ),
    row(
        "Request::query_json",
        As("BW_HS_QUERY_JSON"),
        As("Server.get_environ"),
        As("Handshake.query"),
    ),
    row(
        "Handshake::auth",
        As("bw_handshake_auth"),
        As("Server.get_environ"),
        As("Handshake.auth"),
    ),
    row(
        "Handshake::issued_ms",
        As("BW_HS_ISSUED_MS"),
        As("Server.get_environ"),
        As("Handshake.issued"),
    ),
    row(
        "Handshake::time",
        As("BW_HS_TIME"),
        As("Server.get_environ"),
        As("Handshake.time"),
    ),
    // Names of things.
    row(
        "Socket::id",
        As("BW_HS_SID"),
        Not("a client is its sid"),
        As("Socket.id"),
    ),
    row(
        "Socket::namespace",
        As("BW_SK_NSP"),
        Not("a handler belongs to a namespace"),
        As("Socket.nsp"),
    ),
    row(
        "Namespace::name",
        As("BW_HS_NSP"),
        Not("a namespace is its name"),
        As("Namespace.name"),
    ),
    row(
        "Namespace::socket_count",
        Not("the sockets are counted by who fetches them"),
        As("Server.sids"),
        As("Namespace.sockets"),
    ),
    row(
        "Server::is_closed",
        As("BW_EV_SHUTDOWN"),
        Not(BY_OBJECT),
        Not(BY_OBJECT),
    ),
    row(
        "Server::config",
        As("bw_config_get_json"),
        Not("the program has given the options"),
        Not("the program has given the options"),
    ),
];

/// What is `pub` for the engine's own layers, or for those who bind it to a language.
const INTERNAL: &[&str] = &[
    "Server::namespaces",
    "Server::hooks",
    "Server::queue",
    "Server::is_closing",
    "Queue::new",
    "Queue::clear",
    "Namespace::new",
    "Namespace::context",
    "Namespace::host",
    "Namespace::broadcast",
    "Namespace::next_ack_id",
    "Socket::new",
    "Socket::ordinal",
    "Socket::key",
    "Socket::host",
    "Socket::lane",
    "Socket::is_gone",
    "Socket::is_observed",
    "Socket::put_out",
    "Socket::retire",
    "Socket::connect",
    "Socket::check_connected",
    "Question::new",
    "Question::step",
    "Question::next_step",
    "Question::host",
    "Question::downgrade",
    "Question::expire",
    "Request::new",
    "Request::headers",
    "Handshake::new",
    "Handshake::request",
];

const TYPES: &[(&str, &str)] = &[
    ("server/mod.rs", "Server"),
    ("host/queue.rs", "Queue"),
    ("socketio/namespace.rs", "Namespace"),
    ("socketio/socket.rs", "Socket"),
    ("socketio/socket.rs", "AckHandle"),
    ("socketio/question.rs", "Question"),
    ("socketio/handshake.rs", "Request"),
    ("socketio/handshake.rs", "Handshake"),
];

fn read(path: &str) -> String {
    let root: &Path = under_test::tests_folder()
        .parent()
        .expect("tests/ is in the repository");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What begins at a line and ends before the next line that begins with one of `ends`.
fn block<'a>(text: &'a str, begins: impl Fn(&str) -> bool, ends: &[&str]) -> Option<&'a str> {
    let mut offset = 0;
    let mut start = None;
    for line in text.split_inclusive('\n') {
        match start {
            None if begins(line) => start = Some(offset),
            Some(start) if ends.iter().any(|end| line.starts_with(end)) => {
                return Some(&text[start..offset]);
            }
            _ => {}
        }
        offset += line.len();
    }
    start.map(|start| &text[start..])
}

fn word(text: &str, name: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(is_name) && !text[at + name.len()..].starts_with(is_name)
    })
}

fn operations_of_the_core() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, name) in TYPES {
        let text = read(&format!("core/src/{path}"));
        let text = block(&text, |line| line == format!("impl {name} {{\n"), &["}"]);
        let text = text.unwrap_or_else(|| panic!("{path} has no impl of {name}"));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("    pub fn ") {
                let end = rest.find(['(', '<']).expect("a function has parameters");
                found.insert(format!("{name}::{}", &rest[..end]));
            }
        }
    }
    let events = read("core/src/socketio/event.rs");
    let hooks = block(&events, |line| line.starts_with("pub enum Hook {"), &["}"]);
    for line in hooks.expect("there are hooks").lines() {
        if let Some((hook, _)) = line.trim().split_once(" = ") {
            found.insert(format!("Hook::{hook}"));
        }
    }
    found
}

/// The files and classes in which a method of Python may stand; all of them must have it.
fn python_has(name: &str) -> bool {
    let (class, method) = name.split_once('.').expect("a class and a method");
    let folder = "bindings/python/python/bellwire";
    let defined = |file: &str, class: &str| {
        let text = read(&format!("{folder}/{file}"));
        let begins = |line: &str| line.starts_with(&format!("class {class}"));
        let text = block(&text, begins, &["class ", "def ", "@"]).expect("the class is there");
        text.contains(&format!("    def {method}("))
            || text.contains(&format!("async def {method}("))
    };
    match class {
        "Server" => {
            defined("_base.py", "BaseServer")
                || defined("_asyncio.py", "AsyncServer") && defined("_threads.py", "Server")
        }
        "EngineServer" => defined("engineio.py", "AsyncServer"),
        _ => panic!("{name} is of no class that is known here"),
    }
}

/// Whether a class or interface of the types, or what it extends, has a member.
fn node_has(name: &str) -> bool {
    let (class, member) = name.split_once('.').expect("a class and a member");
    let types = [
        read("bindings/node/lib/index.d.ts"),
        read("bindings/node/lib/events.d.ts"),
    ];
    let begins = |line: &str| {
        let line = line
            .trim_start_matches("export ")
            .trim_start_matches("declare ");
        let rest = line
            .strip_prefix("class ")
            .or(line.strip_prefix("interface "));
        rest.is_some_and(|rest| word(rest.split(['<', ' ', '{']).next().unwrap_or(""), class))
    };
    types.iter().any(|text| {
        let Some(text) = block(text, begins, &["}\n", "};"]) else {
            return false;
        };
        let own = text.lines().any(|line| {
            let line = line
                .trim()
                .trim_start_matches("readonly ")
                .trim_start_matches("get ");
            line.strip_prefix(member)
                .is_some_and(|rest| rest.starts_with(['(', '<', ':', '?']))
        });
        own || ["Broadcaster", "TypedEmitter"].iter().any(|parent| {
            text.contains(&format!("extends {parent}<")) && node_has(&format!("{parent}.{member}"))
        })
    })
}

#[test]
fn every_operation_of_the_core_is_in_the_table() {
    let found = operations_of_the_core();
    let listed: BTreeSet<String> = TABLE.iter().map(|row| row.core.to_owned()).collect();
    let internal: BTreeSet<String> = INTERNAL.iter().map(|&name| name.to_owned()).collect();
    let expected: BTreeSet<String> = listed.union(&internal).cloned().collect();
    let missing: Vec<_> = found.difference(&expected).collect();
    let gone: Vec<_> = expected.difference(&found).collect();
    let twice: Vec<_> = listed.intersection(&internal).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    assert!(gone.is_empty(), "not in the core any more: {gone:?}");
    assert!(twice.is_empty(), "internal, and in the table: {twice:?}");
    assert_eq!(listed.len(), TABLE.len(), "a row stands twice");
}

#[test]
fn every_name_in_the_table_is_there_and_every_gap_has_a_reason() {
    let header = read("include/bellwire.h");
    let mut wrong = Vec::new();
    for row in TABLE {
        let mut check = |language: &str, face: Face, is_there: &dyn Fn(&str) -> bool| match face {
            As(name) if !is_there(name) => {
                wrong.push(format!("{}: {language} has no {name}", row.core))
            }
            Not("") => wrong.push(format!("{}: no reason for {language}", row.core)),
            As(_) | Not(_) => {}
        };
        check("C", row.c, &|name| word(&header, name));
        check("Python", row.python, &python_has);
        check("Node.js", row.node, &node_has);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_that_is_nowhere_is_noticed() {
    assert!(!word(&read("include/bellwire.h"), "bw_serve"));
    assert!(!python_has("Server.nonsense"));
    assert!(!node_has("Server.nonsense") && !node_has("Nonsense.emit"));
}
