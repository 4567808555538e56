//! WebSocket: one packet per message, every rule of RFC 6455 that a client can
//! break, the limits, and every end of the connection.

use std::sync::LazyLock;
use std::time::Duration;

use conformance::raw::reason_of;
use conformance::websocket::KEY;
use conformance::{Difference, Frame, Http, Opcode, Server, WebSocket, differs, http};
use serde_json::json;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::raw(&json!({})));

fn open(server: &Server) -> (WebSocket, String) {
    let mut websocket = WebSocket::connect(server);
    let sid = websocket.receive_open();
    (websocket, sid)
}

#[track_caller]
fn check_echo(websocket: &mut WebSocket, text: &str) {
    websocket.text(&format!("4{text}"));
    assert_eq!(websocket.receive_text(), format!("4{text}"));
}

/// Sends frames that a client must not send. Checks the code of the close frame,
/// the reason in the log, and that the server continues.
#[track_caller]
fn check_violation(what: &str, frames: &[Frame], code: u16) {
    let (mut websocket, sid) = open(&SERVER);
    for frame in frames {
        websocket.send(frame);
    }
    assert_eq!(websocket.receive_close(), Some(code), "{what}");
    assert_eq!(reason_of(&SERVER, &sid), "transport error", "{what}");
}

fn text(payload: &str) -> Frame {
    Frame::new(Opcode::Text, payload)
}

// Messages.

#[test]
fn text_and_binary_come_back() {
    let (mut websocket, _) = open(&SERVER);
    check_echo(&mut websocket, "hello");
    check_echo(&mut websocket, "");
    check_echo(&mut websocket, "\u{e9}\u{20ac}\u{1f600}\0\u{10ffff}");
    for data in [&b""[..], b"\0", b"4hello", b"\x01\x02\xff"] {
        websocket.binary(data);
        assert_eq!(websocket.receive_binary(), data);
    }
}

#[test]
fn every_form_of_length_works() {
    let (mut websocket, _) = open(&SERVER);
    for length in [124, 125, 126, 127, 65_534, 65_535, 65_536, 999_999] {
        let message = "x".repeat(length);
        check_echo(&mut websocket, &message);
        websocket.binary(message.as_bytes());
        assert_eq!(websocket.receive_binary().len(), length);
    }
}

#[test]
fn the_payload_separator_means_nothing() {
    let (mut websocket, _) = open(&SERVER);
    check_echo(&mut websocket, "a\x1e4b");
}

#[test]
fn a_text_message_with_b_is_binary() {
    let (mut websocket, _) = open(&SERVER);
    websocket.text("bAQIDBA==");
    assert_eq!(websocket.receive_binary(), [1, 2, 3, 4]);
}

#[test]
fn b64_asks_for_base64() {
    let query = "EIO=4&transport=websocket&b64=1";
    let mut websocket = WebSocket::to(SERVER.endpoint(), query);
    websocket.receive_text();
    websocket.binary(&[1, 2, 3, 4]);
    assert_eq!(websocket.receive_text(), "bAQIDBA==");
}

#[test]
fn other_packets_are_ignored() {
    let (mut websocket, _) = open(&SERVER);
    for packet in ["0", "5", "6", "0{}", "5probe"] {
        websocket.text(packet);
    }
    check_echo(&mut websocket, "still here");
}

#[test]
fn messages_stay_in_order() {
    let (mut websocket, _) = open(&SERVER);
    let mut bytes = Vec::new();
    for i in 0..2000 {
        let frame = match i % 2 {
            0 => text(&format!("4{i}")),
            _ => Frame::new(Opcode::Binary, format!("{i}")),
        };
        bytes.extend(frame.encode());
    }
    websocket.wire().write(&bytes);
    for i in 0..2000 {
        let frame = websocket.receive();
        let expected = if i % 2 == 0 {
            format!("4{i}")
        } else {
            format!("{i}")
        };
        assert_eq!(String::from_utf8(frame.payload).expect("text"), expected);
    }
}

#[test]
fn frames_may_come_byte_by_byte() {
    let (mut websocket, _) = open(&SERVER);
    for byte in text("4hello, slowly").encode() {
        websocket.wire().write(&[byte]);
    }
    assert_eq!(websocket.receive_text(), "4hello, slowly");
}

