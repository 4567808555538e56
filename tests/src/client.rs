//! A Socket.IO client over either transport, for tests of the layers above the
//! transports. It answers pings, and keeps packets until a call asks for them.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::polling::{Polling, SEPARATOR};
use crate::refusal::SESSION_UNKNOWN;
use crate::server::Server;
use crate::socketio::{Packet, kind};
use crate::websocket::{Frame, Opcode, WebSocket};
use crate::wire::eventually;

/// The transport of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// WebSocket from the start.
    WebSocket,
}

impl Transport {
    /// Both transports.
    pub const ALL: [Self; 2] = [Self::Polling, Self::WebSocket];
}

/// One Engine.IO message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text, without the Engine.IO type.
    Text(String),
    /// Binary.
    Binary(Vec<u8>),
}

#[derive(Debug)]
enum Link {
    Polling(Box<Polling>),
    WebSocket(Box<WebSocket>),
}

/// A connected client in one namespace. Packets of other namespaces can be sent
/// and received as text.
#[derive(Debug)]
pub struct Client {
    link: Link,
    inbox: VecDeque<Message>,
    unasked: VecDeque<Packet>,
    next_ack: u64,
    closed: bool,
    /// The namespace it uses by default.
    pub nsp: String,
    /// Its Socket.IO id there.
    pub id: String,
    /// Its Engine.IO id.
    pub sid: String,
}

impl Client {
    /// Connects to `/` over WebSocket. Most tests use it for their second client.
    pub fn connect(server: &Server) -> Self {
        Self::join(server, Transport::WebSocket, "/", &json!({}))
    }

    /// Connects to `/` over the given transport.
    pub fn over(server: &Server, transport: Transport) -> Self {
        Self::join(server, transport, "/", &json!({}))
    }

    /// Connects, joins a namespace, and receives the `auth` event that follows.
    pub fn join(server: &Server, transport: Transport, nsp: &str, auth: &Value) -> Self {
        let mut client = Self::open(server, transport);
        client.nsp = nsp.to_owned();
        client.id = client.connect_to(nsp, auth);
        client
    }

    /// Opens an Engine.IO session without joining a namespace.
    pub fn open(server: &Server, transport: Transport) -> Self {
        let (link, sid) = match transport {
            Transport::Polling => {
                let polling = Polling::connect(server);
                let sid = polling.sid.clone();
                (Link::Polling(Box::new(polling)), sid)
            }
            Transport::WebSocket => {
                let mut websocket = WebSocket::connect(server);
                let sid = websocket.receive_open();
                (Link::WebSocket(Box::new(websocket)), sid)
            }
        };
        Self {
            link,
            inbox: VecDeque::new(),
            unasked: VecDeque::new(),
            next_ack: 0,
            closed: false,
            nsp: "/".to_owned(),
            id: String::new(),
            sid,
        }
    }

    /// Joins a namespace and receives the `auth` event that follows. Returns the
    /// socket's id.
    pub fn connect_to(&mut self, nsp: &str, auth: &Value) -> String {
        self.send(&format!("0{}{auth}", prefix(nsp)));
        let packet = self.receive_in(nsp);
        assert_eq!(packet.kind, kind::CONNECT, "answer to CONNECT: {packet:?}");
        let data = packet.data.expect("CONNECT has data");
        let event = self.receive_in(nsp);
        assert_eq!(
            (event.event(), event.args()),
            (Some("auth"), &[auth.clone()][..])
        );
        data["sid"].as_str().expect("a sid is text").to_owned()
    }

    /// Sends the text of one Socket.IO packet unchanged.
    pub fn send(&mut self, packet: &str) {
        match &mut self.link {
            Link::Polling(polling) => polling.post(&format!("4{packet}")),
            Link::WebSocket(websocket) => websocket.text(&format!("4{packet}")),
        }
    }

    /// Sends one Socket.IO packet with its attachments.
    pub fn send_with(&mut self, packet: &str, attachments: &[&[u8]]) {
        match &mut self.link {
            Link::Polling(polling) => {
                let mut payload = format!("4{packet}");
                for attachment in attachments {
                    payload.push(SEPARATOR);
                    payload += &format!("b{}", STANDARD.encode(attachment));
                }
                polling.post(&payload);
            }
            Link::WebSocket(websocket) => {
                websocket.text(&format!("4{packet}"));
                for attachment in attachments {
                    websocket.binary(attachment);
                }
            }
        }
    }

