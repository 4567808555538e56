//! Why a connection ended, or a request was refused: each limit, deadline and rule is broken once, in each delivery, and
//! the event, the counter and the log say which one it was.
#![cfg(not(loom))]
#![expect(
    clippy::disallowed_methods,
    reason = "a test that waits looks at the clock"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bellwire_core::cause::CauseKind;
use bellwire_core::config::Config;
use bellwire_core::host::Handler;
use bellwire_core::log::listener::{Level, Line, Listener, ServerId, listen};
use bellwire_core::server::Server;
use bellwire_core::socketio::Event;
use bellwire_core::socketio::event::Hook;

/// Nothing here takes as long; a machine that is busy with something else may.
const PATIENCE: Duration = Duration::from_secs(60);

const DELIVERIES: [&str; 3] = ["inline", "threads", "polled"];

// ------------------------------------------------------------------- what is told

/// What is told, on whatever thread.
struct Told<T> {
    all: Mutex<Vec<T>>,
    more: Condvar,
}

impl<T: Clone> Told<T> {
    const fn new() -> Self {
        Self {
            all: Mutex::new(Vec::new()),
            more: Condvar::new(),
        }
    }

    fn tell(&self, one: T) {
        self.all.lock().unwrap().push(one);
        self.more.notify_all();
    }

    /// Waits for the first that fits; `idle` is called again and again meanwhile.
    fn find(&self, fits: impl Fn(&T) -> bool, idle: impl Fn()) -> Option<T> {
        let end = Instant::now() + PATIENCE;
        let mut all = self.all.lock().unwrap();
        loop {
            if let Some(found) = all.iter().find(|one| fits(one)) {
                return Some(found.clone());
            }
            if Instant::now() > end {
                return None;
            }
            drop(all);
            idle();
            all = self.all.lock().unwrap();
            let moment = Duration::from_millis(5);
            all = self.more.wait_timeout(all, moment).unwrap().0;
        }
    }
}

/// The log of the process, of all servers.
static LOG: Told<(ServerId, Level, String)> = Told::new();

struct ToLog;

impl Listener for ToLog {
    fn level(&self) -> Level {
        Level::Debug
    }

    fn hear(&self, line: &Line<'_>) {
        LOG.tell((line.server, line.level, line.text.to_owned()));
    }
}

/// The end of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    reason: &'static str,
    kind: Option<CauseKind>,
    option: Option<&'static str>,
    limit: Option<u64>,
    seen: Option<u64>,
    text: String,
}

struct Ends(Told<(bool, End)>);

impl Handler for Ends {
    fn handle(&self, event: &Event<'_>, _: Instant) {
        let (is_last, reason) = match event {
            Event::Disconnecting { reason, .. } => (false, reason),
            Event::Disconnect { reason, .. } => (true, reason),
            _ => return,
        };
        let cause = event.cause();
        self.0.tell((
            is_last,
            End {
                reason: reason.as_str(),
                kind: cause.map(|cause| cause.kind()),
                option: cause.and_then(|cause| cause.option()),
                limit: cause.and_then(|cause| cause.limit_value()),
                seen: cause.and_then(|cause| cause.seen()),
                text: cause.map_or_else(String::new, |cause| cause.text().to_owned()),
            },
        ));
    }
}

struct Host {
    server: Arc<Server>,
    ends: Arc<Ends>,
    port: u16,
}

impl Host {
    fn new(delivery: &str, options: &str) -> Self {
        static LISTENING: OnceLock<()> = OnceLock::new();
        LISTENING.get_or_init(|| listen(&ToLog).expect("nothing else listens"));
        let mut config = Config::default();
        config.set_json(options).expect("good options");
        config
            .set_json(&format!(
                r#"{{"engine":{{"workerThreads":1,"delivery":"{delivery}"}}}}"#
            ))
            .expect("good options");
        let ends = Arc::new(Ends(Told::new()));
        let handler: Arc<dyn Handler> = Arc::clone(&ends) as _;
        let server = Server::new(&config, handler).expect("a server");
        let port = server.listen_tcp("127.0.0.1", 0).expect("a port");
        server.of("/").expect("a namespace");
        Self { server, ends, port }
    }

    fn poll(&self) {
        if let Some(queue) = self.server.queue() {
            let _ = queue.poll(0, None, Some(Duration::ZERO));
        }
    }

