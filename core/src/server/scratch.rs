//! The buffers of a thread, lent to one connection after the other, so that a connection at rest holds none.

use std::cell::Cell;

use crate::server::sessions::Asked;
use crate::socketio::link::Outgoing;
use crate::transport::Outbox;

/// Bytes read at once: several of the largest messages that are common. Not a power of two, as messages often have one,
/// and a read that ends in the last bytes of one leaves all of it to be copied.
const READ: usize = 272 * 1024;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Scratch {
    /// What was read.
    pub(super) buffer: Vec<u8>,
    /// What HTTP requests have asked.
    pub(super) requests: Vec<Asked>,
    /// What came out of a mailbox.
    pub(super) items: Vec<Outgoing>,
    /// The bytes that came with it.
    pub(super) arena: Vec<u8>,
    /// What is to be written to the session's WebSocket.
    pub(super) outbox: Outbox,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

impl Scratch {
    /// Borrows the thread's buffers; made anew when they are borrowed already.
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

    /// Gives them back.
    pub(super) fn give_back(mut self: Box<Self>) {
        // Where the stream broke, words for its peer may be left: they are nobody else's.
        self.outbox.clear();
        self.requests.clear();
        self.items.clear();
        self.arena.clear();
        self.arena.shrink_to(READ);
        // At the end of a thread there is nobody to give them to.
        let _ = SCRATCH.try_with(|scratch| scratch.set(Some(self)));
    }
}
