/*
 * bellwire.h - embeddable Socket.IO server engine, C interface.
 *
 * THE WHOLE CONTRACT IN ONE PLACE
 *
 * Handles    bw_server, bw_nsp, bw_socket, bw_ack, bw_deferred, bw_op and
 *            bw_listener are 64-bit ids, never pointers.  0 is "none".  An id
 *            names one object for the life of the process and is never given
 *            out again: using it after the object is gone returns BW_E_GONE;
 *            an id of another kind, or an invented one, returns BW_E_HANDLE.
 *            Ids may be copied, compared, stored, sent between threads and
 *            forgotten; there is nothing to release.
 * Memory     Who allocates, frees.  bw_config, bw_args: yours, one thread at
 *            a time, freed with *_free.  bw_message, bw_handshake: immutable,
 *            counted, any thread; *_retain / *_release.  bw_buf, bw_list:
 *            filled by the library, given back with *_free.  Every free takes
 *            the ADDRESS of your variable and sets it to NULL or empty, so
 *            freeing the same variable twice does nothing.  Never pass any of
 *            these to free().
 * Input      Pointers passed IN are read during the call and never kept, with
 *            one exception: bw_blob with a free function (see there).
 * Views      bw_str, bw_bytes and the pointers inside bw_event are borrowed:
 *            they are valid until the callback returns (or, with
 *            bw_server_next, until the next bw_server_next).  To keep the
 *            message of an event, keep what bw_message_retain returns.
 * Text       UTF-8 with a length; no terminator is needed.  JSON is RFC 8259
 *            text.  Both are checked: bad input is an error, never undefined.
 * Errors     Functions return bw_status: 0 is success, negative is an error.
 *            bw_last_error() has the words, per thread.  On an error, out
 *            parameters are set to 0, NULL or empty, and nothing else has
 *            happened.
 * NULL       A NULL where a pointer is needed returns BW_E_ARG.  A NULL out
 *            parameter that is called "optional" is skipped.
 * Callbacks  (fn, user, drop): drop(user), when not NULL, is called exactly
 *            once, after the last call of fn has returned, also when the
 *            registration fails.  Callbacks must not throw, longjmp or end
 *            the thread: an exception ends the process with words.
 * Threads    Each function carries a tag:
 *              [any]    any thread, any time, also inside callbacks; no wait.
 *              [out]    any thread, but NOT inside a callback of the same
 *                       server (BW_E_DEADLOCK); may wait.
 *              [poll]   one thread at a time (BW_E_BUSY), not inside a
 *                       callback (BW_E_REENTRANT).
 *              [signal] like [any] and async-signal-safe.
 *              [one]    touches only its argument; do not share that argument.
 *            Events of one socket are delivered one at a time, in order.  With
 *            BW_DELIVER_THREADS different sockets run in parallel.  With
 *            BW_DELIVER_INLINE they do too, on the threads that do the
 *            network, and must not block: one that does stops all connections
 *            of its thread.  What a call causes by itself (ROOM_*,
 *            NEW_NAMESPACE, SOCKETS, ACKED of a broadcast) is told after the
 *            call, on such a thread, so a lock of yours may be held while you
 *            call, in every delivery.  With BW_DELIVER_POLLED every fn and
 *            drop of the server runs inside bw_server_poll, except the log,
 *            bw_blob.free_fn, the drop of a call that failed, and what
 *            bw_server_free ends.
 * Panics     A bug inside the library is caught at the border and returned as
 *            BW_E_PANIC; the process goes on.  Only the end of memory aborts.
 * fork       In a child, ids of the parent return BW_E_FORKED and none of its
 *            sockets is touched; new servers can be made.  All descriptors are
 *            close-on-exec.
 * Signals    The library's threads block every signal but those that a fault
 *            raises: handlers, sigwait and signalfd belong to your threads.  A
 *            process that a callback starts on such a thread has that mask.
 * Unload     The shared library cannot be unmapped (linked -z nodelete).
 * Growth     Within one BW_ABI_VERSION, functions, constants and fields at the
 *            END of structs that start with struct_size are only added.  Such
 *            structs never stand in arrays by value (the stride would change);
 *            bw_str, bw_bytes and bw_blob never change.  A struct of yours is
 *            read as far as its struct_size says; 0 is an error (BW_E_ABI),
 *            so an initialiser cannot be forgotten.
 * Languages  C99 and C++11, or newer.
 */

#ifndef BELLWIRE_H
#define BELLWIRE_H

#include <stddef.h>
#include <stdint.h>

#define BW_VERSION_MAJOR 0
#define BW_VERSION_MINOR 1
#define BW_VERSION_PATCH 0
#define BW_VERSION_STRING "0.1.0"
#define BW_VERSION_NUMBER \
  ((BW_VERSION_MAJOR << 16) | (BW_VERSION_MINOR << 8) | BW_VERSION_PATCH)
/* Equal to the number in the soname, libbellwire.so.N. */
#define BW_ABI_VERSION 0

#ifndef BW_API
#  define BW_API
#endif
#if defined(__GNUC__)
#  define BW_NODISCARD __attribute__((warn_unused_result))
#else
#  define BW_NODISCARD
#endif

/* [any] Makes a configuration with the defaults; free it with bw_config_free.
 * NULL when header and library do not fit together; see bw_last_error. */
#define bw_config_new() bw_config_new_checked(BW_ABI_VERSION, BW_VERSION_NUMBER)


/**
 * The statuses. Numbers that are missing belong to parts of the interface that this version does
 * not have.
 */
typedef enum bw_status_values {
  /** Success. */
  BW_OK = 0,
  /** The caller's mistake: NULL or a senseless argument. */
  BW_E_ARG = -1,
  /** An id that was never given out, or one of another kind. */
  BW_E_HANDLE = -2,
  /** Not now, for example listening after close. */
  BW_E_STATE = -3,
  /** A [poll] function called inside a callback, or any but a [signal] function in a log callback. */
  BW_E_REENTRANT = -4,
  /** An [out] function called inside a callback. */
  BW_E_DEADLOCK = -5,
  /** Another thread is in this function. */
  BW_E_BUSY = -6,
  /** The ack or question was completed before. */
  BW_E_ALREADY = -7,
  /** Header and library differ, or a struct without its size. */
  BW_E_ABI = -8,
  /** Unknown option, wrong type, or out of range. */
  BW_E_OPTION = -9,
  /** Not UTF-8; the words name the byte. */
  BW_E_UTF8 = -10,
  /** Not JSON; the words name the byte. */
  BW_E_JSON = -11,
  /** A reserved event name, or an illegal namespace. */
  BW_E_NAME = -12,
  /** {"_placeholder"} objects and binaries do not match. */
  BW_E_PLACEHOLDER = -13,
  /** Larger than a limit. */
  BW_E_TOO_BIG = -14,
  /** There is nothing of that name. */
  BW_E_NOT_FOUND = -15,
  /** The value is there but is of another type. */
  BW_E_TYPE = -16,
  /** The world: the object existed and is gone. Not a bug. */
  BW_E_GONE = -30,
  /** The time ran out. */
  BW_E_TIMEOUT = -31,
  /** Cancelled by bw_op_cancel. */
  BW_E_CANCELLED = -32,
  /** The server, or the process, is closing. */
  BW_E_CLOSED = -33,
  /** The id belongs to the parent process. */
  BW_E_FORKED = -34,
  /** Over a configured limit; nothing was queued. */
  BW_E_FULL = -35,
  /** Not in this build or on this platform. */
  BW_E_UNSUPPORTED = -36,
  /** The operating system refused. */
  BW_E_IO = -38,
  /** Somebody listens there already. */
  BW_E_ADDR_IN_USE = -39,
  /** The operating system does not permit it. */
  BW_E_ACCESS = -40,
  /** The library's mistake: please report it. */
  BW_E_INTERNAL = -90,
  /** The library's mistake, caught at the border: please report it. */
  BW_E_PANIC = -91,
} bw_status_values;

