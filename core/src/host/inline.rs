//! Inline delivery: the engine's threads call the host, with views of its own buffers.
//!
//! Events that a call of the host causes (changes of rooms, the result of fetching sockets) are delivered after the call.
//! Apart from them, only events that a packet middleware has not decided about wait for the host. A callback that does
//! not return blocks its thread, and every connection that this thread serves. While more events wait than the bounds of a
//! queue allow, connections are not read.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::host::batch::{self, EventBatch};
use crate::host::{Bounds, Handler};
use crate::socketio::backlog::SHARE;
use crate::socketio::event::{Clock, EventSink, QueueFull};
use crate::socketio::{Backlog, Event};
use crate::stats::{Amount, Stats};
use crate::sync::Lock as _;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Calls the host on the engine's threads.
pub struct Inline {
    shared: Arc<Shared>,
}

struct Shared {
    handler: Arc<dyn Handler>,
    clock: Arc<dyn Clock>,
    later: Mutex<Later>,
    /// Connections are not read while this much waits.
    most: Amount,
    /// Connections are read again when no more than this waits.
    low: Amount,
    /// Connections that are not read until less waits, by their address.
    waiting: Mutex<HashMap<usize, Arc<Backlog>>>,
    has_waiting: AtomicBool,
    stats: Arc<Stats>,
}

/// After this many events, the other tasks of the thread run.
const TURN: usize = 256;

/// Events that calls of the host have caused: they are handled after the call, on an engine thread, so that a host that
/// holds a lock while it calls is not called back under it.
#[derive(Default)]
struct Later {
    batch: EventBatch,
    /// Events before those of `batch`: the rest of a turn that was too long.
    begun: EventBatch,
    /// Whether an engine thread handles the events, or is going to.
    scheduled: bool,
    /// Whether the engine's threads have ended.
    stopped: bool,
}