    fn line(&self, part: &str) -> Option<String> {
        let id = self.server.log_id();
        let fits = |(server, level, text): &(ServerId, Level, String)| {
            *server == id && *level == Level::Debug && text.contains(part)
        };
        LOG.find(fits, || self.poll()).map(|(_, _, text)| text)
    }

    /// The number when it is not 0 any more: it may change after the event was told.
    fn counted(&self, name: &str) -> i64 {
        let end = Instant::now() + PATIENCE;
        while self.counter(name) == 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.counter(name)
    }

    fn counter(&self, name: &str) -> i64 {
        self.server.stats().get(name).expect("a counter")
    }
}

// --------------------------------------------------------------------- the client

struct Peer(TcpStream);

impl Peer {
    fn new(host: &Host) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", host.port)).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self(stream)
    }

    /// What the server refuses it may not read to the end.
    fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Reads until what was read ends with, or contains, `part`; empty when the stream ends first.
    fn read_until(&mut self, part: &str) -> String {
        let mut read = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&read).contains(part) {
            match self.0.read(&mut byte) {
                Ok(1) => read.push(byte[0]),
                _ => return String::new(),
            }
        }
        String::from_utf8_lossy(&read).into_owned()
    }

    fn ask(&mut self, method: &str, query: &str, headers: &str, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "{method} /socket.io/?EIO=4&{query} HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        self.send(&[head.as_bytes(), body].concat());
    }

    fn frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..126 => frame.push(0x80 | len as u8),
            len => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        // A key of zeros leaves the payload as it is.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.send(&frame);
    }

    fn text(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes());
    }
}

/// A WebSocket session that has joined `/`.
fn joined(host: &Host) -> Peer {
    let mut peer = opened(host);
    peer.text("40");
    assert!(!peer.read_until("40{\"sid\":").is_empty(), "it joins");
    peer
}

/// A WebSocket session.
fn opened(host: &Host) -> Peer {
    let mut peer = Peer::new(host);
    upgrade(&mut peer, "transport=websocket");
    assert!(!peer.read_until("maxPayload").is_empty(), "it opens");
    peer
}