/** How much is logged. */
typedef enum bw_log_level {
  /** Nothing. */
  BW_LOG_OFF = 0,
  /** What went wrong. */
  BW_LOG_ERROR = 1,
  /** What may go wrong. */
  BW_LOG_WARN = 2,
  /** What happens to the server. */
  BW_LOG_INFO = 3,
  /** What happens to connections. */
  BW_LOG_DEBUG = 4,
  /** Everything. */
  BW_LOG_TRACE = 5,
} bw_log_level;

/**
 * The options: type and default after each. The names in JSON are those of Socket.IO; the engine's
 * own stand in an object "engine".
 */
typedef enum bw_option_values {
  /** str "/socket.io" */
  BW_OPT_PATH = 1,
  /** bool 1 */
  BW_OPT_ADD_TRAILING_SLASH = 2,
  /** ms 45000: a client that has joined no namespace by then is disconnected. */
  BW_OPT_CONNECT_TIMEOUT = 5,
  /** ms 25000 */
  BW_OPT_PING_INTERVAL = 6,
  /** ms 20000 */
  BW_OPT_PING_TIMEOUT = 7,
  /** ms 10000 */
  BW_OPT_UPGRADE_TIMEOUT = 8,
  /** bytes 1000000: the longest body or WebSocket message of a client. */
  BW_OPT_MAX_HTTP_BUFFER_SIZE = 9,
  /** bits BW_TR_POLLING | BW_TR_WEBSOCKET */
  BW_OPT_TRANSPORTS = 10,
  /** bool 1 */
  BW_OPT_ALLOW_UPGRADES = 11,
  /** str "": a message that every session is sent first. */
  BW_OPT_INITIAL_PACKET = 15,
  /** json false | true | {"name","path",...} */
  BW_OPT_COOKIE = 25,
  /** json false | {"origin","methods",...} */
  BW_OPT_CORS = 26,
  /** int 0 = one for each core */
  BW_OPT_WORKER_THREADS = 80,
  /** enum BW_DELIVER_THREADS */
  BW_OPT_DELIVERY = 81,
  /** int 65536: with so many events waiting, clients are not read. */
  BW_OPT_POLL_QUEUE_EVENTS = 82,
  /** bytes 67108864 */
  BW_OPT_POLL_QUEUE_BYTES = 83,
  /** us 0 = none: bw_server_poll stops after this time. */
  BW_OPT_POLL_BUDGET_US = 84,
  /** int 0 = no limit: open connections, HTTP and WebSocket, and sessions. */
  BW_OPT_MAX_CONNECTIONS = 85,
  /** bytes 16384 */
  BW_OPT_MAX_HEADER_BYTES = 86,
  /** int 10: attachments of one packet. */
  BW_OPT_MAX_ATTACHMENTS = 87,
  /** int 64: nesting of a client's JSON. */
  BW_OPT_MAX_JSON_DEPTH = 88,
  /**
   * bytes 4194304 for each client: above it the client is not read, and if it takes nothing for
   * BW_OPT_SEND_BUFFER_GRACE, BW_OPT_SEND_BUFFER_POLICY applies.
   */
  BW_OPT_SEND_BUFFER_HIGH = 89,
  /** bytes 1048576: falling below it is BW_EV_DRAIN. */
  BW_OPT_SEND_BUFFER_LOW = 90,
  /** enum BW_FULL_ERROR */
  BW_OPT_SEND_BUFFER_POLICY = 91,
  /** int 1024 */
  BW_OPT_BACKLOG = 92,
  /** bool 1 */
  BW_OPT_TCP_NODELAY = 93,
  /** bool 0 */
  BW_OPT_REUSE_PORT = 94,
  /** int 0: hops of X-Forwarded-For that are trusted. */
  BW_OPT_TRUST_PROXY = 95,
  /** ms 0 = BW_OPT_CONNECT_TIMEOUT: a question is refused after it. */
  BW_OPT_DEFERRED_TIMEOUT = 96,
  /** str "" = not served */
  BW_OPT_METRICS_PATH = 97,
  /** int 0 = automatic: threads for BW_DELIVER_THREADS. */
  BW_OPT_CALLBACK_THREADS = 98,
  /** str "socket.io" | "engine.io" */
  BW_OPT_PROTOCOL = 99,
  /** int 0 = no limit: packets in the body of one POST; a body with more is answered 413. */
  BW_OPT_MAX_PACKETS_PER_PAYLOAD = 100,
  /** int 1024: frames of one WebSocket message. */
  BW_OPT_MAX_FRAGMENTS = 101,
  /** int 64: namespaces of one connection. */
  BW_OPT_MAX_NAMESPACES = 102,
  /** int 16384: acknowledgements that one connection may owe. */
  BW_OPT_MAX_PENDING_ACKS = 103,
  /** ms 60000: a message that is begun is complete by then. */
  BW_OPT_MESSAGE_TIMEOUT = 104,
  /** ms 10000 */
  BW_OPT_HEADER_TIMEOUT = 105,
  /** ms 30000 */
  BW_OPT_BODY_TIMEOUT = 106,
  /** ms 30000 */
  BW_OPT_CLOSE_TIMEOUT = 107,
  /** int 100: header fields of one request. */
  BW_OPT_MAX_HEADERS = 108,
  /** int 0 = no limit: rooms of one socket. */
  BW_OPT_MAX_ROOMS = 109,
  /** bytes 67108864 for each client, however fast it reads: above it BW_OPT_SEND_BUFFER_POLICY applies. */
  BW_OPT_SEND_BUFFER_MAX = 110,
  /** ms 5000; 0 = BW_OPT_SEND_BUFFER_POLICY applies at BW_OPT_SEND_BUFFER_HIGH, also to a client that reads. */
  BW_OPT_SEND_BUFFER_GRACE = 111,
  /**
   * ms 0 = ping interval + ping timeout: a client that takes nothing of what waits for it for so long is
   * disconnected, even if it answers pings.
   */
  BW_OPT_SEND_TIMEOUT = 112,
  /** bytes 65536: the auth payload of a CONNECT. */
  BW_OPT_MAX_AUTH_BYTES = 113,
  /** ms 2000: a WebSocket whose client broke the protocol is gone by then. */
  BW_OPT_ERROR_CLOSE_TIMEOUT = 114,
  /** ms 30000: a client takes some of an HTTP answer by then. */
  BW_OPT_WRITE_TIMEOUT = 117,
  /** bool 0: refuse requests of pages of other origins than those of the option cors. */
  BW_OPT_CHECK_ORIGIN = 118,
} bw_option_values;

/** Transports, as bits. */
typedef enum bw_transport_values {
  /** HTTP long-polling. */
  BW_TR_POLLING = 1,
  /** WebSocket. */
  BW_TR_WEBSOCKET = 2,
} bw_transport_values;

/** Where callbacks run. */
typedef enum bw_delivery_values {
  /** On threads of the library; they may block. */
  BW_DELIVER_THREADS = 0,
  /** On the thread that calls bw_server_poll. */
  BW_DELIVER_POLLED = 1,
  /** On the threads that do the network; they must not block. The lowest cost. */
  BW_DELIVER_INLINE = 2,
} bw_delivery_values;

/** What happens to a message for a client whose send buffer is full. */
typedef enum bw_full_values {
  /** The call fails with BW_E_FULL. */
  BW_FULL_ERROR = 0,
  /** The message is dropped. */
  BW_FULL_DROP = 1,
  /** The client is disconnected. */
  BW_FULL_DISCONNECT = 2,
} bw_full_values;

