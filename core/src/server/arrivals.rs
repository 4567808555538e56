//! The order in which requests are handed on: that in which the kernel reported their bytes, whatever the scheduler does.
//!
//! The runtime may run the task that was woken last first, and runs tasks side by side. So each wake-up of an HTTP
//! connection takes a number, on the thread that reads the kernel's reports and in their order. A connection keeps its
//! number until it has been polled, or has handed on the request that it was woken for. It may hand on a request when no
//! connection has an older number.
//!
//! What is guaranteed: of two requests whose last bytes arrive one after the other while neither connection is being
//! polled, the first is handed on first. Bytes that arrive before their connection has been accepted count from then.
//! What is not guaranteed is an order for bytes that arrive while their connection is being polled, for a request about
//! which the host is asked, and while a thread of the engine is held for longer than [`PATIENCE`], as by host code that
//! blocks.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::transport::NewStream;

/// How long a request waits for connections that were woken earlier.
const PATIENCE: Duration = Duration::from_millis(100);
/// So many later wake-ups make the oldest one lose its place.
const LONGEST: usize = 16 * 1024;

/// The wake-ups of all connections of a server.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<Line>);

#[derive(Debug, Default)]
struct Line {
    /// The oldest number that is kept, or the next one to be given.
    first: u64,
    /// Whether a number has been given back, from `first` on.
    settled: VecDeque<bool>,
    /// Who waits to have the oldest number.
    waiting: BTreeMap<u64, Waker>,
}

impl Line {
    /// Goes on to the next number that is kept; whose connection is to be woken for it.
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
            // Who waited for it alone goes on when its patience ends.
            line.settled.pop_front();
            line.first += 1;
        }
        line.settled.push_back(false);
        line.first + line.settled.len() as u64 - 1
    }

    fn settle(&self, number: u64) {
        let mut line = self.line();
        // One that has lost its place is below `first`.
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

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wake-ups of one connection.
#[derive(Debug)]
pub(super) struct Arrival {
    arrivals: Arc<Arrivals>,
    numbers: Mutex<Numbers>,
    task: OnceLock<Waker>,
}

#[derive(Debug, Default)]
struct Numbers {
    /// Of a wake-up after which it was not polled yet.
    next: Option<u64>,
    /// Of what it is being polled for.
    current: Option<u64>,
    /// A request waits for its turn.
    waits: bool,
    /// What `current` was taken for has not been read yet.
    keeps: bool,
    /// The connection has ended.
    ended: bool,
}

impl Arrival {
    /// A connection that has just been accepted, and watches for its first bytes from now on: their number is taken even
    /// if they come before its task has been polled.
    pub(super) fn new(arrivals: &Arc<Arrivals>, stream: &NewStream) -> Arc<Self> {
        let arrival = Self::without_stream(arrivals);
        let waker = Waker::from(Arc::clone(&arrival));
        if stream
            .poll_first_bytes(&mut Context::from_waker(&waker))
            .is_ready()
        {
            waker.wake();
        }
        arrival
    }

    fn without_stream(arrivals: &Arc<Arrivals>) -> Arc<Self> {
        Arc::new(Self {
            arrivals: Arc::clone(arrivals),
            numbers: Mutex::default(),
            task: OnceLock::new(),
        })
    }

    /// Runs the connection as (all of) its task.
    pub(super) async fn run<F: Future>(self: &Arc<Self>, connection: F) -> F::Output {
        let mut connection = pin!(connection);
        let waker = Waker::from(Arc::clone(self));
        let _end = End(self);
        poll_fn(|cx| {
            // A task has the same waker as long as it lives.
            self.task.get_or_init(|| cx.waker().clone());
            let _polled = Polled {
                arrival: self,
                unused: self.begin(),
            };
            connection.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
    }

    /// Waits for something that is sure to come soon, and keeps the number meanwhile.
    pub(super) async fn keep<F: Future>(&self, soon: F) -> F::Output {
        let _keeps = Keeps::new(self);
        soon.await
    }

    /// Waits for what the connection itself may have to pass on first, and keeps the number for that.
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
        // What was read without a wake-up stands behind all that have come.
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
        // Without its turn it is handed on late, but handed on.
        let _ = tokio::time::timeout(PATIENCE, poll_fn(|cx| self.arrivals.poll_first(number, cx)))
            .await;
    }

    /// A poll begins; the number that it has no use for.
    fn begin(&self) -> Option<u64> {
        let mut numbers = self.numbers();
        let next = numbers.next.take();
        if numbers.current.is_some() {
            return next;
        }
        numbers.current = next;
        None
    }

    /// A poll is over, and with it what it was woken for, unless a request waits for its turn.
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

    fn end(&self) {
        let mut numbers = self.numbers();
        numbers.ended = true;
        let kept = [numbers.current.take(), numbers.next.take()];
        drop(numbers);
        for number in kept.into_iter().flatten() {
            self.arrivals.settle(number);
        }
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
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

/// A connection that is being polled. Its numbers are given back also when the poll panics: a number that stayed would
/// delay every later request.
struct Polled<'a> {
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

/// A request does not wait for its turn any longer.
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

/// The connection ends: nothing waits for it any more.
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
                let arrival = Arrival::without_stream(&arrivals);
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

    /// A connection that is dropped, or woken when it has ended, holds up none.
    #[tokio::test]
    async fn a_connection_that_has_ended_keeps_no_number() {
        let arrivals = Arc::new(Arrivals::default());
        let arrival = Arrival::without_stream(&arrivals);
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
