//! Where requests end, and which heads are refused.

use super::*;

/// Feeds the bytes in parts of this size; what is passed on, and the requests that were complete.
fn feed(bytes: &[u8], part: usize) -> (Vec<u8>, usize, Option<HeadFault>) {
    let mut framing = Framing::new(1000);
    let (mut held, mut passed, mut complete) = (Vec::new(), Vec::new(), 0);
    for part in bytes.chunks(part) {
        held.extend_from_slice(part);
        loop {
            let scan = framing.scan(&held);
            match scan.instead {
                Some(instead) => passed.extend(instead),
                None => passed.extend_from_slice(&held[..scan.taken]),
            }
            held.drain(..scan.taken);
            if !framing.is_complete() {
                break;
            }
            complete += 1;
            framing.next_request();
        }
    }
    (passed, complete, framing.fault())
}

#[test]
fn requests_are_told_apart_however_they_come() {
    let bytes = b"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /b HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 12\r\n\r\n0123456789\r\n\
        POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\n4a\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n\
        GET /d HTTP/1.0\r\n\r\n\
        GET /e HTTP/1.1\r\nHost: a\r\nX";
    for part in [1, 2, 3, 7, 50, 1000] {
        let (passed, complete, fault) = feed(bytes, part);
        assert_eq!((complete, fault), (4, None), "{part}");
        assert!(
            bytes.starts_with(&passed) && passed.len() == bytes.len() - 1,
            "{part}"
        );
    }
}

#[test]
fn faults_are_named() {
    let head = "POST / HTTP/1.1\r\n";
    for (rest, fault) in [
        ("\r\n", HeadFault::NoHost),
        ("Host: a\r\nHost: a\r\n\r\n", HeadFault::ManyHosts),
        ("Host: a\n\r\n", HeadFault::BareLineFeed),
        ("Host: a\r\n\n", HeadFault::BareLineFeed),
        (
            "Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            HeadFault::ContentLength,
        ),
        (
            "Host: a\r\nContent-Length: +1\r\n\r\n",
            HeadFault::ContentLength,
        ),
        (
            "Host: a\r\nContent-Length: 1, 1\r\n\r\n",
            HeadFault::ContentLength,
        ),
        (
            "Host: a\r\nContent-Length:\r\n\r\n",
            HeadFault::ContentLength,
        ),
        (
            "Host: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            HeadFault::ContentLength,
        ),
        (
            "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            HeadFault::TransferEncoding,
        ),
        (
            "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            HeadFault::TransferEncoding,
        ),
        (
            "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            HeadFault::TransferEncoding,
        ),
        (
            "Host: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
            HeadFault::TransferEncoding,
        ),
    ] {
        let bytes = [head, rest].concat();
        for part in [1, 1000] {
            let (passed, complete, found) = feed(bytes.as_bytes(), part);
            assert_eq!((complete, found), (0, Some(fault)), "{rest:?}");
            assert_eq!(passed, bytes.as_bytes(), "the parser sees what came");
        }
    }
}

/// Behind a fault in a body the end of the request is not known, so that a request could hide there.
#[test]
fn nothing_behind_a_fault_in_a_body_is_passed_on() {
    let post = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let next = b"GET /hidden HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    for (good, bad, fault) in [
        ("", "0x2\r\n", HeadFault::Chunk),
        ("", "fffffffffffffffff\r\n", HeadFault::Chunk),
        ("", "2\n4a\r\n0\r\n\r\n", HeadFault::BareLineFeed),
        ("2\r\n4a\r\n", "0\n\r\n", HeadFault::BareLineFeed),
        ("2\r\n4a\r\n0\r\n", "\n", HeadFault::BareLineFeed),
        ("2\r\n4a\r\n0\r\n", "X: y\n\r\n", HeadFault::BareLineFeed),
        ("2\r\n4a\r\n0\r\nX: y\r\n", "\n", HeadFault::BareLineFeed),
    ] {
        let bytes = [post, good.as_bytes(), bad.as_bytes(), next].concat();
        for part in [1, 7, 1000] {
            let (passed, complete, found) = feed(&bytes, part);
            assert_eq!((complete, found), (0, Some(fault)), "{good:?} {bad:?}");
            assert_eq!(passed, [post, good.as_bytes()].concat(), "{good:?} {bad:?}");
        }
    }
}

#[test]
fn characters_that_the_parser_refuses_are_encoded() {
    let bytes = b"GET /a`?x=\"<>\" HTTP/1.1\r\nHost: \"<>\"\r\n\r\n";
    let mut framing = Framing::new(1000);
    let scan = framing.scan(bytes);
    assert_eq!(scan.taken, bytes.len());
    let expected = b"GET /a%60?x=%22%3C%3E%22 HTTP/1.1\r\nHost: \"<>\"\r\n\r\n";
    assert_eq!(scan.instead.as_deref(), Some(&expected[..]));
    assert_eq!(framing.take_target().as_deref(), Some("/a`?x=\"<>\""));
}

#[test]
fn a_line_without_end_is_left_to_the_parser() {
    let mut framing = Framing::new(1000);
    assert_eq!(framing.scan(&[b'x'; 1000]).taken, 0);
    assert_eq!(framing.scan(&[b'x'; 1001]).taken, 1001);
    assert_eq!(framing.fault(), None);
}

#[test]
fn a_chunk_without_end_ends_the_connection() {
    let post = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (start, fill) in [(&b""[..], b'0'), (b"0\r\n", b'x')] {
        let mut bytes = [post, start].concat();
        bytes.resize(bytes.len() + 1001, fill);
        let (_, complete, fault) = feed(&bytes, bytes.len());
        assert_eq!((complete, fault), (0, Some(HeadFault::Chunk)));
    }
}
