//! A scanner that finds the beginning and the end of each request in the bytes of a connection, and faults in its head.
//!
//! The HTTP parser accepts some heads that RFC 9112 forbids, and refuses some URLs that the official server accepts. The
//! scanner reads the raw lines before the parser: it reports the fault of a head, and percent-encodes the characters that
//! the parser refuses. It keeps no headers.

use std::ops::ControlFlow;

/// Why a request is refused that the HTTP parser would accept. `Display` is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadFault {
    /// A line ends with LF without CR.
    BareLineFeed,
    /// A request of HTTP/1.1 without `Host`.
    NoHost,
    /// More than one `Host`.
    ManyHosts,
    /// `Content-Length` is not a number, or is repeated.
    ContentLength,
    /// `Transfer-Encoding` is not exactly `chunked`, is repeated, comes with `Content-Length`, or is used in HTTP/1.0.
    TransferEncoding,
    /// The size of a chunk of the body is not a hexadecimal number.
    Chunk,
}

impl std::fmt::Display for HeadFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::BareLineFeed => "a line ends with LF instead of CRLF",
            Self::NoHost => "the Host header is missing",
            Self::ManyHosts => "there is more than one Host header",
            Self::ContentLength => "Content-Length is not one decimal number",
            Self::TransferEncoding => {
                "Transfer-Encoding is not exactly \"chunked\", or comes with Content-Length"
            }
            Self::Chunk => "the size of a chunk is not a hexadecimal number",
        })
    }
}

/// The result of a scan.
#[derive(Debug, PartialEq, Eq)]
pub struct Scan {
    /// How many of the bytes may be passed to the parser. The next scan must begin with the other bytes, with further bytes
    /// after them or after a call of [`next_request`](Framing::next_request).
    pub taken: usize,
    /// The bytes to pass to the parser in place of them.
    pub instead: Option<Vec<u8>>,
}

/// The position of the scanner in a connection.
///
/// ```text
///          ┌──────────────────── next_request ───────────────────┐
///          ▼                                                     │
///  ──► FirstLine ──line──► Headers ──empty line──► Length(n) ──► End
///          │                  │                                  ▲
///          │                  └─────► ChunkSize ◄──► ChunkData   │
///          │                              └──────► Trailers ─────┘
///          └── in the head, on a fault ──► Opaque
///              in a body, on a fault ──► Lost
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    FirstLine,
    Headers,
    /// This many bytes of the body are missing.
    Length(u64),
    ChunkSize,
    /// This many bytes of a chunk are missing, with the line end after it.
    ChunkData(u64),
    Trailers,
    /// The request is complete.
    End,
    /// The head has a fault. Everything is passed to the parser: the request is refused, and the connection is closed.
    Opaque,
    /// The body has a fault, so its end is unknown. Nothing more is passed to the parser.
    Lost,
}

/// The scanner of a connection.
#[derive(Debug)]
pub struct Framing {
    state: State,
    seen: Seen,
    fault: Option<HeadFault>,
    /// Path and query as the client wrote them, if the parser is given others.
    target: Option<String>,
    /// How many bytes of an incomplete line were searched for its end.
    searched: usize,
    /// The longest line that is scanned. The parser refuses longer lines.
    longest_line: usize,
}

/// The headers that determine the end of a request.
#[derive(Debug, Default)]
struct Seen {
    http_1_1: bool,
    hosts: u32,
    length: Option<u64>,
    chunked: bool,
}

impl Framing {
    /// A scanner for a new connection.
    #[must_use]
    pub fn new(longest_line: usize) -> Self {
        Self {
            state: State::FirstLine,
            seen: Seen::default(),
            fault: None,
            target: None,
            searched: 0,
            longest_line,
        }
    }

    /// Whether the head of the current request is complete.
    #[must_use]
    pub fn has_head(&self) -> bool {
        !matches!(self.state, State::FirstLine | State::Headers)
    }

