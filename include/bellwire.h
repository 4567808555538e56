/**
 * @file bellwire.h
 * @brief Embeddable Socket.IO server engine, C interface.
 *
 * @verbatim
 * CONTENTS
 *
 * In this comment: the contract, the fields of each event, and what is allowed in callbacks.
 * Then constants, types and options, and the functions in these sections:
 *
 *   Version      The library's version and features, and giving memory back.
 *   Errors       Names and texts of statuses, and the message of the last error.
 *   Log          Log lines of the library, given to one callback of the process.
 *   Options      The configuration of a server, set by number or as JSON.
 *   Servers      Creating, listening, statistics, closing and freeing.
 *   Polling      Taking events on a thread of the host (BW_DELIVER_POLLED).
 *   Wake-up      Ending a wait in bw_server_poll, also from a signal handler.
 *   Namespaces   Creating and finding namespaces.
 *   Listening    Callbacks for the events of a server, namespace or socket.
 *   Questions    Answering a question, at once or later, on any thread.
 *   Messages     Keeping the message of an event, and reading values in it.
 *   Cursors      Iterating over the elements of an array or object.
 *   Arguments    Writing arguments without a JSON library.
 *   Sending      Events, acknowledgements, broadcasts, and rooms of sockets.
 *   Operations   Cancelling what has a callback for its outcome.
 *   Sockets      Properties of a socket, its rooms, data and disconnection.
 *   Handshakes   What the client sent when it connected.
 *
 * THE CONTRACT
 *
 * Handles    bw_server, bw_nsp, bw_socket, bw_ack, bw_deferred, bw_op and
 *            bw_listener are 64-bit ids, not pointers.  0 is "none".  An id
 *            names one object for the life of the process and is not reused.
 *            Using an id after its object is gone returns BW_E_GONE; an id of
 *            another kind, or one that was never given out, returns
 *            BW_E_HANDLE.  Ids may be copied, compared, stored and sent
 *            between threads; they need not be released.
 * Memory     bw_config and bw_args belong to the caller, may be used by one
 *            thread at a time, and are freed with *_free.  bw_message and
 *            bw_handshake are immutable, reference-counted and usable on any
 *            thread: *_retain and *_release.  bw_buf and bw_list are filled by
 *            the library and freed with *_free.  Every free function takes the
 *            ADDRESS of the variable and sets it to NULL or empty, so that
 *            freeing the same variable twice has no effect.  Do not pass any
 *            of these to free().
 * Input      The library reads input pointers during the call and does not
 *            keep them.  The only exception is a bw_blob with a free function.
 * Views      bw_str, bw_bytes and the pointers inside bw_event are borrowed:
 *            they are valid until the callback returns or, with
 *            bw_server_next, until the next call of bw_server_next or
 *            bw_server_poll.  To keep the message of an event, keep what
 *            bw_message_retain returns.
 * Text       UTF-8 with a length; a terminator is not needed.  JSON is RFC
 *            8259 text.  Both are checked: invalid input is an error.
 * Errors     Functions return bw_status: 0 is success, negative is an error.
 *            bw_last_error() returns the message of the calling thread's last
 *            error.  On an error, out parameters are set to 0, NULL or empty,
 *            and the call has no other effect.
 * Statuses   Common to all functions that return a bw_status or a count, except
 *            [signal] functions: BW_E_PANIC, and BW_E_REENTRANT in a log
 *            callback.  Functions that take an id: BW_E_HANDLE, BW_E_GONE and
 *            BW_E_FORKED, and for a bw_ack or bw_deferred BW_E_ALREADY.
 *            Functions that give out an id: BW_E_FULL when the process has no
 *            ids left.  Functions that take a pointer: BW_E_ARG.  Functions
 *            that take a struct with struct_size: BW_E_ABI.  Functions that
 *            take text: BW_E_UTF8, and BW_E_TOO_BIG for an impossible length.
 * NULL       A NULL where a pointer is needed returns BW_E_ARG.  A NULL out
 *            parameter that is called "optional" is ignored.
 * Callbacks  (fn, user, drop): drop(user), if drop is not NULL, is called
 *            exactly once, after the last call of fn has returned, also if the
 *            registration fails.
 * Threads    The description of each function begins with a tag:
 *              [any]    any thread, any time, also in callbacks; does not wait.
 *              [out]    any thread, but not in a callback of the same server
 *                       (BW_E_DEADLOCK); may wait.
 *              [poll]   one thread at a time (BW_E_BUSY), and not in a
 *                       callback (BW_E_REENTRANT).
 *              [signal] like [any], and async-signal-safe.
 *              [one]    uses only its argument, which other threads must not
 *                       use at the same time.
 * Panics     A bug in the library is caught at the interface and returned as
 *            BW_E_PANIC; the process continues.  Only an allocation failure
 *            ends the process.
 * fork       In a child process, ids of the parent return BW_E_FORKED and the
 *            parent's sockets are not affected; new servers can be created.
 *            All descriptors are close-on-exec.
 * Signals    The library's threads block every signal except those that a
 *            fault raises, so that signals reach the host's threads.  A
 *            process that a callback starts on such a thread inherits that
 *            mask.
 * Unload     The shared library cannot be unloaded (linked with -z nodelete).
 * Growth     Within one BW_ABI_VERSION, functions, constants, and fields at
 *            the END of structs that begin with struct_size may be added, and
 *            nothing else changes.  Such structs are never array elements.  A
 *            struct of the caller is read up to its struct_size; 0 is an error
 *            (BW_E_ABI), so that a missing initialiser is detected.
 * Languages  C99 and C++11, or newer.
 *
 * CALLBACKS
 *
 * A callback must not throw, longjmp or end its thread; a C++ exception that
 * leaves it ends the process with a message.  In an event callback, [any],
 * [one] and [signal] functions may be called.  In a log callback, only [signal]
 * functions may be called; all others return BW_E_REENTRANT.
 * The events of one socket are delivered one at a time, in order.
 *
 *   BW_DELIVER_THREADS  Callbacks run on threads of the library, those of
 *                       different sockets in parallel.  They may block.
 *   BW_DELIVER_POLLED   Callbacks and drop functions run inside
 *                       bw_server_poll, except the log callback,
 *                       bw_blob.free_fn, the drop function of a call that
 *                       failed, and what bw_server_free ends.
 *   BW_DELIVER_INLINE   Callbacks run on the threads that do the network, those
 *                       of different sockets in parallel.  A callback that
 *                       blocks stops all connections of its thread.
 *
 * Events that a call of the host causes (ROOM_*, NEW_NAMESPACE, SOCKETS, and
 * ACKED of a broadcast) are delivered after the call has returned, so that the
 * host may hold a lock of its own during the call.
 *
 * FIELDS OF EVENTS
 *
 * type, flags, server and mono_ns are set for every event; user is set for
 * every event with a socket.  "message" stands for message, args, n_args, bins
 * and n_bins.
 *
 *   BW_EV_                      nsp socket  name       other fields
 *   ALLOW_REQUEST                -    -     -          handshake deferred
 *   HEADERS                      -    -     -          handshake deferred
 *   MIDDLEWARE                   x    x     -          handshake deferred
 *   PACKET_MIDDLEWARE            x    x     event      message deferred
 *   CONNECTION                   x    x     -          handshake
 *   MESSAGE                      x    x     event      message ack
 *   OUTGOING                     x    x     event      message
 *   DISCONNECTING, DISCONNECT    x    x     reason     code (bw_reason) cause
 *   UPGRADE                      x    x     transport  code (BW_TR_*)
 *   DRAIN                        x    x     -          -
 *   DROPPED                      x    x     -          code (messages)
 *   NEW_NAMESPACE                x    -     -          -
 *   ROOM_CREATED, ROOM_DELETED   x    -     room       -
 *   ROOM_JOINED, ROOM_LEFT       x   if it  room       args ["<socket id>"]
 *                                  is there
 *   CONNECTION_ERROR             -    -     message    code args handshake
 *   FAULT                        -    -     message    status
 *   SHUTDOWN                     -    -     -          -
 *   ACKED, to one socket         x    x     -          op status replies
 *   ACKED, to a broadcast        -    -     -          op status replies
 *   SOCKETS                      -    -     -          op status sockets
 *
 * bw_server_next returns every event in the table.  ALLOW_REQUEST, HEADERS,
 * MIDDLEWARE, PACKET_MIDDLEWARE, OUTGOING, UPGRADE, DRAIN, DROPPED,
 * NEW_NAMESPACE, ROOM_* and CONNECTION_ERROR exist only while a listener for
 * their type is registered with bw_on; bw_server_next does not call it.
 * @endverbatim
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
  /** Invalid argument, for example a NULL pointer or an unknown flag. */
  BW_E_ARG = -1,
  /** The id was never given out, or names an object of another kind. */
  BW_E_HANDLE = -2,
  /** The object's state does not allow the call, for example listening after close. */
  BW_E_STATE = -3,
  /** A [poll] function was called in a callback, or a function other than [signal] in a log callback. */
  BW_E_REENTRANT = -4,
  /** An [out] function was called in a callback of the same server. */
  BW_E_DEADLOCK = -5,
  /** Another thread is polling this server. */
  BW_E_BUSY = -6,
  /** The acknowledgement or question was answered before. */
  BW_E_ALREADY = -7,
  /** Header and library do not match, or the struct_size of a struct is 0. */
  BW_E_ABI = -8,
  /** The option is unknown, or its value is of the wrong type or out of range. */
  BW_E_OPTION = -9,
  /** The text is not UTF-8; bw_last_error names the position. */
  BW_E_UTF8 = -10,
  /** The text is not JSON; bw_last_error names the position. */
  BW_E_JSON = -11,
  /** The event name is reserved, or the namespace name is not allowed. */
  BW_E_NAME = -12,
  /** The {"_placeholder"} objects and the binaries do not match. */
  BW_E_PLACEHOLDER = -13,
  /** The input is larger than a limit. */
  BW_E_TOO_BIG = -14,
  /** The name or key does not exist. */
  BW_E_NOT_FOUND = -15,
  /** The value exists but has another type. */
  BW_E_TYPE = -16,
  /**
   * The object existed but no longer does, for example because the client disconnected. Expected
   * at run time; not a programming error.
   */
  BW_E_GONE = -30,
  /** The timeout passed. */
  BW_E_TIMEOUT = -31,
  /** Cancelled by bw_op_cancel. */
  BW_E_CANCELLED = -32,
  /** The server, or the process, is closing. */
  BW_E_CLOSED = -33,
  /** The id belongs to the parent process. */
  BW_E_FORKED = -34,
  /** A configured limit is reached; nothing was queued. */
  BW_E_FULL = -35,
  /** Not available in this build or on this platform. */
  BW_E_UNSUPPORTED = -36,
  /** The operating system reported an error. */
  BW_E_IO = -38,
  /** Another process or server listens on that address. */
  BW_E_ADDR_IN_USE = -39,
  /** The operating system does not permit it. */
  BW_E_ACCESS = -40,
  /** A bug in the library: please report it. */
  BW_E_INTERNAL = -90,
  /** A panic in the library, caught at the interface: please report it. */
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
 * The options. Each comment has the meaning, the setter that takes the option, the values, the
 * default, and the name in JSON: Socket.IO's name, or for options of Bellwire alone a member of
 * the object "engine".
 */
