//! A client that sends raw bytes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::TIMEOUT;
use crate::host::Host;

pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) fn new(host: &Host) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", host.port)).expect("the server listens");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        Self(stream)
    }

    /// What the server refuses it may not read to the end.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Reads until what was read ends with, or contains, `part`; empty when the stream ends first.
    pub(crate) fn read_until(&mut self, part: &str) -> String {
        let mut read = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&read).contains(part) {
            match self.0.read(&mut byte) {
                Ok(1) => read.push(byte[0]),
                _ => return String::new(),
            }
        }
        String::from_utf8_lossy(&read).into_owned()
    }

    pub(crate) fn ask(&mut self, method: &str, query: &str, headers: &str, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "{method} /socket.io/?EIO=4&{query} HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        self.send(&[head.as_bytes(), body].concat());
    }

    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..126 => frame.push(0x80 | len as u8),
            len => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        // A key of zeros leaves the payload as it is.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.send(&frame);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes());
    }
}

/// A WebSocket session that has joined `/`.
pub(crate) fn joined(host: &Host) -> Peer {
    let mut peer = opened(host);
    peer.text("40");
    assert!(!peer.read_until("40{\"sid\":").is_empty(), "it joins");
    peer
}

/// A WebSocket session.
pub(crate) fn opened(host: &Host) -> Peer {
    let mut peer = Peer::new(host);
    upgrade(&mut peer, "transport=websocket");
    assert!(!peer.read_until("maxPayload").is_empty(), "it opens");
    peer
}

pub(crate) fn upgrade(peer: &mut Peer, query: &str) {
    let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let head = format!("GET /socket.io/?EIO=4&{query} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    peer.send(head.as_bytes());
    assert!(peer.read_until("\r\n\r\n").contains(" 101 "), "it upgrades");
}

/// A polling session that has joined `/`: what its requests have in their query.
pub(crate) fn joined_polling(host: &Host) -> String {
    let mut peer = Peer::new(host);
    peer.ask("GET", "transport=polling", "", b"");
    let opened = peer.read_until("maxPayload");
    let (_, rest) = opened.split_once(r#""sid":""#).expect("an id");
    let query = format!("transport=polling&sid={}", &rest[..20]);
    let mut peer = Peer::new(host);
    peer.ask("POST", &query, "", b"40");
    assert!(!peer.read_until("\r\n\r\nok").is_empty());
    let mut peer = Peer::new(host);
    peer.ask("GET", &query, "", b"");
    assert!(!peer.read_until("40{\"sid\":").is_empty());
    query
}

/// Sends a GET that waits, as the server has nothing for it.
pub(crate) fn waiting_poll(host: &Host, query: &str) -> Peer {
    let before = host.counter("http_requests_total");
    let mut peer = Peer::new(host);
    peer.ask("GET", query, "", b"");
    let end = Instant::now() + TIMEOUT;
    while host.counter("http_requests_total") == before {
        assert!(Instant::now() < end, "the request never arrived");
        std::thread::sleep(Duration::from_millis(1));
    }
    peer
}
