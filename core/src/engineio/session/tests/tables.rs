//! Every transition of the session, as tables: a step, and its outputs.

use super::stage::{Stage, check};
use super::*;

#[track_caller]
pub(super) fn polling(script: &str) {
    check(TransportKind::Polling, script);
}

#[track_caller]
pub(super) fn websocket(script: &str) {
    check(TransportKind::WebSocket, script);
}

// ---- polling

#[test]
fn messages_wait_for_a_poll_and_leave_together() {
    polling(
        "send a
         send-binary
         flush
         poll   => answer 4a [1, 2]
         poll
         send b
         send c
         flush  => answer 4b 4c
         flush
         poll",
    );
}

#[test]
fn posted_messages_are_delivered() {
    polling(
        "post 4a => deliver
         post 4  => deliver
         post 3
         post 0
         post 5
         post 6",
    );
}

#[test]
fn a_second_poll_ends_the_session() {
    polling(
        "send lost
         poll => answer 4lost
         poll
         poll => refuse; answer 1; closed: transport error
         poll => unknown
         post 4late",
    );
}

#[test]
fn a_lost_poll_ends_the_session() {
    polling(
        "poll
         request-lost => answer 1; closed: transport error
         poll      => unknown",
    );
}

#[test]
fn a_request_against_the_rules_ends_the_session() {
    polling("post-broken => closed: transport error");
    polling("request-lost => closed: transport error");
    polling(
        "poll
         post-broken => answer 1; closed: transport error",
    );
}

#[test]
fn what_is_no_packet_ends_the_session() {
    polling("post 7 => closed: parse error");
    polling(
        "poll
         post x => answer 1; closed: parse error
         post x",
    );
    websocket("frame x => close websocket; closed: parse error");
}

#[test]
fn a_ping_of_the_client_belongs_to_another_revision() {
    polling("post 2 => closed: transport error");
    websocket("frame 2 => close websocket; closed: transport error");
}

#[test]
fn the_client_closes() {
    polling("post 1 => closed: transport close");
    polling(
        "send lost
         poll   => answer 4lost
         poll
         send dropped
         post 1 => answer 6; closed: transport close
         poll   => unknown",
    );
}

// ---- heartbeat

#[test]
fn a_silent_client_is_pinged_once_and_then_given_up() {
    websocket(
        "wait 24999
         wait 1     => send 2
         wait 19999
         wait 1     => close websocket; closed: ping timeout",
    );
    polling(
        "poll
         wait 25000 => answer 2
         poll
         wait 44999 => ",
    );
    polling(
        "poll
         wait 25000 => answer 2
         poll
         wait 45000 => answer 1; closed: ping timeout",
    );
}

#[test]
fn a_ping_waits_for_a_poll_like_a_message() {
    polling(
        "send a
         wait 25000
         poll => answer 4a 2",
    );
}

#[test]
fn a_pong_starts_the_next_interval() {
    let mut stage = Stage::new(TransportKind::WebSocket);
    stage.wait(Duration::from_millis(25_000));
    assert_eq!(
        stage.session.poll_output(),
        Some(Output::Send(Packet::Ping))
    );
    stage.now += Duration::from_millis(40);
    stage.step("frame 3");
    assert_eq!(
        stage.session.take_round_trip(),
        Some(Duration::from_millis(40))
    );
    assert_eq!(stage.session.take_round_trip(), None);
    assert_eq!(
        stage.session.poll_timeout(),
        Some(stage.now + Duration::from_secs(25))
    );
    websocket(
        "wait 25000 => send 2
         frame 3
         wait 24999
         wait 1     => send 2
         frame 3
         frame 3
         wait 25000 => send 2",
    );
}

#[test]
fn any_byte_is_a_sign_of_life() {
    websocket(
        "wait 40000 => send 2
         life
         wait 44999
         wait 1     => close websocket; closed: ping timeout",
    );
    polling(
        "wait 40000
         poll       => answer 2
         wait 44999
         wait 1     => closed: ping timeout",
    );
    polling(
        "wait 40000
         second
         frame 2probe => answer probe
         wait 4999
         frame 5      => upgraded; send 2
         wait 44999
         wait 1       => close websocket; closed: ping timeout",
    );
}

#[test]
fn a_session_does_not_time_out_while_the_server_does_not_read() {
    websocket(
        "reading off
         wait 75000  => send 2; send 2; send 2
         reading on
         wait 44999
         wait 1      => close websocket; closed: ping timeout",
    );
}

// ---- upgrade

#[test]
fn the_official_upgrade() {
    let session = check(
        TransportKind::Polling,
        "poll
         second
         frame 2probe => answer probe; answer 6
         post 4a      => deliver
         send b
         frame 5      => upgraded; send 4b
         send c       => send 4c
         frame 4d     => deliver
         frame 3
         wait 10000
         close        => close websocket; closed: forced close",
    );
    assert_eq!(session.transport(), TransportKind::WebSocket);
}

#[test]
fn a_poll_returns_at_once_while_probing() {
    polling(
        "second
         poll
         send a
         flush        => answer 4a
         frame 2probe => answer probe
         poll         => answer 6
         send b
         poll         => answer 4b
         poll         => answer 6
         frame 2probe => answer probe
         frame 5      => upgraded",
    );
}

