//! Hostile clients: each costs only its own connection. These tests do not check
//! the answers in detail, but that the server continues, is fast, and frees all
//! memory.

use std::sync::LazyLock;
use std::time::Duration;

use conformance::websocket::KEY;
use conformance::wire::now;
use conformance::{
    Client, Endpoint, Frame, Http, Opcode, Polling, Server, Transport, WebSocket, Wire, eventually,
    http,
};
use serde_json::json;

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// Runs `attack` and checks that it took less than twenty seconds: several hundred
/// times what it takes on an idle machine, and a fraction of what an algorithm that is
/// quadratic in its input would take.
#[track_caller]
fn check_quick(what: &str, attack: impl FnOnce()) {
    let start = now();
    attack();
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{what} took {:?}",
        start.elapsed()
    );
}

/// Sends any bytes as a packet over both transports, and receives messages until
/// the connection ends or a later event is acknowledged.
#[track_caller]
fn check_survives(packet: &str) {
    let mut old = Client::connect(&SERVER);
    let shown: String = packet.chars().take(60).collect();
    check_quick(&shown, || {
        for transport in Transport::ALL {
            let mut client = Client::over(&SERVER, transport);
            match transport {
                Transport::Polling => {
                    client.polling().post_response(&format!("4{packet}"));
                }
                Transport::WebSocket => client.send(packet),
            }
        }
        old.check_served(&SERVER);
    });
}