fn upgrade(peer: &mut Peer, query: &str) {
    let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let head = format!("GET /socket.io/?EIO=4&{query} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    peer.send(head.as_bytes());
    assert!(peer.read_until("\r\n\r\n").contains(" 101 "), "it upgrades");
}

/// A polling session that has joined `/`: what its requests have in their query.
fn joined_polling(host: &Host) -> String {
    let mut peer = Peer::new(host);
    peer.ask("GET", "transport=polling", "", b"");
    let opened = peer.read_until("maxPayload");
    let (_, rest) = opened.split_once(r#""sid":""#).expect("an id");
    let query = format!("transport=polling&sid={}", &rest[..20]);
    let mut peer = Peer::new(host);
    peer.ask("POST", &query, "", b"40");
    assert!(!peer.read_until("\r\n\r\nok").is_empty());
    let mut peer = Peer::new(host);
    peer.ask("GET", &query, "", b"");
    assert!(!peer.read_until("40{\"sid\":").is_empty());
    query
}

/// Sends a GET that waits, as the server has nothing for it.
fn waiting_poll(host: &Host, query: &str) -> Peer {
    let before = host.counter("http_requests_total");
    let mut peer = Peer::new(host);
    peer.ask("GET", query, "", b"");
    let end = Instant::now() + PATIENCE;
    while host.counter("http_requests_total") == before {
        assert!(Instant::now() < end, "the request never arrived");
        std::thread::sleep(Duration::from_millis(1));
    }
    peer
}

// ------------------------------------------------------------ what ends connections

/// One way to lose a connection.
struct Row {
    name: &'static str,
    options: &'static str,
    /// What the client does. What it returns stays open until the end was told.
    act: fn(&Host) -> Vec<Peer>,
    reason: &'static str,
    kind: CauseKind,
    option: Option<(&'static str, u64)>,
    seen: Option<u64>,
    text: &'static str,
    counter: Option<&'static str>,
}

use CauseKind::{Deadline, Limit, Parse, Transport, Violation};

const ROWS: &[Row] = &[
    Row {
        name: "a message over maxHttpBufferSize",
        options: r#"{"maxHttpBufferSize":100}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x81, &[b'4'; 200]);
            vec![peer]
        },
        reason: "transport error",
        kind: Limit,
        option: Some(("maxHttpBufferSize", 100)),
        seen: None,
        text: "Max payload size exceeded",
        counter: Some("limit_payload_total"),
    },
    Row {
        name: "a message of too many fragments",
        options: r#"{"engine":{"maxFragments":3}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x01, b"4");
            for _ in 0..4 {
                peer.frame(0x00, b"2");
            }
            vec![peer]
        },
        reason: "transport error",
        kind: Limit,
        option: Some(("engine.maxFragments", 3)),
        seen: None,
        text: "Too many message fragments",
        counter: Some("limit_fragments_total"),
    },
    Row {
        name: "a frame with a reserved bit",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0xc1, b"4");
            vec![peer]
        },
        reason: "transport error",
        kind: Violation,
        option: None,
        seen: None,
        text: "Invalid WebSocket frame: RSV1 must be clear",
        counter: Some("parse_errors_total"),
    },
    Row {
        name: "a text that is not UTF-8",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x81, b"4\xff");
            vec![peer]
        },
        reason: "transport error",
        kind: Parse,
        option: None,
        seen: None,
        text: "Invalid WebSocket frame: invalid UTF-8 sequence",
        counter: Some("parse_errors_total"),
    },
    Row {
        name: "a message that is not an Engine.IO packet",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.text("x");
            vec![peer]
        },
        reason: "parse error",
        kind: Parse,
        option: None,
        seen: None,
        text: "a message is not an Engine.IO packet",
        counter: Some("parse_errors_total"),
    },
    Row {
        name: "a message that is not a Socket.IO packet",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.text("42[");
            vec![peer]
        },
        reason: "forced close",
        kind: Parse,
        option: None,
        seen: None,
        text: "invalid payload",
        counter: Some("parse_errors_total"),
    },
    Row {
        name: "too many attachments",
        options: r#"{"engine":{"maxAttachments":2}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"453-["a"]"#);
            vec![peer]
        },
        reason: "forced close",
        kind: Limit,
        option: Some(("engine.maxAttachments", 2)),
        seen: None,
        text: "too many attachments",
        counter: Some("limit_attachments_total"),
    },
    Row {
        name: "too deep",
        options: r#"{"engine":{"maxJsonDepth":3}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"42["a",[[[[1]]]]]"#);
            vec![peer]
        },
        reason: "forced close",
        kind: Limit,
        option: Some(("engine.maxJsonDepth", 3)),
        seen: None,
        text: "payload nested too deeply",
        counter: Some("limit_depth_total"),
    },
    Row {
        name: "attachments that are too large together",
        options: r#"{"maxHttpBufferSize":100}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"451-["a",{"_placeholder":true,"num":0}]"#);
            peer.frame(0x82, &[0; 90]);
            vec![peer]
        },
        reason: "forced close",
        kind: Limit,
        option: Some(("maxHttpBufferSize", 100)),
        seen: Some(128),
        text: "packet too large",
        counter: Some("limit_payload_total"),
    },
    Row {
        name: "a packet for a namespace that was not joined",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"42/nowhere,["a"]"#);
            vec![peer]
        },
        reason: "forced close",
        kind: Violation,
        option: None,
        seen: None,
        text: "a packet for a namespace that the client has not joined",
        counter: Some("protocol_violations_total"),
    },
    Row {
        name: "a second CONNECT",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.text("40");
            vec![peer]
        },
        reason: "forced close",
        kind: Violation,
        option: None,
        seen: None,
        text: "a second CONNECT for a namespace that the client has joined",
        counter: Some("protocol_violations_total"),
    },
    Row {
        name: "attachments that do not come",
        options: r#"{"engine":{"messageTimeout":100}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text(r#"451-["a",{"_placeholder":true,"num":0}]"#);
            vec![peer]
        },
        reason: "forced close",
        kind: Deadline,
        option: Some(("engine.messageTimeout", 100)),
        seen: None,
        text: "the attachments of a packet did not come in time",
        counter: Some("deadline_message_total"),
    },
    Row {
        name: "a message that is not finished",
        options: r#"{"engine":{"messageTimeout":100}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x01, b"42");
            vec![peer]
        },
        reason: "transport error",
        kind: Deadline,
        option: Some(("engine.messageTimeout", 100)),
        seen: None,
        text: "a message was not finished in time",
        counter: Some("deadline_message_total"),
    },
    Row {
        name: "pings that are not answered",
        options: r#"{"pingInterval":50,"pingTimeout":50}"#,
        act: |host| vec![joined(host)],
        reason: "ping timeout",
        kind: Deadline,
        option: Some(("pingTimeout", 50)),
        seen: None,
        text: "the client gave no sign of life after a ping",
        counter: Some("ping_timeouts_total"),
    },
    Row {
        name: "a stream that ends without a close frame",
        options: "{}",
        act: |host| {
            let peer = joined(host);
            peer.0.shutdown(Shutdown::Write).expect("it is open");
            vec![peer]
        },
        reason: "transport close",
        kind: Transport,
        option: None,
        seen: None,
        text: "the connection was closed without a close frame",
        counter: None,
    },
    Row {
        name: "an unusual close code",
        options: "{}",
        act: |host| {
            let mut peer = joined(host);
            peer.frame(0x88, &4001_u16.to_be_bytes());
            vec![peer]
        },
        reason: "transport close",
        kind: Transport,
        option: None,
        seen: None,
        text: "the client closed the WebSocket with code 4001",
        counter: None,
    },
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
        text: "a payload holds what is not an Engine.IO packet",
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

