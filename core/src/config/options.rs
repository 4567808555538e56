//! The table of the options: field, type, default, number, JSON name, range, unit and meaning of each. The struct, its
//! default, the setters, the checks, the JSON form and the documentation in the C header are made from it.
use std::time::Duration;

use serde_json::Value;

use crate::config::cookie::CookieOptions;
use crate::config::cors::CorsOptions;
use crate::config::field::Field;
use crate::config::kind::{Kind, Refusal, Setting, Unit};
use crate::config::values::{Delivery, Protocol, SendBufferPolicy, Transports};

/// One option of the table.
pub(super) struct Row {
    pub(super) number: u32,
    /// The lines of the field's documentation.
    pub(super) doc: &'static [&'static str],
    /// The name in JSON; a name after a dot is a member of the object before it.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    get: fn(&Config) -> Setting,
    put: fn(&mut Config, Setting) -> Result<(), Refusal>,
}

impl Row {
    pub(super) fn to_json(&self, config: &Config) -> Value {
        self.kind.to_json((self.get)(config))
    }

    pub(super) fn put(&self, config: &mut Config, setting: Setting) -> Result<(), Refusal> {
        (self.put)(config, setting)
    }
}

macro_rules! options {
    ($(
        $(#[doc = $doc:literal])*
        $field:ident: $ty:ty = $default:expr, $number:literal, $name:literal, $kind:expr;
    )*) => {
        /// Every option of a server.
        ///
        /// The fields may be set directly; [`check`](Config::check) then finds what the setters
        /// would have refused.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($(#[doc = $doc])* pub $field: $ty,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        pub(super) const TABLE: &[Row] = &[
            $(Row {
                number: $number,
                doc: &[$($doc),*],
                name: $name,
                kind: $kind,
                get: |config| Field::get(&config.$field),
                put: |config, setting| Field::put(&mut config.$field, setting),
            },)*
        ];
    };
}

/// The longest time: the maximum of a JavaScript timer, so that clients can represent it too.
const LONGEST_MS: u64 = 2_147_483_647;
const GIB: u64 = 1 << 30;
const MILLIS: Kind = number(1, LONGEST_MS, Unit::Millis, "");
const NO_LIMIT: &str = "0 = no limit";

