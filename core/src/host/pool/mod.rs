//! Delivery by callback threads: one socket's events in order, different sockets in parallel.
//!
//! A socket's events wait in its own lane. A lane with events is given to one thread at a time. A callback that blocks
//! holds its lane and its thread; when lanes wait and no thread comes free, another thread is started, up to a bound. A
//! lane whose events take long goes to the end of the line between two of them when others wait.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

use crate::host::batch::{self, EventBatch};
use crate::host::lane::Lane;
use crate::host::room::Room;
use crate::host::{Bounds, Handler};
use crate::socketio::event::{Clock, EventSink, QueueFull, RequestEvent, What};
use crate::socketio::{Backlog, Event, Socket};
use crate::stats::{Amount, Stats, Strain};
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Condvar, Lock as _, Mutex, MutexGuard, has_ended, without_signals};

/// After this many handled events, the count of waiting events is reduced.
const SETTLED: usize = 32;
/// The bytes of memory that a lane without events may keep.
const KEPT: usize = 1024;
/// How long lanes may wait for a thread before another is started, and about how long a lane has one while others wait.
const STALL: Duration = Duration::from_millis(20);
/// The largest number of threads if the host has not set one.
const MAX_THREADS: usize = 64;
/// How long a thread beyond the first ones stays idle before it ends.
const LINGER: Duration = Duration::from_secs(10);

/// The number of callback threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// Always this many.
    Fixed(usize),
    /// This many, and more while callbacks block.
    Growing(usize),
}

/// Runs the callbacks of a host on threads of its own.
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    handler: Arc<dyn Handler>,
    run: Mutex<Run>,
    work: Condvar,
    /// Events that belong to no socket, in order.
    server_lane: Mutex<Lane>,
    clock: Arc<dyn Clock>,
    room: Room,
    /// Counts the looks at lanes that wait: a thread that sees it change has had its lane for long enough.
    looks: AtomicU32,
    /// Whether jobs were submitted for which no thread was woken yet.
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
    /// Counts the jobs taken, without those that were put back: if it stands still while jobs wait, threads are missing.
    taken: u64,
    watched: bool,
    stopping: bool,
    /// All threads have ended: events are dropped.
    ended: bool,
}

enum Job {
    Socket(Arc<Socket>),
    Server,
    /// An event that must wait for nothing before it.
    Alone(EventBatch),
}

/// How a thread's turn with a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Everything was dealt with.
    Done,
    /// Others wait, and there is more.
    Over,
}

impl Pool {
    /// Starts the threads.
    pub fn new(
        handler: Arc<dyn Handler>,
        threads: Threads,
        bounds: Bounds,
        clock: Arc<dyn Clock>,
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
            clock,
            room: Room::new(bounds, Arc::clone(&stats)),
            looks: AtomicU32::new(0),
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
        let left = {
            let mut run = self.shared.run();
            run.ended = true;
            std::mem::take(&mut run.jobs)
        };
        left.into_iter().for_each(|job| self.shared.discard(job));
    }
}

