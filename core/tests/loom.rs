//! Every order in which threads can meet at a mailbox, a queue or a pool, up to a number of preemptions: a wake-up or a
//! ring that is lost ends as a deadlock, which the model checker reports with the way that led to it. `make loom` runs it.
#![cfg(loom)]

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bellwire_core::engineio::{SessionId, TransportKind};
use bellwire_core::host::pool::Threads;
use bellwire_core::host::{Bell, Bounds, Handler, Pool, Queue};
use bellwire_core::log::listener::ServerId;
use bellwire_core::mailbox::{Budget, Cork, Mailbox, PushError};
use bellwire_core::socketio::event::{Clock, EventSink, Hooks, ServerEvent, SocketEvent, What};
use bellwire_core::socketio::{
    Backlog, Context as Server, Event, Handshake, Limits, Link, Namespace, Parser, Protocol,
    Request, SendPolicy, Settings, Socket,
};
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

/// What a thread waits for: set once and taken once, like the wake-up of a task.
#[derive(Default)]
struct Signal {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn set(&self) {
        *self.set.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn take(&self) {
        let mut set = self.set.lock().unwrap();
        while !std::mem::take(&mut *set) {
            set = self.changed.wait(set).unwrap();
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.set();
    }
}

/// The drainer of a mailbox, which sleeps while it is empty.
struct Drainer {
    alarm: Arc<Signal>,
    waker: Waker,
    items: Vec<(u8, u8)>,
    arena: Vec<u8>,
}

impl Drainer {
    fn new() -> Self {
        let alarm = Arc::new(Signal::default());
        Self {
            waker: Waker::from(Arc::clone(&alarm)),
            alarm,
            items: Vec::new(),
            arena: Vec::new(),
        }
    }

    fn drain(&mut self, mailbox: &Mailbox<(u8, u8)>) -> bool {
        mailbox.drain_into(&mut self.items, &mut self.arena)
    }

    fn sleep(&self, mailbox: &Mailbox<(u8, u8)>) {
        if mailbox.sleep(&self.waker) {
            self.alarm.take();
        }
    }

    /// Takes items until there are `count` of them.
    fn drain_until(&mut self, mailbox: &Mailbox<(u8, u8)>, count: usize) {
        loop {
            while self.drain(mailbox) {}
            if self.items.len() >= count {
                return;
            }
            self.sleep(mailbox);
        }
    }

    /// Whether the items of each pusher are there in order, `each` of every pusher.
    fn holds(&self, pushers: u8, each: u8) -> bool {
        (0..pushers).all(|pusher| {
            let of_pusher = self.items.iter().filter(|item| item.0 == pusher);
            of_pusher.map(|item| item.1).eq(0..each)
        })
    }
}

#[test]
fn a_sleeping_drainer_misses_nothing() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::default());
        for pusher in 0..2 {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                for n in 0..2 {
                    let write = |items: &mut Vec<_>, arena: &mut Vec<u8>| {
                        items.push((pusher, n));
                        arena.push(pusher);
                    };
                    mailbox.push_with(1, Budget::Unlimited, write).unwrap();
                }
            });
        }
        let mut drainer = Drainer::new();
        drainer.drain_until(&mailbox, 4);
        assert!(drainer.holds(2, 2));
        let pushers: Vec<_> = drainer.items.iter().map(|item| item.0).collect();
        assert_eq!(drainer.arena, pushers, "bytes stay with their items");
    });
}

#[test]
fn a_drainer_that_something_else_woke_misses_nothing() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::default());
        let mut drainer = Drainer::new();
        for pusher in 0..2 {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.push((pusher, 0), 1, Budget::Unlimited).unwrap());
        }
        let other = Arc::clone(&drainer.alarm);
        thread::spawn(move || other.set());
        while drainer.items.len() < 2 {
            drainer.sleep(&mailbox);
            mailbox.stay_awake();
            while drainer.drain(&mailbox) {}
        }
        assert!(drainer.holds(2, 1));
    });
}