/** The types of options. */
typedef enum bw_type_values {
  /** bw_config_set_int, 0 or 1. */
  BW_TYPE_BOOL = 1,
  /** bw_config_set_int: a number, bits or an enum. */
  BW_TYPE_INT = 2,
  /** bw_config_set_str */
  BW_TYPE_STR = 3,
  /** bw_config_set_str with JSON text. */
  BW_TYPE_JSON = 4,
} bw_type_values;

/** The types of events, and on what each can be listened for. */
typedef enum bw_event_values {
  /** No event. */
  BW_EV_NONE = 0,
  /** Question, server: a handshake or upgrade request; handshake shows it. */
  BW_EV_ALLOW_REQUEST = 1,
  /** Question, nsp: a socket wants to connect; what it sent is in handshake. */
  BW_EV_MIDDLEWARE = 3,
  /** Question, nsp or socket: before each BW_EV_MESSAGE. */
  BW_EV_PACKET_MIDDLEWARE = 4,
  /** Question, server: response headers; see BW_EVF_INITIAL. */
  BW_EV_HEADERS = 5,
  /** Nsp or server: a socket has connected. */
  BW_EV_CONNECTION = 10,
  /** Nsp or socket: an event of a client. */
  BW_EV_MESSAGE = 11,
  /** Server, nsp or socket: it leaves, and its rooms are still there. Reason in code and name. */
  BW_EV_DISCONNECTING = 12,
  /** Server, nsp or socket: the last event of a socket. Reason in code and name. */
  BW_EV_DISCONNECT = 13,
  /** Nsp or socket: an event is about to be sent to the socket. */
  BW_EV_OUTGOING = 14,
  /** Server, nsp or socket: now on another transport; its name in name, BW_TR_* in code. */
  BW_EV_UPGRADE = 15,
  /** Server, nsp or socket: the send buffer is below BW_OPT_SEND_BUFFER_LOW again. */
  BW_EV_DRAIN = 16,
  /**
   * Server, nsp or socket: messages for it were refused or dropped because its send buffer is full; how many since the
   * last such event in code. Broadcasts are counted too. At the first, and then once in a second.
   */
  BW_EV_DROPPED = 17,
  /** Server: a namespace was made. */
  BW_EV_NEW_NAMESPACE = 20,
  /** Nsp: a room has its first member; the room in name. */
  BW_EV_ROOM_CREATED = 21,
  /** Nsp: a room has lost its last member; the room in name. */
  BW_EV_ROOM_DELETED = 22,
  /** Nsp: a socket joined a room; the room in name, ["<socket id>"] in args. */
  BW_EV_ROOM_JOINED = 23,
  /** Nsp: a socket left a room; the room in name, ["<socket id>"] in args. */
  BW_EV_ROOM_LEFT = 24,
  /**
   * Server: a request was refused; code 0 to 5, its message in name, [context] in args: an object with what of
   * name, sid, transport, previousTransport, protocol, previousProtocol, method and origin says more.
   */
  BW_EV_CONNECTION_ERROR = 26,
  /** Server: trouble that no call can report; the words in name. */
  BW_EV_FAULT = 27,
  /** Server: the graceful stop has ended. */
  BW_EV_SHUTDOWN = 28,
  /** Given to the callback of bw_emit_ack: status and replies. */
  BW_EV_ACKED = 40,
  /** Given to the callback of bw_fetch_sockets: status and sockets. */
  BW_EV_SOCKETS = 41,
} bw_event_values;

/** The bits of bw_event.flags. */
typedef enum bw_event_flags {
  /** CONNECTION: the state of an earlier connection was recovered. (Never in this version.) */
  BW_EVF_RECOVERED = 1,
  /** HEADERS: the first response of the session. */
  BW_EVF_INITIAL = 2,
  /** There are bins. */
  BW_EVF_HAS_BINARY = 4,
  /** MESSAGE of an Engine.IO server: args is plain text. */
  BW_EVF_TEXT = 8,
} bw_event_flags;

/** bw_event.code of DISCONNECTING and DISCONNECT; the text is in bw_event.name. */
typedef enum bw_reason {
  /** "transport error" */
  BW_REASON_TRANSPORT_ERROR = 1,
  /** "transport close" */
  BW_REASON_TRANSPORT_CLOSE = 2,
  /** "forced close" */
  BW_REASON_FORCED_CLOSE = 3,
  /** "ping timeout" */
  BW_REASON_PING_TIMEOUT = 4,
  /** "parse error" */
  BW_REASON_PARSE_ERROR = 5,
  /** "server shutting down" */
  BW_REASON_SERVER_SHUTDOWN = 6,
  /** "forced server close" */
  BW_REASON_FORCED_SERVER_CLOSE = 7,
  /** "client namespace disconnect" */
  BW_REASON_CLIENT_NSP = 8,
  /** "server namespace disconnect" */
  BW_REASON_SERVER_NSP = 9,
} bw_reason;

/** What sort of rule a bw_cause names. */
typedef enum bw_cause_kind {
  /** More than an option allows. */
  BW_CAUSE_LIMIT = 1,
  /** Something did not happen within the time that an option allows. */
  BW_CAUSE_DEADLINE = 2,
  /** Bytes that could not be decoded. */
  BW_CAUSE_PARSE = 3,
  /** A packet, frame or request that the protocol does not allow there. */
  BW_CAUSE_VIOLATION = 4,
  /** The network connection broke, or the client closed it in an unusual way. */
  BW_CAUSE_TRANSPORT = 5,
} bw_cause_kind;

/** The bits of bw_on's flags. */
typedef enum bw_listen_flags {
  /** Called once, then removed. */
  BW_LISTEN_ONCE = 1,
  /** Put before those that are there. */
  BW_LISTEN_PREPEND = 2,
} bw_listen_flags;

/** What a value is. */
typedef enum bw_value_types {
  /** null */
  BW_V_NULL = 0,
  /** true or false */
  BW_V_BOOL = 1,
  /** A number without fraction or exponent that fits 64 bits. */
  BW_V_INT = 2,
  /** Any other number. */
  BW_V_NUMBER = 3,
  /** A string. */
  BW_V_STRING = 4,
  /** An array. */
  BW_V_ARRAY = 5,
  /** An object. */
  BW_V_OBJECT = 6,
  /** A binary. */
  BW_V_BINARY = 7,
} bw_value_types;

/** The bits of bw_target.flags. */
typedef enum bw_target_flags {
  /** Only sockets of this server; there are no others in this version. */
  BW_TO_LOCAL = 1,
  /** Dropped for a client that is not ready to take it. */
  BW_TO_VOLATILE = 2,
  /** Worth compressing; nothing is compressed in this version. */
  BW_TO_COMPRESS = 4,
  /** Not worth compressing. */
  BW_TO_NO_COMPRESS = 8,
} bw_target_flags;

/** The bits of bw_payload.flags. */
typedef enum bw_payload_flags {
  /**
   * Set by bw_args_payload: the writer has put each placeholder where its binary belongs. Any other
   * object that looks like a placeholder is data; nothing is checked about it.
   */
  BW_PAYLOAD_WRITTEN = 1,
} bw_payload_flags;

/** The bits of bw_args_allow. */
typedef enum bw_args_flags {
  /**
   * Text that is not UTF-8, for example one that was cut inside a character, is written with
   * U+FFFD in place of the bytes that are wrong; otherwise it is a mistake.
   */
  BW_ARGS_REPLACE_TEXT = 1,
  /** NaN and the infinities are written as null, as by JSON.stringify; otherwise they are mistakes. */
  BW_ARGS_NULL_NUMBERS = 2,
} bw_args_flags;