fn upgrade_request(endpoint: &Endpoint, query: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut headers = vec![
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    headers.extend(more);
    http::request("GET", &format!("{}?{query}", endpoint.path), &headers, b"")
}

// Requests that stop halfway.

#[test]
fn requests_cut_at_every_byte() {
    let mut old = Client::connect(&SERVER);
    let endpoint = SERVER.endpoint();
    let polling = Polling::connect(&SERVER);
    for request in [
        http::request("GET", "/socket.io/?EIO=4&transport=polling", &[], b""),
        http::request("POST", &polling.target(), &[], b"4hello"),
        upgrade_request(endpoint, "EIO=4&transport=websocket", &[]),
    ] {
        for length in 0..request.len() {
            let mut wire = Wire::connect(endpoint.address);
            wire.write(&request[..length]);
            if length % 2 == 0 {
                wire.reset();
            }
        }
    }
    old.check_served(&SERVER);
}

#[test]
fn upgrades_reset_at_once() {
    let mut old = Client::connect(&SERVER);
    let endpoint = SERVER.endpoint();
    for i in 0..100 {
        let polling = Polling::connect(&SERVER);
        let query = match i % 2 {
            0 => "EIO=4&transport=websocket".to_owned(),
            _ => format!("EIO=4&transport=websocket&sid={}", polling.sid),
        };
        let mut wire = Wire::connect(endpoint.address);
        let mut bytes = upgrade_request(endpoint, &query, &[]);
        if i % 3 == 0 {
            bytes.extend(Frame::new(Opcode::Text, "2probe").encode());
        }
        wire.write(&bytes);
        wire.reset();
    }
    old.check_served(&SERVER);
}

#[test]
fn websocket_frames_cut_at_every_byte() {
    let mut old = Client::connect(&SERVER);
    let frame = Frame::new(Opcode::Text, r#"42["message",1]"#).encode();
    for length in 0..frame.len() {
        let mut client = Client::connect(&SERVER);
        client.websocket().wire().write(&frame[..length]);
    }
    old.check_served(&SERVER);
}

// Queries and headers.

#[test]
fn queries_of_all_kinds() {
    let mut old = Client::connect(&SERVER);
    let long = "x".repeat(8000);
    let many = "a=b&".repeat(2000);
    for query in [
        "%",
        "%zz=%zz",
        "EIO=4&transport=websocket&transport=polling",
        "EIO=4&transport[]=websocket",
        "EIO[]=4&transport=websocket",
        "EIO=4&transport=websocket&sid[]=x",
        "__proto__=1&EIO=4&transport=websocket",
        "__proto__[transport]=websocket&EIO=4",
        "constructor=1&EIO=4&transport=__proto__",
        "EIO=4&transport=websocket&sid=%00",
        "EIO=4&transport=websocket&sid=%ff%fe",
        "EIO=4&transport=%ff",
        "EIO=4&transport=websocket&b64=%ff",
        "&&&&&===&=&",
        "?EIO=4",
        "EIO=4&transport=websocket#fragment",
        &format!("EIO=4&transport={long}"),
        &format!("EIO=4&transport=polling&sid={long}"),
        &many,
    ] {
        let target = format!("/socket.io/?{query}");
        let status = Http::connect(SERVER.endpoint())
            .request("GET", &target, &[], b"")
            .status;
        assert!(status < 500, "{query}: {status}");
        if let Err(response) = WebSocket::attempt(SERVER.endpoint(), query, &[]) {
            assert!(response.status < 500, "{query}: {}", response.status);
        }
    }
    old.check_served(&SERVER);
}

#[test]
fn targets_of_all_kinds() {
    let mut old = Client::connect(&SERVER);
    for target in [
        "/socket.io/../socket.io/?EIO=4&transport=polling",
        "//socket.io/?EIO=4&transport=polling",
        "/socket.io//?EIO=4&transport=polling",
        "/%73ocket.io/?EIO=4&transport=polling",
        "http://localhost/socket.io/?EIO=4&transport=polling",
        "/socket.io/\u{e9}?EIO=4&transport=polling",
        "/socket.io/%00?EIO=4&transport=polling",
        "*",
    ] {
        let mut http = Http::connect(SERVER.endpoint());
        let status = http.request("GET", target, &[], b"").status;
        assert!(status < 500, "{target}: {status}");
    }
    old.check_served(&SERVER);
}

#[test]
fn headers_of_all_kinds() {
    let mut old = Client::connect(&SERVER);
    let spaces = " ".repeat(8000);
    let protocols = format!("a{spaces}b");
    let commas = ",".repeat(8000);
    for header in [
        ("Sec-WebSocket-Extensions", "constructor"),
        (
            "Sec-WebSocket-Extensions",
            "permessage-deflate; client_max_window_bits=99999999999",
        ),
        ("Sec-WebSocket-Extensions", ";;;,,,==\"\""),
        ("Sec-WebSocket-Extensions", commas.as_str()),
        ("Sec-WebSocket-Protocol", protocols.as_str()),
        ("Sec-WebSocket-Protocol", commas.as_str()),
        ("Sec-WebSocket-Protocol", "a, a"),
        ("Sec-WebSocket-Protocol", "\u{e9}"),
        ("Sec-WebSocket-Key", "another=="),
        ("Sec-WebSocket-Version", "8"),
        ("Upgrade", "h2c"),
        ("Connection", "close"),
        ("Cookie", commas.as_str()),
        (
            "Accept-Encoding",
            "gzip;q=nonsense, deflate;q=1e999, *;q=-1",
        ),
        ("Content-Length", "0"),
    ] {
        let query = "EIO=4&transport=websocket";
        let mut http = Http::connect(SERVER.endpoint());
        http.write(upgrade_request(SERVER.endpoint(), query, &[header]));
        http.wire().finish();
        let answer = http.wire().read_to_end();
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.starts_with("HTTP/1.1 5"), "{header:?}: {answer}");
    }
    old.check_served(&SERVER);
}

#[test]
fn bodies_that_are_no_utf8() {
    let mut old = Client::connect(&SERVER);
    for body in [
        &b"\xff"[..],
        b"4\xff\xfe",
        b"4\xc0\x80",
        b"4\xed\xa0\x80",
        b"\0",
        b"b\xff",
        b"4\x1e\xff",
    ] {
        let polling = Polling::connect(&SERVER);
        let mut http = Http::connect(SERVER.endpoint());
        let response = http.request("POST", &polling.target(), &[], body);
        assert!(response.status < 500, "{body:?}");
    }
    old.check_served(&SERVER);
}

// Packets.

#[test]
fn long_runs_of_digits() {
    let digits = "9".repeat(900_000);
    for start in ["", "2", "3", "5", "6", "0", "1", "51-", "2/custom,"] {
        check_survives(&format!("{start}{digits}"));
    }
    check_survives(&format!(r#"2{digits}["message-with-ack"]"#));
    check_survives(&format!(r#"5{digits}-["message"]"#));
    check_survives(&format!(r#"2["nobody-listens",{digits}]"#));
    check_survives(&format!(r#"2["nobody-listens",1e{digits}]"#));
}

#[test]
fn long_names() {
    let long = "x".repeat(900_000);
    check_survives(&format!("0/{long}"));
    check_survives(&format!("0/{long},"));
    check_survives(&format!("2/{long},[\"message\"]"));
    check_survives(&format!(r#"2["{long}"]"#));
    check_survives(&format!(r#"2["nobody-listens",{{"{long}":1}}]"#));
    check_survives(&format!(r#"0/custom,{{"token":"{long}"}}"#));
}

#[test]
fn deep_nesting() {
    for depth in [100, 1000, 100_000, 400_000] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        check_survives(&format!(r#"2["nobody-listens",{open}{close}]"#));
        check_survives(&format!(r#"2["nobody-listens",{open}"#));
        check_survives(&format!("3999{open}{close}"));
    }
    let object = r#"{"a":"#.repeat(100_000);
    check_survives(&format!(r#"2["nobody-listens",{object}"#));
    check_survives(&format!("0/random,{object}1{}", "}".repeat(100_000)));
}

#[test]
fn strange_json() {
    for value in [
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""\u0000""#,
        "1e400",
        "-1e400",
        "-0",
        "1e-400",
        "123456789012345678901234567890",
        "0.1234567890123456789012345678901234567890",
        r#"{"a":1,"a":2}"#,
        r#"{"__proto__":{"x":1}}"#,
        r#"{"constructor":{"prototype":{"x":1}}}"#,
        r#"{"toJSON":1}"#,
        r#"{"toString":1}"#,
        r#"{"_placeholder":true,"num":99}"#,
    ] {
        check_survives(&format!(r#"2["message",{value}]"#));
        check_survives(&format!(r#"20["message-with-ack",{value}]"#));
        check_survives(&format!(r#"0/custom,{{"token":{value}}}"#));
    }
}

#[test]
fn arguments_a_handler_does_not_expect() {
    for event in [
        r#"2["join"]"#,
        r#"2["nobody-listens",null,null]"#,
        r#"20["message-with-ack",{"_placeholder":true,"num":0}]"#,
        r#"2["message",null,[],{},"",0]"#,
        "2[1e999]",
        "2[-1]",
    ] {
        // Valid: no acknowledgement id, or a number as the name.
        if !event.contains("join") {
            check_survives(event);
        }
    }
}

#[test]
fn many_small_packets() {
    let mut old = Client::connect(&SERVER);
    check_quick("a payload of tiny packets", || {
        let mut polling = Polling::connect(&SERVER);
        polling.post_response(&vec!["6"; 400_000].join("\x1e"));
        let mut polling = Polling::connect(&SERVER);
        polling.post_response(&"\x1e".repeat(900_000));
        let mut polling = Polling::connect(&SERVER);
        polling.post_response(&vec!["b"; 400_000].join("\x1e"));
    });
    check_quick("many refused namespaces", || {
        let mut client = Client::connect(&SERVER);
        let mut bytes = Vec::new();
        for i in 0..20_000 {
            bytes.extend(Frame::new(Opcode::Text, format!("40/none-{i},")).encode());
        }
        // The server may close the connection; the test does not read its responses.
        let _ = client.websocket().wire().try_write(&bytes);
    });
    old.check_served(&SERVER);
}

#[test]
fn attachments_that_never_come() {
    let server = Server::start();
    let mut old = Client::connect(&server);
    for i in 0..50 {
        let mut client = Client::over(&server, Transport::ALL[i % 2]);
        client.send(r#"510-["message",{"_placeholder":true,"num":9}]"#);
        for _ in 0..9 {
            client.send_binary(&[0; 1000]);
        }
        if i % 3 == 0 {
            client.send("2[]");
        }
        if i % 2 == 0 {
            client.polling().post_response("1");
        }
    }
    eventually("all are gone", || {
        (old.stat("clients_count") == 1).then_some(())
    });
    assert!(old.stat("partial_packets") <= 0);
    old.check_served(&server);
}

#[test]
fn random_bytes() {
    let mut old = Client::connect(&SERVER);
    // A deterministic generator: the same bytes in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..200 {
        let length = random() % 200;
        let bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
        let mut wire = Wire::connect(SERVER.endpoint().address);
        wire.write(&bytes);
        let mut websocket = WebSocket::connect(&SERVER);
        websocket.wire().write(&bytes);
        let mut client = Client::connect(&SERVER);
        let text: String = bytes
            .iter()
            .map(|byte| char::from(byte % 96 + 32))
            .collect();
        client.websocket().text(&text);
        let mut polling = Polling::connect(&SERVER);
        polling.post_response(&text);
    }
    old.check_served(&SERVER);
}

#[test]
fn packets_with_one_byte_changed() {
    let mut old = Client::connect(&SERVER);
    let packet = r#"451-/custom,12["message",{"_placeholder":true,"num":0},[1,"x"]]"#;
    for at in 0..packet.len() {
        for replacement in ["", "\"", "[", "-", ",", "9", "/", "\u{e9}", "\0"] {
            let mut changed = packet.to_owned();
            changed.replace_range(at..=at, replacement);
            let mut polling = Polling::connect(&SERVER);
            polling.post("40\x1e40/custom,");
            polling.poll();
            polling.post_response(&format!("{changed}\x1ebAQID"));
            polling.post_response("1");
        }
    }
    old.check_served(&SERVER);
}

#[test]
fn clients_that_leave_while_they_are_written_to() {
    let mut old = Client::connect(&SERVER);
    let text = "x".repeat(200_000);
    for i in 0..40 {
        let mut client = Client::over(&SERVER, Transport::ALL[i % 2]);
        client.emit(&json!(["message", text, text, text]));
        match Transport::ALL[i % 2] {
            Transport::Polling => client.polling().start_poll(),
            Transport::WebSocket => {
                let event = format!(r#"42["message","{text}"]"#);
                let frame = Frame::new(Opcode::Text, event).encode();
                // The answers fill all buffers.
                let _ = client.websocket().wire().try_write(&frame.repeat(3));
            }
        }
    }
    old.check_served(&SERVER);
}
