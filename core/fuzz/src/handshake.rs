//! Handshake requests: the first line of the input is a URL, the other lines are headers.

use std::collections::HashMap;
use std::fmt::Write as _;

use bellwire_core::engineio::SessionId;
use bellwire_core::engineio::handshake::{HandshakeQuery, pairs};
use bellwire_core::socketio::Request;
use bellwire_core::transport::handshake::upgrade;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "handshake",
    run,
    seeds: &[
        b"/socket.io/?EIO=4&transport=websocket\nUpgrade: websocket\nConnection: keep-alive, Upgrade\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13",
        b"/socket.io/?EIO=3&transport=polling&sid=lv_VI97HAXpY6yYWAAAC&b64=1&j=0",
        b"/?a=1&a=2&b=%41%zz%e2%82%ac+x&=&c&%=%\ncookie: a=b\ncookie: c=d\nX-A: 1\nx-a: 2",
        b"/?__proto__=1&toString=2&%ff=%f0%9f%98\nconnection: upgrade\nupgrade: WebSocket\nsec-websocket-version: 8\nsec-websocket-protocol: a, b,a",
    ],
    words: &[
        "EIO=4", "transport=", "polling", "websocket", "sid=", "&", "=", "%", "%41", "+", "\n", ": ",
        "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
        "dGhlIHNhbXBsZSBub25jZQ==", "13", ", ", "\t", "\"",
    ],
};

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let url = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name),
            HeaderValue::try_from(value.as_bytes()),
        ) {
            headers.append(name, value);
        }
    }
    query(url.split_once('?').map_or("", |(_, query)| query));
    request(url, &headers);
    if let Ok(accepted) = upgrade(&Method::GET, &headers) {
        assert_eq!(accepted.accept.len(), 28, "the hash of a key");
        for name in ["upgrade", "connection", "sec-websocket-key"] {
            assert!(headers.contains_key(name));
        }
    }
    if let Some(id) = SessionId::parse(url) {
        assert_eq!(id.as_str(), url);
    }
}

fn query(query: &str) {
    let decoded: Vec<_> = pairs(query).collect();
    let last = |wanted: &str| {
        let mut of_name = decoded.iter().filter(|(name, _)| name == wanted);
        of_name.next_back().map(|(_, value)| value.clone())
    };
    let parsed = HandshakeQuery::parse(query);
    assert_eq!(parsed.eio, last("EIO"));
    assert_eq!(parsed.transport, last("transport"));
    assert_eq!(parsed.sid, last("sid").filter(|sid| !sid.is_empty()));
    assert_eq!(parsed.b64, last("b64").is_some_and(|b64| !b64.is_empty()));
    assert!(matches!(parsed.revision(), 3 | 4));

    // The same query with every byte percent-encoded has the same meaning.
    let mut escaped = String::new();
    for (name, value) in &decoded {
        for (part, end) in [(name, '='), (value, '&')] {
            part.bytes()
                .for_each(|byte| write!(escaped, "%{byte:02x}").expect("a string takes it"));
            escaped.push(end);
        }
    }
    let again: Vec<_> = pairs(&escaped).collect();
    same(&again, &decoded, query.as_bytes());
}

fn request(url: &str, headers: &HeaderMap) {
    let given = || {
        headers.iter().filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str(), value))
        })
    };
    let peer = ("127.0.0.1".parse().expect("an address"), 1);
    let request = Request::new("GET", url, given(), peer, false);
    let shown: Vec<_> = request.headers().collect();
    assert_eq!(shown, given().collect::<Vec<_>>());

    let mut expected: HashMap<String, String> = HashMap::new();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    for (name, value) in pairs(query) {
        assert!(request.query(&name).is_some());
        expected.insert(name.into_owned(), value.into_owned());
    }
    let shown: HashMap<String, String> =
        serde_json::from_str(&request.query_json()).expect("it is JSON");
    same(&shown, &expected, url.as_bytes());
    let shown: HashMap<String, Value> =
        serde_json::from_str(&request.headers_json()).expect("it is JSON");
    for (name, value) in given() {
        assert!(shown[name].as_str().is_some_and(|all| all.contains(value)));
    }
}
