//! Polled delivery: events wait in a queue until the host's own thread takes them.
//!
//! A descriptor is readable while something waits, so that any event loop can watch it; it is written once for what
//! comes into the empty queue in one turn, and read once when the queue has become empty. A host with a bell of its own
//! has that one rung instead. If the host drains the queue before the bell has rung, the bell still rings once; that
//! poll finds no events.

use std::fmt;
use std::sync::{Arc, TryLockError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::host::batch::{self, EventBatch};
use crate::host::bell::Bell;
use crate::host::flush_deadline::FlushDeadline;
use crate::host::room::Room;
use crate::host::{Bounds, Handler};
use crate::mailbox::Cork;
use crate::socketio::event::{Clock, EventSink, QueueFull};
use crate::socketio::{Backlog, Event};
use crate::stats::{Amount, Stats, Strain};
use crate::sync::Lock as _;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// Another thread is taking events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBusy;

/// The queue of a host that polls.
pub struct Queue {
    handler: Arc<dyn Handler>,
    incoming: Mutex<EventBatch>,
    /// The events that the host is taking. Locked while the host takes them.
    taken: Mutex<Taken>,
    bell: Bell,
    /// Whether events came into the empty queue for which the bell has not been rung yet.
    unrung: AtomicBool,
    /// The server has ended: events are dropped.
    ended: AtomicBool,
    room: Room,
    flush: Arc<FlushDeadline>,
    stats: Arc<Stats>,
    clock: Arc<dyn Clock>,
    origin: Instant,
    /// The time of the event that the host handles, in nanoseconds since the origin; 0 if it handles none.
    at: AtomicU64,
    /// The same of the first event of a batch that the host has copied and still handles.
    copied: AtomicU64,
}

/// The result of a search for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Events,
    /// No events, but the bell was rung to wake the host.
    Ring,
    Nothing,
}

#[derive(Debug, Default)]
struct Taken {
    batch: EventBatch,
    /// Whether the current event was returned to the host; it is handled when the host asks for the next one.
    lent: bool,
    /// Events that have been handled and still count as waiting.
    done: Amount,
}

/// How many events are handled before they cease to count as waiting.
const SETTLED: usize = 32;

impl Queue {
    /// A queue whose events are handled by `handler`.
    pub fn new(
        handler: Arc<dyn Handler>,
        bell: Bell,
        bounds: Bounds,
        clock: Arc<dyn Clock>,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            handler,
            incoming: Mutex::default(),
            taken: Mutex::default(),
            bell,
            unrung: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            room: Room::new(bounds, Arc::clone(&stats)),
            flush: Arc::new(FlushDeadline::new(Arc::clone(&clock))),
            stats,
            origin: clock.now(),
            clock,
            at: AtomicU64::new(0),
            copied: AtomicU64::new(0),
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
        self.take_back(&mut taken);
        let handled = self.handle(&mut taken, max, budget, timeout);
        self.settle(&mut taken);
        Ok(handled)
    }

    /// As [`Queue::poll`] without a wait, for a handler that only copies events, which the host handles later. The host
    /// is reported as busy with the first of them until [`Queue::copied_are_handled`]; several calls add to one batch.
    ///
    /// # Errors
    /// As [`Queue::poll`].
    pub fn copy(&self, max: usize) -> Result<usize, QueueBusy> {
        let mut taken = self.lock_taken()?;
        self.take_back(&mut taken);
        if taken.batch.is_empty() {
            self.refill(&mut taken);
        }
        let first = taken.batch.current().map(|event| event.at);
        let handled = self.handle(&mut taken, max, None, Some(Duration::ZERO));
        self.settle(&mut taken);
        if handled > 0 && self.copied.load(Ordering::Relaxed) == 0 {
            self.copied
                .store(self.since_origin(first), Ordering::Relaxed);
        }
        Ok(handled)
    }

    /// The host has handled every event that it copied.
    pub fn copied_are_handled(&self) {
        self.copied.store(0, Ordering::Relaxed);
    }