typedef enum bw_option_values {
  /**
   * The path of the server's endpoint.
   * Takes a path that begins with "/", of visible ASCII characters other than "?" and "#".
   * Type str; default /socket.io; in JSON "path".
   */
  BW_OPT_PATH = 1,
  /**
   * Whether the path ends with a slash.
   * Takes true or false.
   * Type bool; default true; in JSON "addTrailingSlash".
   */
  BW_OPT_ADD_TRAILING_SLASH = 2,
  /**
   * The time within which a client has to join a namespace before it is disconnected.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 45000; in JSON "connectTimeout".
   */
  BW_OPT_CONNECT_TIMEOUT = 5,
  /**
   * The time between two pings.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 25000; in JSON "pingInterval".
   */
  BW_OPT_PING_INTERVAL = 6,
  /**
   * The time within which a client has to answer a ping before it is disconnected.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 20000; in JSON "pingTimeout".
   */
  BW_OPT_PING_TIMEOUT = 7,
  /**
   * The time within which a transport upgrade has to finish before it is abandoned.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 10000; in JSON "upgradeTimeout".
   */
  BW_OPT_UPGRADE_TIMEOUT = 8,
  /**
   * The size of the largest request body or WebSocket message that a client may send; announced
   * to clients as maxPayload.
   * Takes a whole number from 1 to 4294967295 (bytes).
   * Type int; default 1000000; in JSON "maxHttpBufferSize".
   */
  BW_OPT_MAX_HTTP_BUFFER_SIZE = 9,
  /**
   * The transports that clients may use.
   * Takes an array with at least one of "polling", "websocket"; as a number, BW_TR_* bits.
   * Type int; default ["polling","websocket"]; in JSON "transports".
   */
  BW_OPT_TRANSPORTS = 10,
  /**
   * Whether a session may move from one transport to another.
   * Takes true or false.
   * Type bool; default true; in JSON "allowUpgrades".
   */
  BW_OPT_ALLOW_UPGRADES = 11,
  /**
   * A message that is sent to every session right after the open packet. An empty text sends
   * none.
   * Takes a string.
   * Type str; default an empty text; in JSON "initialPacket".
   */
  BW_OPT_INITIAL_PACKET = 15,
  /**
   * The cookie that carries the session id.
   * Takes false, true, or an object with the cookie's attributes.
   * Type json; default false; in JSON "cookie".
   */
  BW_OPT_COOKIE = 25,
  /**
   * The headers for requests of pages of other origins (CORS).
   * Takes false, true, or an object with CORS options.
   * Type json; default false; in JSON "cors".
   */
  BW_OPT_CORS = 26,
  /**
   * The number of threads that do the network I/O.
   * Takes a whole number from 0 to 1024 (0 = one for each core).
   * Type int; default 0; in JSON "engine.workerThreads".
   */
  BW_OPT_WORKER_THREADS = 80,
  /**
   * The threads on which the host's callbacks run.
   * Takes one of "threads", "polled", "inline"; as a number, a BW_DELIVER_* constant.
   * Type int; default threads; in JSON "engine.delivery".
   */
  BW_OPT_DELIVERY = 81,
  /**
   * How many events may wait for the host. At three quarters of it, only connections without
   * waiting events are read. One connection may use a sixteenth of it, at most 1024 events;
   * events about requests may use a quarter.
   * Takes a whole number from 1 to 1073741824.
   * Type int; default 65536; in JSON "engine.pollQueueEvents".
   */
  BW_OPT_POLL_QUEUE_EVENTS = 82,
  /**
   * How many bytes of events may wait for the host, with the rules of BW_OPT_POLL_QUEUE_EVENTS;
   * one connection may use at most 1 MiB.
   * Takes a whole number from 1024 to 4294967295 (bytes).
   * Type int; default 67108864; in JSON "engine.pollQueueBytes".
   */
  BW_OPT_POLL_QUEUE_BYTES = 83,
  /**
   * The time after which one poll stops taking events.
   * Takes a whole number from 0 to 60000000 (microseconds; 0 = no limit).
   * Type int; default 0; in JSON "engine.pollBudgetUs".
   */
  BW_OPT_POLL_BUDGET_US = 84,
  /**
   * How many connections (HTTP and WebSocket) and how many sessions may be open at once.
   * Takes a whole number from 0 to 2147483647 (0 = no limit).
   * Type int; default 0; in JSON "engine.maxConnections".
   */
  BW_OPT_MAX_CONNECTIONS = 85,
  /**
   * The size of the largest request head. The HTTP parser needs at least 8 KiB.
   * Takes a whole number from 8192 to 1048576 (bytes).
   * Type int; default 16384; in JSON "engine.maxHeaderBytes".
   */
  BW_OPT_MAX_HEADER_BYTES = 86,
  /**
   * How many attachments one packet may have; the default is that of the official parser.
   * Takes a whole number from 0 to 1000000.
   * Type int; default 10; in JSON "engine.maxAttachments".
   */
  BW_OPT_MAX_ATTACHMENTS = 87,
  /**
   * How deeply arrays and objects may be nested in the JSON of a packet.
   * Takes a whole number from 1 to 1000.
   * Type int; default 64; in JSON "engine.maxJsonDepth".
   */
  BW_OPT_MAX_JSON_DEPTH = 88,
  /**
   * How many bytes may wait to be sent to one client. Above it the client is not read, and if it
   * reads nothing for BW_OPT_SEND_BUFFER_GRACE, BW_OPT_SEND_BUFFER_POLICY applies.
   * Takes a whole number from 1 to 4294967295 (bytes).
   * Type int; default 4194304; in JSON "engine.sendBufferHigh".
   */
  BW_OPT_SEND_BUFFER_HIGH = 89,
  /**
   * The number of waiting bytes at which a client that was above BW_OPT_SEND_BUFFER_HIGH is
   * reported as drained.
   * Takes a whole number from 0 to 4294967295 (bytes).
   * Type int; default 1048576; in JSON "engine.sendBufferLow".
   */
  BW_OPT_SEND_BUFFER_LOW = 90,
  /**
   * What happens to a packet for a client whose send buffer is full.
   * Takes one of "error", "drop", "disconnect"; as a number, a BW_FULL_* constant.
   * Type int; default error; in JSON "engine.sendBufferPolicy".
   */
  BW_OPT_SEND_BUFFER_POLICY = 91,
  /**
   * How many connections the operating system queues before they are accepted.
   * Takes a whole number from 1 to 65535.
   * Type int; default 1024; in JSON "engine.backlog".
   */
  BW_OPT_BACKLOG = 92,
  /**
   * Whether small writes are sent at once (TCP_NODELAY).
   * Takes true or false.
   * Type bool; default true; in JSON "engine.tcpNodelay".
   */
  BW_OPT_TCP_NODELAY = 93,
  /**
   * Whether several processes may listen on one port (SO_REUSEPORT).
   * Takes true or false.
   * Type bool; default false; in JSON "engine.reusePort".
   */
  BW_OPT_REUSE_PORT = 94,
  /**
   * How many proxies in front of the server are trusted to report the client's address in
   * X-Forwarded-For.
   * Takes a whole number from 0 to 255.
   * Type int; default 0; in JSON "engine.trustProxy".
   */
  BW_OPT_TRUST_PROXY = 95,
  /**
   * The time within which the host has to answer a question before it counts as refused.
   * Takes a whole number from 0 to 2147483647 (milliseconds; 0 = the connectTimeout).
   * Type int; default 0; in JSON "engine.deferredTimeout".
   */
  BW_OPT_DEFERRED_TIMEOUT = 96,
  /**
   * The path at which metrics are served. An empty text serves none.
   * Takes nothing, or a path that begins with "/", of visible ASCII characters other than "?"
   * and "#".
   * Type str; default an empty text; in JSON "engine.metricsPath".
   */
  BW_OPT_METRICS_PATH = 97,
  /**
   * The number of threads for callbacks, if callbacks run on threads of the library.
   * Takes a whole number from 0 to 1024 (0 = automatic).
   * Type int; default 0; in JSON "engine.callbackThreads".
   */
  BW_OPT_CALLBACK_THREADS = 98,
  /**
   * The protocol of the sessions: Socket.IO, or plain Engine.IO.
   * Takes one of "socket.io", "engine.io".
   * Type str; default socket.io; in JSON "engine.protocol".
   */
  BW_OPT_PROTOCOL = 99,
  /**
   * How many packets the body of one POST may contain; a body with more is answered with status
   * 413. There is no limit by default, because clients send all that they have buffered while
   * offline in one body.
   * Takes a whole number from 0 to 2147483647 (0 = no limit).
   * Type int; default 0; in JSON "engine.maxPacketsPerPayload".
   */
  BW_OPT_MAX_PACKETS_PER_PAYLOAD = 100,
  /**
   * How many frames one WebSocket message may consist of.
   * Takes a whole number from 1 to 1000000.
   * Type int; default 1024; in JSON "engine.maxFragments".
   */
  BW_OPT_MAX_FRAGMENTS = 101,
  /**
   * How many namespaces one connection may join.
   * Takes a whole number from 1 to 1000000.
   * Type int; default 64; in JSON "engine.maxNamespaces".
   */
  BW_OPT_MAX_NAMESPACES = 102,
  /**
   * How many acknowledgements one client may owe, and how many a host in C may leave unanswered
   * for one socket.
   * Takes a whole number from 1 to 100000000.
   * Type int; default 16384; in JSON "engine.maxPendingAcks".
   */
  BW_OPT_MAX_PENDING_ACKS = 103,
  /**
   * The time within which a WebSocket message or binary packet has to be complete after its
   * first byte.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 60000; in JSON "engine.messageTimeout".
   */
  BW_OPT_MESSAGE_TIMEOUT = 104,
  /**
   * The time within which the head of a request has to be complete.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 10000; in JSON "engine.headerTimeout".
   */
  BW_OPT_HEADER_TIMEOUT = 105,
  /**
   * The time within which the body of a request has to be complete.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 30000; in JSON "engine.bodyTimeout".
   */
  BW_OPT_BODY_TIMEOUT = 106,
  /**
   * The time after which a closing session is dropped, even if the client has not confirmed the
   * close.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 30000; in JSON "engine.closeTimeout".
   */
  BW_OPT_CLOSE_TIMEOUT = 107,
  /**
   * How many header fields one request may have.
   * Takes a whole number from 1 to 10000.
   * Type int; default 100; in JSON "engine.maxHeaders".
   */
  BW_OPT_MAX_HEADERS = 108,
  /**
   * How many rooms one socket may be in. There is no limit by default, because only the host can
   * join rooms.
   * Takes a whole number from 0 to 2147483647 (0 = no limit).
   * Type int; default 0; in JSON "engine.maxRooms".
   */
  BW_OPT_MAX_ROOMS = 109,
  /**
   * How many bytes may wait to be sent to one client that keeps reading; above it
   * BW_OPT_SEND_BUFFER_POLICY applies. BW_OPT_SEND_BUFFER_HIGH is used if it is larger.
   * Takes a whole number from 1 to 4294967295 (bytes).
   * Type int; default 67108864; in JSON "engine.sendBufferMax".
   */
  BW_OPT_SEND_BUFFER_MAX = 110,
  /**
   * How long a client with more than BW_OPT_SEND_BUFFER_HIGH waiting bytes may read nothing
   * before BW_OPT_SEND_BUFFER_POLICY applies.
   * Takes a whole number from 0 to 2147483647 (milliseconds; 0 = the policy decides at
   * sendBufferHigh).
   * Type int; default 5000; in JSON "engine.sendBufferGrace".
   */
  BW_OPT_SEND_BUFFER_GRACE = 111,
  /**
   * The time after which a client that reads nothing of what waits for it is disconnected, even
   * if it answers pings.
   * Takes a whole number from 0 to 2147483647 (milliseconds; 0 = pingInterval + pingTimeout).
   * Type int; default 0; in JSON "engine.sendTimeout".
   */
  BW_OPT_SEND_TIMEOUT = 112,
  /**
   * The size of the largest auth payload of a CONNECT packet, which is kept as long as the
   * socket lives.
   * Takes a whole number from 2 to 1073741824 (bytes).
   * Type int; default 65536; in JSON "engine.maxAuthBytes".
   */
  BW_OPT_MAX_AUTH_BYTES = 113,
  /**
   * The time after which a WebSocket that has violated the protocol is dropped, even if the
   * client has not confirmed the close; at most BW_OPT_CLOSE_TIMEOUT.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 2000; in JSON "engine.errorCloseTimeout".
   */
  BW_OPT_ERROR_CLOSE_TIMEOUT = 114,
  /**
   * The time within which a client has to read some of an HTTP response before its connection is
   * dropped.
   * Takes a whole number from 1 to 2147483647 (milliseconds).
   * Type int; default 30000; in JSON "engine.writeTimeout".
   */
  BW_OPT_WRITE_TIMEOUT = 117,
  /**
   * Whether to refuse requests, WebSockets included, of pages whose origin is neither the
   * requested host nor allowed by BW_OPT_CORS.
   * Takes true or false.
   * Type bool; default false; in JSON "engine.checkOrigin".
   */
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
  /** Server: an error that no call can return; its message in name. */
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
  /** The text of the line. */
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
   * Sockets that are in at least one of these rooms, each once; none = the whole namespace. The public id of a
   * socket is a room with that socket in it.
   */
  const struct bw_str *rooms;
  /** How many rooms. */
  size_t n_rooms;
  /** Sockets in any of these rooms are left out. */
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

/* ---- Version ---------------------------------------------------------------------
 * The library's version and features, and giving memory back.
 */

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

/* ---- Errors ----------------------------------------------------------------------
 * Names and texts of statuses, and the message of the last error.
 */

/** [signal] The name of a status: "BW_E_GONE". Never NULL; static. */
BW_API const char *bw_status_name(bw_status status);

/** [signal] What a status means, in words: "the object is gone". Never NULL; static. */
BW_API const char *bw_status_text(bw_status status);

/**
 * [any] The message of the last failed call on this thread. Never NULL; valid until the next
 * failing call on this thread. Success does not clear them.
 */
BW_API const char *bw_last_error(void);

/** [any] The status of that call, or BW_OK. */
BW_API bw_status bw_last_error_code(void);

/* ---- Log -------------------------------------------------------------------------
 * Log lines of the library, given to one callback of the process.
 */

/**
 * [any] Where the log goes; one callback for the whole process. fn NULL or level BW_LOG_OFF turns
 * it off, as it is at first. The old callback's drop runs when its last call has returned.
 */
BW_API
bw_status bw_log_set(int32_t level,
                     bw_log_fn fn,
                     void *user,
                     bw_drop_fn drop);

/* ---- Options ---------------------------------------------------------------------
 * The configuration of a server, set by number or as JSON.
 */

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

/* ---- Servers ---------------------------------------------------------------------
 * Creating, listening, statistics, closing and freeing.
 */

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
 * [any] Makes the server's listeners answer GET and HEAD of exactly this path with these
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

/* ---- Polling ---------------------------------------------------------------------
 * Taking events on a thread of the host (BW_DELIVER_POLLED).
 */

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

/* ---- Wake-up ---------------------------------------------------------------------
 * Ending a wait in bw_server_poll, also from a signal handler.
 */

/**
 * [signal] Makes a waiting bw_server_poll return early. Does nothing in the other deliveries. It
 * leaves no words for bw_last_error.
 */
BW_API
bw_status bw_server_wakeup(bw_server server);

/* ---- Namespaces ------------------------------------------------------------------
 * Creating and finding namespaces.
 */

/**
 * [any] The namespace of that name, "/" or "/chat"; made on first use. BW_E_NAME when no client
 * could ask for it. An Engine.IO server has only "/".
 */
BW_API bw_status bw_nsp_get(bw_server server, struct bw_str name, bw_nsp *out);

/* ---- Listening -------------------------------------------------------------------
 * Callbacks for the events of a server, namespace or socket.
 */

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

/* ---- Questions -------------------------------------------------------------------
 * Answering a question, at once or later, on any thread.
 */

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

/* ---- Messages --------------------------------------------------------------------
 * Keeping the message of an event, and reading values in it.
 */

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

/* ---- Cursors ---------------------------------------------------------------------
 * Iterating over the elements of an array or object.
 */

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

/* ---- Arguments -------------------------------------------------------------------
 * Writing arguments without a JSON library.
 */

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

/* ---- Sending ---------------------------------------------------------------------
 * Events, acknowledgements, broadcasts, and rooms of sockets.
 */

/**
 * [any] Queues the event for all sockets of the target and returns. One socket: BW_E_GONE when it
 * has left, BW_E_FULL over BW_OPT_SEND_BUFFER_HIGH. Broadcasts: BW_OK also when the target is empty.
 * Two emits of one thread to one socket arrive in that order.
 */
BW_API
bw_status bw_emit(const struct bw_target *to,
                  const struct bw_payload *payload);

/** [any] The same for a message, which is not checked or encoded again. */
BW_API bw_status bw_emit_message(const struct bw_target *to, const struct bw_message *msg);

/** [any] Shorthand: an event to one socket. */
BW_API bw_status bw_socket_emit(bw_socket socket, struct bw_str event, struct bw_str args);

/** [any] Shorthand: an event to all sockets in a room; an empty room is the whole namespace. */
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

/** [any] All sockets of the target join the rooms. */
BW_API bw_status bw_join(const struct bw_target *to, const struct bw_str *rooms, size_t n);

/** [any] All sockets of the target leave the rooms. */
BW_API bw_status bw_leave(const struct bw_target *to, const struct bw_str *rooms, size_t n);

/**
 * [any] Disconnects all sockets of the target from the namespace; close_transport not 0: out of all
 * namespaces, and closes the connection. One socket: BW_E_GONE when it has left.
 */
BW_API
bw_status bw_disconnect(const struct bw_target *to,
                        int close_transport);

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

/* ---- Operations ------------------------------------------------------------------
 * Cancelling what has a callback for its outcome.
 */

/** [any] Ends an operation early: its callback is told BW_E_CANCELLED, unless it has ended. */
BW_API bw_status bw_op_cancel(bw_op op);

/* ---- Sockets ---------------------------------------------------------------------
 * Properties of a socket, its rooms, data and disconnection.
 */

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

/* ---- Handshakes ------------------------------------------------------------------
 * What the client sent when it connected.
 */

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
/* All sockets of a namespace, or one socket. */
static inline bw_target bw_to(bw_scope nsp_or_socket) {
  bw_target t = BW_TARGET_INIT;
  t.scope = nsp_or_socket;
  return t;
}
/* All sockets in at least one of these rooms. */
static inline bw_target bw_to_rooms(bw_nsp nsp, const bw_str *rooms, size_t n) {
  bw_target t = BW_TARGET_INIT;
  t.scope = nsp;
  t.rooms = rooms;
  t.n_rooms = n;
  return t;
}
/* All sockets of the sender's namespace except the sender. */
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
