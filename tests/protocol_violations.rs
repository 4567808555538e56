//! Packets that violate the Socket.IO protocol: each ends only its own connection,
//! in the way that the test describes.

use std::sync::LazyLock;
use std::time::Duration;

use conformance::{Client, Polling, Server, Transport, WebSocket};
use serde_json::json;

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// The kind of a violation. It decides the disconnect reason for sockets of a
/// polling client while no poll is waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Violation {
    /// The packet cannot be parsed: sockets end with the connection.
    Malformed,
    /// The packet is not allowed now: sockets end at once.
    Misplaced,
}

/// Sends a packet and its attachments on a connection that has joined `/`, over
/// WebSocket and over polling with and without a waiting poll.
#[track_caller]
fn check_ends(packet: &str, attachments: &[&[u8]], violation: Violation) {
    let mut observer = Client::connect(&SERVER);

    let mut client = Client::connect(&SERVER);
    client.send_with(packet, attachments);
    assert_eq!(client.websocket().receive_close(), None, "{packet}");
    observer.wait_for_log(&format!("disconnect / {} forced close", client.id));

    let mut client = Client::over(&SERVER, Transport::Polling);
    client.polling().start_poll();
    let wire = client.polling().get_connection().wire();
    assert!(wire.is_silent_for(Duration::from_millis(20)));
    client.send_with(packet, attachments);
    assert_eq!(client.polling().finish_poll(), ["1"], "{packet}");
    observer.wait_for_log(&format!("disconnect / {} forced close", client.id));
    assert_eq!(client.polling().poll_response().status, 400, "{packet}");

    let mut client = Client::over(&SERVER, Transport::Polling);
    client.send_with(packet, attachments);
    if violation == Violation::Misplaced {
        observer.wait_for_log(&format!("disconnect / {} forced server close", client.id));
    }
    assert_eq!(client.polling().poll(), ["6", "1"], "{packet}");
    if violation == Violation::Malformed {
        observer.wait_for_log(&format!("disconnect / {} forced close", client.id));
    }
    assert_eq!(client.polling().poll_response().status, 400, "{packet}");

    observer.expect_nothing();
}

#[track_caller]
fn check_malformed(packets: &[&str]) {
    for packet in packets {
        check_ends(packet, &[], Violation::Malformed);
    }
}

#[track_caller]
fn check_misplaced(packets: &[&str]) {
    for packet in packets {
        check_ends(packet, &[], Violation::Misplaced);
    }
}

/// Sends a first packet on a connection that has not joined a namespace.
#[track_caller]
fn check_ends_unjoined(packet: &str) {
    let mut websocket = WebSocket::connect(&SERVER);
    websocket.receive_open();
    websocket.text(&format!("4{packet}"));
    assert_eq!(websocket.receive_close(), None, "{packet}");
    let mut polling = Polling::connect(&SERVER);
    polling.post(&format!("4{packet}"));
    assert_eq!(polling.poll(), ["6", "1"], "{packet}");
    assert_eq!(polling.poll_response().status, 400, "{packet}");
}

// The type.

#[test]
fn unknown_types() {
    check_malformed(&["7", "8", "9", "x", "-", "{", "[]", "\u{e9}"]);
}

#[test]
fn an_empty_packet() {
    check_malformed(&[""]);
}

// The payload.

#[test]
fn events_that_are_no_array_with_a_name() {
    check_malformed(&[
        "2{}",
        r#"2{"a":1}"#,
        r#"2"message""#,
        "2null",
        "2true",
        "2[]",
        "2[{}]",
        "2[[]]",
        "2[null]",
        "2[true]",
        r#"2[{"toString":"foo"}]"#,
    ]);
}

#[test]
fn events_with_a_reserved_name() {
    check_malformed(&[
        r#"2["connect"]"#,
        r#"2["connect_error"]"#,
        r#"2["disconnect"]"#,
        r#"2["disconnecting",1]"#,
        r#"2["newListener"]"#,
        r#"2["removeListener"]"#,
        r#"20["connect"]"#,
        r#"2["\u0063onnect"]"#,
    ]);
}

