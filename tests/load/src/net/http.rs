//! A keep-alive HTTP connection with one request at a time on it.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::net::conn::dial;

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
}

/// The bytes of a request; `body` empty is a GET, anything else a POST.
pub(crate) fn request(path: &str, body: &str) -> Vec<u8> {
    if body.is_empty() {
        return format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes();
    }
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain;charset=UTF-8\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Exchange {
    pub(crate) fn open(port: u16, nth: u64) -> io::Result<Self> {
        Ok(Self {
            stream: dial(port, nth)?,
            received: Vec::new(),
        })
    }

    /// Requests here are smaller than any socket buffer: not to be taken whole is an error.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request)
    }

    /// Reads once, and gives the body of the response when that is complete.
    pub(crate) fn receive(&mut self, scratch: &mut [u8]) -> io::Result<Option<Vec<u8>>> {
        let read = match self.stream.read(scratch) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            read => read?,
        };
        if read == 0 {
            return Err(io::Error::other("the server has closed a connection"));
        }
        self.received.extend(&scratch[..read]);
        let Some((body, used)) = response(&self.received)? else {
            return Ok(None);
        };
        self.received.drain(..used);
        Ok(Some(body))
    }
}

/// The body of a whole response at the start of these bytes, and the response's length.
fn response(bytes: &[u8]) -> io::Result<Option<(Vec<u8>, usize)>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    if !head.starts_with("http/1.1 200") {
        return Err(io::Error::other(format!("not a 200: {head}")));
    }
    let field = |name: &str| {
        head.lines()
            .find_map(|line| line.split_once(": ").filter(|(n, _)| *n == name))
    };
    let start = end + 4;
    if let Some((_, len)) = field("content-length") {
        let len: usize = len.trim().parse().map_err(io::Error::other)?;
        let body = bytes.get(start..start + len);
        return Ok(body.map(|body| (body.to_vec(), start + len)));
    }
    if field("transfer-encoding").is_none() {
        return Err(io::Error::other("a response without a length"));
    }
    let mut body = Vec::new();
    let mut at = start;
    loop {
        let Some(line) = find(&bytes[at..], b"\r\n") else {
            return Ok(None);
        };
        let digits = String::from_utf8_lossy(&bytes[at..at + line]).into_owned();
        let len = usize::from_str_radix(digits.trim(), 16).map_err(io::Error::other)?;
        let chunk = at + line + 2;
        let Some(data) = bytes.get(chunk..chunk + len + 2) else {
            return Ok(None);
        };
        at = chunk + len + 2;
        if len == 0 {
            return Ok(Some((body, at)));
        }
        body.extend(&data[..len]);
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::response;

    #[test]
    fn a_response_is_taken_when_it_is_whole() {
        let plain = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".as_slice();
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
        for whole in [plain, chunked] {
            for end in 0..whole.len() {
                assert!(response(&whole[..end]).expect("so far right").is_none());
            }
            let followed = [whole, b"HTTP/1.1"].concat();
            let found = response(&followed).expect("right");
            assert_eq!(found, Some((b"ok".to_vec(), whole.len())));
        }
    }

    #[test]
    fn other_statuses_are_errors() {
        assert!(response(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").is_err());
    }
}