#[test]
fn frames_may_come_with_the_handshake() {
    let endpoint = SERVER.endpoint();
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    let target = format!("{}?EIO=4&transport=websocket", endpoint.path);
    let mut bytes = http::request("GET", &target, &headers, b"");
    bytes.extend(text("4early").encode());
    let mut http = Http::connect(endpoint);
    http.write(bytes);
    let mut websocket = WebSocket::accept(http).expect("upgraded");
    assert!(websocket.receive_text().starts_with('0'));
    // A client must wait for the open packet: messages that it sends before may be
    // lost, but have no other effect.
    websocket.text("4late");
    let first = websocket.receive_text();
    if first == "4early" {
        assert_eq!(websocket.receive_text(), "4late");
    } else {
        assert_eq!(first, "4late");
    }
}

// Fragments and control frames.

#[test]
fn a_message_may_come_in_fragments() {
    let (mut websocket, _) = open(&SERVER);
    websocket.send(&Frame::unfinished(Opcode::Text, "4he"));
    websocket.send(&Frame::unfinished(Opcode::Continuation, ""));
    websocket.send(&Frame::unfinished(Opcode::Continuation, "ll"));
    websocket.send(&Frame::new(Opcode::Continuation, "o"));
    assert_eq!(websocket.receive_text(), "4hello");
    websocket.send(&Frame::unfinished(Opcode::Binary, [1]));
    websocket.send(&Frame::new(Opcode::Continuation, [2, 3]));
    assert_eq!(websocket.receive_binary(), [1, 2, 3]);
}

#[test]
fn a_character_may_be_cut_by_fragments() {
    let (mut websocket, _) = open(&SERVER);
    let bytes = "4\u{20ac}\u{1f600}".as_bytes();
    websocket.send(&Frame::unfinished(Opcode::Text, &bytes[..2]));
    for byte in &bytes[2..bytes.len() - 1] {
        websocket.send(&Frame::unfinished(Opcode::Continuation, [*byte]));
    }
    websocket.send(&Frame::new(Opcode::Continuation, &bytes[bytes.len() - 1..]));
    assert_eq!(websocket.receive_text(), "4\u{20ac}\u{1f600}");
}

#[test]
fn control_frames_may_come_between_fragments() {
    let (mut websocket, _) = open(&SERVER);
    websocket.send(&Frame::unfinished(Opcode::Text, "4he"));
    websocket.send(&Frame::new(Opcode::Ping, "are you there?"));
    let pong = websocket.receive();
    assert_eq!(
        (pong.opcode, &pong.payload[..]),
        (Opcode::Pong, &b"are you there?"[..])
    );
    websocket.send(&Frame::new(Opcode::Pong, "nobody asked"));
    websocket.send(&Frame::new(Opcode::Continuation, "llo"));
    assert_eq!(websocket.receive_text(), "4hello");
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let (mut websocket, _) = open(&SERVER);
    for length in [0, 1, 125] {
        let payload = vec![b'p'; length];
        websocket.send(&Frame::new(Opcode::Ping, payload.clone()));
        let pong = websocket.receive();
        assert_eq!((pong.opcode, pong.payload), (Opcode::Pong, payload));
    }
    websocket.send(&Frame::new(Opcode::Pong, ""));
    check_echo(&mut websocket, "still here");
}

// Violations.

#[test]
fn invalid_utf8_is_1007() {
    for bytes in [
        &b"4\xff"[..],
        b"4\xc0\x80",
        b"4\xed\xa0\x80",
        b"4\xf4\x90\x80\x80",
        b"4\xe2\x82",
    ] {
        check_violation("text", &[Frame::new(Opcode::Text, bytes)], 1007);
    }
    let halves = [
        Frame::unfinished(Opcode::Text, &b"4\xe2"[..]),
        Frame::new(Opcode::Continuation, "x"),
    ];
    check_violation("fragments", &halves, 1007);
    check_violation(
        "close",
        &[Frame::new(Opcode::Close, &b"\x03\xe8\xff"[..])],
        1007,
    );
}

#[test]
fn reserved_bits_are_1002() {
    for reserved in 1..8 {
        let frame = Frame {
            reserved,
            ..text("4hello")
        };
        check_violation(&format!("bits {reserved:03b}"), &[frame], 1002);
    }
}

#[test]
fn reserved_opcodes_are_1002() {
    for number in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let frame = Frame::new(Opcode::Reserved(number), "x");
        check_violation(&format!("opcode {number}"), &[frame], 1002);
    }
}

#[test]
fn unmasked_frames_are_1002() {
    check_violation(
        "text",
        &[Frame {
            masked: false,
            ..text("4hello")
        }],
        1002,
    );
}

