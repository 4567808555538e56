//! Limits how much may wait for the host, and decides which connections are read while the host is behind.
//!
//! | source of events | accepted |
//! |---|---|
//! | a connection without waiting events | always; one message at a time at the bound |
//! | a connection with waiting events | while they are less than its share, and all waiting events less than three quarters of the bound |
//! | a connection that has not joined a namespace | while the waiting events are below the bound |
//! | a question about a request, a refused request | while such events are less than a quarter of the bound |
//!
//! A connection that sends faster than its handlers run therefore slows down itself and no other connection, and a
//! quarter of the bound stays free for new connections.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::host::Bounds;
use crate::socketio::backlog::SHARE;
use crate::socketio::event::{SocketEvent, What};
use crate::socketio::{Backlog, Event};
use crate::stats::{Amount, Stats};
use crate::sync::Lock as _;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The share of a connection is at most the bound divided by this.
const SHARES: usize = 16;

/// The bounds, and the connections that wait for room.
pub(super) struct Room {
    all: Amount,
    /// The bound for all events while a connection with waiting events is read.
    most: Amount,
    /// Connections that wait for room are woken when no more than this waits in all.
    low: Amount,
    /// The bound for one connection.
    share: Amount,
    /// A connection that has used up its share is woken when no more than this of it waits.
    resume: Amount,
    /// The bound for events that belong to requests.
    most_requests: Amount,
    /// Connections that wait for room, by their address.
    waiting: Mutex<HashMap<usize, Arc<Backlog>>>,
    has_waiting: AtomicBool,
    stats: Arc<Stats>,
}

impl Room {
    pub(super) fn new(bounds: Bounds, stats: Arc<Stats>) -> Self {
        let each = |number: fn(usize, usize) -> usize| Amount {
            events: number(bounds.events, SHARE.events),
            bytes: number(bounds.bytes, SHARE.bytes),
        };
        let share = each(|all, share| (all / SHARES).clamp(1, share));
        Self {
            all: each(|all, _| all),
            most: each(|all, _| all - all / 4),
            low: each(|all, _| {
                let most = all - all / 4;
                most - most / 8 - 1
            }),
            share,
            resume: Amount {
                events: share.events / 2,
                bytes: share.bytes / 2,
            },
            most_requests: each(|all, _| (all / 4).max(1)),
            waiting: Mutex::default(),
            has_waiting: AtomicBool::new(false),
            stats,
        }
    }

    /// Counts an event that begins to wait.
    pub(super) fn enter(&self, event: &Event<'_>, cost: usize) {
        let one = Amount::one(cost);
        let all = self.stats.queued.add(one);
        if let Some(socket) = event.socket() {
            let backlog = socket.link().backlog();
            let own = backlog.add(one);
            if !own.is_below(self.share) || !all.is_below(self.most) {
                backlog.set_full(true);
            }
            if matches!(event.what, What::Socket(_, SocketEvent::Connection)) {
                backlog.set_joined();
            }
        } else if event.is_about_request() {
            self.stats.queued_requests.add(one);
        }
    }

    /// Whether there is room for an event that belongs to a request.
    pub(super) fn has_room_for_request(&self) -> bool {
        self.stats
            .queued_requests
            .now()
            .is_below(self.most_requests)
    }

    /// Gives back an event's room in the bound of its connection or of requests.
    pub(super) fn release(&self, event: &Event<'_>, cost: usize) {
        if let Some(socket) = event.socket() {
            self.release_of(socket.link().backlog(), Amount::one(cost));
        } else if event.is_about_request() {
            self.stats.queued_requests.remove(Amount::one(cost));
        }
    }

    /// Gives back room in the bound of one connection.
    fn release_of(&self, backlog: &Backlog, amount: Amount) {
        let left = backlog.remove(amount);
        if left.is_within(self.resume) && backlog.waits() {
            backlog.wake();
        }
    }

    /// Gives back room in the bound of all.
    pub(super) fn leave(&self, amount: Amount) {
        if amount.is_empty() {
            return;
        }
        let left = self.stats.queued.remove(amount);
        if left.is_within(self.low) && self.has_waiting.load(Ordering::SeqCst) {
            let waiting = {
                let mut waiting = self.waiting.locked();
                self.has_waiting.store(false, Ordering::SeqCst);
                std::mem::take(&mut *waiting)
            };
            waiting.into_values().for_each(|backlog| backlog.wake());
        }
    }