impl EventSink for Pool {
    fn deliver(&self, event: &Event<'_>) {
        self.shared.room.enter(event, batch::cost(event));
        if let What::Request(_, RequestEvent::AllowRequest { .. } | RequestEvent::Headers { .. }) =
            event.what
        {
            let mut batch = EventBatch::default();
            batch.push(event);
            return self.shared.submit(Job::Alone(batch));
        }
        let socket = event.socket();
        let scheduled = {
            let mut lane = self.shared.lane(socket).locked();
            lane.batch.push(event);
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

    fn offer(&self, event: &Event<'_>) -> Result<(), QueueFull> {
        if !self.shared.room.has_room_for_request() {
            return Err(QueueFull);
        }
        self.deliver(event);
        Ok(())
    }

    fn poll_ready(&self, connection: &Arc<Backlog>, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.room.poll(connection, cx)
    }

    fn forget(&self, connection: &Arc<Backlog>) {
        self.shared.room.forget(connection);
    }

    fn strain(&self) -> Strain {
        let run = self.shared.run();
        let at = self.shared.oldest(&run);
        Strain {
            oldest: at.map(|at| self.shared.clock.now().saturating_duration_since(at)),
            busy_threads: run.alive - run.idle,
        }
    }
}

impl Shared {
    /// Where the events of a socket wait, or those that belong to no socket.
    fn lane<'a>(&'a self, socket: Option<&'a Arc<Socket>>) -> &'a Mutex<Lane> {
        let own = |socket: &'a Arc<Socket>| socket.delivery().get_or_init(Mutex::<Lane>::default);
        // A server has one delivery, so the slot of its sockets never holds anything but a lane.
        socket.and_then(own).unwrap_or(&self.server_lane)
    }

    fn submit(&self, job: Job) {
        let mut run = self.run();
        if run.ended {
            drop(run);
            return self.discard(job);
        }
        run.jobs.push_back(job);
        drop(run);
        self.unrung.store(true, Ordering::Release);
    }

    /// Drops the events of a job. They hold objects that hold this pool, so they must not stay when the threads have
    /// ended; a thread of the host can still cause events then, if it began a call before the server was stopped.
    fn discard(&self, job: Job) {
        let batches = {
            let mut lane = match &job {
                Job::Alone(_) => None,
                Job::Server => Some(self.server_lane.locked()),
                Job::Socket(socket) => Some(self.lane(Some(socket)).locked()),
            };
            lane.as_mut().map(|lane| {
                lane.scheduled = false;
                (lane.begun.take(), std::mem::take(&mut lane.batch))
            })
        };
        match (job, batches) {
            (Job::Alone(batch), _) => self.release(batch),
            (_, Some((begun, batch))) => {
                begun.into_iter().for_each(|begun| self.release(*begun));
                self.release(batch);
            }
            (_, None) => {}
        }
    }

    /// Drops the events of a batch, and gives the room back that they take.
    fn release(&self, mut batch: EventBatch) {
        while !batch.is_empty() {
            let cost = batch.advance(|event, cost| self.room.release(event, cost));
            self.room.leave(Amount::one(cost));
        }
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
        // A thread that takes one of these jobs may block in it, and the next job then waits for another thread.
        let watch = jobs > idle && !run.watched && !run.stopping;
        run.watched |= watch;
        drop(run);
        (0..jobs.min(idle)).for_each(|_| self.work.notify_one());
        if watch {
            self.watch(taken);
        }
    }

    /// Looks again after a while whether the threads have got on, for as long as lanes wait.
    fn watch(&self, taken: u64) {
        let itself = Weak::clone(&self.itself);
        self.clock.after(
            STALL,
            Box::new(move || {
                let Some(shared) = itself.upgrade() else {
                    return;
                };
                let mut run = shared.run();
                if run.jobs.is_empty() || run.stopping {
                    run.watched = false;
                    return;
                }
                shared.looks.fetch_add(1, Ordering::Relaxed);
                if run.taken == taken && run.alive < shared.most {
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
        if let Ok(thread) = without_signals(|| builder.spawn(move || shared.work())) {
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
                Job::Alone(mut alone) => while self.handle(&mut alone) == Turn::Over {},
                Job::Server => self.serve(&self.server_lane, &mut batch, || Job::Server),
                Job::Socket(socket) => {
                    self.serve(self.lane(Some(&socket)), &mut batch, || {
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
                run.taken = run.taken.wrapping_add(1);
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
        {
            let mut lane = lane.locked();
            match lane.begun.take() {
                Some(mut begun) => std::mem::swap(&mut *begun, batch),
                None => std::mem::swap(&mut lane.batch, batch),
            }
        }
        let turn = self.handle(batch);
        let more = {
            let mut lane = lane.locked();
            if turn == Turn::Over {
                lane.begun = Some(Box::new(std::mem::take(batch)));
            }
            lane.scheduled = turn == Turn::Over || !lane.batch.is_empty();
            if !lane.scheduled {
                // The lane gets its own small memory back, and the thread keeps its large one.
                std::mem::swap(&mut lane.batch, batch);
                lane.batch.shrink(KEPT);
            }
            lane.scheduled
        };
        if more {
            // This thread takes it itself when it comes to it.
            let mut run = self.run();
            run.jobs.push_back(again());
            if turn == Turn::Over {
                run.taken = run.taken.wrapping_sub(1);
            }
        }
    }

    fn handle(&self, batch: &mut EventBatch) -> Turn {
        let looks = self.looks.load(Ordering::Relaxed);
        let mut done = Amount::default();
        while let Some(event) = batch.current() {
            if event.is_withdrawn() {
                self.stats.questions_withdrawn_total.add(1);
            } else {
                self.handler.handle(&event);
            }
            let cost = batch.advance(|event, cost| self.room.release(event, cost));
            done += Amount::one(cost);
            if done.events == SETTLED {
                self.room.leave(std::mem::take(&mut done));
            }
            if self.looks.load(Ordering::Relaxed) != looks && !batch.is_empty() {
                self.room.leave(done);
                return Turn::Over;
            }
        }
        self.room.leave(done);
        Turn::Done
    }

    /// When the event happened that waits first in line.
    fn oldest(&self, run: &Run) -> Option<Instant> {
        let lane = |lane: &Mutex<Lane>| {
            let lane = lane.locked();
            let first = lane.begun.as_deref().unwrap_or(&lane.batch);
            first.current().map(|event| event.at)
        };
        match run.jobs.front()? {
            Job::Alone(batch) => batch.current().map(|event| event.at),
            Job::Server => lane(&self.server_lane),
            Job::Socket(socket) => lane(self.lane(Some(socket))),
        }
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.locked()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("first", &self.shared.first)
            .field("most", &self.shared.most)
            .finish_non_exhaustive()
    }
}
