//! What is refused, and what the refusal says.
use std::time::Duration;

use super::refusal;
use crate::config::{Config, CookieOptions, CorsOptions, Transports};
use crate::error::ErrorKind;

#[track_caller]
fn check_refused(text: &str, kind: ErrorKind, message: &str) {
    let mut config = Config {
        path: "/before".to_owned(),
        ..Config::default()
    };
    let before = config.clone();
    assert_eq!(refusal(config.set_json(text)), (kind, message.to_owned()));
    assert_eq!(config, before, "nothing changes on an error");
}

#[track_caller]
fn check_option(text: &str, message: &str) {
    check_refused(text, ErrorKind::Option, message);
}

#[test]
fn broken_json_is_refused_with_the_byte() {
    for (text, message) in [
        ("", "not valid JSON at byte 0: EOF while parsing a value"),
        ("{", "not valid JSON at byte 1: EOF while parsing an object"),
        (r#"{"a":1,}"#, "not valid JSON at byte 7: trailing comma"),
        (
            r#"{"path":"/x"} x"#,
            "not valid JSON at byte 14: trailing characters",
        ),
        (
            "{\n\"a\": nope}",
            "not valid JSON at byte 8: expected ident",
        ),
        (
            "{\"ä\":1\n\n,x}",
            "not valid JSON at byte 10: key must be a string",
        ),
    ] {
        check_refused(text, ErrorKind::Json, message);
    }
}

#[test]
fn json_that_is_no_options_is_refused_by_name() {
    for (text, message) in [
        ("[]", "the options are not a JSON object"),
        (
            r#"{"path":"/x","pingInterva":1}"#,
            r#"unknown option "pingInterva"; did you mean "pingInterval"?"#,
        ),
        (
            r#"{"Cors":true}"#,
            r#"unknown option "Cors"; did you mean "cors"?"#,
        ),
        (
            r#"{"workerThreads":1}"#,
            r#"unknown option "workerThreads"; did you mean "engine.workerThreads"?"#,
        ),
        (
            r#"{"engine":{"workerThread":1}}"#,
            r#"unknown option "engine.workerThread"; did you mean "engine.workerThreads"?"#,
        ),
        (
            r#"{"engine":{"pingInterval":1}}"#,
            r#"unknown option "engine.pingInterval"; did you mean "pingInterval"?"#,
        ),
        (
            r#"{"serveClients":1}"#,
            r#"unknown option "serveClients"; did you mean "serveClient"?"#,
        ),
        (r#"{"banana":1}"#, r#"unknown option "banana""#),
        (
            r#"{"engine":1}"#,
            r#"option "engine" takes an object with the engine's own options"#,
        ),
        (
            r#"{"path":"/x","pingInterval":"1"}"#,
            r#"option "pingInterval" takes a whole number from 1 to 2147483647 (milliseconds), not "1""#,
        ),
        (
            r#"{"pingInterval":0}"#,
            r#"option "pingInterval" takes a whole number from 1 to 2147483647 (milliseconds), not 0"#,
        ),
        (
            r#"{"pingInterval":1.5}"#,
            r#"option "pingInterval" takes a whole number from 1 to 2147483647 (milliseconds), not 1.5"#,
        ),
        (
            r#"{"pingInterval":1e300}"#,
            r#"option "pingInterval" takes a whole number from 1 to 2147483647 (milliseconds), not 1e+300"#,
        ),
        (
            r#"{"pingInterval":null}"#,
            r#"option "pingInterval" takes a whole number from 1 to 2147483647 (milliseconds), not null"#,
        ),
        (
            r#"{"allowUpgrades":1}"#,
            r#"option "allowUpgrades" takes true or false, not 1"#,
        ),
        (
            r#"{"transports":[]}"#,
            r#"option "transports" takes an array with at least one of "polling", "websocket", not an empty array"#,
        ),
        (
            r#"{"transports":["carrier"]}"#,
            r#"option "transports" takes an array with at least one of "polling", "websocket", not "carrier""#,
        ),
        (
            r#"{"engine":{"workerThreads":1025}}"#,
            r#"option "engine.workerThreads" takes a whole number from 0 to 1024 (0 = one for each core), not 1025"#,
        ),
        (
            r#"{"engine":{"pollBudgetUs":-1}}"#,
            r#"option "engine.pollBudgetUs" takes a whole number from 0 to 60000000 (microseconds; 0 = no limit), not -1"#,
        ),
        (
            r#"{"engine":{"protocol":1}}"#,
            r#"option "engine.protocol" takes one of "socket.io", "engine.io", not 1"#,
        ),
        (
            r#"{"initialPacket":{}}"#,
            r#"option "initialPacket" takes a string, not {}"#,
        ),
        (
            r#"{"cookie":{"samesite":"lax"}}"#,
            r#"option "cookie" has no member "samesite"; did you mean "sameSite"?"#,
        ),
        (
            r#"{"cors":{"origins":[]}}"#,
            r#"option "cors" has no member "origins"; did you mean "origin"?"#,
        ),
        (
            r#"{"cors":{"credentials":"true"}}"#,
            r#"option "cors" has a bad "credentials": it takes true or false, not "true""#,
        ),
        (
            r#"{"cors":{"origin":["a b"]}}"#,
            r#"option "cors" has a bad "origin": it takes false, true, "*", an origin, or an array of origins, not "a b""#,
        ),
    ] {
        check_option(text, message);
    }
}

#[test]
fn long_values_are_cut_in_the_message() {
    let text = format!("{{\"pingInterval\":\"{}\"}}", "é".repeat(5000));
    let (_, message) = refusal(Config::default().set_json(&text));
    assert!(message.ends_with("ééé..."), "{message}");
    assert!(message.len() < 250);
}

#[test]
fn options_of_other_versions_are_known_by_name() {
    let off = r#"{"serveClient":false,"allowEIO3":false,"destroyUpgrade":true,"destroyUpgradeTimeout":0,
        "parser":"json","httpCompression":false,"perMessageDeflate":null,"connectionStateRecovery":false,
        "cleanupEmptyChildNamespaces":false,"adapter":"memory","allowRequest":null,"wsEngine":null,
        "cookie":{"encode":null},"engine":{"tlsCert":"","adapterUrl":null}}"#;
    Config::default().set_json(off).expect("all are off");
    for (text, name) in [
        (r#"{"serveClient":true}"#, "serveClient"),
        (r#"{"allowEIO3":true}"#, "allowEIO3"),
        (r#"{"destroyUpgradeTimeout":1000}"#, "destroyUpgradeTimeout"),
        (r#"{"parser":"msgpack"}"#, "parser"),
        (
            r#"{"httpCompression":{"threshold":1024}}"#,
            "httpCompression",
        ),
        (r#"{"perMessageDeflate":true}"#, "perMessageDeflate"),
        (
            r#"{"connectionStateRecovery":{}}"#,
            "connectionStateRecovery",
        ),
        (r#"{"adapter":"redis"}"#, "adapter"),
        (r#"{"engine":{"tlsCert":"file:/x"}}"#, "engine.tlsCert"),
    ] {
        let message = format!("option \"{name}\" is not in this version");
        check_refused(text, ErrorKind::Unsupported, &message);
    }
    for (text, message) in [
        (
            r#"{"transports":["polling","webtransport"]}"#,
            r#"option "transports" names "webtransport", which this version does not have"#,
        ),
        (
            r#"{"cors":{"origin":{"regex":"x"}}}"#,
            r#"option "cors" has an object as "origin": patterns are not in this version"#,
        ),
        (
            r#"{"cors":{"origin":["https://a.example",{"regex":"x"}]}}"#,
            r#"option "cors" has an object as "origin": patterns are not in this version"#,
        ),
        (
            r#"{"cookie":{"encode":"x"}}"#,
            r#"option "cookie" has "encode", which is not in this version"#,
        ),
    ] {
        check_refused(text, ErrorKind::Unsupported, message);
    }
    let mut config = Config::default();
    for number in [3, 12, 13, 14, 17, 19, 27, 29, 44] {
        config.set_int(number, 0).expect("off");
    }
    config.set_int(13, 1).expect("what the engine does anyway");
    for (number, value) in [(4, ""), (16, "json"), (40, "memory"), (60, "")] {
        config.set_str(number, value).expect("off");
    }
    for (number, value) in [(3, 1), (12, 1), (27, 120_000), (63, 12)] {
        assert_eq!(
            refusal(config.set_int(number, value)).0,
            ErrorKind::Unsupported
        );
    }
    for (number, value) in [(16, "msgpack"), (40, "redis"), (41, "redis://x"), (62, "x")] {
        assert_eq!(
            refusal(config.set_str(number, value)).0,
            ErrorKind::Unsupported
        );
    }
}

/// Nothing of these may reach a header, so each is refused when it is set.
#[test]
fn what_could_break_a_header_is_refused() {
    for (member, values) in [
        (
            "name",
            &["", "a b", "a=b", "a;b", "a\r\nb", "é", "a,b", "\"a\""][..],
        ),
        ("path", &["/;x", "/\r\nx: y", "/<", "/é", "/\t"]),
        (
            "domain",
            &[
                "a b", "-a.b", "a-.b", "a..b", "a.b.", "a;Secure", ".", "a\n", "é.fr",
            ],
        ),
        ("sameSite", &["x", "lax; Secure"]),
        ("priority", &["x", "high\n"]),
        ("expires", &["tomorrow", "2026-11-21T07:28:00Z\r\nx"]),
        ("maxAge", &["1", "x"]),
    ] {
        for value in values {
            let text = serde_json::json!({ "cookie": { member: value } }).to_string();
            let (kind, message) = refusal(Config::default().set_json(&text));
            assert_eq!(kind, ErrorKind::Option, "{text}");
            assert!(
                message.starts_with(&format!(
                    "option \"cookie\" has a bad \"{member}\": it takes "
                )),
                "{message}"
            );
        }
    }
    for member in ["origin", "methods", "allowedHeaders", "exposedHeaders"] {
        for value in ["a\r\nx: y", "a\u{0}", "é"] {
            for value in [serde_json::json!(value), serde_json::json!([value])] {
                let text = serde_json::json!({ "cors": { member: value } }).to_string();
                assert_eq!(
                    refusal(Config::default().set_json(&text)).0,
                    ErrorKind::Option
                );
            }
        }
    }
    for text in [
        r#"{"cookie":{"name":null}}"#,
        r#"{"cookie":{"maxAge":1e300}}"#,
        r#"{"cors":{"methods":null}}"#,
        r#"{"cors":{"methods":["GET",1]}}"#,
        r#"{"cors":{"origin":1}}"#,
        r#"{"cors":{"origin":[1]}}"#,
        r#"{"cors":{"maxAge":1.5}}"#,
        r#"{"cors":{"optionsSuccessStatus":404}}"#,
    ] {
        assert_eq!(
            refusal(Config::default().set_json(text)).0,
            ErrorKind::Option,
            "{text}"
        );
    }
}

#[test]
fn check_finds_what_no_setter_sees() {
    type Change = fn(&mut Config);
    let cases: &[(Change, &str)] = &[
        (
            |c| c.send_buffer_low = c.send_buffer_high + 1,
            "option \"engine.sendBufferLow\" (4194305) is above \"engine.sendBufferHigh\" (4194304)",
        ),
        (
            |c| {
                c.set_json(r#"{"cors":{"credentials":true}}"#)
                    .expect("good alone")
            },
            "option \"cors\" has \"credentials\" with the origin \"*\", which no browser accepts: name the origins",
        ),
        (
            |c| c.path = "x".to_owned(),
            "option \"path\" takes a path that begins with \"/\", of visible ASCII characters other than \"?\" and \"#\", not \"x\"",
        ),
        (
            |c| c.ping_interval = Duration::MAX,
            "option \"pingInterval\" takes a whole number from 1 to 2147483647 (milliseconds), not 18446744073709551615",
        ),
        (
            |c| c.ping_timeout = Duration::ZERO,
            "option \"pingTimeout\" takes a whole number from 1 to 2147483647 (milliseconds), not 0",
        ),
        (
            |c| c.trust_proxy = 256,
            "option \"engine.trustProxy\" takes a whole number from 0 to 255, not 256",
        ),
        (
            |c| c.transports = Transports::from_bits(0),
            "option \"transports\" takes an array with at least one of \"polling\", \"websocket\", not an empty array",
        ),
        (
            |c| {
                c.cookie = Some(CookieOptions {
                    name: "a b".to_owned(),
                    ..CookieOptions::default()
                });
            },
            "option \"cookie\" has a bad \"name\": it takes an HTTP token, not \"a b\"",
        ),
        (
            |c| {
                c.cors = Some(CorsOptions {
                    exposed_headers: "a\nb".to_owned(),
                    ..CorsOptions::default()
                });
            },
            "option \"cors\" has a bad \"exposedHeaders\": it takes a string or an array of strings, in visible ASCII, not \"a\\nb\"",
        ),
    ];
    for (change, message) in cases {
        let mut config = Config::default();
        change(&mut config);
        assert_eq!(
            refusal(config.check()),
            (ErrorKind::Option, (*message).to_owned())
        );
    }
    let mut config = Config::default();
    config
        .set_json(r#"{"cors":{"credentials":true,"origin":true},"cookie":{"sameSite":"none"}}"#)
        .expect("good");
    config.check().expect("good");
}
