//! A TCP connection on which every read has a deadline.
//!
//! Bytes that were read but not used stay in a buffer, so that the HTTP client
//! can pass the connection to the WebSocket client.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a test waits for an event that must happen.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection, with the bytes that were read but not yet used.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects; panics if the server does not listen.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)
            .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"));
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        stream
            .set_read_timeout(Some(TIMEOUT))
            .expect("a read timeout can be set");
        stream
            .set_write_timeout(Some(TIMEOUT))
            .expect("a write timeout can be set");
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Writes all of `bytes`. Panics on an error or a timeout.
    pub fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes)
            .expect("the server takes what is written");
    }

    /// Writes all of `bytes`, or returns the error.
    pub fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Writes `chunk` repeatedly until this many bytes are written, a write blocks for a second, or the connection has
    /// ended. Returns the number of bytes written.
    pub fn flood(&mut self, chunk: &[u8], total: usize) -> usize {
        self.stream
            .set_write_timeout(Some(Duration::from_secs(1)))
            .expect("a write timeout can be set");
        let mut written = 0;
        'flood: while written < total {
            let mut rest = chunk;
            while !rest.is_empty() {
                match self.stream.write(rest) {
                    Ok(count) => (written, rest) = (written + count, &rest[count..]),
                    Err(_) => break 'flood,
                }
            }
        }
        self.stream
            .set_write_timeout(Some(TIMEOUT))
            .expect("a write timeout can be set");
        written
    }

    /// Shuts down our direction, so that the peer reads an end of file. Ignores errors.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Ends the connection with a TCP reset.
    pub fn reset(self) {
        let socket = socket2::Socket::from(self.stream);
        socket
            .set_linger(Some(Duration::ZERO))
            .expect("SO_LINGER can be set");
    }

    /// Makes the kernel's receive buffer small, so that the writes of a peer block
    /// early if this client does not read.
    pub fn shrink_receive_buffer(&self) {
        socket2::SockRef::from(&self.stream)
            .set_recv_buffer_size(65_536)
            .expect("SO_RCVBUF can be set");
    }

    /// Reads up to and including `end`.
    pub fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self
                .buffer
                .windows(end.len())
                .position(|window| window == end)
            {
                return self.buffer.drain(..at + end.len()).collect();
            }
            self.fill();
        }
    }

    /// Reads exactly `length` bytes.
    pub fn read_exact(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            self.fill();
        }
        self.buffer.drain(..length).collect()
    }

    /// Reads until the end of the connection.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self
            .read_more()
            .expect("the server ends the connection in time")
            > 0
        {}
        std::mem::take(&mut self.buffer)
    }

    /// Waits until the server ends the connection. Panics if it sends anything
    /// before. A reset counts as an end.
    pub fn expect_end(&mut self) {
        let rest = self.read_to_end();
        assert!(
            rest.is_empty(),
            "more bytes before the end: {:?}",
            String::from_utf8_lossy(&rest)
        );
    }

    /// Whether the server ends the connection or sends something within `time`.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        if !self.buffer.is_empty() {
            return false;
        }
        self.stream
            .set_read_timeout(Some(time))
            .expect("a read timeout can be set");
        let outcome = self.read_more();
        self.stream
            .set_read_timeout(Some(TIMEOUT))
            .expect("a read timeout can be set");
        matches!(outcome, Err(error) if is_timeout(&error))
    }

    fn fill(&mut self) {
        match self.read_more() {
            Ok(0) => panic!(
                "the server ended the connection after {:?}",
                String::from_utf8_lossy(&self.buffer)
            ),
            Ok(_) => {}
            Err(error) => {
                panic!(
                    "reading after {:?}: {error}",
                    String::from_utf8_lossy(&self.buffer)
                )
            }
        }
    }

    fn read_more(&mut self) -> std::io::Result<usize> {
        let mut chunk = [0; 65536];
        let count = match self.stream.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            outcome => outcome?,
        };
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(count)
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The current time, for tests that measure a deadline of the server.
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test measures real time")]
    Instant::now()
}

/// Calls `question` repeatedly until it returns a value. Panics with `what` if it
/// does not in time. For states that cause no event.
pub fn eventually<T>(what: &str, question: impl FnMut() -> Option<T>) -> T {
    eventually_within(TIMEOUT, what, question)
}

/// The same with another timeout.
pub fn eventually_within<T>(
    timeout: Duration,
    what: &str,
    mut question: impl FnMut() -> Option<T>,
) -> T {
    let deadline = now() + timeout;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(deadline.elapsed().is_zero(), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
