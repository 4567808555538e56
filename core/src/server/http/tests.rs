//! Clients that end their direction of the stream early, and what counts as a connection.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};

use crate::config::{Config, Delivery};
use crate::host::Handler;
use crate::server::Server;
use crate::server::http::connection;
use crate::server::request::{Admission, Peer};
use crate::socketio::event::{Hook, RequestEvent, What};
use crate::socketio::{Event, Question};
use crate::transport::{NewStream, Slot, Stream};

/// Hands out the questions whether a request may open a session.
struct Asked(Sender<Question>);

impl Handler for Asked {
    fn handle(&self, event: &Event<'_>) {
        if let What::Request(_, RequestEvent::AllowRequest { question, .. }) = event.what {
            self.0.send((*question).clone()).unwrap();
        }
    }
}

#[test]
fn a_half_closed_client_is_answered_after_the_host() {
    for delivery in [Delivery::Inline, Delivery::Threads] {
        let config = Config {
            delivery,
            ..Config::default()
        };
        let (sender, questions) = channel();
        let server = Server::new(&config, Arc::new(Asked(sender))).unwrap();
        server.hooks().add(Hook::AllowRequest);
        let port = server.listen_tcp("127.0.0.1", 0).unwrap();
        for _ in 0..50 {
            let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            client
                .write_all(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let question = questions.recv().unwrap();
            question.accept().unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:?}");
        }
        server.stop();
    }
}

#[test]
fn a_half_closed_client_gets_all_of_a_large_answer() {
    let (sender, _questions) = channel();
    let server = Server::new(&Config::default(), Arc::new(Asked(sender))).unwrap();
    // More than the buffers of both sides take at once.
    let body = vec![b'x'; 16 << 20];
    server
        .serve("/large", "text/plain", Some(body.clone().into()))
        .unwrap();
    let port = server.listen_tcp("127.0.0.1", 0).unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client
        .write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(&body), "{} bytes", answer.len());
    server.stop();
}

/// A stop waits for what it counts: a connection whose task has not been polled yet is counted too.
#[test]
fn a_connection_is_counted_from_when_it_is_accepted() {
    let (sender, _questions) = channel();
    let server = Server::new(&Config::default(), Arc::new(Asked(sender))).unwrap();
    let shared = &server.shared;
    let _guard = shared.runtime.enter();
    let (stream, _peer) = tokio::net::UnixStream::pair().unwrap();
    let stream = NewStream::new(Stream::Unix(stream)).unwrap();
    let (slot, _) = Slot::take(&shared.stats);
    let peer = Peer {
        address: IpAddr::from([127, 0, 0, 1]),
        port: 0,
        secure: false,
    };
    let count = || shared.lifecycle.connections.load(Ordering::Acquire);
    let task = connection(Arc::clone(shared), stream, peer, slot, Admission::Served);
    assert_eq!(count(), 1);
    drop(task);
    assert_eq!(count(), 0);
}
