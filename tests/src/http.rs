//! A minimal HTTP/1.1 client: it writes the exact bytes of the test, and parses
//! responses strictly.

use crate::server::Endpoint;
use crate::wire::Wire;

/// A connection on which requests are written and responses read.
#[derive(Debug)]
pub struct Http {
    wire: Wire,
}

/// One response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The header names as they were sent, with their values.
    pub headers: Vec<(String, String)>,
    /// The body without chunked framing.
    pub body: Vec<u8>,
}

impl Http {
    /// Connects to a server.
    pub fn connect(endpoint: &Endpoint) -> Self {
        Self {
            wire: Wire::connect(endpoint.address),
        }
    }

    /// Writes bytes unchanged.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.wire.write(bytes.as_ref());
    }

    /// Writes a request with `Host`, the given header lines and, when there is
    /// a body, its length.
    pub fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        self.write(request(method, target, headers, body));
    }

    /// Reads the response to a request that was not `HEAD`.
    pub fn receive(&mut self) -> Response {
        let mut response = self.receive_head();
        response.body = self.receive_body(&response);
        response
    }

    /// Reads a response without a body.
    pub fn receive_head(&mut self) -> Response {
        let head = self.wire.read_until(b"\r\n\r\n");
        let head = std::str::from_utf8(&head).expect("the head of a response is ASCII");
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let first = lines.next().expect("a response has a first line");
        let mut words = first.splitn(3, ' ');
        assert_eq!(words.next(), Some("HTTP/1.1"), "version of {first:?}");
        let status = words.next().and_then(|word| word.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status in {first:?}"));
        let reason = words.next().unwrap_or("").to_owned();
        let headers = lines.map(header_of).collect();
        Response {
            status,
            reason,
            headers,
            body: Vec::new(),
        }
    }

    /// A request and its response.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.send(method, target, headers, body);
        self.receive()
    }

    /// The underlying connection.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Returns the underlying connection, for another protocol.
    pub fn into_wire(self) -> Wire {
        self.wire
    }

    fn receive_body(&mut self, response: &Response) -> Vec<u8> {
        if response.status < 200 || response.status == 204 || response.status == 304 {
            return Vec::new();
        }
        if response
            .header("transfer-encoding")
            .is_some_and(|value| value.contains("chunked"))
        {
            return self.receive_chunks();
        }
        match response.header("content-length") {
            Some(length) => self
                .wire
                .read_exact(length.parse().expect("a length is a number")),
            None => self.wire.read_to_end(),
        }
    }

    fn receive_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.wire.read_until(b"\r\n");
            let line = String::from_utf8(line).expect("a chunk size is ASCII");
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a chunk size is hex");
            body.extend(self.wire.read_exact(size));
            assert_eq!(self.wire.read_exact(2), b"\r\n", "the end of a chunk");
            if size == 0 {
                return body;
            }
        }
    }
}

impl Response {
    /// The value of a header; names are case-insensitive. Panics if the header was
    /// sent twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers(name);
        let value = values.next();
        assert!(
            values.next().is_none(),
            "header {name} twice in {:?}",
            self.headers
        );
        value
    }

    /// All values of a header.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(same)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }
}

/// The bytes of a request.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    let given = |name: &str| {
        headers
            .iter()
            .any(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    if !given("host") {
        head += "Host: localhost\r\n";
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !given("content-length") && !given("transfer-encoding") && method == "POST" {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head += "\r\n";
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn header_of(line: &str) -> (String, String) {
    let (name, value) = line
        .split_once(':')
        .unwrap_or_else(|| panic!("no colon in {line:?}"));
    (name.to_owned(), value.trim().to_owned())
}