#[test]
fn a_refused_sender_is_told_when_there_is_room() {
    loom::model(|| {
        const BUDGET: usize = 1;
        let mailbox = Arc::new(Mailbox::default());
        let drained = Arc::new([Signal::default(), Signal::default()]);
        for pusher in 0..2 {
            let (mailbox, drained) = (Arc::clone(&mailbox), Arc::clone(&drained));
            thread::spawn(move || {
                while mailbox.push((pusher, 0), 1, Budget::Bytes(BUDGET)) == Err(PushError::Full) {
                    drained[usize::from(pusher)].take();
                }
            });
        }
        // A driver: what it took is under way for a while, and it tells of the drain when it is not any more.
        let mut drainer = Drainer::new();
        let mut owed = false;
        let mut turn = |drainer: &mut Drainer, under_way: usize| {
            while drainer.drain(&mailbox) {}
            mailbox.set_backlog(under_way);
            owed |= mailbox.was_refused();
            if under_way == 0 && std::mem::take(&mut owed) {
                mailbox.forget_refusal();
                drained.iter().for_each(Signal::set);
            }
        };
        while drainer.items.len() < 2 {
            turn(&mut drainer, BUDGET);
            turn(&mut drainer, 0);
            if drainer.items.len() < 2 {
                drainer.sleep(&mailbox);
            }
        }
        assert!(drainer.holds(2, 1));
    });
}

#[test]
fn what_is_pushed_before_the_close_comes_out() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::default());
        let pushers: [_; 2] = [0, 1].map(|pusher| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.push((pusher, 0), 1, Budget::Unlimited))
        });
        let mut drainer = Drainer::new();
        drainer.drain(&mailbox);
        drainer.items.extend(mailbox.close());
        for (pusher, pushed) in (0..).zip(pushers) {
            let came_out = drainer.items.contains(&(pusher, 0));
            let expected = if came_out {
                Ok(())
            } else {
                Err(PushError::Closed)
            };
            assert_eq!(pushed.join().unwrap(), expected);
        }
        assert!(!drainer.drain(&mailbox) && mailbox.is_closed());
    });
}

#[test]
fn a_note_left_before_a_wake_up_is_seen() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::<(u8, u8)>::default());
        let note = Arc::new(AtomicBool::new(false));
        let (sender, noted) = (Arc::clone(&mailbox), Arc::clone(&note));
        thread::spawn(move || {
            noted.store(true, Ordering::Release);
            sender.wake();
        });
        let drainer = Drainer::new();
        while !note.load(Ordering::Acquire) {
            if mailbox.sleep(&drainer.waker) && !note.load(Ordering::Acquire) {
                drainer.alarm.take();
            }
        }
    });
}

#[test]
fn a_cork_delays_the_wake_ups_of_its_thread_only() {
    loom::model(|| {
        let mailboxes: Arc<[Mailbox<_>; 2]> = Arc::default();
        let corked = Arc::clone(&mailboxes);
        thread::spawn(move || {
            let _cork = Cork::new();
            for mailbox in &*corked {
                mailbox.push((0, 0), 1, Budget::Unlimited).unwrap();
            }
        });
        let other = Arc::clone(&mailboxes);
        thread::spawn(move || other[0].push((1, 0), 1, Budget::Unlimited).unwrap());
        for (mailbox, pushers) in mailboxes.iter().zip([2, 1]) {
            let mut drainer = Drainer::new();
            drainer.drain_until(mailbox, usize::from(pushers));
            assert!(drainer.holds(pushers, 1));
        }
    });
}

/// A host that counts its events. Each event must come after the earlier events of its sender.
#[derive(Default)]
struct Seen {
    texts: Mutex<Vec<String>>,
    more: Condvar,
}

impl Handler for Seen {
    fn handle(&self, event: &Event<'_>) {
        let text = match event.what {
            What::Server(ServerEvent::Fault { text }) => text,
            What::Socket(_, SocketEvent::Drain) => "drain",
            _ => return,
        };
        self.texts.lock().unwrap().push(text.to_owned());
        self.more.notify_all();
    }
}

impl Seen {
    fn count(&self) -> usize {
        self.texts.lock().unwrap().len()
    }

    fn wait(&self, count: usize) {
        let mut texts = self.texts.lock().unwrap();
        while texts.len() < count {
            texts = self.more.wait(texts).unwrap();
        }
    }

    /// What one sender's events were.
    fn of(&self, sender: &str) -> String {
        let texts = self.texts.lock().unwrap();
        let of_sender = texts.iter().filter_map(|text| text.strip_prefix(sender));
        of_sender.collect()
    }
}

/// When there was something: the model has no time.
#[expect(clippy::disallowed_methods, reason = "a test needs some moment")]
fn now() -> Instant {
    Instant::now()
}

fn deliver(sink: &dyn EventSink, text: &str) {
    sink.deliver(&Event::of_server(ServerEvent::Fault { text }, now()));
}

