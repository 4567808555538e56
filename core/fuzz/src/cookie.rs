//! The cookie option: from every accepted text, the server makes a header that a browser parses into the same cookie.

use bellwire_core::config::Config;
use bellwire_core::server::cookie::Cookie;

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "cookie",
    run,
    seeds: &[
        b"{\"name\":\"io\",\"path\":\"/\",\"httpOnly\":true,\"sameSite\":\"lax\"}\nlv_VI97HAXpY6yYWAAAC",
        b"{\"name\":\"io\",\"domain\":\"a.example\",\"secure\":true,\"maxAge\":86400,\"partitioned\":true,\"priority\":\"high\"}\na; b=\"c\" \xe2\x82\xac%",
        b"{\"name\":\"io\",\"expires\":\"2030-01-01T00:00:00.000Z\",\"sameSite\":\"none\"}\n",
        b"true\nx",
    ],
    words: &[
        "{", "}", ":", ",", "\"", "true", "false", "null", "0", "-1", "\"name\":", "\"path\":", "\"domain\":", "\"secure\":",
        "\"httpOnly\":", "\"sameSite\":", "\"strict\"", "\"maxAge\":", "\"expires\":", "\"priority\":", "; ", "=", "%", "\n", "\\r\\n",
        "\\u00e9",
    ],
};

/// The attributes that browsers know.
const ATTRIBUTES: [&str; 9] = [
    "Max-Age",
    "Domain",
    "Path",
    "Expires",
    "HttpOnly",
    "Secure",
    "Partitioned",
    "Priority",
    "SameSite",
];

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (option, id) = text.split_once('\n').unwrap_or((text, ""));
    let mut config = Config::default();
    if config
        .set_json(&format!("{{\"cookie\":{option}}}"))
        .is_err()
        || config.check().is_err()
    {
        return;
    }
    let Some(options) = &config.cookie else {
        return;
    };
    let cookie = Cookie::new(options).expect("what was checked can be in a header");
    let header = cookie.header_value(id);
    let header = header.to_str().expect("it is visible ASCII");
    let mut parts = header.split("; ");
    let (name, value) = parts
        .next()
        .and_then(|pair| pair.split_once('='))
        .expect("a name and a value");
    same(&name, &options.name.as_str(), data);
    same(&decoded(value), &id.as_bytes().to_vec(), data);
    let mut seen = Vec::new();
    for part in parts {
        let attribute = part.split_once('=').map_or(part, |(name, _)| name);
        assert!(ATTRIBUTES.contains(&attribute), "{header}");
        assert!(!seen.contains(&attribute), "{header}");
        seen.push(attribute);
    }
    assert_eq!(seen.contains(&"HttpOnly"), options.http_only, "{header}");
    assert_eq!(seen.contains(&"Secure"), options.secure, "{header}");
    assert_eq!(seen.contains(&"Path"), options.path.is_some(), "{header}");
    assert_eq!(
        seen.contains(&"Domain"),
        options.domain.is_some(),
        "{header}"
    );
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        assert!(
            byte.is_ascii_graphic() && !b"\",;\\".contains(&byte),
            "{text}"
        );
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(), digit());
        decoded.push((high.expect("a digit") * 16 + low.expect("a digit")) as u8);
    }
    decoded
}
