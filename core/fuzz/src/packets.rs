//! Socket.IO packets of a client in a payload of long-polling: the events that reach the host agree with `serde_json`.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bellwire_core::engineio::payload::{self, PayloadPacket};
use bellwire_core::engineio::{CloseReason, PacketType, SessionId, TransportKind};
use bellwire_core::log::listener::ServerId;
use bellwire_core::socketio::client::{Client, Flow};
use bellwire_core::socketio::event::{Clock, Hooks, SocketEvent, What};
use bellwire_core::socketio::packet::RESERVED_EVENTS;
use bellwire_core::socketio::{
    Backlog, Context, Event, EventSink, Limits, Link, Namespaces, Parser, Protocol, Request,
    SendPolicy, Settings, Socket,
};
use bellwire_core::stats::Stats;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "packets",
    run,
    seeds: &[
        b"40\x1e42[\"a\",1]\x1e427[\"a\"]\x1e41\x1e40/x,{\"t\":1}\x1e42/x,3[\"b\",{\"c\":[]}]",
        b"40\x1e452-[\"a\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]\x1ebAQID\x1eb\x1e42[\"after\"]",
        b"40/x\x1e451-/x,9[\"a\",[{\"num\":0,\"_placeholder\":true}]]\x1ebAAAA\x1e41/x,",
        b"40\x1e43[\"answer\"]\x1e461-1[{\"_placeholder\":true,\"num\":0}]\x1ebAAAA\x1e4312345[]",
        b"40\x1e42[\"\\u0061\\ud83d\\ude00\", \"\xe2\x82\xac\" ]\x1e42[ 12 , null ]\x1e42[\"connect\"]",
        b"42[\"too early\"]",
        b"40\x1e44\"no\"\x1e4",
        b"40\x1e42[\"a-name-that-is-longer-than-what-is-copied-to-the-stack-while-it-is-split\"  ]",
    ],
    words: &[
        "\u{1e}", "40", "41", "42", "43", "44", "451-", "452-", "461-", "/x,", "7", "[\"a\"", "]", ",", "bAQID",
        "{\"_placeholder\":true,\"num\":0}", "{\"_placeholder\":true,\"num\":1}", "[[[[[[", "]]]]]]", "\"connect\"",
        "\\u0061", "\"", "1e9", "{}", " ", "12345678901234567890", "€",
    ],
};

const DEPTH: usize = 5;
const ATTACHMENTS: usize = 3;

/// A host that records its events.
#[derive(Default)]
struct Host {
    heard: Mutex<Vec<String>>,
    here: Mutex<Vec<Arc<Socket>>>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}

impl Host {
    fn here(&self, socket: &Arc<Socket>) -> Option<usize> {
        let here = self.here.lock().expect("no thread has panicked");
        here.iter().position(|known| Arc::ptr_eq(known, socket))
    }
}

impl EventSink for Host {
    fn deliver(&self, event: &Event<'_>) {
        if let Some(socket) = event.socket() {
            let known = self.here(socket).is_some();
            assert_eq!(
                known,
                !matches!(event.what, What::Socket(_, SocketEvent::Connection))
            );
        }
        match event.what {
            What::Socket(socket, SocketEvent::Connection) => {
                self.here
                    .lock()
                    .expect("no thread has panicked")
                    .push(Arc::clone(socket));
            }
            What::Socket(socket, SocketEvent::Disconnect { .. }) => {
                let at = self.here(socket).expect("it was here");
                self.here.lock().expect("no thread has panicked").remove(at);
            }
            What::Socket(socket, SocketEvent::Message { message, ack }) => {
                let args: Vec<&RawValue> =
                    serde_json::from_slice(message.args).expect("the arguments are an array");
                assert_eq!(message.arg_count, Some(args.len() as u32));
                for arg in &args {
                    if let Ok(tree) = serde_json::from_str(arg.get()) {
                        check_placeholders(&tree, message.attachments.len());
                    }
                }
                let args: Vec<_> = args.iter().map(|arg| arg.get()).collect();
                let namespace = socket.namespace().name();
                let text = described(namespace, message.name, &args, ack);
                self.heard
                    .lock()
                    .expect("no thread has panicked")
                    .push(text);
            }
            _ => {}
        }
    }

    fn ring(&self) {}