fn bounds(events: usize) -> Bounds {
    Bounds {
        events,
        bytes: usize::MAX,
    }
}

fn queue(bell: Bell, events: usize) -> (Arc<Seen>, Arc<Queue>) {
    let seen = Arc::new(Seen::default());
    let handler: Arc<dyn Handler> = Arc::<Seen>::clone(&seen);
    let queue = Queue::new(
        handler,
        bell,
        bounds(events),
        Arc::new(Never),
        Arc::default(),
    );
    (seen, Arc::new(queue))
}

fn poll_now(queue: &Queue, max: usize) -> usize {
    queue.poll(max, None, Some(Duration::ZERO)).unwrap()
}

#[test]
fn a_host_that_waits_misses_no_ring() {
    loom::model(|| {
        let (seen, queue) = queue(Bell::descriptor().unwrap(), usize::MAX);
        let senders = [["a0", "a1"], ["b0", "b1"]].map(|texts| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                for text in texts {
                    deliver(&*queue, text);
                }
                queue.ring();
            })
        });
        while seen.count() < 4 {
            queue.poll(0, None, None).unwrap();
        }
        for sender in senders {
            sender.join().unwrap();
        }
        assert_eq!((seen.of("a"), seen.of("b")), ("01".into(), "01".into()));
        poll_now(&queue, 0);
        assert!(!queue.is_readable(), "nothing waits any more");
    });
}

#[test]
fn the_descriptor_stays_readable_while_something_waits() {
    loom::model(|| {
        let (seen, queue) = queue(Bell::descriptor().unwrap(), usize::MAX);
        let senders = ["a", "b"].map(|text| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                deliver(&*queue, text);
                queue.ring();
            })
        });
        poll_now(&queue, 1);
        poll_now(&queue, 1);
        for sender in senders {
            sender.join().unwrap();
        }
        assert!(seen.count() == 2 || queue.is_readable());
        poll_now(&queue, 0);
        poll_now(&queue, 0);
        assert!(seen.count() == 2 && !queue.is_readable());
    });
}

#[test]
fn a_bell_of_the_host_is_not_rung_too_seldom() {
    loom::model(|| {
        let rung = Arc::new(Signal::default());
        let rings = Arc::new(AtomicUsize::new(0));
        let (ring, count) = (Arc::clone(&rung), Arc::clone(&rings));
        let bell = Bell::Host(Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            ring.set();
        }));
        let (seen, queue) = queue(bell, usize::MAX);
        let senders = ["a", "b"].map(|text| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                deliver(&*queue, text);
                queue.ring();
            })
        });
        while seen.count() < 2 {
            rung.take();
            while poll_now(&queue, 0) > 0 {}
        }
        for sender in senders {
            sender.join().unwrap();
        }
        // One for each event, and one for each that came while the host looked.
        assert!(rings.load(Ordering::Relaxed) <= 4);
    });
}

#[test]
fn a_wake_up_without_an_event_ends_the_wait() {
    loom::model(|| {
        let (seen, queue) = queue(Bell::descriptor().unwrap(), usize::MAX);
        let over = Arc::new(AtomicBool::new(false));
        let sender = Arc::clone(&queue);
        thread::spawn(move || {
            deliver(&*sender, "a");
            sender.ring();
        });
        let (other, end) = (Arc::clone(&queue), Arc::clone(&over));
        thread::spawn(move || {
            end.store(true, Ordering::Release);
            other.wake();
        });
        while seen.count() == 0 || !over.load(Ordering::Acquire) {
            queue.poll(0, None, None).unwrap();
        }
    });
}

/// Delivers one event to a sink that may be full, as a connection does: it waits until it is told of room.
fn deliver_when_there_is_room(sink: &dyn EventSink, text: &str) {
    wait_for_room(sink, &Arc::default());
    deliver(sink, text);
    sink.ring();
}

fn wait_for_room(sink: &dyn EventSink, connection: &Arc<Backlog>) {
    let room = Arc::new(Signal::default());
    let waker = Waker::from(Arc::clone(&room));
    while sink.poll_ready(connection, &mut Context::from_waker(&waker)) == Poll::Pending {
        room.take();
    }
}

