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
//! Source: Engine.IO protocol, "Upgrade". The official server takes `5` without a probe too.

use std::time::Instant;

use crate::engineio::packet::PacketType;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// No second transport.
    Idle,
    /// A WebSocket was opened and has said nothing yet.
    Opened {
        /// When it is given up.
        deadline: Instant,
    },
    /// The probe was answered; polls return at once.
    Probing {
        /// When it is given up.
        deadline: Instant,
    },
    /// The session was upgraded, or never needed to be.
    Done,
}

/// What a packet on the second transport leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Answer the probe.
    Probe,
    /// The second transport becomes the session's.
    Complete,
    /// Close the second transport; polling goes on.
    GiveUp,
    /// There is no second transport that it could come from.
    Ignore,
}

impl Upgrade {
    /// Whether a second transport exists.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Opened { .. } | Self::Probing { .. })
    }

    /// Whether polls should return at once.
    pub fn is_probing(self) -> bool {
        matches!(self, Self::Probing { .. })
    }

    /// A text packet came in on the second transport.
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
            // A request that was on its way when the session moved, or the last words of a failed attempt.
            (Self::Idle | Self::Done, _) => Step::Ignore,
        }
    }

    /// When the attempt is given up.
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
