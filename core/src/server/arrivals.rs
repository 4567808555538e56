//! The order in which requests are handed to sessions, and in which clients join: the order in which the kernel
//! reported their bytes, independent of the scheduler.
//!
//! The runtime may poll the task that was woken last first, and polls tasks in parallel. So each wake-up of a task
//! takes a number, on the thread that reads the kernel's reports and in their order. The task keeps its number until it
//! has been polled, or has handed on the request that it was woken for. A task may act when no task has an older
//! number.
//!
//! Two kinds of tasks take numbers, from separate sequences, so that host code that runs inline in one kind does not
//! delay the other: HTTP connections, for each request, and the drivers of sessions that have not joined a namespace
//! yet. A driver takes no numbers after its session has joined its first namespace: events are not ordered between
//! sessions.
//!
//! Guaranteed: of two requests whose last bytes arrive one after the other, the first is handed on first, and of two
//! clients whose CONNECT packets arrive one after the other, the first is announced to the host first (`connection`,
//! or the question of a middleware). A decision of the host takes a number of its own, so that clients join in the order
//! of the decisions about them, even if the driver of a later one is being polled meanwhile. Bytes that arrive before their connection has been accepted, or before the driver
//! of their session exists, count from that moment; those are ordered too. "Announced" means: handed to the delivery.
//! With several callback threads the handlers of different clients then run in parallel.
//!
//! Not guaranteed: an order for bytes that arrive while their own HTTP connection is being polled, for a request about
//! which the host is asked, and relative to a task that has had the oldest number for longer than [`MAX_WAIT`], for
//! example because host code blocks its thread. Such a task loses its place, and those behind it keep their order. A
//! client that sends nothing has no number, and delays no other client.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::sync::Lock as _;
use crate::transport::NewStream;

/// How long tasks wait for the one with the oldest number. Then it loses its place, and they wait for the next one.
pub(super) const MAX_WAIT: Duration = Duration::from_millis(200);
/// After this many later wake-ups the oldest one loses its place.
const LONGEST: usize = 16 * 1024;

/// The wake-ups of all tasks of one kind.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<Line>);

#[derive(Debug, Default)]
struct Line {
    /// The oldest number that is kept, or the next one to be given.
    first: u64,
    /// Whether a number has been given back, from `first` on.
    settled: VecDeque<bool>,
    /// The wakers of tasks that wait to have the oldest number.
    waiting: BTreeMap<u64, Waker>,
}

impl Line {
    /// Advances `first` to the next number that is kept. Returns the waker of its task if that waits.
    fn advance(&mut self) -> Option<Waker> {
        while self.settled.front() == Some(&true) {
            self.settled.pop_front();
            self.first += 1;
        }
        self.waiting.remove(&self.first)
    }
}

impl Arrivals {
    fn take(&self) -> u64 {
        let mut line = self.line();
        if line.settled.len() >= LONGEST {
            // A task that waited only for this number continues after `MAX_WAIT`.
            line.settled.pop_front();
            line.first += 1;
        }
        line.settled.push_back(false);
        line.first + line.settled.len() as u64 - 1
    }

    fn settle(&self, number: u64) {
        let mut line = self.line();
        line.waiting.remove(&number);
        // A number that has lost its place is below `first`.
        let at = number.checked_sub(line.first).map(|at| at as usize);
        if let Some(settled) = at.and_then(|at| line.settled.get_mut(at)) {
            *settled = true;
        }
        let next = line.advance();
        drop(line);
        if let Some(next) = next {
            next.wake();
        }
    }

    /// Whether no older number is kept.
    fn is_first(&self, number: u64) -> bool {
        self.line().first >= number
    }

    fn poll_first(&self, number: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut line = self.line();
        if line.first >= number {
            return Poll::Ready(());
        }
        line.waiting.insert(number, cx.waker().clone());
        Poll::Pending
    }

    fn forget(&self, number: u64) {
        self.line().waiting.remove(&number);
    }

    /// Makes the task with the number `oldest` lose its place, unless it has given it back meanwhile.
    fn give_up_on(&self, oldest: u64) {
        let mut line = self.line();
        if line.first == oldest && line.settled.pop_front().is_some() {
            line.first += 1;
        }
        let next = line.advance();
        drop(line);
        if let Some(next) = next {
            next.wake();
        }
    }

