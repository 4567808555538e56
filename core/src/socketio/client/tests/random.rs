//! Random input: nothing panics, the connection is closed at worst, and the delivered events are well-formed.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::World;
use crate::engineio::CloseReason;
use crate::json;
use crate::socketio::client::Flow;
use crate::socketio::event::{Hook, MessageRef, SocketEvent, What};
use crate::socketio::packet::RESERVED_EVENTS;

#[derive(Debug, Clone)]
enum Incoming {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Wait(u16),
    /// The host answers the last question.
    Answer(u8),
}

/// Parts of packets, so that random texts pass the first byte.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "51-",
        "52-",
        "61-",
        "/",
        "/chat,",
        ",",
        "7",
        "[",
        "]",
        "{",
        "}",
        r#"["a"]"#,
        r#"["a",1]"#,
        r#"["a",{"_placeholder":true,"num":0}]"#,
        "\"a\"",
        "null",
        "{}",
        "[]",
        " ",
        r#"["connect"]"#,
        r#"["\u0061"]"#,
        r#""\ud800""#,
        "[1]",
        "[-1.5e3,true]",
        "é",
        "😀",
        "\\",
        "\"",
        ":",
    ];
    prop_oneof![
        8 => proptest::sample::select(known.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => any::<String>().prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..4),
    ]
}

fn incoming() -> impl Strategy<Value = Incoming> {
    prop_oneof![
        10 => vec(piece(), 0..6).prop_map(|pieces| Incoming::Text(pieces.concat())),
        3 => Just(Incoming::Text(b"0".to_vec())),
        3 => Just(Incoming::Text(b"0/chat,{}".to_vec())),
        3 => vec(any::<u8>(), 0..40).prop_map(Incoming::Binary),
        1 => (0..8000u16).prop_map(Incoming::Wait),
        3 => any::<u8>().prop_map(Incoming::Answer),
    ]
}

fn check_message(message: &MessageRef<'_>) {
    if std::str::from_utf8(message.args).is_ok() {
        json::check(message.args, 128).unwrap();
    }
    json::split_args(message.args, 128).unwrap();
    assert!(!RESERVED_EVENTS.contains(&message.name));
}

fn run(hooks: &[Hook], all: Vec<Incoming>) {
    let mut world = World::new();
    for hook in hooks {
        world.namespace("/").hooks.add(*hook);
        world.namespace("/chat").hooks.add(*hook);
    }
    world.namespace("/chat");
    world.react(|event| {
        if let What::Socket(
            _,
            SocketEvent::Message { message, .. } | SocketEvent::PacketMiddleware { message, .. },
        ) = event.what
        {
            check_message(&message);
        }
    });
    for incoming in all {
        let flow = match incoming {
            Incoming::Text(mut text) => {
                let flow = world.client.handle_text(&mut text, world.now, || 0);
                world.client.handle_read_end(world.now);
                flow
            }
            Incoming::Binary(data) => world.receive_binary(&data),
            Incoming::Wait(ms) => {
                world.wait(Duration::from_millis(u64::from(ms)));
                Flow::Continue
            }
            Incoming::Answer(how) => {
                let question = world.host.questions.lock().unwrap().pop();
                // The question may have expired.
                let _ = question.map(|question| match how % 3 {
                    0 => question.reject(Default::default()),
                    1 => question.pass(),
                    _ => question.accept(),
                });
                Flow::Continue
            }
        };
        world.drain();
        if flow != Flow::Continue {
            break;
        }
    }
    world.close(CloseReason::TransportClose);
    world.drain();
    for gauge in [
        "sockets_count",
        "rooms_count",
        "pending_acks",
        "partial_packets",
    ] {
        assert_eq!(world.stat(gauge), 0, "{gauge}");
    }
    assert_eq!(world.client.poll_timeout(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_comes_in_does_harm(all in vec(incoming(), 0..20)) {
        run(&[], all);
    }

    #[test]
    fn nor_when_the_host_decides(all in vec(incoming(), 0..20)) {
        run(&[Hook::Middleware, Hook::PacketMiddleware, Hook::Rooms], all);
    }
}
