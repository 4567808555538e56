//! Finds where requests begin and end in the bytes of a connection, and what is wrong with their heads.
//!
//! The HTTP parser behind it accepts more than RFC 9112 allows, and less in a URL than the official server does. This
//! scanner looks at the raw lines first: it names the fault of a head, and encodes the characters that the parser does
//! not take. It does not read headers for anybody else.

use std::ops::ControlFlow;

/// Why a request is refused although the HTTP parser would take it. `Display` is for the log.
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
    /// `Transfer-Encoding` is not exactly `chunked`, is repeated, or stands beside `Content-Length` or in HTTP/1.0.
    TransferEncoding,
    /// A chunk of a body does not say its size in hexadecimal digits.
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
                "Transfer-Encoding is not exactly \"chunked\", or stands beside Content-Length"
            }
            Self::Chunk => "the size of a chunk is not a hexadecimal number",
        })
    }
}

/// What a scan made of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Scan {
    /// How many of the bytes may be passed on; the rest is to be given again, with more behind it or after
    /// [`next_request`](Framing::next_request).
    pub taken: usize,
    /// What to pass on instead of them.
    pub instead: Option<Vec<u8>>,
}

/// Where in a connection the scanner is.
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
    /// So many bytes of the body are missing.
    Length(u64),
    ChunkSize,
    /// So many bytes of a chunk are missing, the line end behind it included.
    ChunkData(u64),
    Trailers,
    /// The request is complete.
    End,
    /// Everything is passed on: the request is refused, and the connection ends with it.
    Opaque,
    /// Nothing is passed on: where the body ends, and whether another request follows, is not known.
    Lost,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Framing {
    state: State,
    seen: Seen,
    fault: Option<HeadFault>,
    /// The target as the client wrote it, when the parser gets another one.
    target: Option<String>,
    /// How much of a line that is not complete has been searched for its end.
    searched: usize,
    /// A longer line is left to the parser, which refuses it.
    longest_line: usize,
}

/// The headers of a head that say where the request ends.
#[derive(Debug, Default)]
struct Seen {
    http_1_1: bool,
    hosts: u32,
    length: Option<u64>,
    chunked: bool,
}

impl Framing {
    /// A scanner of a new connection.
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

    /// The head of a request has been passed on.
    #[must_use]
    pub fn has_head(&self) -> bool {
        !matches!(self.state, State::FirstLine | State::Headers)
    }

    /// The request is complete, and what follows belongs to the next one.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == State::End
    }

    /// What is wrong with the request.
    #[must_use]
    pub fn fault(&self) -> Option<HeadFault> {
        self.fault
    }

    /// The target as the client wrote it, when it was changed for the parser.
    pub fn take_target(&mut self) -> Option<String> {
        self.target.take()
    }

    /// The request was answered: the next one may begin.
    pub fn next_request(&mut self) {
        if self.state == State::End {
            self.state = State::FirstLine;
            self.seen = Seen::default();
            self.target = None;
        }
    }

    /// Looks at the bytes that follow those that were taken before.
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
                        // The parser would accept it, and the scanner would not find the next request.
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

    /// One line with its end; `before` is what the scan has taken already.
    fn handle_line(&mut self, line: &[u8], before: &[u8], scan: &mut Scan) {
        let Some(text) = line.strip_suffix(b"\r\n") else {
            // Empty lines before a request are skipped, however they end.
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
            // The line itself is not passed on either: the parser might see the end of the request in it.
            self.state = State::Lost;
        } else {
            self.state = State::Opaque;
            pass(line, scan);
        }
    }

    /// The first line with what the parser takes for the characters that only the official server takes.
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

/// Characters that no URL may hold, that Node takes, and that the parser refuses in a path or in a query.
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

    /// What follows the head.
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
