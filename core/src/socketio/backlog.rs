//! The backlog of one connection: what of it waits for the host, and the task that is to be woken when less does.

use std::sync::PoisonError;
use std::task::Waker;

use crate::stats::{Amount, Load};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The most that may wait of one connection: events, those too that wait for a packet middleware.
pub const SHARE: Amount = Amount {
    events: 1024,
    bytes: 1 << 20,
};

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Backlog {
    load: Load,
    /// A socket of it has joined a namespace.
    joined: AtomicBool,
    /// The limit was reached: the rest of what was read is kept for later.
    full: AtomicBool,
    /// There is a waker.
    waits: AtomicBool,
    /// A connection is one task, so one waker is enough: a later one replaces it.
    waker: Mutex<Option<Waker>>,
}

impl Backlog {
    /// More waits; how much does now.
    pub fn add(&self, amount: Amount) -> Amount {
        let now = self.load.add(amount);
        if !now.is_below(SHARE) {
            self.set_full(true);
        }
        now
    }

    /// So much was dealt with; what is left.
    pub fn remove(&self, amount: Amount) -> Amount {
        self.load.remove(amount)
    }

    /// The same, for what the connection's own task kept back.
    pub fn remove_own(&self, amount: Amount) {
        self.load.remove(amount);
        if self.waits() {
            self.wake();
        }
    }

    /// What waits now.
    pub fn now(&self) -> Amount {
        self.load.now()
    }

    /// The same, after [`Backlog::wait`]: whoever makes room after this look wakes the task.
    pub fn now_after_wait(&self) -> Amount {
        self.load.now_after_note()
    }

    /// Notes that its client has joined a namespace.
    pub fn set_joined(&self) {
        self.joined.store(true, Ordering::Relaxed);
    }

    /// Whether its client has ever been in a namespace.
    pub fn has_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    /// Says whether more may be taken out of what was read.
    pub fn set_full(&self, full: bool) {
        if self.full.load(Ordering::Relaxed) != full {
            self.full.store(full, Ordering::Relaxed);
        }
    }

    /// Whether nothing more should be taken out of what was read. It is asked after every message.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Leaves the waker of the connection's task. Whoever does looks again afterwards.
    pub fn wait(&self, waker: &Waker) {
        let mut kept = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *kept {
            Some(kept) => kept.clone_from(waker),
            None => *kept = Some(waker.clone()),
        }
        self.waits.store(true, Ordering::SeqCst);
    }

    /// Whether a waker was left.
    pub fn waits(&self) -> bool {
        self.waits.load(Ordering::SeqCst)
    }

    /// Wakes the connection's task, if it left a waker.
    pub fn wake(&self) {
        if let Some(waker) = self.take_waker() {
            waker.wake();
        }
    }

    /// The connection's task has ended.
    pub fn forget_waker(&self) {
        if self.waits() {
            // Its memory stays for as long as somebody can wake it.
            drop(self.take_waker());
        }
    }

    fn take_waker(&self) -> Option<Waker> {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        self.waits.store(false, Ordering::SeqCst);
        waker.take()
    }
}
