//! The table: every operation of the engine, and what each language calls it.

/// How a language has an operation.
#[derive(Clone, Copy)]
pub(super) enum Face {
    /// A function or constant of the header; `Class.method` elsewhere. Both servers of Python have what `Server` has.
    As(&'static str),
    /// Not, or not as a call, because …
    Not(&'static str),
}
use Face::{As, Not};

/// One operation.
pub(super) struct Row {
    pub(super) core: &'static str,
    pub(super) c: Face,
    pub(super) python: Face,
    pub(super) node: Face,
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

/// Every operation.
pub(super) const TABLE: &[Row] = &[
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
        "Server::close_session",
        Not("bw_disconnect closes the connection of a socket, and tells its client not to return"),
        Not("python-socketio closes a connection by its socket, too"),
        As("Connection.close"),
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
        As("ServerOptions.allowRequest"),
    ),
    row(
        "Hook::Headers",
        As("BW_EV_HEADERS"),
        Not(LATER),
        As("Engine.on"),
    ),
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
        "Hook::Dropped",
        As("BW_EV_DROPPED"),
        As("Server.watch"),
        As("Connection.on"),
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
pub(super) const INTERNAL: &[&str] = &[
    "Server::namespaces",
    "Server::hooks",
    "Server::queue",
    "Server::listeners",
    "Server::is_closing",
    "Server::log_id",
    "Queue::new",
    "Queue::end",
    "Queue::cork",
    "Queue::copy",
    "Queue::copied_are_handled",
    "Namespace::new",
    "Namespace::context",
    "Namespace::parser",
    "Namespace::host",
    "Namespace::broadcast",
    "Namespace::next_ack_id",
    "Socket::new",
    "Socket::delivery",
    "Socket::ordinal",
    "Socket::key",
    "Socket::host",
    "Socket::dropped",
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
    "Question::is_expired",
    "Question::is_accepted",
    "Request::new",
    "Request::headers",
    "Request::size",
    "Handshake::new",
    "Handshake::request",
];
