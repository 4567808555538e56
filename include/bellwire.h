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
 * Statuses   The description of each function that returns a bw_status or a
 *            count ends with a list of all statuses that it can return.  The
 *            common statuses are BW_E_INTERNAL and BW_E_PANIC, which report a
 *            bug in the library, and BW_E_REENTRANT in a log callback.  If the
 *            description does not say more, BW_E_HANDLE, BW_E_GONE and
 *            BW_E_FORKED are about an id that the call takes, BW_E_ALREADY
 *            about a bw_ack or bw_deferred, BW_E_ARG about a NULL or misaligned
 *            pointer or an unknown flag, BW_E_ABI about the size of a struct,
 *            BW_E_UTF8 and BW_E_JSON about text, BW_E_TOO_BIG about a length
 *            that no memory has or more than 1000 levels of JSON, and BW_E_FULL
 *            about the ids of the process: none is left.
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
 * and n_bins.  Fields that are not listed are 0, NULL or empty; x? and field?
 * may be: the socket of ROOM_JOINED and ROOM_LEFT when it has left, nsp and
 * socket of ACKED for a broadcast.
 *
 *   BW_EV_             nsp socket  name       other fields
 *   ALLOW_REQUEST      -   -       -          handshake deferred
 *   HEADERS            -   -       -          handshake deferred
 *   MIDDLEWARE         x   x       -          handshake deferred
 *   PACKET_MIDDLEWARE  x   x       event      message deferred
 *   CONNECTION         x   x       -          handshake
 *   MESSAGE            x   x       event      message ack?
 *   OUTGOING           x   x       event      message
 *   DISCONNECTING      x   x       reason     code (bw_reason) cause?
 *   DISCONNECT         x   x       reason     code (bw_reason) cause?
 *   UPGRADE            x   x       transport  code (BW_TR_*)
 *   DRAIN              x   x       -          -
 *   DROPPED            x   x       -          code (messages)
 *   NEW_NAMESPACE      x   -       -          -
 *   ROOM_CREATED       x   -       room       -
 *   ROOM_DELETED       x   -       room       -
 *   ROOM_JOINED        x   x?      room       args ["<socket id>"]
 *   ROOM_LEFT          x   x?      room       args ["<socket id>"]
 *   CONNECTION_ERROR   -   -       message    code? args handshake
 *   FAULT              -   -       message    status
 *   SHUTDOWN           -   -       -          -
 *   ACKED              x?  x?      -          op status? replies?
 *   SOCKETS            -   -       -          op status? sockets?
 *
 * bw_server_next returns every event in the table.  These exist only while a
 * listener for their type is registered with bw_on, which bw_server_next does
 * not call:
 *
 * ALLOW_REQUEST, HEADERS, MIDDLEWARE, PACKET_MIDDLEWARE, OUTGOING, UPGRADE,
 * DRAIN, DROPPED, NEW_NAMESPACE, ROOM_CREATED, ROOM_DELETED, ROOM_JOINED,
 * ROOM_LEFT, CONNECTION_ERROR
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
  /** Errors. */
  BW_LOG_ERROR = 1,
  /** Warnings. */
  BW_LOG_WARN = 2,
  /** Events of servers. */
  BW_LOG_INFO = 3,
  /** Events of connections. */
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
   * 413. Unlimited by default, because clients send all that they have buffered while offline in
   * one body.
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
   * How many rooms one socket may be in. Unlimited by default, because only the host can join
   * rooms.
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

/**
 * The types of events. Each comment begins with the objects on which bw_on takes the type; questions
 * wait for bw_deferred_accept or bw_deferred_reject.
 */
typedef enum bw_event_values {
  /** Not an event. */
  BW_EV_NONE = 0,
  /** Question, server: a handshake or upgrade request has arrived, with its data in handshake. */
  BW_EV_ALLOW_REQUEST = 1,
  /** Question, nsp: a client asks to connect to the namespace, with its data in handshake. */
  BW_EV_MIDDLEWARE = 3,
  /**
   * Question, nsp or socket: a client has sent an event, which BW_EV_MESSAGE delivers if this is
   * accepted.
   */
  BW_EV_PACKET_MIDDLEWARE = 4,
  /**
   * Question, server: a response is about to be sent; bw_deferred_set_header adds headers. See
   * BW_EVF_INITIAL.
   */
  BW_EV_HEADERS = 5,
  /** Nsp or server: a socket has connected. */
  BW_EV_CONNECTION = 10,
  /** Nsp or socket: a client has sent an event. */
  BW_EV_MESSAGE = 11,
  /**
   * Server, nsp or socket: a socket disconnects and is still in its rooms. The reason is in code and
   * name.
   */
  BW_EV_DISCONNECTING = 12,
  /** Server, nsp or socket: a socket has disconnected; its last event. The reason is in code and name. */
  BW_EV_DISCONNECT = 13,
  /** Nsp or socket: an event is about to be sent to the socket. */
  BW_EV_OUTGOING = 14,
  /**
   * Server, nsp or socket: the connection has changed its transport, which is in name and, as
   * BW_TR_*, in code.
   */
  BW_EV_UPGRADE = 15,
  /** Server, nsp or socket: the send buffer was full and is below BW_OPT_SEND_BUFFER_LOW again. */
  BW_EV_DRAIN = 16,
  /**
   * Server, nsp or socket: messages to a socket, broadcasts included, were refused or dropped because
   * its send buffer is full. code is their number since the last such event. Sent for the first
   * message, and then at most once a second.
   */
  BW_EV_DROPPED = 17,
  /** Server: a namespace was created. */
  BW_EV_NEW_NAMESPACE = 20,
  /** Nsp: a room got its first member. The room is in name. */
  BW_EV_ROOM_CREATED = 21,
  /** Nsp: a room lost its last member. The room is in name. */
  BW_EV_ROOM_DELETED = 22,
  /** Nsp: a socket joined a room. The room is in name, ["<socket id>"] in args. */
  BW_EV_ROOM_JOINED = 23,
  /** Nsp: a socket left a room. The room is in name, ["<socket id>"] in args. */
  BW_EV_ROOM_LEFT = 24,
  /**
   * Server: a request was refused. code is Engine.IO's error code (0 to 5) and name its message. args
   * is [context]: an object that has those of the members name, sid, transport, previousTransport,
   * protocol, previousProtocol, method and origin that are known.
   */
  BW_EV_CONNECTION_ERROR = 26,
  /**
   * Server: an error outside of any call, for example in accepting connections. The message is in
   * name.
   */
  BW_EV_FAULT = 27,
  /** Server: the graceful stop has ended; the last event. */
  BW_EV_SHUTDOWN = 28,
  /** For the callback of bw_emit_ack: the outcome, with status and replies. */
  BW_EV_ACKED = 40,
  /** For the callback of bw_fetch_sockets: the outcome, with status and sockets. */
  BW_EV_SOCKETS = 41,
} bw_event_values;

