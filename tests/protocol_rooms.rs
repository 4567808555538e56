//! Rooms and broadcasts.

use std::sync::LazyLock;

use conformance::client::Message;
use conformance::{Client, Difference, Packet, Server, Transport, differs};
use serde_json::{Value, json};

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// A unique room name, because the tests share a server.
fn room(name: &str) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{name} {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn joined(transport: Transport, rooms: &[&str]) -> Client {
    let mut client = Client::over(&SERVER, transport);
    for room in rooms {
        assert_eq!(client.call(&json!(["join", room])), [json!(null); 0]);
    }
    client
}

/// Alternates between the transports, so that every test uses both.
fn transport(i: usize) -> Transport {
    Transport::ALL[i % 2]
}

fn to(rooms: &[&str], except: &[&str]) -> Value {
    json!({"rooms": rooms, "except": except, "self": true, "volatile": false})
}

fn rooms_of(client: &mut Client) -> Vec<String> {
    let answer = client.call(&json!(["rooms"]));
    serde_json::from_value(answer[0].clone()).expect("rooms are text")
}

fn sorted(rooms: &[&str]) -> Vec<String> {
    let mut rooms: Vec<_> = rooms.iter().map(|room| (*room).to_owned()).collect();
    rooms.sort();
    rooms
}

// Membership.

#[test]
fn a_socket_is_in_the_room_of_its_id() {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        let id = client.id.clone();
        assert_eq!(rooms_of(&mut client), [id]);
    }
}

#[test]
fn rooms_are_joined_and_left() {
    let mut client = Client::connect(&SERVER);
    let id = client.id.clone();
    for name in ["a", "b", "", "with space and \u{20ac}", "a"] {
        client.call(&json!(["join", name]));
    }
    let all = ["a", "b", "", "with space and \u{20ac}", id.as_str()];
    assert_eq!(rooms_of(&mut client), sorted(&all));
    client.call(&json!(["leave", "b"]));
    client.call(&json!(["leave", "never joined"]));
    assert_eq!(
        rooms_of(&mut client),
        sorted(&["a", "", "with space and \u{20ac}", id.as_str()])
    );
}

#[test]
fn leaving_the_room_of_its_id() {
    let mut client = Client::connect(&SERVER);
    let mut other = Client::connect(&SERVER);
    let id = client.id.clone();
    client.call(&json!(["leave", id]));
    let target = to(&[&id], &[]);
    other.emit(&json!(["broadcast", target, 1]));
    other.expect_nothing();
    if differs(Difference::KeepsRoomOfItsId) {
        client.expect("broadcast");
        assert_eq!(rooms_of(&mut client), [id]);
    } else {
        client.expect_nothing();
        assert!(rooms_of(&mut client).is_empty());
    }
}

#[test]
fn rooms_belong_to_their_namespace() {
    let name = room("shared");
    let mut main = joined(Transport::WebSocket, &[&name]);
    let mut custom = Client::join(&SERVER, Transport::WebSocket, "/custom", &json!({}));
    custom.call(&json!(["join", name]));
    custom.emit(&json!(["broadcast", to(&[&name], &[]), "in custom"]));
    assert_eq!(custom.expect("broadcast"), [json!("in custom")]);
    main.expect_nothing();
}

#[test]
fn many_rooms() {
    let mut client = Client::connect(&SERVER);
    let name = room("many");
    for i in 0..300 {
        client.emit_for_ack(&json!(["join", format!("{name} {i}")]));
    }
    client.ack_of(299);
    assert_eq!(rooms_of(&mut client).len(), 301);
    let last = format!("{name} 299");
    client.emit(&json!(["broadcast", to(&[&last], &[]), "x"]));
    assert_eq!(client.take_event("broadcast").args(), [json!("x")]);
}

// Broadcasts.

#[test]
fn everyone_in_the_namespace() {
    let server = Server::start();
    let mut clients: Vec<_> = (0..6)
        .map(|i| Client::over(&server, transport(i)))
        .collect();
    let mut custom = Client::join(&server, Transport::WebSocket, "/custom", &json!({}));
    let target = to(&[], &[]);
    clients[0].emit(&json!(["broadcast", target, 1, "two"]));
    for client in &mut clients {
        assert_eq!(client.expect("broadcast"), [json!(1), json!("two")]);
        client.expect_nothing();
    }
    custom.expect_nothing();
}