#[test]
fn fragments_out_of_order_are_1002() {
    check_violation("no start", &[Frame::new(Opcode::Continuation, "x")], 1002);
    let twice = [Frame::unfinished(Opcode::Text, "4a"), text("4b")];
    check_violation("two starts", &twice, 1002);
    let both = [
        Frame::unfinished(Opcode::Text, "4a"),
        Frame::new(Opcode::Binary, "b"),
    ];
    check_violation("two kinds", &both, 1002);
}

#[test]
fn malformed_control_frames_are_1002() {
    check_violation(
        "fragmented ping",
        &[Frame::unfinished(Opcode::Ping, "x")],
        1002,
    );
    check_violation(
        "fragmented close",
        &[Frame::unfinished(Opcode::Close, "")],
        1002,
    );
    check_violation(
        "long ping",
        &[Frame::new(Opcode::Ping, vec![b'x'; 126])],
        1002,
    );
    check_violation("half a code", &[Frame::new(Opcode::Close, [3])], 1002);
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535] {
        let frame = Frame::new(Opcode::Close, code.to_be_bytes());
        check_violation(&format!("code {code}"), &[frame], 1002);
    }
}

#[test]
fn a_violation_right_after_the_handshake_costs_one_connection() {
    for _ in 0..5 {
        let mut websocket = WebSocket::connect(&SERVER);
        websocket.send(&Frame {
            reserved: 7,
            ..text("4hello")
        });
        websocket.receive_text();
        assert_eq!(websocket.receive_close(), Some(1002));
    }
    let (mut websocket, _) = open(&SERVER);
    check_echo(&mut websocket, "still here");
}

// Limits.

#[test]
fn a_message_may_be_as_long_as_the_limit() {
    let server = Server::raw(&json!({"maxHttpBufferSize": 1000}));
    let (mut websocket, sid) = open(&server);
    check_echo(&mut websocket, &"x".repeat(999));
    websocket.binary(&[7; 1000]);
    assert_eq!(websocket.receive_binary().len(), 1000);
    websocket.text(&format!("4{}", "x".repeat(1000)));
    assert_eq!(websocket.receive_close(), Some(1009));
    assert_eq!(reason_of(&server, &sid), "transport error");
}

#[test]
fn the_limit_counts_all_fragments() {
    let server = Server::raw(&json!({"maxHttpBufferSize": 1000}));
    let (mut websocket, sid) = open(&server);
    websocket.send(&Frame::unfinished(Opcode::Binary, vec![1; 600]));
    websocket.send(&Frame::unfinished(Opcode::Continuation, vec![1; 600]));
    assert_eq!(websocket.receive_close(), Some(1009));
    assert_eq!(reason_of(&server, &sid), "transport error");
}

#[test]
fn a_length_is_refused_before_its_bytes_come() {
    for length in [1_000_001, 1 << 32, 1 << 53, 1 << 62, (1 << 63) - 1] {
        let (mut websocket, _) = open(&SERVER);
        let head = Frame::new(Opcode::Binary, "").head(length);
        websocket.wire().write(&head);
        assert_eq!(websocket.receive_close(), Some(1009), "{length}");
    }
}

#[test]
fn fragments_are_limited() {
    let server = Server::raw(&json!({"engine": {"maxFragments": 8}}));
    let (mut websocket, sid) = open(&server);
    let send = |websocket: &mut WebSocket, count: usize| {
        websocket.send(&Frame::unfinished(Opcode::Text, "4"));
        for _ in 2..count {
            websocket.send(&Frame::unfinished(Opcode::Continuation, "x"));
        }
        websocket.send(&Frame::new(Opcode::Continuation, "y"));
    };
    send(&mut websocket, 8);
    assert_eq!(websocket.receive_text(), "4xxxxxxy");
    send(&mut websocket, 9);
    if differs(Difference::LimitsParts) {
        assert_eq!(websocket.receive_close(), Some(1008));
        assert_eq!(reason_of(&server, &sid), "transport error");
    } else {
        assert_eq!(websocket.receive_text(), "4xxxxxxxy");
    }
}

// Ends.

#[test]
fn a_close_frame_is_answered_and_ends_the_session() {
    for (payload, code) in [
        (vec![], None),
        (vec![3, 232], Some(1000)),
        (vec![3, 233], Some(1001)),
    ] {
        let (mut websocket, sid) = open(&SERVER);
        websocket.send(&Frame::new(Opcode::Close, payload));
        assert_eq!(websocket.receive_close(), code);
        assert_eq!(reason_of(&SERVER, &sid), "transport close");
    }
}

