//! Events, listeners and packet middleware.

use conformance::client::Message;
use conformance::{Client, Difference, Server, Transport, differs};
use serde_json::{Value, json};

use crate::{SERVER, check_answer, check_ignored};

#[test]
fn an_event_comes_back() {
    check_answer(
        r#"2["message",1,"2",{"3":[false,null]}]"#,
        &[],
        r#"2["message-back",1,"2",{"3":[false,null]}]"#,
    );
    check_answer(r#"2["message"]"#, &[], r#"2["message-back"]"#);
}

#[test]
fn half_a_surrogate_pair_is_text_like_any_other() {
    check_answer(
        r#"2["message","a\ud83d",{"\ude00":"\ud83d\ud83d"}]"#,
        &[],
        r#"2["message-back","a\ud83d",{"\ude00":"\ud83d\ud83d"}]"#,
    );
    check_answer(r#"21["message-with-ack","\udfff"]"#, &[], r#"31["\udfff"]"#);
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        client.send(r#"2["\ud83d",1]"#);
        client.send(r#"25["message\ud83d"]"#);
        client.send(r#"2["message","a name is text, too"]"#);
        let answer = r#"2["message-back","a name is text, too"]"#;
        assert_eq!(client.receive_message(), Message::Text(answer.into()));
    }
}

#[test]
fn every_json_value_comes_back() {
    let mut client = Client::connect(&SERVER);
    for value in [
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5),
        json!(1e100),
        json!(9_007_199_254_740_991_u64),
        json!(""),
        json!("\u{e9}\u{20ac}\u{1f600} \" \\ / \u{8}\u{c}\n\r\t\u{0}\u{2028}"),
        json!([]),
        json!({}),
        json!([[[[]], {}], {"a": {"b": [1, 2, {"c": null}]}}]),
        json!({"": 1, "__proto__ ": 2, "constructor": 3, "with\"quote": 4}),
    ] {
        client.emit(&json!(["message", value]));
        assert_eq!(client.expect("message-back"), [value]);
    }
}

#[test]
fn json_may_hold_white_space_and_escapes() {
    let mut client = Client::connect(&SERVER);
    client.send("2[ \"message\" ,\t1 ,\r\n{ \"a\" : [ ] } ]\n");
    assert_eq!(client.expect("message-back"), [json!(1), json!({"a": []})]);
    client.send(r#"2["\u006dessage","\u0041\ud83d\ude00\/"]"#);
    assert_eq!(client.expect("message-back"), [json!("A\u{1f600}/")]);
}

#[test]
fn json_may_be_nested() {
    let mut client = Client::connect(&SERVER);
    let value: Value = (0..50).fold(json!(1), |inner, _| json!([inner]));
    client.emit(&json!(["message", value]));
    assert_eq!(client.expect("message-back"), [value]);
}

#[test]
fn an_event_without_a_listener_is_ignored() {
    check_ignored(r#"2["nobody-listens",1,2]"#);
    check_ignored(r#"25["nobody-listens"]"#);
    check_ignored(r#"2["error","x"]"#);
    check_ignored(r#"2["connection"]"#);
    check_ignored(r#"2["toString"]"#);
    check_ignored(r#"2["__proto__"]"#);
    check_ignored(r#"2[""]"#);
}

#[test]
fn an_event_may_be_a_number_or_missing() {
    check_ignored("2[1]");
    check_ignored("2[0,\"message\"]");
    check_ignored("2");
}

#[test]
fn events_of_a_namespace() {
    for transport in Transport::ALL {
        let mut client = Client::join(&SERVER, transport, "/custom", &json!({}));
        client.send(r#"2/custom,["message","a, b"]"#);
        let expected = r#"2/custom,["message-back","a, b"]"#;
        assert_eq!(client.receive_message(), Message::Text(expected.into()));
    }
}

#[test]
fn events_stay_in_order() {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        for i in 0..300 {
            client.emit(&json!(["message", i]));
        }
        for i in 0..300 {
            assert_eq!(client.expect("message-back"), [json!(i)]);
        }
    }
}

#[test]
fn a_large_event_comes_back() {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        let text = "\u{20ac}".repeat(300_000);
        client.emit(&json!(["message", text]));
        assert_eq!(client.expect("message-back"), [json!(text)]);
    }
}

#[test]
fn listeners_for_every_event_count() {
    let mut client = Client::connect(&SERVER);
    let count = |client: &mut Client, event: &str| {
        client.call(&json!([event]))[0]
            .as_u64()
            .expect("a count is a number")
    };
    let before = count(&mut client, "any-count");
    client.emit(&json!(["message"]));
    client.expect("message-back");
    client.emit(&json!(["nobody-listens"]));
    assert_eq!(count(&mut client, "any-count"), before + 3);
    // Acknowledgements do not count as outgoing events.
    let before = count(&mut client, "outgoing-count");
    client.emit(&json!(["message"]));
    client.expect("message-back");
    let all = json!({"rooms": [], "except": [], "self": true, "volatile": false});
    let me = json!({"rooms": [client.id], "except": [], "self": true, "volatile": false});
    assert!(all != me);
    client.emit(&json!(["broadcast", me, 1]));
    client.expect("broadcast");
    assert_eq!(count(&mut client, "outgoing-count"), before + 2);
}

#[test]
fn a_listener_may_listen_once() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    client.emit(&json!(["once-event", 1]));
    assert_eq!(client.expect("once-back"), [json!(1)]);
    client.emit(&json!(["once-event", 2]));
    client.expect_nothing();
    let mut custom = Client::join(&server, Transport::Polling, "/custom", &json!({}));
    custom.emit(&json!(["once-event", 3]));
    assert_eq!(custom.expect("once-back"), [json!(3)]);
}

#[test]
fn a_packet_middleware_refuses() {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        client.emit(&json!(["forbidden", 1]));
        client.expect_nothing();
        let line = format!("forbidden / {}", client.id);
        assert!(client.log().contains(&line));
        client.emit(&json!(["message", "still connected"]));
        client.expect("message-back");
    }
}

#[test]
fn a_packet_middleware_accepts_later() {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        client.emit(&json!(["held", "x"]));
        client.emit(&json!(["message", "y"]));
        let (first, second) = match differs(Difference::PacketMiddlewareKeepsOrder) {
            true => ("held-back", "message-back"),
            false => ("message-back", "held-back"),
        };
        client.expect(first);
        client.expect(second);
    }
}

/// When the most events wait for a packet middleware, the server stops reading the client, and continues afterwards.
#[test]
fn a_client_is_read_again_when_a_packet_middleware_has_decided() {
    let mut client = Client::connect(&SERVER);
    client.emit(&json!(["held", "x"]));
    for _ in 0..4000 {
        client.emit(&json!(["unknown", "y"]));
    }
    // If the server did not read again, it would answer this at the next ping at the earliest.
    assert_eq!(client.call(&json!(["message-with-ack", 1])), [json!(1)]);
}

#[test]
fn a_client_may_leave_while_its_packet_is_held() {
    let mut observer = Client::connect(&SERVER);
    let mut client = Client::connect(&SERVER);
    client.emit(&json!(["held", "x"]));
    let id = client.id.clone();
    drop(client);
    observer.wait_for_log(&format!("disconnect / {id} transport close"));
    Client::connect(&SERVER).call(&json!(["message-with-ack"]));
}