#[test]
fn everyone_but_the_sender() {
    let server = Server::start();
    let mut clients: Vec<_> = (0..4)
        .map(|i| Client::over(&server, transport(i)))
        .collect();
    let target = json!({"rooms": [], "except": [], "self": false, "volatile": false});
    clients[0].emit(&json!(["broadcast", target, 1]));
    clients[0].expect_nothing();
    for client in &mut clients[1..] {
        assert_eq!(client.expect("broadcast"), [json!(1)]);
        client.expect_nothing();
    }
}

#[test]
fn a_room() {
    let name = room("a");
    let mut members: Vec<_> = (0..4).map(|i| joined(transport(i), &[&name])).collect();
    let mut outsider = Client::connect(&SERVER);
    outsider.emit(&json!(["broadcast", to(&[&name], &[]), "x"]));
    outsider.expect_nothing();
    for member in &mut members {
        assert_eq!(member.expect("broadcast"), [json!("x")]);
    }
    let without = json!({"rooms": [name], "except": [], "self": false, "volatile": false});
    members[0].emit(&json!(["broadcast", without, "y"]));
    members[0].expect_nothing();
    for member in &mut members[1..] {
        assert_eq!(member.expect("broadcast"), [json!("y")]);
        member.expect_nothing();
    }
}

#[test]
fn several_rooms_reach_everyone_once() {
    let (a, b) = (room("a"), room("b"));
    let mut both = joined(Transport::WebSocket, &[&a, &b]);
    let mut only_a = joined(Transport::Polling, &[&a]);
    let mut only_b = joined(Transport::WebSocket, &[&b]);
    let mut none = Client::connect(&SERVER);
    none.emit(&json!(["broadcast", to(&[&a, &b, &a], &[]), 1]));
    none.expect_nothing();
    for client in [&mut both, &mut only_a, &mut only_b] {
        client.expect("broadcast");
        client.expect_nothing();
    }
}

#[test]
fn excepted_rooms_are_left_out() {
    let (a, b) = (room("a"), room("b"));
    let mut both = joined(Transport::WebSocket, &[&a, &b]);
    let mut only_a = joined(Transport::Polling, &[&a]);
    let mut other = joined(Transport::Polling, &[&a]);
    let id = other.id.clone();
    both.emit(&json!(["broadcast", to(&[&a], &[&b, &id]), 1]));
    both.expect_nothing();
    other.expect_nothing();
    only_a.expect("broadcast");
    let server = Server::start();
    let mut one = Client::connect(&server);
    let mut two = Client::connect(&server);
    let id = two.id.clone();
    one.emit(&json!(["broadcast", to(&[], &[&id]), 1]));
    one.expect("broadcast");
    two.expect_nothing();
}

#[test]
fn one_socket_by_its_id() {
    let mut sender = Client::connect(&SERVER);
    for transport in Transport::ALL {
        let mut receiver = Client::over(&SERVER, transport);
        let id = receiver.id.clone();
        sender.emit(&json!(["broadcast", to(&[&id], &[]), "private"]));
        assert_eq!(receiver.expect("broadcast"), [json!("private")]);
    }
    sender.expect_nothing();
}

#[test]
fn a_room_without_members() {
    let name = room("empty");
    let mut client = joined(Transport::WebSocket, &[&name]);
    client.call(&json!(["leave", name]));
    client.emit(&json!(["broadcast", to(&[&name], &[]), 1]));
    client.emit(&json!(["broadcast", to(&["never existed"], &[]), 1]));
    client.expect_nothing();
}