#[test]
fn nothing_is_read_after_a_close_frame() {
    let (mut websocket, sid) = open(&SERVER);
    let mut bytes = Frame::new(Opcode::Close, [3, 232]).encode();
    bytes.extend(text("4late").encode());
    websocket.wire().write(&bytes);
    assert_eq!(websocket.receive_close(), Some(1000));
    assert_eq!(reason_of(&SERVER, &sid), "transport close");
}

#[test]
fn the_end_of_the_connection_ends_the_session() {
    let (websocket, sid) = open(&SERVER);
    drop(websocket);
    assert_eq!(reason_of(&SERVER, &sid), "transport close");
    let (mut websocket, sid) = open(&SERVER);
    websocket.wire().finish();
    assert_eq!(reason_of(&SERVER, &sid), "transport close");
    let (websocket, sid) = open(&SERVER);
    websocket.into_wire().reset();
    assert_eq!(reason_of(&SERVER, &sid), "transport close");
}

#[test]
fn the_end_may_come_inside_a_frame() {
    let (mut websocket, sid) = open(&SERVER);
    let bytes = text("4hello").encode();
    websocket.wire().write(&bytes[..4]);
    drop(websocket);
    assert_eq!(reason_of(&SERVER, &sid), "transport close");
}

#[test]
fn the_server_closes_with_a_close_frame_and_no_packet() {
    let (mut websocket, sid) = open(&SERVER);
    websocket.text("4a");
    websocket.text("4close");
    websocket.text("4b");
    assert_eq!(websocket.receive_text(), "4a");
    assert_eq!(websocket.receive_close(), None);
    assert_eq!(reason_of(&SERVER, &sid), "forced close");
}

#[test]
fn a_malformed_packet_is_a_parse_error() {
    for packet in ["", "7", "9", "x", "\u{e9}", " 4"] {
        let (mut websocket, sid) = open(&SERVER);
        websocket.text(packet);
        assert_eq!(websocket.receive_close(), None, "{packet:?}");
        assert_eq!(reason_of(&SERVER, &sid), "parse error", "{packet:?}");
    }
}

#[test]
fn a_close_packet_alone_ends_nothing() {
    // WebSocket clients close the WebSocket; the close packet is for polling.
    let (mut websocket, _) = open(&SERVER);
    websocket.text("1");
    check_echo(&mut websocket, "still here");
}

#[test]
fn a_client_that_never_answers_the_close_frame_is_cut_off() {
    let (mut websocket, sid) = open(&SERVER);
    websocket.text("4close");
    assert_eq!(websocket.receive().opcode, Opcode::Close);
    // The session has ended, although the connection is still open.
    assert_eq!(reason_of(&SERVER, &sid), "forced close");
}

// The headers of the WebSocket handshake.

#[test]
fn the_first_subprotocol_is_taken() {
    let attempt = |value: &str| {
        let headers = [("Sec-WebSocket-Protocol", value)];
        WebSocket::attempt(SERVER.endpoint(), "EIO=4&transport=websocket", &headers)
    };
    for (offered, chosen) in [("chat", "chat"), ("my.proto, other", "my.proto")] {
        let websocket = attempt(offered).expect("upgraded");
        assert_eq!(
            websocket.response.header("sec-websocket-protocol"),
            Some(chosen)
        );
    }
    let (websocket, _) = open(&SERVER);
    assert_eq!(websocket.response.header("sec-websocket-protocol"), None);
}

#[test]
fn no_extension_is_taken() {
    for value in [
        "permessage-deflate; client_max_window_bits",
        "constructor",
        "x-unknown",
    ] {
        let headers = [("Sec-WebSocket-Extensions", value)];
        let query = "EIO=4&transport=websocket";
        let websocket = WebSocket::attempt(SERVER.endpoint(), query, &headers).expect("upgraded");
        assert_eq!(
            websocket.response.header("sec-websocket-extensions"),
            None,
            "{value}"
        );
    }
}

#[test]
fn the_handshake_response_says_nothing_about_caching() {
    let (mut websocket, _) = open(&SERVER);
    assert_eq!(websocket.response.header("content-length"), None);
    assert!(websocket.wire().is_silent_for(Duration::from_millis(50)));
}
