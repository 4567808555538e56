//! A minimal WebSocket client that can send invalid frames.

use serde_json::Value;

use crate::http::{Http, Response};
use crate::server::{Endpoint, Server};
use crate::wire::Wire;

/// The nonce of the example in RFC 6455.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The accept value for [`KEY`].
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The opcode of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// A continuation of a message.
    Continuation,
    /// A text message.
    Text,
    /// A binary message.
    Binary,
    /// A close frame.
    Close,
    /// A ping.
    Ping,
    /// A pong.
    Pong,
    /// A reserved opcode.
    Reserved(u8),
}

/// One frame. Frames to the server are masked unless a test changes that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whether it is the last frame of its message (FIN).
    pub last: bool,
    /// The reserved bits, RSV1 to RSV3, in the three lowest bits.
    pub reserved: u8,
    /// The opcode.
    pub opcode: Opcode,
    /// Whether it is masked.
    pub masked: bool,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A valid frame of a client with a complete message.
    pub fn new(opcode: Opcode, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            last: true,
            reserved: 0,
            opcode,
            masked: true,
            payload: payload.into(),
        }
    }

    /// The same frame without FIN.
    pub fn unfinished(opcode: Opcode, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            last: false,
            ..Self::new(opcode, payload)
        }
    }

    /// The encoded frame.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.head(self.payload.len() as u64);
        if self.masked {
            let mask = MASK.iter().cycle();
            bytes.extend(
                self.payload
                    .iter()
                    .zip(mask)
                    .map(|(byte, mask)| byte ^ mask),
            );
        } else {
            bytes.extend_from_slice(&self.payload);
        }
        bytes
    }

    /// The header only, with a payload length of `length` bytes.
    pub fn head(&self, length: u64) -> Vec<u8> {
        let mut bytes =
            vec![u8::from(self.last) << 7 | self.reserved << 4 | number_of(self.opcode)];
        let mask = u8::from(self.masked) << 7;
        match length {
            0..=125 => bytes.push(mask | length as u8),
            126..=65535 => {
                bytes.push(mask | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend_from_slice(&length.to_be_bytes());
            }
        }
        if self.masked {
            bytes.extend_from_slice(&MASK);
        }
        bytes
    }
}

/// An open WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    wire: Wire,
    close_sent: bool,
    /// The 101 response.
    pub response: Response,
}

impl WebSocket {
    /// Opens a session; its open packet is the first message.
    pub fn connect(server: &Server) -> Self {
        Self::to(server.endpoint(), "EIO=4&transport=websocket")
    }

    /// Opens a second transport for a session.
    pub fn upgrade(server: &Server, sid: &str) -> Self {
        Self::to(
            server.endpoint(),
            &format!("EIO=4&transport=websocket&sid={sid}"),
        )
    }

    /// Opens a WebSocket with this query. Panics if the server refuses.
    pub fn to(endpoint: &Endpoint, query: &str) -> Self {
        Self::attempt(endpoint, query, &[])
            .unwrap_or_else(|refusal| panic!("refused: {} {:?}", refusal.status, refusal.text()))
    }

    /// Requests a WebSocket with this query and further headers.
    pub fn attempt(
        endpoint: &Endpoint,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Response> {
        let mut all = vec![
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", KEY),
        ];
        all.extend(headers);
        let mut http = Http::connect(endpoint);
        http.send("GET", &format!("{}?{query}", endpoint.path), &all, b"");
        Self::accept(http)
    }

    /// Reads the response to an upgrade request.
    pub fn accept(mut http: Http) -> Result<Self, Response> {
        let response = http.receive();
        if response.status != 101 {
            return Err(response);
        }
        assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT));
        Ok(Self {
            wire: http.into_wire(),
            close_sent: false,
            response,
        })
    }

    /// Sends one frame.
    pub fn send(&mut self, frame: &Frame) {
        self.close_sent |= frame.opcode == Opcode::Close;
        self.wire.write(&frame.encode());
    }

    /// Sends a text message.
    pub fn text(&mut self, text: &str) {
        self.send(&Frame::new(Opcode::Text, text));
    }

    /// Sends a binary message.
    pub fn binary(&mut self, data: &[u8]) {
        self.send(&Frame::new(Opcode::Binary, data));
    }

    /// Receives one frame.
    pub fn receive(&mut self) -> Frame {
        let head = self.wire.read_exact(2);
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let length = match head[1] {
            126 => {
                let bytes = self.wire.read_exact(2);
                u64::from(u16::from_be_bytes([bytes[0], bytes[1]]))
            }
            127 => {
                let bytes = self.wire.read_exact(8);
                u64::from_be_bytes(bytes.try_into().expect("eight bytes were read"))
            }
            short => u64::from(short),
        };
        Frame {
            last: head[0] & 0x80 != 0,
            reserved: head[0] >> 4 & 7,
            opcode: opcode_of(head[0] & 15),
            masked: false,
            payload: self.wire.read_exact(length as usize),
        }
    }

    /// Receives a text message in one frame.
    pub fn receive_text(&mut self) -> String {
        let frame = self.receive();
        assert_eq!(
            (frame.last, frame.opcode),
            (true, Opcode::Text),
            "frame {frame:?}"
        );
        String::from_utf8(frame.payload).expect("text is UTF-8")
    }

    /// Receives the open packet and returns its session id.
    pub fn receive_open(&mut self) -> String {
        let packet = self.receive_text();
        let json = packet.strip_prefix('0').expect("an open packet");
        let open: Value = serde_json::from_str(json).expect("an open packet is JSON");
        open["sid"].as_str().expect("a sid is text").to_owned()
    }

    /// Receives a binary message in one frame.
    pub fn receive_binary(&mut self) -> Vec<u8> {
        let frame = self.receive();
        assert_eq!(
            (frame.last, frame.opcode),
            (true, Opcode::Binary),
            "frame {frame:?}"
        );
        frame.payload
    }

    /// Receives a close frame and returns its code, if any. Replies to it as RFC
    /// 6455 requires, and waits until the server closes the connection.
    pub fn receive_close(&mut self) -> Option<u16> {
        let frame = self.receive();
        assert_eq!(frame.opcode, Opcode::Close, "frame {frame:?}");
        assert!(frame.payload.len() <= 2, "a code alone: {frame:?}");
        if !self.close_sent {
            // The server may have closed its direction already.
            let answer = Frame::new(Opcode::Close, frame.payload.clone());
            let _ = self.wire.try_write(&answer.encode());
        }
        self.wire.expect_end();
        self.wire.finish();
        match frame.payload[..] {
            [high, low, ..] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }

    /// Sends a close frame without a code, and waits for the server's close frame
    /// and for the end of the connection.
    pub fn close(mut self) {
        self.send(&Frame::new(Opcode::Close, *b""));
        loop {
            if self.receive().opcode == Opcode::Close {
                break;
            }
        }
        self.wire.expect_end();
    }

    /// The underlying connection.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Returns the underlying connection.
    pub fn into_wire(self) -> Wire {
        self.wire
    }
}

fn number_of(opcode: Opcode) -> u8 {
    match opcode {
        Opcode::Continuation => 0,
        Opcode::Text => 1,
        Opcode::Binary => 2,
        Opcode::Close => 8,
        Opcode::Ping => 9,
        Opcode::Pong => 10,
        Opcode::Reserved(number) => number,
    }
}

fn opcode_of(number: u8) -> Opcode {
    match number {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        other => Opcode::Reserved(other),
    }
}
