//! The packet middleware: events wait for the host's decision, in order.

use std::time::Duration;

use super::World;
use crate::engineio::CloseReason;
use crate::socketio::event::{Hook, SocketEvent, What};
use crate::socketio::question::{Closed, Rejection};
use crate::socketio::socket::Scope;

fn asking() -> World {
    let world = World::connected();
    world.namespace("/").hooks.add(Hook::PacketMiddleware);
    world
}

#[test]
fn an_event_waits_for_its_leave() {
    let mut world = asking();
    world.check(r#"27["a",1]"#, &["packet middleware / a[1] step 0"]);
    world.question().accept().unwrap();
    world.drain();
    world.expect(&["message / a[1] ack 7"]);
    assert_eq!(world.client.poll_timeout(), None);
}

#[test]
fn later_events_wait_behind_the_first() {
    let mut world = asking();
    world.receive_batch(&[r#"2["a"]"#, r#"2["b"]"#, r#"2["c"]"#]);
    world.expect(&["packet middleware / a[] step 0"]);
    // Also after the hook has been removed.
    world.namespace("/").hooks.remove(Hook::PacketMiddleware);
    world.check(r#"2["d"]"#, &[]);
    for (answered, next) in [("a", "b"), ("b", "c"), ("c", "d")] {
        world.question().accept().unwrap();
        world.drain();
        world.expect(&[
            &format!("message / {answered}[]"),
            &format!("packet middleware / {next}[] step 0"),
        ]);
    }
    world.question().accept().unwrap();
    world.drain();
    world.expect(&["message / d[]"]);
    world.check(r#"2["e"]"#, &["message / e[]"]);
}

#[test]
fn what_is_refused_is_dropped() {
    let mut world = asking();
    world.receive_batch(&[r#"2["a"]"#, r#"2["b"]"#]);
    world.forget();
    world.question().reject(Rejection::default()).unwrap();
    world.drain();
    world.expect(&["packet middleware / b[] step 0"]);
    world.question().accept().unwrap();
    world.drain();
    world.expect(&["message / b[]"]);
}

#[test]
fn every_listener_is_asked() {
    let mut world = asking();
    world.receive(r#"2["a"]"#);
    world.question().pass().unwrap();
    world.drain();
    world.question().pass().unwrap();
    world.drain();
    world.question().accept().unwrap();
    world.drain();
    world.expect(&[
        "packet middleware / a[] step 0",
        "packet middleware / a[] step 1",
        "packet middleware / a[] step 2",
        "message / a[]",
    ]);
}

#[test]
fn an_answer_within_the_question_is_as_good() {
    let mut world = asking();
    world.react(|event| {
        if let What::Socket(
            _,
            SocketEvent::PacketMiddleware {
                question, message, ..
            },
        ) = event.what
        {
            if message.name == "bad" {
                question.reject(Rejection::default()).unwrap();
            } else {
                question.accept().unwrap();
            }
        }
    });
    world.receive_batch(&[r#"2["a"]"#, r#"2["bad"]"#, r#"2["b"]"#]);
    world.expect(&[
        "packet middleware / a[] step 0",
        "message / a[]",
        "packet middleware / bad[] step 0",
        "packet middleware / b[] step 0",
        "message / b[]",
    ]);
}

#[test]
fn one_socket_may_want_it_alone() {
    let mut world = World::connected();
    world.namespace("/chat");
    world.receive("0/chat");
    world.socket("/chat").hooks.add(Hook::PacketMiddleware);
    world.forget();
    world.check(r#"2["a"]"#, &["message / a[]"]);
    world.check(r#"2/chat,["a"]"#, &["packet middleware /chat a[] step 0"]);
    // The sockets of a connection do not wait for one another.
    world.check(r#"2["b"]"#, &["message / b[]"]);
}

#[test]
fn an_event_without_a_decision_is_dropped() {
    let mut world = asking();
    world.receive_batch(&[r#"2["a"]"#, r#"2["b"]"#]);
    world.expect(&["packet middleware / a[] step 0"]);
    let first = world.question();
    world.wait(Duration::from_secs(5));
    world.expect(&["packet middleware / b[] step 0"]);
    assert_eq!(first.accept(), Err(Closed::Expired));
    assert_eq!(world.stat("deadline_question_total"), 1);
    world.wait(Duration::from_millis(4999));
    world.question().accept().unwrap();
    world.drain();
    world.expect(&["message / b[]"]);
}

#[test]
fn an_answer_in_time_is_not_taken_for_the_next_events() {
    let mut world = asking();
    world.receive_batch(&[r#"2["a"]"#, r#"2["b"]"#]);
    world.question().accept().unwrap();
    // The deadline passes while the answer is in the mailbox.
    world.now += Duration::from_secs(5);
    world.client.handle_timeout(world.now);
    world.drain();
    world.expect(&[
        "packet middleware / a[] step 0",
        "message / a[]",
        "packet middleware / b[] step 0",
    ]);
}

#[test]
fn a_pass_that_comes_too_late_is_not_taken_for_the_next_events() {
    let mut world = asking();
    world.receive_batch(&[r#"2["a"]"#, r#"2["b"]"#]);
    world.question().pass().unwrap();
    world.now += Duration::from_secs(5);
    world.client.handle_timeout(world.now);
    world.drain();
    world.expect(&[
        "packet middleware / a[] step 0",
        "packet middleware / b[] step 0",
    ]);
}

#[test]
fn a_client_is_not_read_while_too_much_waits() {
    let mut world = asking();
    world.receive(r#"2["a"]"#);
    assert!(!world.client.is_behind());
    world.receive(r#"2["b"]"#);
    assert!(world.client.is_behind());
    world.question().accept().unwrap();
    world.drain();
    assert!(!world.client.is_behind());
}

#[test]
fn what_waits_goes_with_its_socket() {
    let mut world = asking();
    world.receive_batch(&[r#"2["a"]"#, r#"2["b"]"#]);
    world.forget();
    world.receive("1");
    world.expect(&[
        "disconnecting / client namespace disconnect [ID]",
        "disconnect / client namespace disconnect",
    ]);
    assert_eq!(world.question().accept(), Err(Closed::Expired));

    let mut world = asking();
    world.receive_batch(&[r#"2["a"]"#, r#"2["b"]"#]);
    world.forget();
    world.question().accept().unwrap();
    world.socket("/").disconnect(Scope::Namespace).unwrap();
    world.drain();
    world.expect(&[
        "send 41",
        "disconnecting / server namespace disconnect [ID]",
        "disconnect / server namespace disconnect",
    ]);

    let mut world = asking();
    world.receive(r#"2["a"]"#);
    world.close(CloseReason::TransportClose);
    assert_eq!(world.question().accept(), Err(Closed::Expired));
}
