//! Disconnects: the reason that the host gets, the packets that the client gets,
//! and the effect on the connection.

use std::sync::LazyLock;

use conformance::client::Message;
use conformance::socketio::kind;
use conformance::{Client, Difference, Server, Transport, differs};
use serde_json::json;

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

#[test]
fn the_client_leaves() {
    for transport in Transport::ALL {
        let mut observer = Client::connect(&SERVER);
        let mut client = Client::over(&SERVER, transport);
        let id = client.id.clone();
        client.send("1");
        observer.wait_for_log(&format!(
            "disconnecting / {id} client namespace disconnect {id}"
        ));
        observer.wait_for_log(&format!("disconnect / {id} client namespace disconnect"));
        // The connection stays, and the namespace can be joined again.
        let again = client.connect_to("/", &json!({}));
        assert_ne!(again, id);
        client.expect_nothing();
    }
}

#[test]
fn the_client_leaves_one_of_its_namespaces() {
    for form in ["1/custom,", "1/custom"] {
        let mut client = Client::connect(&SERVER);
        let custom = client.connect_to("/custom", &json!({}));
        client.send(form);
        client.wait_for_log(&format!(
            "disconnect /custom {custom} client namespace disconnect"
        ));
        client.expect_nothing();
    }
}

#[test]
fn the_server_disconnects_a_socket() {
    for transport in Transport::ALL {
        let mut observer = Client::connect(&SERVER);
        let mut client = Client::over(&SERVER, transport);
        let custom = client.connect_to("/custom", &json!({}));
        let id = client.id.clone();
        client.emit(&json!(["disconnect-me", false]));
        assert_eq!(client.receive_message(), Message::Text("1".into()));
        observer.wait_for_log(&format!("disconnect / {id} server namespace disconnect"));
        let log = observer.log();
        assert!(
            !log.iter()
                .any(|line| line.contains(&format!("disconnect /custom {custom}")))
        );
        client.connect_to("/", &json!({}));
        client.expect_nothing();
    }
}

#[test]
fn the_server_disconnects_a_socket_of_another_namespace() {
    let mut client = Client::join(&SERVER, Transport::WebSocket, "/custom", &json!({}));
    client.emit(&json!(["disconnect-me", false]));
    assert_eq!(client.receive_message(), Message::Text("1/custom,".into()));
}

#[test]
fn the_server_disconnects_a_whole_connection() {
    for transport in Transport::ALL {
        let mut observer = Client::connect(&SERVER);
        let mut client = Client::over(&SERVER, transport);
        let id = client.id.clone();
        let custom = client.connect_to("/custom", &json!({}));
        client.emit(&json!(["disconnect-me", true]));
        let mut left: Vec<_> = (0..2).map(|_| client.receive()).collect();
        left.sort_by(|a, b| a.nsp.cmp(&b.nsp));
        assert!(
            left.iter().all(|packet| packet.kind == kind::DISCONNECT),
            "{left:?}"
        );
        assert_eq!(
            (left[0].nsp.as_str(), left[1].nsp.as_str()),
            ("/", "/custom")
        );
        client.expect_disconnection();
        observer.wait_for_log(&format!("disconnect / {id} server namespace disconnect"));
        observer.wait_for_log(&format!(
            "disconnect /custom {custom} server namespace disconnect"
        ));
    }
}

#[test]
fn what_was_emitted_before_the_disconnection_arrives() {
    for transport in Transport::ALL {
        for close in [false, true] {
            let mut client = Client::over(&SERVER, transport);
            for i in 0..20 {
                client.emit(&json!(["message", i]));
            }
            client.emit(&json!(["disconnect-me", close]));
            for i in 0..20 {
                assert_eq!(client.expect("message-back"), [json!(i)]);
            }
            assert_eq!(client.receive().kind, kind::DISCONNECT);
        }
    }
}