    fn handle(
        &self,
        taken: &mut Taken,
        max: usize,
        budget: Option<Duration>,
        timeout: Option<Duration>,
    ) -> usize {
        if !self.await_events(taken, timeout) {
            return 0;
        }
        let mut handled = 0;
        let budget_end = budget.map(|budget| self.clock.now() + budget);
        loop {
            if taken.batch.is_empty() && self.refill(taken) != Found::Events {
                return handled;
            }
            let _cork = (taken.batch.len() > 1).then(|| self.cork());
            while let Some(event) = taken.batch.current() {
                if event.is_withdrawn() {
                    self.withdraw(taken);
                    continue;
                }
                self.set_at(Some(event.at));
                self.handler.handle(&event);
                self.finish(taken);
                handled += 1;
                if handled == max || budget_end.is_some_and(|end| self.clock.now() >= end) {
                    if taken.batch.is_empty() {
                        // The bell is to be silent if these were the last.
                        self.refill(taken);
                    }
                    return handled;
                }
            }
        }
    }

    /// Until the cork is dropped, messages that this thread emits to a connection wake it at most once each flush
    /// deadline.
    pub fn cork(&self) -> Cork {
        self.flush.cork()
    }

    /// Gives the next event to `visit` without calling the handler, or `None` when none came within `timeout`. What the
    /// event borrows stays in place until the next call of this or [`Queue::poll`].
    ///
    /// # Errors
    /// As [`Queue::poll`].
    pub fn next<R>(
        &self,
        timeout: Option<Duration>,
        visit: impl FnOnce(Option<Event<'_>>) -> R,
    ) -> Result<R, QueueBusy> {
        let mut taken = self.lock_taken()?;
        self.take_back(&mut taken);
        self.settle(&mut taken);
        taken.lent = self.await_events(&mut taken, timeout);
        let event = taken.batch.current();
        self.set_at(event.map(|event| event.at));
        Ok(visit(event))
    }

    /// Drops the waiting events without calling the handler, and all later ones. To be called after the server was
    /// stopped: events hold objects that hold this queue, and a thread of the host can still cause events if it began a
    /// call before the stop.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Ok(mut taken) = self.lock_taken() {
            taken.lent = false;
            while !taken.batch.is_empty() || self.refill(&mut taken) == Found::Events {
                self.finish(&mut taken);
            }
            self.settle(&mut taken);
        }
    }

    /// Whether there are events, after a wait if there were none. A ring of the bell ends the wait.
    fn await_events(&self, taken: &mut Taken, timeout: Option<Duration>) -> bool {
        self.settle(taken);
        loop {
            if taken.batch.is_empty() {
                let has_come = match self.refill(taken) {
                    Found::Events => true,
                    Found::Ring => false,
                    Found::Nothing => {
                        self.bell.wait(timeout) && self.refill(taken) == Found::Events
                    }
                };
                if !has_come {
                    return false;
                }
            }
            while let Some(event) = taken.batch.current() {
                if !event.is_withdrawn() {
                    return true;
                }
                self.withdraw(taken);
            }
            self.settle(taken);
        }
    }

    /// What was lent is done with.
    fn take_back(&self, taken: &mut Taken) {
        if std::mem::take(&mut taken.lent) {
            self.finish(taken);
        }
    }

    fn withdraw(&self, taken: &mut Taken) {
        self.stats.questions_withdrawn_total.add(1);
        self.finish(taken);
    }

    /// The current event is done with.
    fn finish(&self, taken: &mut Taken) {
        let cost = taken
            .batch
            .advance(|event, cost| self.room.release(event, cost));
        taken.done += Amount::one(cost);
        if taken.done.events >= SETTLED {
            self.room.leave(std::mem::take(&mut taken.done));
        }
    }

    /// What was dealt with does not count as waiting any more.
    fn settle(&self, taken: &mut Taken) {
        self.set_at(taken.batch.current().map(|event| event.at));
        self.room.leave(std::mem::take(&mut taken.done));
    }

    /// How long the event has waited that the host is at, or that it would take next.
    fn oldest(&self) -> Option<Duration> {
        let held = [&self.copied, &self.at].map(|since| since.load(Ordering::Relaxed));
        let at = match held.into_iter().find(|since| *since > 0) {
            None => self.incoming().current().map(|event| event.at)?,
            Some(since) => self.origin + Duration::from_nanos(since),
        };
        Some(self.clock.now().saturating_duration_since(at))
    }

    fn set_at(&self, at: Option<Instant>) {
        self.at.store(self.since_origin(at), Ordering::Relaxed);
    }

    /// In nanoseconds; 0 for `None`.
    fn since_origin(&self, at: Option<Instant>) -> u64 {
        at.map_or(0, |at| {
            at.saturating_duration_since(self.origin).as_nanos() as u64
        })
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
        let mut incoming = self.incoming();
        if incoming.is_empty() {
            return false;
        }
        std::mem::swap(&mut *incoming, &mut taken.batch);
        true
    }

    fn lock_taken(&self) -> Result<MutexGuard<'_, Taken>, QueueBusy> {
        match self.taken.try_lock() {
            Ok(taken) => Ok(taken),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(QueueBusy),
        }
    }

    fn incoming(&self) -> MutexGuard<'_, EventBatch> {
        self.incoming.locked()
    }
}