    /// Whether the current request is complete, so that further bytes belong to the next request.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == State::End
    }

    /// The fault of the current request.
    #[must_use]
    pub fn fault(&self) -> Option<HeadFault> {
        self.fault
    }

    /// Takes path and query as the client wrote them, if they were changed for the parser.
    pub fn take_target(&mut self) -> Option<String> {
        self.target.take()
    }

    /// Begins the next request, after the current one was answered.
    pub fn next_request(&mut self) {
        if self.state == State::End {
            self.state = State::FirstLine;
            self.seen = Seen::default();
            self.target = None;
        }
    }

    /// Scans the bytes that follow those taken before.
    pub fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut scan = Scan {
            taken: 0,
            instead: None,
        };
        while scan.taken < bytes.len() {
            if self.step(bytes, &mut scan).is_break() {
                break;
            }
        }
        scan
    }

    fn step(&mut self, bytes: &[u8], scan: &mut Scan) -> ControlFlow<()> {
        let rest = &bytes[scan.taken..];
        match &mut self.state {
            State::End => return ControlFlow::Break(()),
            State::Opaque => pass(rest, scan),
            State::Lost => {
                scan.instead
                    .get_or_insert_with(|| bytes[..scan.taken].to_vec());
                scan.taken = bytes.len();
            }
            State::Length(missing) | State::ChunkData(missing) => {
                let len = usize::try_from(*missing).map_or(rest.len(), |most| most.min(rest.len()));
                *missing -= len as u64;
                let is_over = *missing == 0;
                pass(&rest[..len], scan);
                if is_over {
                    self.state = match self.state {
                        State::ChunkData(_) => State::ChunkSize,
                        _ => State::End,
                    };
                }
            }
            State::FirstLine | State::Headers | State::ChunkSize | State::Trailers => {
                let Some(end) = memchr::memchr(b'\n', &rest[self.searched.min(rest.len())..])
                else {
                    self.searched = rest.len();
                    if rest.len() <= self.longest_line {
                        return ControlFlow::Break(());
                    }
                    self.state = if self.has_head() {
                        // The parser would accept such a line, but the scanner could not find the next request.
                        self.fault = Some(HeadFault::Chunk);
                        State::Lost
                    } else {
                        State::Opaque
                    };
                    return ControlFlow::Continue(());
                };
                let line = &rest[..self.searched + end + 1];
                self.searched = 0;
                self.handle_line(line, &bytes[..scan.taken], scan);
            }
        }
        ControlFlow::Continue(())
    }

    /// Handles one line with its end; `before` are the bytes that this scan has taken before it.
    fn handle_line(&mut self, line: &[u8], before: &[u8], scan: &mut Scan) {
        let Some(text) = line.strip_suffix(b"\r\n") else {
            // Empty lines before a request are skipped, with either line end.
            if self.state == State::FirstLine && line == b"\n" {
                return pass(line, scan);
            }
            return self.refuse(HeadFault::BareLineFeed, line, scan);
        };
        let handled = match self.state {
            State::FirstLine if text.is_empty() => Ok(()),
            State::FirstLine => {
                self.seen.http_1_1 = text.ends_with(b" HTTP/1.1");
                self.state = State::Headers;
                if let Some(encoded) = self.encode_target(text) {
                    scan.taken += line.len();
                    let instead = scan.instead.get_or_insert_with(|| before.to_vec());
                    instead.extend_from_slice(&encoded);
                    return;
                }
                Ok(())
            }
            State::Headers if text.is_empty() => self.seen.body().map(|state| self.state = state),
            State::Headers => self.seen.handle_header(text),
            State::ChunkSize => chunk_size(text).map(|state| self.state = state),
            State::Trailers if text.is_empty() => {
                self.state = State::End;
                Ok(())
            }
            _ => Ok(()),
        };
        match handled {
            Ok(()) => pass(line, scan),
            Err(fault) => self.refuse(fault, line, scan),
        }
    }

    fn refuse(&mut self, fault: HeadFault, line: &[u8], scan: &mut Scan) {
        self.fault = Some(fault);
        if self.has_head() {
            // The line is not passed to the parser, which might take it for the end of the request.
            self.state = State::Lost;
        } else {
            self.state = State::Opaque;
            pass(line, scan);
        }
    }

    /// The first line, with percent-encoding in place of characters that the parser refuses; `None` if there are none.
    fn encode_target(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        let start = memchr::memchr(b' ', line)? + 1;
        let end = memchr::memrchr(b' ', line)?;
        let target = line.get(start..end)?;
        if !target.iter().any(|byte| is_encoded(*byte)) || !target.is_ascii() {
            return None;
        }
        let mut encoded = Vec::with_capacity(line.len() + 16);
        encoded.extend_from_slice(&line[..start]);
        for &byte in target {
            if is_encoded(byte) {
                encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
            } else {
                encoded.push(byte);
            }
        }
        encoded.extend_from_slice(&line[end..]);
        encoded.extend_from_slice(b"\r\n");
        self.target = Some(String::from_utf8_lossy(target).into_owned());
        Some(encoded)
    }
}

/// Whether a byte is invalid in a URL, accepted by Node, and refused by the parser in a path or in a query.
fn is_encoded(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`')
}

fn pass(bytes: &[u8], scan: &mut Scan) {
    scan.taken += bytes.len();
    if let Some(instead) = &mut scan.instead {
        instead.extend_from_slice(bytes);
    }
}

impl Seen {
    fn handle_header(&mut self, line: &[u8]) -> Result<(), HeadFault> {
        let Some(colon) = memchr::memchr(b':', line) else {
            return Ok(());
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        match colon {
            4 if name.eq_ignore_ascii_case(b"host") => {
                self.hosts += 1;
                if self.hosts > 1 {
                    return Err(HeadFault::ManyHosts);
                }
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = decimal(value).ok_or(HeadFault::ContentLength)?;
                if self.length.replace(length).is_some() {
                    return Err(HeadFault::ContentLength);
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(HeadFault::TransferEncoding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// The state after the head.
    fn body(&self) -> Result<State, HeadFault> {
        if self.http_1_1 && self.hosts == 0 {
            return Err(HeadFault::NoHost);
        }
        match (self.chunked, self.length) {
            (true, None) if self.http_1_1 => Ok(State::ChunkSize),
            (true, _) => Err(HeadFault::TransferEncoding),
            (false, None | Some(0)) => Ok(State::End),
            (false, Some(length)) => Ok(State::Length(length)),
        }
    }
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn chunk_size(line: &[u8]) -> Result<State, HeadFault> {
    let digits = line
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii_end();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(HeadFault::Chunk);
    }
    let size = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .and_then(|size| size.checked_add(2))
        .ok_or(HeadFault::Chunk)?;
    Ok(match size {
        2 => State::Trailers,
        size => State::ChunkData(size),
    })
}

#[cfg(test)]
mod tests;
