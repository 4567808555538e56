//! The content of `socket.handshake`: the request that opened the connection, and the auth payload of the client's
//! CONNECT.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use crate::date::UtcDate;
use crate::engineio::handshake::pairs;
use crate::json;
use crate::json::RawJson;

/// The request that opened a connection. It is stored as one text, because most of it is never read.
#[derive(Debug)]
pub struct Request {
    /// The method, the URL, and the headers as `name: value` lines with lower-case names.
    text: Box<str>,
    method_end: u32,
    url_end: u32,
    address: IpAddr,
    port: u16,
    secure: bool,
}

impl Request {
    /// A copy of a request. `headers` are names and values in the order of the request.
    pub fn new<'a>(
        method: &str,
        url: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
        peer: (IpAddr, u16),
        secure: bool,
    ) -> Self {
        let mut text = String::with_capacity(512);
        text.push_str(method);
        text.push_str(url);
        for (name, value) in headers {
            let _ = writeln!(text, "{name}: {value}");
        }
        Self {
            text: text.into_boxed_str(),
            method_end: method.len() as u32,
            url_end: (method.len() + url.len()) as u32,
            address: peer.0.to_canonical(),
            port: peer.1,
            secure,
        }
    }

    /// The number of bytes in memory.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.text.len()
    }

    /// The method: `GET`.
    pub fn method(&self) -> &str {
        &self.text[..self.method_end as usize]
    }

    /// Path and query, as requested.
    pub fn url(&self) -> &str {
        &self.text[self.method_end as usize..self.url_end as usize]
    }

    /// The client's address; an IPv4 address that came over IPv6 is shown as IPv4.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The client's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// All headers, with lower-case names, in the order of the request.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text[self.url_end as usize..]
            .lines()
            .filter_map(|line| line.split_once(": "))
    }

    /// The first header with that name. Case is ignored.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The last query parameter with that name, percent-decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.url().split_once('?')?;
        pairs(query)
            .filter(|(known, _)| known == name)
            .last()
            .map(|(_, value)| value.into_owned())
    }

    /// Whether the request has an Origin header, which browsers send from pages of another origin.
    pub fn xdomain(&self) -> bool {
        self.header("origin").is_some()
    }

    /// The headers as a JSON object. Repeated headers are joined as RFC 9110 says.
    pub fn headers_json(&self) -> String {
        let separator = |name: &str| if name == "cookie" { "; " } else { ", " };
        object(
            self.headers()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
            |name, first, next| format!("{first}{}{next}", separator(name)),
        )
    }

    /// The query parameters as a JSON object. The last value of a repeated parameter counts.
    pub fn query_json(&self) -> String {
        let query = self.url().split_once('?').map_or("", |(_, query)| query);
        object(
            pairs(query).map(|(name, value)| (name.into_owned(), value.into_owned())),
            |_, _, next| next.to_owned(),
        )
    }
}

fn object(
    members: impl Iterator<Item = (String, String)>,
    join: impl Fn(&str, &str, &str) -> String,
) -> String {
    let mut distinct: Vec<(String, String)> = Vec::new();
    // The client chooses how many names there are, so they are looked up by hash.
    let mut places: HashMap<String, usize> = HashMap::new();
    for (name, value) in members {
        match places.entry(name) {
            Entry::Occupied(place) => {
                let known = &mut distinct[*place.get()].1;
                *known = join(place.key(), known, &value);
            }
            Entry::Vacant(place) => {
                distinct.push((place.key().clone(), value));
                place.insert(distinct.len() - 1);
            }
        }
    }
    let mut out = vec![b'{'];
    for (index, (name, value)) in distinct.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::write_string(&mut out, name);
        out.push(b':');
        json::write_string(&mut out, value);
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}

/// The content of `socket.handshake`. It does not change, and can outlive its socket.
#[derive(Debug)]
pub struct Handshake {
    request: Arc<Request>,
    auth: Option<RawJson>,
    issued_ms: u64,
}

impl Handshake {
    /// The handshake of a socket that joins at `issued_ms`, in milliseconds since 1970.
    pub fn new(request: Arc<Request>, auth: Option<RawJson>, issued_ms: u64) -> Self {
        Self {
            request,
            auth,
            issued_ms,
        }
    }

    /// The request that opened the connection.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The auth payload of the client's CONNECT: a JSON object, `{}` if the client sent none.
    pub fn auth(&self) -> &[u8] {
        self.auth.as_ref().map_or(b"{}", RawJson::as_bytes)
    }

    /// The time when the socket joined, in milliseconds since 1970.
    pub fn issued_ms(&self) -> u64 {
        self.issued_ms
    }

    /// The time when the socket joined, in the format of JavaScript's `Date.toString`, in UTC.
    pub fn time(&self) -> String {
        UtcDate::from_unix(self.issued_ms / 1000).to_javascript()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, headers: &[(&str, &str)]) -> Request {
        Request::new(
            "GET",
            url,
            headers.iter().copied(),
            ("::ffff:127.0.0.1".parse().unwrap(), 1),
            false,
        )
    }

    #[test]
    fn headers_and_query_become_objects() {
        let request = request(
            "/socket.io/?EIO=4&a=1&a=2&b=%22",
            &[
                ("host", "h"),
                ("cookie", "a=1"),
                ("x", "1"),
                ("cookie", "b=2"),
                ("x", "2"),
            ],
        );
        assert_eq!(
            request.headers_json(),
            r#"{"host":"h","cookie":"a=1; b=2","x":"1, 2"}"#
        );
        assert_eq!(request.query_json(), r#"{"EIO":"4","a":"2","b":"\""}"#);
        assert_eq!(
            (request.header("HOST"), request.query("a").as_deref()),
            (Some("h"), Some("2"))
        );
        assert_eq!(request.address().to_string(), "127.0.0.1");
    }

    #[test]
    fn the_time_is_that_of_javascript() {
        for (issued_ms, expected) in [
            (
                0,
                "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)",
            ),
            (
                1_795_227_667_000,
                "Sat Nov 21 2026 02:21:07 GMT+0000 (Coordinated Universal Time)",
            ),
            (
                1_709_164_800_000,
                "Thu Feb 29 2024 00:00:00 GMT+0000 (Coordinated Universal Time)",
            ),
        ] {
            let handshake = Handshake::new(Arc::new(request("/", &[])), None, issued_ms);
            assert_eq!(handshake.time(), expected);
        }
    }
}
