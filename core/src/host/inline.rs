//! Inline delivery: the engine's threads call the host, with views of its own buffers.
//!
//! What a call of the host causes (rooms that change, sockets that were asked for) is told after the call. Nothing else
//! waits for the host but what a packet middleware has not decided about. A callback that does not return holds
//! its thread, and with it every connection whose turn comes on that thread.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::host::Handler;
use crate::socketio::backlog::SHARE;
use crate::socketio::event::{EventSink, QueueFull, Timer};
use crate::socketio::{Backlog, Event, EventBatch};
use crate::stats::{Amount, Stats};

/// See the module's documentation.
pub struct Inline {
    shared: Arc<Shared>,
}

struct Shared {
    handler: Arc<dyn Handler>,
    timer: Arc<dyn Timer>,
    later: Mutex<Later>,
    stats: Arc<Stats>,
}

/// Events that calls of the host have caused: they are handled after the call, on an engine thread, so that a host that
/// holds a lock while it calls is not called back under it.
#[derive(Default)]
struct Later {
    batch: EventBatch,
    /// An engine thread is at it, or will be.
    scheduled: bool,
    /// The engine's threads have ended.
    stopped: bool,
}

impl Inline {
    /// Events go straight to `handler`, or to it by way of `timer`.
    pub fn new(handler: Arc<dyn Handler>, timer: Arc<dyn Timer>, stats: Arc<Stats>) -> Self {
        let shared = Shared {
            handler,
            timer,
            later: Mutex::default(),
            stats,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The engine's threads have ended: what they have not handled is handled here, and nothing afterwards.
    pub fn stop(&self) {
        self.shared.later().stopped = true;
        self.shared.handle();
    }
}

impl Shared {
    fn defer(self: &Arc<Self>, event: &Event<'_>) {
        let is_scheduled = {
            let mut later = self.later();
            if later.stopped {
                return;
            }
            self.stats.queued.add(Amount::one(EventBatch::cost(event)));
            later.batch.push(event, now());
            std::mem::replace(&mut later.scheduled, true)
        };
        if !is_scheduled {
            let shared = Arc::clone(self);
            let handle = move || shared.handle();
            self.timer.after(Duration::ZERO, Box::new(handle));
        }
    }

    /// Handles what waits, one event after the other.
    fn handle(&self) {
        let mut batch = EventBatch::default();
        loop {
            {
                let mut later = self.later();
                if later.batch.is_empty() {
                    later.scheduled = false;
                    return;
                }
                std::mem::swap(&mut later.batch, &mut batch);
            }
            while let Some((event, at)) = batch.current() {
                self.handler.handle(&event, at);
                let cost = batch.advance(|_, _| {});
                self.stats.queued.remove(Amount::one(cost));
            }
        }
    }

    /// No host code runs under this lock.
    fn later(&self) -> MutexGuard<'_, Later> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an event that no wake-up caused happens now"
)]
fn now() -> Instant {
    Instant::now()
}

impl EventSink for Inline {
    fn deliver(&self, event: &Event<'_>, at: Option<Instant>) {
        match at {
            Some(at) => self.shared.handler.handle(event, at),
            None => self.shared.defer(event),
        }
    }

    /// A request's own task asks and tells.
    fn offer(&self, event: &Event<'_>) -> Result<(), QueueFull> {
        self.shared.handler.handle(event, now());
        Ok(())
    }

    fn ring(&self) {}

    fn poll_ready(&self, connection: &Arc<Backlog>, cx: &mut Context<'_>) -> Poll<()> {
        if !connection.now().is_below(SHARE) {
            connection.wait(cx.waker());
            // Room may have been made just before.
            if !connection.now_after_wait().is_below(SHARE) {
                return Poll::Pending;
            }
        }
        connection.set_full(false);
        Poll::Ready(())
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inline")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct ByHand(Mutex<Vec<Box<dyn FnOnce() + Send>>>);

    impl fmt::Debug for ByHand {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("ByHand")
        }
    }

    impl Timer for ByHand {
        fn after(&self, _: Duration, run: Box<dyn FnOnce() + Send>) {
            self.0.lock().unwrap().push(run);
        }
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Handler for Count {
        fn handle(&self, _: &Event<'_>, _: Instant) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_a_call_causes_is_told_after_it() {
        let timer = Arc::new(ByHand::default());
        let count = Arc::new(Count::default());
        let told = || count.0.load(Ordering::SeqCst);
        let handler: Arc<dyn Handler> = Arc::<Count>::clone(&count);
        let inline = Inline::new(handler, Arc::<ByHand>::clone(&timer), Arc::default());
        inline.deliver(&Event::Shutdown, Some(now()));
        assert_eq!(told(), 1, "an engine thread caused it");
        inline.deliver(&Event::Shutdown, None);
        inline.deliver(&Event::Shutdown, None);
        assert_eq!((told(), inline.shared.stats.queued.now().events), (1, 2));
        let due = std::mem::take(&mut *timer.0.lock().unwrap());
        assert_eq!(due.len(), 1, "one thread deals with both");
        due.into_iter().for_each(|run| run());
        assert!(told() == 3 && inline.shared.stats.queued.now().is_empty());
        inline.deliver(&Event::Shutdown, None);
        inline.stop();
        inline.deliver(&Event::Shutdown, None);
        assert_eq!(told(), 4, "the end comes after what waited, and is the end");
    }
}
