//! A mailbox: a queue with many producers, and one consumer (the drainer) that sleeps while the queue is empty.
//!
//! The bytes of an item may be appended to one arena, so that a small message needs no allocation of its own. The
//! mailbox does not depend on the meaning of the items.

use std::cell::Cell;
use std::sync::Arc;
use std::task::Waker;

use crate::sync::Lock as _;
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, thread_local};

/// Why a push was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushError {
    /// The item would exceed the budget; nothing was queued.
    Full,
    /// The drainer has ended.
    Closed,
}

/// Whether the budget applies to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// For messages of the host: refused above this many bytes, unless nothing else is waiting.
    Bytes(usize),
    /// For items of the engine itself: always accepted.
    Unlimited,
}

/// A queue of items with a byte budget, for many producers and one drainer.
#[derive(Debug)]
pub struct Mailbox<T> {
    inner: Mutex<Inner<T>>,
    /// Bytes that the drainer has taken out and not sent yet.
    backlog: AtomicUsize,
    /// Whether a push was refused because of the budget: [`NOT_REFUSED`], [`REFUSED`] or [`KNOWN`]. It becomes
    /// `REFUSED` only under the lock.
    refusal: AtomicU8,
}

/// No push has been refused since [`Mailbox::forget_refusal`].
const NOT_REFUSED: u8 = 0;
/// A push was refused; the drainer has not read that yet, and is not asleep.
const REFUSED: u8 = 1;
/// A push was refused, and the drainer has read that.
const KNOWN: u8 = 2;

#[derive(Debug)]
struct Inner<T> {
    items: Vec<T>,
    arena: Vec<u8>,
    /// The cost of the queued items, in bytes.
    queued: usize,
    /// Wakes the drainer; taken by the thread that wakes it.
    waker: Option<Waker>,
    /// Whether the next push has to wake the drainer.
    asleep: bool,
    closed: bool,
}

/// Capacity that an emptied mailbox may keep.
const KEPT_ITEMS: usize = 16;
const KEPT_BYTES: usize = 1024;

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                items: Vec::new(),
                arena: Vec::new(),
                queued: 0,
                waker: None,
                asleep: false,
                closed: false,
            }),
            backlog: AtomicUsize::new(0),
            refusal: AtomicU8::new(NOT_REFUSED),
        }
    }
}

impl<T> Mailbox<T> {
    /// Queues `item`, which costs `cost` bytes; never blocks for longer than another push.
    ///
    /// # Errors
    /// `Full` when it would exceed the budget, `Closed` after [`Mailbox::close`].
    pub fn push(&self, item: T, cost: usize, budget: Budget) -> Result<(), PushError> {
        self.push_with(cost, budget, |items, _| items.push(item))
    }

    /// Queues the items that `write` pushes; it may append bytes to the arena.
    ///
    /// # Errors
    /// As [`Mailbox::push`]; then `write` is not called.
    pub fn push_with(
        &self,
        cost: usize,
        budget: Budget,
        write: impl FnOnce(&mut Vec<T>, &mut Vec<u8>),
    ) -> Result<(), PushError> {
        let waker = {
            let mut inner = self.lock();
            if inner.closed {
                return Err(PushError::Closed);
            }
            if let Budget::Bytes(limit) = budget {
                let waiting = inner.queued + self.backlog.load(Ordering::Relaxed);
                // A single message may be larger than the budget: it is refused only when it would have to queue.
                if waiting > 0 && waiting + cost > limit {
                    let waker = (self.refusal.load(Ordering::Relaxed) == NOT_REFUSED).then(|| {
                        self.refusal.store(REFUSED, Ordering::Relaxed);
                        inner.wake()
                    });
                    drop(inner);
                    if let Some(waker) = waker.flatten() {
                        wake(waker);
                    }
                    return Err(PushError::Full);
                }
            }
            inner.queued += cost;
            let Inner { items, arena, .. } = &mut *inner;
            write(items, arena);
            inner.wake()
        };
        if let Some(waker) = waker {
            wake(waker);
        }
        Ok(())
    }