    /// The oldest number that is kept.
    fn oldest(&self) -> u64 {
        self.line().first
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.locked()
    }
}

/// The wake-ups of one task.
#[derive(Debug)]
pub(super) struct Arrival {
    arrivals: Arc<Arrivals>,
    numbers: Mutex<Numbers>,
    task: OnceLock<Waker>,
}

#[derive(Debug, Default)]
struct Numbers {
    /// The number of a wake-up after which the task has not been polled yet.
    next: Option<u64>,
    /// The number of the wake-up that the current poll is for.
    current: Option<u64>,
    /// Whether a request waits for its turn.
    waits: bool,
    /// Whether `current` is kept beyond the poll, because its input has not been read yet.
    keeps: bool,
    /// Whether the connection has ended.
    ended: bool,
}

impl Arrival {
    /// The wake-ups of a connection that has just been accepted. Its first bytes take a number even if they arrive
    /// before the connection's task has been polled.
    pub(super) fn new(arrivals: &Arc<Arrivals>, stream: &NewStream) -> Arc<Self> {
        let arrival = Self::of_task(arrivals);
        let waker = Waker::from(Arc::clone(&arrival));
        if stream
            .poll_first_bytes(&mut Context::from_waker(&waker))
            .is_ready()
        {
            waker.wake();
        }
        arrival
    }

    /// The wake-ups of a task that has not been woken yet.
    pub(super) fn of_task(arrivals: &Arc<Arrivals>) -> Arc<Self> {
        Arc::new(Self {
            arrivals: Arc::clone(arrivals),
            numbers: Mutex::default(),
            task: OnceLock::new(),
        })
    }

    /// Runs the connection. It has to be all of its task.
    pub(super) async fn run<F: Future>(self: &Arc<Self>, connection: F) -> F::Output {
        let mut connection = pin!(connection);
        let waker = Waker::from(Arc::clone(self));
        let _end = End(self);
        poll_fn(|cx| {
            let _polled = self.poll_begins(cx);
            connection.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
    }

    /// Waits for a future that completes soon, and keeps the number meanwhile.
    pub(super) async fn keep<F: Future>(&self, soon: F) -> F::Output {
        let _keeps = Keeps::new(self);
        soon.await
    }

    /// Waits for a future that may need further polls of the connection itself, and keeps the number for the first of
    /// them.
    pub(super) async fn pass_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut again = 3;
        let mut keeps = None;
        poll_fn(|cx| {
            drop(keeps.take());
            let poll = future.as_mut().poll(cx);
            if poll.is_pending() && again > 0 {
                again -= 1;
                keeps = Some(Keeps::new(self));
                cx.waker().wake_by_ref();
            }
            poll
        })
        .await
    }

    /// Waits until the request that has just been read may be handed on. The caller does that before it waits for
    /// anything else.
    pub(super) async fn turn(&self) {
        // Input that was read without a wake-up takes the newest number.
        let number = *self
            .numbers()
            .current
            .get_or_insert_with(|| self.arrivals.take());
        if self.arrivals.is_first(number) {
            return;
        }
        self.numbers().waits = true;
        let _waits = Waits {
            arrival: self,
            number,
        };
        loop {
            let oldest = self.arrivals.oldest();
            let turn = poll_fn(|cx| self.arrivals.poll_first(number, cx));
            if tokio::time::timeout(MAX_WAIT, turn).await.is_ok() {
                return;
            }
            self.arrivals.give_up_on(oldest);
        }
    }

    // ---- for a task that is polled by hand

    /// The task is being polled until the result is dropped. Input is waited for with a waker made from this
    /// arrival.
    pub(super) fn poll_begins(&self, cx: &Context<'_>) -> Polled<'_> {
        // A task has the same waker as long as it lives.
        self.task.get_or_init(|| cx.waker().clone());
        Polled {
            arrival: self,
            unused: self.begin(),
        }
    }

    /// Whether no task has an older number than this poll; true if this poll has none.
    ///
    /// # Errors
    /// The oldest number. The task is woken when its turn has come, by the waker of `cx`.
    pub(super) fn check_turn(&self, cx: &mut Context<'_>) -> Result<(), u64> {
        let mut numbers = self.numbers();
        let Some(number) = numbers.current else {
            return Ok(());
        };
        numbers.waits = self.arrivals.poll_first(number, cx).is_pending();
        if numbers.waits {
            Err(self.arrivals.oldest())
        } else {
            Ok(())
        }
    }

    /// The task has nothing for which it could wait for its turn.
    pub(super) fn stop_waiting(&self) {
        self.numbers().waits = false;
    }

    /// The task with the number `oldest` was waited for in vain for [`MAX_WAIT`]: it loses its place.
    pub(super) fn give_up_on(&self, oldest: u64) {
        self.arrivals.give_up_on(oldest);
    }

    /// Whether this poll was woken for all input that there is. If not, either nothing has come in, or the task was
    /// woken again for it and is about to be polled again.
    pub(super) fn covers_input(&self) -> bool {
        let numbers = self.numbers();
        numbers.current.is_some() && numbers.next.is_none()
    }

    /// Whether the task waits for its turn, or was woken for more during this poll.
    pub(super) fn has_more(&self) -> bool {
        let numbers = self.numbers();
        numbers.waits || numbers.next.is_some()
    }

    /// Begins a poll. Returns a number that the poll does not need.
    fn begin(&self) -> Option<u64> {
        let mut numbers = self.numbers();
        let next = numbers.next.take();
        if numbers.current.is_some() {
            return next;
        }
        numbers.current = next;
        None
    }

    /// Ends a poll, and gives its number back unless a request waits for its turn.
    fn finish(&self, unused: Option<u64>) {
        let mut numbers = self.numbers();
        let current = if numbers.waits || numbers.keeps {
            None
        } else {
            numbers.current.take()
        };
        drop(numbers);
        for number in [current, unused].into_iter().flatten() {
            self.arrivals.settle(number);
        }
    }

    /// Gives the numbers back; the task is woken as before, and takes no more numbers.
    pub(super) fn end(&self) {
        let mut numbers = self.numbers();
        numbers.ended = true;
        numbers.waits = false;
        let kept = [numbers.current.take(), numbers.next.take()];
        drop(numbers);
        for number in kept.into_iter().flatten() {
            self.arrivals.settle(number);
        }
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.locked()
    }
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut numbers = self.numbers();
        if !numbers.ended {
            numbers.next.get_or_insert_with(|| self.arrivals.take());
        }
        drop(numbers);
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }
}

/// A connection that is being polled. Its numbers are given back even if the poll panics: a number that is never given
/// back would delay every later request.
pub(super) struct Polled<'a> {
    arrival: &'a Arrival,
    unused: Option<u64>,
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        self.arrival.finish(self.unused);
    }
}

