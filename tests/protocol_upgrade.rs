//! The upgrade from polling to WebSocket: probe, release of the poll, switch and
//! every failure. No message is lost, duplicated or reordered.

use std::sync::LazyLock;
use std::time::Duration;

use conformance::polling::settle;
use conformance::raw::{log, reason_of};
use conformance::{
    Client, Difference, Frame, Opcode, Polling, Server, Transport, WebSocket, differs,
};
use serde_json::{Value, json};

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::raw(&json!({})));

const WRONG_TRANSPORT: &str = r#"{"code":3,"message":"Bad request"}"#;

/// A polling session with a WebSocket that has sent its probe.
fn probed(server: &Server) -> (Polling, WebSocket) {
    let polling = Polling::connect(server);
    let mut websocket = WebSocket::upgrade(server, &polling.sid);
    websocket.text("2probe");
    assert_eq!(websocket.receive_text(), "3probe");
    (polling, websocket)
}

/// Polls until a packet other than noop arrives.
fn poll_past_releases(polling: &mut Polling) -> Vec<String> {
    loop {
        let packets = polling.poll();
        if packets != ["6"] {
            return packets;
        }
    }
}

#[track_caller]
fn check_on_polling(polling: &mut Polling) {
    polling.post("4still polling");
    assert_eq!(poll_past_releases(polling), ["4still polling"]);
}

#[track_caller]
fn check_on_websocket(websocket: &mut WebSocket) {
    websocket.text("4on websocket");
    let mut text = websocket.receive_text();
    while text == "2" {
        text = websocket.receive_text();
    }
    assert_eq!(text, "4on websocket");
}

// The normal order.

#[test]
fn upgrade_with_a_waiting_poll() {
    let mut polling = Polling::connect(&SERVER);
    polling.start_poll();
    let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
    websocket.text("2probe");
    assert_eq!(websocket.receive_text(), "3probe");
    assert_eq!(polling.finish_poll(), ["6"]);
    websocket.text("5");
    check_on_websocket(&mut websocket);
    let response = polling.poll_response();
    assert_eq!((response.status, response.text()), (400, WRONG_TRANSPORT));
    let response = polling.post_response("4hello");
    assert_eq!((response.status, response.text()), (400, WRONG_TRANSPORT));
    check_on_websocket(&mut websocket);
    let line = format!("upgrade {} websocket", polling.sid);
    assert!(log(&SERVER).contains(&line));
}

#[test]
fn a_waiting_poll_is_released_at_once() {
    let mut polling = Polling::connect(&SERVER);
    polling.wait_in_poll();
    let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
    websocket.text("2probe");
    assert_eq!(websocket.receive_text(), "3probe");
    polling.post("4hello");
    let packets = polling.finish_poll();
    if differs(Difference::ReleasesPollAtOnce) {
        assert_eq!(packets, ["6"]);
    } else {
        // The message releases the poll, unless it comes late.
        assert!(packets == ["4hello"] || packets == ["6"], "{packets:?}");
    }
}

#[test]
fn upgrade_without_a_waiting_poll() {
    let (polling, mut websocket) = probed(&SERVER);
    websocket.text("5");
    check_on_websocket(&mut websocket);
    websocket.close();
    assert_eq!(reason_of(&SERVER, &polling.sid), "transport close");
}

#[test]
fn every_poll_during_the_upgrade_is_released() {
    let (mut polling, mut websocket) = probed(&SERVER);
    for _ in 0..3 {
        assert_eq!(polling.poll(), ["6"]);
    }
    websocket.text("5");
    check_on_websocket(&mut websocket);
}

#[test]
fn a_poll_is_not_released_before_the_probe() {
    let mut polling = Polling::connect(&SERVER);
    polling.start_poll();
    let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
    assert!(
        polling
            .get_connection()
            .wire()
            .is_silent_for(Duration::from_millis(250))
    );
    websocket.text("2probe");
    assert_eq!(polling.finish_poll(), ["6"]);
}