    fn poll_ready(&self, _: &Arc<Backlog>, _: &mut TaskContext<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

fn described(namespace: &str, name: &str, args: &[&str], ack: Option<u64>) -> String {
    format!("{namespace} {name} {args:?} {ack:?}")
}

/// Each placeholder stands for an existing attachment.
fn check_placeholders(tree: &Value, attachments: usize) {
    match tree {
        // Without attachments, an object that looks like a placeholder is data.
        _ if attachments == 0 => {}
        Value::Array(items) => items
            .iter()
            .for_each(|item| check_placeholders(item, attachments)),
        Value::Object(members) => {
            if members.get("_placeholder") == Some(&Value::Bool(true)) {
                let num = members["num"].as_f64().expect("it has a number");
                assert!(num >= 0.0 && num < attachments as f64 && num.fract() == 0.0);
            }
            members
                .values()
                .for_each(|member| check_placeholders(member, attachments));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[derive(Debug)]
struct Never;

impl Clock for Never {
    #[expect(clippy::disallowed_methods, reason = "a test needs some moment")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn after(&self, _: Duration, _: Box<dyn FnOnce() + Send>) {}
}

fn client(host: &Arc<Host>) -> (Client, Arc<Namespaces>) {
    let sink: Arc<dyn EventSink> = Arc::<Host>::clone(host);
    let context = Arc::new(Context {
        settings: Settings {
            limits: Limits {
                attachments: ATTACHMENTS,
                packet_bytes: 1000,
                json_depth: DEPTH,
                namespaces: 3,
                pending_acks: 2,
                auth_bytes: 1000,
                rooms: 2,
                held_messages: 2,
            },
            question_timeout: Duration::from_secs(5),
            packet_timeout: Duration::from_secs(10),
            send_buffer: 1000,
            send_buffer_max: 1000,
            send_grace: Duration::ZERO,
            send_policy: SendPolicy::Error,
            protocol: Protocol::SocketIo(Parser::Json),
        },
        sink,
        clock: Arc::new(Never),
        log_id: ServerId::NONE,
        stats: Arc::new(Stats::default()),
        hooks: Hooks::default(),
    });
    let id = SessionId::random().expect("there is randomness");
    let link = Link::new(id, TransportKind::WebSocket, Arc::clone(&context));
    let namespaces = Arc::new(Namespaces::new(context));
    namespaces.of("/x").expect("it is a good name");
    let peer = ("127.0.0.1".parse().expect("an address"), 1);
    let request = Request::new("GET", "/socket.io/", std::iter::empty(), peer, false);
    let client = Client::new(Arc::clone(&namespaces), Arc::new(link), Arc::new(request));
    (client, namespaces)
}

#[expect(clippy::disallowed_methods, reason = "a test needs some first moment")]
fn run(data: &[u8]) {
    let host = Arc::new(Host::default());
    let (mut client, namespaces) = client(&host);
    let stats = &namespaces.context().stats;
    let now = Instant::now();
    for packet in payload::decode(&mut data.to_vec()) {
        let heard = host.heard.lock().expect("no thread has panicked").len();
        let flow = match packet {
            Ok(PayloadPacket::Binary(data)) => {
                let awaited = stats.partial_packets.value() == 1;
                let flow = client.handle_binary(&data, now);
                assert!(awaited || flow != Flow::Continue);
                flow
            }
            // Transports pass only valid UTF-8.
            Ok(PayloadPacket::Text(PacketType::Message, text))
                if std::str::from_utf8(text).is_ok() =>
            {
                let awaiting = stats.partial_packets.value() == 1;
                let sent = text.to_vec();
                let expected = expected(&host, &sent).filter(|_| !awaiting);
                let flow = client.handle_text(text, now, || 0);
                assert!(!awaiting || flow != Flow::Continue);
                let all = host.heard.lock().expect("no thread has panicked");
                same(&all.get(heard).cloned(), &expected, &sent);
                flow
            }
            _ => break,
        };
        if flow != Flow::Continue {
            break;
        }
        client.handle_read_end(now);
    }
    client.handle_close(CloseReason::TransportClose, now);
    assert!(host.here.lock().expect("no thread has panicked").is_empty());
    let left = [
        &stats.partial_packets,
        &stats.pending_acks,
        &stats.sockets_count,
    ];
    assert_eq!(left.map(|stat| stat.value()), [0; 3]);
}

/// The event that the host gets for a text, if the text is an event for a namespace that was joined.
fn expected(host: &Host, text: &[u8]) -> Option<String> {
    let mut rest = std::str::from_utf8(text).ok()?.strip_prefix('2')?;
    let mut namespace = "/";
    if rest.starts_with('/') {
        (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, json) = rest.split_at(digits);
    let id = match id.len() {
        0 => None,
        1..=19 => Some(id.parse().expect("they are digits")),
        _ => return None,
    };
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let (name, args) = items.split_first()?;
    let name = match name.get().as_bytes()[0] {
        b'"' => serde_json::from_str(&without_halves(name.get())).ok()?,
        b'-' | b'0'..=b'9' => name.get().to_owned(),
        _ => return None,
    };
    let reserved = RESERVED_EVENTS.contains(&&*name) && items[0].get().starts_with('"');
    if reserved || bellwire_core::json::check(json.as_bytes(), DEPTH).is_err() {
        return None;
    }
    let here = host.here.lock().expect("no thread has panicked");
    here.iter()
        .any(|socket| **socket.namespace().name() == *namespace)
        .then(|| {
            let args: Vec<_> = args.iter().map(|arg| arg.get()).collect();
            described(namespace, &name, &args, id)
        })
}

/// A JSON string with U+FFFD for each escape that is half of a surrogate pair.
fn without_halves(literal: &str) -> String {
    let unit = |rest: &str| {
        let digits = rest.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut out = String::new();
    let mut rest = literal;
    while let Some(first) = rest.chars().next() {
        let len = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                out.push(char::REPLACEMENT_CHARACTER);
                rest = &rest[6..];
                continue;
            }
            _ if first == '\\' => 2,
            _ => first.len_utf8(),
        };
        out.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    out
}
