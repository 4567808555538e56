//! The buffers of a thread. Connections borrow them while they are polled, so that an idle connection holds none.

use std::cell::Cell;

use crate::server::sessions::Asked;
use crate::socketio::link::Outgoing;
use crate::transport::Outbox;

/// The size of the read buffer in bytes: several messages of the largest common size. It is not a power of two because
/// message sizes often are: then a read would often end shortly before the end of a message, and all of that message
/// would have to be copied.
const READ: usize = 272 * 1024;

/// The buffers of one thread.
#[derive(Debug)]
pub(super) struct Scratch {
    /// Bytes read from a WebSocket.
    pub(super) buffer: Vec<u8>,
    /// Requests taken from the session's inbox.
    pub(super) requests: Vec<Asked>,
    /// Items drained from the mailbox.
    pub(super) items: Vec<Outgoing>,
    /// The bytes of these items.
    pub(super) arena: Vec<u8>,
    /// Frames to write to the session's WebSocket.
    pub(super) outbox: Outbox,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

impl Scratch {
    /// Takes the thread's buffers, or makes new ones if they are taken already.
    pub(super) fn take() -> Box<Self> {
        let kept = SCRATCH.try_with(Cell::take).ok().flatten();
        kept.unwrap_or_else(|| {
            Box::new(Self {
                buffer: vec![0; READ],
                requests: Vec::new(),
                items: Vec::new(),
                arena: Vec::new(),
                outbox: Outbox::default(),
            })
        })
    }

    /// Returns the buffers to the thread.
    pub(super) fn give_back(mut self: Box<Self>) {
        // If the stream broke, unsent bytes may be left; they must not reach the next connection.
        self.outbox.clear();
        self.requests.clear();
        self.items.clear();
        self.arena.clear();
        self.arena.shrink_to(READ);
        // Fails while the thread ends: the buffers are dropped.
        let _ = SCRATCH.try_with(|scratch| scratch.set(Some(self)));
    }
}