#[test]
fn a_poll_that_waits_during_the_switch_is_answered() {
    for _ in 0..10 {
        let (mut polling, mut websocket) = probed(&SERVER);
        polling.start_poll();
        // The server sees the poll before the switch, and may release it already.
        settle(SERVER.endpoint());
        websocket.text("5");
        let packets = polling.finish_poll();
        // The poll gets a noop, or an error because the session has upgraded: both are correct.
        assert!(packets == ["6"] || packets == ["1"], "{packets:?}");
        check_on_websocket(&mut websocket);
    }
}

#[test]
fn a_poll_does_not_overtake_the_switch() {
    for _ in 0..50 {
        let mut polling = Polling::connect(&SERVER);
        let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
        let mut frames = Frame::new(Opcode::Text, *b"2probe").encode();
        frames.extend(Frame::new(Opcode::Text, *b"5").encode());
        websocket.wire().write(&frames);
        let response = polling.poll_response();
        assert_eq!((response.status, response.text()), (400, WRONG_TRANSPORT));
        assert_eq!(websocket.receive_text(), "3probe");
        check_on_websocket(&mut websocket);
    }
}

#[test]
fn the_probe_may_be_left_out() {
    let polling = Polling::connect(&SERVER);
    let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
    websocket.text("5");
    check_on_websocket(&mut websocket);
}

#[test]
fn packets_may_come_right_behind_the_upgrade() {
    let (_polling, mut websocket) = probed(&SERVER);
    let mut bytes = Frame::new(Opcode::Text, "5").encode();
    bytes.extend(Frame::new(Opcode::Text, "4a").encode());
    bytes.extend(Frame::new(Opcode::Binary, [1]).encode());
    websocket.wire().write(&bytes);
    assert_eq!(websocket.receive_text(), "4a");
    assert_eq!(websocket.receive_binary(), [1]);
}

#[test]
fn what_no_poll_has_fetched_comes_by_websocket() {
    let (mut polling, mut websocket) = probed(&SERVER);
    polling.post("4a\x1ebAQID\x1e4b");
    polling.post("4c");
    websocket.text("5");
    assert_eq!(websocket.receive_text(), "4a");
    assert_eq!(websocket.receive_binary(), [1, 2, 3]);
    assert_eq!(websocket.receive_text(), "4b");
    assert_eq!(websocket.receive_text(), "4c");
    check_on_websocket(&mut websocket);
}

#[test]
fn messages_are_taken_and_given_while_probing() {
    let (mut polling, mut websocket) = probed(&SERVER);
    for i in 0..5 {
        let message = format!("4{i}");
        polling.post(&message);
        assert_eq!(poll_past_releases(&mut polling), [message]);
    }
    websocket.text("5");
    check_on_websocket(&mut websocket);
}

