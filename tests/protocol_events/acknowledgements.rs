//! Acknowledgements that the client asks for, and those that the server asks for.

use conformance::client::Message;
use conformance::socketio::kind;
use conformance::{Client, Transport};
use serde_json::json;

use crate::{SERVER, check_answer, check_ignored};

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
    // If the answers come in another order, each call still gets its own.
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
    // The server ignores an answer after the timeout.
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
fn another_client_cannot_answer() {
    let mut asked = Client::connect(&SERVER);
    let mut other = Client::connect(&SERVER);
    let call = asked.emit_for_ack(&json!(["call", 0]));
    let question = asked.receive();
    other.answer(&question, &json!(["forged"]));
    other.expect_nothing();
    asked.answer(&question, &json!(["true"]));
    assert_eq!(asked.ack_of(call).args(), [json!("ok"), json!(["true"])]);
}
