//! The table of the options: each one's field, type, default, number, JSON name, range and unit.
//! The struct, its default, every setter, the checks and the JSON form are made from it.
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
        $(#[$doc:meta])*
        $field:ident: $ty:ty = $default:expr, $number:literal, $name:literal, $kind:expr;
    )*) => {
        /// Every option of a server.
        ///
        /// The fields may be set directly; [`check`](Config::check) then finds what the setters
        /// would have refused.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($(#[$doc])* pub $field: $ty,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        pub(super) const TABLE: &[Row] = &[
            $(Row {
                number: $number,
                name: $name,
                kind: $kind,
                get: |config| Field::get(&config.$field),
                put: |config, setting| Field::put(&mut config.$field, setting),
            },)*
        ];
    };
}

/// The longest time: what a JavaScript timer can hold, so that both sides of a connection can.
const LONGEST_MS: u64 = 2_147_483_647;
const GIB: u64 = 1 << 30;
const MILLIS: Kind = number(1, LONGEST_MS, Unit::Millis, "");
const NO_LIMIT: &str = "0 = no limit";

options! {
    /// Where the engine is found; see [`request_path`](Config::request_path).
    path: String = "/socket.io".to_owned(), 1, "path", URL_PATH;
    /// Whether the path ends with a slash.
    add_trailing_slash: bool = true, 2, "addTrailingSlash", Kind::Bool;
    /// A client that has joined no namespace by then is disconnected.
    connect_timeout: Duration = ms(45_000), 5, "connectTimeout", MILLIS;
    /// The time between two pings.
    ping_interval: Duration = ms(25_000), 6, "pingInterval", MILLIS;
    /// A client that has not answered a ping by then is gone.
    ping_timeout: Duration = ms(20_000), 7, "pingTimeout", MILLIS;
    /// A transport upgrade that is not finished by then is given up.
    upgrade_timeout: Duration = ms(10_000), 8, "upgradeTimeout", MILLIS;
    /// The longest request body or WebSocket message of a client; it is told as `maxPayload`.
    max_http_buffer_size: usize = 1_000_000, 9, "maxHttpBufferSize", bytes(1, 4 * GIB - 1, "");
    /// The transports that clients may use.
    transports: Transports = Transports::ALL, 10, "transports", Kind::Bits(Transports::NAMES);
    /// Whether a session may move from one transport to another.
    allow_upgrades: bool = true, 11, "allowUpgrades", Kind::Bool;
    /// A message that every session is sent right after the open packet.
    initial_packet: Option<String> = None, 15, "initialPacket", ANY_TEXT;
    /// The cookie that carries the session id.
    cookie: Option<CookieOptions> = None, 25, "cookie", Kind::Json(CookieOptions::TAKES);
    /// What pages of other origins may do.
    cors: Option<CorsOptions> = None, 26, "cors", Kind::Json(CorsOptions::TAKES);

    /// Threads that do the network; `None` is one for each core.
    worker_threads: Option<usize> = None, 80, "engine.workerThreads",
        count(0, 1024, "0 = one for each core");
    /// Where the host's callbacks run.
    delivery: Delivery = Delivery::Threads, 81, "engine.delivery", Kind::Choice(Delivery::NAMES);
    /// Events that wait for the host, polled or with callback threads. At three quarters only connections are read of
    /// which nothing waits. Of one connection a sixteenth may wait, 1024 at most; of events about requests a quarter.
    poll_queue_events: usize = 65_536, 82, "engine.pollQueueEvents", count(1, GIB, "");
    /// Bytes of events that wait for the host, with the same rules; of one connection 1 MiB at most.
    poll_queue_bytes: usize = 67_108_864, 83, "engine.pollQueueBytes", bytes(1024, 4 * GIB - 1, "");
    /// One poll stops taking events after this time.
    poll_budget: Option<Duration> = None, 84, "engine.pollBudgetUs",
        number(0, 60_000_000, Unit::Micros, NO_LIMIT);
    /// Connections the listeners keep open at once, HTTP and WebSocket, and sessions.
    max_connections: Option<usize> = None, 85, "engine.maxConnections",
        count(0, LONGEST_MS, NO_LIMIT);
    /// The longest head of a request; the HTTP reader needs 8 KiB to work at all.
    max_header_bytes: usize = 16_384, 86, "engine.maxHeaderBytes", bytes(8192, 1 << 20, "");
    /// Attachments of one packet, as many as the official parser takes.
    max_attachments: usize = 10, 87, "engine.maxAttachments", count(0, 1_000_000, "");
    /// Nesting of a packet's JSON: far above real packets, far below what tires a stack.
    max_json_depth: usize = 64, 88, "engine.maxJsonDepth", count(1, 1000, "");
    /// Bytes that wait to be sent to one client. Above it the client is not read; if it takes nothing for
    /// `engine.sendBufferGrace`, the policy decides.
    send_buffer_high: usize = 4_194_304, 89, "engine.sendBufferHigh", bytes(1, 4 * GIB - 1, "");
    /// When no more than this waits again, the host hears that the client has caught up.
    send_buffer_low: usize = 1_048_576, 90, "engine.sendBufferLow", bytes(0, 4 * GIB - 1, "");
    /// What happens to a packet for a client whose send buffer is full.
    send_buffer_policy: SendBufferPolicy = SendBufferPolicy::Error, 91, "engine.sendBufferPolicy",
        Kind::Choice(SendBufferPolicy::NAMES);
    /// Connections that the operating system keeps before they are accepted.
    backlog: usize = 1024, 92, "engine.backlog", count(1, 65_535, "");
    /// Whether small writes leave at once.
    tcp_nodelay: bool = true, 93, "engine.tcpNodelay", Kind::Bool;
    /// Whether several processes may listen on one port.
    reuse_port: bool = false, 94, "engine.reusePort", Kind::Bool;
    /// How many proxies in front are trusted to tell a client's address in `X-Forwarded-For`.
    trust_proxy: usize = 0, 95, "engine.trustProxy", count(0, 255, "");
    /// The host answers a question by then; `None` is the connect timeout, which the client
    /// waits for anyway.
    deferred_timeout: Option<Duration> = None, 96, "engine.deferredTimeout",
        number(0, LONGEST_MS, Unit::Millis, "0 = the connectTimeout");
    /// Where the metrics are served; `None` is nowhere.
    metrics_path: Option<String> = None, 97, "engine.metricsPath", METRICS_PATH;
    /// Threads for the host's callbacks; `None` is the engine's choice.
    callback_threads: Option<usize> = None, 98, "engine.callbackThreads",
        count(0, 1024, "0 = automatic");
    /// Which protocol the sessions speak.
    protocol: Protocol = Protocol::SocketIo, 99, "engine.protocol", Kind::Word(Protocol::NAMES);
    /// Packets in one polling body; a body with more is refused with 413. No limit by default:
    /// clients send what they have buffered offline in one body, as far as `maxHttpBufferSize`
    /// allows, and a body is dealt with in pieces, between which others have their turn.
    max_packets_per_payload: Option<usize> = None, 100, "engine.maxPacketsPerPayload",
        count(0, LONGEST_MS, NO_LIMIT);
    /// Frames of one WebSocket message; browsers send one or a few, empty ones cost us work.
    max_fragments: usize = 1024, 101, "engine.maxFragments", count(1, 1_000_000, "");
    /// Namespaces that one connection may join: programs have a handful, each costs memory.
    max_namespaces: usize = 64, 102, "engine.maxNamespaces", count(1, 1_000_000, "");
    /// Acknowledgements that one connection may owe, and that a host in C may leave unanswered for one socket: a flood of them is a client that never
    /// answers, and each holds a callback of the host.
    max_pending_acks: usize = 16_384, 103, "engine.maxPendingAcks", count(1, 100_000_000, "");
    /// A message or binary packet that is begun is complete by then; enough for the largest one
    /// allowed over a slow mobile link.
    message_timeout: Duration = ms(60_000), 104, "engine.messageTimeout", MILLIS;
    /// The head of a request is complete by then; clients send it in one piece.
    header_timeout: Duration = ms(10_000), 105, "engine.headerTimeout", MILLIS;
    /// The body of a request is complete by then; longer than the head because it can be large.
    body_timeout: Duration = ms(30_000), 106, "engine.bodyTimeout", MILLIS;
    /// A closing session is gone by then, whether the client has agreed or not; the official
    /// server waits as long.
    close_timeout: Duration = ms(30_000), 107, "engine.closeTimeout", MILLIS;
    /// Header fields of one request: twice what browsers behind several proxies send.
    max_headers: usize = 100, 108, "engine.maxHeaders", count(1, 10_000, "");
    /// Rooms of one socket. No limit by default, because only the host can join rooms.
    max_rooms: Option<usize> = None, 109, "engine.maxRooms", count(0, LONGEST_MS, NO_LIMIT);
    /// Bytes that wait to be sent to one client, however fast it reads; above it the policy decides. Many times what a
    /// host sends in one burst. At least `engine.sendBufferHigh` applies.
    send_buffer_max: usize = 67_108_864, 110, "engine.sendBufferMax", bytes(1, 4 * GIB - 1, "");
    /// How long a client with more than `engine.sendBufferHigh` waiting may take nothing before the policy decides. A
    /// client that reads, however slowly, takes something every few round trips.
    send_buffer_grace: Duration = ms(5000), 111, "engine.sendBufferGrace",
        number(0, LONGEST_MS, Unit::Millis, "0 = the policy decides at sendBufferHigh");
    /// A client that takes nothing of what waits for it for so long is disconnected, even if it answers pings; `None` is
    /// as long as one that does not answer them: `pingInterval` + `pingTimeout`.
    send_timeout: Option<Duration> = None, 112, "engine.sendTimeout",
        number(0, LONGEST_MS, Unit::Millis, "0 = pingInterval + pingTimeout");
    /// Bytes of the auth payload of a CONNECT, which is kept as long as the socket lives; enough for any token.
    max_auth_bytes: usize = 65_536, 113, "engine.maxAuthBytes", bytes(2, GIB, "");
    /// A WebSocket whose client broke the protocol is gone by then, whether the client has agreed to the close or not; at
    /// most `engine.closeTimeout`. Long enough for the close frame to arrive.
    error_close_timeout: Duration = ms(2000), 114, "engine.errorCloseTimeout", MILLIS;
    /// A client takes some of an answer by then, or the connection is given up; as long as a body
    /// may take, because both wait for the same network.
    write_timeout: Duration = ms(30_000), 117, "engine.writeTimeout", MILLIS;
    /// Whether requests of pages whose origin is neither the host they ask nor allowed by `cors` are
    /// refused, WebSockets included.
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

/// A raw URL holds only these characters, so no other path could ever be asked for.
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
