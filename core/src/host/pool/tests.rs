//! What callbacks that block, and events that pile up, do to the pool.

use std::sync::{Barrier, mpsc};
use std::task::{Wake, Waker};

use super::*;
use crate::host::tests::{Count, ManualClock, now};
use crate::socketio::SocketId;
use crate::socketio::client::tests::World;
use crate::socketio::event::{ServerEvent, SocketEvent};
use crate::socketio::handshake::Request;
use crate::socketio::question::Question;

/// A host whose callbacks return when a given number of them run at once.
struct Together(Barrier);

impl Handler for Together {
    fn handle(&self, _: &Event<'_>) {
        self.0.wait();
    }
}

/// What is to happen later happens when the test says so.
#[derive(Default)]
struct Later(Mutex<Vec<Box<dyn FnOnce() + Send>>>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

impl Clock for Later {
    fn now(&self) -> Instant {
        now()
    }

    fn after(&self, delay: Duration, run: Box<dyn FnOnce() + Send>) {
        assert_eq!(delay, STALL);
        self.0.locked().push(run);
    }
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

#[test]
fn a_callback_that_blocks_does_not_hold_up_what_came_with_it() {
    let later = Arc::new(Later::default());
    let timer: Arc<dyn Clock> = Arc::<Later>::clone(&later);
    let pool = Pool::new(
        Arc::new(Together(Barrier::new(3))),
        Threads::Growing(1),
        Bounds {
            events: 9,
            bytes: 9999,
        },
        timer,
        Arc::default(),
    );
    wait_until(|| pool.shared.run().idle == 1);
    let request = request();
    let question = Question::new(|_| ());
    for _ in 0..3 {
        let event = RequestEvent::AllowRequest {
            question: &question,
        };
        pool.deliver(&Event::of_request(&request, event, now()));
    }
    pool.ring();
    // One of the three lanes has the only thread. The watch finds that no thread is free, and starts another one.
    while !pool.shared.run().jobs.is_empty() {
        let (alive, taken) = {
            let run = pool.shared.run();
            (run.alive, run.taken)
        };
        let looks = std::mem::take(&mut *later.0.locked());
        assert_eq!(looks.len(), 1, "the watch is running");
        looks.into_iter().for_each(|look| look());
        if pool.shared.run().alive > alive {
            wait_until(|| pool.shared.run().taken > taken);
        }
    }
    pool.stop();
}

/// A wake-up that can be waited for.
struct Woken(mpsc::Sender<()>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        // The receiver is gone when the test has ended.
        let _ = self.0.send(());
    }
}

/// A host that is told how many events it may handle.
struct Gate(Mutex<mpsc::Receiver<()>>);

impl Handler for Gate {
    fn handle(&self, _: &Event<'_>) {
        // The test ends before the pool when it fails.
        let _ = self.0.locked().recv();
    }
}

fn request() -> Arc<Request> {
    let address = ("127.0.0.1".parse().unwrap(), 1);
    Arc::new(Request::new("GET", "/", std::iter::empty(), address, false))
}

#[test]
fn a_connection_with_too_many_events_is_not_read_for_a_while() {
    let (go, gate) = mpsc::channel();
    let pool = Pool::new(
        Arc::new(Gate(Mutex::new(gate))),
        Threads::Fixed(1),
        // The share of one connection is a sixteenth.
        Bounds {
            events: 160,
            bytes: usize::MAX,
        },
        Arc::new(Later::default()),
        Arc::default(),
    );
    let socket = World::connected().socket("/");
    let backlog = socket.link().backlog();
    backlog.set_joined();
    let (sender, woken) = mpsc::channel();
    let waker = Waker::from(Arc::new(Woken(sender)));
    let mut cx = Context::from_waker(&waker);
    // The one that the thread is stuck with counts too.
    for _ in 0..10 {
        assert!(pool.poll_ready(backlog, &mut cx).is_ready());
        pool.deliver(&Event::of_socket(&socket, SocketEvent::Drain, now()));
        pool.ring();
    }
    assert!(backlog.is_full());
    assert!(pool.poll_ready(backlog, &mut cx).is_pending());
    assert!(woken.try_recv().is_err());
    let other = World::connected().socket("/");
    other.link().backlog().set_joined();
    assert!(pool.poll_ready(other.link().backlog(), &mut cx).is_ready());
    (0..10).for_each(|_| go.send(()).unwrap());
    let told = woken.recv_timeout(Duration::from_secs(20));
    assert_eq!(told, Ok(()), "it is told");
    pool.stop();
    assert!(pool.poll_ready(backlog, &mut cx).is_ready() && !backlog.is_full());
    assert!(pool.shared.stats.queued.now().is_empty());
}

/// A host that notes whose event it handles, and waits to be told to go on.
struct Slow(Gate, Mutex<Vec<SocketId>>);

impl Handler for Slow {
    fn handle(&self, event: &Event<'_>) {
        if let What::Socket(socket, SocketEvent::Drain) = event.what {
            self.1.locked().push(*socket.id());
        }
        self.0.handle(event);
    }
}

#[test]
fn a_lane_whose_events_take_long_lets_others_in_between() {
    let later = Arc::new(Later::default());
    let timer: Arc<dyn Clock> = Arc::<Later>::clone(&later);
    let (go, gate) = mpsc::channel();
    let host = Arc::new(Slow(Gate(Mutex::new(gate)), Mutex::default()));
    let handler: Arc<dyn Handler> = Arc::<Slow>::clone(&host);
    let bounds = Bounds {
        events: 160,
        bytes: usize::MAX,
    };
    let pool = Pool::new(handler, Threads::Fixed(1), bounds, timer, Arc::default());
    let [slow, other] = [(); 2].map(|()| World::connected().socket("/"));
    let say = |socket| pool.deliver(&Event::of_socket(socket, SocketEvent::Drain, now()));
    wait_until(|| pool.shared.run().idle == 1);
    (0..5).for_each(|_| say(&slow));
    pool.ring();
    wait_until(|| host.1.locked().len() == 1);
    (0..2).for_each(|_| say(&other));
    pool.ring();
    for handled in 1..=7 {
        // Each event takes so long that a look falls into it.
        let looks = std::mem::take(&mut *later.0.locked());
        looks.into_iter().for_each(|look| look());
        go.send(()).unwrap();
        wait_until(|| host.1.locked().len() == (handled + 1).min(7));
    }
    pool.stop();
    let (a, b) = (*slow.id(), *other.id());
    assert_eq!(*host.1.locked(), [a, b, a, b, a, a, a]);
}

/// Events hold the objects they are about, and those hold the pool.
#[test]
fn what_happens_after_the_stop_is_dropped() {
    let pool = Pool::new(
        Arc::new(Count::default()),
        Threads::Fixed(1),
        Bounds {
            events: 10,
            bytes: 1000,
        },
        Arc::<ManualClock>::default(),
        Arc::default(),
    );
    let socket = World::connected().socket("/");
    let held = Arc::strong_count(&socket);
    let deliver = || {
        pool.deliver(&Event::of_socket(&socket, SocketEvent::Drain, now()));
        pool.deliver(&Event::of_server(ServerEvent::Shutdown, now()));
    };
    // These wait for a ring, which never comes, and for the lane that they are in already.
    (0..2).for_each(|_| deliver());
    pool.stop();
    (0..2).for_each(|_| deliver());
    pool.ring();
    assert_eq!(Arc::strong_count(&socket), held);
    assert!(pool.shared.stats.queued.now().is_empty());
}