impl Inline {
    /// Delivers events to `handler`: at once, or in a task that `clock` starts.
    pub fn new(
        handler: Arc<dyn Handler>,
        bounds: Bounds,
        clock: Arc<dyn Clock>,
        stats: Arc<Stats>,
    ) -> Self {
        let shared = Shared {
            handler,
            clock,
            later: Mutex::default(),
            most: Amount {
                events: bounds.events,
                bytes: bounds.bytes,
            },
            low: Amount {
                events: bounds.events / 2,
                bytes: bounds.bytes / 2,
            },
            waiting: Mutex::default(),
            has_waiting: AtomicBool::new(false),
            stats,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The engine's threads have ended: what they have not handled is handled here, and nothing afterwards.
    pub fn stop(&self) {
        self.shared.later().stopped = true;
        self.shared.handle(usize::MAX);
    }
}

impl Shared {
    fn defer(self: &Arc<Self>, event: &Event<'_>) {
        let is_scheduled = {
            let mut later = self.later();
            if later.stopped {
                return;
            }
            self.stats.queued.add(Amount::one(batch::cost(event)));
            later.batch.push(event);
            std::mem::replace(&mut later.scheduled, true)
        };
        if !is_scheduled {
            self.schedule();
        }
    }

    fn schedule(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let handle = move || shared.handle(TURN);
        self.clock.after(Duration::ZERO, Box::new(handle));
    }

    /// Handles what waits, one event after the other; what is left after `most` of them is handled in a later turn.
    fn handle(self: &Arc<Self>, most: usize) {
        let mut batch = EventBatch::default();
        let mut handled = 0;
        loop {
            {
                let mut later = self.later();
                if !later.begun.is_empty() {
                    std::mem::swap(&mut later.begun, &mut batch);
                } else if !later.batch.is_empty() {
                    std::mem::swap(&mut later.batch, &mut batch);
                } else {
                    later.scheduled = false;
                    return;
                }
            }
            while let Some(event) = batch.current() {
                if handled == most {
                    self.later().begun = batch;
                    self.schedule();
                    return;
                }
                self.handler.handle(&event);
                let cost = batch.advance(|_, _| {});
                self.leave(Amount::one(cost));
                handled += 1;
            }
        }
    }

    /// So much was handled.
    fn leave(&self, amount: Amount) {
        let left = self.stats.queued.remove(amount);
        if left.is_within(self.low) && self.has_waiting.load(Ordering::SeqCst) {
            let waiting = {
                let mut waiting = self.waiting();
                self.has_waiting.store(false, Ordering::SeqCst);
                std::mem::take(&mut *waiting)
            };
            waiting.into_values().for_each(|backlog| backlog.wake());
        }
    }

    fn has_room(&self) -> bool {
        self.stats.queued.now().is_below(self.most)
    }

    /// Wakes the connection's task when there is room. The caller checks for room again after this call, because room
    /// may have become free before it.
    fn wait(&self, connection: &Arc<Backlog>) {
        let mut waiting = self.waiting();
        waiting.insert(Arc::as_ptr(connection).addr(), Arc::clone(connection));
        self.has_waiting.store(true, Ordering::SeqCst);
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<usize, Arc<Backlog>>> {
        self.waiting.locked()
    }

    /// No host code runs under this lock.
    fn later(&self) -> MutexGuard<'_, Later> {
        self.later.locked()
    }
}

impl EventSink for Inline {
    fn deliver(&self, event: &Event<'_>) {
        self.shared.handler.handle(event);
        if !self.shared.has_room()
            && let Some(socket) = event.socket()
        {
            // The rest of what was read waits, too.
            socket.link().backlog().set_full(true);
        }
    }

    fn defer(&self, event: &Event<'_>) {
        self.shared.defer(event);
    }

    /// A request's own task asks and tells.
    fn offer(&self, event: &Event<'_>) -> Result<(), QueueFull> {
        self.shared.handler.handle(event);
        Ok(())
    }

    fn ring(&self) {}

    fn poll_ready(&self, connection: &Arc<Backlog>, cx: &mut Context<'_>) -> Poll<()> {
        let shared = &self.shared;
        if !connection.now().is_below(SHARE) || !shared.has_room() {
            connection.wait(cx.waker());
            if !shared.has_room() {
                shared.wait(connection);
            }
            // Room may have been made just before.
            let (own, all) = (
                connection.now_after_wait(),
                shared.stats.queued.now_after_note(),
            );
            if !own.is_below(SHARE) || !all.is_below(shared.most) {
                return Poll::Pending;
            }
        }
        connection.set_full(false);
        Poll::Ready(())
    }

    fn forget(&self, connection: &Arc<Backlog>) {
        connection.forget_waker();
        if self.shared.has_waiting.load(Ordering::SeqCst) {
            let mut waiting = self.shared.waiting();
            waiting.remove(&Arc::as_ptr(connection).addr());
        }
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inline")
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::time::Instant;

    use super::*;
    use crate::host::tests::{Count, ManualClock};
    use crate::socketio::event::ServerEvent;

    #[expect(clippy::disallowed_methods, reason = "the time does not matter here")]
    fn now() -> Instant {
        Instant::now()
    }

    fn shutdown() -> Event<'static> {
        Event::of_server(ServerEvent::Shutdown, now())
    }

    fn inline(events: usize) -> (Arc<ManualClock>, Arc<Count>, Inline) {
        let timer = Arc::new(ManualClock::default());
        let count = Arc::new(Count::default());
        let handler: Arc<dyn Handler> = Arc::<Count>::clone(&count);
        let bytes = 1 << 20;
        let bounds = Bounds { events, bytes };
        let inline = Inline::new(
            handler,
            bounds,
            Arc::<ManualClock>::clone(&timer),
            Arc::default(),
        );
        (timer, count, inline)
    }

    #[test]
    fn connections_are_not_read_while_too_much_waits() {
        let (timer, _, inline) = inline(2);
        let woken = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let [connection, ended]: [Arc<Backlog>; 2] = Default::default();
        inline.defer(&shutdown());
        assert!(inline.poll_ready(&connection, &mut cx).is_ready());
        inline.defer(&shutdown());
        assert!(inline.poll_ready(&connection, &mut cx).is_pending());
        assert!(inline.poll_ready(&ended, &mut cx).is_pending());
        inline.forget(&ended);
        assert_eq!((timer.run(), woken.value()), (1, 1));
        assert!(inline.poll_ready(&connection, &mut cx).is_ready());
    }

    #[test]
    fn a_turn_is_of_limited_length() {
        let (timer, count, inline) = inline(10 * TURN);
        let told = || count.value();
        for _ in 0..2 * TURN + 2 {
            inline.defer(&shutdown());
        }
        assert_eq!((timer.run(), told()), (1, TURN));
        inline.defer(&shutdown());
        assert_eq!((timer.run(), told()), (1, 2 * TURN));
        inline.stop();
        assert_eq!(told(), 2 * TURN + 3, "the end is not a turn");
        assert_eq!((timer.run(), told()), (1, 2 * TURN + 3));
    }

    #[test]
    fn what_a_call_causes_is_told_after_it() {
        let (timer, count, inline) = inline(10);
        let told = || count.value();
        inline.deliver(&shutdown());
        assert_eq!(told(), 1, "an engine thread caused it");
        inline.defer(&shutdown());
        inline.defer(&shutdown());
        assert_eq!((told(), inline.shared.stats.queued.now().events), (1, 2));
        assert_eq!(timer.run(), 1, "one thread deals with both");
        assert!(told() == 3 && inline.shared.stats.queued.now().is_empty());
        inline.defer(&shutdown());
        inline.stop();
        inline.defer(&shutdown());
        assert_eq!(told(), 4, "the end comes after what waited, and is the end");
    }
}