#[test]
fn the_text_of_a_broadcast_is_exact() {
    let name = room("exact");
    let mut client = joined(Transport::Polling, &[&name]);
    let mut custom = Client::join(&SERVER, Transport::WebSocket, "/custom", &json!({}));
    let target = to(&[&name], &[]);
    client.emit(&json!(["broadcast", target, {"a": [1, "x"]}]));
    let expected = r#"2["broadcast",{"a":[1,"x"]}]"#;
    assert_eq!(client.receive_message(), Message::Text(expected.into()));
    let id = custom.id.clone();
    custom.emit(&json!(["broadcast", to(&[&id], &[])]));
    assert_eq!(
        custom.receive_message(),
        Message::Text(r#"2/custom,["broadcast"]"#.into())
    );
}

#[test]
fn binary_broadcasts() {
    let name = room("binary");
    let mut members: Vec<_> = (0..4).map(|i| joined(transport(i), &[&name])).collect();
    let target = to(&[&name], &[]);
    let event = format!(r#"51-["broadcast",{target},{{"_placeholder":true,"num":0}},"x"]"#);
    members[0].send_with(&event, &[&[0, 1, 255]]);
    for member in &mut members {
        let packet: Packet = member.receive();
        assert_eq!(packet.event(), Some("broadcast"));
        assert_eq!(packet.binaries, [[0, 1, 255]]);
        assert_eq!(
            packet.args(),
            [json!({"_placeholder": true, "num": 0}), json!("x")]
        );
    }
}

#[test]
fn broadcasts_stay_in_order() {
    let name = room("order");
    let mut members: Vec<_> = (0..4).map(|i| joined(transport(i), &[&name])).collect();
    let mut sender = Client::connect(&SERVER);
    for i in 0..200 {
        sender.emit(&json!(["broadcast", to(&[&name], &[]), i]));
    }
    for member in &mut members {
        for i in 0..200 {
            assert_eq!(member.expect("broadcast"), [json!(i)]);
        }
    }
}

#[test]
fn volatile_broadcasts_pass_clients_that_do_not_wait() {
    let name = room("volatile");
    let mut polling = joined(Transport::Polling, &[&name]);
    let mut websocket = joined(Transport::WebSocket, &[&name]);
    let mut sender = Client::connect(&SERVER);
    let target = json!({"rooms": [name], "except": [], "self": true, "volatile": true});
    sender.emit(&json!(["broadcast", target, 1]));
    assert_eq!(websocket.expect("broadcast"), [json!(1)]);
    // No poll was waiting.
    polling.expect_nothing();
}

#[test]
fn who_has_left_gets_nothing() {
    let name = room("left");
    let mut sender = Client::connect(&SERVER);
    let mut stays = joined(Transport::WebSocket, &[&name]);
    let mut leaves = joined(Transport::WebSocket, &[&name]);
    let gone = joined(Transport::WebSocket, &[&name]);
    let mut out = joined(Transport::Polling, &[&name]);
    out.send("1");
    leaves.call(&json!(["leave", name]));
    let id = gone.id.clone();
    drop(gone);
    sender.wait_for_log(&format!("disconnect / {id}"));
    sender.wait_for_log(&format!("disconnect / {}", out.id));
    sender.emit(&json!(["broadcast", to(&[&name], &[]), 1]));
    stays.expect("broadcast");
    leaves.expect_nothing();
    out.connect_to("/", &json!({}));
    out.expect_nothing();
}

// Broadcasts with acknowledgements.

fn ask(rooms: &[&str], timeout: u64) -> Value {
    json!({"rooms": rooms, "except": [], "self": true, "timeout": timeout})
}

#[test]
fn everyone_answers() {
    let name = room("ask");
    let mut members: Vec<_> = (0..3).map(|i| joined(transport(i), &[&name])).collect();
    let mut caller = Client::connect(&SERVER);
    let call = caller.emit_for_ack(&json!(["broadcast-ack", ask(&[&name], 10_000), {"q": 1}]));
    let mut ids = Vec::new();
    for (i, member) in members.iter_mut().enumerate() {
        let question = member.receive();
        assert_eq!(
            (question.event(), question.args()),
            (Some("question"), &[json!({"q": 1})][..])
        );
        ids.push(question.id);
        member.answer(&question, &json!([i, "only the first counts"]));
    }
    // One broadcast is one packet: all receivers get the same acknowledgement id.
    assert!(
        ids.iter().all(|id| *id == ids[0] && id.is_some()),
        "{ids:?}"
    );
    let answer = caller.ack_of(call);
    assert_eq!(answer.args()[0], json!("ok"));
    let mut replies = answer.args()[1].as_array().expect("replies").clone();
    replies.sort_by_key(Value::as_u64);
    assert_eq!(replies, [json!(0), json!(1), json!(2)]);
}

#[test]
fn a_call_without_receivers_ends_at_once() {
    let mut caller = Client::connect(&SERVER);
    let name = room("nobody");
    let answer = caller.call(&json!(["broadcast-ack", ask(&[&name], 10_000), 1]));
    assert_eq!(answer, [json!("ok"), json!([])]);
}

#[test]
fn some_do_not_answer() {
    let name = room("silent");
    let mut members: Vec<_> = (0..3).map(|i| joined(transport(i), &[&name])).collect();
    let mut caller = Client::connect(&SERVER);
    let call = caller.emit_for_ack(&json!(["broadcast-ack", ask(&[&name], 300), 1]));
    let questions: Vec<_> = members.iter_mut().map(Client::receive).collect();
    members[1].answer(&questions[1], &json!(["here"]));
    let answer = caller.ack_of(call);
    assert_eq!(answer.args(), [json!("timeout"), json!(["here"])]);
    // After the timeout.
    members[0].answer(&questions[0], &json!(["late"]));
    members[0].expect_nothing();
    caller.expect_nothing();
}

#[test]
fn a_second_answer_of_a_client_is_ignored() {
    let name = room("twice");
    let mut members: Vec<_> = (0..2).map(|i| joined(transport(i), &[&name])).collect();
    let mut caller = Client::connect(&SERVER);
    let call = caller.emit_for_ack(&json!(["broadcast-ack", ask(&[&name], 10_000), 1]));
    let questions: Vec<_> = members.iter_mut().map(Client::receive).collect();
    members[0].answer(&questions[0], &json!(["a"]));
    members[0].answer(&questions[0], &json!(["a again"]));
    members[0].expect_nothing();
    members[1].answer(&questions[1], &json!(["b"]));
    assert_eq!(caller.ack_of(call).args(), [json!("ok"), json!(["a", "b"])]);
}

// Operations on groups.

#[test]
fn groups_join_and_leave() {
    let (a, b) = (room("a"), room("b"));
    let mut members: Vec<_> = (0..3).map(|i| joined(transport(i), &[&a])).collect();
    let mut outsider = Client::connect(&SERVER);
    let id = members[2].id.clone();
    outsider.call(&json!(["sockets-join", to(&[&a], &[&id]), b]));
    for (i, member) in members.iter_mut().enumerate() {
        let own = member.id.clone();
        let expected = match i {
            2 => sorted(&[&a, &own]),
            _ => sorted(&[&a, &b, &own]),
        };
        assert_eq!(rooms_of(member), expected);
    }
    outsider.call(&json!(["sockets-leave", to(&[&b], &[]), a]));
    let own = members[0].id.clone();
    assert_eq!(rooms_of(&mut members[0]), sorted(&[&b, &own]));
    assert_eq!(rooms_of(&mut members[2]), sorted(&[&a, &id]));
}

#[test]
fn groups_are_disconnected() {
    let name = room("out");
    let mut members: Vec<_> = (0..3).map(|i| joined(transport(i), &[&name])).collect();
    let mut outsider = Client::connect(&SERVER);
    let id = members[2].id.clone();
    outsider.call(&json!(["disconnect-sockets", to(&[&name], &[&id]), false]));
    for member in &mut members[..2] {
        assert_eq!(member.receive_message(), Message::Text("1".into()));
    }
    members[2].expect_nothing();
    outsider.call(&json!(["disconnect-sockets", to(&[&name], &[]), true]));
    assert_eq!(members[2].receive_message(), Message::Text("1".into()));
    members[2].expect_disconnection();
    outsider.wait_for_log(&format!("disconnect / {id} server namespace disconnect"));
}

#[test]
fn groups_are_fetched() {
    let name = room("fetch");
    let mut members: Vec<_> = (0..3).map(|i| joined(transport(i), &[&name])).collect();
    members[1].call(&json!(["set-data", {"name": "one", "deep": [1, {"x": null}]}]));
    let mut outsider = Client::connect(&SERVER);
    let answer = outsider.call(&json!(["fetch", to(&[&name], &[])]));
    let mut expected: Vec<_> = members
        .iter()
        .enumerate()
        .map(|(i, member)| {
            let data = match i {
                1 => json!({"name": "one", "deep": [1, {"x": null}]}),
                _ => json!({}),
            };
            json!({"id": member.id, "rooms": sorted(&[&name, &member.id]), "data": data})
        })
        .collect();
    expected.sort_by_key(|socket| socket["id"].to_string());
    assert_eq!(answer, [json!(expected)]);
    let nobody = outsider.call(&json!(["fetch", to(&[&room("nobody")], &[])]));
    assert_eq!(nobody, [json!([])]);
    let id = members[0].id.clone();
    let one = outsider.call(&json!(["fetch", to(&[&id], &[])]));
    assert_eq!(one[0][0]["id"], json!(id));
}
