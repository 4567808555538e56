//! Messages of the host: order, volatile messages, the send buffer and its policies, outgoing listeners.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use tracing::span::{Attributes, Id, Record};

use super::world::{message, payload};
use super::{World, settings};
use crate::engineio::CloseReason;
use crate::error::ErrorKind;
use crate::socketio::event::Hook;
use crate::socketio::message::Payload;
use crate::socketio::namespace::Namespace;
use crate::socketio::target::{Reliability, Target};
use crate::socketio::{Parser, SendPolicy, Settings};

#[test]
fn everything_leaves_in_the_order_of_the_calls() {
    let mut world = World::connected();
    let (socket, namespace) = (world.socket("/"), world.namespace("/"));
    socket
        .emit(&payload("a", ""), Reliability::Reliable)
        .unwrap();
    namespace.emit(&Target::ALL, &payload("b", "[1]"));
    socket
        .emit_message(&message("c", "[{}]"), Reliability::Reliable)
        .unwrap();
    let attachments = [Bytes::from_static(&[1]), Bytes::from_static(&[2])];
    let args = br#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let binary = Payload::event("d", args, &attachments, 10).unwrap();
    socket.emit(&binary, Reliability::Reliable).unwrap();
    socket.acknowledge(5, &payload("", "[true]")).unwrap();
    let answer =
        Payload::args(br#"[{"_placeholder":true,"num":0}]"#, &attachments[..1], 10).unwrap();
    socket.acknowledge(6, &answer).unwrap();
    world.drain();
    world.expect(&[
        r#"send 42["a"]"#,
        r#"send 42["b",1]"#,
        r#"send 42["c",{}]"#,
        r#"send 452-["d",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}] [1] [2]"#,
        "send 435[true]",
        r#"send 461-6[{"_placeholder":true,"num":0}] [1]"#,
    ]);
}

#[test]
fn a_message_is_encoded_once_for_a_namespace() {
    let mut world = World::connected();
    world.namespace("/chat");
    world.receive("0/chat");
    world.forget();
    let event = message("a", "[1]");
    world.namespace("/").emit_message(&Target::ALL, &event);
    world.namespace("/chat").emit_message(&Target::ALL, &event);
    let root = Arc::clone(world.namespace("/").name());
    let encoded = || event.encoded(Parser::Json, &root);
    assert!(Arc::ptr_eq(&encoded(), &encoded()));
    world.drain();
    world.expect(&[r#"send 42["a",1]"#, r#"send 42/chat,["a",1]"#]);
}

#[test]
fn what_cannot_be_sent_is_an_error_of_the_host() {
    let attachments = [Bytes::new()];
    let placeholder = br#"[{"_placeholder":true,"num":1}]"#;
    for (name, args, attachments, kind) in [
        ("connect", &b""[..], &[][..], ErrorKind::Name),
        ("disconnecting", b"", &[], ErrorKind::Name),
        ("a", b"[1", &[], ErrorKind::Json),
        ("a", b"{}", &[], ErrorKind::Json),
        ("a", b"[\"\xff\"]", &[], ErrorKind::Utf8),
        ("a", b"[[[[1]]]]", &[], ErrorKind::TooBig),
        ("a", b"[]", &attachments, ErrorKind::Placeholder),
        ("a", placeholder, &attachments, ErrorKind::Placeholder),
    ] {
        let error = Payload::event(name, args, attachments, 3).unwrap_err();
        assert_eq!(error.kind(), kind, "{name} {args:?}");
    }
}

#[test]
fn data_that_looks_like_a_placeholder_is_sent_unchanged() {
    let mut world = World::connected();
    let socket = world.socket("/");
    let attachments = [Bytes::from_static(&[1])];
    let args = br#"[{"_placeholder":true,"num":99},{"_placeholder":true,"num":0}]"#;
    let event = Payload::encoded_event("a", args, &attachments).unwrap();
    socket.emit(&event, Reliability::Reliable).unwrap();
    socket
        .acknowledge(7, &Payload::encoded_args(args, &attachments))
        .unwrap();
    world.drain();
    world.expect(&[
        r#"send 451-["a",{"_placeholder":true,"num":99},{"_placeholder":true,"num":0}] [1]"#,
        r#"send 461-7[{"_placeholder":true,"num":99},{"_placeholder":true,"num":0}] [1]"#,
    ]);
}

// ---- volatile

#[test]
fn volatile_messages_do_not_wait() {
    let mut world = World::connected();
    let (socket, namespace) = (world.socket("/"), world.namespace("/"));
    let volatile = |name| {
        socket
            .emit(&payload(name, ""), Reliability::Volatile)
            .unwrap()
    };
    volatile("a");
    // A message is queued before it.
    volatile("dropped");
    world.drain();
    world.link.set_writable(false);
    volatile("dropped");
    let target = Target {
        reliability: Reliability::Volatile,
        ..Target::ALL
    };
    namespace.emit(&target, &payload("dropped", ""));
    socket
        .emit(&payload("b", ""), Reliability::Reliable)
        .unwrap();
    world.drain();
    world.link.set_writable(true);
    world.link.mailbox.set_backlog(1);
    volatile("dropped");
    world.link.mailbox.set_backlog(0);
    namespace.emit(&target, &payload("c", ""));
    world.drain();
    world.expect(&[r#"send 42["a"]"#, r#"send 42["b"]"#, r#"send 42["c"]"#]);
    assert_eq!(world.stat("volatile_dropped_total"), 4);
}

// ---- the send buffer

fn with_policy(send_policy: SendPolicy) -> World {
    let mut world = World::with(Settings {
        send_policy,
        ..settings()
    });
    world.receive("0");
    world.forget();
    world
}

/// Emits until a call fails, up to a limit. Returns the number of successful calls, and the error.
fn fill(world: &World) -> (usize, Option<ErrorKind>) {
    let args = format!("[\"{}\"]", "x".repeat(100));
    for calls in 0..20 {
        if let Err(error) = world
            .socket("/")
            .emit(&payload("a", &args), Reliability::Reliable)
        {
            return (calls, Some(error.kind()));
        }
    }
    (20, None)
}

#[test]
fn a_full_buffer_is_the_senders_matter() {
    let mut world = with_policy(SendPolicy::Error);
    let (sent, error) = fill(&world);
    assert_eq!((sent, error), (5, Some(ErrorKind::Full)));
    assert_eq!(fill(&world), (0, Some(ErrorKind::Full)));
    assert_eq!(world.stat("send_buffer_full_total"), 2);
    // Control packets of the engine are queued regardless.
    world.check(
        "0/nowhere",
        &[
            &format!("send 42[\"a\",\"{}\"]", "x".repeat(100)),
            &format!("send 42[\"a\",\"{}\"]", "x".repeat(100)),
            &format!("send 42[\"a\",\"{}\"]", "x".repeat(100)),
            &format!("send 42[\"a\",\"{}\"]", "x".repeat(100)),
            &format!("send 42[\"a\",\"{}\"]", "x".repeat(100)),
            r#"send 44/nowhere,{"message":"Invalid namespace"}"#,
        ],
    );
    assert_eq!(fill(&world).0, 5);
    // Bytes that the driver could not write yet count.
    world.drain();
    world.link.mailbox.set_backlog(500);
    assert_eq!(fill(&world).0, 2);
}

#[test]
fn a_full_buffer_drops() {
    let mut world = with_policy(SendPolicy::Drop);
    assert_eq!(fill(&world), (20, None));
    world.drain();
    assert_eq!(world.stat("send_buffer_full_total"), 15);
    assert_eq!(
        world.stat("messages_sent_total"),
        0,
        "the driver counts those"
    );
}

#[test]
fn a_full_buffer_costs_the_slow_client_its_connection() {
    let mut world = with_policy(SendPolicy::Disconnect);
    assert_eq!(fill(&world), (20, None));
    let sent = format!("send 42[\"a\",\"{}\"]", "x".repeat(100));
    world.drain();
    world.expect(&[&sent, &sent, &sent, &sent, &sent, "close: transport error"]);
    assert_eq!(world.stat("send_buffer_full_total"), 15);
    assert_eq!(world.stat("slow_clients_disconnected_total"), 1);
}

#[test]
fn a_broadcast_goes_on_past_a_full_client() {
    let slow = World::connected();
    let mut fast = slow.another();
    fast.receive("0");
    fill(&slow);
    slow.forget();
    let args = format!("[\"{}\"]", "y".repeat(900));
    slow.namespace("/").emit(&Target::ALL, &payload("b", &args));
    fast.drain();
    fast.expect(&[&format!("send 42[\"b\",\"{}\"]", "y".repeat(900))]);
}

/// Notes for each log line whether another thread can use the namespace while the line is written.
struct Watcher {
    namespace: Arc<Namespace>,
    usable: Arc<Mutex<Vec<bool>>>,
}

impl tracing::Subscriber for Watcher {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        if *event.metadata().level() == tracing::Level::WARN {
            let (answer, answered) = mpsc::channel();
            let namespace = Arc::clone(&self.namespace);
            std::thread::spawn(move || answer.send(namespace.socket_count()));
            let usable = answered.recv_timeout(Duration::from_secs(20)).is_ok();
            self.usable.lock().unwrap().push(usable);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn the_log_line_of_a_broadcast_is_written_without_the_lock() {
    let world = World::connected();
    fill(&world);
    let (namespace, usable) = (world.namespace("/"), Arc::default());
    let watcher = Watcher {
        namespace: Arc::clone(&namespace),
        usable: Arc::clone(&usable),
    };
    tracing::subscriber::with_default(watcher, || {
        namespace.emit(
            &Target::ALL,
            &payload("b", &format!("[\"{}\"]", "y".repeat(900))),
        );
    });
    assert_eq!(*usable.lock().unwrap(), [true]);
}

#[test]
fn what_was_dropped_is_told_before_the_socket_leaves() {
    let mut world = with_policy(SendPolicy::Drop);
    world.context().hooks.add(Hook::Dropped);
    assert_eq!(fill(&world), (20, None));
    world.drain();
    world.forget();
    world.check(
        "1",
        &[
            "dropped / 15",
            "disconnecting / client namespace disconnect [ID]",
            "disconnect / client namespace disconnect",
        ],
    );
}

#[test]
fn a_lone_message_may_be_larger_than_the_buffer() {
    let mut world = World::connected();
    let args = format!("[\"{}\"]", "x".repeat(5000));
    let socket = world.socket("/");
    socket
        .emit(&payload("a", &args), Reliability::Reliable)
        .unwrap();
    let refused = socket.emit(&payload("b", ""), Reliability::Reliable);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Full);
    world.drain();
    world.expect(&[&format!("send 42[\"a\",\"{}\"]", "x".repeat(5000))]);
}

#[test]
fn after_the_end_every_call_fails() {
    let mut world = World::connected();
    let socket = world.socket("/");
    world.link.mailbox.close();
    let refused = socket.emit(&payload("a", ""), Reliability::Reliable);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Gone);
    world.close(CloseReason::TransportClose);
    let refused = socket.emit(&payload("a", ""), Reliability::Volatile);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Gone);
    assert_eq!(world.stat("send_buffer_full_total"), 0);
}

// ---- outgoing listeners

#[test]
fn what_leaves_is_seen_before_it_leaves() {
    let mut world = World::connected();
    let (socket, namespace) = (world.socket("/"), world.namespace("/"));
    for hooks in [&namespace.hooks, &socket.hooks] {
        socket
            .emit(&payload("unseen", ""), Reliability::Reliable)
            .unwrap();
        hooks.add(Hook::Outgoing);
        socket
            .emit(&payload("a", "[1]"), Reliability::Reliable)
            .unwrap();
        namespace.emit(&Target::ALL, &payload("b", ""));
        socket
            .emit_message(&message("c", ""), Reliability::Reliable)
            .unwrap();
        namespace.emit_message(&Target::ALL, &message("d", ""));
        socket.acknowledge(1, &payload("", "")).unwrap();
        hooks.remove(Hook::Outgoing);
        world.drain();
        world.expect(&[
            r#"send 42["unseen"]"#,
            "outgoing / a[1]",
            r#"send 42["a",1]"#,
            "outgoing / b[]",
            r#"send 42["b"]"#,
            "outgoing / c[]",
            r#"send 42["c"]"#,
            "outgoing / d[]",
            r#"send 42["d"]"#,
            "send 431[]",
        ]);
    }
}

#[test]
fn a_broadcast_is_seen_for_those_who_look() {
    let first = World::connected();
    let mut second = first.another();
    second.receive("0");
    let mut first = first;
    first.forget();
    second.socket("/").hooks.add(Hook::Outgoing);
    first.namespace("/").emit(&Target::ALL, &payload("a", ""));
    first.drain();
    first.expect(&[r#"send 42["a"]"#]);
    second.drain();
    first.expect(&["outgoing / a[]", r#"send 42["a"]"#]);
}
