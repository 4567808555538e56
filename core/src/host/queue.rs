//! Polled delivery: events wait in a queue until the host's own thread takes them.
//!
//! A descriptor is readable while something waits, so that any event loop can watch it; it is written once for what comes
//! into the empty queue in one turn, and read once when the queue has become empty. A host that has a doorbell of its own
//! is rung instead. Whoever takes events before the ring for them is rung for once more, and finds nothing.

use std::fmt;
use std::sync::{Arc, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::host::bell::Bell;
use crate::host::patience::Patience;
use crate::host::{Bounds, Handler};
use crate::mailbox::Cork;
use crate::socketio::event::{EventSink, Timer};
use crate::socketio::{Event, EventBatch, Socket};
use crate::stats::Stats;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// Another thread is taking events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBusy;

/// See the module's documentation.
pub struct Queue {
    handler: Arc<dyn Handler>,
    incoming: Mutex<Incoming>,
    /// What the host is taking; locked while it does.
    taken: Mutex<Taken>,
    bell: Bell,
    /// Something came into the empty queue, and the bell was not rung for it yet.
    unrung: AtomicBool,
    bounds: Bounds,
    patience: Arc<Patience>,
    stats: Arc<Stats>,
}

/// What a look for events found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Events,
    /// None, but somebody has rung: the host is wanted.
    Ring,
    Nothing,
}

#[derive(Debug, Default)]
struct Incoming {
    batch: EventBatch,
    /// Connections that are not read until there is room.
    waiting: Vec<Waker>,
}

#[derive(Debug, Default)]
struct Taken {
    batch: EventBatch,
    /// The current event was given out and is done with when the host comes again.
    lent: bool,
}

impl Queue {
    /// A queue whose events are handled by `handler`.
    ///
    pub fn new(
        handler: Arc<dyn Handler>,
        bell: Bell,
        bounds: Bounds,
        timer: Arc<dyn Timer>,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            handler,
            incoming: Mutex::default(),
            taken: Mutex::default(),
            bell,
            unrung: AtomicBool::new(false),
            bounds,
            patience: Arc::new(Patience::new(timer)),
            stats,
        }
    }

    /// Readable exactly while something waits, unless the host has a bell of its own.
    #[cfg(not(loom))]
    pub fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        match &self.bell {
            Bell::Descriptor(descriptor) => Some(std::os::fd::AsFd::as_fd(descriptor)),
            Bell::Host(_) => None,
        }
    }

    /// Whether the descriptor is readable.
    #[cfg(loom)]
    pub fn is_readable(&self) -> bool {
        matches!(&self.bell, Bell::Descriptor(descriptor) if descriptor.is_readable())
    }

    /// Makes a waiting [`Queue::poll`] return.
    pub fn wake(&self) {
        self.bell.ring();
    }

    /// Handles events on this thread: at most `max` (0 is all), for at most about `budget`, waiting at most `timeout`
    /// for the first (`None` is for ever). How many were handled.
    ///
    /// # Errors
    /// [`QueueBusy`] when another thread is at it, or this one is inside a handler.
    pub fn poll(
        &self,
        max: usize,
        budget: Option<Duration>,
        timeout: Option<Duration>,
    ) -> Result<usize, QueueBusy> {
        let mut taken = self.lock_taken()?;
        taken.settle();
        if !self.await_events(&mut taken, timeout) {
            return Ok(0);
        }
        let mut handled = 0;
        let budget_end = budget.map(|budget| now() + budget);
        loop {
            if taken.batch.is_empty() && self.refill(&mut taken) != Found::Events {
                return Ok(handled);
            }
            let _cork = (taken.batch.len() > 1).then(|| self.cork());
            while let Some((event, at)) = taken.batch.current() {
                self.handler.handle(&event, at);
                taken.batch.advance();
                handled += 1;
                if handled == max || budget_end.is_some_and(|end| now() >= end) {
                    if taken.batch.is_empty() {
                        // The bell is to be silent if these were the last.
                        self.refill(&mut taken);
                    }
                    return Ok(handled);
                }
            }
        }
    }

    /// What this thread emits to one connection from now on wakes it once: when the cork is dropped, or soon.
    pub fn cork(&self) -> Cork {
        self.patience.cork()
    }

    /// Gives the next event to `visit` without calling the handler, or `None` when none came within `timeout`. What the
    /// event borrows stays in place until the next call of this or [`Queue::poll`].
    ///
    /// # Errors
    /// As [`Queue::poll`].
    pub fn next<R>(
        &self,
        timeout: Option<Duration>,
        visit: impl FnOnce(Option<(Event<'_>, Instant)>) -> R,
    ) -> Result<R, QueueBusy> {
        let mut taken = self.lock_taken()?;
        taken.settle();
        taken.lent = self.await_events(&mut taken, timeout);
        Ok(visit(taken.batch.current()))
    }

    /// Drops what waits, without calling the handler.
    pub fn clear(&self) {
        if let Ok(mut taken) = self.lock_taken() {
            taken.settle();
            while !taken.batch.is_empty() || self.refill(&mut taken) == Found::Events {
                taken.batch.advance();
            }
        }
    }

    /// Whether there are events, after a wait if there were none. Whoever rings ends the wait.
    fn await_events(&self, taken: &mut Taken, timeout: Option<Duration>) -> bool {
        if !taken.batch.is_empty() {
            return true;
        }
        match self.refill(taken) {
            Found::Events => true,
            Found::Ring => false,
            Found::Nothing => self.bell.wait(timeout) && self.refill(taken) == Found::Events,
        }
    }

    /// Fetches what came in. When nothing did, the bell is silenced.
    fn refill(&self, taken: &mut Taken) -> Found {
        if self.swap(taken) {
            return Found::Events;
        }
        let rung = self.bell.silence();
        if self.swap(taken) {
            // It came in between, and its ring was just silenced.
            self.wake();
            return Found::Events;
        }
        if rung { Found::Ring } else { Found::Nothing }
    }

    fn swap(&self, taken: &mut Taken) -> bool {
        let waiting = {
            let mut incoming = self.incoming();
            if incoming.batch.is_empty() {
                return false;
            }
            std::mem::swap(&mut incoming.batch, &mut taken.batch);
            std::mem::take(&mut incoming.waiting)
        };
        self.stats.queued_events.add(-(taken.batch.len() as i64));
        self.stats.queued_bytes.add(-(taken.batch.bytes() as i64));
        waiting.into_iter().for_each(Waker::wake);
        true
    }

    fn lock_taken(&self) -> Result<MutexGuard<'_, Taken>, QueueBusy> {
        match self.taken.try_lock() {
            Ok(taken) => Ok(taken),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(QueueBusy),
        }
    }

    fn incoming(&self) -> MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn settle(&mut self) {
        if std::mem::take(&mut self.lent) {
            self.batch.advance();
        }
    }
}

