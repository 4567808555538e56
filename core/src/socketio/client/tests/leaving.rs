//! Leaving: the client, the host or the connection ends a socket; rooms are created and deleted.

use super::World;
use super::world::payload;
use crate::engineio::CloseReason;
use crate::error::ErrorKind;
use crate::socketio::ack::Operation;
use crate::socketio::event::{DisconnectReason, Hook, SocketEvent, What};
use crate::socketio::socket::Scope;
use crate::socketio::target::Target;

/// A client in `/` and `/chat`.
fn in_two() -> World {
    let mut world = World::connected();
    world.namespace("/chat");
    world.receive("0/chat");
    world.forget();
    world
}

#[test]
fn the_client_leaves_a_namespace() {
    let mut world = in_two();
    let socket = world.socket("/chat");
    world.check(
        "1/chat,",
        &[
            "disconnecting /chat client namespace disconnect [ID]",
            "disconnect /chat client namespace disconnect",
        ],
    );
    assert!(socket.is_gone() && !socket.is_connected());
    assert_eq!(world.namespace("/chat").socket_count(), 0);
    let refused = socket.emit(&payload("a", ""), Default::default());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Gone);
    world.check(r#"2["a"]"#, &["message / a[]"]);
    world.check(
        "0/chat",
        &["connection /chat", r#"send 40/chat,{"sid":"ID"}"#],
    );
    assert_ne!(world.socket("/chat").id(), socket.id());
    world.check(
        "1/chat,",
        &[
            "disconnecting /chat client namespace disconnect [ID]",
            "disconnect /chat client namespace disconnect",
        ],
    );
    world.check("1/chat,", &["violation"]);
}

#[test]
fn a_client_leaves_and_comes_back_at_once() {
    let mut world = World::connected();
    world.receive_batch(&["1", "0"]);
    world.expect(&[
        "disconnecting / client namespace disconnect [ID]",
        "disconnect / client namespace disconnect",
        "connection /",
        r#"send 40{"sid":"ID"}"#,
    ]);
}

#[test]
fn the_host_puts_a_socket_out() {
    let mut world = in_two();
    let socket = world.socket("/chat");
    socket
        .emit(&payload("last", ""), Default::default())
        .unwrap();
    socket.disconnect(Scope::Namespace).unwrap();
    assert_eq!(
        socket.disconnect(Scope::Namespace).unwrap_err().kind(),
        ErrorKind::Gone
    );
    assert_eq!(world.namespace("/chat").socket_count(), 0);
    world.drain();
    world.expect(&[
        r#"send 42/chat,["last"]"#,
        "send 41/chat,",
        "disconnecting /chat server namespace disconnect [ID]",
        "disconnect /chat server namespace disconnect",
    ]);
    world.check(r#"2["a"]"#, &["message / a[]"]);
}

#[test]
fn what_the_client_says_to_a_socket_that_was_put_out_is_out_of_place() {
    for text in [r#"2["a"]"#, "1", "30[]"] {
        let mut world = World::connected();
        world.socket("/").disconnect(Scope::Namespace).unwrap();
        world.receive(text);
        world.expect(&[
            "violation",
            "send 41",
            "disconnecting / server namespace disconnect [ID]",
            "disconnect / server namespace disconnect",
        ]);
    }
}

#[test]
fn the_host_closes_the_connection() {
    let mut world = in_two();
    world.socket("/chat").disconnect(Scope::Connection).unwrap();
    world.drain();
    world.expect(&[
        "send 41/chat,",
        "disconnecting /chat server namespace disconnect [ID]",
        "disconnect /chat server namespace disconnect",
        "close when sent",
        "send 41",
        "disconnecting / server namespace disconnect [ID]",
        "disconnect / server namespace disconnect",
    ]);
    assert!(!world.client.has_joined());
}

#[test]
fn the_connection_ends_for_all_its_sockets() {
    for (reason, text) in [
        (CloseReason::TransportError, "transport error"),
        (CloseReason::TransportClose, "transport close"),
        (CloseReason::ForcedClose, "forced close"),
        (CloseReason::PingTimeout, "ping timeout"),
        (CloseReason::ParseError, "parse error"),
        (CloseReason::ServerShuttingDown, "server shutting down"),
    ] {
        let mut world = in_two();
        world.close(reason);
        world.expect(&[
            &format!("disconnecting / {text} [ID]"),
            &format!("disconnect / {text}"),
            &format!("disconnecting /chat {text} [ID]"),
            &format!("disconnect /chat {text}"),
        ]);
        world.close(reason);
        world.expect(&[]);
        assert_eq!(world.stat("sockets_count"), 0);
    }
}

#[test]
fn a_connection_that_is_being_closed_has_its_own_reason() {
    let mut world = World::connected();
    world
        .client
        .leave_all(DisconnectReason::ForcedServerClose, world.now);
    world.close(CloseReason::ForcedClose);
    world.expect(&[
        "disconnecting / forced server close [ID]",
        "disconnect / forced server close",
    ]);
}

#[test]
fn the_first_reason_counts() {
    let mut world = World::connected();
    world.socket("/").disconnect(Scope::Namespace).unwrap();
    world.close(CloseReason::TransportClose);
    world.expect(&[
        "disconnecting / server namespace disconnect [ID]",
        "disconnect / server namespace disconnect",
    ]);
    // Late commands about the socket are ignored.
    world.drain();
    world.expect(&["send 41"]);
}

#[test]
fn the_last_events_show_the_rooms_of_a_socket_that_no_target_selects() {
    let mut world = World::connected();
    world.socket("/").join("a").unwrap();
    world.react(|event| {
        if let What::Socket(
            socket,
            SocketEvent::Disconnecting { .. } | SocketEvent::Disconnect { .. },
        ) = event.what
        {
            assert_eq!(socket.rooms().len(), 2);
            assert!(socket.join("b").is_err() && socket.leave("a").is_err());
            assert_eq!(socket.namespace().socket_count(), 0);
            socket.namespace().emit(&Target::ALL, &payload("gone", ""));
        }
    });
    world.check(
        "1",
        &[
            "disconnecting / client namespace disconnect [ID,a]",
            "disconnect / client namespace disconnect",
        ],
    );
}

#[test]
fn a_target_is_put_out() {
    let first = World::connected();
    let mut second = first.another();
    second.receive("0");
    let mut first = first;
    first.socket("/").join("a").unwrap();
    first.forget();
    let target = Target {
        rooms: &["a"],
        ..Target::ALL
    };
    let namespace = first.namespace("/");
    namespace.disconnect(&target, Scope::Namespace);
    second.drain();
    first.expect(&[]);
    first.drain();
    first.expect(&[
        "send 41",
        "disconnecting / server namespace disconnect [ID,a]",
        "disconnect / server namespace disconnect",
    ]);
    namespace.fetch_sockets(&Target::ALL, Operation(1));
    first.expect(&["sockets 1 1"]);
}

// ---- rooms

#[test]
fn rooms_come_and_go_with_their_members() {
    let first = World::connected();
    first.namespace("/").hooks.add(Hook::Rooms);
    let mut second = first.another();
    second.receive("0");
    first.expect(&[
        "room ID created",
        "room ID joined",
        "connection /",
        r#"send 40{"sid":"ID"}"#,
    ]);
    let (one, two) = (first.socket("/"), second.socket("/"));
    one.join("a").unwrap();
    one.join("a").unwrap();
    two.join("a").unwrap();
    two.join("b").unwrap();
    first.expect(&[
        "room a created",
        "room a joined",
        "room a joined",
        "room b created",
        "room b joined",
    ]);
    assert_eq!(first.stat("rooms_count"), 2);
    one.leave("a").unwrap();
    one.leave("a").unwrap();
    one.leave("nowhere").unwrap();
    first.expect(&["room a left"]);
    second.receive("1");
    first.expect(&[
        "room ID left",
        "room ID deleted",
        "room a left",
        "room a deleted",
        "room b left",
        "room b deleted",
        "disconnecting / client namespace disconnect [ID,a,b]",
        "disconnect / client namespace disconnect",
    ]);
    assert_eq!(first.stat("rooms_count"), 0);
}

#[test]
fn a_socket_is_in_so_many_rooms() {
    let world = World::connected();
    let socket = world.socket("/");
    socket.join("a").unwrap();
    socket.join("b").unwrap();
    assert_eq!(socket.join("c").unwrap_err().kind(), ErrorKind::Full);
    // A room that the socket is in does not count again.
    socket.join("a").unwrap();
    socket.join(socket.id().as_str()).unwrap();
    socket.leave("a").unwrap();
    socket.join("c").unwrap();
    let rooms = socket.rooms();
    let rooms: Vec<&str> = rooms.iter().map(|room| &**room).collect();
    assert_eq!(rooms, [socket.id().as_str(), "b", "c"]);
}

#[test]
fn a_target_joins_and_leaves_rooms() {
    let world = World::connected();
    let mut second = world.another();
    second.receive("0");
    world.forget();
    let namespace = world.namespace("/");
    namespace.join(&Target::ALL, &["a", "b"]);
    let except = world.socket("/").id().as_str().to_owned();
    let others = Target {
        except: &[&except],
        ..Target::ALL
    };
    namespace.leave(&others, &["a"]);
    assert_eq!(world.socket("/").rooms().len(), 3);
    assert_eq!(second.socket("/").rooms().len(), 2);
}