impl EventSink for Queue {
    fn deliver(&self, event: &Event<'_>) {
        self.room.enter(event, batch::cost(event));
        let was_empty = {
            let mut incoming = self.incoming();
            // `end` locks the batch after it has set this, so it finds every event that was pushed before.
            if self.ended.load(Ordering::SeqCst) {
                None
            } else {
                let was_empty = incoming.is_empty();
                incoming.push(event);
                Some(was_empty)
            }
        };
        match was_empty {
            None => {
                let cost = batch::cost(event);
                self.room.release(event, cost);
                self.room.leave(Amount::one(cost));
            }
            Some(true) => self.unrung.store(true, Ordering::Release),
            Some(false) => {}
        }
    }

    fn offer(&self, event: &Event<'_>) -> Result<(), QueueFull> {
        if !self.room.has_room_for_request() {
            return Err(QueueFull);
        }
        self.deliver(event);
        Ok(())
    }

    fn ring(&self) {
        if self.unrung.load(Ordering::Acquire) && self.unrung.swap(false, Ordering::AcqRel) {
            self.wake();
        }
    }

    fn poll_ready(&self, connection: &Arc<Backlog>, cx: &mut Context<'_>) -> Poll<()> {
        self.room.poll(connection, cx)
    }

    fn forget(&self, connection: &Arc<Backlog>) {
        self.room.forget(connection);
    }