impl EventSink for Queue {
    fn deliver(&self, event: &Event<'_>, at: Option<Instant>) {
        let at = at.unwrap_or_else(now);
        let cost = EventBatch::cost(event);
        let was_empty = {
            let mut incoming = self.incoming();
            let was_empty = incoming.batch.is_empty();
            incoming.batch.push(event, at);
            was_empty
        };
        self.stats.queued_events.add(1);
        self.stats.queued_bytes.add(cost as i64);
        if was_empty {
            self.unrung.store(true, Ordering::Release);
        }
    }

    fn ring(&self) {
        if self.unrung.load(Ordering::Acquire) && self.unrung.swap(false, Ordering::AcqRel) {
            self.wake();
        }
    }

    fn poll_ready(&self, _: Option<&Arc<Socket>>, cx: &mut Context<'_>) -> Poll<()> {
        let mut incoming = self.incoming();
        if incoming.batch.len() < self.bounds.events && incoming.batch.bytes() < self.bounds.bytes {
            return Poll::Ready(());
        }
        incoming.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an event that no wake-up caused happens now; a budget is time"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    /// Nothing is emitted here, so nobody has to look.
    #[derive(Debug)]
    struct Never;
    impl Timer for Never {
        fn after(&self, _: Duration, _: Box<dyn FnOnce() + Send>) {}
    }

    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);
    impl Handler for Seen {
        fn handle(&self, event: &Event<'_>, _: Instant) {
            if let Event::Fault { text } = event {
                self.0.lock().unwrap().push((*text).to_owned());
            }
        }
    }

    fn queue() -> (Arc<Seen>, Queue) {
        let seen = Arc::new(Seen::default());
        let handler: Arc<dyn Handler> = Arc::clone(&seen) as _;
        (
            seen,
            Queue::new(
                handler,
                Bell::descriptor().unwrap(),
                Bounds {
                    events: 4,
                    bytes: 1 << 20,
                },
                Arc::new(Never),
                Arc::default(),
            ),
        )
    }

    fn readable(queue: &Queue) -> bool {
        queue.bell.wait(Some(Duration::from_nanos(1)))
    }

    #[test]
    fn the_bell_is_readable_exactly_while_something_waits() {
        let (seen, queue) = queue();
        assert!(!readable(&queue));
        for text in ["a", "b", "c"] {
            queue.deliver(&Event::Fault { text }, None);
        }
        queue.ring();
        assert!(readable(&queue));
        assert_eq!(queue.poll(2, None, Some(Duration::ZERO)), Ok(2));
        assert!(readable(&queue));
        assert_eq!(queue.poll(1, None, Some(Duration::ZERO)), Ok(1));
        assert!(!readable(&queue));
        assert_eq!(queue.poll(0, None, Some(Duration::ZERO)), Ok(0));
        assert_eq!(*seen.0.lock().unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn a_wake_up_ends_a_wait_without_events() {
        let (_, queue) = queue();
        queue.wake();
        assert_eq!(queue.poll(0, None, None), Ok(0));
    }

    #[test]
    fn next_lends_one_event_at_a_time() {
        let (_, queue) = queue();
        queue.deliver(&Event::Fault { text: "a" }, None);
        queue.deliver(&Event::Fault { text: "b" }, None);
        let next = |timeout| {
            queue.next(timeout, |event| match event {
                Some((Event::Fault { text }, _)) => Some(text.to_owned()),
                _ => None,
            })
        };
        assert_eq!(next(Some(Duration::ZERO)), Ok(Some("a".into())));
        assert_eq!(next(Some(Duration::ZERO)), Ok(Some("b".into())));
        assert_eq!(next(Some(Duration::ZERO)), Ok(None));
    }

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_full_queue_tells_who_waits_when_there_is_room() {
        let (_, queue) = queue();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        for _ in 0..4 {
            assert!(queue.poll_ready(None, &mut cx).is_ready());
            queue.deliver(&Event::Shutdown, None);
        }
        assert!(queue.poll_ready(None, &mut cx).is_pending());
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
        queue.poll(1, None, Some(Duration::ZERO)).unwrap();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(queue.poll_ready(None, &mut cx).is_ready());
    }

    #[test]
    fn what_waits_is_counted() {
        let (_, queue) = queue();
        let counted = || {
            (
                queue.stats.queued_events.value(),
                queue.stats.queued_bytes.value(),
            )
        };
        let event = Event::Fault { text: "a" };
        queue.deliver(&event, None);
        queue.deliver(&event, None);
        assert_eq!(counted(), (2, 2 * EventBatch::cost(&event) as i64));
        queue.clear();
        assert_eq!(counted(), (0, 0));
    }
}