/** The bits of bw_event.flags. */
typedef enum bw_event_flags {
  /** CONNECTION: the state of an earlier connection was recovered. (Never in this version.) */
  BW_EVF_RECOVERED = 1,
  /** HEADERS: the first response of the session. */
  BW_EVF_INITIAL = 2,
  /** n_bins is not 0. */
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

/** The kind of a bw_cause. */
typedef enum bw_cause_kind {
  /** A limit that an option sets was exceeded. */
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
  /** Added before the other listeners of its list. */
  BW_LISTEN_PREPEND = 2,
} bw_listen_flags;

/** The types of values. */
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
  /** Only sockets of this server. Has no effect in this version, which has one server. */
  BW_TO_LOCAL = 1,
  /** Drops the message for clients whose connection is not ready to send. */
  BW_TO_VOLATILE = 2,
  /** The message should be compressed. Has no effect in this version. */
  BW_TO_COMPRESS = 4,
  /** The message should not be compressed. */
  BW_TO_NO_COMPRESS = 8,
} bw_target_flags;

/** The bits of bw_payload.flags. */
typedef enum bw_payload_flags {
  /**
   * Set by bw_args_payload: the placeholders were written by a bw_args and are not checked. Other
   * objects that have the form of a placeholder are data.
   */
  BW_PAYLOAD_WRITTEN = 1,
} bw_payload_flags;

/** The bits of bw_args_allow. */
typedef enum bw_args_flags {
  /**
   * Text that is not UTF-8, for example because it was cut inside a character, is written with
   * U+FFFD in place of the invalid bytes. Without this flag, such text is a mistake.
   */
  BW_ARGS_REPLACE_TEXT = 1,
  /**
   * NaN and the infinities are written as null, as by JSON.stringify. Without this flag, they are
   * mistakes.
   */
  BW_ARGS_NULL_NUMBERS = 2,
} bw_args_flags;

/** The numbers of a socket. */
typedef enum bw_socket_keys {
  /** 1 while the socket is connected, otherwise 0. */
  BW_SK_CONNECTED = 1,
  /** The bw_nsp of the socket. */
  BW_SK_NSP = 2,
  /** BW_TR_POLLING or BW_TR_WEBSOCKET. */
  BW_SK_TRANSPORT = 3,
  /** The revision of Engine.IO. */
  BW_SK_PROTOCOL = 4,
  /** The number of bytes in the send buffer of the client. */
  BW_SK_BUFFERED_BYTES = 5,
  /** The last round trip of ping and pong in microseconds, or 0 before the first. */
  BW_SK_RTT_US = 6,
  /** 1 when the state of an earlier connection was recovered. (Never in this version.) */
  BW_SK_RECOVERED = 7,
  /** The bw_server of the socket. */
  BW_SK_SERVER = 8,
} bw_socket_keys;

/** The parts of a handshake. */
typedef enum bw_hs_keys {
  /** Text: the socket's public id. BW_E_NOT_FOUND before the socket exists. */
  BW_HS_SID = 1,
  /** Text: the namespace. BW_E_NOT_FOUND before the socket exists. */
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
  /** Text: the auth data that the client sent when it connected, a JSON object. */
  BW_HS_AUTH_JSON = 8,
  /** Text: the method of the request. */
  BW_HS_METHOD = 9,
  /** Number: 1 when the connection is encrypted. */
  BW_HS_SECURE = 20,
  /** Number: 1 if the request has an Origin header, as requests of a page of another origin have. */
  BW_HS_XDOMAIN = 21,
  /** Number: when the socket connected, in milliseconds since 1970. */
  BW_HS_ISSUED_MS = 22,
  /** Number: the revision of Engine.IO. */
  BW_HS_PROTOCOL = 23,
  /** Number: the client's port. */
  BW_HS_PORT = 24,
} bw_hs_keys;

/**
 * Writes the arguments of an event or an acknowledgement. Belongs to the caller; may be used by one
 * thread at a time. The writer records its first mistake and ignores calls until bw_args_clear;
 * bw_args_payload returns the mistake, so one check at the end is enough.
 */
typedef struct bw_args bw_args;

/** The options of a server. Belongs to the caller; may be used by one thread at a time. */
typedef struct bw_config bw_config;

/** The data that a client connected with. Immutable, reference-counted and usable on any thread. */
typedef struct bw_handshake bw_handshake;

/** An event's name, arguments and binaries. Immutable, reference-counted and usable on any thread. */
typedef struct bw_message bw_message;

/** Bytes that the caller owns, followed by a NUL that len does not count. Free them with bw_buf_free. */
typedef struct bw_buf {
  /** The first byte. */
  char *data;
  /** The number of bytes. */
  size_t len;
  /** For the library's use. */
  void *impl;
} bw_buf;

/** UTF-8 text with a length in bytes; a terminator is not needed. NULL with length 0 is the empty text. */
typedef struct bw_str {
  /** The first byte. */
  const char *data;
  /** The number of bytes. */
  size_t len;
} bw_str;

/** A list of texts that the caller owns. Free it with bw_list_free. */
typedef struct bw_list {
  /** The texts, valid until the list is freed. */
  const struct bw_str *items;
  /** The number of texts. */
  size_t n;
  /** For the library's use. */
  void *impl;
} bw_list;

/** 0 for success, negative for an error. */
typedef int32_t bw_status;

/** A server. */
typedef uint64_t bw_server;

/** One line of the log. Valid until the callback returns. */
typedef struct bw_log_record {
  /** The size of the struct in this library. */
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
  /** The time in nanoseconds since 1970. */
  uint64_t unix_ns;
} bw_log_record;

/**
 * Called with a log line, on any thread, and on several threads at once. Only [signal] functions may
 * be called in it.
 */
typedef void (*bw_log_fn)(const struct bw_log_record *rec, void *user);

/** Called once when the library does not need a callback's user pointer any more. */
typedef void (*bw_drop_fn)(void *user);

/** Names an option; see bw_option_values. */
typedef uint32_t bw_option;

/** The description of an option. Its texts are static. */
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

/** Bytes with a length. NULL with length 0 means an empty sequence. */
typedef struct bw_bytes {
  /** The first byte. */
  const uint8_t *data;
  /** The number of bytes. */
  size_t len;
} bw_bytes;

/** The type of an event; see bw_event_values. */
typedef int32_t bw_event_type;

/** A namespace. */
typedef uint64_t bw_nsp;

/** One client in one namespace. */
typedef uint64_t bw_socket;

/** An acknowledgement that a client waits for. */
typedef uint64_t bw_ack;

/** A question that waits for the answer of a listener. */
typedef uint64_t bw_deferred;

/** An operation that has not ended. */
typedef uint64_t bw_op;

/** One acknowledgement of a message sent by bw_emit_ack. */
typedef struct bw_reply {
  /** The size of the struct in this library. */
  uint32_t struct_size;
  /** 0. */
  uint32_t reserved0;
  /** The socket that acknowledged. */
  bw_socket socket;
  /** The arguments of the acknowledgement: a JSON array. */
  struct bw_str args;
  /** The acknowledgement as a message; retain the message to keep it. */
  const struct bw_message *message;
} bw_reply;