#[test]
fn events_that_are_no_json() {
    check_malformed(&[
        "2[",
        r#"2["message""#,
        r#"2["message",]"#,
        r#"2["message"]x"#,
        r#"2["message"][]"#,
        r#"2["mess"#,
        r#"2["message",01]"#,
        r#"2["message",.5]"#,
        r#"2["message",1.]"#,
        r#"2["message",+1]"#,
        r#"2["message",NaN]"#,
        r#"2["message",Infinity]"#,
        r#"2["message",undefined]"#,
        r#"2["message",'x']"#,
        r#"2["message",{a:1}]"#,
        r#"2["message",{"a":1,}]"#,
        r#"2["message",{"a"}]"#,
        r#"2["message","\x"]"#,
        r#"2["message","\u12"]"#,
        "2[\"message\",\"\n\"]",
        "2[\"message\",\"\t\"]",
        r#"2["message",tru]"#,
        r#"2["message",nul]"#,
        r#"2["message"/**/]"#,
        "2message",
        "2x",
        "25x",
    ]);
}

#[test]
fn acknowledgements_that_are_no_array() {
    check_malformed(&["31{}", r#"31"x""#, "31null", "31[", "3{}", "3x", "31[1}"]);
}

#[test]
fn connects_that_are_no_object() {
    check_malformed(&[
        "0[]",
        r#"0"x""#,
        "0null",
        "0true",
        "0{",
        r#"0{"a":}"#,
        "0abc",
        r#"0/custom,"x""#,
    ]);
}

#[test]
fn disconnects_with_a_payload() {
    check_malformed(&["1{}", "1[]", r#"1"x""#, "1null", "1x"]);
}

#[test]
fn connect_errors_with_a_wrong_payload() {
    check_malformed(&["4[]", "4null", "4x"]);
}

// Attachments.

#[test]
fn attachments_that_cannot_be_counted() {
    check_malformed(&[
        "5",
        "5-",
        r#"5["message"]"#,
        r#"5-["message"]"#,
        r#"5x-["message"]"#,
        r#"51["message"]"#,
        r#"5-1-["message"]"#,
        r#"51.5-["message"]"#,
        r#"51,-["message"]"#,
        "51",
        r#"5NaN-["message"]"#,
        r#"5Infinity-["message"]"#,
        "6",
        "6-",
        r#"61["x"]"#,
        r#"6x-["x"]"#,
    ]);
}

#[test]
fn no_attachments() {
    check_malformed(&[r#"50-["message"]"#, "60-[]", r#"500-["message"]"#]);
}

#[test]
fn too_many_attachments() {
    check_malformed(&[
        r#"511-["message"]"#,
        r#"599999999999999999999-["message"]"#,
        r#"54294967297-["message"]"#,
        "611-[]",
    ]);
}

#[test]
fn binary_packets_with_a_wrong_payload() {
    check_malformed(&[
        "51-{}",
        "51-[]",
        "51-[{}]",
        r#"51-["connect"]"#,
        "61-0{}",
        "51-[",
        "51-x",
    ]);
}

#[test]
fn binary_without_a_packet() {
    let mut observer = Client::connect(&SERVER);
    let mut client = Client::connect(&SERVER);
    client.send_binary(b"x");
    assert_eq!(client.websocket().receive_close(), None);
    observer.wait_for_log(&format!("disconnect / {} forced close", client.id));
    let mut client = Client::over(&SERVER, Transport::Polling);
    client.send_binary(b"x");
    assert_eq!(client.polling().poll(), ["6", "1"]);
    observer.wait_for_log(&format!("disconnect / {} forced close", client.id));
}

#[test]
fn one_attachment_more_than_announced() {
    let mut client = Client::connect(&SERVER);
    client.send_with(
        r#"51-["message",{"_placeholder":true,"num":0}]"#,
        &[b"x", b"y"],
    );
    client.expect_disconnection();
}

#[test]
fn text_instead_of_an_attachment() {
    for text in [r#"2["message"]"#, "3[]", "1", "0", r#"51-["message"]"#] {
        let mut client = Client::connect(&SERVER);
        client.send(r#"51-["message",{"_placeholder":true,"num":0}]"#);
        client.send(text);
        assert_eq!(client.websocket().receive_close(), None, "{text}");
    }
    let mut client = Client::over(&SERVER, Transport::Polling);
    client.send(r#"52-["message",{"_placeholder":true,"num":0}]"#);
    client.send_binary(b"x");
    client.send(r#"2["message"]"#);
    client.expect_disconnection();
}

#[test]
fn placeholders_that_point_nowhere() {
    for num in [
        "-1",
        "1",
        "2",
        "1e9",
        "\"0\"",
        "null",
        "true",
        "[]",
        "{}",
        "\"splice\"",
        "-0.5",
    ] {
        let packet = format!(r#"51-["message",{{"_placeholder":true,"num":{num}}}]"#);
        check_ends(&packet, &[b"x"], Violation::Malformed);
    }
    check_ends(
        r#"51-["message",{"_placeholder":true}]"#,
        &[b"x"],
        Violation::Malformed,
    );
    let deep = r#"51-["message",{"a":[{"_placeholder":true,"num":7}]}]"#;
    check_ends(deep, &[b"x"], Violation::Malformed);
    let answer = r#"61-0[{"_placeholder":true,"num":1}]"#;
    check_ends(answer, &[b"x"], Violation::Malformed);
}

// Packets out of place.

#[test]
fn anything_but_connect_before_connect() {
    for packet in [
        "2",
        r#"2["message"]"#,
        "21[\"message\"]",
        "1",
        "3",
        "31[]",
        "4",
        r#"4{"a":1}"#,
        "4\"x\"",
    ] {
        check_ends_unjoined(packet);
    }
    for packet in [
        r#"2/custom,["message"]"#,
        "1/custom,",
        "3/custom,1[]",
        r#"2/random,["x"]"#,
    ] {
        check_ends_unjoined(packet);
    }
}

#[test]
fn malformed_packets_before_connect() {
    for packet in ["7", "x", "2[", "5", r#"50-["x"]"#, "0[]", "0{"] {
        check_ends_unjoined(packet);
    }
}

#[test]
fn a_binary_event_before_connect() {
    let mut websocket = WebSocket::connect(&SERVER);
    websocket.receive_open();
    websocket.text(r#"451-["message",{"_placeholder":true,"num":0}]"#);
    websocket.binary(b"x");
    assert_eq!(websocket.receive_close(), None);
    let mut websocket = WebSocket::connect(&SERVER);
    websocket.receive_open();
    websocket.binary(b"x");
    assert_eq!(websocket.receive_close(), None);
}

#[test]
fn a_packet_for_a_namespace_that_was_not_joined() {
    check_misplaced(&[
        r#"2/custom,["message"]"#,
        r#"2/custom,1["message"]"#,
        r#"2/random,["message"]"#,
        "3/custom,1[]",
        "1/custom,",
        "1/custom",
    ]);
    check_ends(
        r#"51-/custom,["message",{"_placeholder":true,"num":0}]"#,
        &[b"x"],
        Violation::Misplaced,
    );
}

#[test]
fn a_packet_behind_connect_in_the_same_payload() {
    let mut polling = Polling::connect(&SERVER);
    polling.post("40\x1e42[\"message\"]");
    let mut packets = polling.poll();
    while packets.last().is_some_and(|packet| packet != "1") {
        packets.extend(polling.poll());
    }
    assert_eq!(polling.poll_response().status, 400);
}

#[test]
fn a_second_connect() {
    check_misplaced(&["0", "0{}", "0/,", "01"]);
    let mut observer = Client::connect(&SERVER);
    let mut client = Client::join(&SERVER, Transport::WebSocket, "/custom", &json!({}));
    client.send("0/custom,");
    client.expect_disconnection();
    observer.wait_for_log(&format!("disconnect /custom {} forced close", client.id));
}

#[test]
fn a_connect_error_from_the_client() {
    check_misplaced(&[r#"4{"message":"x"}"#, r#"4"x""#, "4"]);
}

#[test]
fn every_namespace_of_the_connection_ends() {
    let mut observer = Client::connect(&SERVER);
    for packet in ["7", "4"] {
        let mut client = Client::connect(&SERVER);
        let custom = client.connect_to("/custom", &json!({}));
        client.send(packet);
        client.expect_disconnection();
        observer.wait_for_log(&format!("disconnect / {} forced close", client.id));
        observer.wait_for_log(&format!("disconnect /custom {custom} forced close"));
    }
}
