//! The struct of all events.

use std::ffi::c_void;
use std::ptr::null;
use std::time::Instant;

use bellwire_core::cause::Cause;
use bellwire_core::engineio::CloseReason;
use bellwire_core::socketio::DisconnectReason;

use crate::error::bw_status;
use crate::handshake::bw_handshake;
use crate::message::bw_message;
use crate::shared::Shared;
use crate::types::{bw_ack, bw_bytes, bw_deferred, bw_nsp, bw_op, bw_server, bw_socket, bw_str};

/// The type of an event; see bw_event_values.
pub type bw_event_type = i32;

/// The types of events. Each comment begins with the objects on which bw_on takes the type; questions
/// wait for bw_deferred_accept or bw_deferred_reject.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum bw_event_values {
    /// Not an event.
    BW_EV_NONE = 0,
    /// Question, server: a handshake or upgrade request has arrived, with its data in handshake.
    BW_EV_ALLOW_REQUEST = 1,
    /// Question, nsp: a client asks to connect to the namespace, with its data in handshake.
    BW_EV_MIDDLEWARE = 3,
    /// Question, nsp or socket: a client has sent an event, which BW_EV_MESSAGE delivers if this is
    /// accepted.
    BW_EV_PACKET_MIDDLEWARE = 4,
    /// Question, server: a response is about to be sent; bw_deferred_set_header adds headers. See
    /// BW_EVF_INITIAL.
    BW_EV_HEADERS = 5,
    /// Nsp or server: a socket has connected.
    BW_EV_CONNECTION = 10,
    /// Nsp or socket: a client has sent an event.
    BW_EV_MESSAGE = 11,
    /// Server, nsp or socket: a socket disconnects and is still in its rooms. The reason is in code and
    /// name.
    BW_EV_DISCONNECTING = 12,
    /// Server, nsp or socket: a socket has disconnected; its last event. The reason is in code and name.
    BW_EV_DISCONNECT = 13,
    /// Nsp or socket: an event is about to be sent to the socket.
    BW_EV_OUTGOING = 14,
    /// Server, nsp or socket: the connection has changed its transport, which is in name and, as
    /// BW_TR_*, in code.
    BW_EV_UPGRADE = 15,
    /// Server, nsp or socket: the send buffer was full and is below BW_OPT_SEND_BUFFER_LOW again.
    BW_EV_DRAIN = 16,
    /// Server, nsp or socket: messages to a socket, broadcasts included, were refused or dropped because
    /// its send buffer is full. code is their number since the last such event. Sent for the first
    /// message, and then at most once a second.
    BW_EV_DROPPED = 17,
    /// Server: a namespace was created.
    BW_EV_NEW_NAMESPACE = 20,
    /// Nsp: a room got its first member. The room is in name.
    BW_EV_ROOM_CREATED = 21,
    /// Nsp: a room lost its last member. The room is in name.
    BW_EV_ROOM_DELETED = 22,
    /// Nsp: a socket joined a room. The room is in name, ["<socket id>"] in args.
    BW_EV_ROOM_JOINED = 23,
    /// Nsp: a socket left a room. The room is in name, ["<socket id>"] in args.
    BW_EV_ROOM_LEFT = 24,
    /// Server: a request was refused. code is Engine.IO's error code (0 to 5) and name its message. args
    /// is [context]: an object that has those of the members name, sid, transport, previousTransport,
    /// protocol, previousProtocol, method and origin that are known.
    BW_EV_CONNECTION_ERROR = 26,
    /// Server: an error outside of any call, for example in accepting connections. The message is in
    /// name.
    BW_EV_FAULT = 27,
    /// Server: the graceful stop has ended; the last event.
    BW_EV_SHUTDOWN = 28,
    /// For the callback of bw_emit_ack: the outcome, with status and replies.
    BW_EV_ACKED = 40,
    /// For the callback of bw_fetch_sockets: the outcome, with status and sockets.
    BW_EV_SOCKETS = 41,
}

/// The bits of bw_event.flags.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_event_flags {
    /// CONNECTION: the state of an earlier connection was recovered. (Never in this version.)
    BW_EVF_RECOVERED = 1,
    /// HEADERS: the first response of the session.
    BW_EVF_INITIAL = 2,
    /// n_bins is not 0.
    BW_EVF_HAS_BINARY = 4,
    /// MESSAGE of an Engine.IO server: args is plain text.
    BW_EVF_TEXT = 8,
}