/** The numbers of a socket. */
typedef enum bw_socket_keys {
  /** 1 while it is connected. */
  BW_SK_CONNECTED = 1,
  /** Its bw_nsp. */
  BW_SK_NSP = 2,
  /** BW_TR_POLLING or BW_TR_WEBSOCKET. */
  BW_SK_TRANSPORT = 3,
  /** The revision of Engine.IO. */
  BW_SK_PROTOCOL = 4,
  /** Bytes that wait to be sent to the client. */
  BW_SK_BUFFERED_BYTES = 5,
  /** The heartbeat's last round trip in microseconds, or 0. */
  BW_SK_RTT_US = 6,
  /** 1 when the state of an earlier connection was recovered. (Never in this version.) */
  BW_SK_RECOVERED = 7,
  /** Its bw_server. */
  BW_SK_SERVER = 8,
} bw_socket_keys;

/** The parts of a handshake. */
typedef enum bw_hs_keys {
  /** Text: the socket's public id. BW_E_NOT_FOUND where there is no socket yet. */
  BW_HS_SID = 1,
  /** Text: the namespace. BW_E_NOT_FOUND where there is no socket yet. */
  BW_HS_NSP = 2,
  /** Text: the client's IP address. */
  BW_HS_ADDRESS = 3,
  /** Text: path and query of the request. */
  BW_HS_URL = 4,
  /** Text: when the socket connected, as JavaScript's Date writes it. */
  BW_HS_TIME = 5,
  /** Text: the headers as a JSON object with lower-case names. */
  BW_HS_HEADERS_JSON = 6,
  /** Text: the query as a JSON object. */
  BW_HS_QUERY_JSON = 7,
  /** Text: what the client sent when it connected, a JSON object. */
  BW_HS_AUTH_JSON = 8,
  /** Text: the method of the request. */
  BW_HS_METHOD = 9,
  /** Number: 1 when the connection is encrypted. */
  BW_HS_SECURE = 20,
  /** Number: 1 when the page has another origin. */
  BW_HS_XDOMAIN = 21,
  /** Number: when the socket connected, in milliseconds since 1970. */
  BW_HS_ISSUED_MS = 22,
  /** Number: the revision of Engine.IO. */
  BW_HS_PROTOCOL = 23,
  /** Number: the client's port. */
  BW_HS_PORT = 24,
} bw_hs_keys;

/**
 * Writes the arguments of an event or an answer. Yours; one thread at a time. After a mistake it
 * stays failed until bw_args_clear, and bw_args_payload returns that mistake: one check at the end
 * is enough.
 */
typedef struct bw_args bw_args;

/** The options of a server. Yours; one thread at a time. */
typedef struct bw_config bw_config;

/** What a client came with. Immutable and counted; any thread. */
typedef struct bw_handshake bw_handshake;

/** An event's name, arguments and binaries. Immutable and counted; any thread. */
typedef struct bw_message bw_message;

/** Owned bytes, with a NUL after len for convenience. Given back with bw_buf_free. */
typedef struct bw_buf {
  /** The first byte. */
  char *data;
  /** How many bytes. */
  size_t len;
  /** The library's. */
  void *impl;
} bw_buf;

/** UTF-8 text with a length; no terminator is needed. NULL with length 0 is the empty text. */
typedef struct bw_str {
  /** The first byte. */
  const char *data;
  /** How many bytes. */
  size_t len;
} bw_str;

/** An owned list of texts. Given back with bw_list_free. */
typedef struct bw_list {
  /** The texts, valid until the list is freed. */
  const struct bw_str *items;
  /** How many texts. */
  size_t n;
  /** The library's. */
  void *impl;
} bw_list;

/** 0 for success, negative for an error. */
typedef int32_t bw_status;

/** A server. */
typedef uint64_t bw_server;

/** One line of the log. Valid until the callback returns. */
typedef struct bw_log_record {
  /** What this library filled. */
  uint32_t struct_size;
  /** BW_LOG_* */
  int32_t level;
  /**
   * The server that the line belongs to. 0 for lines of no server, and for lines that bw_server_new
   * writes before it has returned the handle.
   */
  bw_server server;
  /**
   * The part of the engine: "bellwire::server", "bellwire::http", "bellwire::session",
   * "bellwire::socket" or "bellwire::host".
   */
  struct bw_str target;
  /** The words. */
  struct bw_str message;
  /** When, in nanoseconds since 1970. */
  uint64_t unix_ns;
} bw_log_record;

/**
 * Called with a line of the log, on any thread, several at once. Only [signal] functions may be
 * called in it.
 */
typedef void (*bw_log_fn)(const struct bw_log_record *rec, void *user);

/** Told once that a callback's user pointer is not needed any more. */
typedef void (*bw_drop_fn)(void *user);

/** Names an option; see bw_option_values. */
typedef uint32_t bw_option;

/** What there is to know about an option. Its texts are static. */
typedef struct bw_option_info {
  /** The number for the setters. */
  bw_option option;
  /** BW_TYPE_* */
  int32_t type;
  /** The name in JSON: "pingInterval", "engine.workerThreads". */
  const char *name;
  /** The default: "25000". */
  const char *default_text;
} bw_option_info;

/** A file descriptor. */
typedef int bw_fd;

/** Bytes with a length. NULL with length 0 is no bytes. */
typedef struct bw_bytes {
  /** The first byte. */
  const uint8_t *data;
  /** How many bytes. */
  size_t len;
} bw_bytes;

/** What happened; see bw_event_values. */
typedef int32_t bw_event_type;

/** A namespace. */
typedef uint64_t bw_nsp;

/** One client in one namespace. */
typedef uint64_t bw_socket;

/** An answer that a client waits for. */
typedef uint64_t bw_ack;

/** A question that the engine waits for. */
typedef uint64_t bw_deferred;

/** An operation under way. */
typedef uint64_t bw_op;

/** One answer to an emit with ack. */
typedef struct bw_reply {
  /** What this library filled. */
  uint32_t struct_size;
  /** 0. */
  uint32_t reserved0;
  /** Who answered. */
  bw_socket socket;
  /** The arguments of the answer: a JSON array. */
  struct bw_str args;
  /** The same as an object; retain it to keep it. */
  const struct bw_message *message;
} bw_reply;

/** One result of bw_fetch_sockets. */
typedef struct bw_remote_socket {
  /** What this library filled. */
  uint32_t struct_size;
  /** 0. */
  uint32_t reserved0;
  /** The socket. */
  bw_socket socket;
  /** Its public id. */
  struct bw_str sid;
  /** Its handshake: a JSON object. */
  struct bw_str handshake_json;
  /** Its data: JSON. */
  struct bw_str data_json;
  /** The rooms it is in, its own first. */
  const struct bw_str *rooms;
  /** How many rooms. */
  size_t n_rooms;
} bw_remote_socket;

/** Which limit, deadline or rule ended a connection, with the numbers. */
typedef struct bw_cause {
  /** What this library filled. */
  uint32_t struct_size;
  /** BW_CAUSE_* */
  int32_t kind;
  /** What happened, in words. */
  struct bw_str text;
  /** The option that sets the limit, by its JSON name; empty when no option is concerned. */
  struct bw_str option;
  /** The option's value: a number, bytes or milliseconds. */
  uint64_t limit;
  /** The number that was compared with the limit; 0 when it is not known. */
  uint64_t seen;
} bw_cause;

/**
 * Something that happened. All pointers in it are borrowed: they are valid until the callback
 * returns or, with bw_server_next, until the next bw_server_next.
 */