    fn strain(&self) -> Strain {
        Strain {
            oldest: self.oldest(),
            busy_threads: 0,
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("bell", &self.bell)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::now;
    use crate::socketio::event::{RequestEvent, ServerEvent, What};
    use crate::socketio::{Question, Request};

    fn fault(text: &str) -> Event<'_> {
        Event::of_server(ServerEvent::Fault { text }, now())
    }

    /// The queue's corks are not used here, so that no timer has to run.
    #[derive(Debug)]
    struct Never;
    impl Clock for Never {
        fn now(&self) -> Instant {
            now()
        }

        fn after(&self, _: Duration, _: Box<dyn FnOnce() + Send>) {}
    }

    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);
    impl Handler for Seen {
        fn handle(&self, event: &Event<'_>) {
            if let What::Server(ServerEvent::Fault { text }) = event.what {
                self.0.lock().unwrap().push(text.to_owned());
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
            queue.deliver(&fault(text));
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
        queue.deliver(&fault("a"));
        queue.deliver(&fault("b"));
        let next = |timeout| {
            queue.next(timeout, |event| match event?.what {
                What::Server(ServerEvent::Fault { text }) => Some(text.to_owned()),
                _ => None,
            })
        };
        assert_eq!(next(Some(Duration::ZERO)), Ok(Some("a".into())));
        assert_eq!(next(Some(Duration::ZERO)), Ok(Some("b".into())));
        assert_eq!(next(Some(Duration::ZERO)), Ok(None));
    }

    #[test]
    fn a_question_of_a_client_that_has_left_is_not_told() {
        let (seen, queue) = queue();
        let request = request();
        let question = Question::new(|_| ());
        let event = RequestEvent::AllowRequest {
            question: &question,
        };
        let event = Event::of_request(&request, event, now());
        queue.offer(&event).unwrap();
        assert_eq!(queue.offer(&event), Err(QueueFull), "a quarter of four");
        assert_eq!(queue.offer(&event), Err(QueueFull));
        queue.deliver(&fault("a"));
        assert!(queue.stats.queued.now().bytes > 2 * request.size());
        assert!(question.expire());
        let is_fault = |event: Option<Event<'_>>| {
            event.is_some_and(|event| matches!(event.what, What::Server(ServerEvent::Fault { .. })))
        };
        assert_eq!(queue.next(Some(Duration::ZERO), is_fault), Ok(true));
        assert_eq!(queue.poll(0, None, Some(Duration::ZERO)), Ok(0));
        assert!(seen.0.lock().unwrap().is_empty(), "it was lent instead");
        assert!(queue.stats.queued.now().is_empty() && queue.offer(&event).is_ok());
        assert_eq!(queue.stats.questions_withdrawn_total.value(), 1);
    }

    fn request() -> Arc<Request> {
        let address = ("127.0.0.1".parse().unwrap(), 1);
        let headers = [("a", "b")].into_iter();
        Arc::new(Request::new("GET", "/", headers, address, false))
    }

    #[test]
    fn the_age_of_the_oldest_event_is_known() {
        let (_, queue) = queue();
        assert_eq!(queue.oldest(), None);
        let hour = Duration::from_secs(3600);
        let long_ago = now() + hour;
        let event = Event::of_server(ServerEvent::Shutdown, long_ago);
        queue.deliver(&event);
        queue.deliver(&event);
        assert_eq!(queue.oldest(), Some(Duration::ZERO), "it is not even there");
        queue.poll(1, None, Some(Duration::ZERO)).unwrap();
        assert_eq!(queue.at.load(Ordering::Relaxed) / 1_000_000_000 / 3599, 1);
        queue.poll(1, None, Some(Duration::ZERO)).unwrap();
        assert_eq!(queue.oldest(), None);
    }

    #[test]
    fn a_host_that_copies_events_is_busy_until_it_has_handled_them() {
        let (_, queue) = queue();
        let later = now() + Duration::from_secs(3600);
        for _ in 0..3 {
            queue.deliver(&Event::of_server(ServerEvent::Shutdown, later));
        }
        assert_eq!(queue.copy(2), Ok(2));
        assert_eq!(queue.copy(2), Ok(1));
        assert!(queue.stats.queued.now().is_empty());
        assert_eq!(queue.oldest(), Some(Duration::ZERO));
        queue.copied_are_handled();
        assert_eq!(queue.oldest(), None);
        assert_eq!(queue.copy(2), Ok(0));
        assert_eq!(queue.oldest(), None);
    }

    #[test]
    fn what_waits_is_counted() {
        let (_, queue) = queue();
        let counted = || queue.stats.queued.now();
        let event = fault("a");
        queue.deliver(&event);
        queue.deliver(&event);
        let bytes = 2 * batch::cost(&event);
        assert_eq!(counted(), Amount { events: 2, bytes });
        queue.end();
        assert!(counted().is_empty());
        queue.deliver(&event);
        assert!(counted().is_empty() && queue.incoming().is_empty());
    }
}
