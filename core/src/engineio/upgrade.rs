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
            _ => {
                *self = Self::Idle;
                Step::GiveUp
            }
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