typedef struct bw_event {
  /** What this library filled; newer fields come last. */
  uint32_t struct_size;
  /** What happened. */
  bw_event_type type;
  /** ACKED, SOCKETS: how it ended. */
  bw_status status;
  /** A number that depends on the type. */
  int32_t code;
  /** BW_EVF_* bits. */
  uint32_t flags;
  /** How many arguments args has. */
  uint32_t n_args;
  /** The server. */
  bw_server server;
  /** The namespace, or 0. */
  bw_nsp nsp;
  /** The socket, or 0. */
  bw_socket socket;
  /** MESSAGE: not 0 when the client waits for an answer. */
  bw_ack ack;
  /** Questions: what is to be answered. */
  bw_deferred deferred;
  /** ACKED, SOCKETS: the operation that has ended. */
  bw_op op;
  /** When it arrived, on CLOCK_MONOTONIC. */
  uint64_t mono_ns;
  /** The namespace's name. */
  struct bw_str nsp_name;
  /**
   * The event, room, reason, transport or error text. JSON allows half of a surrogate pair in the
   * name of an event, UTF-8 does not: it is read as U+FFFD, and is sent as it came when the
   * message is relayed.
   */
  struct bw_str name;
  /** A JSON array as on the wire; binaries are {"_placeholder":true,"num":i}. */
  struct bw_str args;
  /** The binaries. */
  const struct bw_bytes *bins;
  /** How many binaries. */
  size_t n_bins;
  /** The socket's user pointer. */
  void *user;
  /** Connection events and questions: the handshake; retain it to keep it. */
  const struct bw_handshake *handshake;
  /** The payload as an object. Keep what bw_message_retain returns. */
  const struct bw_message *message;
  /** ACKED: the answers, in the order of arrival. */
  const struct bw_reply *const *replies;
  /** How many answers. */
  size_t n_replies;
  /** SOCKETS: who is there. */
  const struct bw_remote_socket *const *sockets;
  /** How many sockets. */
  size_t n_sockets;
  /** DISCONNECTING, DISCONNECT: what ended the connection; NULL when the reason says it all. */
  const struct bw_cause *cause;
} bw_event;

/** A bw_server, bw_nsp or bw_socket. */
typedef uint64_t bw_scope;

/** Called with an event. It must not throw, longjmp or end the thread. */
typedef void (*bw_callback)(const struct bw_event *ev, void *user);

/** A registered callback. */
typedef uint64_t bw_listener;

/** Frees the bytes of a bw_blob. */
typedef void (*bw_free_fn)(void *free_user);

/**
 * A binary attachment to send. free_fn NULL: it is copied during the call. Otherwise the bytes
 * are used in place and free_fn(free_user) runs exactly once, on any thread, when they are no
 * longer needed, also when the call fails. (It cannot run when the call could not even read the
 * blob: a NULL or misdeclared payload, or more blobs than there can be.)
 */
typedef struct bw_blob {
  /** The first byte. */
  const void *data;
  /** How many bytes. */
  size_t len;
  /** NULL, or what frees the bytes. */
  bw_free_fn free_fn;
  /** What free_fn is given. */
  void *free_user;
} bw_blob;

/** What to send. Begin with BW_PAYLOAD_INIT or bw_payload_of. */
typedef struct bw_payload {
  /** sizeof(bw_payload) */
  uint32_t struct_size;
  /** BW_PAYLOAD_* bits. */
  uint32_t flags;
  /** The event's name; not used in the answer to a client. */
  struct bw_str event;
  /**
   * The arguments: the text of a JSON array; empty = no arguments. Where a binary belongs stands
   * {"_placeholder":true,"num":i}.
   */
  struct bw_str args;
  /** The binaries. */
  const struct bw_blob *bins;
  /** How many binaries. */
  size_t n_bins;
} bw_payload;

/** A value in a message or a handshake. What it points to lives as long as that object. */
typedef struct bw_value {
  /** BW_V_* */
  int32_t type;
  /** BOOL */
  int32_t b;
  /** INT; NUMBER when it has no fraction and fits. */
  int64_t i;
  /** INT and NUMBER; infinite when the number is beyond a double, as 1e999 is. */
  double f;
  /** STRING: decoded. JSON allows half of a surrogate pair, UTF-8 does not: it is read as U+FFFD. */
  struct bw_str s;
  /** BINARY */
  struct bw_bytes bin;
  /** The text of the value. */
  struct bw_str json;
  /** ARRAY, OBJECT: how many members. */
  size_t n;
  /** INT; NUMBER when it has no fraction; 0 when it does not fit: for those above INT64_MAX. */
  uint64_t u;
} bw_value;

/**
 * A place in an array or an object. Yours, for example on your stack; there is nothing to free. It
 * is valid as long as the message or the handshake, and may be copied.
 */
typedef struct bw_cursor {
  /** In an object: the name of the member, decoded as bw_value.s. Empty in an array. */
  struct bw_str key;
  /** The number of the element or member, counted from 0. */
  size_t index;
  /** The text that follows the value. */
  struct bw_str rest;
  /** What it walks through: BW_V_ARRAY or BW_V_OBJECT. */
  int32_t type;
  /** 0 */
  uint32_t reserved0;
  /** The message that it belongs to, or NULL. */
  const struct bw_message *msg;
  /** The handshake that it belongs to, or NULL. */
  const struct bw_handshake *hs;
} bw_cursor;

/**
 * Who gets it. Begin with BW_TARGET_INIT or one of bw_to, bw_to_rooms and bw_broadcast_from; a
 * field of zeros is not used.
 */
typedef struct bw_target {
  /** sizeof(bw_target) */
  uint32_t struct_size;
  /** BW_TO_* bits. */
  uint32_t flags;
  /** A namespace, or one socket; 0: the sender's namespace. */
  bw_scope scope;
  /** This socket is left out, as by socket.broadcast. */
  bw_socket sender;
  /**
   * Whoever is in any of these rooms, each once; none = the whole namespace. The public id of a
   * socket is a room with that socket in it.
   */
  const struct bw_str *rooms;
  /** How many rooms. */
  size_t n_rooms;
  /** Whoever is in any of these rooms is left out. */
  const struct bw_str *except;
  /** How many rooms to leave out. */
  size_t n_except;
  /** Emit with ack: how long to wait. 0 = for ever for one socket, an error for a broadcast. */
  uint32_t timeout_ms;
  /** 0 */
  uint32_t reserved0;
} bw_target;

/** Names a number of a socket; see bw_socket_keys. */
typedef int32_t bw_socket_key;

/** Names a part of a handshake; see bw_hs_keys. */
typedef int32_t bw_hs_key;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/** [signal] The version of the library that runs: "0.1.0". Static. */
BW_API const char *bw_version(void);

/** [signal] The same as a number; compare it with BW_VERSION_NUMBER. */
BW_API uint32_t bw_version_number(void);

/** [signal] The ABI of the library that runs; it must equal BW_ABI_VERSION. */
BW_API uint32_t bw_abi_version(void);

/** [any] 1 when a feature is in this build: "unix", "websocket". Unknown names give 0. */
BW_API int bw_has_feature(const char *name);

/** [one] Gives a bw_buf back and empties it; does nothing for NULL or an empty one. */
BW_API void bw_buf_free(struct bw_buf *buf);

/** [one] Gives a bw_list back and empties it; does nothing for NULL or an empty one. */
BW_API void bw_list_free(struct bw_list *list);

/** [signal] The name of a status: "BW_E_GONE". Never NULL; static. */
BW_API const char *bw_status_name(bw_status status);

/** [signal] What a status means, in words: "the object is gone". Never NULL; static. */
BW_API const char *bw_status_text(bw_status status);

/**
 * [any] The words of the last failed call on this thread. Never NULL; valid until the next
 * failing call on this thread. Success does not clear them.
 */
BW_API const char *bw_last_error(void);

/** [any] The status of that call, or BW_OK. */
BW_API bw_status bw_last_error_code(void);

/**
 * [any] Where the log goes; one callback for the whole process. fn NULL or level BW_LOG_OFF turns
 * it off, as it is at first. The old callback's drop runs when its last call has returned.
 */
BW_API
bw_status bw_log_set(int32_t level,
                     bw_log_fn fn,
                     void *user,
                     bw_drop_fn drop);

/**
 * [any] Use bw_config_new(), which passes the versions of your header. NULL when header and library
 * do not fit together; bw_last_error tells why.
 */
BW_API
struct bw_config *bw_config_new_checked(uint32_t abi,
                                        uint32_t header_version);

