//! The types of option values that are enums or sets.

use std::fmt;

/// Where the host's callbacks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Delivery {
    /// On a pool of threads; callbacks may block.
    #[default]
    Threads = 0,
    /// On the host's thread that polls.
    Polled = 1,
    /// On the engine's I/O threads; callbacks must not block.
    Inline = 2,
}

impl Delivery {
    pub(super) const NAMES: &[&str] = &["threads", "polled", "inline"];
    pub(super) const ALL: &[Self] = &[Self::Threads, Self::Polled, Self::Inline];
}

/// What happens to a packet for a client whose send buffer is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum SendBufferPolicy {
    /// The call fails and nothing is queued.
    #[default]
    Error = 0,
    /// The packet is dropped; the call succeeds.
    Drop = 1,
    /// The client is disconnected.
    Disconnect = 2,
}

impl SendBufferPolicy {
    pub(super) const NAMES: &[&str] = &["error", "drop", "disconnect"];
    pub(super) const ALL: &[Self] = &[Self::Error, Self::Drop, Self::Disconnect];
}

/// The protocol of a server's sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Socket.IO on top of Engine.IO.
    #[default]
    SocketIo,
    /// Plain Engine.IO: messages without events, namespaces or acknowledgements.
    EngineIo,
}

impl Protocol {
    pub(super) const NAMES: &[&str] = &["socket.io", "engine.io"];
    pub(super) const ALL: &[Self] = &[Self::SocketIo, Self::EngineIo];
}

/// The transports that clients may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transports {
    /// HTTP long-polling.
    pub polling: bool,
    /// WebSocket.
    pub websocket: bool,
}

impl Transports {
    /// Both of them.
    pub const ALL: Self = Self {
        polling: true,
        websocket: true,
    };
    pub(super) const NAMES: &[&str] = &["polling", "websocket"];

    /// One bit for each transport: polling 1, websocket 2.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.polling as u64 | (self.websocket as u64) << 1
    }

    /// The set with these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            polling: bits & 1 != 0,
            websocket: bits & 2 != 0,
        }
    }
}

impl Default for Transports {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.polling, self.websocket) {
            (true, true) => "polling, websocket",
            (true, false) => "polling",
            (false, true) => "websocket",
            (false, false) => "none",
        })
    }
}