/// A connection's socket, for a sink whose events are delivered elsewhere.
fn socket(sink: &Arc<dyn EventSink>) -> Arc<Socket> {
    let limits = Limits {
        attachments: 1,
        auth_bytes: 1,
        packet_bytes: 1,
        json_depth: 1,
        namespaces: 1,
        pending_acks: 1,
        rooms: 0,
        held_messages: 1,
    };
    let context = Arc::new(Server {
        settings: Settings {
            limits,
            question_timeout: Duration::MAX,
            packet_timeout: Duration::MAX,
            send_buffer: 1,
            send_buffer_max: 1,
            send_grace: Duration::MAX,
            send_policy: SendPolicy::Error,
            protocol: Protocol::SocketIo(Parser::Json),
        },
        sink: Arc::clone(sink),
        clock: Arc::new(Never),
        log_id: ServerId::NONE,
        stats: Arc::default(),
        hooks: Hooks::default(),
    });
    let id = SessionId::random().unwrap();
    let link = Arc::new(Link::new(
        id,
        TransportKind::WebSocket,
        Arc::clone(&context),
    ));
    let namespace = Arc::new(Namespace::new("/", context));
    let peer = ("127.0.0.1".parse().unwrap(), 1);
    let request = Request::new("GET", "/", std::iter::empty(), peer, false);
    let handshake = Handshake::new(Arc::new(request), None, 0);
    Socket::new(id, &namespace, &link, handshake, 0)
}

/// A connection says more than may wait of it.
fn say_twice(sink: &Arc<dyn EventSink>) {
    let socket = socket(sink);
    for _ in 0..2 {
        wait_for_room(&**sink, socket.link().backlog());
        sink.deliver(&Event::of_socket(&socket, SocketEvent::Drain, now()));
        sink.ring();
    }
}

#[test]
fn a_connection_that_has_used_up_its_share_of_the_queue_gets_another() {
    loom::model(|| {
        let (seen, queue) = queue(Bell::descriptor().unwrap(), 16);
        let sink: Arc<dyn EventSink> = Arc::<Queue>::clone(&queue);
        thread::spawn(move || say_twice(&sink));
        while seen.count() < 2 {
            queue.poll(1, None, None).unwrap();
        }
    });
}

#[test]
fn a_connection_that_has_used_up_its_share_of_the_pool_gets_another() {
    loom::model(|| {
        let (seen, pool) = pool(1, 16);
        let sink: Arc<dyn EventSink> = Arc::<Pool>::clone(&pool);
        say_twice(&sink);
        seen.wait(2);
        pool.stop();
    });
}

#[test]
fn a_connection_that_waits_for_room_in_the_queue_gets_it() {
    loom::model(|| {
        let (seen, queue) = queue(Bell::descriptor().unwrap(), 1);
        for text in ["a", "b"] {
            let queue = Arc::clone(&queue);
            thread::spawn(move || deliver_when_there_is_room(&*queue, text));
        }
        while seen.count() < 2 {
            queue.poll(1, None, None).unwrap();
        }
    });
}

/// The model has no time: no thread is ever found to be stuck.
#[derive(Debug)]
struct Never;

impl Clock for Never {
    fn now(&self) -> Instant {
        now()
    }

    fn after(&self, _: Duration, _: Box<dyn FnOnce() + Send>) {}
}

fn pool(threads: usize, events: usize) -> (Arc<Seen>, Arc<Pool>) {
    let seen = Arc::new(Seen::default());
    let handler: Arc<dyn Handler> = Arc::<Seen>::clone(&seen);
    let pool = Pool::new(
        handler,
        Threads::Fixed(threads),
        bounds(events),
        Arc::new(Never),
        Arc::default(),
    );
    (seen, Arc::new(pool))
}

#[test]
fn a_callback_thread_misses_no_ring() {
    loom::model(|| {
        let (seen, pool) = pool(1, usize::MAX);
        for text in ["a", "b"] {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                deliver(&*pool, text);
                pool.ring();
            });
        }
        seen.wait(2);
        pool.stop();
    });
}

#[test]
fn a_lane_is_with_one_thread_at_a_time() {
    loom::model(|| {
        let (seen, pool) = pool(2, usize::MAX);
        for text in ["a0", "a1", "a2"] {
            deliver(&*pool, text);
            pool.ring();
        }
        // What waits is dealt with before the threads end.
        pool.stop();
        assert_eq!(seen.of("a"), "012");
    });
}

#[test]
fn a_connection_that_waits_for_room_in_the_pool_gets_it() {
    loom::model(|| {
        let (seen, pool) = pool(1, 1);
        let other = Arc::clone(&pool);
        thread::spawn(move || deliver_when_there_is_room(&*other, "a"));
        deliver_when_there_is_room(&*pool, "b");
        seen.wait(2);
        pool.stop();
    });
}
