//! A session with its time, driven by a script.

use super::*;
use crate::engineio::session::PollRefusal;

/// One session and its time.
pub(super) struct Stage {
    pub(super) session: Session,
    pub(super) now: Instant,
}

impl Stage {
    pub(super) fn new(transport: TransportKind) -> Self {
        let now = start();
        Self {
            session: Session::new(transport, settings(), now),
            now,
        }
    }

    /// Carries out a step. Returns the result of the call, if there is one.
    pub(super) fn step(&mut self, step: &str) -> &'static str {
        let Self { session, now } = self;
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "poll" => {
                return match session.handle_poll(*now) {
                    Ok(()) => "",
                    Err(PollRefusal::Overlap) => "refuse",
                    Err(PollRefusal::Upgraded) => "upgraded already",
                    Err(PollRefusal::Ended) => "unknown",
                };
            }
            "request-lost" => session.handle_request_lost(),
            "post" | "frame" => {
                let from = if verb == "post" {
                    TransportKind::Polling
                } else {
                    TransportKind::WebSocket
                };
                let mut text = rest.as_bytes().to_vec();
                let Ok((kind, data)) = decode_text(&mut text) else {
                    session.handle_invalid(from);
                    return "";
                };
                if session.handle_packet(from, kind, data, *now) == Verdict::Deliver {
                    assert_eq!(kind, PacketType::Message, "only messages are delivered");
                    return "deliver";
                }
            }
            "post-broken" => session.handle_error(TransportKind::Polling),
            "frame-broken" => session.handle_error(TransportKind::WebSocket),
            "second" => {
                if !session.handle_second_transport(*now) {
                    return "unwanted";
                }
            }
            "websocket-closed" => session.handle_transport_closed(TransportKind::WebSocket),
            "life" => session.handle_activity(*now),
            "reading" => session.set_reading(rest == "on", *now),
            "greet" => session.greet(vec![Packet::Open(Bytes::from_static(b"0{}"))]),
            "send" => session.send(message(rest)),
            "send-binary" => session.send(Message::Binary(Bytes::from_static(&[1, 2]))),
            "flush" => session.flush(),
            "close" => {
                if session.close(CloseReason::ForcedClose, *now) == Closing::Later {
                    return "later";
                }
            }
            "abort" => session.abort(CloseReason::ServerShuttingDown),
            "wait" => self.wait(Duration::from_millis(rest.parse().unwrap())),
            other => panic!("no such step: {other}"),
        }
        ""
    }

    /// Advances the time, and handles the deadlines as a driver does.
    pub(super) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(next) = self.session.poll_timeout().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.session.handle_timeout(self.now);
            assert!(
                self.session
                    .poll_timeout()
                    .is_none_or(|next| next > self.now),
                "what was due has been dealt with"
            );
        }
        self.now = end;
    }
}

/// Each line is `step => what it leads to`; nothing behind the arrow is nothing to do.
#[track_caller]
pub(super) fn check(transport: TransportKind, script: &str) -> Session {
    let mut stage = Stage::new(transport);
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (step, expected) = line.split_once("=>").unwrap_or((line, ""));
        let said = stage.step(step.trim());
        let outputs = std::iter::from_fn(|| stage.session.poll_output());
        let outputs: Vec<_> = (!said.is_empty())
            .then(|| said.to_owned())
            .into_iter()
            .chain(outputs.map(|output| output_text(&output)))
            .collect();
        assert_eq!(outputs.join("; "), expected.trim(), "`{line}` in\n{script}");
    }
    stage.session
}
