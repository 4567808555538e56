//! A client that keeps the engine busy does not keep it from serving other clients.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use conformance::{Client, Server, http};
use serde_json::json;

/// Sends requests without waiting for the responses, until the connection is shut down.
fn flood(connection: &TcpStream) {
    let requests = http::request("GET", "/nowhere", &[], b"").repeat(64);
    let mut ours = connection;
    while ours.write_all(&requests).is_ok() {}
}

/// Reads and ignores the responses.
fn forget(mut connection: &TcpStream) {
    let mut buffer = [0; 1 << 16];
    while connection.read(&mut buffer).is_ok_and(|len| len > 0) {}
}

/// Ends the floods, also if the test fails.
struct Floods(Vec<TcpStream>);

impl Drop for Floods {
    fn drop(&mut self) {
        for connection in &self.0 {
            // A connection that has ended already is not an error.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn events_are_heard_beside_a_flood_of_requests() {
    let server = Server::with(&json!({"engine": {"workerThreads": 1}}));
    let mut client = Client::connect(&server);
    let connect = |_| TcpStream::connect(server.endpoint().address).unwrap();
    thread::scope(|scope| {
        let floods = Floods((0..8).map(connect).collect());
        for connection in &floods.0 {
            let [writer, reader] = [(); 2].map(|()| connection.try_clone().unwrap());
            scope.spawn(move || flood(&writer));
            scope.spawn(move || forget(&reader));
        }
        for i in 0..20 {
            assert_eq!(client.call(&json!(["message-with-ack", i])), [json!(i)]);
        }
    });
}