impl Row {
    fn check(&self, delivery: &str) {
        let name = format!("{} ({delivery})", self.name);
        let host = Host::new(delivery, self.options);
        let peers = (self.act)(&host);
        for last in [false, true] {
            let told = host
                .ends
                .0
                .find(|(is_last, _)| *is_last == last, || host.poll());
            let (_, end) = told.unwrap_or_else(|| panic!("{name}: no end was told"));
            let expected = End {
                reason: self.reason,
                kind: Some(self.kind),
                option: self.option.map(|(option, _)| option),
                limit: self.option.map(|(_, limit)| limit),
                seen: self.seen,
                text: self.text.to_owned(),
            };
            assert_eq!(end, expected, "{name}");
        }
        if let Some(counter) = self.counter {
            assert_eq!(host.counted(counter), 1, "{name}: {counter}");
        }
        for start in [
            " disconnected from / from 127.0.0.1:",
            " closed from 127.0.0.1:",
        ] {
            let line = host.line(start);
            let line = line.unwrap_or_else(|| panic!("{name}: there is no line with {start:?}"));
            let why = format!("{}: {}", self.reason, self.text);
            assert!(line.contains(&why), "{name}: {line}");
            if let Some((option, limit)) = self.option {
                assert!(
                    line.contains(&format!("{option} is {limit}")),
                    "{name}: {line}"
                );
            }
        }
        drop(peers);
    }
}

#[test]
fn the_end_of_a_connection_names_its_cause() {
    for delivery in DELIVERIES {
        for row in ROWS {
            row.check(delivery);
        }
    }
}

/// What ends as it should has no cause.
#[test]
fn a_usual_end_has_no_cause() {
    for delivery in DELIVERIES {
        let acts: [fn(&mut Peer); 2] = [
            |peer| peer.text("41"),
            |peer| peer.frame(0x88, &1000_u16.to_be_bytes()),
        ];
        for act in acts {
            let host = Host::new(delivery, "{}");
            let mut peer = joined(&host);
            act(&mut peer);
            drop(peer);
            let told = host.ends.0.find(|(is_last, _)| *is_last, || host.poll());
            let (_, end) = told.expect("the end is told");
            assert_eq!((end.kind, end.text.as_str()), (None, ""), "{}", end.reason);
        }
    }
}

/// Every option that a cause names is one.
#[test]
fn causes_name_options_that_there_are() {
    let options = ROWS.iter().filter_map(|row| row.option);
    for (option, _) in options {
        assert!(
            bellwire_core::config::OptionInfo::number_of(option).is_some(),
            "{option}"
        );
    }
}

// --------------------------------------------------------------- what is refused

/// One way to be refused, which only the log and a counter tell.
struct Refusal {
    name: &'static str,
    options: &'static str,
    act: fn(&Host) -> Vec<Peer>,
    counter: &'static str,
    /// What is in the line.
    line: &'static str,
}