    /// Sends one attachment, without a packet.
    pub fn send_binary(&mut self, attachment: &[u8]) {
        match &mut self.link {
            Link::Polling(polling) => polling.post(&format!("b{}", STANDARD.encode(attachment))),
            Link::WebSocket(websocket) => websocket.binary(attachment),
        }
    }

    /// Sends an event: `["name", args…]`.
    pub fn emit(&mut self, event: &Value) {
        self.send(&format!("2{}{event}", prefix(&self.nsp)));
    }

    /// Sends an event with an acknowledgement id, which it returns.
    pub fn emit_for_ack(&mut self, event: &Value) -> u64 {
        let id = self.next_ack;
        self.next_ack += 1;
        self.send(&format!("2{}{id}{event}", prefix(&self.nsp)));
        id
    }

    /// Sends an event and waits for its acknowledgement. Keeps other packets.
    pub fn call(&mut self, event: &Value) -> Vec<Value> {
        let id = self.emit_for_ack(event);
        self.ack_of(id).args().to_vec()
    }

    /// Waits for the acknowledgement with this id. Keeps other packets.
    pub fn ack_of(&mut self, id: u64) -> Packet {
        let nsp = self.nsp.clone();
        self.take(|packet| {
            matches!(packet.kind, kind::ACK | kind::BINARY_ACK)
                && packet.id == Some(id)
                && packet.nsp == nsp
        })
    }

    /// Acknowledges an event of the server.
    pub fn answer(&mut self, question: &Packet, args: &Value) {
        let id = question.id.expect("the question wants an answer");
        self.send(&format!("3{}{id}{args}", prefix(&question.nsp)));
    }

    /// The next packet.
    pub fn receive(&mut self) -> Packet {
        match self.unasked.pop_front() {
            Some(packet) => packet,
            None => self.receive_new(),
        }
    }

    /// The next packet of a namespace. Keeps the others.
    pub fn receive_in(&mut self, nsp: &str) -> Packet {
        self.take(|packet| packet.nsp == nsp)
    }

    /// The next event with this name. Keeps other packets.
    pub fn take_event(&mut self, event: &str) -> Packet {
        self.take(|packet| packet.event() == Some(event))
    }

    /// Asserts that the next packet is this event, and returns its arguments.
    pub fn expect(&mut self, event: &str) -> Vec<Value> {
        let packet = self.receive();
        assert_eq!(packet.event(), Some(event), "{packet:?}");
        packet.args().to_vec()
    }

    /// Asserts that the server has sent nothing unexpected: the response to a new
    /// request is the next message.
    pub fn expect_nothing(&mut self) {
        let id = self.emit_for_ack(&json!(["message-with-ack", "anything else?"]));
        let packet = self.receive();
        assert_eq!(
            (packet.kind, packet.id),
            (kind::ACK, Some(id)),
            "unexpected {packet:?}"
        );
    }