/** [one] Frees a configuration and sets *config to NULL; does nothing for NULL. */
BW_API void bw_config_free(struct bw_config **config);

/** [one] Sets a bool, a number, bits or an enum. On an error nothing has changed. */
BW_API bw_status bw_config_set_int(struct bw_config *config, bw_option option, int64_t value);

/**
 * [one] Sets a text, an enum by its name, or an option that is JSON. On an error nothing has
 * changed.
 */
BW_API
bw_status bw_config_set_str(struct bw_config *config,
                            bw_option option,
                            struct bw_str value);

/**
 * [one] Merges the options object of Socket.IO in, as JSON; the engine's own stand under "engine":
 * {"pingInterval":10000,"cors":{"origin":"*"},"engine":{"workerThreads":2}}. On an error nothing
 * has changed.
 */
BW_API
bw_status bw_config_set_json(struct bw_config *config,
                             struct bw_str json);

/**
 * [one] All options with their values, as bw_config_set_json takes them. Free *out with
 * bw_buf_free.
 */
BW_API bw_status bw_config_get_json(const struct bw_config *config, struct bw_buf *out);

/**
 * [any] For tools: option number index, counted from 0; BW_E_NOT_FOUND past the last. info_size is
 * sizeof(bw_option_info).
 */
BW_API
bw_status bw_option_info_get(uint32_t index,
                             struct bw_option_info *out,
                             size_t info_size);

/**
 * [any] Starts the engine's threads; does not listen yet. config is copied, NULL is the defaults.
 * Free *out with bw_server_free.
 */
BW_API
BW_NODISCARD
bw_status bw_server_new(const struct bw_config *config,
                        bw_server *out);

/**
 * [any] Listens on TCP; can be called more than once. host: an IP address, "localhost", or "" for
 * all interfaces (names are not looked up). port 0 picks one; bound_port is optional.
 */
BW_API
bw_status bw_server_listen_tcp(bw_server server,
                               struct bw_str host,
                               uint16_t port,
                               uint16_t *bound_port);

/** [any] Listens on a Unix socket with these permissions, 0 for the usual ones. */
BW_API bw_status bw_server_listen_unix(bw_server server, struct bw_str path, uint32_t mode);

/**
 * [any] Listens on a descriptor that is bound and listens already (inherited, or of a service
 * manager). The engine's when BW_OK is returned, still yours otherwise.
 */
BW_API bw_status bw_server_listen_fd(bw_server server, bw_fd fd);

/**
 * [any] From now on the engine's listeners answer GET and HEAD of exactly this path with these
 * bytes, which are copied; body.data NULL takes the path away again. What is neither served nor
 * the engine's is answered with 404.
 */
BW_API
bw_status bw_server_serve(bw_server server,
                          struct bw_str path,
                          struct bw_str content_type,
                          struct bw_bytes body);

/**
 * [any] Begins a graceful stop: no new clients; those there are are told and drained, and those
 * left after deadline_ms are cut. BW_EV_SHUTDOWN tells the end. Called again it only shortens the
 * deadline.
 */
BW_API
bw_status bw_server_close(bw_server server,
                          uint32_t deadline_ms);

/**
 * [out] Waits until the graceful stop has ended and every callback has heard what led to it; -1 =
 * for ever. BW_E_TIMEOUT, BW_E_ARG for another negative number. In polled delivery it polls meanwhile.
 */
BW_API
bw_status bw_server_wait(bw_server server,
                         int32_t timeout_ms);

/**
 * [out] Stops at once, waits for callbacks that are running, runs every drop, joins the threads and
 * sets *server to 0. No callback runs after it returns. BW_E_BUSY while another thread polls.
 */
BW_API
bw_status bw_server_free(bw_server *server);

/** [any] All numbers as OpenMetrics text. Free *out with bw_buf_free. */
BW_API bw_status bw_server_metrics(bw_server server, struct bw_buf *out);

/**
 * [any] One number: "clients_count", "queued_events" and so on; bw_server_metrics shows all.
 * BW_E_NOT_FOUND.
 */
BW_API bw_status bw_server_stat(bw_server server, const char *name, int64_t *out);

/**
 * [poll] Runs the callbacks of queued events on this thread: at most max_events (0 = all that are
 * there), waiting at most timeout_ms (0 = not at all, -1 = for ever) for the first. Returns how
 * many it handled, or a negative status: BW_E_ARG for another negative timeout, BW_E_CLOSED instead
 * of waiting when the server has stopped and nothing will come any more.
 */
BW_API
int32_t bw_server_poll(bw_server server,
                       uint32_t max_events,
                       int32_t timeout_ms);

/**
 * [poll] Runs the callbacks of queued events on this thread, and waits for more, until
 * CLOCK_MONOTONIC reaches deadline_ns, on which bw_event.mono_ns is counted too. For loops with
 * ticks: a deadline that has passed handles what is there and does not wait. Returns how many events
 * it handled, or a negative status as bw_server_poll does. bw_server_wakeup ends it early, a signal
 * without it does not.
 */
BW_API
int32_t bw_server_poll_until(bw_server server,
                             uint64_t deadline_ns);

/**
 * [any] A descriptor that is readable while events wait: level-triggered, for epoll, select or
 * libuv. Do not read, write or close it. Valid until bw_server_free.
 */
BW_API bw_status bw_server_poll_fd(bw_server server, bw_fd *out);

/**
 * [poll] The same queue without callbacks: *out is the next event, or NULL when none came within
 * timeout_ms. It is valid until the next call of this function or of bw_server_poll. ACKED and
 * SOCKETS come here too, with ev->op, instead of going to their callback. Timeouts and BW_E_CLOSED
 * are those of bw_server_poll.
 */
BW_API
bw_status bw_server_next(bw_server server,
                         int32_t timeout_ms,
                         const struct bw_event **out);

/**
 * [signal] Makes a waiting bw_server_poll return early. Does nothing in the other deliveries. It
 * leaves no words for bw_last_error.
 */
BW_API
bw_status bw_server_wakeup(bw_server server);

/**
 * [any] The namespace of that name, "/" or "/chat"; made on first use. BW_E_NAME when no client
 * could ask for it. An Engine.IO server has only "/".
 */
BW_API bw_status bw_nsp_get(bw_server server, struct bw_str name, bw_nsp *out);

/**
 * [any] Calls cb for the events of this type in scope; the listeners of a socket go with it. name:
 * the event for MESSAGE and OUTGOING; empty = all, and those come before the named ones. All
 * listeners are called, in order; those of the server before those of the namespace and those of
 * the socket. Questions are put to one after the other, and the first refusal ends them. out is
 * optional. When this returns an error, drop(user) runs before it returns.
 */
BW_API
bw_status bw_on(bw_scope scope,
                bw_event_type type,
                struct bw_str name,
                uint32_t flags,
                bw_callback cb,
                void *user,
                bw_drop_fn drop,
                bw_listener *out);

/**
 * [any] Removes a listener: no call starts after this returns; one may be running on another
 * thread. Its drop runs when that has returned.
 */
BW_API bw_status bw_off(bw_listener listener);

/**
 * [any] Yes; once. The next listener of the question is asked then. Left alone, a question is
 * refused after BW_OPT_DEFERRED_TIMEOUT. BW_OK from the last listener of MIDDLEWARE means that
 * CONNECTION and, in the end, DISCONNECT follow, even if the client leaves first; after an error
 * neither does.
 */
BW_API
bw_status bw_deferred_accept(bw_deferred d);

/**
 * [any] No; once. message and data_json (JSON, or empty) reach the client as its connect_error
 * (MIDDLEWARE). code is the HTTP status for ALLOW_REQUEST, 0 for the usual one.
 */
BW_API
bw_status bw_deferred_reject(bw_deferred d,
                             int32_t code,
                             struct bw_str message,
                             struct bw_str data_json);