/// bw_event.code of DISCONNECTING and DISCONNECT; the text is in bw_event.name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_reason {
    /// "transport error"
    BW_REASON_TRANSPORT_ERROR = 1,
    /// "transport close"
    BW_REASON_TRANSPORT_CLOSE = 2,
    /// "forced close"
    BW_REASON_FORCED_CLOSE = 3,
    /// "ping timeout"
    BW_REASON_PING_TIMEOUT = 4,
    /// "parse error"
    BW_REASON_PARSE_ERROR = 5,
    /// "server shutting down"
    BW_REASON_SERVER_SHUTDOWN = 6,
    /// "forced server close"
    BW_REASON_FORCED_SERVER_CLOSE = 7,
    /// "client namespace disconnect"
    BW_REASON_CLIENT_NSP = 8,
    /// "server namespace disconnect"
    BW_REASON_SERVER_NSP = 9,
}

/// The kind of a bw_cause.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_cause_kind {
    /// A limit that an option sets was exceeded.
    BW_CAUSE_LIMIT = 1,
    /// Something did not happen within the time that an option allows.
    BW_CAUSE_DEADLINE = 2,
    /// Bytes that could not be decoded.
    BW_CAUSE_PARSE = 3,
    /// A packet, frame or request that the protocol does not allow there.
    BW_CAUSE_VIOLATION = 4,
    /// The network connection broke, or the client closed it in an unusual way.
    BW_CAUSE_TRANSPORT = 5,
}

/// Which limit, deadline or rule ended a connection, with the numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_cause {
    /// The size of the struct in this library.
    pub struct_size: u32,
    /// BW_CAUSE_*
    pub kind: i32,
    /// A description for people.
    pub text: bw_str,
    /// The JSON name of the option that sets the limit, or empty.
    pub option: bw_str,
    /// The option's value: a number, bytes or milliseconds.
    pub limit: u64,
    /// The number that was compared with the limit; 0 when it is not known.
    pub seen: u64,
}

impl bw_cause {
    pub(crate) fn view(cause: &Cause) -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            kind: cause.kind() as i32,
            text: bw_str::view(cause.text()),
            option: cause.option().map_or(bw_str::EMPTY, bw_str::view),
            limit: cause.limit_value().unwrap_or(0),
            seen: cause.seen().unwrap_or(0),
        }
    }
}

/// One acknowledgement of a message sent by bw_emit_ack.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_reply {
    /// The size of the struct in this library.
    pub struct_size: u32,
    /// 0.
    pub reserved0: u32,
    /// The socket that acknowledged.
    pub socket: bw_socket,
    /// The arguments of the acknowledgement: a JSON array.
    pub args: bw_str,
    /// The acknowledgement as a message; retain the message to keep it.
    pub message: *const bw_message<'static>,
}

/// One result of bw_fetch_sockets.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_remote_socket {
    /// The size of the struct in this library.
    pub struct_size: u32,
    /// 0.
    pub reserved0: u32,
    /// The socket.
    pub socket: bw_socket,
    /// Its public id.
    pub sid: bw_str,
    /// Its handshake: a JSON object.
    pub handshake_json: bw_str,
    /// Its data: JSON.
    pub data_json: bw_str,
    /// The rooms it is in, its own first.
    pub rooms: *const bw_str,
    /// The number of rooms.
    pub n_rooms: usize,
}

