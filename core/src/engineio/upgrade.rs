//! The upgrade from polling to WebSocket, as the second transport sees it.
//!
//! ```text
//!                WebSocket opened            `2probe` → answer `3probe`,
//!                with the session's sid      waiting polls return with `6`
//!   ┌──────┐ ─────────────────────▶ ┌────────┐ ─────────────────▶ ┌─────────┐
//!   │ Idle │                        │ Opened │                    │ Probing │
//!   └──────┘ ◀───────────────────── └────────┘                    └─────────┘
//!      ▲       any other packet, closed, or     │ `5`                  │ `5`
//!      │       the timeout: the WebSocket is    ▼                      ▼
//!      │       closed, polling goes on       ┌─────────────────────────────┐
//!      └──────────────────────────────────── │ Done: WebSocket is current  │
//!                                            └─────────────────────────────┘
//! ```
//! Source: Engine.IO protocol, "Upgrade". The official server also accepts `5` without a probe.

use std::time::Instant;

use crate::engineio::packet::PacketType;

/// The state of the upgrade of a session, as drawn above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// The session has one transport.
    Idle,
    /// A WebSocket is open and has sent no packet.
    Opened {
        /// The deadline of the attempt.
        deadline: Instant,
    },
    /// The probe was answered. Polls are answered at once.
    Probing {
        /// The deadline of the attempt.
        deadline: Instant,
    },
    /// The session has been upgraded, or was opened on a WebSocket.
    Done,
}

/// What to do after a packet on the second transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Answer the probe.
    Probe,
    /// Make the second transport the session's.
    Complete,
    /// Close the second transport. Polling continues.
    GiveUp,
    /// Do nothing: the session has one transport.
    Ignore,
}

impl Upgrade {
    /// Whether a second transport exists.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Opened { .. } | Self::Probing { .. })
    }

    /// Whether polls are to be answered at once.
    pub fn is_probing(self) -> bool {
        matches!(self, Self::Probing { .. })
    }

    /// Handles a text packet on the second transport.
    pub fn handle_packet(&mut self, kind: PacketType, data: &[u8]) -> Step {
        match (*self, kind) {
            (Self::Opened { deadline } | Self::Probing { deadline }, PacketType::Ping)
                if data == b"probe" =>
            {
                *self = Self::Probing { deadline };
                Step::Probe
            }
            (Self::Opened { .. } | Self::Probing { .. }, PacketType::Upgrade) => {
                *self = Self::Done;
                Step::Complete
            }
            (Self::Opened { .. } | Self::Probing { .. }, _) => {
                *self = Self::Idle;
                Step::GiveUp
            }
            // A packet that was in flight when the session was upgraded, or when an attempt failed.
            (Self::Idle | Self::Done, _) => Step::Ignore,
        }
    }

    /// The deadline of the current attempt.
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Self::Opened { deadline } | Self::Probing { deadline } => Some(deadline),
            Self::Idle | Self::Done => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test needs some first moment")]
    fn start() -> Instant {
        Instant::now()
    }

    /// What can happen to an upgrade: a WebSocket is opened, or a packet comes in on it.
    const HAPPENINGS: [Option<(PacketType, &[u8])>; 12] = [
        None,
        Some((PacketType::Ping, b"probe")),
        Some((PacketType::Ping, b"")),
        Some((PacketType::Ping, b"probe ")),
        Some((PacketType::Pong, b"probe")),
        Some((PacketType::Message, b"probe")),
        Some((PacketType::Open, b"")),
        Some((PacketType::Close, b"")),
        Some((PacketType::Noop, b"")),
        Some((PacketType::Upgrade, b"")),
        Some((PacketType::Upgrade, b"probe")),
        Some((PacketType::Pong, b"")),
    ];
    const DEPTH: u32 = 5;

    /// Every sequence of that length, against the rules said in another way.
    #[test]
    fn every_sequence_obeys_the_rules() {
        let deadline = start();
        for number in 0..HAPPENINGS.len().pow(DEPTH) {
            let mut upgrade = Upgrade::Idle;
            let (mut second_exists, mut completed) = (false, false);
            let mut rest = number;
            for _ in 0..DEPTH {
                let happening = HAPPENINGS[rest % HAPPENINGS.len()];
                rest /= HAPPENINGS.len();
                let Some((kind, data)) = happening else {
                    // The session opens one only when there is none.
                    if upgrade == Upgrade::Idle {
                        upgrade = Upgrade::Opened { deadline };
                        second_exists = true;
                    }
                    continue;
                };
                let was_probing = upgrade.is_probing();
                let step = upgrade.handle_packet(kind, data);
                let expected = match (second_exists, kind, data) {
                    (false, ..) => Step::Ignore,
                    (true, PacketType::Ping, b"probe") => Step::Probe,
                    (true, PacketType::Upgrade, _) => Step::Complete,
                    (true, ..) => Step::GiveUp,
                };
                assert_eq!(step, expected, "sequence {number}");
                assert!(
                    !(completed && step == Step::Complete),
                    "there is one upgrade"
                );
                completed |= step == Step::Complete;
                second_exists &= step == Step::Probe;
                assert_eq!(upgrade.is_active(), second_exists);
                assert_eq!(upgrade.deadline(), second_exists.then_some(deadline));
                assert_eq!(upgrade == Upgrade::Done, completed);
                assert_eq!(
                    upgrade.is_probing(),
                    step == Step::Probe || (was_probing && second_exists)
                );
            }
        }
    }
}