fn asked(host: &Host, method: &str, query: &str) -> Vec<Peer> {
    let mut peer = Peer::new(host);
    peer.ask(method, query, "", b"");
    vec![peer]
}

const REFUSALS: &[Refusal] = &[
    Refusal {
        name: "an unknown transport",
        options: "{}",
        act: |host| asked(host, "GET", "transport=carrier-pigeon"),
        counter: "connection_errors_total",
        line: r#"0 "Transport unknown" {"transport":"carrier-pigeon"}"#,
    },
    Refusal {
        name: "an unknown session",
        options: "{}",
        act: |host| asked(host, "GET", "transport=polling&sid=nobody"),
        counter: "connection_errors_total",
        line: r#"1 "Session ID unknown" {}"#,
    },
    Refusal {
        name: "a bad method",
        options: "{}",
        act: |host| asked(host, "PUT", "transport=polling"),
        counter: "connection_errors_total",
        line: r#"2 "Bad handshake method" {"method":"PUT"}"#,
    },
    Refusal {
        name: "too many connections",
        options: r#"{"engine":{"maxConnections":1}}"#,
        act: |host| {
            let first = opened(host);
            let mut all = asked(host, "GET", "transport=polling");
            all.push(first);
            all
        },
        counter: "limit_connections_total",
        line: r#"3 "Bad request" {"name":"TOO_MANY_CONNECTIONS"} (engine.maxConnections is 1)"#,
    },
    Refusal {
        name: "a question that the host rejects for want of an answer",
        options: r#"{"engine":{"deferredTimeout":50}}"#,
        act: |host| {
            host.server.hooks().add(Hook::AllowRequest);
            asked(host, "GET", "transport=polling")
        },
        counter: "deadline_question_total",
        line: r#"4 "Forbidden""#,
    },
    Refusal {
        name: "another revision",
        options: "{}",
        act: |host| asked(host, "GET", "transport=polling&EIO=3"),
        counter: "connection_errors_total",
        line: r#"5 "Unsupported protocol version" {"protocol":3}"#,
    },
    Refusal {
        name: "a body that is too large",
        options: r#"{"maxHttpBufferSize":100}"#,
        act: |host| {
            let query = joined_polling(host);
            let mut peer = Peer::new(host);
            peer.ask("POST", &query, "", &[b'4'; 200]);
            vec![peer]
        },
        counter: "limit_payload_total",
        line: "the body is too large (maxHttpBufferSize is 100)",
    },
    Refusal {
        name: "a body that does not come",
        options: r#"{"engine":{"bodyTimeout":50}}"#,
        act: |host| {
            let query = joined_polling(host);
            let mut peer = Peer::new(host);
            let head = format!(
                "POST /socket.io/?EIO=4&{query} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4"
            );
            peer.send(head.as_bytes());
            vec![peer]
        },
        counter: "deadline_body_total",
        line: "the body did not come in time (engine.bodyTimeout is 50 ms)",
    },
    Refusal {
        name: "a head that does not come",
        options: r#"{"engine":{"headerTimeout":50}}"#,
        act: |host| {
            let mut peer = Peer::new(host);
            peer.send(b"GET /socket.io/");
            vec![peer]
        },
        counter: "deadline_header_total",
        line: "the request head did not come in time (engine.headerTimeout is 50 ms)",
    },
    Refusal {
        name: "a head that is too large",
        options: r#"{"engine":{"maxHeaderBytes":8192}}"#,
        act: |host| {
            let mut peer = Peer::new(host);
            peer.send(format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000)).as_bytes());
            vec![peer]
        },
        counter: "limit_headers_total",
        line: "engine.maxHeaderBytes is 8192",
    },
    Refusal {
        name: "more namespaces than allowed",
        options: r#"{"engine":{"maxNamespaces":1}}"#,
        act: |host| {
            host.server.of("/other").expect("a namespace");
            let mut peer = joined(host);
            peer.text("40/other,");
            vec![peer]
        },
        counter: "limit_namespaces_total",
        line: "Too many namespaces (engine.maxNamespaces is 1)",
    },
    Refusal {
        name: "more auth than allowed",
        options: r#"{"engine":{"maxAuthBytes":10}}"#,
        act: |host| {
            let mut peer = opened(host);
            peer.text(r#"40{"token":1234567}"#);
            vec![peer]
        },
        counter: "limit_auth_total",
        line: "Auth payload too large (engine.maxAuthBytes is 10, seen 17)",
    },
    Refusal {
        name: "more packets in a payload than allowed",
        options: r#"{"engine":{"maxPacketsPerPayload":2}}"#,
        act: |host| {
            let query = joined_polling(host);
            let mut peer = Peer::new(host);
            peer.ask("POST", &query, "", b"3\x1e3\x1e3");
            vec![peer]
        },
        counter: "limit_packets_total",
        line: "too many packets in one payload (engine.maxPacketsPerPayload is 2, seen 3)",
    },
    Refusal {
        name: "an answer that is not read",
        options: r#"{"engine":{"writeTimeout":50}}"#,
        act: |host| {
            let body = bytes::Bytes::from(vec![0; 64 << 20]);
            let served = host.server.serve("/large", "text/plain", Some(body));
            served.expect("a path");
            let mut peer = Peer::new(host);
            peer.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
            vec![peer]
        },
        counter: "deadline_write_total",
        line: "the client took nothing of an answer in time (engine.writeTimeout is 50 ms)",
    },
    Refusal {
        name: "a client that joins nothing",
        options: r#"{"connectTimeout":50}"#,
        act: |host| vec![opened(host)],
        counter: "deadline_connect_total",
        line: "forced close: the client joined no namespace in time (connectTimeout is 50 ms)",
    },
    Refusal {
        name: "an upgrade that is not completed",
        options: r#"{"upgradeTimeout":50}"#,
        act: |host| {
            let query = joined_polling(host).replace("polling", "websocket");
            let mut peer = Peer::new(host);
            upgrade(&mut peer, &query);
            vec![peer]
        },
        counter: "deadline_upgrade_total",
        line: "the upgrade was not completed in time (upgradeTimeout is 50 ms)",
    },
    Refusal {
        name: "a close that the client does not agree to",
        options: r#"{"engine":{"closeTimeout":50}}"#,
        act: |host| {
            let mut peer = joined(host);
            peer.text("40");
            vec![peer]
        },
        counter: "deadline_close_total",
        line: "the client did not agree to the close in time (engine.closeTimeout is 50 ms)",
    },
];

