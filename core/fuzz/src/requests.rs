//! The bytes of a connection: for any chunks, the scanner separates and refuses requests as a simple parser of the whole
//! text does.

use bellwire_core::server::http::head::{Framing, HeadFault};

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "requests",
    run,
    seeds: &[
        b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        b"POST /?a=\"<>\"` HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n4helloGET /` HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\r\n\nPOST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n2;a=b\r\n4a\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
    ],
    words: &[
        "GET ", "POST ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "\r\n", "\r\n\r\n", "\n", "\r", "Host: a\r\n", "/?x=", "\"", "<",
        "Content-Length: ", "Transfer-Encoding: ", "chunked", ", ", "0", "6", "0\r\n\r\n", "ffffffffffffffff", "18446744073709551615",
        ": ", ";",
    ],
};

/// Longer lines are not part of this target.
const LONGEST_LINE: usize = 1 << 20;

/// The bytes that the scanner passes on, the number of complete requests, and the fault that ended the scan.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    passed: Vec<u8>,
    complete: usize,
    fault: Option<HeadFault>,
}

fn run(data: &[u8]) {
    let whole = scanned(data, data.len().max(1));
    same(&whole, &scanned(data, 1), data);
    same(&whole, &scanned(data, 7), data);
    same(&whole, &read(data), data);
}

fn scanned(data: &[u8], part: usize) -> Outcome {
    let mut framing = Framing::new(LONGEST_LINE);
    let mut held = Vec::new();
    let mut outcome = Outcome {
        passed: Vec::new(),
        complete: 0,
        fault: None,
    };
    for part in data.chunks(part) {
        held.extend_from_slice(part);
        loop {
            let scan = framing.scan(&held);
            match scan.instead {
                Some(instead) => outcome.passed.extend(instead),
                None => outcome.passed.extend_from_slice(&held[..scan.taken]),
            }
            held.drain(..scan.taken);
            if !framing.is_complete() {
                break;
            }
            outcome.complete += 1;
            framing.next_request();
        }
    }
    outcome.fault = framing.fault();
    outcome
}

/// The same, by parsing the whole text one request at a time.
fn read(data: &[u8]) -> Outcome {
    let mut outcome = Outcome {
        passed: Vec::new(),
        complete: 0,
        fault: None,
    };
    let mut rest = data;
    loop {
        match request(&mut rest, &mut outcome.passed) {
            Ok(Some(())) => outcome.complete += 1,
            Ok(None) => return outcome,
            Err(fault) => {
                outcome.passed.extend_from_slice(rest);
                outcome.fault = Some(fault);
                return outcome;
            }
        }
    }
}

/// Removes one request from `rest`; `None` if it is incomplete. On a fault, `rest` begins with the faulty line.
fn request(rest: &mut &[u8], passed: &mut Vec<u8>) -> Result<Option<()>, HeadFault> {
    while let Some(empty) = ["\r\n", "\n"]
        .into_iter()
        .find(|end| rest.starts_with(end.as_bytes()))
    {
        take(rest, empty.len(), passed);
    }
    let Some(line) = line(rest)? else {
        return Ok(None);
    };
    passed.extend(encoded(line));
    *rest = &rest[line.len()..];
    let is_1_1 = line.ends_with(b" HTTP/1.1\r\n");
    let mut headers = Vec::new();
    loop {
        let Some(line) = self::line(rest)? else {
            return Ok(None);
        };
        headers.push(line.to_ascii_lowercase());
        let lengths = values(&headers, "content-length");
        let codings = values(&headers, "transfer-encoding");
        let hosts = values(&headers, "host").len();
        let is_number = |text: &&[u8]| {
            !text.is_empty()
                && text.iter().all(u8::is_ascii_digit)
                && std::str::from_utf8(text).is_ok_and(|text| text.parse::<u64>().is_ok())
        };
        if hosts > 1 {
            return Err(HeadFault::ManyHosts);
        }
        if lengths.len() > 1 || !lengths.iter().all(is_number) {
            return Err(HeadFault::ContentLength);
        }
        if codings.len() > 1 || codings.iter().any(|coding| *coding != b"chunked") {
            return Err(HeadFault::TransferEncoding);
        }
        if line != b"\r\n" {
            take(rest, line.len(), passed);
            continue;
        }
        if is_1_1 && hosts == 0 {
            return Err(HeadFault::NoHost);
        }
        if !codings.is_empty() && (!is_1_1 || !lengths.is_empty()) {
            return Err(HeadFault::TransferEncoding);
        }
        take(rest, 2, passed);
        if !codings.is_empty() {
            // After a fault in a body the end of the request is unknown, so nothing more is passed on.
            return chunks(rest, passed).inspect_err(|_| *rest = &[]);
        }
        let length = lengths.first().map_or(0, |text| number(text, 10));
        return Ok(take_body(rest, length, passed));
    }
}

