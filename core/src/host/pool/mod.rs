//! Delivery by callback threads: one socket's events in order, different sockets in parallel.
//!
//! A socket's events wait in its own lane. A lane with events is given to one thread at a time. A callback that blocks
//! holds its lane and its thread; when lanes wait and no thread comes free, another thread is started, up to a bound.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

use crate::host::{Bounds, Handler};
use crate::socketio::event::{EventSink, Timer};
use crate::socketio::socket::Lane;
use crate::socketio::{Event, EventBatch, Socket};
use crate::stats::Stats;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Condvar, Mutex, MutexGuard, has_ended};

/// Events of one socket that may wait before it is left unread.
const LANE_EVENTS: usize = 1024;
/// Bytes of them.
const LANE_BYTES: usize = 1 << 20;
/// Memory that a lane without events may keep.
const KEPT: usize = 1024;
/// How long lanes may wait for a thread before another is started.
const STALL: Duration = Duration::from_millis(20);
/// How many threads there may be when the host has not said.
const MAX_THREADS: usize = 64;
/// How long a thread beyond the first ones stays without work.
const LINGER: Duration = Duration::from_secs(10);

/// How many callback threads there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// As many as given.
    Fixed(usize),
    /// As many as given, and more while callbacks block.
    Growing(usize),
}

/// See the module's documentation.
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    handler: Arc<dyn Handler>,
    run: Mutex<Run>,
    work: Condvar,
    /// Events that belong to no socket, in order.
    server_lane: Mutex<Lane>,
    timer: Arc<dyn Timer>,
    bounds: Bounds,
    waiting_events: AtomicUsize,
    waiting_bytes: AtomicUsize,
    paused: Mutex<Vec<Waker>>,
    /// Jobs were submitted that nobody was woken for yet.
    unrung: AtomicBool,
    first: usize,
    most: usize,
    stats: Arc<Stats>,
    itself: Weak<Self>,
}

#[derive(Default)]
struct Run {
    jobs: VecDeque<Job>,
    threads: Vec<JoinHandle<()>>,
    alive: usize,
    idle: usize,
    /// Counts the jobs taken: if it stands still while jobs wait, the threads are stuck.
    taken: u64,
    watched: bool,
    stopping: bool,
}

enum Job {
    Socket(Arc<Socket>),
    Server,
    /// An event that must wait for nothing before it.
    Alone(EventBatch),
}

impl Pool {
    /// Starts the threads.
    pub fn new(
        handler: Arc<dyn Handler>,
        threads: Threads,
        bounds: Bounds,
        timer: Arc<dyn Timer>,
        stats: Arc<Stats>,
    ) -> Self {
        let (first, most) = match threads {
            Threads::Fixed(count) => (count.max(1), count.max(1)),
            Threads::Growing(count) => (count.max(1), count.max(MAX_THREADS)),
        };
        let shared = Arc::new_cyclic(|itself| Shared {
            handler,
            run: Mutex::default(),
            work: Condvar::new(),
            server_lane: Mutex::default(),
            timer,
            bounds,
            waiting_events: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
            paused: Mutex::default(),
            unrung: AtomicBool::new(false),
            first,
            most,
            stats,
            itself: Weak::clone(itself),
        });
        let mut run = shared.run();
        for _ in 0..first {
            shared.start_thread(&mut run);
        }
        drop(run);
        Self { shared }
    }

    /// Deals with what waits, ends the threads and waits for them. A callback that does not return is waited for.
    pub fn stop(&self) {
        let threads = {
            let mut run = self.shared.run();
            run.stopping = true;
            self.shared.work.notify_all();
            std::mem::take(&mut run.threads)
        };
        for thread in threads {
            // A thread ends with a panic only when the host's code panicked; that was reported there.
            let _ = thread.join();
        }
    }
}

