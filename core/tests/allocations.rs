//! After a warm-up, none of these allocates: an incoming event, an outgoing event, and every receiver of a broadcast
//! after the first.
//!
//! The test counts allocations and measures no time, so its results are the same on every machine.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bellwire_core::engineio::{SessionId, TransportKind};
use bellwire_core::log::listener::ServerId;
use bellwire_core::mailbox::Mailbox;
use bellwire_core::socketio::client::{Client, Flow};
use bellwire_core::socketio::event::{Clock, EventSink, Hooks, SocketEvent, What};
use bellwire_core::socketio::link::Outgoing;
use bellwire_core::socketio::message::Payload;
use bellwire_core::socketio::target::{Reliability, Target};
use bellwire_core::socketio::{
    Backlog, Context, Event, Limits, Link, Namespaces, Parser, Protocol, Request, SendPolicy,
    Settings, Socket,
};
use bellwire_core::stats::Stats;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// The engine forbids unsafe code; an allocator cannot be written without, and this one only counts what it passes on.
//
// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; it came from `System`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above; it came from `System`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // The counter does not exist any more while a thread ends.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

/// How many allocations this thread makes in `run`.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

/// A host that answers every event, inside the call, as an inline one does.
#[derive(Debug)]
struct Host;

impl EventSink for Host {
    fn deliver(&self, event: &Event<'_>) {
        if let What::Socket(socket, SocketEvent::Message { message, ack }) = event.what {
            let payload = message.payload();
            match ack {
                Some(id) => socket.acknowledge(id, &payload).unwrap(),
                None => socket.emit(&payload, Reliability::Reliable).unwrap(),
            }
        }
    }

    fn ring(&self) {}

    fn poll_ready(&self, _: &Arc<Backlog>, _: &mut TaskContext<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[derive(Debug)]
struct Never;

impl Clock for Never {
    #[expect(clippy::disallowed_methods, reason = "a test needs some moment")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn after(&self, _: Duration, _: Box<dyn FnOnce() + Send>) {}
}

fn namespaces() -> Arc<Namespaces> {
    let limits = Limits {
        attachments: 10,
        packet_bytes: 1_000_000,
        json_depth: 64,
        namespaces: 10,
        pending_acks: 10,
        auth_bytes: 1000,
        rooms: 0,
        held_messages: 10,
    };
    Arc::new(Namespaces::new(Arc::new(Context {
        settings: Settings {
            limits,
            question_timeout: Duration::from_secs(5),
            packet_timeout: Duration::from_secs(5),
            send_buffer: 1_000_000,
            send_buffer_max: 1_000_000,
            send_grace: Duration::ZERO,
            send_policy: SendPolicy::Error,
            protocol: Protocol::SocketIo(Parser::Json),
        },
        sink: Arc::new(Host),
        clock: Arc::new(Never),
        log_id: ServerId::NONE,
        stats: Arc::new(Stats::default()),
        hooks: Hooks::default(),
    })))
}

struct Connected {
    client: Client,
    link: Arc<Link>,
    now: Instant,
    items: Vec<Outgoing>,
    arena: Vec<u8>,
}

impl Connected {
    /// A client that has joined `/`.
    #[expect(clippy::disallowed_methods, reason = "a test needs some first moment")]
    fn new(namespaces: &Arc<Namespaces>) -> Self {
        let context = Arc::clone(namespaces.context());
        let link = Arc::new(Link::new(
            SessionId::random().unwrap(),
            TransportKind::WebSocket,
            context,
        ));
        let peer = ("127.0.0.1".parse().unwrap(), 1);
        let request = Request::new("GET", "/", std::iter::empty(), peer, false);
        let mut client = Client::new(Arc::clone(namespaces), Arc::clone(&link), Arc::new(request));
        let now = Instant::now();
        assert_eq!(
            client.handle_text(&mut b"0".to_vec(), now, || 0),
            Flow::Continue
        );
        client.handle_read_end(now);
        let mut connected = Self {
            client,
            link,
            now,
            items: Vec::new(),
            arena: Vec::new(),
        };
        connected.drain();
        connected
    }

    fn socket(&self) -> Arc<Socket> {
        Arc::clone(self.client.sockets().next().unwrap())
    }

    /// Takes everything out of the mailbox, into buffers that are kept, as the driver's are.
    fn drain(&mut self) {
        let mailbox: &Mailbox<Outgoing> = &self.link.mailbox;
        mailbox.drain_into(&mut self.items, &mut self.arena);
        self.items.clear();
        self.arena.clear();
    }
}

/// Once to warm up, then a hundred times.
fn warm(mut run: impl FnMut()) -> usize {
    run();
    allocations(|| (0..100).for_each(|_| run()))
}

#[test]
fn an_event_comes_in_and_is_answered_without_allocating() {
    let namespaces = namespaces();
    let mut connected = Connected::new(&namespaces);
    for text in [
        r#"2["message",{"x":1,"y":[true,null,"a longer text that must be copied"]}]"#,
        r#"27["message-with-ack",1,2,3]"#,
        r#"2["message"]"#,
    ] {
        let mut buffer = text.as_bytes().to_vec();
        let allocated = warm(|| {
            // The text is changed in place when it is read.
            buffer.copy_from_slice(text.as_bytes());
            let flow = connected
                .client
                .handle_text(&mut buffer, connected.now, || 0);
            assert_eq!(flow, Flow::Continue);
            connected.client.handle_read_end(connected.now);
            connected.drain();
        });
        assert_eq!(allocated, 0, "{text}");
    }
}

#[test]
fn an_event_goes_out_without_allocating() {
    let namespaces = namespaces();
    let mut connected = Connected::new(&namespaces);
    let socket = connected.socket();
    let allocated = warm(|| {
        let payload = Payload::event("tick", br#"[{"n":1,"at":[0.5,0.25]}]"#, &[], 64).unwrap();
        socket.emit(&payload, Reliability::Reliable).unwrap();
        socket.emit(&payload, Reliability::Volatile).unwrap();
        connected.drain();
    });
    assert_eq!(allocated, 0);
}

#[test]
fn a_broadcast_allocates_as_much_for_many_as_for_one() {
    let broadcast = |members: usize, rooms: &[&str], except: &[&str]| {
        let namespaces = namespaces();
        let namespace = namespaces.of("/").unwrap();
        let mut all: Vec<_> = (0..members).map(|_| Connected::new(&namespaces)).collect();
        for connected in &all {
            connected.socket().join("room").unwrap();
        }
        let target = Target {
            rooms,
            except,
            ..Target::ALL
        };
        warm(|| {
            let payload = Payload::event("tick", b"[1]", &[], 64).unwrap();
            namespace.emit(&target, &payload);
            all.iter_mut().for_each(Connected::drain);
        })
    };
    for (rooms, except) in [
        (&[][..], &[][..]),
        (&["room"], &[]),
        (&["room", "other"], &["third"]),
    ] {
        let one = broadcast(1, rooms, except);
        assert_eq!(broadcast(100, rooms, except), one, "{rooms:?} {except:?}");
        // The packet: its text, the text's owner, and the packet that all share.
        assert!(one <= 300, "{one} for a hundred broadcasts");
    }
}