#[test]
fn refusals_are_logged_with_their_cause() {
    for delivery in DELIVERIES {
        for row in REFUSALS {
            let name = format!("{} ({delivery})", row.name);
            let host = Host::new(delivery, row.options);
            let peers = (row.act)(&host);
            let line = host.line(row.line);
            assert!(line.is_some(), "{name}: no line with {:?}", row.line);
            assert!(host.counted(row.counter) > 0, "{name}: {}", row.counter);
            drop(peers);
        }
    }
}

/// The life of a server and of a client, a line each.
#[test]
fn a_life_is_told_in_a_few_lines() {
    for delivery in DELIVERIES {
        let host = Host::new(delivery, r#"{"pingInterval":20000}"#);
        let mut peer = joined(&host);
        peer.frame(0x88, &1000_u16.to_be_bytes());
        host.line(" closed from").expect("the end is told");
        host.server.stop();
        let id = host.server.log_id();
        let all = LOG.all.lock().unwrap();
        let lines: Vec<_> = all
            .iter()
            .filter(|(server, ..)| *server == id)
            .map(|(_, _, text)| text.as_str())
            .collect();
        let expected = [
            ["session ", " opened from 127.0.0.1:"],
            ["", " connected to / from 127.0.0.1:"],
            ["session ", r#" in ["/"]: transport close"#],
            ["", " disconnected from / from 127.0.0.1:"],
            ["closed", "closed"],
        ];
        for [start, part] in expected {
            let found = lines
                .iter()
                .filter(|line| line.starts_with(start) && line.contains(part));
            assert_eq!(found.count(), 1, "{part:?} in {lines:#?}");
        }
        // Lines of this thread, and of others that are the host's.
        let mine = |part: &str| {
            all.iter()
                .any(|(_, level, text)| *level == Level::Info && text.contains(part))
        };
        assert!(mine("pingInterval=20000"), "options");
        assert!(mine(&format!("listening on port {}", host.port)));
    }
}