/** [any] Adds a response header. Only for HEADERS, before accepting. */
BW_API bw_status bw_deferred_set_header(bw_deferred d, struct bw_str name, struct bw_str value);

/** [any] Checks a payload and encodes it once, to be sent many times. Release *out. */
BW_API
BW_NODISCARD
bw_status bw_message_new(const struct bw_payload *payload,
                         const struct bw_message **out);

/**
 * [any] One more owner. Keep the RETURNED pointer: for the message of an event it is another one,
 * a copy that outlives the event. NULL for NULL.
 */
BW_API
const struct bw_message *bw_message_retain(const struct bw_message *msg);

/**
 * [any] One owner less; sets *msg to NULL. Does nothing for NULL, and for the message of an event
 * that was not retained.
 */
BW_API
void bw_message_release(const struct bw_message **msg);

/** [any] The event's name. */
BW_API bw_status bw_message_name(const struct bw_message *msg, struct bw_str *out);

/** [any] The arguments: a JSON array. (Of a message of an Engine.IO server: the plain text.) */
BW_API bw_status bw_message_args(const struct bw_message *msg, struct bw_str *out);

/** [any] Binary number i; BW_E_NOT_FOUND past the last. */
BW_API bw_status bw_message_bin(const struct bw_message *msg, size_t i, struct bw_bytes *out);

/**
 * [any] The value at an RFC 6901 pointer into the arguments: "/0", "/0/pos/x". value_size is
 * sizeof(bw_value). BW_E_NOT_FOUND when there is nothing. What *out points to lives as long as the
 * message. Each call reads the arguments from their beginning: use bw_cursor_first for all elements of
 * an array.
 */
BW_API
bw_status bw_message_get(const struct bw_message *msg,
                         struct bw_str pointer,
                         struct bw_value *out,
                         size_t value_size);

/**
 * [any] Puts the cursor on the first element or member of the array or object at an RFC 6901 pointer
 * into the arguments, and *out is its value. value_size is sizeof(bw_value). BW_E_NOT_FOUND when
 * there is nothing at the pointer or in the container, BW_E_TYPE when it is another value. Members
 * come in the order of the text, also those that have the same name.
 */
BW_API
bw_status bw_cursor_first(struct bw_cursor *cursor,
                          const struct bw_message *msg,
                          struct bw_str pointer,
                          struct bw_value *out,
                          size_t value_size);

/** [any] The same for what a client sent when it connected. */
BW_API
bw_status bw_cursor_auth(struct bw_cursor *cursor,
                         const struct bw_handshake *hs,
                         struct bw_str pointer,
                         struct bw_value *out,
                         size_t value_size);

/**
 * [any] The same for an array or object that was read from the message or the handshake of the cursor
 * outer, by its bw_value.json. outer may be the same cursor.
 */
BW_API
bw_status bw_cursor_inside(struct bw_cursor *cursor,
                           const struct bw_cursor *outer,
                           struct bw_str json,
                           struct bw_value *out,
                           size_t value_size);

/**
 * [any] Moves the cursor on by one: BW_E_NOT_FOUND after the last. Reads no more than the text from
 * the end of the value before to the end of the new one.
 */
BW_API
bw_status bw_cursor_next(struct bw_cursor *cursor,
                         struct bw_value *out,
                         size_t value_size);

/** [any] A new writer. Free it with bw_args_free. */
BW_API struct bw_args *bw_args_new(void);

/** [one] Frees a writer and sets *args to NULL; does nothing for NULL. */
BW_API void bw_args_free(struct bw_args **args);

/** [one] Begins again, without mistakes; memory is kept. */
BW_API void bw_args_clear(struct bw_args *args);

/**
 * [one] Allows what would be a mistake otherwise, from now on and also after bw_args_clear: BW_ARGS_*
 * bits, 0 for none of it.
 */
BW_API
bw_status bw_args_allow(struct bw_args *args,
                        uint32_t flags);

/** [one] Adds null. */
BW_API void bw_args_null(struct bw_args *args);

/** [one] Adds true (v not 0) or false. */
BW_API void bw_args_bool(struct bw_args *args, int v);

/** [one] Adds an integer. JavaScript reads those beyond 2^53 inexactly. */
BW_API void bw_args_int(struct bw_args *args, int64_t v);

/** [one] Adds an integer that may be above INT64_MAX. */
BW_API void bw_args_uint(struct bw_args *args, uint64_t v);

/** [one] Adds a number; NaN and the infinities are mistakes, unless BW_ARGS_NULL_NUMBERS is set. */
BW_API void bw_args_double(struct bw_args *args, double v);

/** [one] Adds a string. */
BW_API void bw_args_str(struct bw_args *args, struct bw_str v);

/**
 * [one] Adds a value that is JSON text already. It has no binaries: what looks like a placeholder in
 * it is data. It is sent unchanged, except that the mark "_placeholder" of one that would stand for
 * a binary of this payload becomes null.
 */
BW_API
void bw_args_json(struct bw_args *args,
                  struct bw_str v);

/**
 * [one] Adds the value at an RFC 6901 pointer into the arguments of msg, with its binaries, which get
 * new numbers; null when there is nothing. For passing on a part of what a client sent: what looks
 * like a placeholder in a message without binaries is data, as in bw_args_json.
 */
BW_API
void bw_args_value(struct bw_args *args,
                   const struct bw_message *msg,
                   struct bw_str pointer);

/**
 * [one] The same for a value that was read from msg, by its bw_value.json. msg is NULL for a value of
 * a handshake, which has no binaries.
 */
BW_API
void bw_args_copy(struct bw_args *args,
                  const struct bw_message *msg,
                  struct bw_str json);

/** [one] Adds a binary. Its free_fn runs exactly once, also after a mistake. */
BW_API void bw_args_bin(struct bw_args *args, struct bw_blob v);

/** [one] Begins an object: bw_args_key and a value, again and again, then bw_args_end. */
BW_API void bw_args_begin_object(struct bw_args *args);

/** [one] Begins an array: values, then bw_args_end. */
BW_API void bw_args_begin_array(struct bw_args *args);

/** [one] The key of the next value in an object. */
BW_API void bw_args_key(struct bw_args *args, struct bw_str key);

/** [one] Ends the object or array begun last. */
BW_API void bw_args_end(struct bw_args *args);

/**
 * [one] A payload that borrows from args, until args changes, and from event. Returns the first
 * mistake that was made in writing.
 */
BW_API
bw_status bw_args_payload(struct bw_args *args,
                          struct bw_str event,
                          struct bw_payload *out);

/**
 * [any] Queues the event for everybody in the target and returns. One socket: BW_E_GONE when it
 * has left, BW_E_FULL over BW_OPT_SEND_BUFFER_HIGH. Broadcasts: BW_OK also when nobody is there.
 * Two emits of one thread to one socket arrive in that order.
 */
BW_API
bw_status bw_emit(const struct bw_target *to,
                  const struct bw_payload *payload);

/** [any] The same for a message, which is not checked or encoded again. */
BW_API bw_status bw_emit_message(const struct bw_target *to, const struct bw_message *msg);

/** [any] Shorthand: an event to one socket. */
BW_API bw_status bw_socket_emit(bw_socket socket, struct bw_str event, struct bw_str args);

/** [any] Shorthand: an event to everybody in a room; an empty room is the whole namespace. */
BW_API
bw_status bw_room_emit(bw_nsp nsp,
                       struct bw_str room,
                       struct bw_str event,
                       struct bw_str args);

/**
 * [any] Sends a message that every receiver is to acknowledge, and tells the end once as
 * BW_EV_ACKED: BW_OK, BW_E_TIMEOUT (with the replies there are), BW_E_GONE, BW_E_CANCELLED,
 * BW_E_CLOSED, or BW_E_FULL: a client owes BW_OPT_MAX_PENDING_ACKS of them. One socket is not sent the
 * message then; of a broadcast everybody is, and the replies of the others are there. out is optional. When this returns an error, cb
 * is not called, and drop(user) runs before it returns.
 */
