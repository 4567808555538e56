//! Requests to a running server: the status and the code of each response are those that a simple model predicts, which
//! makes the checks in the order of the official server.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bellwire_core::config::Config;
use bellwire_core::host::Handler;
use bellwire_core::server::Server;
use bellwire_core::socketio::Event;

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "routing",
    run,
    seeds: &[
        b"GET /socket.io/?EIO=4&transport=polling\n\n",
        b"POST /socket.io/?EIO=4&transport=polling&sid=abcdefghijklmnopqrst\nContent-Type: text/plain\n\n4hello",
        b"GET /socket.io/?EIO=4&transport=websocket\nUpgrade: websocket\nConnection: keep-alive, Upgrade\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n\n",
        b"GET /socket.io/?EIO=3&transport=polling\nOrigin: http://a.example\n\n",
        b"GET /socket.io/?transport=x&EIO=4\nConnection: upgrade\nUpgrade: h2c\n\n",
        b"DELETE /other?EIO=4&transport=polling\n\n",
    ],
    words: &[
        "GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "/socket.io/", "?", "&", "=", "EIO=4", "EIO=3", "transport=polling",
        "transport=websocket", "sid=", "sid=a", "\n", "\n\n", ": ", ", ", "Upgrade: websocket\n", "Connection: upgrade\n",
        "Sec-WebSocket-Version: 13\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n", "Origin: null\n",
    ],
};

/// The header names that a request may have; the target `requests` covers all others.
const NAMES: [&str; 8] = [
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "origin",
    "content-type",
    "cookie",
    "accept",
];

/// The messages of the protocol's error codes.
const MESSAGES: [&str; 6] = [
    "Transport unknown",
    "Session ID unknown",
    "Bad handshake method",
    "Bad request",
    "Forbidden",
    "Unsupported protocol version",
];

struct Silent;

impl Handler for Silent {
    fn handle(&self, _: &Event<'_>) {}
}

/// The server of this process, on an abstract Unix address.
static SERVER: LazyLock<(Arc<Server>, SocketAddr)> = LazyLock::new(|| {
    let mut config = Config::default();
    let options = r#"{"pingInterval":300,"pingTimeout":300,"connectTimeout":300,
        "engine":{"workerThreads":1,"delivery":"inline","closeTimeout":100}}"#;
    config.set_json(options).expect("good options");
    let server = Server::new(&config, Arc::new(Silent)).expect("a server");
    let name = format!("bellwire-routing-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).expect("a short name");
    let listener = UnixListener::bind_addr(&address).expect("a new name");
    let listens = server.listen_fd(listener.into());
    assert!(listens.is_ok(), "the server listens");
    (server, address)
});

/// A well-formed request.
struct Request<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<(String, &'a str)>,
    body: &'a str,
}

/// The response to a request.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    NotFound,
    Refused(usize),
    /// An upgrade that is not a WebSocket handshake.
    BadHandshake,
    Opened,
    Switched,
}

fn run(data: &[u8]) {
    let Some(request) = std::str::from_utf8(data).ok().and_then(Request::parse) else {
        return;
    };
    let answer = Answer::receive(&request);
    same(&answer.decision(&request), &request.decide(), data);
}