#[test]
fn what_was_sent_and_not_flushed_goes_with_the_noop() {
    polling(
        "poll
         second
         send a
         frame 2probe => answer probe; answer 4a 6",
    );
}

#[test]
fn an_upgrade_without_a_probe_is_taken() {
    polling(
        "poll
         send a
         second
         frame 5 => answer 6; upgraded; send 4a",
    );
}

#[test]
fn an_attempt_that_fails_costs_the_session_nothing() {
    for failure in [
        "frame 2",
        "frame 2x",
        "frame 3probe",
        "frame 4a",
        "frame 0",
        "frame 1",
        "frame 6",
        "frame x",
        "frame-broken",
        "websocket-closed",
        "wait 10000",
    ] {
        for probe in ["", "frame 2probe => answer probe"] {
            polling(&format!(
                "second
                 {probe}
                 {failure}    => close probe
                 send a
                 poll         => answer 4a
                 poll
                 post 4b      => deliver
                 second
                 frame 2probe => answer probe; answer 6
                 frame 5      => upgraded
                 send c       => send 4c"
            ));
        }
    }
}

#[test]
fn an_attempt_has_ten_seconds_from_its_start() {
    polling(
        "second
         wait 9999
         frame 2probe => answer probe
         wait 1       => close probe
         wait 14999
         poll
         wait 1       => answer 2",
    );
}

#[test]
fn there_is_one_attempt_at_a_time() {
    polling(
        "second
         second       => unwanted
         frame 2probe => answer probe
         second       => unwanted
         frame 5      => upgraded
         second       => unwanted",
    );
}

#[test]
fn the_end_of_the_session_ends_the_attempt() {
    for (end, expected) in [
        ("abort", "close probe; closed: server shutting down"),
        ("post 1", "close probe; closed: transport close"),
        ("post x", "close probe; closed: parse error"),
        ("request-lost", "close probe; closed: transport error"),
    ] {
        for probe in ["", "frame 2probe => answer probe"] {
            polling(&format!(
                "second
                 {probe}
                 {end} => {expected}
                 frame 2probe
                 frame 5"
            ));
        }
    }
    polling(
        "poll
         second
         close => answer 1; close probe; closed: forced close",
    );
}

#[test]
fn an_upgrade_may_carry_the_close() {
    polling(
        "second
         frame 2probe => answer probe
         close        => later
         frame 5      => upgraded; close websocket; closed: forced close
         frame 4a",
    );
    polling(
        "second
         send a
         close        => later
         send dropped
         frame 2probe => answer probe
         frame 5      => upgraded; send 4a; close websocket; closed: forced close",
    );
    polling(
        "second
         close   => later
         frame 6 => close probe
         poll    => answer 6 1; closed: forced close",
    );
    polling(
        "second
         close => later
         poll  => answer 6 1; close probe; closed: forced close",
    );
    polling(
        "second
         close      => later
         wait 10000 => close probe
         second     => unwanted
         wait 20000 => closed: forced close",
    );
}

#[test]
fn a_poll_after_the_upgrade_is_refused() {
    polling(
        "second
         frame 5 => upgraded
         poll    => upgraded already
         poll    => upgraded already
         close   => close websocket; closed: forced close
         poll    => unknown",
    );
}

#[test]
fn what_is_posted_after_the_upgrade_changes_nothing() {
    for late in [
        "post 4a      => deliver",
        "post 5",
        "post 1",
        "post x",
        "post-broken",
        "request-lost",
    ] {
        polling(&format!(
            "second
             frame 5  => upgraded
             {late}
             second   => unwanted
             frame 4b => deliver
             send c   => send 4c"
        ));
    }
}

// ---- what others ask of it

#[test]
fn a_session_is_writable_when_a_message_would_leave_at_once() {
    let mut stage = Stage::new(TransportKind::Polling);
    let mut writable = |step: &str| {
        stage.step(step);
        while stage.session.poll_output().is_some() {}
        stage.session.is_writable()
    };
    for (step, expected) in [
        ("life", false),
        ("poll", true),
        ("send a", true),
        ("flush", false),
        ("second", false),
        ("frame 5", true),
        ("close", false),
    ] {
        assert_eq!(writable(step), expected, "after `{step}`");
    }
}

#[test]
fn only_what_waits_for_a_poll_is_buffered() {
    let mut stage = Stage::new(TransportKind::Polling);
    for (step, expected) in [
        ("send abc", 4),
        ("send-binary", 6),
        ("poll", 0),
        ("send abc", 4),
        ("second", 4),
        ("frame 5", 0),
        ("send abc", 0),
    ] {
        stage.step(step);
        assert_eq!(stage.session.buffered_bytes(), expected, "after `{step}`");
    }
}

#[test]
fn messages_go_past_the_session_only_when_nothing_is_before_them() {
    let mut stage = Stage::new(TransportKind::Polling);
    stage.step("send a");
    stage.step("second");
    assert!(!stage.session.is_direct());
    stage.step("frame 5");
    assert!(!stage.session.is_direct(), "the buffered message is first");
    while stage.session.poll_output().is_some() {}
    assert!(stage.session.is_direct());
    stage.step("close");
    assert!(!stage.session.is_direct());
}
