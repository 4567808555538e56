//! One Socket.IO client on a WebSocket: from the TCP connection over the three handshakes to a
//! stream of answers that are recognised and counted.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::net::frame::{BINARY, CLOSE, Frame, Reader, TEXT, masked};

/// Clients come from this many loopback addresses in turn, so that ports of connections that
/// ended a moment ago never run out.
const SOURCES: u64 = 200;

/// The frame that counts as an answer. Its length is known: a server that answers anything else
/// is not measured but reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) opcode: u8,
    /// What a text begins with: Engine.IO and Socket.IO packet type.
    pub(crate) first: [u8; 2],
    pub(crate) len: u64,
}

/// What came of reading once from one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrival {
    pub(crate) conn: usize,
    /// The Socket.IO handshake has been completed by this read.
    pub(crate) connected: bool,
    pub(crate) answers: u32,
    /// Answers to `join`.
    pub(crate) joined: u32,
    pub(crate) closed: bool,
}

#[derive(Debug)]
enum Phase {
    /// Collecting the answer to the upgrade request.
    Upgrade(Vec<u8>),
    /// Engine.IO's and Socket.IO's handshakes are under way.
    Handshake,
    Connected,
}

#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) stream: TcpStream,
    reader: Reader,
    phase: Phase,
    /// What the socket has not taken yet.
    unsent: Vec<u8>,
}

/// Opens a TCP connection; `nth` picks the loopback address it comes from.
pub(crate) fn dial(port: u16, nth: u64) -> io::Result<TcpStream> {
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let source = Ipv4Addr::new(127, 1, 0, 1 + (nth % SOURCES) as u8);
    bind(&socket, &SocketAddrV4::new(source, 0))?;
    connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

impl Conn {
    pub(crate) fn open(port: u16, nth: u64) -> io::Result<Self> {
        let mut conn = Self {
            stream: dial(port, nth)?,
            reader: Reader::default(),
            phase: Phase::Upgrade(Vec::new()),
            unsent: Vec::new(),
        };
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
             Upgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        conn.send(request.as_bytes())?;
        Ok(conn)
    }

    /// Reads once; `scratch` is where the bytes lie meanwhile.
    pub(crate) fn receive(&mut self, scratch: &mut [u8], answer: Answer) -> io::Result<Arrival> {
        let mut arrival = Arrival::default();
        let read = match self.stream.read(scratch) {
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(arrival),
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(e) => return Err(e),
        };
        arrival.closed = read == 0;
        let mut bytes = &scratch[..read];
        let rest;
        if let Phase::Upgrade(head) = &mut self.phase {
            head.extend(bytes);
            let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else {
                return Ok(arrival);
            };
            if !head.starts_with(b"HTTP/1.1 101") {
                let text = String::from_utf8_lossy(head).into_owned();
                return Err(io::Error::other(format!("no upgrade: {text}")));
            }
            rest = head.split_off(end + 4);
            bytes = &rest;
            self.phase = Phase::Handshake;
        }
        let mut replies = Vec::new();
        let mut connected = matches!(self.phase, Phase::Connected);
        self.reader.feed(bytes, |frame| {
            count(frame, answer, &mut connected, &mut arrival, &mut replies)
        })?;
        if connected {
            self.phase = Phase::Connected;
        }
        if !replies.is_empty() && !arrival.closed {
            self.send(&replies)?;
        }
        Ok(arrival)
    }

    /// Writes, and keeps what the socket does not take. True while something is kept.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<bool> {
        if !self.unsent.is_empty() {
            self.unsent.extend(bytes);
            return Ok(true);
        }
        let written = write_some(&mut self.stream, bytes)?;
        self.unsent.extend(&bytes[written..]);
        Ok(!self.unsent.is_empty())
    }

    /// Writes what was kept. True while something still is.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let written = write_some(&mut self.stream, &self.unsent)?;
        self.unsent.drain(..written);
        Ok(!self.unsent.is_empty())
    }

    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }
}

fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// Sorts one frame into the arrival; what has to be said in return goes to `replies`.
fn count(
    frame: Frame,
    answer: Answer,
    connected: &mut bool,
    arrival: &mut Arrival,
    replies: &mut Vec<u8>,
) -> io::Result<()> {
    let text = frame.opcode == TEXT;
    if frame.opcode == answer.opcode && (!text || frame.first == answer.first) && *connected {
        // The answer to `join` is an acknowledgement whose length no measured answer has.
        if frame.len == answer.len {
            arrival.answers += 1;
            return Ok(());
        }
    }
    match (frame.opcode, frame.first) {
        (TEXT, [b'0', _]) => masked(replies, TEXT, b"40"),
        (TEXT, [b'2', 0]) => masked(replies, TEXT, b"3"),
        (TEXT, [b'4', b'0']) => {
            *connected = true;
            arrival.connected = true;
        }
        (TEXT, [b'4', b'3']) if frame.len <= JOINED.len() as u64 => arrival.joined += 1,
        // The text part of a message with attachments: the attachment is what is counted.
        (TEXT, [b'4', b'5']) if answer.opcode == BINARY => {}
        (CLOSE, _) | (TEXT, [b'1', 0]) => arrival.closed = true,
        _ => {
            return Err(io::Error::other(format!(
                "a {} byte frame of kind {} beginning with {:?} is no answer",
                frame.len, frame.opcode, frame.first
            )));
        }
    }
    Ok(())
}

/// The longest acknowledgement of a `join`, whose id is a single digit.
const JOINED: &str = "430[true]";
