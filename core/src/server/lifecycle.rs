//! The life cycle of a server, and what its end waits for.

use std::sync::atomic::AtomicUsize;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::sync::Lock as _;

/// How far a server has come between its start and its end, with the counts that its end waits for.
#[derive(Debug)]
pub(super) struct Lifecycle {
    phase: watch::Sender<Phase>,
    closed: Mutex<bool>,
    closed_changed: Condvar,
    /// Sessions that have not ended.
    pub(super) sessions: AtomicUsize,
    /// Notified when a session or an HTTP connection has ended.
    pub(super) ended: Notify,
    /// HTTP connections that have not ended.
    pub(super) connections: AtomicUsize,
}

/// How far the shutdown of a server has come.
///
/// ```text
///  Open ──close──► Closing ──deadline, or every client has left──► Aborting
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Connections are accepted.
    Open,
    /// No connection is accepted, and clients are disconnected after their queued messages have been sent.
    Closing,
    /// The connections that remain are dropped.
    Aborting,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Open),
            closed: Mutex::new(false),
            closed_changed: Condvar::new(),
            sessions: AtomicUsize::new(0),
            ended: Notify::new(),
            connections: AtomicUsize::new(0),
        }
    }
}

impl Lifecycle {
    /// Whether the shutdown has begun.
    pub(super) fn is_closing(&self) -> bool {
        *self.phase.borrow() != Phase::Open
    }

    /// Completes when the server has reached this phase or a later one.
    pub(super) async fn reached(&self, phase: Phase) {
        // It cannot fail: `self` owns the sender.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    /// Moves on to this phase; returns false if the server has reached it already.
    pub(super) fn advance(&self, phase: Phase) -> bool {
        self.phase.send_if_modified(|now| {
            let further = *now < phase;
            *now = phase.max(*now);
            further
        })
    }

    /// Whether the shutdown is complete.
    pub(super) fn is_closed(&self) -> bool {
        *self.closed.locked()
    }

    /// Notes that the shutdown is complete, and wakes the threads that wait for that.
    pub(super) fn set_closed(&self) {
        *self.closed.locked() = true;
        self.closed_changed.notify_all();
    }

    /// Blocks until the shutdown is complete; returns false if `timeout` has passed before.
    pub(super) fn wait_closed(&self, timeout: Option<Duration>) -> bool {
        let closed = self.closed.locked();
        let timeout = timeout.unwrap_or(Duration::MAX);
        let waited = self
            .closed_changed
            .wait_timeout_while(closed, timeout, |closed| !*closed);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