    /// Moves all items and their bytes into `items` and `arena`. Returns false if there are none.
    pub fn drain_into(&self, items: &mut Vec<T>, arena: &mut Vec<u8>) -> bool {
        self.lock().drain_into(items, arena)
    }

    /// Like [`Mailbox::drain_into`]. The next push calls `waker`, even while the drainer is awake.
    pub fn drain_and_sleep(&self, items: &mut Vec<T>, arena: &mut Vec<u8>, waker: &Waker) -> bool {
        let mut inner = self.lock();
        inner.sleep(waker);
        inner.drain_into(items, arena)
    }

    /// Lets the drainer sleep: the next push calls its waker. Returns false if an item waits already, or a push was
    /// refused that the drainer has not read.
    pub fn sleep(&self, waker: &Waker) -> bool {
        let mut inner = self.lock();
        // A closed mailbox is not waited for: a refusal needs no attention.
        let refused = !inner.closed && self.refusal.load(Ordering::Relaxed) == REFUSED;
        inner.asleep = inner.items.is_empty() && !refused;
        if inner.asleep {
            inner.sleep(waker);
        }
        inner.asleep
    }

    /// Declares that the drainer is awake and will drain before it sleeps again: until then pushes do not wake it.
    pub fn stay_awake(&self) {
        self.lock().asleep = false;
    }

    /// Wakes the drainer without an item.
    pub fn wake(&self) {
        let waker = self.lock().wake();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Frees spare capacity.
    pub fn release(&self) {
        let mut inner = self.lock();
        if inner.items.is_empty() {
            inner.items = Vec::new();
            inner.arena = Vec::new();
        }
    }

    /// Refuses every further push, and returns the items that waited.
    pub fn close(&self) -> Vec<T> {
        let mut inner = self.lock();
        inner.closed = true;
        inner.queued = 0;
        inner.waker = None;
        inner.arena = Vec::new();
        std::mem::take(&mut inner.items)
    }

    /// Whether the mailbox was closed.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Sets how many drained bytes have not been sent yet; they count against the budget.
    pub fn set_backlog(&self, bytes: usize) {
        self.backlog.store(bytes, Ordering::Relaxed);
    }

    /// Whether a push has been refused since [`Mailbox::forget_refusal`]. For the drainer.
    pub fn was_refused(&self) -> bool {
        match self.refusal.load(Ordering::Relaxed) {
            NOT_REFUSED => return false,
            REFUSED => self.refusal.store(KNOWN, Ordering::Relaxed),
            _ => {}
        }
        true
    }

    /// Resets [`Mailbox::was_refused`]: there is room again. For the drainer.
    pub fn forget_refusal(&self) {
        self.refusal.store(NOT_REFUSED, Ordering::Relaxed);
    }

    /// Bytes that wait in the mailbox and at the drainer.
    pub fn buffered(&self) -> usize {
        self.lock().queued + self.backlog.load(Ordering::Relaxed)
    }

    /// Ignores poisoning: the data is consistent even if the code of an item panicked.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.locked()
    }
}

impl<T> Inner<T> {
    fn drain_into(&mut self, items: &mut Vec<T>, arena: &mut Vec<u8>) -> bool {
        if self.items.is_empty() {
            return false;
        }
        items.append(&mut self.items);
        self.queued = 0;
        if self.items.capacity() > KEPT_ITEMS {
            self.items = Vec::new();
        }
        if self.arena.capacity() <= KEPT_BYTES {
            arena.extend_from_slice(&self.arena);
            self.arena.clear();
        } else if arena.is_empty() {
            // Moved instead of copied, because an arena of this size is not kept.
            *arena = std::mem::take(&mut self.arena);
        } else {
            arena.append(&mut self.arena);
            self.arena = Vec::new();
        }
        true
    }

    fn sleep(&mut self, waker: &Waker) {
        self.asleep = true;
        let known = |kept: &Waker| kept.will_wake(waker);
        if !self.waker.as_ref().is_some_and(known) {
            self.waker = Some(waker.clone());
        }
    }

    /// Takes the drainer's waker, if the drainer is asleep.
    fn wake(&mut self) -> Option<Waker> {
        std::mem::take(&mut self.asleep)
            .then(|| self.waker.take())
            .flatten()
    }
}

