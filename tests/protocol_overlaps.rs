//! Requests of one polling session that overlap. A session has one GET and one
//! POST at a time: a second request while one waits is an error that ends the
//! session.

use std::sync::LazyLock;
use std::time::Duration;

use conformance::polling::settle;
use conformance::raw::reason_of;
use conformance::refusal::SESSION_UNKNOWN;
use conformance::{Client, Difference, Http, Polling, Server, Transport, differs};
use serde_json::json;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::raw(&json!({})));

/// Sends this many GETs of one session without waiting for responses. Returns the
/// status and body of each response, sorted.
fn answers_to(session: &Polling, count: usize) -> Vec<(u16, String)> {
    let mut connections: Vec<_> = (0..count)
        .map(|_| Http::connect(session.endpoint()))
        .collect();
    for http in &mut connections {
        http.send("GET", &session.target(), &[], b"");
    }
    let mut answers: Vec<_> = connections
        .iter_mut()
        .map(|http| {
            let response = http.receive();
            (response.status, response.text().to_owned())
        })
        .collect();
    answers.sort();
    answers
}

#[test]
fn a_second_poll_ends_the_session() {
    let mut polling = Polling::connect(&SERVER);
    polling.wait_in_poll();
    let mut http = Http::connect(SERVER.endpoint());
    let response = http.request("GET", &polling.target(), &[], b"");
    assert_eq!((response.status, response.text()), (400, ""));
    assert_eq!(polling.finish_poll(), ["1"]);
    polling.check_gone();
    assert_eq!(reason_of(&SERVER, &polling.sid), "transport error");
}

#[test]
fn a_second_poll_at_the_same_moment_ends_the_session() {
    for _ in 0..50 {
        let polling = Polling::connect(&SERVER);
        assert_eq!(
            answers_to(&polling, 2),
            [(200, "1".to_owned()), (400, String::new())]
        );
        assert_eq!(reason_of(&SERVER, &polling.sid), "transport error");
    }
}

#[test]
fn every_poll_of_a_crowd_is_answered() {
    for _ in 0..20 {
        let polling = Polling::connect(&SERVER);
        let answers = answers_to(&polling, 5);
        assert_eq!(answers[0], (200, "1".to_owned()));
        assert_eq!(answers[1], (400, String::new()));
        // The other requests arrive after the session has ended.
        for answer in &answers[2..] {
            assert_eq!(answer, &(400, SESSION_UNKNOWN.to_owned()));
        }
        assert_eq!(reason_of(&SERVER, &polling.sid), "transport error");
    }
}

#[test]
fn a_poll_that_is_answered_at_once_does_not_overlap() {
    // The engine answers this without the host, so the answer is queued when the request has ended.
    const ASK: &str = "40/unknown,";
    const ANSWER: &str = r#"44/unknown,{"message":"Invalid namespace"}"#;
    let server = Server::start();
    for _ in 0..20 {
        let mut polling = Polling::connect(&server);
        polling.post(ASK);
        // One of the two polls gets the answer, and the other waits for the next one.
        let mut http = Http::connect(server.endpoint());
        http.send("GET", &polling.target(), &[], b"");
        polling.start_poll();
        if http.wire().is_silent_for(Duration::from_millis(50)) {
            assert_eq!(polling.finish_poll(), [ANSWER]);
            polling.post(ASK);
            assert_eq!(http.receive().text(), ANSWER);
        } else {
            assert_eq!(http.receive().text(), ANSWER);
            polling.post(ASK);
            assert_eq!(polling.finish_poll(), [ANSWER]);
        }
    }
}

