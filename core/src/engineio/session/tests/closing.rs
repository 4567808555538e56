//! How a session ends, as tables: what is sent before the close, and until when the close waits for a poll.

use super::stage::check;
use super::tables::{polling, websocket};
use super::*;

#[test]
fn a_waiting_poll_is_told_of_the_end() {
    polling(
        "poll
         close => answer 1; closed: forced close
         close
         send b
         flush",
    );
}

#[test]
fn buffered_packets_are_sent_before_the_close() {
    polling(
        "poll
         send a
         close => later; answer 4a
         close => later
         send dropped
         flush
         poll  => answer 6 1; closed: forced close",
    );
}

#[test]
fn without_a_poll_the_end_waits_for_one() {
    polling(
        "send a
         close  => later
         close  => later
         send dropped
         post 4dropped
         post 2
         poll   => answer 4a
         poll   => answer 6 1; closed: forced close
         poll   => unknown",
    );
    polling(
        "close => later
         poll  => answer 6 1; closed: forced close",
    );
}

#[test]
fn the_wait_for_the_last_poll_has_an_end() {
    polling(
        "close      => later
         wait 29999
         wait 1     => closed: forced close
         wait 60000",
    );
}

#[test]
fn what_was_answered_last_gives_the_client_time_to_come_again() {
    polling(
        "send a
         close      => later
         wait 29999
         poll       => answer 4a
         wait 29999
         wait 1     => closed: forced close
         poll       => unknown",
    );
}

#[test]
fn a_poll_that_comes_too_late_finds_no_session() {
    polling(
        "wait 25000
         wait 20000 => closed: ping timeout
         poll       => unknown",
    );
}

#[test]
fn while_closing_the_client_may_leave_first() {
    polling(
        "close  => later
         post 1 => closed: transport close",
    );
    polling(
        "close       => later
         post x      => closed: parse error",
    );
    polling(
        "close       => later
         request-lost   => closed: transport error",
    );
    polling(
        "close       => later
         abort       => closed: server shutting down
         abort",
    );
}

#[test]
fn an_abort_does_not_wait() {
    polling("send dropped\nabort => closed: server shutting down");
    polling("poll\nabort => answer 1; closed: server shutting down");
    websocket("send a => send 4a\nabort => close websocket; closed: server shutting down");
}

#[test]
fn a_websocket_closes_after_what_was_sent() {
    let session = check(
        TransportKind::WebSocket,
        "greet            => send 0{}
         send a           => send 4a
         frame 4b         => deliver
         close            => close websocket; closed: forced close
         close
         send c
         frame 4d
         frame 1
         websocket-closed
         frame-broken
         wait 100000",
    );
    assert!(session.is_closed() && !session.is_open() && session.poll_timeout().is_none());
}

#[test]
fn a_websocket_is_closed_by_its_client() {
    websocket("websocket-closed => close websocket; closed: transport close");
    websocket("frame-broken => close websocket; closed: transport error");
    websocket("frame 1\nframe 6\nframe 5\nframe 0\nframe 4a => deliver");
}

#[test]
fn a_websocket_session_takes_no_second_one() {
    websocket("second => unwanted");
    polling("close => later\nsecond => unwanted");
    polling("abort => closed: server shutting down\nsecond => unwanted");
}
