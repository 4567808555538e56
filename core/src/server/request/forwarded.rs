//! The address that a proxy writes into `X-Forwarded-For`, in the forms in which proxies write it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::Ordering;

use http::header::HeaderMap;

use crate::server::request::Peer;
use crate::server::shared::Shared;

/// The address of the client as the last trusted proxy has seen it, if proxies are trusted. Source: `X-Forwarded-For`,
/// read from the right.
pub(super) fn client(shared: &Shared, headers: &HeaderMap, peer: Peer) -> Option<IpAddr> {
    let hops = shared.config.trust_proxy;
    if hops == 0 {
        return None;
    }
    let lines = headers.get_all("x-forwarded-for").iter();
    let seen: Vec<&[u8]> = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .collect();
    let element = seen.get(seen.len().saturating_sub(hops))?;
    let address = address(element);
    if address.is_none() {
        handle_unreadable(shared, element, peer);
    }
    address
}

/// Without the address, limits by address count all clients behind the proxy as one client: the operator has to know.
fn handle_unreadable(shared: &Shared, element: &[u8], peer: Peer) {
    shared.stats.forwarded_errors_total.add(1);
    if !shared.forwarded_told.swap(true, Ordering::Relaxed) {
        let element = &element[..element.len().min(64)];
        tracing::warn!(
            target: crate::log::HTTP,
            "X-Forwarded-For holds {:?} where the trusted proxy writes the client's address: requests like this have \
             the address of the proxy, {}; they are counted in forwarded_errors_total and not logged again",
            String::from_utf8_lossy(element),
            peer.address,
        );
    }
}

/// The address in one element: `203.0.113.7`, `2001:db8::1`, each with a port behind it (an IPv6 address then stands in
/// brackets), and all of it may stand in double quotes.
pub fn address(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element.trim_ascii()).ok()?;
    let text = match text.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?.trim(),
        None => text,
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let bracketed = text.strip_prefix('[')?.strip_suffix(']')?;
    bracketed.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        for text in [
            "203.0.113.7",
            " 203.0.113.7\t",
            "203.0.113.7:51234",
            "\"203.0.113.7\"",
            "\"203.0.113.7:51234\"",
        ] {
            assert_eq!(
                address(text.as_bytes()),
                "203.0.113.7".parse().ok(),
                "{text}"
            );
        }
        for text in [
            "2001:db8::1",
            "[2001:db8::1]",
            "[2001:db8::1]:443",
            "\"[2001:db8::1]:443\"",
            "\"[2001:db8::1]\"",
        ] {
            assert_eq!(
                address(text.as_bytes()),
                "2001:db8::1".parse().ok(),
                "{text}"
            );
        }
        for text in [
            &b""[..],
            b"unknown",
            b"_hidden",
            b"203.0.113",
            b"203.0.113.7:",
            b"203.0.113.7:http",
            b"203.0.113.7:99999",
            b"[203.0.113.7]",
            b"[2001:db8::1",
            b"[2001:db8::1]443",
            b"\"203.0.113.7",
            b"example.com",
            b"\xff",
        ] {
            assert_eq!(address(text), None, "{text:?}");
        }
    }
}
