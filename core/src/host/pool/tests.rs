//! What callbacks that block, and events that pile up, do to the pool.

use std::sync::{Barrier, mpsc};
use std::task::Wake;

use super::*;
use crate::socketio::client::tests::World;
use crate::socketio::handshake::Request;
use crate::socketio::question::Question;

/// A host whose callbacks return when so many are under way at once.
struct Together(Barrier);

impl Handler for Together {
    fn handle(&self, _: &Event<'_>, _: Instant) {
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

impl Timer for Later {
    fn after(&self, delay: Duration, run: Box<dyn FnOnce() + Send>) {
        assert_eq!(delay, STALL);
        lock(&self.0).push(run);
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
    let timer: Arc<dyn Timer> = Arc::<Later>::clone(&later);
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
        let event = Event::AllowRequest {
            request: &request,
            question: &question,
        };
        pool.deliver(&event, None);
    }
    pool.ring();
    // One of the three has the only thread. Whoever looks finds that it stands still, and starts another.
    while !pool.shared.run().jobs.is_empty() {
        let (alive, taken) = {
            let run = pool.shared.run();
            (run.alive, run.taken)
        };
        let looks = std::mem::take(&mut *lock(&later.0));
        assert_eq!(looks.len(), 1, "somebody looks whether it gets on");
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
        // Nobody listens any more when the test is over.
        let _ = self.0.send(());
    }
}

/// A host that is told how many events it may handle.
struct Gate(Mutex<mpsc::Receiver<()>>);

impl Handler for Gate {
    fn handle(&self, _: &Event<'_>, _: Instant) {
        // The test ends before the pool when it fails.
        let _ = lock(&self.0).recv();
    }
}

fn request() -> Arc<Request> {
    let address = ("127.0.0.1".parse().unwrap(), 1);
    Arc::new(Request::new("GET", "/", std::iter::empty(), address, false))
}

/// The connection is not read while so many events wait, and is told when it may be read again.
#[track_caller]
fn check_room(socket: Option<&Arc<Socket>>, events: usize, bounds: Bounds) {
    let (go, gate) = mpsc::channel();
    let pool = Pool::new(
        Arc::new(Gate(Mutex::new(gate))),
        Threads::Fixed(1),
        bounds,
        Arc::new(Later::default()),
        Arc::default(),
    );
    let (sender, woken) = mpsc::channel();
    let waker = Waker::from(Arc::new(Woken(sender)));
    let mut cx = Context::from_waker(&waker);
    let deliver = || {
        match socket {
            Some(socket) => pool.deliver(&Event::Drain { socket }, None),
            None => pool.deliver(&Event::Shutdown, None),
        }
        pool.ring();
    };
    // The thread takes the first one and is stuck with it.
    deliver();
    let lane = || lock(socket.map_or(&pool.shared.server_lane, |socket| socket.lane()));
    wait_until(|| lane().batch.is_empty());
    for _ in 0..events {
        assert!(pool.poll_ready(socket, &mut cx).is_ready());
        deliver();
    }
    assert!(pool.poll_ready(socket, &mut cx).is_pending());
    assert!(woken.try_recv().is_err());
    (0..=events).for_each(|_| go.send(()).unwrap());
    let told = woken.recv_timeout(Duration::from_secs(20));
    assert_eq!(told, Ok(()), "it is told");
    assert!(pool.poll_ready(socket, &mut cx).is_ready());
    pool.stop();
    let stats = &pool.shared.stats;
    let waiting = [stats.queued_events.value(), stats.queued_bytes.value()];
    assert_eq!(waiting, [0, 0]);
}

#[test]
fn a_socket_with_too_many_events_is_not_read_for_a_while() {
    let bounds = Bounds {
        events: usize::MAX,
        bytes: usize::MAX,
    };
    check_room(Some(&World::connected().socket("/")), LANE_EVENTS, bounds);
}

#[test]
fn with_too_many_events_nobody_is_read_for_a_while() {
    let bounds = Bounds {
        events: 5,
        bytes: usize::MAX,
    };
    check_room(None, 4, bounds);
    let cost = EventBatch::cost(&Event::Shutdown);
    let bounds = Bounds {
        events: usize::MAX,
        bytes: 3 * cost,
    };
    check_room(None, 2, bounds);
}