fn chunks(rest: &mut &[u8], passed: &mut Vec<u8>) -> Result<Option<()>, HeadFault> {
    loop {
        let Some(size) = line(rest)? else {
            return Ok(None);
        };
        let digits = size[..size.len() - 2]
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii_end();
        let significant = digits.iter().skip_while(|digit| **digit == b'0').count();
        let is_hex = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
        if !is_hex || significant > 16 || number(digits, 16) > u128::from(u64::MAX) - 2 {
            return Err(HeadFault::Chunk);
        }
        let length = number(digits, 16);
        take(rest, size.len(), passed);
        if length == 0 {
            break;
        }
        if take_body(rest, length + 2, passed).is_none() {
            return Ok(None);
        }
    }
    loop {
        let Some(trailer) = line(rest)? else {
            return Ok(None);
        };
        take(rest, trailer.len(), passed);
        if trailer == b"\r\n" {
            return Ok(Some(()));
        }
    }
}

fn take(rest: &mut &[u8], len: usize, passed: &mut Vec<u8>) {
    passed.extend_from_slice(&rest[..len]);
    *rest = &rest[len..];
}

/// Removes the available part of a body; `None` if a part is missing.
fn take_body(rest: &mut &[u8], length: u128, passed: &mut Vec<u8>) -> Option<()> {
    let there = usize::try_from(length).map_or(rest.len(), |length| length.min(rest.len()));
    take(rest, there, passed);
    (there as u128 == length).then_some(())
}

/// The next line with its line ending.
fn line<'a>(rest: &&'a [u8]) -> Result<Option<&'a [u8]>, HeadFault> {
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let line = &rest[..=end];
    if line.ends_with(b"\r\n") {
        Ok(Some(line))
    } else {
        Err(HeadFault::BareLineFeed)
    }
}

/// The values of a header, from lines in lower case.
fn values<'a>(lines: &'a [Vec<u8>], name: &str) -> Vec<&'a [u8]> {
    let start = format!("{name}:");
    lines
        .iter()
        .filter_map(|line| line.strip_prefix(start.as_bytes()))
        .map(<[u8]>::trim_ascii)
        .collect()
}

fn number(digits: &[u8], radix: u32) -> u128 {
    digits.iter().fold(0, |sum: u128, digit| {
        let digit = char::from(*digit).to_digit(radix).unwrap_or(0);
        sum.saturating_mul(u128::from(radix))
            .saturating_add(u128::from(digit))
    })
}

/// The first line as the scanner passes it on: characters of the target that only Node accepts are escaped.
fn encoded(line: &[u8]) -> Vec<u8> {
    let spaces: Vec<usize> = (0..line.len()).filter(|at| line[*at] == b' ').collect();
    let (Some(first), Some(last)) = (spaces.first(), spaces.last()) else {
        return line.to_vec();
    };
    if first == last || !line[*first..*last].is_ascii() {
        return line.to_vec();
    }
    let mut encoded = Vec::new();
    for (at, byte) in line.iter().enumerate() {
        match byte {
            b'"' | b'<' | b'>' | b'`' if (*first..*last).contains(&at) => {
                encoded.extend(format!("%{byte:02X}").bytes());
            }
            byte => encoded.push(*byte),
        }
    }
    encoded
}
