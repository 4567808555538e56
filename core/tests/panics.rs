//! A bug costs one connection. The bug is a handler of the test that panics on an engine thread, in the middle of what a
//! client has sent; that client loses its session, and all other clients keep theirs.
#![cfg(not(loom))]

mod http;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use bellwire_core::config::{Config, Delivery};
use bellwire_core::host::Handler;
use bellwire_core::server::Server;
use bellwire_core::socketio::Event;
use bellwire_core::socketio::event::{SocketEvent, What};

use http::ask;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Tells which sockets have left, and stumbles over an event.
struct Buggy(Sender<String>);

impl Handler for Buggy {
    fn handle(&self, event: &Event<'_>) {
        match event.what {
            What::Socket(_, SocketEvent::Message { message, .. }) if message.name == "stumble" => {
                panic!("a bug of the test")
            }
            What::Socket(socket, SocketEvent::Disconnect { .. }) => {
                // The test may have ended.
                let _ = self.0.send(socket.id().as_str().to_owned());
            }
            _ => {}
        }
    }
}

/// Opens a session over long-polling and joins `/`; what names the session, and the socket's id.
fn join(port: u16) -> (String, String) {
    let value_of = |text: &str| {
        let (_, rest) = text.split_once(r#""sid":""#).expect("an id");
        rest[..20].to_owned()
    };
    let session = format!("&sid={}", value_of(&ask(port, "GET", "", "").1));
    assert_eq!(ask(port, "POST", &session, "40").1, "ok");
    let id = value_of(&ask(port, "GET", &session, "").1);
    (session, id)
}

#[test]
fn a_bug_costs_one_connection() {
    let (left, ends) = channel();
    let config = Config {
        delivery: Delivery::Inline,
        worker_threads: Some(1),
        ..Config::default()
    };
    let server = Server::new(&config, Arc::new(Buggy(left))).expect("it starts");
    let port = server.listen_tcp("127.0.0.1", 0).expect("it listens");
    let (other, _) = join(port);
    for bugs in 1..4 {
        let (session, id) = join(port);
        ask(port, "POST", &session, r#"42["stumble"]"#);
        assert_eq!(
            ends.recv_timeout(TIMEOUT),
            Ok(id),
            "its host hears that it is gone"
        );
        let (status, body) = ask(port, "GET", &session, "");
        assert_eq!(
            (status.as_str(), body.contains("Session ID unknown")),
            ("400", true)
        );
        assert_eq!(server.stats().panics_total.value(), bugs);
        assert_eq!(server.stats().clients_count.value(), 1);
        // The same thread serves the others.
        assert_eq!(ask(port, "POST", &other, r#"42["walk"]"#).1, "ok");
    }
    server.stop();
    assert_eq!(server.stats().clients_count.value(), 0);
}

/// Panics when it is told that a socket leaves, or of what was dropped.
struct BuggyAtTheEnd;

impl Handler for BuggyAtTheEnd {
    fn handle(&self, event: &Event<'_>) {
        let is_end = matches!(
            event.what,
            What::Socket(
                _,
                SocketEvent::Disconnect { .. } | SocketEvent::Dropped { .. }
            )
        );
        assert!(!is_end, "a bug of the test");
    }
}

#[test]
fn a_bug_at_the_end_of_a_connection_is_counted_as_its_end() {
    let config = Config {
        delivery: Delivery::Inline,
        worker_threads: Some(1),
        ..Config::default()
    };
    let server = Server::new(&config, Arc::new(BuggyAtTheEnd)).expect("it starts");
    let other = server.of("/other").expect("a namespace");
    let port = server.listen_tcp("127.0.0.1", 0).expect("it listens");
    for ends in 1..4 {
        let (session, _) = join(port);
        assert_eq!(ask(port, "POST", &session, "40/other,").1, "ok");
        assert_eq!(ask(port, "POST", &session, "1").1, "ok");
        // The only thread answers this when it has dealt with the end.
        assert_eq!(ask(port, "GET", "", "").0, "200");
        let stats = server.stats();
        assert_eq!(stats.disconnections_total.value(), ends);
        assert_eq!(
            stats.clients_count.value(),
            ends,
            "the last requests' sessions"
        );
        assert_eq!(stats.polling_clients_count.value(), ends);
        assert_eq!(stats.panics_total.value(), ends);
        assert_eq!(other.socket_count(), 0, "the other socket has left too");
    }
    server.stop();
    assert_eq!(server.stats().clients_count.value(), 0);
}
