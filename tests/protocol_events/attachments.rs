//! Events and acknowledgements with attachments.

use conformance::client::Message;
use conformance::socketio::kind;
use conformance::{Client, Polling, Server, Transport};
use serde_json::{Value, json};

use crate::{SERVER, check_answer};

const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;

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
    // The server may renumber placeholders, but the first argument is still the second attachment.
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

/// The same with attachments of the host. The parser of a receiver that resolves the placeholder reports an error.
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
    // A relayed event keeps its attachments.
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
