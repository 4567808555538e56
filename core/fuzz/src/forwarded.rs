//! `X-Forwarded-For`: every notation of an address is parsed, and a parsed address is in the text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bellwire_core::server::request::forwarded::address;

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "forwarded",
    run,
    seeds: &[
        b"203.0.113.7:51234",
        b"\"[2001:db8::1]:443\"",
        b"[::ffff:203.0.113.7]",
        b"unknown",
        b"_hidden:443",
    ],
    words: &[
        "\"", "[", "]", ":", "::", ".", "0", "255", "65535", "65536", "ffff", " ", "\t", "%eth0",
        "unknown",
    ],
};

fn run(data: &[u8]) {
    if let Some(found) = address(data) {
        // Without brackets, port and spaces, the text is this address.
        let text = std::str::from_utf8(data).expect("an address is ASCII");
        let bare = text.trim().trim_matches('"').trim();
        let bare = match bare.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None if bare.matches(':').count() == 1 => bare.split(':').next().unwrap_or_default(),
            None => bare,
        };
        // A zone names the proxy's network interface; it is not part of the address.
        let bare = bare.split('%').next().unwrap_or_default();
        same(&Some(found), &bare.parse().ok(), data);
    }
    let (Some(four), Some(six)) = (data.first_chunk::<4>(), data.first_chunk::<16>()) else {
        return;
    };
    let (four, six) = (Ipv4Addr::from(*four), Ipv6Addr::from(*six));
    let port = u16::from_be_bytes([data[0], data[1]]);
    for (written, ip) in [
        (format!("{four}"), IpAddr::V4(four)),
        (format!("{four}:{port}"), IpAddr::V4(four)),
        (format!("{six}"), IpAddr::V6(six)),
        (format!("[{six}]"), IpAddr::V6(six)),
        (format!("[{six}]:{port}"), IpAddr::V6(six)),
    ] {
        same(&address(written.as_bytes()), &Some(ip), data);
        same(
            &address(format!(" \"{written}\"\t").as_bytes()),
            &Some(ip),
            data,
        );
    }
}
