//! Events, acknowledgements in both directions, and binary attachments.

use std::sync::LazyLock;

use conformance::client::Message;
use conformance::socketio::kind;
use conformance::{Client, Difference, Polling, Server, Transport, differs};
use serde_json::{Value, json};

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// Sends a packet with its attachments over both transports and checks the very
/// text and attachments of the answer.
#[track_caller]
fn check_answer(packet: &str, attachments: &[&[u8]], answer: &str) {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        client.send_with(packet, attachments);
        assert_eq!(
            client.receive_message(),
            Message::Text(answer.into()),
            "{transport:?}"
        );
        for attachment in attachments {
            assert_eq!(
                client.receive_message(),
                Message::Binary(attachment.to_vec())
            );
        }
        client.expect_nothing();
    }
}

/// Sends a packet that is fine but is answered by nothing.
#[track_caller]
fn check_ignored(packet: &str) {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        client.send(packet);
        client.expect_nothing();
    }
}

const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;

// Events.

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
fn an_event_nobody_listens_to_is_ignored() {
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

// Acknowledgements asked for by the client.

#[test]
fn an_event_is_acknowledged() {
    check_answer(
        r#"20["message-with-ack",1,"2",{"3":[]}]"#,
        &[],
        r#"30[1,"2",{"3":[]}]"#,
    );
    check_answer(r#"2456["message-with-ack"]"#, &[], "3456[]");
    check_answer(
        r#"29007199254740991["message-with-ack",1]"#,
        &[],
        "39007199254740991[1]",
    );
}

#[test]
fn an_acknowledgement_names_its_namespace() {
    let mut client = Client::join(&SERVER, Transport::WebSocket, "/custom", &json!({}));
    client.send(r#"2/custom,12["message-with-ack","a"]"#);
    assert_eq!(
        client.receive_message(),
        Message::Text(r#"3/custom,12["a"]"#.into())
    );
}

#[test]
fn an_id_may_be_used_again() {
    let mut client = Client::connect(&SERVER);
    for _ in 0..3 {
        client.send(r#"27["message-with-ack"]"#);
        assert_eq!(client.receive_message(), Message::Text("37[]".into()));
    }
}

#[test]
fn acknowledgements_and_events_stay_in_order() {
    let mut client = Client::connect(&SERVER);
    for i in 0..100 {
        client.emit(&json!(["message", i]));
        client.emit_for_ack(&json!(["message-with-ack", i]));
    }
    for i in 0..100 {
        assert_eq!(client.expect("message-back"), [json!(i)]);
        let ack = client.receive();
        assert_eq!(
            (ack.kind, ack.id, ack.args()),
            (kind::ACK, Some(i), &[json!(i)][..])
        );
    }
}

// Acknowledgements asked for by the server.

#[test]
fn a_client_is_asked_and_answers() {
    for transport in Transport::ALL {
        for timeout in [0, 10_000] {
            let mut client = Client::over(&SERVER, transport);
            let call = client.emit_for_ack(&json!(["call", timeout, "a", {"b": 1}]));
            let question = client.receive();
            assert_eq!(question.event(), Some("question"));
            assert_eq!(question.args(), [json!("a"), json!({"b": 1})]);
            client.answer(&question, &json!(["answer", [2]]));
            let reply = client.ack_of(call);
            assert_eq!(reply.args(), [json!("ok"), json!(["answer", [2]])]);
        }
    }
}

#[test]
fn questions_have_different_numbers() {
    let mut client = Client::connect(&SERVER);
    let calls: Vec<_> = (0..5)
        .map(|i| client.emit_for_ack(&json!(["call", 0, i])))
        .collect();
    let questions: Vec<_> = (0..5).map(|_| client.receive()).collect();
    let mut ids: Vec<_> = questions.iter().map(|question| question.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    // Answered in another order, each call gets its own answer.
    for question in questions.iter().rev() {
        client.answer(question, &json!([question.args()[0]]));
    }
    for (i, call) in calls.into_iter().enumerate() {
        assert_eq!(client.ack_of(call).args(), [json!("ok"), json!([i])]);
    }
}

#[test]
fn an_answer_that_does_not_come_times_out() {
    let mut client = Client::connect(&SERVER);
    let call = client.emit_for_ack(&json!(["call", 100, "x"]));
    let question = client.receive();
    assert_eq!(client.ack_of(call).args()[0], json!("timeout"));
    // Too late, and so nobody waits for it.
    client.answer(&question, &json!(["late"]));
    client.expect_nothing();
}

#[test]
fn answers_to_nothing_are_ignored() {
    check_ignored("3999[]");
    check_ignored("3[]");
    check_ignored("3");
    check_ignored("30");
    let mut client = Client::connect(&SERVER);
    let call = client.emit_for_ack(&json!(["call", 0]));
    let question = client.receive();
    client.answer(&question, &json!([1]));
    client.answer(&question, &json!([2]));
    assert_eq!(client.ack_of(call).args(), [json!("ok"), json!([1])]);
    client.expect_nothing();
}

#[test]
fn a_question_may_be_answered_with_nothing() {
    let mut client = Client::connect(&SERVER);
    let call = client.emit_for_ack(&json!(["call", 0]));
    let question = client.receive();
    client.answer(&question, &json!([]));
    assert_eq!(client.ack_of(call).args(), [json!("ok"), json!([])]);
}

#[test]
fn nobody_else_can_answer() {
    let mut asked = Client::connect(&SERVER);
    let mut other = Client::connect(&SERVER);
    let call = asked.emit_for_ack(&json!(["call", 0]));
    let question = asked.receive();
    other.answer(&question, &json!(["forged"]));
    other.expect_nothing();
    asked.answer(&question, &json!(["true"]));
    assert_eq!(asked.ack_of(call).args(), [json!("ok"), json!(["true"])]);
}

// Binary.

#[test]
fn a_binary_event_comes_back() {
    check_answer(
        &format!(r#"51-["message",{PLACEHOLDER}]"#),
        &[&[1, 2, 3]],
        &format!(r#"51-["message-back",{PLACEHOLDER}]"#),
    );
}

#[test]
fn attachments_may_be_anywhere_and_empty() {
    let args = r#"{"_placeholder":true,"num":0},"text",{"a":[{"_placeholder":true,"num":1}],"b":{"c":{"_placeholder":true,"num":2}}}"#;
    check_answer(
        &format!(r#"53-["message",{args}]"#),
        &[&[], b"\0\xff", b"4text"],
        &format!(r#"53-["message-back",{args}]"#),
    );
}

#[test]
fn the_keys_of_a_placeholder_may_change_places() {
    let mut client = Client::connect(&SERVER);
    client.send_with(
        r#"52-["message",{"num":1,"_placeholder":true},{ "_placeholder" : true , "num" : 0 }]"#,
        &[b"a", b"b"],
    );
    let packet = client.receive();
    assert_eq!(
        (packet.event(), packet.binaries.len()),
        (Some("message-back"), 2)
    );
    // Whatever the numbers are now, the first argument is the second attachment.
    let nth = |i: usize| packet.args()[i]["num"].as_u64().expect("a number") as usize;
    assert_eq!(packet.binaries[nth(0)], b"b");
    assert_eq!(packet.binaries[nth(1)], b"a");
}

#[test]
fn a_binary_event_is_acknowledged() {
    check_answer(
        &format!(r#"51-789["message-with-ack",{PLACEHOLDER}]"#),
        &[&[1, 2, 3]],
        &format!("61-789[{PLACEHOLDER}]"),
    );
}

#[test]
fn binary_events_of_a_namespace() {
    let mut client = Client::join(&SERVER, Transport::Polling, "/custom", &json!({}));
    client.send_with(
        &format!(r#"51-/custom,3["message-with-ack",{PLACEHOLDER}]"#),
        &[b"x"],
    );
    let expected = format!("61-/custom,3[{PLACEHOLDER}]");
    assert_eq!(client.receive_message(), Message::Text(expected));
    assert_eq!(client.receive_message(), Message::Binary(b"x".to_vec()));
}

#[test]
fn an_answer_may_be_binary() {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        let call = client.emit_for_ack(&json!(["call", 0, "x"]));
        let question = client.receive();
        let id = question.id.expect("a question has a number");
        client.send_with(&format!("61-{id}[{PLACEHOLDER}]"), &[&[9, 8]]);
        let reply = client.ack_of(call);
        assert_eq!(reply.kind, kind::BINARY_ACK);
        assert_eq!(reply.binaries, [[9, 8]]);
        assert_eq!(reply.args()[1], json!([{"_placeholder": true, "num": 0}]));
    }
}

#[test]
fn a_question_may_be_binary() {
    let mut client = Client::connect(&SERVER);
    client.send_with(&format!(r#"51-5["call",0,{PLACEHOLDER}]"#), &[b"data"]);
    let question = client.receive();
    assert_eq!(
        (question.kind, question.event()),
        (kind::BINARY_EVENT, Some("question"))
    );
    assert_eq!(question.binaries, [b"data"]);
    client.answer(&question, &json!([1]));
    assert_eq!(client.ack_of(5).args(), [json!("ok"), json!([1])]);
}

#[test]
fn a_placeholder_in_a_plain_event_is_data() {
    check_answer(
        &format!(r#"2["message",{PLACEHOLDER}]"#),
        &[],
        &format!(r#"2["message-back",{PLACEHOLDER}]"#),
    );
}

/// Also next to attachments of the host's; a receiver that resolves it is told an error by its parser.
#[test]
fn data_that_looks_like_a_placeholder_is_sent_next_to_bytes() {
    let data = r#"{"_placeholder":true,"num":99}"#;
    let mut client = Client::connect(&SERVER);
    client.send(&format!(
        r#"2["message-with-bytes",{data},{{"a":[{data}]}}]"#
    ));
    let packet = client.receive();
    assert_eq!(packet.kind, kind::BINARY_EVENT);
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(
        packet.args(),
        [
            data.clone(),
            json!({"a": [data]}),
            json!({"_placeholder": true, "num": 0})
        ]
    );
    assert_eq!(packet.binaries, [[1, 2, 3]]);
    // What came with attachments goes on with them.
    client.send_with(
        &format!(r#"51-["message-with-bytes",{{"a":{PLACEHOLDER}}}]"#),
        &[b"x"],
    );
    let packet = client.receive();
    let args = [
        json!({"a": {"_placeholder": true, "num": 0}}),
        json!({"_placeholder": true, "num": 1}),
    ];
    assert_eq!(packet.args(), args);
    assert_eq!(packet.binaries, [&b"x"[..], &[1, 2, 3]]);
}

#[test]
fn what_only_looks_like_a_placeholder_is_data() {
    let mut client = Client::connect(&SERVER);
    let args =
        json!([{"_placeholder": "true", "num": 0}, {"_placeholder": 1, "num": 0}, {"num": 0}]);
    let mut event = vec![json!("message"), json!({"_placeholder": true, "num": 0})];
    event.extend(args.as_array().expect("an array").iter().cloned());
    client.send_with(&format!("51-{}", Value::from(event)), &[b"x"]);
    let packet = client.receive();
    assert_eq!(packet.binaries, [b"x"]);
    assert_eq!(Value::from(packet.args()[1..].to_vec()), args);
}

#[test]
fn ten_attachments_are_taken() {
    for count in [2, 9, 10] {
        let placeholders: Vec<_> = (0..count)
            .map(|num| json!({"_placeholder": true, "num": num}))
            .collect();
        let mut client = Client::connect(&SERVER);
        let attachments: Vec<_> = (0..count as u8).map(|byte| [byte]).collect();
        let slices: Vec<&[u8]> = attachments.iter().map(|bytes| &bytes[..]).collect();
        let args = Value::from(placeholders).to_string();
        client.send_with(&format!(r#"5{count}-["message",{args}]"#), &slices);
        let packet = client.receive();
        assert_eq!(packet.binaries, attachments);
    }
}

#[test]
fn more_attachments_are_an_option() {
    let server = Server::with(&json!({"engine": {"maxAttachments": 20}}));
    let mut client = Client::connect(&server);
    let attachments = vec![&b"x"[..]; 20];
    let args: Vec<_> = (0..20)
        .map(|num| json!({"_placeholder": true, "num": num}))
        .collect();
    client.send_with(
        &format!(r#"520-["message",{}]"#, Value::from(args)),
        &attachments,
    );
    assert_eq!(client.receive().binaries.len(), 20);
    client.send(r#"521-["message"]"#);
    client.expect_disconnection();
}

#[test]
fn attachments_may_come_in_several_posts() {
    let mut client = Client::over(&SERVER, Transport::Polling);
    client.send(r#"52-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
    client.send_binary(b"one");
    client.send_binary(b"two");
    assert_eq!(client.receive().binaries, [b"one", b"two"]);
}

#[test]
fn base64_of_attachments_over_polling() {
    let mut polling = Polling::connect(&SERVER);
    polling.post("40");
    let mut packets = polling.poll();
    if packets.len() == 1 {
        packets.extend(polling.poll());
    }
    polling.post(&format!("451-[\"message\",{PLACEHOLDER}]\x1eb+/+/AA=="));
    let packets = polling.poll();
    assert_eq!(
        packets,
        [
            format!("451-[\"message-back\",{PLACEHOLDER}]"),
            "b+/+/AA==".into()
        ]
    );
}

// Volatile.

#[test]
fn volatile_events_are_dropped_without_a_poll() {
    let mut observer = Client::connect(&SERVER);
    let mut client = Client::over(&SERVER, Transport::Polling);
    client.emit(&json!(["volatile-many", 5]));
    // Only poll when all of them have been dropped.
    let target = json!({"rooms": [observer.id], "except": [], "self": true, "volatile": false});
    client.emit(&json!(["broadcast", target]));
    observer.expect("broadcast");
    assert_eq!(client.receive().event(), Some("volatile-done"));
}

#[test]
fn volatile_events_keep_their_order() {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        if transport == Transport::Polling {
            client.polling().start_poll();
            let wire = client.polling().get_connection().wire();
            assert!(wire.is_silent_for(std::time::Duration::from_millis(50)));
            client.emit(&json!(["volatile-many", 100]));
            let first = client.polling().finish_poll();
            assert_eq!(first[0], r#"42["volatile",0]"#);
            if first.iter().any(|packet| packet.contains("volatile-done")) {
                continue;
            }
        } else {
            client.emit(&json!(["volatile-many", 100]));
        }
        let mut last = None;
        loop {
            let packet = client.receive();
            if packet.event() == Some("volatile-done") {
                break;
            }
            let number = packet.args()[0].as_u64();
            assert!(number > last, "{number:?} after {last:?}");
            last = number;
        }
    }
}