#[test]
fn polls_that_come_while_a_handler_blocks() {
    let server = Server::start();
    for _ in 0..3 {
        let mut client = Client::over(&server, Transport::Polling);
        let call = client.emit_for_ack(&json!(["block", 100]));
        if differs(Difference::BlockedHandlerKeepsConnections) {
            // The engine handles both while the handler blocks, and has nothing to send.
            assert_eq!(
                answers_to(client.polling(), 2),
                [(200, "1".to_owned()), (400, String::new())]
            );
            let mut observer = Client::connect(&server);
            observer.wait_for_log(&format!("disconnect / {} transport error", client.id));
            continue;
        }
        // The engine handles both afterwards: the first gets the answer, and the other waits.
        let mut waiting = Http::connect(server.endpoint());
        let target = client.polling().target();
        waiting.send("GET", &target, &[], b"");
        client.polling().start_poll();
        let answer = format!("43{call}[]");
        let other = match waiting.wire().is_silent_for(Duration::from_millis(300)) {
            false => {
                assert_eq!(waiting.receive().text(), answer);
                client.polling().get_connection()
            }
            true => {
                assert_eq!(client.polling().finish_poll(), [answer]);
                &mut waiting
            }
        };
        let response = Http::connect(server.endpoint()).request("GET", &target, &[], b"");
        assert_eq!((response.status, response.text()), (400, ""));
        assert_eq!(other.receive().text(), "1");
    }
}

#[test]
fn a_second_post_ends_the_session() {
    let mut polling = Polling::connect(&SERVER);
    let mut http = polling.begin_post(5, "4he");
    assert!(http.wire().is_silent_for(Duration::from_millis(100)));
    settle(SERVER.endpoint());
    let response = polling.post_response("4hello");
    assert_eq!((response.status, response.text()), (400, ""));
    assert_eq!(reason_of(&SERVER, &polling.sid), "transport error");
    polling.check_gone();
}

#[test]
fn a_second_post_ends_a_waiting_poll() {
    let mut polling = Polling::connect(&SERVER);
    polling.start_poll();
    let mut http = polling.begin_post(5, "4he");
    assert!(http.wire().is_silent_for(Duration::from_millis(100)));
    settle(SERVER.endpoint());
    let response = polling.post_response("4hello");
    assert_eq!((response.status, response.text()), (400, ""));
    assert_eq!(polling.finish_poll(), ["1"]);
    assert_eq!(reason_of(&SERVER, &polling.sid), "transport error");
}

#[test]
fn requests_are_taken_in_the_order_in_which_they_came() {
    for _ in 0..100 {
        let mut polling = Polling::connect(&SERVER);
        let mut post = Http::connect(SERVER.endpoint());
        let target = polling.target();
        polling.start_poll();
        post.send("POST", &target, &[], b"1");
        assert_eq!(polling.finish_poll(), ["6"]);
        assert_eq!(post.receive().text(), "ok");
        polling.check_gone();
    }
}

#[test]
fn requests_on_new_connections_are_taken_in_the_order_in_which_they_came() {
    for _ in 0..100 {
        let polling = Polling::connect(&SERVER);
        let target = polling.target();
        let mut get = Http::connect(SERVER.endpoint());
        get.send("GET", &target, &[], b"");
        let mut post = Http::connect(SERVER.endpoint());
        post.send("POST", &target, &[], b"1");
        let response = get.receive();
        assert_eq!((response.status, response.text()), (200, "6"));
        assert_eq!(post.receive().text(), "ok");
    }
}

#[test]
fn a_post_that_follows_a_complete_one_does_not_overlap() {
    for _ in 0..100 {
        let mut polling = Polling::connect(&SERVER);
        let target = polling.target();
        let mut posts = [(); 2].map(|()| Http::connect(SERVER.endpoint()));
        posts[0].send("POST", &target, &[], b"4a");
        posts[1].send("POST", &target, &[], b"4b");
        assert_eq!(posts.each_mut().map(|post| post.receive().status), [200; 2]);
        assert_eq!(polling.collect(2), ["4a", "4b"]);
    }
}

#[test]
fn a_poll_and_a_post_do_not_overlap() {
    let mut polling = Polling::connect(&SERVER);
    for i in 0..50 {
        polling.start_poll();
        polling.post(&format!("4{i}"));
        assert_eq!(polling.finish_poll(), [format!("4{i}")]);
    }
}