#[test]
fn a_socket_tells_its_transport() {
    let server = Server::start();
    let mut client = Client::over(&server, Transport::Polling);
    assert_eq!(client.call(&json!(["transport"])), [json!("polling")]);
    let id = client.id.clone();
    let sid = client.sid.clone();
    let mut websocket = WebSocket::upgrade(&server, &sid);
    websocket.text("2probe");
    assert_eq!(websocket.receive_text(), "3probe");
    websocket.text("5");
    websocket.text(r#"427["transport"]"#);
    assert_eq!(websocket.receive_text(), r#"437["websocket"]"#);
    websocket.text(r#"428["log"]"#);
    let log = websocket.receive_text();
    assert!(log.contains(&format!("upgrade {id} websocket")), "{log}");
}

#[test]
fn the_heartbeat_goes_on_during_and_after() {
    let server = Server::raw(&json!({"pingInterval": 150, "pingTimeout": 20_000}));
    let mut polling = Polling::connect(&server);
    let mut websocket = WebSocket::upgrade(&server, &polling.sid);
    websocket.text("2probe");
    assert_eq!(websocket.receive_text(), "3probe");
    let mut pings = 0;
    while pings < 3 {
        let packets = polling.poll();
        for packet in packets {
            match packet.as_str() {
                "2" => {
                    pings += 1;
                    polling.post("3");
                }
                other => assert_eq!(other, "6"),
            }
        }
    }
    websocket.text("5");
    for _ in 0..3 {
        assert_eq!(websocket.receive_text(), "2");
        websocket.text("3");
    }
    check_on_websocket(&mut websocket);
}

// A second one.

#[test]
fn a_second_upgrade_meanwhile_is_closed() {
    let (polling, mut websocket) = probed(&SERVER);
    let mut second = WebSocket::upgrade(&SERVER, &polling.sid);
    assert_eq!(second.receive_close(), None);
    websocket.text("5");
    check_on_websocket(&mut websocket);
}

#[test]
fn a_second_upgrade_afterwards_is_closed() {
    let (polling, mut websocket) = probed(&SERVER);
    websocket.text("5");
    check_on_websocket(&mut websocket);
    let mut second = WebSocket::upgrade(&SERVER, &polling.sid);
    assert_eq!(second.receive_close(), None);
    check_on_websocket(&mut websocket);
}

#[test]
fn an_upgrade_can_be_tried_again() {
    let mut polling = Polling::connect(&SERVER);
    for _ in 0..3 {
        let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
        websocket.text("2probe");
        assert_eq!(websocket.receive_text(), "3probe");
        websocket.close();
        check_on_polling(&mut polling);
    }
    let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
    websocket.text("2probe");
    assert_eq!(websocket.receive_text(), "3probe");
    websocket.text("5");
    check_on_websocket(&mut websocket);
}

// Failures.

#[test]
fn anything_but_probe_and_upgrade_fails_the_upgrade() {
    for packet in [
        "2", "2abc", "3", "3probe", "4hello", "6", "0", "1", "x", "", "22probe",
    ] {
        let mut polling = Polling::connect(&SERVER);
        let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
        websocket.text(packet);
        assert_eq!(websocket.receive_close(), None, "{packet:?}");
        check_on_polling(&mut polling);
    }
    let mut polling = Polling::connect(&SERVER);
    let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
    websocket.binary(b"2probe");
    assert_eq!(websocket.receive_close(), None);
    check_on_polling(&mut polling);
}

#[test]
fn a_message_instead_of_the_upgrade_fails_it() {
    for packet in ["4hello", "3", "6", "1"] {
        let (mut polling, mut websocket) = probed(&SERVER);
        websocket.text(packet);
        assert_eq!(websocket.receive_close(), None, "{packet:?}");
        check_on_polling(&mut polling);
    }
}

#[test]
fn an_abandoned_upgrade_leaves_the_session_on_polling() {
    for end in ["close frame", "end of file", "reset"] {
        for with_probe in [false, true] {
            let mut polling = Polling::connect(&SERVER);
            let mut websocket = WebSocket::upgrade(&SERVER, &polling.sid);
            if with_probe {
                websocket.text("2probe");
                assert_eq!(websocket.receive_text(), "3probe");
            }
            match end {
                "close frame" => websocket.close(),
                "reset" => websocket.into_wire().reset(),
                _ => drop(websocket),
            }
            check_on_polling(&mut polling);
        }
    }
}

#[test]
fn a_frame_against_the_rules_fails_the_upgrade_only() {
    let (mut polling, mut websocket) = probed(&SERVER);
    websocket.send(&Frame {
        reserved: 4,
        ..Frame::new(Opcode::Text, "5")
    });
    // The close code is that of the official server; the test is about the session.
    assert!(matches!(websocket.receive_close(), Some(1002) | None));
    check_on_polling(&mut polling);
    let (mut polling, mut websocket) = probed(&SERVER);
    websocket.send(&Frame {
        masked: false,
        ..Frame::new(Opcode::Text, "5")
    });
    assert!(matches!(websocket.receive_close(), Some(1002) | None));
    check_on_polling(&mut polling);
}

#[test]
fn an_upgrade_that_is_not_finished_in_time_is_closed() {
    let server = Server::raw(&json!({"upgradeTimeout": 2000}));
    let mut polling = Polling::connect(&server);
    for with_probe in [false, true] {
        let mut websocket = WebSocket::upgrade(&server, &polling.sid);
        if with_probe {
            websocket.text("2probe");
            assert_eq!(websocket.receive_text(), "3probe");
        }
        assert_eq!(websocket.receive_close(), None);
        check_on_polling(&mut polling);
    }
    let mut websocket = WebSocket::upgrade(&server, &polling.sid);
    websocket.text("2probe");
    assert_eq!(websocket.receive_text(), "3probe");
    websocket.text("5");
    assert!(websocket.wire().is_silent_for(Duration::from_millis(2500)));
    check_on_websocket(&mut websocket);
}

#[test]
fn polls_wait_again_after_a_failed_upgrade() {
    let (mut polling, websocket) = probed(&SERVER);
    websocket.close();
    check_on_polling(&mut polling);
    polling.wait_in_poll();
    polling.post("4a");
    assert_eq!(polling.finish_poll(), ["4a"]);
}

// The session ends during the upgrade.

#[test]
fn a_session_that_ends_takes_the_new_transport_along() {
    for packet in ["1", "x", "2"] {
        let (mut polling, mut websocket) = probed(&SERVER);
        polling.post(packet);
        assert_eq!(websocket.receive_close(), None, "{packet:?}");
        assert_eq!(polling.poll_response().status, 400);
    }
}

#[test]
fn a_session_that_times_out_takes_the_new_transport_along() {
    let server = Server::raw(&json!({"pingInterval": 500, "pingTimeout": 1500}));
    let (polling, mut websocket) = probed(&server);
    assert_eq!(websocket.receive_close(), None);
    assert_eq!(reason_of(&server, &polling.sid), "ping timeout");
}

#[test]
fn the_server_closes_during_the_upgrade() {
    let (mut polling, mut websocket) = probed(&SERVER);
    polling.post("4close");
    websocket.text("5");
    assert_eq!(websocket.receive_close(), None);
    assert_eq!(reason_of(&SERVER, &polling.sid), "forced close");
}

#[test]
fn the_server_closes_a_poll_during_the_upgrade() {
    let (mut polling, mut websocket) = probed(&SERVER);
    polling.start_poll();
    polling.post("4close");
    let mut packets = polling.finish_poll();
    while packets.last().is_some_and(|packet| packet != "1") {
        packets = polling.poll();
    }
    assert_eq!(websocket.receive_close(), None);
    assert_eq!(reason_of(&SERVER, &polling.sid), "forced close");
}

#[test]
fn an_upgraded_session_ends_with_its_websocket() {
    let (polling, mut websocket) = probed(&SERVER);
    websocket.text("5");
    check_on_websocket(&mut websocket);
    drop(websocket);
    assert_eq!(reason_of(&SERVER, &polling.sid), "transport close");
}

#[test]
fn upgrading_a_websocket_session_does_not_disturb_it() {
    let mut first = WebSocket::connect(&SERVER);
    let sid = first.receive_open();
    let second = WebSocket::attempt(
        SERVER.endpoint(),
        &format!("EIO=4&transport=websocket&sid={sid}"),
        &[],
    );
    check_on_websocket(&mut first);
    drop(second);
    check_on_websocket(&mut first);
}

#[test]
fn a_post_that_is_under_way_does_not_break_the_upgrade() {
    let (polling, mut websocket) = probed(&SERVER);
    let mut http = polling.begin_post(5, "4he");
    assert!(http.wire().is_silent_for(Duration::from_millis(50)));
    settle(SERVER.endpoint());
    websocket.text("5");
    check_on_websocket(&mut websocket);
    drop(http);
    check_on_websocket(&mut websocket);
}

// No message is lost, duplicated or reordered.

/// A client upgrades while numbered messages go both ways, before and after the
/// switch, and while another client sends it numbered events.
fn run_sequence(server: &Server, seed: usize) {
    let mut receiver = Client::over(server, Transport::Polling);
    let room = format!("room {seed}");
    receiver.call(&json!(["join", room]));
    let mut sender = Client::connect(server);
    let send = |sender: &mut Client, from: usize, to: usize| {
        for i in from..to {
            let target = json!({"rooms": [room], "except": [], "self": true, "volatile": false});
            sender.emit(&json!(["broadcast", target, i]));
        }
    };
    let mut events = Vec::new();
    let mut echoes = Vec::new();
    let mut collect = |packets: &[String]| {
        for packet in packets {
            if packet == "6" {
                continue;
            }
            let Some(json) = packet.strip_prefix("42") else {
                panic!("packet {packet:?}")
            };
            let event: Value = serde_json::from_str(json).expect("an event");
            let number = event[1].as_u64().expect("a number") as usize;
            if event[0] == "broadcast" {
                events.push(number)
            } else {
                echoes.push(number)
            }
        }
    };
    // The seed decides between which messages each step of the upgrade happens.
    let pause =
        |step: usize| std::thread::sleep(Duration::from_millis((seed * step % 7) as u64 * 3));
    send(&mut sender, 0, 20);
    let sid = receiver.sid.clone();
    let polling = receiver.polling();
    polling.post(r#"42["message",0]"#);
    if seed & 1 == 0 {
        collect(&polling.poll());
    }
    let mut websocket = WebSocket::upgrade(server, &sid);
    send(&mut sender, 20, 40);
    if seed & 2 == 0 {
        polling.start_poll();
    }
    websocket.text("2probe");
    polling.post("42[\"message\",1]\x1e42[\"message\",2]");
    pause(1);
    assert_eq!(websocket.receive_text(), "3probe");
    send(&mut sender, 40, 60);
    if seed & 2 == 0 {
        collect(&polling.finish_poll());
    }
    if seed & 4 == 0 {
        collect(&polling.poll());
    }
    polling.post(r#"42["message",3]"#);
    pause(2);
    let mut bytes = Frame::new(Opcode::Text, "5").encode();
    bytes.extend(Frame::new(Opcode::Text, r#"42["message",4]"#).encode());
    websocket.wire().write(&bytes);
    send(&mut sender, 60, 80);
    websocket.text(r#"42["message",5]"#);
    pause(3);
    send(&mut sender, 80, 100);
    sender.call(&json!(["message-with-ack"]));
    websocket.text(r#"429["message-with-ack"]"#);
    loop {
        let packet = websocket.receive_text();
        if packet == "439[]" {
            break;
        }
        collect(&[packet]);
    }
    assert_eq!(echoes, (0..6).collect::<Vec<_>>(), "echoes, seed {seed}");
    assert_eq!(events, (0..100).collect::<Vec<_>>(), "events, seed {seed}");
}

#[test]
fn no_message_is_lost_doubled_or_overtaken() {
    let server = Server::start();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..16 {
                    run_sequence(server, worker * 16 + round);
                }
            });
        }
    });
}

#[test]
fn attachments_stay_with_their_packet() {
    let server = Server::start();
    for seed in 0..16 {
        let mut client = Client::over(&server, Transport::Polling);
        let sid = client.sid.clone();
        let polling = client.polling();
        let event = |i: usize| {
            format!("451-[\"message\",{i},{{\"_placeholder\":true,\"num\":0}}]\x1ebAQID")
        };
        polling.post(&event(0));
        let mut websocket = WebSocket::upgrade(&server, &sid);
        websocket.text("2probe");
        polling.post(&event(1));
        assert_eq!(websocket.receive_text(), "3probe");
        let mut polled = Vec::new();
        if seed % 2 == 0 {
            polled.extend(polling.poll());
        }
        polling.post(&event(2));
        if seed % 3 == 0 {
            polled.extend(polling.poll());
        }
        websocket.text("5");
        polled.retain(|packet| packet != "6");
        let mut received = polled;
        while received.len() < 6 {
            let frame = websocket.receive();
            received.push(match frame.opcode {
                Opcode::Binary => {
                    assert_eq!(frame.payload, [1, 2, 3]);
                    "bAQID".to_owned()
                }
                _ => String::from_utf8(frame.payload).expect("text"),
            });
        }
        for (i, pair) in received.chunks(2).enumerate() {
            let text = event(i).replace("message", "message-back");
            assert_eq!(pair.join("\x1e"), text, "seed {seed}");
        }
    }
}
