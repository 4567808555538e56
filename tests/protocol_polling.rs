//! HTTP long-polling: payloads, responses, limits and every end of a polling
//! session.

use std::sync::LazyLock;
use std::time::Duration;

use conformance::polling::SEPARATOR;
use conformance::polling::settle;
use conformance::raw::reason_of;
use conformance::refusal::{BAD_METHOD, check_refused};
use conformance::{Difference, Http, Polling, Server, differs, http};
use serde_json::json;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::raw(&json!({})));

/// Sends a payload and checks the packets that the server sends back.
#[track_caller]
fn check_echo(payload: &str) {
    let mut polling = Polling::connect(&SERVER);
    polling.post(payload);
    let packets: Vec<_> = payload.split(SEPARATOR).collect();
    assert_eq!(polling.collect(packets.len()), packets);
}

/// Sends a payload that ends the session. Checks the messages that were delivered
/// before, and the reason.
#[track_caller]
fn check_end(payload: &str, reason: &str) {
    let mut polling = Polling::connect(&SERVER);
    polling.post(payload);
    assert_eq!(reason_of(&SERVER, &polling.sid), reason, "{payload:?}");
    polling.check_gone();
}

// Payloads.

#[test]
fn a_message_comes_back() {
    check_echo("4hello");
}

#[test]
fn messages_are_sent_and_received_in_batches() {
    check_echo("4a\x1e4b\x1e4c");
    let many: Vec<String> = (0..1000).map(|i| format!("4message {i}")).collect();
    check_echo(&many.join("\x1e"));
}

#[test]
fn binary_messages_are_base64() {
    check_echo("bAQIDBA==");
    check_echo("bAA==");
    check_echo("bAAE=");
    check_echo("bAAEC");
    check_echo("b+/+/");
    check_echo("4text\x1ebAQIDBA==\x1e4more\x1ebAQ==");
}

#[test]
fn an_empty_message_is_a_message() {
    check_echo("4");
    check_echo("4\x1e4\x1eb\x1e4");
}

#[test]
fn text_may_be_any_unicode() {
    check_echo("4utf-8 \u{e9}\u{20ac}\u{1f600} \u{feff}end");
    check_echo("4\0nul and \r\n line ends");
    check_echo("4\u{2028}\u{2029}\u{ffff}\u{10ffff}");
}

#[test]
fn a_message_may_look_like_another_packet() {
    check_echo("444bAQID");
    check_echo("41\x1e42\x1e46");
}

#[test]
fn a_large_message_comes_back_whole() {
    // One byte is the type of the packet.
    check_echo(&format!("4{}", "x".repeat(999_999)));
}

#[test]
fn a_response_is_not_limited() {
    let mut polling = Polling::connect(&SERVER);
    let message = format!("4{}", "y".repeat(900_000));
    for _ in 0..4 {
        polling.post(&message);
    }
    assert_eq!(polling.collect(4), vec![message; 4]);
}

#[test]
fn other_packets_are_ignored() {
    // The server ignores open, upgrade and noop from a polling client.
    let mut polling = Polling::connect(&SERVER);
    polling.post("6\x1e0\x1e5\x1e5x\x1e4still here");
    assert_eq!(polling.poll(), ["4still here"]);
}

// Responses.

#[test]
fn a_poll_waits_for_a_message() {
    let mut polling = Polling::connect(&SERVER);
    polling.wait_in_poll();
    polling.post("4hello");
    assert_eq!(polling.finish_poll(), ["4hello"]);
}