    /// The next Engine.IO message.
    pub fn receive_message(&mut self) -> Message {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return message;
            }
            assert!(!self.closed, "the server has closed the session");
            match &mut self.link {
                Link::Polling(polling) => {
                    for packet in polling.poll() {
                        match packet.as_bytes() {
                            b"2" => polling.post("3"),
                            b"6" => {}
                            b"1" => self.closed = true,
                            [b'4', ..] => self.inbox.push_back(Message::Text(packet[1..].into())),
                            [b'b', rest @ ..] => {
                                let data = STANDARD.decode(rest).expect("binary is base64");
                                self.inbox.push_back(Message::Binary(data));
                            }
                            _ => panic!("unexpected packet {packet:?}"),
                        }
                    }
                }
                Link::WebSocket(websocket) => {
                    let frame = websocket.receive();
                    match (frame.opcode, &frame.payload[..]) {
                        (Opcode::Text, b"2") => websocket.text("3"),
                        (Opcode::Text, [b'4', rest @ ..]) => {
                            let text = String::from_utf8(rest.to_vec()).expect("text is UTF-8");
                            self.inbox.push_back(Message::Text(text));
                        }
                        (Opcode::Binary, data) => {
                            self.inbox.push_back(Message::Binary(data.to_vec()));
                        }
                        _ => panic!("unexpected frame {frame:?}"),
                    }
                }
            }
        }
    }

    /// Asserts that the server ends the connection. It may send messages before.
    pub fn expect_disconnection(&mut self) {
        if self.closed {
            return;
        }
        match &mut self.link {
            Link::Polling(polling) => loop {
                let response = polling.poll_response();
                if response.status == 400 {
                    assert_eq!(response.text(), SESSION_UNKNOWN);
                    return;
                }
                let last = response.text().split(SEPARATOR).next_back();
                if last == Some("1") {
                    return;
                }
            },
            Link::WebSocket(websocket) => loop {
                let frame: Frame = websocket.receive();
                if frame.opcode == Opcode::Close {
                    return;
                }
            },
        }
    }

    /// Receives all messages until the server ends the connection.
    pub fn expect_end(&mut self) {
        match &mut self.link {
            Link::Polling(polling) => {
                let wire = polling.get_connection().wire();
                wire.finish();
                wire.read_to_end();
            }
            Link::WebSocket(websocket) => {
                while websocket.receive().opcode != Opcode::Close {}
                websocket.send(&Frame::new(Opcode::Close, ""));
                websocket.wire().expect_end();
            }
        }
    }

    /// The server's log.
    pub fn log(&mut self) -> Vec<String> {
        let answer = self.call(&json!(["log"]));
        let lines = answer[0].as_array().expect("the log is an array");
        lines
            .iter()
            .map(|line| line.as_str().expect("log lines are text").to_owned())
            .collect()
    }

    /// Waits until the log has a line that starts with `start`, and returns it.
    pub fn wait_for_log(&mut self, start: &str) -> String {
        eventually(&format!("log line {start:?}"), || {
            self.log().into_iter().find(|line| line.starts_with(start))
        })
    }

    /// A number of the server's statistics.
    #[track_caller]
    pub fn stat(&mut self, name: &str) -> i64 {
        self.call(&json!(["stat", name]))[0]
            .as_i64()
            .expect("a number")
    }

    /// Asserts that the server still serves this client and new clients, and that it
    /// has counted no internal error.
    #[track_caller]
    pub fn check_served(&mut self, server: &Server) {
        assert_eq!(self.call(&json!(["message-with-ack", 1])), [json!(1)]);
        let mut new = Self::connect(server);
        assert_eq!(new.call(&json!(["message-with-ack", 2])), [json!(2)]);
        assert!(new.stat("panics_total") <= 0, "a bug was caught");
    }

    /// The polling session. Panics if the client uses WebSocket.
    pub fn polling(&mut self) -> &mut Polling {
        match &mut self.link {
            Link::Polling(polling) => polling,
            Link::WebSocket(_) => panic!("not a polling client"),
        }
    }

    /// The WebSocket. Panics if the client uses polling.
    pub fn websocket(&mut self) -> &mut WebSocket {
        match &mut self.link {
            Link::WebSocket(websocket) => websocket,
            Link::Polling(_) => panic!("not a WebSocket client"),
        }
    }

    fn take(&mut self, wanted: impl Fn(&Packet) -> bool) -> Packet {
        if let Some(at) = self.unasked.iter().position(&wanted) {
            return self.unasked.remove(at).expect("it was just found");
        }
        loop {
            let packet = self.receive_new();
            if wanted(&packet) {
                return packet;
            }
            self.unasked.push_back(packet);
        }
    }

    fn receive_new(&mut self) -> Packet {
        let Message::Text(text) = self.receive_message() else {
            panic!("binary without packet")
        };
        let mut packet = Packet::parse(&text);
        for _ in 0..packet.attachments {
            let Message::Binary(data) = self.receive_message() else {
                panic!("no attachment")
            };
            packet.binaries.push(data);
        }
        packet
    }
}

/// The namespace as it is written in a packet.
pub fn prefix(nsp: &str) -> String {
    if nsp == "/" {
        String::new()
    } else {
        format!("{nsp},")
    }
}
