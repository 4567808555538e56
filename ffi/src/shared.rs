//! The state of this crate that belongs to a server.
//!
//! It does not own the engine, so that namespaces, sockets and listeners can own it without a cycle.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bellwire_core::config::{Delivery, Protocol};
use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::host::Queue;
use bellwire_core::socketio::event::{Hook, Hooks};

use crate::clock::clocks;
use crate::closure::DeferredDrops;
use crate::error::Result;
use crate::listeners::ListenerSet;
use crate::thread::Thread;

/// A time that is later than any deadline.
const FAR_AWAY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The state of a server, which its namespaces, sockets and listeners share.
#[derive(Debug)]
pub(crate) struct Shared {
    id: AtomicU64,
    delivery: Delivery,
    pub(crate) protocol: Protocol,
    /// Listeners on the server itself.
    pub(crate) listeners: ListenerSet,
    pub(crate) deferred_drops: DeferredDrops,
    queue: Mutex<Weak<Queue>>,
    /// The handles of operations that have not ended; `None` when the server has.
    pub(crate) ops: Mutex<Option<HashSet<u64>>>,
    /// The handles of the namespaces.
    pub(crate) namespaces: Mutex<Vec<u64>>,
    polling: AtomicBool,
    /// bw_server_free was called.
    freeing: AtomicBool,
    /// bw_server_free has made its last poll.
    freed: AtomicBool,
    /// BW_EV_SHUTDOWN was delivered.
    pub(crate) ended: AtomicBool,
    /// The numbers of listeners for UPGRADE, DRAIN and DROPPED, whose hooks are those of the server.
    upgrade_listeners: AtomicU32,
    drain_listeners: AtomicU32,
    dropped_listeners: AtomicU32,
    /// The same time on both clocks.
    origin: (Instant, u64),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(delivery: Delivery, protocol: Protocol) -> Self {
        Self {
            id: AtomicU64::new(0),
            delivery,
            protocol,
            listeners: ListenerSet::default(),
            deferred_drops: DeferredDrops::default(),
            queue: Mutex::new(Weak::new()),
            ops: Mutex::new(Some(HashSet::new())),
            namespaces: Mutex::default(),
            polling: AtomicBool::new(false),
            freeing: AtomicBool::new(false),
            freed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            upgrade_listeners: AtomicU32::new(0),
            drain_listeners: AtomicU32::new(0),
            dropped_listeners: AtomicU32::new(0),
            origin: clocks(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Acquire)
    }

    pub(crate) fn set_id(&self, id: u64) {
        self.id.store(id, Ordering::Release);
    }

    pub(crate) fn set_queue(&self, queue: &Arc<Queue>) {
        *lock(&self.queue) = Arc::downgrade(queue);
    }

    /// Whether callbacks and drops wait for a thread that polls.
    pub(crate) fn is_polled(&self) -> bool {
        self.delivery == Delivery::Polled && !self.freed.load(Ordering::Acquire)
    }

    /// Ends polling: calls the deferred drop functions, and lets later ones be called on any thread.
    pub(crate) fn end_polling(&self) {
        self.freed.store(true, Ordering::Release);
        self.deferred_drops.run(self);
    }

    /// The operation has ended.
    pub(crate) fn forget_op(&self, id: u64) {
        if let Some(ops) = &mut *lock(&self.ops) {
            ops.remove(&id);
        }
    }

    /// Makes a waiting poll return.
    pub(crate) fn wake(&self) {
        if let Some(queue) = lock(&self.queue).upgrade() {
            queue.wake();
        }
    }

    /// The time on CLOCK_MONOTONIC in nanoseconds.
    pub(crate) fn monotonic_ns(&self, at: Instant) -> u64 {
        let (origin, origin_ns) = self.origin;
        match at.checked_duration_since(origin) {
            Some(after) => origin_ns + after.as_nanos() as u64,
            None => origin_ns - origin.duration_since(at).as_nanos() as u64,
        }
    }

    /// The `Instant` of a time on CLOCK_MONOTONIC in nanoseconds.
    pub(crate) fn moment(&self, ns: u64) -> Instant {
        let (origin, origin_ns) = self.origin;
        let from_origin = |ns| Duration::from_nanos(ns);
        match ns.checked_sub(origin_ns) {
            // A time that does not fit is later than any deadline.
            Some(after) => origin
                .checked_add(from_origin(after))
                .unwrap_or(origin + FAR_AWAY),
            None => origin
                .checked_sub(from_origin(origin_ns - ns))
                .unwrap_or(origin),
        }
    }

    // ---- this thread

    /// Runs host code of this server.
    pub(crate) fn inside<R>(&self, host: impl FnOnce() -> R) -> R {
        Thread::with(|thread| thread.inside(self.id(), host))
    }

    /// Whether this thread is in a callback of this server.
    pub(crate) fn is_inside(&self) -> bool {
        Thread::with(|thread| thread.is_inside(self.id()))
    }

    /// Whether this thread polls this server.
    pub(crate) fn is_polling_here(&self) -> bool {
        Thread::with(|thread| thread.polls(self.id()))
    }

    /// Makes this thread the one that polls.
    ///
    /// # Errors
    /// `Reentrant` inside a callback, `Busy` when another thread polls.
    pub(crate) fn begin_polling(self: &Arc<Self>) -> Result<Polling> {
        if self.is_inside() || self.is_polling_here() {
            let text = "this server is polled by this very thread already";
            return Err(Error::new(ErrorKind::Reentrant, text));
        }
        if self.polling.swap(true, Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::Busy,
                "another thread polls this server",
            ));
        }
        let outer = Thread::with(|thread| thread.poll(self.id()));
        Ok(Polling {
            shared: Arc::clone(self),
            outer,
        })
    }

    /// Returns true for the first call.
    pub(crate) fn begin_freeing(&self) -> bool {
        !self.freeing.swap(true, Ordering::AcqRel)
    }

    /// Whether bw_server_free was called.
    pub(crate) fn is_freeing(&self) -> bool {
        self.freeing.load(Ordering::Acquire)
    }

    // ---- hooks that a server has for all its sockets

    /// Counts a listener for UPGRADE, DRAIN or DROPPED that was added or removed.
    pub(crate) fn count_listeners(&self, hooks: &Hooks, hook: Hook, change: Change) {
        let counter = match hook {
            Hook::Upgrade => &self.upgrade_listeners,
            Hook::Dropped => &self.dropped_listeners,
            _ => &self.drain_listeners,
        };
        match change {
            Change::More => {
                counter.fetch_add(1, Ordering::AcqRel);
                hooks.add(hook);
            }
            Change::Fewer => {
                if counter.fetch_sub(1, Ordering::AcqRel) == 1 {
                    hooks.remove(hook);
                    // Another thread may have added a listener in the meantime.
                    if counter.load(Ordering::Acquire) > 0 {
                        hooks.add(hook);
                    }
                }
            }
        }
    }
}

/// Whether a listener was added or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    More,
    Fewer,
}

/// Makes this thread the polling thread of a server until it is dropped.
#[derive(Debug)]
pub(crate) struct Polling {
    shared: Arc<Shared>,
    outer: u64,
}

impl Drop for Polling {
    fn drop(&mut self) {
        Thread::with(|thread| thread.poll(self.outer));
        self.shared.polling.store(false, Ordering::Release);
    }
}
