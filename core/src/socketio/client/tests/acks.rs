//! Acknowledgements that the client owes, for one socket or for a broadcast.

use std::sync::Arc;
use std::time::Duration;

use super::World;
use super::world::message;
use crate::engineio::CloseReason;
use crate::error::ErrorKind;
use crate::socketio::ack::{AckOutcome, Operation};
use crate::socketio::event::{Hook, SocketEvent, What};
use crate::socketio::link::Overflow;
use crate::socketio::socket::{AckHandle, Scope};
use crate::socketio::target::Target;

const SECOND: Duration = Duration::from_secs(1);

/// Emits an event with acknowledgement; `operation` is the host's number.
fn ask(world: &mut World, timeout: Option<Duration>, operation: u64) -> AckHandle {
    let socket = world.socket("/");
    let handle = socket.emit_with_ack(
        &message("q", ""),
        timeout,
        Overflow::Refuse,
        Operation(operation),
    );
    world.drain();
    handle.unwrap()
}

#[test]
fn an_answer_is_told_once() {
    let mut world = World::connected();
    let _handle = ask(&mut world, Some(SECOND), 7);
    let _handle = ask(&mut world, None, 8);
    world.expect(&[r#"send 420["q"]"#, r#"send 421["q"]"#]);
    assert_eq!(world.stat("pending_acks"), 2);
    world.check(r#"31["b",{}]"#, &[r#"acked 8 Answered ["b",{}]"#]);
    world.check("30", &["acked 7 Answered []"]);
    world.check("30[1]", &[]);
    world.wait(2 * SECOND);
    world.expect(&[]);
    assert_eq!(world.stat("pending_acks"), 0);
    assert_eq!(world.client.poll_timeout(), None);
}

#[test]
fn an_answer_may_have_attachments() {
    let mut world = World::connected();
    ask(&mut world, None, 7);
    world.forget();
    world.receive(r#"61-0[{"_placeholder":true,"num":0}]"#);
    world.receive_binary(&[1, 2]);
    world.expect(&[r#"acked 7 Answered [{"_placeholder":true,"num":0}] [1, 2]"#]);
}

#[test]
fn an_answer_is_late_at_its_own_time() {
    let mut world = World::connected();
    ask(&mut world, Some(2 * SECOND), 7);
    ask(&mut world, Some(SECOND), 8);
    world.forget();
    world.wait(SECOND);
    world.expect(&["acked 8 TimedOut"]);
    world.check("31[]", &[]);
    world.wait(SECOND);
    world.expect(&["acked 7 TimedOut"]);
    assert_eq!(world.stat("pending_acks"), 0);
}

#[test]
fn ids_count_within_a_namespace() {
    let mut world = World::connected();
    world.namespace("/chat");
    world.receive("0/chat");
    world.forget();
    let chat = world.socket("/chat");
    chat.emit_with_ack(&message("q", "[1]"), None, Overflow::Refuse, Operation(1))
        .unwrap();
    ask(&mut world, None, 2);
    world.expect(&[r#"send 42/chat,0["q",1]"#, r#"send 420["q"]"#]);
    world.check("3/chat,0[1]", &["acked 1 Answered [1]"]);
    world.check("3/chat,0[1]", &[]);
    world.check("30[2]", &["acked 2 Answered [2]"]);
}

#[test]
fn who_leaves_does_not_answer() {
    let mut world = World::connected();
    ask(&mut world, Some(SECOND), 7);
    world.forget();
    world.check(
        "1",
        &[
            "disconnecting / client namespace disconnect [ID]",
            "disconnect / client namespace disconnect",
            "acked 7 Gone",
        ],
    );
    let mut world = World::connected();
    ask(&mut world, None, 7);
    world.forget();
    world.close(CloseReason::PingTimeout);
    world.expect(&[
        "disconnecting / ping timeout [ID]",
        "disconnect / ping timeout",
        "acked 7 Gone",
    ]);
    assert_eq!(world.stat("pending_acks"), 0);
}

#[test]
fn who_has_left_is_not_asked() {
    let mut world = World::connected();
    let socket = world.socket("/");
    let question = message("q", "");
    socket
        .emit_with_ack(&question, None, Overflow::Refuse, Operation(7))
        .unwrap();
    socket.disconnect(Scope::Namespace).unwrap();
    let refused = socket.emit_with_ack(&question, None, Overflow::Refuse, Operation(8));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Gone);
    world.drain();
    world.expect(&[
        "acked 7 Gone",
        "send 41",
        "disconnecting / server namespace disconnect [ID]",
        "disconnect / server namespace disconnect",
    ]);
}

#[test]
fn the_host_may_stop_waiting() {
    let mut world = World::connected();
    let handle = ask(&mut world, Some(SECOND), 7);
    world.forget();
    handle.cancel();
    world.drain();
    world.expect(&["acked 7 Cancelled"]);
    handle.cancel();
    world.drain();
    world.check("30[1]", &[]);
    world.wait(SECOND);
    world.expect(&[]);
    // Also before the packet was sent.
    let handle = world
        .socket("/")
        .emit_with_ack(&message("q", ""), None, Overflow::Refuse, Operation(8))
        .unwrap();
    handle.cancel();
    world.drain();
    world.expect(&[r#"send 421["q"]"#, "acked 8 Cancelled"]);
}

#[test]
fn a_client_owes_so_many_answers() {
    let mut world = World::connected();
    for operation in 0..3 {
        ask(&mut world, None, operation);
    }
    world.expect(&[r#"send 420["q"]"#, r#"send 421["q"]"#, "acked 2 Full"]);
    assert_eq!(world.stat("limit_acks_total"), 1);
    world.check("30", &["acked 0 Answered []"]);
    ask(&mut world, None, 3);
    world.expect(&[r#"send 423["q"]"#]);
}

#[test]
fn an_event_whose_answer_is_not_waited_for_is_sent_if_its_sender_cannot_learn_otherwise() {
    let mut world = World::connected();
    for operation in 0..2 {
        ask(&mut world, None, operation);
    }
    world.forget();
    world
        .socket("/")
        .emit_with_ack(&message("q", ""), None, Overflow::Send, Operation(2))
        .unwrap();
    world.drain();
    world.expect(&["acked 2 Full", r#"send 422["q"]"#]);
    // The answer to it is ignored.
    world.check("32[]", &[]);
}

#[test]
fn a_broadcast_says_who_could_not_be_waited_for() {
    let mut world = World::connected();
    for operation in 0..2 {
        ask(&mut world, None, operation);
    }
    world.forget();
    world
        .namespace("/")
        .emit_with_ack(&Target::ALL, &message("q", ""), SECOND, Operation(9));
    world.drain();
    world.expect(&["acked 9 Full", r#"send 422["q"]"#]);
}

#[test]
fn a_question_on_its_way_can_be_seen() {
    let mut world = World::connected();
    world.namespace("/").hooks.add(Hook::Outgoing);
    ask(&mut world, None, 7);
    world.expect(&["outgoing / q[]", r#"send 420["q"]"#]);
    // A packet that is not sent causes no `Outgoing` event.
    ask(&mut world, None, 8);
    world.forget();
    ask(&mut world, None, 9);
    world.expect(&["acked 9 Full"]);
}

#[test]
fn a_handler_asks_back() {
    let mut world = World::connected();
    world.react(|event| {
        if let What::Socket(socket, SocketEvent::Message { ack, .. }) = event.what {
            socket
                .acknowledge(ack.unwrap(), &super::world::payload("", "[1]"))
                .unwrap();
            socket
                .emit_with_ack(&message("q", ""), None, Overflow::Refuse, Operation(1))
                .unwrap();
        }
    });
    world.check(
        r#"2/,12["a"]"#,
        &["message / a[] ack 12", "send 4312[1]", r#"send 420["q"]"#],
    );
}

// ---- one of many

/// Two clients of one server, with one log.
fn two() -> (World, World) {
    let first = World::connected();
    let mut second = first.another();
    second.receive("0");
    first.forget();
    (first, second)
}

fn ask_all(world: &World) -> Arc<crate::socketio::BroadcastAck> {
    let namespace = world.namespace("/");
    namespace.emit_with_ack(&Target::ALL, &message("q", ""), SECOND, Operation(9))
}

#[test]
fn all_answers_are_told_together() {
    let (mut first, mut second) = two();
    let _ack = ask_all(&first);
    first.drain();
    second.drain();
    first.expect(&[r#"send 420["q"]"#, r#"send 420["q"]"#]);
    second.check("30[2]", &[]);
    second.check("30[2]", &[]);
    first.check("30[1]", &["acked 9 Answered [2] [1]"]);
    assert_eq!(first.alarm.set_off(), [SECOND]);
    first.expect(&[]);
    assert_eq!(first.stat("pending_acks"), 0);
}

#[test]
fn a_broadcast_without_receivers_ends_at_once() {
    let world = World::new();
    ask_all(&world);
    world.expect(&["acked 9 Answered"]);
    world.alarm.set_off();
    world.expect(&[]);
}

#[test]
fn what_came_in_time_is_told_with_the_timeout() {
    let (mut first, mut second) = two();
    drop(ask_all(&first));
    first.drain();
    second.drain();
    first.forget();
    first.check("30[1]", &[]);
    first.alarm.set_off();
    first.expect(&["acked 9 TimedOut [1]"]);
    second.check("30[2]", &[]);
    assert_eq!(first.stat("pending_acks"), 0, "no acknowledgement is owed");
}

#[test]
fn the_end_is_told_when_all_have_left() {
    let (mut first, mut second) = two();
    drop(ask_all(&first));
    first.drain();
    second.drain();
    first.close(CloseReason::TransportClose);
    second.close(CloseReason::TransportClose);
    first.forget();
    first.alarm.set_off();
    first.expect(&["acked 9 TimedOut"]);
    assert_eq!(first.stat("pending_acks"), 0);
}

#[test]
fn who_cannot_be_asked_is_missing_in_the_end() {
    let (mut first, mut second) = two();
    second
        .socket("/")
        .emit(
            &super::world::payload("x", &format!("[\"{}\"]", "y".repeat(990))),
            Default::default(),
        )
        .unwrap();
    drop(ask_all(&first));
    first.drain();
    second.drain();
    first.forget();
    first.check("30[1]", &[]);
    first.alarm.set_off();
    first.expect(&["acked 9 TimedOut [1]"]);
}

#[test]
fn the_host_may_end_it() {
    let (mut first, mut second) = two();
    let ack = ask_all(&first);
    first.drain();
    second.drain();
    first.forget();
    second.check("30[2]", &[]);
    ack.end(AckOutcome::Cancelled);
    ack.end(AckOutcome::Cancelled);
    first.expect(&["acked 9 Cancelled [2]"]);
    first.check("30[1]", &[]);
    first.alarm.set_off();
    first.expect(&[]);
    assert_eq!(first.stat("pending_acks"), 0);
}
