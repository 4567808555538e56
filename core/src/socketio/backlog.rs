//! The backlog of one connection: the amount of its events that wait for the host, and the task to wake when the amount
//! has shrunk.

use std::task::Waker;

use crate::stats::{Amount, Load};
use crate::sync::Lock as _;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The limit of the backlog of one connection. Events that wait for a packet middleware count too.
pub const SHARE: Amount = Amount {
    events: 1024,
    bytes: 1 << 20,
};

/// The events of one connection that wait for the host.
#[derive(Debug, Default)]
pub struct Backlog {
    load: Load,
    /// Whether a socket of the connection has joined a namespace.
    joined: AtomicBool,
    /// The limit is reached: the connection's task keeps the rest of the bytes that it has read.
    full: AtomicBool,
    /// Whether `waker` holds a waker.
    waits: AtomicBool,
    /// The waker of the connection's task. A later one replaces it.
    waker: Mutex<Option<Waker>>,
}

impl Backlog {
    /// Adds an amount. Returns the new total.
    pub fn add(&self, amount: Amount) -> Amount {
        let now = self.load.add(amount);
        if !now.is_below(SHARE) {
            self.set_full(true);
        }
        now
    }

    /// Removes an amount that the host has handled. Returns the rest.
    pub fn remove(&self, amount: Amount) -> Amount {
        self.load.remove(amount)
    }

    /// Removes an amount that the connection's own task had held back, and wakes the task if it waits.
    pub fn remove_own(&self, amount: Amount) {
        self.load.remove(amount);
        if self.waits() {
            self.wake();
        }
    }

    /// The amount that waits.
    pub fn now(&self) -> Amount {
        self.load.now()
    }

    /// The amount that waits, to be read after [`Backlog::wait`]: a thread that removes an amount later wakes the task.
    pub fn now_after_wait(&self) -> Amount {
        self.load.now_after_note()
    }

    /// Notes that the client has joined a namespace.
    pub fn set_joined(&self) {
        self.joined.store(true, Ordering::Relaxed);
    }

    /// Whether the client has ever joined a namespace.
    pub fn has_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    /// Sets whether the connection's task has to stop decoding the bytes that it has read.
    pub fn set_full(&self, full: bool) {
        if self.full.load(Ordering::Relaxed) != full {
            self.full.store(full, Ordering::Relaxed);
        }
    }

    /// Whether the connection's task has to stop decoding the bytes that it has read. It asks after every message.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Stores the waker of the connection's task. The caller must read [`Backlog::now_after_wait`] afterwards.
    pub fn wait(&self, waker: &Waker) {
        let mut kept = self.waker.locked();
        match &mut *kept {
            Some(kept) => kept.clone_from(waker),
            None => *kept = Some(waker.clone()),
        }
        self.waits.store(true, Ordering::SeqCst);
    }

    /// Whether a waker is stored.
    pub fn waits(&self) -> bool {
        self.waits.load(Ordering::SeqCst)
    }

    /// Wakes the connection's task if its waker is stored.
    pub fn wake(&self) {
        if let Some(waker) = self.take_waker() {
            waker.wake();
        }
    }

    /// Drops the waker: the connection's task has ended.
    pub fn forget_waker(&self) {
        if self.waits() {
            // A waker keeps the memory of its task.
            drop(self.take_waker());
        }
    }

    fn take_waker(&self) -> Option<Waker> {
        let mut waker = self.waker.locked();
        self.waits.store(false, Ordering::SeqCst);
        waker.take()
    }
}
