//! The address that a proxy writes into `X-Forwarded-For`, in the forms in which proxies write it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

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