#[test]
fn headers_of_a_poll() {
    let mut polling = Polling::connect(&SERVER);
    polling.post("4\u{20ac}");
    let response = polling.poll_response();
    assert_eq!((response.status, response.text()), (200, "4\u{20ac}"));
    assert_eq!(
        response.header("content-type"),
        Some("text/plain; charset=UTF-8")
    );
    assert_eq!(response.header("content-length"), Some("4"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
}

#[test]
fn headers_of_a_post() {
    let mut polling = Polling::connect(&SERVER);
    let response = polling.post_response("4hello");
    assert_eq!((response.status, response.text()), (200, "ok"));
    assert_eq!(response.header("content-type"), Some("text/html"));
    assert_eq!(response.header("content-length"), Some("2"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
}

#[test]
fn old_internet_explorers_are_told_not_to_protect() {
    let endpoint = SERVER.endpoint();
    let target = format!("{}?EIO=4&transport=polling", endpoint.path);
    let header_for = |agent: &str| {
        let headers = [("User-Agent", agent)];
        let response = Http::connect(endpoint).request("GET", &target, &headers, b"");
        response.header("x-xss-protection").map(str::to_owned)
    };
    let old = "Mozilla/4.0 (compatible;MSIE 8.0; Windows NT 6.0)";
    assert_eq!(header_for(old).as_deref(), Some("0"));
    let eleven = "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko";
    assert_eq!(header_for(eleven).as_deref(), Some("0"));
    assert_eq!(header_for("Mozilla/5.0 Firefox"), None);
}

#[test]
fn the_content_type_of_a_post_does_not_matter() {
    let mut polling = Polling::connect(&SERVER);
    let target = polling.target();
    let mut http = Http::connect(SERVER.endpoint());
    for content_type in [
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/json",
        "x",
    ] {
        let headers = [("Content-Type", content_type)];
        let response = http.request("POST", &target, &headers, b"4hello");
        assert_eq!(response.text(), "ok", "{content_type}");
        assert_eq!(polling.poll(), ["4hello"]);
    }
    assert_eq!(http.request("POST", &target, &[], b"4hello").text(), "ok");
    assert_eq!(polling.poll(), ["4hello"]);
}

#[test]
fn a_body_may_come_in_chunks_and_slowly() {
    let mut polling = Polling::connect(&SERVER);
    let mut http = Http::connect(SERVER.endpoint());
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        polling.target()
    );
    http.write(head);
    // The euro sign is cut in two.
    for chunk in ["5\r\n4hell\r\n", "1;ext=1\r\no\r\n"] {
        http.write(chunk);
    }
    http.write(b"1\r\n\xe2\r\n2\r\n\x82\xac\r\n0\r\nTrailer: x\r\n\r\n");
    assert_eq!(http.receive().text(), "ok");
    assert_eq!(polling.poll(), ["4hello\u{20ac}"]);
    let request = http::request("POST", &polling.target(), &[], b"4bytes");
    for byte in request {
        http.write([byte]);
    }
    assert_eq!(http.receive().text(), "ok");
    assert_eq!(polling.poll(), ["4bytes"]);
}

#[test]
fn another_method_on_a_session() {
    let mut polling = Polling::connect(&SERVER);
    let target = polling.target();
    let mut http = Http::connect(SERVER.endpoint());
    for method in ["PUT", "DELETE", "PATCH"] {
        let response = http.request(method, &target, &[("Content-Length", "0")], b"");
        match differs(Difference::RefusesOtherMethods) {
            true => check_refused(&response, BAD_METHOD),
            false => assert_eq!((response.status, response.text()), (500, ""), "{method}"),
        }
    }
    polling.post("4still here");
    assert_eq!(polling.poll(), ["4still here"]);
}

// Overlaps.

#[test]
fn requests_may_use_one_connection_one_after_the_other() {
    let mut polling = Polling::connect(&SERVER);
    let target = polling.target();
    let http = polling.get_connection();
    for i in 0..20 {
        let message = format!("4{i}");
        assert_eq!(
            http.request("POST", &target, &[], message.as_bytes())
                .text(),
            "ok"
        );
        assert_eq!(http.request("GET", &target, &[], b"").text(), message);
    }
}

// Limits.

#[test]
fn a_body_may_be_as_long_as_the_limit() {
    let server = Server::raw(&json!({"maxHttpBufferSize": 10}));
    let mut polling = Polling::connect(&server);
    polling.post("4123456789");
    assert_eq!(polling.poll(), ["4123456789"]);
    // The limit counts bytes, not characters.
    polling.post("4\u{20ac}\u{20ac}\u{20ac}");
    assert_eq!(polling.poll(), ["4\u{20ac}\u{20ac}\u{20ac}"]);
    let refused = polling.post_response("4\u{20ac}\u{20ac}\u{20ac}x");
    assert_eq!(refused.status, 413);
}

#[test]
fn a_longer_body_is_413_and_the_session_stays() {
    let server = Server::raw(&json!({"maxHttpBufferSize": 10}));
    let polling = Polling::connect(&server);
    let target = polling.target();
    let response = Http::connect(server.endpoint()).request("POST", &target, &[], b"41234567890");
    assert_eq!((response.status, response.text()), (413, ""));
    let chunked = [("Transfer-Encoding", "chunked")];
    let body = b"6\r\n412345\r\n6\r\n678901\r\n";
    let response = Http::connect(server.endpoint()).request("POST", &target, &chunked, body);
    assert_eq!((response.status, response.text()), (413, ""));
    let mut polling = Polling::connect(&server);
    polling.post("4hello");
    assert_eq!(polling.poll(), ["4hello"]);
}

#[test]
fn a_body_is_not_awaited_when_its_length_is_too_much() {
    let server = Server::raw(&json!({}));
    let polling = Polling::connect(&server);
    let mut http = Http::connect(server.endpoint());
    let length = "1000000000000";
    http.write(format!(
        "POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n4",
        polling.target()
    ));
    let before = server.resident_bytes();
    let piece = vec![b'x'; 250_000];
    for _ in 0..8 {
        // The server refuses before it has read the whole body, so the connection may be closed meanwhile.
        if http.wire().try_write(&piece).is_err() {
            break;
        }
    }
    assert_eq!(http.receive().status, 413);
    assert!(server.resident_bytes() < before + (64 << 20));
}

#[test]
fn packets_in_a_payload_are_limited() {
    let server = Server::raw(&json!({"engine": {"maxPacketsPerPayload": 4}}));
    let mut polling = Polling::connect(&server);
    polling.post("4a\x1e4b\x1e4c\x1e4d");
    assert_eq!(polling.collect(4), ["4a", "4b", "4c", "4d"]);
    let response = polling.post_response("4a\x1e4b\x1e4c\x1e4d\x1e4e");
    if differs(Difference::LimitsParts) {
        let text =
            "the payload has 5 packets, and maxPacketsPerPayload is 4: send fewer in one POST";
        assert_eq!((response.status, response.text()), (413, text));
        // No packet was delivered, and the session continues.
        polling.post("4f");
        assert_eq!(polling.poll(), ["4f"]);
    } else {
        assert_eq!(response.text(), "ok");
    }
}

#[test]
fn as_many_packets_are_taken_as_fit_the_body() {
    const COUNT: usize = 30_000;
    let mut polling = Polling::connect(&SERVER);
    // The server reads the body in several pieces; the last packet is as large as one piece.
    let mut packets: Vec<_> = (0..COUNT).map(|i| format!("4{i}")).collect();
    packets.push(format!("4{}", "x".repeat(70_000)));
    polling.post(&packets.join("\x1e"));
    assert!(polling.collect(packets.len()) == packets);
    let mut polling = Polling::connect(&SERVER);
    packets.push(String::new());
    polling.post(&packets.join("\x1e"));
    assert_eq!(reason_of(&SERVER, &polling.sid), "parse error");
}

// Ends.

#[test]
fn an_unknown_packet_type_is_a_parse_error() {
    for payload in ["9", "7", "x", "-1", "\u{e9}", "abc", "B", " 4a"] {
        check_end(payload, "parse error");
    }
}

#[test]
fn an_empty_packet_is_a_parse_error() {
    for payload in ["", "\x1e", "\x1e4a"] {
        check_end(payload, "parse error");
    }
}

#[test]
fn packets_before_the_malformed_one_are_delivered() {
    let mut polling = Polling::connect(&SERVER);
    polling.start_poll();
    let wire = polling.get_connection().wire();
    assert!(wire.is_silent_for(Duration::from_millis(50)));
    settle(SERVER.endpoint());
    polling.post("4before\x1ex\x1e4after");
    let mut packets = polling.finish_poll();
    // Messages before the end may arrive with it or be dropped.
    packets.retain(|packet| packet != "1");
    assert!(packets == ["4before"] || packets.is_empty(), "{packets:?}");
    assert_eq!(reason_of(&SERVER, &polling.sid), "parse error");
    polling.check_gone();
}

#[test]
fn a_parse_error_ends_a_waiting_poll() {
    let mut polling = Polling::connect(&SERVER);
    polling.wait_in_poll();
    polling.post("x");
    assert_eq!(polling.finish_poll(), ["1"]);
    polling.check_gone();
}

#[test]
fn a_close_packet_ends_the_session() {
    check_end("1", "transport close");
    check_end("1\x1e4after", "transport close");
    check_end("4before\x1e1", "transport close");
}

#[test]
fn a_close_packet_is_answered_by_noop_to_the_poll() {
    let mut polling = Polling::connect(&SERVER);
    polling.wait_in_poll();
    polling.post("1");
    assert_eq!(polling.finish_poll(), ["6"]);
    polling.check_gone();
}

#[test]
fn binary_content_is_refused() {
    let mut polling = Polling::connect(&SERVER);
    let mut http = Http::connect(SERVER.endpoint());
    let headers = [("Content-Type", "application/octet-stream")];
    let response = http.request("POST", &polling.target(), &headers, b"\x01\x02");
    assert_eq!((response.status, response.text()), (400, ""));
    assert_eq!(reason_of(&SERVER, &polling.sid), "transport error");
    polling.check_gone();
}

#[test]
fn an_aborted_poll_is_a_transport_error() {
    let mut polling = Polling::connect(&SERVER);
    let mut http = Http::connect(SERVER.endpoint());
    http.send("GET", &polling.target(), &[], b"");
    assert!(http.wire().is_silent_for(Duration::from_millis(50)));
    settle(SERVER.endpoint());
    drop(http);
    assert_eq!(reason_of(&SERVER, &polling.sid), "transport error");
    polling.check_gone();
}

#[test]
fn a_reset_poll_is_a_transport_error() {
    let mut polling = Polling::connect(&SERVER);
    let mut http = Http::connect(SERVER.endpoint());
    http.send("GET", &polling.target(), &[], b"");
    assert!(http.wire().is_silent_for(Duration::from_millis(50)));
    settle(SERVER.endpoint());
    http.into_wire().reset();
    assert_eq!(reason_of(&SERVER, &polling.sid), "transport error");
    polling.check_gone();
}

#[test]
fn an_aborted_post_is_a_transport_error() {
    let mut polling = Polling::connect(&SERVER);
    let mut http = polling.begin_post(9, "4he");
    assert!(http.wire().is_silent_for(Duration::from_millis(50)));
    settle(SERVER.endpoint());
    drop(http);
    assert_eq!(reason_of(&SERVER, &polling.sid), "transport error");
    polling.check_gone();
}

#[test]
fn an_idle_connection_may_end_without_ending_the_session() {
    let mut polling = Polling::connect(&SERVER);
    for i in 0..3 {
        let mut http = Http::connect(SERVER.endpoint());
        let message = format!("4{i}");
        assert_eq!(
            http.request("POST", &polling.target(), &[], message.as_bytes())
                .text(),
            "ok"
        );
        assert_eq!(
            http.request("GET", &polling.target(), &[], b"").text(),
            message
        );
    }
    polling.post("4alive");
    assert_eq!(polling.poll(), ["4alive"]);
}

#[test]
fn the_server_closes_a_waiting_poll() {
    let mut polling = Polling::connect(&SERVER);
    polling.wait_in_poll();
    polling.post("4close");
    assert_eq!(polling.finish_poll(), ["1"]);
    assert_eq!(reason_of(&SERVER, &polling.sid), "forced close");
    polling.check_gone();
}

#[test]
fn the_server_closes_with_the_next_poll() {
    let mut polling = Polling::connect(&SERVER);
    polling.post("4close");
    // The poll may arrive before the server has decided; otherwise it gets a noop.
    let mut packets = polling.poll();
    packets.retain(|packet| packet != "6");
    assert_eq!(packets, ["1"]);
    assert_eq!(reason_of(&SERVER, &polling.sid), "forced close");
    polling.check_gone();
}

#[test]
fn what_was_sent_before_the_server_closes_arrives() {
    let mut polling = Polling::connect(&SERVER);
    polling.post("4a\x1e4b\x1e4close\x1e4c");
    let mut packets = polling.poll();
    while packets.last().is_some_and(|packet| packet != "1") {
        packets.extend(polling.poll());
    }
    packets.retain(|packet| packet != "6");
    assert_eq!(packets, ["4a", "4b", "1"]);
    assert_eq!(reason_of(&SERVER, &polling.sid), "forced close");
    polling.check_gone();
}

#[test]
fn base64_that_is_none() {
    let mut polling = Polling::connect(&SERVER);
    polling.post("b!!AQ==");
    if differs(Difference::StrictParser) {
        assert_eq!(reason_of(&SERVER, &polling.sid), "parse error");
    } else {
        assert_eq!(polling.poll(), ["bAQ=="]);
    }
}

#[test]
fn separators_do_not_appear_from_nowhere() {
    let mut polling = Polling::connect(&SERVER);
    polling.post("4a");
    let response = polling.poll_response();
    assert!(!response.text().contains(SEPARATOR));
}