impl EventSink for Pool {
    #[expect(
        clippy::disallowed_methods,
        reason = "an event that no wake-up caused happens now"
    )]
    fn deliver(&self, event: &Event<'_>, at: Option<Instant>) {
        let at = at.unwrap_or_else(Instant::now);
        let cost = EventBatch::cost(event);
        self.shared.waiting_events.fetch_add(1, Ordering::Relaxed);
        self.shared.waiting_bytes.fetch_add(cost, Ordering::Relaxed);
        self.shared.stats.queued_events.add(1);
        self.shared.stats.queued_bytes.add(cost as i64);
        if matches!(event, Event::AllowRequest { .. } | Event::Headers { .. }) {
            let mut batch = EventBatch::default();
            batch.push(event, at);
            return self.shared.submit(Job::Alone(batch));
        }
        let socket = event.socket();
        let scheduled = {
            let mut lane = lock(socket.map_or(&self.shared.server_lane, |socket| socket.lane()));
            lane.batch.push(event, at);
            std::mem::replace(&mut lane.scheduled, true)
        };
        if !scheduled {
            self.shared
                .submit(socket.map_or(Job::Server, |socket| Job::Socket(Arc::clone(socket))));
        }
    }

    fn ring(&self) {
        self.shared.ring();
    }

    fn poll_ready(&self, socket: Option<&Arc<Socket>>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(socket) = socket {
            let mut lane = lock(socket.lane());
            if lane.batch.len() >= LANE_EVENTS || lane.batch.bytes() >= LANE_BYTES {
                lane.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        let shared = &self.shared;
        if shared.has_room() {
            return Poll::Ready(());
        }
        lock(&shared.paused).push(cx.waker().clone());
        // A thread may have made room, and looked for whom to wake, just before.
        if shared.has_room() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Shared {
    fn has_room(&self) -> bool {
        self.waiting_events.load(Ordering::SeqCst) < self.bounds.events
            && self.waiting_bytes.load(Ordering::SeqCst) < self.bounds.bytes
    }

    fn submit(&self, job: Job) {
        self.run().jobs.push_back(job);
        self.unrung.store(true, Ordering::Release);
    }

    /// Sees to it that what was submitted is taken: by a thread that has nothing to do, or by another one when those
    /// there are do not get on.
    fn ring(&self) {
        if !self.unrung.load(Ordering::Acquire) || !self.unrung.swap(false, Ordering::AcqRel) {
            return;
        }
        let mut run = self.run();
        let (jobs, idle) = (run.jobs.len(), run.idle);
        let taken = run.taken;
        // Whoever takes one of these may be stuck with it before its next.
        let watch = jobs > idle && !run.watched && run.alive < self.most && !run.stopping;
        run.watched |= watch;
        drop(run);
        (0..jobs.min(idle)).for_each(|_| self.work.notify_one());
        if watch {
            self.watch(taken);
        }
    }

    /// Looks again after a while whether the threads have got on.
    fn watch(&self, taken: u64) {
        let itself = Weak::clone(&self.itself);
        self.timer.after(
            STALL,
            Box::new(move || {
                let Some(shared) = itself.upgrade() else {
                    return;
                };
                let mut run = shared.run();
                if run.jobs.is_empty() || run.stopping || run.alive >= shared.most {
                    run.watched = false;
                    return;
                }
                if run.taken == taken {
                    shared.start_thread(&mut run);
                }
                let taken = run.taken;
                drop(run);
                shared.watch(taken);
            }),
        );
    }

    fn start_thread(&self, run: &mut Run) {
        let Some(shared) = self.itself.upgrade() else {
            return;
        };
        let builder = thread::Builder::new().name("bellwire-call".to_owned());
        // Without a thread more the others go on as they are.
        if let Ok(thread) = builder.spawn(move || shared.work()) {
            run.threads.retain(|thread| !has_ended(thread));
            run.threads.push(thread);
            run.alive += 1;
        }
    }

    /// What a callback thread does.
    fn work(&self) {
        let mut batch = EventBatch::default();
        while let Some(job) = self.take() {
            match job {
                Job::Alone(mut alone) => self.handle(&mut alone),
                Job::Server => self.serve(&self.server_lane, &mut batch, || Job::Server),
                Job::Socket(socket) => {
                    self.serve(socket.lane(), &mut batch, || {
                        Job::Socket(Arc::clone(&socket))
                    });
                }
            }
        }
    }

    fn take(&self) -> Option<Job> {
        let mut run = self.run();
        loop {
            if let Some(job) = run.jobs.pop_front() {
                run.taken += 1;
                return Some(job);
            }
            let surplus = run.alive > self.first;
            if run.stopping {
                run.alive -= 1;
                return None;
            }
            run.idle += 1;
            let (guard, waited) = self
                .work
                .wait_timeout(run, if surplus { LINGER } else { Duration::MAX })
                .unwrap_or_else(PoisonError::into_inner);
            run = guard;
            run.idle -= 1;
            if surplus && waited.timed_out() && run.jobs.is_empty() && run.alive > self.first {
                run.alive -= 1;
                return None;
            }
        }
    }

    /// Deals with what a lane holds now; what comes meanwhile goes to the end of the line.
    fn serve(&self, lane: &Mutex<Lane>, batch: &mut EventBatch, again: impl FnOnce() -> Job) {
        let waker = {
            let mut lane = lock(lane);
            std::mem::swap(&mut lane.batch, batch);
            lane.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        self.handle(batch);
        let more = {
            let mut lane = lock(lane);
            lane.scheduled = !lane.batch.is_empty();
            if !lane.scheduled {
                // The lane gets its own small memory back, and the thread keeps its large one.
                std::mem::swap(&mut lane.batch, batch);
                lane.batch.shrink(KEPT);
            }
            lane.scheduled
        };
        if more {
            // This thread takes it itself when it comes to it.
            self.run().jobs.push_back(again());
        }
    }

    fn handle(&self, batch: &mut EventBatch) {
        let (events, bytes) = (batch.len(), batch.bytes());
        while let Some((event, at)) = batch.current() {
            self.handler.handle(&event, at);
            batch.advance();
        }
        self.waiting_events.fetch_sub(events, Ordering::SeqCst);
        self.waiting_bytes.fetch_sub(bytes, Ordering::SeqCst);
        self.stats.queued_events.add(-(events as i64));
        self.stats.queued_bytes.add(-(bytes as i64));
        if self.has_room() {
            let paused = std::mem::take(&mut *lock(&self.paused));
            paused.into_iter().for_each(Waker::wake);
        }
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        lock(&self.run)
    }
}

/// No host code runs under any of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("first", &self.shared.first)
            .field("most", &self.shared.most)
            .finish_non_exhaustive()
    }
}
