//! Joining a namespace.

use std::time::Duration;

use super::World;
use crate::engineio::CloseReason;
use crate::socketio::event::{Hook, SocketEvent, What};
use crate::socketio::question::{Closed, Rejection};

#[test]
fn the_answer_comes_before_everything_that_the_host_says() {
    let mut world = World::new();
    world.react(|event| {
        if let What::Socket(socket, SocketEvent::Connection) = event.what {
            let payload = super::world::payload("hello", "[1]");
            socket.emit(&payload, Default::default()).unwrap();
        }
    });
    world.check(
        "0",
        &[
            "connection /",
            r#"send 40{"sid":"ID"}"#,
            r#"send 42["hello",1]"#,
        ],
    );
    assert_eq!(world.stat("sockets_count"), 1);
    assert!(world.client.has_joined());
    let socket = world.socket("/");
    assert_eq!(
        world
            .namespace("/")
            .find(socket.id().as_str())
            .unwrap()
            .id(),
        socket.id()
    );
}

#[test]
fn namespaces_are_joined_one_by_one() {
    let mut world = World::new();
    world.namespace("/chat");
    world.check(
        r#"0/chat,{"token":"x"}"#,
        &["connection /chat", r#"send 40/chat,{"sid":"ID"}"#],
    );
    world.check("0", &["connection /", r#"send 40{"sid":"ID"}"#]);
    assert_eq!(
        world.socket("/chat").handshake().auth(),
        br#"{"token":"x"}"#
    );
    assert_eq!(world.socket("/").handshake().auth(), b"{}");
    assert_eq!(world.socket("/").handshake().issued_ms(), 1000);
    assert_ne!(world.socket("/").id(), world.socket("/chat").id());
    world.check(r#"2/chat,["a"]"#, &["message /chat a[]"]);
}

#[test]
fn a_namespace_that_does_not_exist_cannot_be_joined() {
    let mut world = World::new();
    for name in ["/nowhere", "/nowhere/", "/chat?x=1"] {
        world.check(
            &format!("0{name},"),
            &[&format!(
                r#"send 44{name},{{"message":"Invalid namespace"}}"#
            )],
        );
    }
    assert!(!world.client.has_joined());
    // The client can retry when the namespace exists.
    world.namespace("/nowhere");
    world.check(
        "0/nowhere",
        &["connection /nowhere", r#"send 40/nowhere,{"sid":"ID"}"#],
    );
}

#[test]
fn auth_is_an_object_or_nothing() {
    for text in ["0[]", "0\"x\"", "0null", "0{", "01", "0/chat,x"] {
        let mut world = World::new();
        world.namespace("/chat");
        let expected: &[&str] = if text == "01" {
            // A number there is an acknowledgement id, which a CONNECT ignores.
            &["connection /", r#"send 40{"sid":"ID"}"#]
        } else {
            &["parse error: invalid payload"]
        };
        world.check(text, expected);
    }
    World::new().check(
        r#"0{"a":{"b":{"c":{"d":{"e":{}}}}}}"#,
        &["parse error: payload nested too deeply"],
    );
}

#[test]
fn a_second_connection_to_a_namespace_is_out_of_place() {
    let mut world = World::connected();
    world.check("0", &["violation"]);
    assert_eq!(world.stat("protocol_violations_total"), 1);
    let mut world = World::new();
    world.namespace("/").hooks.add(Hook::Middleware);
    world.check("0", &["middleware / step 0"]);
    world.check("0", &["violation"]);
}

#[test]
fn a_packet_before_the_answer_is_out_of_place() {
    for text in ["2[\"a\"]", "1", "30[]", "2/chat,[\"a\"]"] {
        let mut world = World::new();
        world.receive_batch(&["0", text]);
        world.expect(&["violation", "connection /", r#"send 40{"sid":"ID"}"#]);
        // A client that has joined no namespace must not send packets either.
        World::new().check(text, &["violation"]);
    }
    let mut world = World::new();
    world.namespace("/").hooks.add(Hook::Middleware);
    world.receive("0");
    world.forget();
    world.check("2[\"a\"]", &["violation"]);
}

#[test]
fn a_client_may_be_in_so_many_namespaces() {
    let mut world = World::new();
    for name in ["/a", "/b", "/c", "/d"] {
        world.namespace(name);
    }
    world.receive_batch(&["0/a", "0/b", "0/c"]);
    world.forget();
    world.check("0/d", &[r#"send 44/d,{"message":"Too many namespaces"}"#]);
    assert_eq!(world.stat("limit_namespaces_total"), 1);
    world.receive("1/a");
    world.forget();
    world.check("0/d", &["connection /d", r#"send 40/d,{"sid":"ID"}"#]);
}

#[test]
fn a_middleware_accepts_at_once_or_later() {
    let mut world = World::new();
    world.namespace("/").hooks.add(Hook::Middleware);
    world.react(|event| {
        if let What::Socket(_, SocketEvent::Middleware { question, .. }) = event.what {
            question.accept().unwrap();
        }
    });
    world.check(
        "0",
        &[
            "middleware / step 0",
            "connection /",
            r#"send 40{"sid":"ID"}"#,
        ],
    );

    let mut world = World::new();
    world.namespace("/").hooks.add(Hook::Middleware);
    world.check("0", &["middleware / step 0"]);
    world.wait(Duration::from_millis(4999));
    assert!(!world.client.has_joined());
    assert_eq!(world.namespace("/").socket_count(), 0);
    world.question().accept().unwrap();
    world.drain();
    world.expect(&["connection /", r#"send 40{"sid":"ID"}"#]);
    assert_eq!(world.question().accept(), Err(Closed::Answered));
    assert_eq!(world.client.poll_timeout(), None);
}

#[test]
fn every_listener_of_a_middleware_is_asked() {
    let mut world = World::new();
    world.namespace("/").hooks.add(Hook::Middleware);
    world.receive("0");
    for step in ["middleware / step 0", "middleware / step 1"] {
        world.expect(&[step]);
        world.question().pass().unwrap();
        world.drain();
    }
    world.expect(&["middleware / step 2"]);
    world.question().accept().unwrap();
    world.drain();
    world.expect(&["connection /", r#"send 40{"sid":"ID"}"#]);
}

#[test]
fn a_middleware_refuses_with_a_message_and_data() {
    for (message, data, expected) in [
        (None, "", r#"send 44/chat,{"message":"Forbidden"}"#),
        (Some(""), "", r#"send 44/chat,{"message":""}"#),
        (
            Some("no \"entry\""),
            "",
            r#"send 44/chat,{"message":"no \"entry\""}"#,
        ),
        (
            Some("no"),
            r#"{"code":4001}"#,
            r#"send 44/chat,{"message":"no","data":{"code":4001}}"#,
        ),
    ] {
        let mut world = World::new();
        world.namespace("/chat").hooks.add(Hook::Middleware);
        world.receive("0/chat");
        world.forget();
        let rejection = Rejection {
            status: 0,
            message: message.map(str::to_owned),
            data: data.as_bytes().to_vec(),
        };
        world.question().reject(rejection).unwrap();
        world.drain();
        world.expect(&[expected]);
        // The client may retry.
        world.check("0/chat", &["middleware /chat step 0"]);
    }
}

#[test]
fn a_question_without_an_answer_is_rejected() {
    let mut world = World::new();
    world.namespace("/").hooks.add(Hook::Middleware);
    world.receive("0");
    world.forget();
    world.wait(Duration::from_secs(5));
    world.expect(&[r#"send 44{"message":"timeout"}"#]);
    assert_eq!(world.stat("deadline_question_total"), 1);
    assert_eq!(world.question().accept(), Err(Closed::Expired));
    assert_eq!(world.question().pass(), Err(Closed::Expired));
}

#[test]
fn an_answer_in_time_counts_when_it_is_heard_too_late() {
    let mut world = World::new();
    world.namespace("/").hooks.add(Hook::Middleware);
    world.receive("0");
    world.forget();
    world.question().accept().unwrap();
    world.wait(Duration::from_secs(5));
    world.expect(&["connection /", r#"send 40{"sid":"ID"}"#]);
    assert_eq!(world.stat("deadline_question_total"), 0);
}

#[test]
fn the_end_of_the_connection_closes_its_questions() {
    let mut world = World::new();
    world.namespace("/").hooks.add(Hook::Middleware);
    world.receive("0");
    world.forget();
    world.close(CloseReason::TransportClose);
    world.expect(&[]);
    assert_eq!(world.question().accept(), Err(Closed::Expired));
    assert_eq!(world.stat("sockets_count"), 0);
}

#[test]
fn an_acceptance_that_came_first_brings_both_events() {
    for refused in [false, true] {
        let mut world = World::new();
        let namespace = world.namespace("/");
        namespace.hooks.add(Hook::Middleware);
        world.react(|event| {
            if let What::Socket(socket, SocketEvent::Middleware { .. }) = event.what {
                socket.join("early").unwrap();
            }
        });
        world.receive("0");
        world.forget();
        if refused {
            world.question().reject(Rejection::default()).unwrap();
        } else {
            world.question().accept().unwrap();
        }
        // The answer is in the mailbox when the connection ends.
        world.close(CloseReason::TransportClose);
        if refused {
            world.expect(&[]);
        } else {
            world.expect(&[
                "connection /",
                "disconnecting / transport close [ID,early]",
                "disconnect / transport close",
            ]);
        }
        world.drain();
        world.expect(&[]);
        assert_eq!(namespace.socket_count(), 0);
        assert_eq!(world.stat("sockets_count"), 0);
    }
}

#[test]
fn a_socket_joins_rooms_before_it_is_accepted() {
    let mut world = World::new();
    let namespace = world.namespace("/");
    namespace.hooks.add(Hook::Middleware);
    world.react(|event| match event.what {
        What::Socket(socket, SocketEvent::Middleware { question }) => {
            socket.join("early").unwrap();
            assert!(
                socket
                    .emit(&super::world::payload("a", ""), Default::default())
                    .is_err()
            );
            question.accept().unwrap();
        }
        What::Socket(socket, SocketEvent::Connection) => {
            let rooms = socket.rooms();
            assert_eq!(*rooms[0], *socket.id().as_str());
            assert_eq!(*rooms[1], *"early");
        }
        _ => {}
    });
    world.receive("0");
    world.expect(&[
        "middleware / step 0",
        "connection /",
        r#"send 40{"sid":"ID"}"#,
    ]);
}

#[test]
fn a_new_namespace_is_told_once() {
    let world = World::new();
    world.context().hooks.add(Hook::NewNamespace);
    world.namespace("/chat");
    world.namespace("chat");
    world.namespace("/");
    world.expect(&["namespace /chat"]);
    for name in ["/a,b", "/a?b", "/a\0"] {
        assert!(world.namespaces.of(name).is_err());
    }
}