#[test]
fn the_close_follows_in_an_answer_of_its_own() {
    let mut observer = Client::connect(&SERVER);
    for _ in 0..10 {
        let mut client = Client::over(&SERVER, Transport::Polling);
        let id = client.id.clone();
        let custom = client.connect_to("/custom", &json!({}));
        let mut packets: Vec<_> = (0..10).map(|i| format!(r#"42["message",{i}]"#)).collect();
        packets.push(r#"42["disconnect-me",true]"#.to_owned());
        client.polling().post(&packets.join("\x1e"));
        for left in [format!("/ {id}"), format!("/custom {custom}")] {
            observer.wait_for_log(&format!("disconnect {left} server namespace disconnect"));
        }
        // A client that reads `1` in a payload ignores the messages in the same payload.
        let mut heard = client.polling().poll();
        heard[10..].sort();
        let mut expected: Vec<_> = (0..10)
            .map(|i| format!(r#"42["message-back",{i}]"#))
            .collect();
        expected.extend(["41".to_owned(), "41/custom,".to_owned()]);
        assert_eq!(heard, expected);
        assert_eq!(client.polling().poll(), ["6", "1"]);
        client.polling().check_gone();
    }
}

#[test]
fn the_close_stands_beside_no_message() {
    for _ in 0..30 {
        let mut client = Client::over(&SERVER, Transport::Polling);
        let mut packets: Vec<_> = (0..10).map(|i| format!(r#"42["message",{i}]"#)).collect();
        packets.push(r#"42["disconnect-me",true]"#.to_owned());
        client.polling().start_poll();
        client.polling().post(&packets.join("\x1e"));
        let mut heard = Vec::new();
        loop {
            let answer = client.polling().finish_poll();
            if answer.iter().any(|packet| packet == "1") {
                assert!(answer == ["1"] || answer == ["6", "1"], "{answer:?}");
                break;
            }
            heard.extend(answer);
            client.polling().start_poll();
        }
        assert_eq!(heard.len(), 11, "{heard:?}");
        assert_eq!(heard.last().map(String::as_str), Some("41"));
    }
}

#[test]
fn a_packet_after_leaving_ends_the_connection() {
    for transport in Transport::ALL {
        let mut observer = Client::connect(&SERVER);
        let mut client = Client::over(&SERVER, transport);
        client.send("1");
        observer.wait_for_log(&format!("disconnect / {} client", client.id));
        client.send(r#"2["message"]"#);
        client.expect_disconnection();
    }
}

#[test]
fn the_connection_goes_away() {
    let mut observer = Client::connect(&SERVER);
    let mut client = Client::connect(&SERVER);
    let (id, custom) = (client.id.clone(), client.connect_to("/custom", &json!({})));
    drop(client);
    observer.wait_for_log(&format!("disconnect / {id} transport close"));
    observer.wait_for_log(&format!("disconnect /custom {custom} transport close"));

    let mut client = Client::over(&SERVER, Transport::Polling);
    let id = client.id.clone();
    client.polling().post("1");
    observer.wait_for_log(&format!("disconnect / {id} transport close"));

    let mut client = Client::over(&SERVER, Transport::Polling);
    let id = client.id.clone();
    client.polling().start_poll();
    let wire = client.polling().get_connection().wire();
    assert!(wire.is_silent_for(std::time::Duration::from_millis(50)));
    drop(client);
    observer.wait_for_log(&format!("disconnect / {id} transport error"));
}

#[test]
fn an_engine_error_is_told_to_the_sockets() {
    let mut observer = Client::connect(&SERVER);
    for (packet, reason) in [("x", "parse error"), ("2", "transport error")] {
        let mut client = Client::connect(&SERVER);
        client.websocket().text(packet);
        client.expect_disconnection();
        observer.wait_for_log(&format!("disconnect / {} {reason}", client.id));
        let mut client = Client::over(&SERVER, Transport::Polling);
        client.polling().post(packet);
        observer.wait_for_log(&format!("disconnect / {} {reason}", client.id));
        client.expect_disconnection();
    }
}

#[test]
fn a_message_that_is_too_long_is_told_to_the_sockets() {
    let server = Server::with(&json!({"maxHttpBufferSize": 1000}));
    let mut observer = Client::connect(&server);
    let mut client = Client::connect(&server);
    client.emit(&json!(["message", "x".repeat(1000)]));
    assert_eq!(client.websocket().receive_close(), Some(1009));
    observer.wait_for_log(&format!("disconnect / {} transport error", client.id));
}

#[test]
fn rooms_are_still_there_while_disconnecting() {
    let mut observer = Client::connect(&SERVER);
    let mut client = Client::connect(&SERVER);
    let id = client.id.clone();
    client.call(&json!(["join", "!first"]));
    drop(client);
    let line = observer.wait_for_log(&format!("disconnecting / {id}"));
    assert_eq!(
        line,
        format!("disconnecting / {id} transport close !first,{id}")
    );
}

#[test]
fn the_log_of_a_life() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let mut client = Client::connect(&server);
    let id = client.id.clone();
    client.call(&json!(["join", "room"]));
    client.call(&json!(["join", "room"]));
    client.call(&json!(["leave", "room"]));
    client.call(&json!(["leave", "room"]));
    client.call(&json!(["join", "~other"]));
    drop(client);
    observer.wait_for_log(&format!("disconnect / {id}"));
    let of_client = |line: &String| {
        line.contains(&id) || line.contains("-room / room") || line.contains("-room / ~other")
    };
    let mut log = observer.log();
    log.retain(of_client);
    let at = |line: String| {
        let position = log.iter().position(|other| *other == line);
        position.unwrap_or_else(|| panic!("no {line:?} in {log:#?}"))
    };
    let order = |lines: &[&str]| {
        let places: Vec<_> = lines
            .iter()
            .map(|line| at(line.replace("ID", &id)))
            .collect();
        assert!(places.is_sorted(), "{lines:?} in {log:#?}");
    };
    let life = [
        "create-room / ID",
        "join-room / ID ID",
        "connection / ID",
        "create-room / room",
        "join-room / room ID",
        "leave-room / room ID",
        "delete-room / room",
        "create-room / ~other",
        "join-room / ~other ID",
        "disconnecting / ID transport close ID,~other",
        "leave-room / ID ID",
        "delete-room / ID",
        "leave-room / ~other ID",
        "delete-room / ~other",
        "disconnect / ID transport close",
    ];
    if differs(Difference::TellsRoomsOnTheirOwn) {
        let (rooms, others): (Vec<&str>, Vec<&str>) =
            life.iter().partition(|line| line.contains("-room"));
        order(&rooms);
        order(&others);
    } else {
        order(&life);
    }
    // Joining or leaving a room a second time causes no event.
    assert_eq!(log.len(), 15, "{log:#?}");
}

#[test]
fn everyone_is_disconnected() {
    for close in [false, true] {
        let server = Server::start();
        let mut clients: Vec<_> = [
            Transport::Polling,
            Transport::WebSocket,
            Transport::Polling,
            Transport::WebSocket,
        ]
        .map(|transport| Client::over(&server, transport))
        .into();
        let mut caller = clients.pop().expect("there are four");
        let all = json!({"rooms": [], "except": []});
        assert_eq!(
            caller.call(&json!(["disconnect-sockets", all, close])),
            [json!(null); 0]
        );
        for client in clients.iter_mut().chain([&mut caller]) {
            assert_eq!(client.receive_message(), Message::Text("1".into()));
            if close {
                client.expect_disconnection();
            }
        }
    }
}