/// A connection that keeps its number, as long as this lives.
struct Keeps<'a>(&'a Arrival);

impl<'a> Keeps<'a> {
    fn new(arrival: &'a Arrival) -> Self {
        arrival.numbers().keeps = true;
        Self(arrival)
    }
}

impl Drop for Keeps<'_> {
    fn drop(&mut self) {
        self.0.numbers().keeps = false;
    }
}

/// Ends the wait of a request when dropped.
struct Waits<'a> {
    arrival: &'a Arrival,
    number: u64,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.arrival.arrivals.forget(self.number);
        self.arrival.numbers().waits = false;
    }
}

/// Gives all numbers of a connection back when dropped.
struct End<'a>(&'a Arrival);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    #[test]
    fn the_oldest_number_comes_first() {
        let arrivals = Arrivals::default();
        let [one, two, three] = [arrivals.take(), arrivals.take(), arrivals.take()];
        let mut cx = Context::from_waker(Waker::noop());
        assert!(arrivals.is_first(one) && !arrivals.is_first(two));
        arrivals.settle(two);
        assert!(arrivals.poll_first(three, &mut cx).is_pending());
        arrivals.settle(one);
        assert!(arrivals.poll_first(three, &mut cx).is_ready());
        arrivals.settle(three);
        let line = arrivals.line();
        assert!(line.settled.is_empty() && line.waiting.is_empty());
    }

    #[test]
    fn a_number_that_is_kept_too_long_loses_its_place() {
        let arrivals = Arrivals::default();
        let oldest = arrivals.take();
        let next = arrivals.take();
        for _ in 0..LONGEST - 2 {
            let number = arrivals.take();
            arrivals.settle(number);
        }
        assert!(!arrivals.is_first(next));
        arrivals.take();
        assert!(arrivals.is_first(next));
        arrivals.settle(oldest);
        assert!(arrivals.line().settled.len() <= LONGEST);
    }

    /// Two connections that are woken one after the other and polled in the other order.
    #[tokio::test]
    async fn what_was_woken_first_hands_on_first() {
        let arrivals = Arc::new(Arrivals::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let bells: Vec<_> = (0..2).map(|_| Arc::new(Notify::new())).collect();
        let mut tasks: Vec<_> = bells
            .iter()
            .enumerate()
            .map(|(name, bell)| {
                let arrival = Arrival::of_task(&arrivals);
                let (bell, order) = (Arc::clone(bell), Arc::clone(&order));
                Box::pin(async move {
                    let connection = async {
                        bell.notified().await;
                        arrival.turn().await;
                        order.lock().unwrap().push(name);
                    };
                    arrival.run(connection).await;
                })
            })
            .collect();
        let mut cx = Context::from_waker(Waker::noop());
        for task in &mut tasks {
            assert!(task.as_mut().poll(&mut cx).is_pending());
        }
        bells.iter().for_each(|bell| bell.notify_one());
        assert!(tasks[1].as_mut().poll(&mut cx).is_pending(), "not its turn");
        assert!(tasks[0].as_mut().poll(&mut cx).is_ready());
        assert!(tasks[1].as_mut().poll(&mut cx).is_ready());
        assert_eq!(*order.lock().unwrap(), [0, 1]);
    }

    /// A task that blocks delays those behind it once, and they keep their order.
    #[test]
    fn a_task_that_blocks_loses_its_place() {
        let arrivals = Arrivals::default();
        let [held, one, two] = [(); 3].map(|()| arrivals.take());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(arrivals.poll_first(one, &mut cx).is_pending());
        assert!(arrivals.poll_first(two, &mut cx).is_pending());
        let oldest = arrivals.oldest();
        arrivals.give_up_on(oldest);
        assert!(arrivals.is_first(one) && !arrivals.is_first(two));
        // Others have waited for the same.
        arrivals.give_up_on(oldest);
        assert!(arrivals.is_first(one) && !arrivals.is_first(two));
        arrivals.settle(one);
        assert!(arrivals.is_first(two));
        arrivals.settle(held);
        arrivals.settle(two);
        let line = arrivals.line();
        assert!(line.settled.is_empty() && line.waiting.is_empty());
    }

    /// Input that arrives while a task is being polled is left to the next poll, which has its own number.
    #[test]
    fn a_poll_covers_what_it_was_woken_for() {
        let arrivals = Arc::new(Arrivals::default());
        let [one, two] = [(); 2].map(|()| Arrival::of_task(&arrivals));
        let mut cx = Context::from_waker(Waker::noop());
        let first = two.poll_begins(&cx);
        assert!(two.check_turn(&mut cx).is_ok() && !two.covers_input());
        one.wake_by_ref();
        two.wake_by_ref();
        assert!(!two.covers_input());
        drop(first);
        let second = two.poll_begins(&cx);
        assert!(
            two.check_turn(&mut cx).is_err(),
            "the other one was woken before"
        );
        drop(second);
        let other = one.poll_begins(&cx);
        assert!(one.check_turn(&mut cx).is_ok() && one.covers_input());
        drop(other);
        let third = two.poll_begins(&cx);
        assert!(two.check_turn(&mut cx).is_ok() && two.covers_input());
        two.end();
        drop(third);
        two.wake_by_ref();
        let line = arrivals.line();
        assert!(line.settled.is_empty() && line.waiting.is_empty());
    }

    /// A connection that is dropped, or woken after its end, does not delay others.
    #[tokio::test]
    async fn a_connection_that_has_ended_keeps_no_number() {
        let arrivals = Arc::new(Arrivals::default());
        let arrival = Arrival::of_task(&arrivals);
        let waker = Waker::from(Arc::clone(&arrival));
        let mut cx = Context::from_waker(Waker::noop());
        let mut task = Box::pin(arrival.run(std::future::pending::<()>()));
        assert!(task.as_mut().poll(&mut cx).is_pending());
        waker.wake_by_ref();
        assert_eq!(arrivals.line().settled.len(), 1);
        drop(task);
        waker.wake();
        assert!(arrivals.line().settled.is_empty());
    }
}