BW_API
bw_status bw_emit_ack(const struct bw_target *to,
                      const struct bw_message *msg,
                      bw_callback cb,
                      void *user,
                      bw_drop_fn drop,
                      bw_op *out);

/**
 * [any] Answers the client, once, from any thread: BW_E_ALREADY the second time, BW_E_GONE when
 * the client has left. The event of the payload is not used.
 */
BW_API bw_status bw_ack_send(bw_ack ack, const struct bw_payload *payload);

/** [any] Shorthand: the same with JSON array text; empty = no arguments. */
BW_API bw_status bw_ack_json(bw_ack ack, struct bw_str args);

/**
 * [any] Gives an acknowledgement back without answering, so that its handle costs nothing more: the
 * client waits until its own timeout. BW_E_ALREADY or BW_E_GONE as bw_ack_send. Of one socket at most
 * BW_OPT_MAX_PENDING_ACKS (or 1024, if that is less) may be unanswered; with one more the oldest
 * becomes BW_E_GONE, which the number limit_unanswered_total counts.
 */
BW_API
bw_status bw_ack_drop(bw_ack ack);

/** [any] Engine.IO servers only: sends a text message. Otherwise as bw_emit. */
BW_API bw_status bw_send_text(const struct bw_target *to, struct bw_str text);

/** [any] Engine.IO servers only: sends a binary message. Otherwise as bw_emit. */
BW_API bw_status bw_send_binary(const struct bw_target *to, struct bw_blob data);

/** [any] Everybody in the target joins the rooms. */
BW_API bw_status bw_join(const struct bw_target *to, const struct bw_str *rooms, size_t n);

/** [any] Everybody in the target leaves the rooms. */
BW_API bw_status bw_leave(const struct bw_target *to, const struct bw_str *rooms, size_t n);

/**
 * [any] Puts everybody in the target out of the namespace; close_transport not 0: out of all
 * namespaces, and closes the connection. One socket: BW_E_GONE when it has left.
 */
BW_API bw_status bw_disconnect(const struct bw_target *to, int close_transport);

/**
 * [any] Who is in the target, told once as BW_EV_SOCKETS. out is optional. When this returns an
 * error, cb is not called, and drop(user) runs before it returns.
 */
BW_API
bw_status bw_fetch_sockets(const struct bw_target *to,
                           bw_callback cb,
                           void *user,
                           bw_drop_fn drop,
                           bw_op *out);

/** [any] Ends an operation early: its callback is told BW_E_CANCELLED, unless it has ended. */
BW_API bw_status bw_op_cancel(bw_op op);

/** [any] The connected socket with that public id. BW_E_NOT_FOUND. */
BW_API bw_status bw_socket_find(bw_nsp nsp, struct bw_str sid, bw_socket *out);

/** [any] A number of a socket: one of BW_SK_*. */
BW_API bw_status bw_socket_int(bw_socket socket, bw_socket_key key, int64_t *out);

/**
 * [any] The rooms it is in, its own first; while it is leaving, the rooms it was in. Free *out
 * with bw_list_free.
 */
BW_API bw_status bw_socket_rooms(bw_socket socket, struct bw_list *out);

/**
 * [any] The socket's data, {} at first: any JSON. bw_fetch_sockets shows it too. Free *out with
 * bw_buf_free.
 */
BW_API bw_status bw_socket_data_get(bw_socket socket, struct bw_buf *out);

/** [any] Replaces the socket's data: any JSON. */
BW_API bw_status bw_socket_data_set(bw_socket socket, struct bw_str json);

/**
 * [any] A pointer of yours: ev->user afterwards. drop(old) runs when it is replaced, and drop(user)
 * after BW_EV_DISCONNECT was handled. When the call fails, drop(user) runs before it returns.
 */
BW_API
bw_status bw_socket_user_set(bw_socket socket,
                             void *user,
                             bw_drop_fn drop);

/**
 * [any] That pointer, or NULL. Outside callbacks of this socket, or off the polling thread, it may
 * be dropped under you: prefer ev->user.
 */
BW_API
bw_status bw_socket_user_get(bw_socket socket,
                             void **out);

/** [any] What the client came with; it outlives the socket. Release *out. */
BW_API bw_status bw_socket_handshake(bw_socket socket, const struct bw_handshake **out);

/** [any] One more owner; returns hs. NULL for NULL. */
BW_API const struct bw_handshake *bw_handshake_retain(const struct bw_handshake *hs);

/**
 * [any] One owner less; sets *hs to NULL. Does nothing for NULL. Never release the handshake of an
 * event that you have not retained.
 */
BW_API
void bw_handshake_release(const struct bw_handshake **hs);

/** [any] One of the texts; *out lives as long as hs. */
BW_API
bw_status bw_handshake_str(const struct bw_handshake *hs,
                           bw_hs_key key,
                           struct bw_str *out);

/** [any] One of the numbers. */
BW_API bw_status bw_handshake_int(const struct bw_handshake *hs, bw_hs_key key, int64_t *out);

/** [any] The first header of that name, in any case; *out lives as long as hs. BW_E_NOT_FOUND. */
BW_API
bw_status bw_handshake_header(const struct bw_handshake *hs,
                              struct bw_str name,
                              struct bw_str *out);

/** [any] The last query parameter of that name, decoded; *out lives as long as hs. BW_E_NOT_FOUND. */
BW_API
bw_status bw_handshake_query(const struct bw_handshake *hs,
                             struct bw_str name,
                             struct bw_str *out);

/**
 * [any] The value at an RFC 6901 pointer into what the client sent when it connected: "/token".
 * value_size is sizeof(bw_value). What *out points to lives as long as hs.
 */
BW_API
bw_status bw_handshake_auth(const struct bw_handshake *hs,
                            struct bw_str pointer,
                            struct bw_value *out,
                            size_t value_size);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BELLWIRE_H */

#ifndef BELLWIRE_H_HELPERS
#define BELLWIRE_H_HELPERS

/* A bw_str of a string literal. */
#ifdef __cplusplus
#  define BW_S(literal) (bw_str{("" literal), sizeof(literal) - 1})
#else
#  define BW_S(literal) ((bw_str){("" literal), sizeof(literal) - 1})
#endif
#define BW_TARGET_INIT {(uint32_t)sizeof(bw_target), 0, 0, 0, NULL, 0, NULL, 0, 0, 0}
#define BW_PAYLOAD_INIT {(uint32_t)sizeof(bw_payload), 0, {NULL, 0}, {NULL, 0}, NULL, 0}

/* A bw_str of a text that ends with a NUL; NULL is the empty text. */
static inline bw_str bw_cstr(const char *s) {
  bw_str r;
  r.data = s;
  r.len = 0;
  if (s) while (s[r.len]) r.len++;
  return r;
}
/* Everybody in a namespace, or one socket. */
static inline bw_target bw_to(bw_scope nsp_or_socket) {
  bw_target t = BW_TARGET_INIT;
  t.scope = nsp_or_socket;
  return t;
}
/* Everybody in any of these rooms. */
static inline bw_target bw_to_rooms(bw_nsp nsp, const bw_str *rooms, size_t n) {
  bw_target t = BW_TARGET_INIT;
  t.scope = nsp;
  t.rooms = rooms;
  t.n_rooms = n;
  return t;
}
/* Everybody in the sender's namespace but the sender. */
static inline bw_target bw_broadcast_from(bw_socket sender) {
  bw_target t = BW_TARGET_INIT;
  t.sender = sender;
  return t;
}
/* An event without binaries. */
static inline bw_payload bw_payload_of(bw_str event, bw_str args) {
  bw_payload p = BW_PAYLOAD_INIT;
  p.event = event;
  p.args = args;
  return p;
}

#endif /* BELLWIRE_H_HELPERS */