    /// Whether a connection may be read; if not, its task is woken when it may.
    pub(super) fn poll(&self, backlog: &Arc<Backlog>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.admits(backlog) {
            backlog.wait(cx.waker());
            if !self.stats.queued.now().is_below(self.most) {
                let mut waiting = self.waiting.locked();
                waiting.insert(address(backlog), Arc::clone(backlog));
                self.has_waiting.store(true, Ordering::SeqCst);
            }
            // Room may have been made just before.
            let (own, all) = (backlog.now_after_wait(), self.stats.queued.now_after_note());
            if !self.admits_at(backlog, own, all) {
                return Poll::Pending;
            }
        }
        backlog.set_full(false);
        Poll::Ready(())
    }

    /// A connection has ended: it waits for nothing any more.
    pub(super) fn forget(&self, backlog: &Arc<Backlog>) {
        backlog.forget_waker();
        if self.has_waiting.load(Ordering::SeqCst) {
            let mut waiting = self.waiting.locked();
            waiting.remove(&address(backlog));
        }
    }

    fn admits(&self, backlog: &Backlog) -> bool {
        let own = backlog.now();
        let is_free = own.is_empty() && backlog.has_joined();
        is_free || self.admits_at(backlog, own, self.stats.queued.now())
    }

    fn admits_at(&self, backlog: &Backlog, own: Amount, all: Amount) -> bool {
        if own.is_empty() {
            return backlog.has_joined() || all.is_below(self.all);
        }
        own.is_below(self.share) && all.is_below(self.most)
    }
}

fn address(backlog: &Arc<Backlog>) -> usize {
    Arc::as_ptr(backlog).addr()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};
    use std::time::Instant;

    use super::*;
    use crate::socketio::client::tests::World;
    use crate::socketio::event::ServerEvent;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test needs some moment")]
    fn now() -> Instant {
        Instant::now()
    }

    fn shutdown() -> Event<'static> {
        Event::of_server(ServerEvent::Shutdown, now())
    }

    #[test]
    fn while_there_is_little_room_only_who_has_nothing_waiting_is_read() {
        let bounds = Bounds {
            events: 64,
            bytes: usize::MAX,
        };
        let room = Room::new(bounds, Arc::default());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let is_read = |backlog: &Arc<Backlog>| {
            let cx = &mut Context::from_waker(&waker);
            room.poll(backlog, cx).is_ready()
        };
        let fill = |count| (0..count).for_each(|_| room.enter(&shutdown(), 100));
        let [busy, quiet, new] = [(); 3].map(|()| World::connected().socket("/"));
        let [busy_log, quiet_log, new_log] =
            [&busy, &quiet, &new].map(|socket| socket.link().backlog());
        busy_log.set_joined();
        quiet_log.set_joined();
        let drain = Event::of_socket(&busy, SocketEvent::Drain, now());
        room.enter(&drain, 100);
        fill(46);
        assert!(is_read(busy_log), "47 of 64");
        fill(1);
        assert!(!is_read(busy_log) && is_read(quiet_log) && is_read(new_log));
        fill(16);
        assert!(!is_read(busy_log) && is_read(quiet_log) && !is_read(new_log));
        // However often it asks, it is woken once.
        assert!(!is_read(busy_log));
        room.release(&drain, 100);
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(is_read(busy_log), "nothing of it waits any more");
        room.leave(Amount {
            events: 64 - 42,
            bytes: 0,
        });
        assert_eq!(woken.0.load(Ordering::SeqCst), 1, "that is not enough");
        room.leave(Amount::one(0));
        assert_eq!(woken.0.load(Ordering::SeqCst), 2);
        assert!(is_read(new_log));
    }

    #[test]
    fn who_has_gone_waits_for_nothing() {
        let bounds = Bounds {
            events: 1,
            bytes: usize::MAX,
        };
        let room = Room::new(bounds, Arc::default());
        room.enter(&shutdown(), 1);
        let waker = Waker::from(Arc::new(Woken::default()));
        for _ in 0..3 {
            let backlog = Arc::default();
            let poll = room.poll(&backlog, &mut Context::from_waker(&waker));
            assert!(poll.is_pending());
            room.forget(&backlog);
            assert_eq!(Arc::strong_count(&backlog), 1);
        }
    }
}