/** One result of bw_fetch_sockets. */
typedef struct bw_remote_socket {
  /** The size of the struct in this library. */
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
  /** The number of rooms. */
  size_t n_rooms;
} bw_remote_socket;

/** Which limit, deadline or rule ended a connection, with the numbers. */
typedef struct bw_cause {
  /** The size of the struct in this library. */
  uint32_t struct_size;
  /** BW_CAUSE_* */
  int32_t kind;
  /** A description for people. */
  struct bw_str text;
  /** The JSON name of the option that sets the limit, or empty. */
  struct bw_str option;
  /** The option's value: a number, bytes or milliseconds. */
  uint64_t limit;
  /** The number that was compared with the limit; 0 when it is not known. */
  uint64_t seen;
} bw_cause;

/**
 * An event. All its pointers are borrowed: they are valid until the callback returns or, with
 * bw_server_next, until the next bw_server_next or bw_server_poll.
 */
typedef struct bw_event {
  /** The size of the struct in this library; newer fields come last. */
  uint32_t struct_size;
  /** BW_EV_* */
  bw_event_type type;
  /** ACKED, SOCKETS: the outcome. FAULT: the kind of the error. */
  bw_status status;
  /** A number whose meaning depends on the type. */
  int32_t code;
  /** BW_EVF_* bits. */
  uint32_t flags;
  /** The number of elements of args. */
  uint32_t n_args;
  /** The server. */
  bw_server server;
  /** The namespace, or 0. */
  bw_nsp nsp;
  /** The socket, or 0. */
  bw_socket socket;
  /** MESSAGE: not 0 if the client waits for an acknowledgement. */
  bw_ack ack;
  /** Questions: the id by which the question is answered. */
  bw_deferred deferred;
  /** ACKED, SOCKETS: the operation that has ended. */
  bw_op op;
  /** The time of the event on CLOCK_MONOTONIC, in nanoseconds. */
  uint64_t mono_ns;
  /** The namespace's name. */
  struct bw_str nsp_name;
  /**
   * The event name, room, reason, transport or error message. A lone surrogate in the JSON of an event
   * name cannot be UTF-8 and becomes U+FFFD; if the message is sent on, it is sent unchanged.
   */
  struct bw_str name;
  /** A JSON array as on the wire; binaries are {"_placeholder":true,"num":i}. */
  struct bw_str args;
  /** The binaries. */
  const struct bw_bytes *bins;
  /** The number of binaries. */
  size_t n_bins;
  /** The socket's user pointer. */
  void *user;
  /** Connection events and questions: the handshake; retain the handshake to keep it. */
  const struct bw_handshake *handshake;
  /** Name, arguments and binaries as a message. To keep the message, keep what bw_message_retain returns. */
  const struct bw_message *message;
  /** ACKED: the acknowledgements, in the order of arrival. */
  const struct bw_reply *const *replies;
  /** The number of acknowledgements. */
  size_t n_replies;
  /** SOCKETS: the sockets of the target. */
  const struct bw_remote_socket *const *sockets;
  /** The number of sockets. */
  size_t n_sockets;
  /** DISCONNECTING, DISCONNECT: details of the reason, or NULL. */
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
 * A binary attachment to send. If free_fn is NULL, the bytes are copied during the call. Otherwise
 * they are used in place, and free_fn(free_user) is called exactly once, on any thread, after their
 * last use, also if the call fails. It is not called if the call cannot read the blob: for a NULL
 * payload, a wrong struct_size, or more than 1048576 blobs.
 */
typedef struct bw_blob {
  /** The first byte. */
  const void *data;
  /** The number of bytes. */
  size_t len;
  /** The function that frees the bytes, or NULL. */
  bw_free_fn free_fn;
  /** The argument of free_fn. */
  void *free_user;
} bw_blob;

/** An event to send. Initialise it with BW_PAYLOAD_INIT or bw_payload_of. */
typedef struct bw_payload {
  /** sizeof(bw_payload) */
  uint32_t struct_size;
  /** BW_PAYLOAD_* bits. */
  uint32_t flags;
  /** The event's name; not used for an acknowledgement. */
  struct bw_str event;
  /**
   * The arguments: the text of a JSON array, or empty for no arguments. Each binary has a placeholder
   * {"_placeholder":true,"num":i}, where i is its index.
   */
  struct bw_str args;
  /** The binaries. */
  const struct bw_blob *bins;
  /** The number of binaries. */
  size_t n_bins;
} bw_payload;

/** A value in a message or handshake. Its pointers are valid as long as that object. */
typedef struct bw_value {
  /** BW_V_* */
  int32_t type;
  /** BOOL: 1 or 0. */
  int32_t b;
  /** INT; also NUMBER without a fraction, if it fits. */
  int64_t i;
  /** INT and NUMBER; infinite if the number is beyond the range of a double, as 1e999 is. */
  double f;
  /** STRING: the decoded text. A lone surrogate cannot be UTF-8 and becomes U+FFFD. */
  struct bw_str s;
  /** BINARY: the bytes. */
  struct bw_bytes bin;
  /** The JSON text of the value. */
  struct bw_str json;
  /** ARRAY, OBJECT: the number of elements or members. */
  size_t n;
  /** INT; also NUMBER without a fraction. For numbers above INT64_MAX; 0 if the number does not fit. */
  uint64_t u;
} bw_value;

/**
 * A position in an array or object. Belongs to the caller, for example as a local variable; does
 * not need to be freed. It is valid as long as its message or handshake, and may be copied. Only
 * the library changes its fields.
 */
typedef struct bw_cursor {
  /** In an object: the name of the member, decoded like bw_value.s. Empty in an array. */
  struct bw_str key;
  /** The number of the element or member, counted from 0. */
  size_t index;
  /** The text that follows the value. */
  struct bw_str rest;
  /** BW_V_ARRAY or BW_V_OBJECT. */
  int32_t type;
  /** 0 */
  uint32_t reserved0;
  /** The message that has the text, or NULL. */
  const struct bw_message *msg;
  /** The handshake that has the text, or NULL. */
  const struct bw_handshake *hs;
} bw_cursor;

/**
 * The sockets that a call is about. Initialise it with BW_TARGET_INIT or one of bw_to, bw_to_rooms
 * and bw_broadcast_from. Fields that are 0 or NULL have no effect.
 */
typedef struct bw_target {
  /** sizeof(bw_target) */
  uint32_t struct_size;
  /** BW_TO_* bits. */
  uint32_t flags;
  /** A namespace, or one socket; 0 means the namespace of sender. */
  bw_scope scope;
  /** This socket is excluded, as by socket.broadcast. */
  bw_socket sender;
  /**
   * Selects the sockets that are in at least one of these rooms, each once; without rooms, all
   * sockets of the namespace. The public id of a socket is a room that has only that socket.
   */
  const struct bw_str *rooms;
  /** The number of rooms. */
  size_t n_rooms;
  /** Sockets in any of these rooms are excluded. */
  const struct bw_str *except;
  /** The number of rooms in except. */
  size_t n_except;
  /**
   * bw_emit_ack: the timeout in milliseconds. 0 means no timeout for one socket, and is an error
   * for a broadcast.
   */
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

/** [signal] Returns the version of the loaded library: "0.1.0". Never NULL; static. */
BW_API const char *bw_version(void);

/**
 * [signal] Returns the version of the loaded library as a number; compare it with
 * BW_VERSION_NUMBER.
 */
BW_API uint32_t bw_version_number(void);

/** [signal] Returns the ABI number of the loaded library, which must equal BW_ABI_VERSION. */
BW_API uint32_t bw_abi_version(void);

/**
 * [any] Returns 1 if this build has the feature, "unix" or "websocket", and 0 for any other name.
 * name ends with a NUL.
 */
BW_API
int bw_has_feature(const char *name);

/**
 * [one] Frees the memory of a bw_buf and empties the variable. Does nothing for NULL or an empty
 * bw_buf.
 */
BW_API
void bw_buf_free(struct bw_buf *buf);

/**
 * [one] Frees the memory of a bw_list and empties the variable. Does nothing for NULL or an empty
 * bw_list.
 */
BW_API
void bw_list_free(struct bw_list *list);

/* ---- Errors ----------------------------------------------------------------------
 * Names and texts of statuses, and the message of the last error.
 */

/**
 * [signal] Returns the name of a status, for example "BW_E_GONE", or "BW_E_UNKNOWN". Never NULL;
 * static.
 */
BW_API
const char *bw_status_name(bw_status status);

/** [signal] Returns the meaning of a status, for example "the object is gone". Never NULL; static. */
BW_API
const char *bw_status_text(bw_status status);

/**
 * [any] Returns the message of the last failed call of this thread, or "". Never NULL; valid until
 * the next failing call of this thread. A successful call does not clear the message.
 */
BW_API
const char *bw_last_error(void);

/**
 * [any] Returns BW_OK if no call of this thread has failed yet, and otherwise the status of the
 * last failed call.
 */
BW_API bw_status bw_last_error_code(void);

/* ---- Log -------------------------------------------------------------------------
 * Log lines of the library, given to one callback of the process.
 */

/**
 * [any] Sets the log callback of the process and the most detailed level (BW_LOG_*) that the
 * callback gets. fn NULL or level BW_LOG_OFF turns the log off, which is the default. The drop
 * function of the previous callback runs when its last call has returned. BW_E_STATE: Rust code of
 * the process has set a tracing subscriber of its own.
 * Returns BW_OK, BW_E_ARG, BW_E_STATE or a common status.
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
 * [any] Called by bw_config_new: creates a configuration with the default values. Free the
 * configuration with bw_config_free. Returns NULL, with the status BW_E_ABI in bw_last_error_code,
 * if the header and the library do not match.
 */
BW_API
struct bw_config *bw_config_new_checked(uint32_t abi,
                                        uint32_t header_version);

/** [one] Frees a configuration and sets *config to NULL. Does nothing for NULL. */
BW_API void bw_config_free(struct bw_config **config);

/**
 * [one] Sets an option of the type bool (0 or 1), int, bits or enum. BW_E_UNSUPPORTED: this
 * version does not have the option or the value.
 * Returns BW_OK, BW_E_ARG, BW_E_OPTION, BW_E_UNSUPPORTED or a common status.
 */
BW_API bw_status bw_config_set_int(struct bw_config *config, bw_option option, int64_t value);

/**
 * [one] Sets an option of the type str or json, or an enum by its name. BW_E_UNSUPPORTED: this
 * version does not have the option or the value.
 * Returns BW_OK, BW_E_ARG, BW_E_OPTION, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG, BW_E_UNSUPPORTED or a
 * common status.
 */
BW_API
bw_status bw_config_set_str(struct bw_config *config,
                            bw_option option,
                            struct bw_str value);

/**
 * [one] Sets all options of a JSON object that has Socket.IO's options, and Bellwire's own options
 * in the member "engine":
 * {"pingInterval":10000,"cors":{"origin":"*"},"engine":{"workerThreads":2}}. Other options keep
 * their values. On an error no option has changed. BW_E_UNSUPPORTED: this version does not have
 * the option or the value.
 * Returns BW_OK, BW_E_ARG, BW_E_OPTION, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG, BW_E_UNSUPPORTED or a
 * common status.
 */
BW_API
bw_status bw_config_set_json(struct bw_config *config,
                             struct bw_str json);

/**
 * [one] Sets *out to a JSON object with the values of all options, in the form that
 * bw_config_set_json takes. Free *out with bw_buf_free.
 * Returns BW_OK, BW_E_ARG or a common status.
 */
BW_API bw_status bw_config_get_json(const struct bw_config *config, struct bw_buf *out);

/**
 * [any] For tools: sets *out to the description of the option with this index. Indices begin at 0;
 * BW_E_NOT_FOUND: index is past the last option. info_size is sizeof(bw_option_info).
 * Returns BW_OK, BW_E_ARG, BW_E_ABI, BW_E_NOT_FOUND or a common status.
 */
BW_API
bw_status bw_option_info_get(uint32_t index,
                             struct bw_option_info *out,
                             size_t info_size);

/* ---- Servers ---------------------------------------------------------------------
 * Creating, listening, statistics, closing and freeing.
 */

/**
 * [any] Creates a server and starts its threads; the server does not listen yet. config is copied;
 * NULL means the default values. Free the server with bw_server_free. BW_E_OPTION: two options
 * contradict each other. BW_E_FULL: the process has no ids left, or 1024 servers.
 * Returns BW_OK, BW_E_ARG, BW_E_OPTION, BW_E_FORKED, BW_E_FULL, BW_E_IO, BW_E_ACCESS or a common
 * status.
 */
BW_API
BW_NODISCARD
bw_status bw_server_new(const struct bw_config *config,
                        bw_server *out);

/**
 * [any] Listens on a TCP address; can be called more than once. host is an IP address,
 * "localhost", or "" for all interfaces; other host names are not resolved and return BW_E_ARG.
 * port 0 picks a free port. *bound_port is set to the port; bound_port is optional. BW_E_STATE:
 * the server is closing.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_FORKED, BW_E_IO, BW_E_ADDR_IN_USE, BW_E_ACCESS or a common status.
 */
BW_API
bw_status bw_server_listen_tcp(bw_server server,
                               struct bw_str host,
                               uint16_t port,
                               uint16_t *bound_port);

/**
 * [any] Listens on a Unix domain socket. mode is the permissions of its file, 0 for those of the
 * umask. A socket file on which no process listens is replaced. BW_E_STATE: the server is closing.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_FORKED, BW_E_IO, BW_E_ADDR_IN_USE, BW_E_ACCESS or a common status.
 */
BW_API
bw_status bw_server_listen_unix(bw_server server,
                                struct bw_str path,
                                uint32_t mode);

/**
 * [any] Listens on a stream socket that is bound and listening, for example one inherited from a
 * service manager. If the call returns BW_OK, the library owns fd; otherwise the caller still
 * does. BW_E_ARG: fd is not such a socket. BW_E_STATE: the server is closing.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_server_listen_fd(bw_server server,
                              bw_fd fd);

/**
 * [any] Answers GET and HEAD requests for exactly this path with these bytes, which are copied.
 * body.data NULL removes the path. Requests for any other path that is not an endpoint of the
 * server are answered with 404. BW_E_ARG: the path does not begin with a slash or is under the
 * server's endpoint, or content_type is not a valid header value.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED or a
 * common status.
 */
BW_API
bw_status bw_server_serve(bw_server server,
                          struct bw_str path,
                          struct bw_str content_type,
                          struct bw_bytes body);

/**
 * [any] Begins a graceful stop: stops accepting connections, disconnects every client after its
 * queued messages are sent, and drops the connections that remain after deadline_ms milliseconds.
 * BW_EV_SHUTDOWN is the last event. Another call can only shorten the deadline.
 * Returns BW_OK, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_server_close(bw_server server,
                          uint32_t deadline_ms);

/**
 * [out] Waits until a graceful stop has ended and the callbacks of all its events have returned,
 * at most timeout_ms milliseconds; -1 waits without a limit, and any other negative number returns
 * BW_E_ARG. With BW_DELIVER_POLLED the call polls while it waits; BW_E_BUSY: another thread is
 * polling.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_REENTRANT, BW_E_DEADLOCK, BW_E_BUSY, BW_E_GONE,
 * BW_E_TIMEOUT, BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_server_wait(bw_server server,
                         int32_t timeout_ms);

/**
 * [out] Stops the server at once, waits for running callbacks, runs every drop function, ends the
 * threads and sets *server to 0. No callback runs after the call has returned. Does nothing for
 * NULL or 0. BW_E_BUSY: another thread is polling.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_REENTRANT, BW_E_DEADLOCK, BW_E_BUSY, BW_E_GONE,
 * BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_server_free(bw_server *server);

/**
 * [any] Sets *out to all statistics in the OpenMetrics text format. Free *out with bw_buf_free.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API bw_status bw_server_metrics(bw_server server, struct bw_buf *out);

/**
 * [any] Sets *out to one statistic, for example "clients_count" or "queued_events";
 * bw_server_metrics lists all names. name ends with a NUL. BW_E_NOT_FOUND: no statistic has
 * that name.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_NOT_FOUND, BW_E_GONE, BW_E_FORKED or a
 * common status.
 */
BW_API bw_status bw_server_stat(bw_server server, const char *name, int64_t *out);

/* ---- Polling ---------------------------------------------------------------------
 * Taking events on a thread of the host (BW_DELIVER_POLLED).
 */

/**
 * [poll] Calls the callbacks of queued events on this thread: at most max_events, 0 for all that
 * are queued. If the queue is empty, waits at most timeout_ms milliseconds for an event; 0 does
 * not wait, -1 waits without a limit, and any other negative number returns BW_E_ARG. BW_E_CLOSED:
 * the server has stopped and all its events have been handled. BW_E_STATE: the delivery is not
 * BW_DELIVER_POLLED.
 * Returns the number of handled events, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_REENTRANT,
 * BW_E_BUSY, BW_E_GONE, BW_E_CLOSED, BW_E_FORKED or a common status.
 */
BW_API
int32_t bw_server_poll(bw_server server,
                       uint32_t max_events,
                       int32_t timeout_ms);

/**
 * [poll] Calls the callbacks of queued and arriving events on this thread until CLOCK_MONOTONIC
 * reaches deadline_ns, in nanoseconds like bw_event.mono_ns. For loops with a fixed tick: if the
 * deadline has passed, the call handles the queued events and does not wait. bw_server_wakeup ends
 * the wait early; a signal alone does not. BW_E_CLOSED and BW_E_STATE as for bw_server_poll.
 * Returns the number of handled events, BW_E_HANDLE, BW_E_STATE, BW_E_REENTRANT, BW_E_BUSY,
 * BW_E_GONE, BW_E_CLOSED, BW_E_FORKED or a common status.
 */
BW_API
int32_t bw_server_poll_until(bw_server server,
                             uint64_t deadline_ns);

/**
 * [any] Sets *out to a descriptor that is readable while events are queued (level-triggered), for
 * epoll, select or libuv. Do not read, write or close the descriptor. It is valid until
 * bw_server_free. BW_E_STATE: the delivery is not BW_DELIVER_POLLED.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_GONE, BW_E_FORKED, BW_E_UNSUPPORTED or a
 * common status.
 */
BW_API
bw_status bw_server_poll_fd(bw_server server,
                            bw_fd *out);

/**
 * [poll] Takes the next event from the queue without calling callbacks. Sets *out to the event, or
 * to NULL if none arrived within timeout_ms milliseconds (0 and negative numbers as for
 * bw_server_poll). The event is valid until the next call of this function or of bw_server_poll.
 * ACKED and SOCKETS events are returned too, with their bw_event.op; their callbacks are not
 * called. BW_E_CLOSED and BW_E_STATE as for bw_server_poll..
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_REENTRANT, BW_E_BUSY, BW_E_GONE,
 * BW_E_CLOSED, BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_server_next(bw_server server,
                         int32_t timeout_ms,
                         const struct bw_event **out);

/* ---- Wake-up ---------------------------------------------------------------------
 * Ending a wait in bw_server_poll, also from a signal handler.
 */

/**
 * [signal] Ends the wait of a bw_server_poll, bw_server_poll_until or bw_server_next early. Has no
 * effect if the delivery is not BW_DELIVER_POLLED. Does not change bw_last_error.
 * Returns BW_OK, BW_E_HANDLE, BW_E_GONE or BW_E_FORKED.
 */
BW_API
bw_status bw_server_wakeup(bw_server server);

/* ---- Namespaces ------------------------------------------------------------------
 * Creating and finding namespaces.
 */

/**
 * [any] Sets *out to the namespace of that name, for example "/" or "/chat", and creates it if it
 * does not exist. BW_E_NAME: the name has a comma, a question mark or a control character.
 * BW_E_STATE: the server is an Engine.IO server, which has only "/".
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_NAME, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_nsp_get(bw_server server,
                     struct bw_str name,
                     bw_nsp *out);

/* ---- Listening -------------------------------------------------------------------
 * Callbacks for the events of a server, namespace or socket.
 */

/**
 * [any] Registers a listener: cb is called with each event of this type in scope, until bw_off or
 * until the object of scope is gone. name is the event name for MESSAGE and OUTGOING, and empty
 * for all names and for other types. All listeners of an event are called, those of the server
 * first, then those of the namespace, then those of the socket; among these, listeners for all
 * names come before those for one name. Questions are put to one listener after the other until
 * one rejects. flags are BW_LISTEN_* bits. *out is set to the listener; out is optional. On an
 * error, drop(user) runs before the call returns. BW_E_ARG: the type is not an event of such a
 * scope. BW_E_NAME: name is a reserved event name.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_NAME, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_FORKED, BW_E_FULL or a common status.
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
 * [any] Removes a listener. No call of it starts after this function has returned, but one may
 * still be running on another thread; its drop function runs when that call has returned.
 * Returns BW_OK, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API bw_status bw_off(bw_listener listener);

/* ---- Questions -------------------------------------------------------------------
 * Answering a question, at once or later, on any thread.
 */

/**
 * [any] Answers a question with yes. The question is then put to the next listener; the engine
 * goes on when the last one has accepted. An unanswered question is refused after
 * BW_OPT_DEFERRED_TIMEOUT. If the last listener of MIDDLEWARE gets BW_OK, CONNECTION and later
 * DISCONNECT follow, even if the client leaves first; after an error neither follows.
 * Returns BW_OK, BW_E_HANDLE, BW_E_ALREADY, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API bw_status bw_deferred_accept(bw_deferred d);

/**
 * [any] Answers a question with no. For MIDDLEWARE, the client's connect_error has message and
 * data_json, which is JSON or empty. For ALLOW_REQUEST, code is the HTTP status, from 400 to 599;
 * 0 means the default, and other numbers return BW_E_ARG.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ALREADY, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG,
 * BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_deferred_reject(bw_deferred d,
                             int32_t code,
                             struct bw_str message,
                             struct bw_str data_json);

/**
 * [any] Adds a header to the response that BW_EV_HEADERS is about, before the question is
 * accepted. BW_E_ARG: name or value is not allowed in a header. BW_E_STATE: the question is not
 * BW_EV_HEADERS.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ALREADY, BW_E_UTF8, BW_E_TOO_BIG,
 * BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API bw_status bw_deferred_set_header(bw_deferred d, struct bw_str name, struct bw_str value);

/* ---- Messages --------------------------------------------------------------------
 * Keeping the message of an event, and reading values in it.
 */

/**
 * [any] Creates a message from a payload, which is checked and encoded once, to be sent any number
 * of times. Release *out with bw_message_release.
 * Returns BW_OK, BW_E_ARG, BW_E_ABI, BW_E_UTF8, BW_E_JSON, BW_E_NAME, BW_E_PLACEHOLDER,
 * BW_E_TOO_BIG or a common status.
 */
BW_API
BW_NODISCARD
bw_status bw_message_new(const struct bw_payload *payload,
                         const struct bw_message **out);

/**
 * [any] Adds an owner and returns the message to keep. Keep the RETURNED pointer: for the message
 * of an event it is a copy that outlives the event. Release it with bw_message_release. Returns
 * NULL for NULL.
 */
BW_API
const struct bw_message *bw_message_retain(const struct bw_message *msg);

/**
 * [any] Removes an owner and sets *msg to NULL. Does nothing for NULL, and for the message of an
 * event that was not retained.
 */
BW_API
void bw_message_release(const struct bw_message **msg);

/**
 * [any] Sets *out to the event's name, which is valid as long as msg.
 * Returns BW_OK, BW_E_ARG or a common status.
 */
BW_API bw_status bw_message_name(const struct bw_message *msg, struct bw_str *out);

/**
 * [any] Sets *out to the arguments, a JSON array, or to the text of a message of an Engine.IO
 * server. The text is valid as long as msg.
 * Returns BW_OK, BW_E_ARG or a common status.
 */
BW_API bw_status bw_message_args(const struct bw_message *msg, struct bw_str *out);

/**
 * [any] Sets *out to the binary with this index, which is valid as long as msg. Indices begin at
 * 0; BW_E_NOT_FOUND: i is past the last binary.
 * Returns BW_OK, BW_E_ARG, BW_E_NOT_FOUND or a common status.
 */
BW_API
bw_status bw_message_bin(const struct bw_message *msg,
                         size_t i,
                         struct bw_bytes *out);

/**
 * [any] Sets *out to the value at an RFC 6901 pointer into the arguments, for example "/0" or
 * "/0/pos/x". value_size is sizeof(bw_value). What *out points to is valid as long as msg. Each
 * call reads the arguments from their beginning; use bw_cursor_first for all elements of an array.
 * BW_E_ARG: the pointer is malformed. BW_E_NOT_FOUND: no value is at the pointer.
 * BW_E_STATE: a message of an Engine.IO server has no arguments.
 * Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND or a
 * common status.
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
 * [any] Puts the cursor on the first element or member of the array or object at an RFC 6901
 * pointer into the arguments, and sets *out to its value. value_size is sizeof(bw_value). Members
 * come in the order of the text, also those that have the same name. BW_E_NOT_FOUND: no value is
 * at the pointer, or the array or object is empty. BW_E_TYPE: the value is neither an array
 * nor an object. BW_E_STATE: a message of an Engine.IO server has no arguments.
 * Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND,
 * BW_E_TYPE or a common status.
 */
BW_API
bw_status bw_cursor_first(struct bw_cursor *cursor,
                          const struct bw_message *msg,
                          struct bw_str pointer,
                          struct bw_value *out,
                          size_t value_size);

/**
 * [any] Like bw_cursor_first, for a pointer into the auth data of a handshake.
 * Returns BW_OK, BW_E_ARG, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND, BW_E_TYPE or a
 * common status.
 */
BW_API
bw_status bw_cursor_auth(struct bw_cursor *cursor,
                         const struct bw_handshake *hs,
                         struct bw_str pointer,
                         struct bw_value *out,
                         size_t value_size);

/**
 * [any] Like bw_cursor_first, for an array or object whose bw_value.json was read with the cursor
 * outer. outer may be the same cursor. BW_E_ARG: json is not part of the text that outer reads.
 * Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_ABI, BW_E_JSON, BW_E_NOT_FOUND, BW_E_TYPE or a common
 * status.
 */
BW_API
bw_status bw_cursor_inside(struct bw_cursor *cursor,
                           const struct bw_cursor *outer,
                           struct bw_str json,
                           struct bw_value *out,
                           size_t value_size);

/**
 * [any] Moves the cursor to the next element or member and sets *out to its value. Reads the text
 * only from the end of the previous value to the end of this one. BW_E_NOT_FOUND: the cursor
 * was at the last value.
 * Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_ABI, BW_E_JSON, BW_E_NOT_FOUND or a common status.
 */
BW_API
bw_status bw_cursor_next(struct bw_cursor *cursor,
                         struct bw_value *out,
                         size_t value_size);

/* ---- Arguments -------------------------------------------------------------------
 * Writing arguments without a JSON library.
 */

/** [any] Creates a writer of arguments. Free it with bw_args_free. Returns NULL on an error. */
BW_API struct bw_args *bw_args_new(void);

/** [one] Frees a writer and sets *args to NULL. Does nothing for NULL. */
BW_API void bw_args_free(struct bw_args **args);

/** [one] Removes everything that was written, and the recorded mistake; keeps the memory. */
BW_API void bw_args_clear(struct bw_args *args);

/**
 * [one] Sets what the writer accepts instead of recording a mistake: BW_ARGS_* bits, 0 for none.
 * The setting stays after bw_args_clear.
 * Returns BW_OK, BW_E_ARG or a common status.
 */
BW_API
bw_status bw_args_allow(struct bw_args *args,
                        uint32_t flags);

/** [one] Adds null. */
BW_API void bw_args_null(struct bw_args *args);

/** [one] Adds true if v is not 0, and false otherwise. */
BW_API void bw_args_bool(struct bw_args *args, int v);

/** [one] Adds an integer. JavaScript rounds integers beyond 2^53. */
BW_API void bw_args_int(struct bw_args *args, int64_t v);

/** [one] Adds an integer that may be above INT64_MAX. */
BW_API void bw_args_uint(struct bw_args *args, uint64_t v);

/**
 * [one] Adds a number. NaN and the infinities are a mistake (BW_E_ARG) unless BW_ARGS_NULL_NUMBERS
 * is set.
 */
BW_API
void bw_args_double(struct bw_args *args,
                    double v);

/**
 * [one] Adds a string. Text that is not UTF-8 is a mistake (BW_E_UTF8) unless BW_ARGS_REPLACE_TEXT
 * is set.
 */
BW_API
void bw_args_str(struct bw_args *args,
                 struct bw_str v);

/**
 * [one] Adds a value that is JSON text. The value has no binaries: an object in it that has the
 * form of a placeholder is data, and is sent unchanged, except that its "_placeholder" becomes
 * null if it would stand for a binary of this payload.
 */
BW_API void bw_args_json(struct bw_args *args, struct bw_str v);

/**
 * [one] Adds the value at an RFC 6901 pointer into the arguments of msg, with its binaries, which
 * are renumbered; null if no value is at the pointer. For passing on a part of a client's
 * message. In a message without binaries, an object that has the form of a placeholder is data, as
 * for bw_args_json.
 */
BW_API
void bw_args_value(struct bw_args *args,
                   const struct bw_message *msg,
                   struct bw_str pointer);

/**
 * [one] Like bw_args_value, for a value whose bw_value.json was read from msg. msg is NULL for a
 * value of a handshake, which has no binaries.
 */
BW_API
void bw_args_copy(struct bw_args *args,
                  const struct bw_message *msg,
                  struct bw_str json);

/** [one] Adds a binary. Its free_fn runs exactly once, also after a mistake. */
BW_API void bw_args_bin(struct bw_args *args, struct bw_blob v);

/**
 * [one] Begins an object. Its members follow, each with bw_args_key and a value, and then
 * bw_args_end.
 */
BW_API void bw_args_begin_object(struct bw_args *args);

/** [one] Begins an array. Its values follow, and then bw_args_end. */
BW_API void bw_args_begin_array(struct bw_args *args);

/** [one] Adds the key of the next value in an object. */
BW_API void bw_args_key(struct bw_args *args, struct bw_str key);

/** [one] Ends the innermost open object or array. */
BW_API void bw_args_end(struct bw_args *args);

/**
 * [one] Sets *out to a payload that points to the written arguments and to event, and is valid
 * until args is next changed or freed. If a mistake was made while writing, returns the status of
 * the first: BW_E_STATE for calls in the wrong order, BW_E_TOO_BIG for more than 1000 levels of
 * nesting.
 * Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG or a common status.
 */
BW_API
bw_status bw_args_payload(struct bw_args *args,
                          struct bw_str event,
                          struct bw_payload *out);

/* ---- Sending ---------------------------------------------------------------------
 * Events, acknowledgements, broadcasts, and rooms of sockets.
 */

/**
 * [any] Queues an event for all sockets of the target and returns. Two emits of one thread to one
 * socket arrive in that order. An empty target is not an error. To one socket: BW_E_STATE if it
 * has not connected yet, BW_E_FULL if its send buffer is full (BW_OPT_SEND_BUFFER_HIGH).
 * BW_E_STATE also if the server is an Engine.IO server.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_JSON, BW_E_NAME,
 * BW_E_PLACEHOLDER, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_emit(const struct bw_target *to,
                  const struct bw_payload *payload);

/**
 * [any] Like bw_emit, for a message, which is not checked or encoded again.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_emit_message(const struct bw_target *to,
                          const struct bw_message *msg);

/**
 * [any] Like bw_emit to one socket, with arguments as the text of a JSON array and without
 * binaries.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_JSON, BW_E_NAME, BW_E_TOO_BIG,
 * BW_E_GONE, BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_socket_emit(bw_socket socket,
                         struct bw_str event,
                         struct bw_str args);

/**
 * [any] Like bw_emit to the sockets of one room, with arguments as the text of a JSON array and
 * without binaries. An empty room means the whole namespace.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_JSON, BW_E_NAME, BW_E_TOO_BIG,
 * BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_room_emit(bw_nsp nsp,
                       struct bw_str room,
                       struct bw_str event,
                       struct bw_str args);

/**
 * [any] Sends a message that every receiver is asked to acknowledge. cb is called once with a
 * BW_EV_ACKED event. Its status is BW_OK; BW_E_TIMEOUT, with the replies so far; BW_E_GONE;
 * BW_E_CANCELLED; BW_E_CLOSED; or BW_E_FULL if a client already owes BW_OPT_MAX_PENDING_ACKS
 * acknowledgements: one socket is then not sent the message, and a broadcast is sent to every
 * socket, with the replies of the others in the event. *out is set to the operation; out is
 * optional. On an error, cb is not called and drop(user) runs before the call returns. BW_E_ARG
 * also if to->timeout_ms is 0 for a broadcast. BW_E_STATE and BW_E_FULL as for bw_emit.
 * BW_E_CLOSED: the server has stopped.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_CLOSED, BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_emit_ack(const struct bw_target *to,
                      const struct bw_message *msg,
                      bw_callback cb,
                      void *user,
                      bw_drop_fn drop,
                      bw_op *out);

/**
 * [any] Sends the client the acknowledgement that it waits for. The event of the payload is not
 * used. If the call returns BW_E_FULL, because the send buffer is full, it can be tried again.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ALREADY, BW_E_ABI, BW_E_UTF8, BW_E_JSON,
 * BW_E_PLACEHOLDER, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API bw_status bw_ack_send(bw_ack ack, const struct bw_payload *payload);

/**
 * [any] Like bw_ack_send, with arguments as the text of a JSON array (empty for no arguments) and
 * without binaries.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ALREADY, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG,
 * BW_E_GONE, BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_ack_json(bw_ack ack,
                      struct bw_str args);

/**
 * [any] Gives up an acknowledgement without sending it, which frees its id; the client waits until
 * its own timeout. Of one socket at most BW_OPT_MAX_PENDING_ACKS (or 1024, if that is more) may be
 * unanswered: with one more, the oldest becomes BW_E_GONE and limit_unanswered_total counts it.
 * Returns BW_OK, BW_E_HANDLE, BW_E_ALREADY, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_ack_drop(bw_ack ack);

/**
 * [any] Queues a text message for all sockets of the target, for Engine.IO servers. To one socket:
 * BW_E_FULL if its send buffer is full. BW_E_STATE: the server is a Socket.IO server.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_send_text(const struct bw_target *to,
                       struct bw_str text);

/**
 * [any] Queues a binary message for all sockets of the target, for Engine.IO servers. The free_fn
 * of data runs exactly once, also on an error. BW_E_FULL and BW_E_STATE as for bw_send_text.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_send_binary(const struct bw_target *to,
                         struct bw_blob data);

/**
 * [any] Adds all sockets of the target to n rooms. To one socket: BW_E_FULL if it is in
 * BW_OPT_MAX_ROOMS rooms; it has then joined the rooms before that.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED,
 * BW_E_FULL or a common status.
 */
BW_API
bw_status bw_join(const struct bw_target *to,
                  const struct bw_str *rooms,
                  size_t n);

/**
 * [any] Removes all sockets of the target from n rooms.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED
 * or a common status.
 */
BW_API
bw_status bw_leave(const struct bw_target *to,
                   const struct bw_str *rooms,
                   size_t n);

/**
 * [any] Disconnects all sockets of the target from the namespace. If close_transport is not 0,
 * also from all other namespaces, and the connections are closed. To one socket: BW_E_STATE if it
 * has not connected yet.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_disconnect(const struct bw_target *to,
                        int close_transport);

/**
 * [any] Collects the sockets of the target. cb is called once with a BW_EV_SOCKETS event. *out is
 * set to the operation; out is optional. On an error, cb is not called and drop(user) runs before
 * the call returns. To one socket: BW_E_STATE if it has not connected yet. BW_E_CLOSED: the server
 * has stopped.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
 * BW_E_CLOSED, BW_E_FORKED, BW_E_FULL or a common status.
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

/**
 * [any] Ends an operation early: its callback is called with the status BW_E_CANCELLED. BW_E_GONE:
 * the operation has ended.
 * Returns BW_OK, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_op_cancel(bw_op op);

/* ---- Sockets ---------------------------------------------------------------------
 * Properties of a socket, its rooms, data and disconnection.
 */

/**
 * [any] Sets *out to the connected socket with this public id. BW_E_NOT_FOUND: the namespace does
 * not have such a socket.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND, BW_E_GONE,
 * BW_E_FORKED, BW_E_FULL or a common status.
 */
BW_API
bw_status bw_socket_find(bw_nsp nsp,
                         struct bw_str sid,
                         bw_socket *out);

/**
 * [any] Sets *out to a number of a socket, BW_SK_*. BW_E_ARG also for an unknown key.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API bw_status bw_socket_int(bw_socket socket, bw_socket_key key, int64_t *out);

/**
 * [any] Sets *out to the rooms of the socket, its own first; in BW_EV_DISCONNECT, the rooms it was
 * in. Free *out with bw_list_free.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_socket_rooms(bw_socket socket,
                          struct bw_list *out);

/**
 * [any] Sets *out to the data of the socket, any JSON value, {} by default. bw_fetch_sockets
 * returns it too. Free *out with bw_buf_free.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API bw_status bw_socket_data_get(bw_socket socket, struct bw_buf *out);

/**
 * [any] Replaces the data of the socket by any JSON value.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED
 * or a common status.
 */
BW_API
bw_status bw_socket_data_set(bw_socket socket,
                             struct bw_str json);

/**
 * [any] Sets the user pointer of the socket, which its events have as bw_event.user. The drop
 * function of the previous pointer runs when it is replaced, and drop(user) after the callbacks of
 * BW_EV_DISCONNECT have returned. On an error, drop(user) runs before the call returns.
 * Returns BW_OK, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API
bw_status bw_socket_user_set(bw_socket socket,
                             void *user,
                             bw_drop_fn drop);

/**
 * [any] Sets *out to the user pointer of the socket, or to NULL. Outside the callbacks of this
 * socket, or off the polling thread, another thread may drop the pointer at any time: prefer
 * bw_event.user.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API bw_status bw_socket_user_get(bw_socket socket, void **out);

/**
 * [any] Sets *out to the handshake of the socket, which outlives the socket. Release *out with
 * bw_handshake_release.
 * Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
 */
BW_API bw_status bw_socket_handshake(bw_socket socket, const struct bw_handshake **out);

/* ---- Handshakes ------------------------------------------------------------------
 * What the client sent when it connected.
 */

/** [any] Adds an owner and returns hs. Returns NULL for NULL. */
BW_API const struct bw_handshake *bw_handshake_retain(const struct bw_handshake *hs);

/**
 * [any] Removes an owner and sets *hs to NULL. Does nothing for NULL. Do not release the handshake
 * of an event that you have not retained.
 */
BW_API
void bw_handshake_release(const struct bw_handshake **hs);

/**
 * [any] Sets *out to a text of the handshake, BW_HS_*, which is valid as long as hs. BW_E_ARG also
 * for an unknown key. BW_E_NOT_FOUND: the key is a number, or is not set yet.
 * Returns BW_OK, BW_E_ARG, BW_E_NOT_FOUND or a common status.
 */
BW_API
bw_status bw_handshake_str(const struct bw_handshake *hs,
                           bw_hs_key key,
                           struct bw_str *out);

/**
 * [any] Sets *out to a number of the handshake, BW_HS_*. BW_E_ARG also for an unknown key.
 * BW_E_NOT_FOUND: the key is a text, or is not set yet.
 * Returns BW_OK, BW_E_ARG, BW_E_NOT_FOUND or a common status.
 */
BW_API bw_status bw_handshake_int(const struct bw_handshake *hs, bw_hs_key key, int64_t *out);

/**
 * [any] Sets *out to the first request header of that name, upper or lower case, which is valid as
 * long as hs. BW_E_NOT_FOUND: the request does not have the header.
 * Returns BW_OK, BW_E_ARG, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND or a common status.
 */
BW_API
bw_status bw_handshake_header(const struct bw_handshake *hs,
                              struct bw_str name,
                              struct bw_str *out);

/**
 * [any] Sets *out to the last query parameter of that name, decoded, which is valid as long as hs.
 * BW_E_NOT_FOUND: the request does not have the parameter.
 * Returns BW_OK, BW_E_ARG, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND or a common status.
 */
BW_API
bw_status bw_handshake_query(const struct bw_handshake *hs,
                             struct bw_str name,
                             struct bw_str *out);

/**
 * [any] Sets *out to the value at an RFC 6901 pointer into the auth data that the client sent when
 * it connected, for example "/token". value_size is sizeof(bw_value). What *out points to is valid
 * as long as hs. BW_E_ARG: the pointer is malformed. BW_E_NOT_FOUND: no value is at the
 * pointer.
 * Returns BW_OK, BW_E_ARG, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND or a common status.
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
