//! An echo server in Rust, on the core itself: `message` comes back as `message-back`.

use std::sync::Arc;

use bellwire_core::config::{Config, Delivery};
use bellwire_core::host::Handler;
use bellwire_core::server::Server;
use bellwire_core::socketio::Event;
use bellwire_core::socketio::event::{SocketEvent, What};
use bellwire_core::socketio::message::Payload;
use bellwire_core::socketio::target::Reliability;

struct Echo;

impl Handler for Echo {
    fn handle(&self, event: &Event<'_>) {
        if let What::Socket(socket, SocketEvent::Message { message, ack }) = event.what {
            let name = if message.name == "message" {
                "message-back"
            } else {
                message.name
            };
            let Ok(payload) = Payload::event(name, message.args, message.attachments, 64) else {
                return;
            };
            // A client that has left meanwhile needs no answer.
            let _ = match ack {
                Some(id) => socket.acknowledge(id, &payload),
                None => socket.emit(&payload, Reliability::Reliable),
            };
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config {
        delivery: Delivery::Inline,
        ..Config::default()
    };
    let server = Server::new(&config, Arc::new(Echo))?;
    let port = std::env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .unwrap_or(3000);
    server.listen_tcp("127.0.0.1", port)?;
    server.wait(None);
    Ok(())
}