impl<'a> Request<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let (method, target) = lines.next()?.split_once(' ')?;
        let is_method = matches!(method.len(), 1..=10)
            && method.bytes().all(|byte| byte.is_ascii_uppercase())
            && method != "CONNECT";
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/?&=._-~".contains(&byte);
        if !is_method
            || !target.starts_with('/')
            || target.starts_with("//")
            || !target.bytes().all(is_plain)
        {
            return None;
        }
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let name = name.to_ascii_lowercase();
            let is_text = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            (NAMES.contains(&&*name) && is_text).then_some((name, value.trim()))
        });
        let headers: Vec<_> = headers.collect();
        // What follows the head of an upgrade is not a body.
        let has_body = !headers.iter().any(|(name, _)| name == "upgrade");
        Some(Self {
            method,
            target,
            headers,
            body: if has_body { body } else { "" },
        })
    }

    fn encode(&self) -> String {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: a\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() || self.method == "POST" {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        text + "\r\n" + self.body
    }

    fn values(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(known, _)| known == name);
        of_name.map(|(_, value)| *value).collect()
    }

    fn is_upgrade(&self) -> bool {
        let connection = self.values("connection").join(",").to_ascii_lowercase();
        !self.values("upgrade").is_empty()
            && connection.split(',').any(|token| token.trim() == "upgrade")
    }

    fn is_handshake(&self) -> bool {
        let is_key = |key: &str| {
            let digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
            key.len() == 24 && key.ends_with("==") && key.bytes().take(22).all(digit)
        };
        matches!(*self.values("upgrade"), [name] if name.eq_ignore_ascii_case("websocket"))
            && matches!(*self.values("sec-websocket-key"), [key] if is_key(key))
            && matches!(*self.values("sec-websocket-version"), ["13" | "8"])
    }

    fn decide(&self) -> Decision {
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        if !path.starts_with("/socket.io/") {
            return Decision::NotFound;
        }
        let last = |wanted: &str| {
            let pairs = query
                .split('&')
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs
                .rev()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| value)
        };
        let transport = last("transport");
        if !matches!(transport, Some("polling" | "websocket")) {
            Decision::Refused(0)
        } else if last("sid").is_some_and(|sid| !sid.is_empty()) {
            Decision::Refused(1)
        } else if self.method != "GET" {
            Decision::Refused(2)
        } else if transport == Some("websocket") && !self.is_upgrade() {
            Decision::Refused(3)
        } else if last("EIO") != Some("4") {
            Decision::Refused(5)
        } else if !self.is_upgrade() {
            Decision::Opened
        } else if self.is_handshake() {
            Decision::Switched
        } else {
            Decision::BadHandshake
        }
    }
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// Sends the request on a new connection.
    fn receive(request: &Request<'_>) -> Self {
        let mut stream = UnixStream::connect_addr(&SERVER.1).expect("the server accepts");
        let timeout = Some(Duration::from_secs(60));
        stream.set_read_timeout(timeout).expect("a timeout");
        // The server may respond and close before the whole body is written.
        let _ = stream.write_all(request.encode().as_bytes());
        let mut read = Vec::new();
        let mut part = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&read);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let status = head[9..12].parse().expect("a status");
                let length = head.split_once("content-length: ").map_or(0, |(_, rest)| {
                    rest.lines()
                        .next()
                        .expect("a line")
                        .parse()
                        .expect("a length")
                });
                if status == 101 || request.method == "HEAD" || body.len() >= length {
                    let body = body.to_owned();
                    return Self { status, body };
                }
            }
            match stream.read(&mut part) {
                Ok(count) if count > 0 => read.extend_from_slice(&part[..count]),
                end => panic!(
                    "no answer but {:?}: {end:?}",
                    String::from_utf8_lossy(&read)
                ),
            }
        }
    }

    /// The decision that a response shows.
    fn decision(&self, request: &Request<'_>) -> Decision {
        let code = |code: &usize| {
            let json = format!("{{\"code\":{code},\"message\":\"{}\"}}", MESSAGES[*code]);
            self.body == json || (request.is_upgrade() && self.body == MESSAGES[*code])
        };
        match self.status {
            404 => Decision::NotFound,
            101 => Decision::Switched,
            200 if self.body.starts_with("0{\"sid\":\"") => Decision::Opened,
            // A response to HEAD has no body with the code.
            400 if request.method == "HEAD" => request.decide(),
            400 => (0..MESSAGES.len())
                .find(code)
                .map_or(Decision::BadHandshake, Decision::Refused),
            405 | 426 => Decision::BadHandshake,
            status => panic!("unexpected status {status}: {:?}", self.body),
        }
    }
}
