//! Events and acknowledgements from a client, with and without attachments, and invalid packets.

use std::time::Duration;

use super::World;
use crate::engineio::CloseReason;
use crate::socketio::Parser;
use crate::socketio::client::Flow;
use crate::socketio::event::{SocketEvent, What};

const P: &str = r#"{"_placeholder":true,"num":0}"#;

#[test]
fn events_are_delivered_as_they_came() {
    let mut world = World::connected();
    for (text, expected) in [
        (r#"2["a"]"#, "message / a[]"),
        (r#"2["a" ]"#, "message / a[]"),
        (r#"2 ["a"]"#, "message / a[]"),
        (
            r#"2["a",1,"2",{"3":[null]}]"#,
            r#"message / a[1,"2",{"3":[null]}]"#,
        ),
        (r#"2[ "a" , 1 , 2 ] "#, "message / a[ 1 , 2 ]"),
        (r#"20["a"]"#, "message / a[] ack 0"),
        (r#"2456["a",1]"#, "message / a[1] ack 456"),
        (r#"2/,7["a"]"#, "message / a[] ack 7"),
        (r#"2["\u0061\n\"",1]"#, "message / a\n\"[1]"),
        (r#"2["é😀"]"#, "message / é😀[]"),
        (r#"2["a\ud800",1]"#, "message / a\u{fffd}[1]"),
        (r#"2[""]"#, "message / []"),
        ("2[1]", "message / 1[]"),
        ("2[-1.5,true]", "message / -1.5[true]"),
        (r#"2["error"]"#, "message / error[]"),
        (r#"2["connection"]"#, "message / connection[]"),
        (
            r#"2["a",{"_placeholder":true,"num":0}]"#,
            r#"message / a[{"_placeholder":true,"num":0}]"#,
        ),
    ] {
        world.check(text, &[expected]);
    }
    // A long name takes another path of the scanner.
    let name = "n".repeat(100);
    world.check(
        &format!(r#"2["{name}",1]"#),
        &[&format!("message / {name}[1]")],
    );
    // The official server accepts an event without an array, and ignores it.
    world.check("2", &[]);
    world.check("25", &[]);
}

#[test]
fn a_name_that_utf8_cannot_hold_is_relayed_as_it_came() {
    let mut world = World::connected();
    world.react(|event| {
        if let What::Socket(_, SocketEvent::Message { message, .. }) = event.what {
            let kept = message.to_message();
            for payload in [message.payload(), kept.payload(), kept.view().payload()] {
                let packet = payload.encode(Parser::Json, "/", None);
                assert_eq!(packet.head(), r#"42["a\ud83D\u0062",1]"#);
            }
        }
    });
    world.check(r#"2["a\ud83D\u0062",1]"#, &["message / a\u{fffd}b[1]"]);
}

#[test]
fn what_is_no_packet_closes_the_connection() {
    for text in [
        "",
        "7",
        "a",
        "{}",
        "2{}",
        "2null",
        "2[]",
        "2[null]",
        "2[{}]",
        "2[true]",
        "2[",
        "2x",
        r#"2["a""#,
        r#"2["a",]"#,
        r#"2["a"]x"#,
        "2[\"a\",01]",
        "3{}",
        "31null",
        "1{}",
        "4[]",
        "4x",
        "5",
        r#"5["a"]"#,
        r#"50-["a"]"#,
        r#"5-1-["a"]"#,
        "51-{}",
        "51-[]",
        "6-",
        "60-[]",
        "61-{}",
    ] {
        let mut world = World::connected();
        let flow = world.receive(text);
        assert!(matches!(flow, Flow::ParseError(_)), "{text:?} {flow:?}");
        assert_eq!(world.stat("parse_errors_total"), 1, "{text:?}");
    }
    // Packets that a client must not send.
    World::connected().check(r#"4{"message":"x"}"#, &["violation"]);
    World::connected().check("4", &["violation"]);
    World::connected().check(r#"2/nowhere,["a"]"#, &["violation"]);
}

#[test]
fn reserved_names_are_refused_however_they_are_written() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
        r"\u0063onnect",
    ] {
        for text in [
            format!(r#"2["{name}"]"#),
            format!(r#"21["{name}",1]"#),
            format!(r#"51-["{name}"]"#),
        ] {
            World::connected().check(&text, &["parse error: invalid payload"]);
        }
    }
}

#[test]
fn nesting_has_a_limit() {
    World::connected().check(r#"2["a",[[[[1]]]]]"#, &["message / a[[[[[1]]]]]"]);
    let mut world = World::connected();
    world.check(
        r#"2["a",[[[[[1]]]]]]"#,
        &["parse error: payload nested too deeply"],
    );
    assert_eq!(world.stat("limit_depth_total"), 1);
}

#[test]
fn attachments_follow_their_packet() {
    let mut world = World::connected();
    world.check(&format!(r#"51-["a",{P}]"#), &[]);
    assert_eq!(world.stat("partial_packets"), 1);
    world.receive_binary(&[1, 2]);
    world.expect(&[&format!("message / a[{P}] [1, 2]")]);
    assert_eq!(world.stat("partial_packets"), 0);

    world.receive(
        r#"52-7["a",{"_placeholder":true,"num":1},{"x":[{"_placeholder":true,"num":0}]}]"#,
    );
    world.receive_binary(&[1]);
    world.expect(&[]);
    world.receive_binary(&[]);
    world.expect(&[
        r#"message / a[{"_placeholder":true,"num":1},{"x":[{"_placeholder":true,"num":0}]}] [1] [] ack 7"#,
    ]);
    // An attachment may be named twice, or not at all.
    world.receive(&format!(r#"51-["a",{P},{P}]"#));
    world.receive_binary(&[3]);
    world.receive(r#"51-["a"]"#);
    world.receive_binary(&[4]);
    world.expect(&[&format!("message / a[{P},{P}] [3]"), "message / a[] [4]"]);
}

#[test]
fn a_placeholder_stands_for_an_attachment() {
    for num in ["1", "-1", "0.5", r#""0""#, "null", "[]", "1e99"] {
        let mut world = World::connected();
        world.receive(&format!(
            r#"51-["a",[{{"_placeholder":true,"num":{num}}}]]"#
        ));
        world.receive_binary(&[1]);
        world.expect(&["parse error: illegal attachments"]);
        assert_eq!(world.stat("partial_packets"), 0);
    }
    // An object that only looks like a placeholder is data.
    let mut world = World::connected();
    world.receive(r#"51-["a",{"_placeholder":"true","num":5}]"#);
    world.receive_binary(&[1]);
    world.expect(&[r#"message / a[{"_placeholder":"true","num":5}] [1]"#]);
}

#[test]
fn attachments_have_limits() {
    let mut world = World::connected();
    world.check(r#"54-["a"]"#, &["parse error: too many attachments"]);
    assert_eq!(world.stat("limit_attachments_total"), 1);

    let mut world = World::connected();
    world.receive(r#"53-["a"]"#);
    world.receive_binary(&[0; 500]);
    // With the eight bytes of the text, this is the limit.
    world.receive_binary(&[0; 492]);
    world.expect(&[]);
    world.receive_binary(&[0]);
    world.expect(&["parse error: packet too large"]);
    assert_eq!(world.stat("limit_payload_total"), 1);
    assert_eq!(world.stat("partial_packets"), 0);
}

#[test]
fn nothing_comes_between_a_packet_and_its_attachments() {
    let between = "parse error: got plaintext data when reconstructing a packet";
    for text in [r#"2["b"]"#, "0", "1", r#"51-["b"]"#, ""] {
        let mut world = World::connected();
        world.receive(r#"51-["a"]"#);
        world.check(text, &[between]);
    }
    let stray = "parse error: got binary data when not reconstructing a packet";
    let mut world = World::connected();
    world.receive_binary(&[1]);
    world.expect(&[stray]);
    world.receive(r#"51-["a"]"#);
    world.receive_binary(&[1]);
    world.forget();
    world.receive_binary(&[2]);
    world.expect(&[stray]);
}

#[test]
fn an_unfinished_packet_has_a_deadline() {
    let mut world = World::connected();
    world.receive(r#"52-["a"]"#);
    world.wait(Duration::from_millis(9999));
    world.receive_binary(&[1]);
    world.expect(&[]);
    world.wait(Duration::from_millis(1));
    world.expect(&["violation"]);
    assert_eq!(world.stat("deadline_message_total"), 1);
    assert_eq!(world.stat("partial_packets"), 0);
    assert_eq!(world.client.poll_timeout(), None);
}

#[test]
fn an_unfinished_packet_ends_with_its_connection() {
    let mut world = World::connected();
    world.receive(r#"51-["a"]"#);
    world.close(CloseReason::TransportError);
    assert_eq!(world.stat("partial_packets"), 0);
}

#[test]
fn what_a_client_acknowledges_without_being_asked_is_nothing() {
    let mut world = World::connected();
    for text in ["3", "35", "3[]", "31[1]", "3[1]"] {
        world.check(text, &[]);
    }
    world.receive(&format!("61-0[{P}]"));
    world.receive_binary(&[1]);
    world.expect(&[]);
}