/// An event. All its pointers are borrowed: they are valid until the callback returns or, with
/// bw_server_next, until the next bw_server_next or bw_server_poll.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_event {
    /// The size of the struct in this library; newer fields come last.
    pub struct_size: u32,
    /// BW_EV_*
    pub r#type: bw_event_type,
    /// ACKED, SOCKETS: the outcome. FAULT: the kind of the error.
    pub status: bw_status,
    /// A number whose meaning depends on the type.
    pub code: i32,
    /// BW_EVF_* bits.
    pub flags: u32,
    /// The number of elements of args.
    pub n_args: u32,
    /// The server.
    pub server: bw_server,
    /// The namespace, or 0.
    pub nsp: bw_nsp,
    /// The socket, or 0.
    pub socket: bw_socket,
    /// MESSAGE: not 0 if the client waits for an acknowledgement.
    pub ack: bw_ack,
    /// Questions: the id by which the question is answered.
    pub deferred: bw_deferred,
    /// ACKED, SOCKETS: the operation that has ended.
    pub op: bw_op,
    /// The time of the event on CLOCK_MONOTONIC, in nanoseconds.
    pub mono_ns: u64,
    /// The namespace's name.
    pub nsp_name: bw_str,
    /// The event name, room, reason, transport or error message. A lone surrogate in the JSON of an event
    /// name cannot be UTF-8 and becomes U+FFFD; if the message is sent on, it is sent unchanged.
    pub name: bw_str,
    /// A JSON array as on the wire; binaries are {"_placeholder":true,"num":i}.
    pub args: bw_str,
    /// The binaries.
    pub bins: *const bw_bytes,
    /// The number of binaries.
    pub n_bins: usize,
    /// The socket's user pointer.
    pub user: *mut c_void,
    /// Connection events and questions: the handshake; retain the handshake to keep it.
    pub handshake: *const bw_handshake,
    /// Name, arguments and binaries as a message. To keep the message, keep what bw_message_retain returns.
    pub message: *const bw_message<'static>,
    /// ACKED: the acknowledgements, in the order of arrival.
    pub replies: *const *const bw_reply,
    /// The number of acknowledgements.
    pub n_replies: usize,
    /// SOCKETS: the sockets of the target.
    pub sockets: *const *const bw_remote_socket,
    /// The number of sockets.
    pub n_sockets: usize,
    /// DISCONNECTING, DISCONNECT: details of the reason, or NULL.
    pub cause: *const bw_cause,
}

/// Called with an event. It must not throw, longjmp or end the thread.
pub type bw_callback = Option<unsafe extern "C-unwind" fn(ev: *const bw_event, user: *mut c_void)>;

/// A callback that is not NULL.
pub(crate) type bw_callback_fn = unsafe extern "C-unwind" fn(*const bw_event, *mut c_void);

impl bw_event {
    pub(crate) fn new(kind: bw_event_values, shared: &Shared, at: Instant) -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            r#type: kind as i32,
            status: 0,
            code: 0,
            flags: 0,
            n_args: 0,
            server: shared.id(),
            nsp: 0,
            socket: 0,
            ack: 0,
            deferred: 0,
            op: 0,
            mono_ns: shared.monotonic_ns(at),
            nsp_name: bw_str::EMPTY,
            name: bw_str::EMPTY,
            args: bw_str::EMPTY,
            bins: null(),
            n_bins: 0,
            user: std::ptr::null_mut(),
            handshake: null(),
            message: null(),
            replies: null(),
            n_replies: 0,
            sockets: null(),
            n_sockets: 0,
            cause: null(),
        }
    }

    pub(crate) fn set_flag(&mut self, flag: bw_event_flags) {
        self.flags |= flag as u32;
    }

    pub(crate) fn set_reason(&mut self, reason: DisconnectReason) {
        self.name = bw_str::view(reason.as_str());
        self.code = match reason {
            DisconnectReason::Connection(CloseReason::TransportError) => {
                bw_reason::BW_REASON_TRANSPORT_ERROR
            }
            DisconnectReason::Connection(CloseReason::TransportClose) => {
                bw_reason::BW_REASON_TRANSPORT_CLOSE
            }
            DisconnectReason::Connection(CloseReason::ForcedClose) => {
                bw_reason::BW_REASON_FORCED_CLOSE
            }
            DisconnectReason::Connection(CloseReason::PingTimeout) => {
                bw_reason::BW_REASON_PING_TIMEOUT
            }
            DisconnectReason::Connection(CloseReason::ParseError) => {
                bw_reason::BW_REASON_PARSE_ERROR
            }
            DisconnectReason::Connection(CloseReason::ServerShuttingDown) => {
                bw_reason::BW_REASON_SERVER_SHUTDOWN
            }
            DisconnectReason::ForcedServerClose => bw_reason::BW_REASON_FORCED_SERVER_CLOSE,
            DisconnectReason::ClientNamespace => bw_reason::BW_REASON_CLIENT_NSP,
            DisconnectReason::ServerNamespace => bw_reason::BW_REASON_SERVER_NSP,
        } as i32;
    }
}
