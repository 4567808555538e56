//! Clients join in the order in which the host admits them, also when it does so while another client is handled.
#![cfg(not(loom))]

mod http;

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwire_core::config::{Config, Delivery};
use bellwire_core::host::Handler;
use bellwire_core::server::Server;
use bellwire_core::socketio::event::{Hook, SocketEvent, What};
use bellwire_core::socketio::{Event, Question};

use http::ask;

const TIMEOUT: Duration = Duration::from_secs(10);
const CLIENTS: usize = 4;

/// What the host is told, with the id of the socket.
#[derive(Debug, PartialEq)]
enum Told {
    Asked(String),
    Connected(String),
}

/// Admits all clients in their order when the last one asks.
struct Host {
    waiting: Mutex<Vec<Question>>,
    told: Sender<Told>,
}

impl Handler for Host {
    fn handle(&self, event: &Event<'_>) {
        let What::Socket(socket, event) = event.what else {
            return;
        };
        let id = socket.id().as_str().to_owned();
        match event {
            SocketEvent::Middleware { question } => {
                let mut waiting = self.waiting.lock().unwrap();
                waiting.push(question.clone());
                self.told.send(Told::Asked(id)).unwrap();
                if waiting.len() == CLIENTS {
                    for question in waiting.drain(..) {
                        question.accept().unwrap();
                    }
                }
            }
            SocketEvent::Connection => self.told.send(Told::Connected(id)).unwrap(),
            _ => {}
        }
    }
}

#[test]
fn clients_join_in_the_order_of_the_decisions() {
    let (told, events) = channel();
    let config = Config {
        delivery: Delivery::Inline,
        ..Config::default()
    };
    let host = Host {
        waiting: Mutex::default(),
        told,
    };
    let server = Server::new(&config, Arc::new(host)).expect("it starts");
    let main = server.of("/").expect("the main namespace");
    main.hooks.add(Hook::Middleware);
    let port = server.listen_tcp("127.0.0.1", 0).expect("it listens");
    for _ in 0..20 {
        let mut asked = Vec::new();
        for _ in 0..CLIENTS {
            let open = ask(port, "GET", "", "").1;
            let (_, sid) = open.split_once(r#""sid":""#).expect("an id");
            let session = format!("&sid={}", &sid[..20]);
            assert_eq!(ask(port, "POST", &session, "40").1, "ok");
            match events.recv_timeout(TIMEOUT) {
                Ok(Told::Asked(id)) => asked.push(id),
                other => panic!("{other:?} instead of a question"),
            }
        }
        for id in asked {
            assert_eq!(events.recv_timeout(TIMEOUT), Ok(Told::Connected(id)));
        }
    }
    server.stop();
}