thread_local! {
    /// The wake-ups of this thread while it is corked.
    static CORKED: Cell<Option<Arc<Held>>> = const { Cell::new(None) };
}

fn wake(waker: Waker) {
    let mut waker = Some(waker);
    // Fails while the thread ends, when it is no longer corked.
    let _ = CORKED.try_with(|corked| {
        if let Some(held) = corked.take() {
            held.lock().extend(waker.take());
            corked.set(Some(held));
        }
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The wake-ups that the corks of one or several threads hold back.
#[derive(Debug, Default)]
pub struct Held {
    wakers: Mutex<Vec<Waker>>,
    corks: AtomicUsize,
}

impl Held {
    /// Wakes the held drainers, on any thread. The corks stay.
    pub fn release(&self) {
        let wakers = std::mem::take(&mut *self.lock());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether a thread is corked.
    pub fn is_corked(&self) -> bool {
        self.corks.load(Ordering::Acquire) > 0
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.wakers.locked()
    }
}

/// Holds back the wake-ups that this thread's pushes would cause, until it is dropped. A cork within a cork has no
/// effect.
#[derive(Debug)]
pub struct Cork {
    /// `Some` for the outermost cork of the thread.
    held: Option<Arc<Held>>,
}

impl Cork {
    /// Corks this thread.
    #[expect(
        clippy::new_without_default,
        reason = "the effect of a cork must be visible where it is made"
    )]
    pub fn new() -> Self {
        Self::holding(&Arc::default())
    }

    /// Corks this thread. Another thread may release `held`.
    pub fn holding(held: &Arc<Held>) -> Self {
        let is_outermost = CORKED.try_with(|corked| {
            let outer = corked.take();
            let is_outermost = outer.is_none();
            corked.set(outer.or_else(|| Some(Arc::clone(held))));
            is_outermost
        });
        if !is_outermost.unwrap_or(false) {
            return Self { held: None };
        }
        held.corks.fetch_add(1, Ordering::AcqRel);
        Self {
            held: Some(Arc::clone(held)),
        }
    }
}

impl Drop for Cork {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let _ = CORKED.try_with(Cell::take);
            held.corks.fetch_sub(1, Ordering::AcqRel);
            held.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicU32);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn drain(mailbox: &Mailbox<u8>) -> (Vec<u8>, Vec<u8>) {
        let (mut items, mut arena) = (Vec::new(), Vec::new());
        mailbox.drain_into(&mut items, &mut arena);
        (items, arena)
    }

    #[test]
    fn items_and_bytes_keep_their_order() {
        let mailbox = Mailbox::default();
        for n in 0..3 {
            mailbox
                .push_with(1, Budget::Unlimited, |items, arena| {
                    items.push(n);
                    arena.push(b'a' + n);
                })
                .unwrap();
        }
        assert_eq!(drain(&mailbox), (vec![0, 1, 2], b"abc".to_vec()));
        assert_eq!(drain(&mailbox), (vec![], vec![]));
    }

    #[test]
    fn a_sleeping_drainer_is_woken_once() {
        let mailbox = Mailbox::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        assert!(mailbox.sleep(&waker));
        mailbox.push(1, 1, Budget::Unlimited).unwrap();
        mailbox.push(2, 1, Budget::Unlimited).unwrap();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(!mailbox.sleep(&waker), "what waits keeps the drainer awake");
    }

    #[test]
    fn a_drainer_that_is_awake_is_not_woken() {
        let mailbox = Mailbox::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        assert!(mailbox.sleep(&waker));
        mailbox.stay_awake();
        mailbox.push(1, 1, Budget::Unlimited).unwrap();
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        assert_eq!(drain(&mailbox).0, [1]);
        assert!(mailbox.sleep(&waker));
        mailbox.push(2, 1, Budget::Unlimited).unwrap();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_cork_holds_the_wake_up_back() {
        let mailbox = Mailbox::default();
        let count = Arc::new(Count::default());
        assert!(mailbox.sleep(&Waker::from(Arc::clone(&count))));
        let outer = Cork::new();
        let inner = Cork::new();
        mailbox.push(1, 1, Budget::Unlimited).unwrap();
        drop(inner);
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        drop(outer);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_refusal_keeps_nobody_awake_after_the_end() {
        let mailbox = Mailbox::default();
        mailbox.push(1, 1, Budget::Bytes(1)).unwrap();
        assert_eq!(mailbox.push(2, 1, Budget::Bytes(1)), Err(PushError::Full));
        mailbox.close();
        assert!(mailbox.sleep(Waker::noop()));
    }

    #[test]
    fn the_budget_counts_what_waits_here_and_there() {
        let mailbox = Mailbox::default();
        assert_eq!(
            mailbox.push(1, 500, Budget::Bytes(100)),
            Ok(()),
            "a lone message may be larger"
        );
        assert!(!mailbox.was_refused());
        assert_eq!(mailbox.push(2, 1, Budget::Bytes(100)), Err(PushError::Full));
        assert!(!mailbox.sleep(Waker::noop()) && mailbox.was_refused());
        mailbox.forget_refusal();
        assert!(!mailbox.was_refused());
        assert_eq!(mailbox.push(3, 1, Budget::Unlimited), Ok(()));
        drain(&mailbox);
        mailbox.set_backlog(99);
        assert_eq!(mailbox.push(4, 1, Budget::Bytes(100)), Ok(()));
        assert_eq!(mailbox.push(5, 1, Budget::Bytes(100)), Err(PushError::Full));
        assert_eq!(mailbox.buffered(), 100);
    }

    #[test]
    fn a_drainer_that_has_to_learn_of_a_refusal_does_not_sleep() {
        let mailbox = Mailbox::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        mailbox.set_backlog(1);
        assert!(mailbox.sleep(&waker));
        for _ in 0..2 {
            assert_eq!(mailbox.push(1, 1, Budget::Bytes(1)), Err(PushError::Full));
            assert_eq!(count.0.load(Ordering::SeqCst), 1, "it is woken once");
        }
        assert!(!mailbox.sleep(&waker));
        assert!(mailbox.was_refused());
        assert!(mailbox.sleep(&waker), "it knows");
    }

    #[test]
    fn spare_memory_is_given_back_and_nothing_else() {
        let mailbox = Mailbox::default();
        let push = |n| {
            let write = |items: &mut Vec<u8>, arena: &mut Vec<u8>| {
                items.push(n);
                arena.push(n);
            };
            mailbox.push_with(1, Budget::Unlimited, write).unwrap();
        };
        push(1);
        mailbox.release();
        push(2);
        assert_eq!(drain(&mailbox), (vec![1, 2], vec![1, 2]));
        mailbox.release();
        let inner = mailbox.lock();
        assert_eq!((inner.items.capacity(), inner.arena.capacity()), (0, 0));
    }

    #[test]
    fn after_close_nothing_enters() {
        let mailbox = Mailbox::default();
        mailbox.push(1, 1, Budget::Unlimited).unwrap();
        assert_eq!(mailbox.close(), vec![1]);
        assert_eq!(
            mailbox.push(2, 1, Budget::Unlimited),
            Err(PushError::Closed)
        );
    }

    #[test]
    fn pushes_of_many_threads_all_arrive_in_their_threads_order() {
        let mailbox = Arc::new(Mailbox::default());
        let threads: Vec<_> = (0..4u32)
            .map(|t| {
                let mailbox = Arc::clone(&mailbox);
                std::thread::spawn(move || {
                    for n in 0..1000u32 {
                        mailbox.push((t, n), 1, Budget::Unlimited).unwrap();
                    }
                })
            })
            .collect();
        let mut seen = [0; 4];
        let mut total = 0;
        while total < 4000 {
            let (mut items, mut arena) = (Vec::new(), Vec::new());
            mailbox.drain_into(&mut items, &mut arena);
            for (t, n) in items {
                assert_eq!(seen[t as usize], n);
                seen[t as usize] += 1;
                total += 1;
            }
        }
        threads.into_iter().for_each(|t| t.join().unwrap());
    }
}