options! {
    /// The path of the server's endpoint; see [`request_path`](Config::request_path).
    path: String = "/socket.io".to_owned(), 1, "path", URL_PATH;
    /// Whether the path ends with a slash.
    add_trailing_slash: bool = true, 2, "addTrailingSlash", Kind::Bool;
    /// The time within which a client has to join a namespace before it is disconnected.
    connect_timeout: Duration = ms(45_000), 5, "connectTimeout", MILLIS;
    /// The time between two pings.
    ping_interval: Duration = ms(25_000), 6, "pingInterval", MILLIS;
    /// The time within which a client has to answer a ping before it is disconnected.
    ping_timeout: Duration = ms(20_000), 7, "pingTimeout", MILLIS;
    /// The time within which a transport upgrade has to finish before it is abandoned.
    upgrade_timeout: Duration = ms(10_000), 8, "upgradeTimeout", MILLIS;
    /// The size of the largest request body or WebSocket message that a client may send; announced to clients as
    /// `maxPayload`.
    max_http_buffer_size: usize = 1_000_000, 9, "maxHttpBufferSize", bytes(1, 4 * GIB - 1, "");
    /// The transports that clients may use.
    transports: Transports = Transports::ALL, 10, "transports", Kind::Bits(Transports::NAMES);
    /// Whether a session may move from one transport to another.
    allow_upgrades: bool = true, 11, "allowUpgrades", Kind::Bool;
    /// A message that is sent to every session right after the open packet. An empty text sends none.
    initial_packet: Option<String> = None, 15, "initialPacket", ANY_TEXT;
    /// The cookie that carries the session id.
    cookie: Option<CookieOptions> = None, 25, "cookie", Kind::Json(CookieOptions::TAKES);
    /// The headers for requests of pages of other origins (CORS).
    cors: Option<CorsOptions> = None, 26, "cors", Kind::Json(CorsOptions::TAKES);

    /// The number of threads that do the network I/O.
    worker_threads: Option<usize> = None, 80, "engine.workerThreads",
        count(0, 1024, "0 = one for each core");
    /// The threads on which the host's callbacks run.
    delivery: Delivery = Delivery::Threads, 81, "engine.delivery", Kind::Choice(Delivery::NAMES);
    /// How many events may wait for the host. At three quarters of it, only connections without waiting events are
    /// read. One connection may use a sixteenth of it, at most 1024 events; events about requests may use a quarter.
    poll_queue_events: usize = 65_536, 82, "engine.pollQueueEvents", count(1, GIB, "");
    /// How many bytes of events may wait for the host, with the rules of `engine.pollQueueEvents`; one connection may
    /// use at most 1 MiB.
    poll_queue_bytes: usize = 67_108_864, 83, "engine.pollQueueBytes", bytes(1024, 4 * GIB - 1, "");
    /// The time after which one poll stops taking events.
    poll_budget: Option<Duration> = None, 84, "engine.pollBudgetUs",
        number(0, 60_000_000, Unit::Micros, NO_LIMIT);
    /// How many connections (HTTP and WebSocket) and how many sessions may be open at once.
    max_connections: Option<usize> = None, 85, "engine.maxConnections",
        count(0, LONGEST_MS, NO_LIMIT);
    /// The size of the largest request head. The HTTP parser needs at least 8 KiB.
    max_header_bytes: usize = 16_384, 86, "engine.maxHeaderBytes", bytes(8192, 1 << 20, "");
    /// How many attachments one packet may have; the default is that of the official parser.
    max_attachments: usize = 10, 87, "engine.maxAttachments", count(0, 1_000_000, "");
    /// How deeply arrays and objects may be nested in the JSON of a packet.
    max_json_depth: usize = 64, 88, "engine.maxJsonDepth", count(1, 1000, "");
    /// How many bytes may wait to be sent to one client. Above it the client is not read, and if it reads nothing for
    /// `engine.sendBufferGrace`, `engine.sendBufferPolicy` applies.
    send_buffer_high: usize = 4_194_304, 89, "engine.sendBufferHigh", bytes(1, 4 * GIB - 1, "");
    /// The number of waiting bytes at which a client that was above `engine.sendBufferHigh` is reported as drained.
    send_buffer_low: usize = 1_048_576, 90, "engine.sendBufferLow", bytes(0, 4 * GIB - 1, "");
    /// What happens to a packet for a client whose send buffer is full.
    send_buffer_policy: SendBufferPolicy = SendBufferPolicy::Error, 91, "engine.sendBufferPolicy",
        Kind::Choice(SendBufferPolicy::NAMES);
    /// How many connections the operating system queues before they are accepted.
    backlog: usize = 1024, 92, "engine.backlog", count(1, 65_535, "");
    /// Whether small writes are sent at once (TCP_NODELAY).
    tcp_nodelay: bool = true, 93, "engine.tcpNodelay", Kind::Bool;
    /// Whether several processes may listen on one port (SO_REUSEPORT).
    reuse_port: bool = false, 94, "engine.reusePort", Kind::Bool;
    /// How many proxies in front of the server are trusted to report the client's address in `X-Forwarded-For`.
    trust_proxy: usize = 0, 95, "engine.trustProxy", count(0, 255, "");
    /// The time within which the host has to answer a question before it counts as refused.
    deferred_timeout: Option<Duration> = None, 96, "engine.deferredTimeout",
        number(0, LONGEST_MS, Unit::Millis, "0 = the connectTimeout");
    /// The path at which metrics are served. An empty text serves none.
    metrics_path: Option<String> = None, 97, "engine.metricsPath", METRICS_PATH;
    /// The number of threads for callbacks, if callbacks run on threads of the library.
    callback_threads: Option<usize> = None, 98, "engine.callbackThreads",
        count(0, 1024, "0 = automatic");
    /// The protocol of the sessions: Socket.IO, or plain Engine.IO.
    protocol: Protocol = Protocol::SocketIo, 99, "engine.protocol", Kind::Word(Protocol::NAMES);
    /// How many packets the body of one POST may contain; a body with more is answered with status 413. Unlimited by
    /// default, because clients send all that they have buffered while offline in one body.
    max_packets_per_payload: Option<usize> = None, 100, "engine.maxPacketsPerPayload",
        count(0, LONGEST_MS, NO_LIMIT);
    /// How many frames one WebSocket message may consist of.
    max_fragments: usize = 1024, 101, "engine.maxFragments", count(1, 1_000_000, "");
    /// How many namespaces one connection may join.
    max_namespaces: usize = 64, 102, "engine.maxNamespaces", count(1, 1_000_000, "");
    /// How many acknowledgements one client may owe, and how many a host in C may leave unanswered for one socket.
    max_pending_acks: usize = 16_384, 103, "engine.maxPendingAcks", count(1, 100_000_000, "");
    /// The time within which a WebSocket message or binary packet has to be complete after its first byte.
    message_timeout: Duration = ms(60_000), 104, "engine.messageTimeout", MILLIS;
    /// The time within which the head of a request has to be complete.
    header_timeout: Duration = ms(10_000), 105, "engine.headerTimeout", MILLIS;
    /// The time within which the body of a request has to be complete.
    body_timeout: Duration = ms(30_000), 106, "engine.bodyTimeout", MILLIS;
    /// The time after which a closing session is dropped, even if the client has not confirmed the close.
    close_timeout: Duration = ms(30_000), 107, "engine.closeTimeout", MILLIS;
    /// How many header fields one request may have.
    max_headers: usize = 100, 108, "engine.maxHeaders", count(1, 10_000, "");
    /// How many rooms one socket may be in. Unlimited by default, because only the host can join rooms.
    max_rooms: Option<usize> = None, 109, "engine.maxRooms", count(0, LONGEST_MS, NO_LIMIT);
    /// How many bytes may wait to be sent to one client that keeps reading; above it `engine.sendBufferPolicy` applies.
    /// `engine.sendBufferHigh` is used if it is larger.
    send_buffer_max: usize = 67_108_864, 110, "engine.sendBufferMax", bytes(1, 4 * GIB - 1, "");
    /// How long a client with more than `engine.sendBufferHigh` waiting bytes may read nothing before
    /// `engine.sendBufferPolicy` applies.
    send_buffer_grace: Duration = ms(5000), 111, "engine.sendBufferGrace",
        number(0, LONGEST_MS, Unit::Millis, "0 = the policy decides at sendBufferHigh");
    /// The time after which a client that reads nothing of what waits for it is disconnected, even if it answers pings.
    send_timeout: Option<Duration> = None, 112, "engine.sendTimeout",
        number(0, LONGEST_MS, Unit::Millis, "0 = pingInterval + pingTimeout");
    /// The size of the largest auth payload of a CONNECT packet, which is kept as long as the socket lives.
    max_auth_bytes: usize = 65_536, 113, "engine.maxAuthBytes", bytes(2, GIB, "");
    /// The time after which a WebSocket that has violated the protocol is dropped, even if the client has not confirmed
    /// the close; at most `engine.closeTimeout`.
    error_close_timeout: Duration = ms(2000), 114, "engine.errorCloseTimeout", MILLIS;
    /// The time within which a client has to read some of an HTTP response before its connection is dropped.
    write_timeout: Duration = ms(30_000), 117, "engine.writeTimeout", MILLIS;
    /// Whether to refuse requests, WebSockets included, of pages whose origin is neither the requested host nor allowed
    /// by `cors`.
    check_origin: bool = false, 118, "engine.checkOrigin", Kind::Bool;
}

const URL_PATH: Kind = Kind::Text {
    takes: "a path that begins with \"/\", of visible ASCII characters other than \"?\" and \"#\"",
    fits: is_url_path,
};
const METRICS_PATH: Kind = Kind::Text {
    takes: "nothing, or a path that begins with \"/\", of visible ASCII characters other than \
            \"?\" and \"#\"",
    fits: |text| text.is_empty() || is_url_path(text),
};
const ANY_TEXT: Kind = Kind::Text {
    takes: "a string",
    fits: |_| true,
};

/// A raw URL has only these characters, so a request for any other path cannot arrive.
fn is_url_path(text: &str) -> bool {
    text.starts_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#')
}

const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

const fn number(min: u64, max: u64, unit: Unit, note: &'static str) -> Kind {
    Kind::Int {
        min,
        max,
        unit,
        note,
    }
}

const fn count(min: u64, max: u64, note: &'static str) -> Kind {
    number(min, max, Unit::Items, note)
}

const fn bytes(min: u64, max: u64, note: &'static str) -> Kind {
    number(min, max, Unit::Bytes, note)
}
