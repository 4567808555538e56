//! Test doubles for the deliveries: a clock whose timers run when the test says so, and a counter.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::time::{Duration, Instant};

use crate::host::Handler;
use crate::socketio::Event;
use crate::socketio::event::Clock;

/// Some moment. The tests do not depend on which one.
#[expect(clippy::disallowed_methods, reason = "a test needs some moment")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A clock whose timers the test runs.
#[derive(Default)]
pub(super) struct ManualClock(Mutex<Vec<Box<dyn FnOnce() + Send>>>);

impl ManualClock {
    /// Runs the functions that are scheduled, not those that they schedule. Returns how many it ran.
    pub(super) fn run(&self) -> usize {
        let due = std::mem::take(&mut *self.0.lock().unwrap());
        due.into_iter().map(|run| run()).count()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManualClock")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        now()
    }

    fn after(&self, _: Duration, run: Box<dyn FnOnce() + Send>) {
        self.0.lock().unwrap().push(run);
    }
}

/// Counts the events that it handles as a host, or the wake-ups that it receives as a waker.
#[derive(Default)]
pub(super) struct Count(AtomicUsize);

impl Count {
    pub(super) fn value(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Handler for Count {
    fn handle(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
