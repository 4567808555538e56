//! Sockets whose connect handler has not accepted them yet.
//!
//! A connect handler may emit to its client, add it to a room and emit to that room. The engine does not send events to
//! a socket that has not joined. Events emitted until then are kept here and sent right after the acceptance.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bellwire_core::error::Error;
use bellwire_core::socketio::ack::AckOutcome;
use bellwire_core::socketio::event::{Acked, SocketEvent, What};
use bellwire_core::socketio::link::Overflow;
use bellwire_core::socketio::target::Reliability;
use bellwire_core::socketio::{Message, Operation, Socket, SocketId, Target};

/// The events kept for a socket until it is accepted; `None` after that. Stored with the socket.
#[derive(Debug)]
struct Waiting(Mutex<Option<Vec<Kept>>>);

#[derive(Debug)]
enum Kept {
    Emit(Arc<Message>),
    Ask {
        message: Arc<Message>,
        deadline: Option<Instant>,
        operation: Operation,
    },
}

/// The sockets of a namespace that are joining.
#[derive(Debug, Default)]
pub(crate) struct Joining {
    sockets: Mutex<BTreeMap<SocketId, Weak<Socket>>>,
    count: AtomicUsize,
}

impl Joining {
    /// Adds a socket whose connect handler is about to be called.
    pub(crate) fn begin(&self, socket: &Arc<Socket>) {
        let fresh = || Waiting(Mutex::new(Some(Vec::new())));
        socket.host().get_or_init(fresh);
        self.change(|sockets| sockets.insert(*socket.id(), Arc::downgrade(socket)));
    }

    /// Sends the events kept for a socket that has joined. Returns the operations that could not be sent.
    pub(crate) fn joined(&self, socket: &Arc<Socket>) -> Vec<Operation> {
        let left = |end: Instant| end.saturating_duration_since(now());
        let mut failed = Vec::new();
        let Some(waiting) = socket.host().get::<Waiting>() else {
            return failed;
        };
        {
            // Locked while the events are sent, so that an emit of another thread cannot overtake them.
            let mut kept = lock(&waiting.0);
            for item in kept.take().into_iter().flatten() {
                match item {
                    // This fails if the client has disconnected since; its disconnect event follows.
                    Kept::Emit(message) => {
                        let _ = socket.emit_message(&message, Reliability::Reliable);
                    }
                    Kept::Ask {
                        message,
                        deadline,
                        operation,
                    } => {
                        let timeout = deadline.map(left);
                        if ask_now(socket, &message, timeout, operation).is_err() {
                            failed.push(operation);
                        }
                    }
                }
            }
        }
        self.change(|sockets| sockets.remove(socket.id()));
        failed
    }

    /// Removes a socket that was refused. Returns the operations that were kept and will not be sent.
    pub(crate) fn refused(&self, id: &str) -> Vec<Operation> {
        let socket = SocketId::parse(id)
            .and_then(|id| self.change(|sockets| sockets.remove(&id)))
            .and_then(|socket| socket.upgrade());
        let Some(socket) = socket else {
            return Vec::new();
        };
        let kept = socket.host().get::<Waiting>();
        let kept = kept.and_then(|waiting| lock(&waiting.0).take());
        let operations = kept.into_iter().flatten().filter_map(|item| match item {
            Kept::Emit(_) => None,
            Kept::Ask { operation, .. } => Some(operation),
        });
        operations.collect()
    }

    /// Whether no socket is joining, which is the usual case.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Returns the joining socket with an id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Socket>> {
        if self.is_empty() {
            return None;
        }
        let socket = lock(&self.sockets).get(&SocketId::parse(id)?)?.upgrade()?;
        (!socket.is_gone()).then_some(socket)
    }

    /// Returns the joining sockets that a target addresses, and the ids of all joining sockets, which the engine's
    /// broadcast must leave out.
    pub(crate) fn select(&self, target: &Target<'_>) -> (Vec<Arc<Socket>>, Vec<SocketId>) {
        let all: Vec<_> = lock(&self.sockets)
            .values()
            .filter_map(Weak::upgrade)
            .filter(|socket| !socket.is_gone())
            .collect();
        let ids = all.iter().map(|socket| *socket.id()).collect();
        let meant = all.into_iter().filter(|socket| {
            let rooms = socket.rooms();
            let is_in = |name: &&str| {
                *name == socket.id().as_str() || rooms.iter().any(|room| **room == **name)
            };
            (target.rooms.is_empty() || target.rooms.iter().any(&is_in))
                && !target.except.iter().any(&is_in)
        });
        (meant.collect(), ids)
    }

    fn change<R>(&self, change: impl FnOnce(&mut BTreeMap<SocketId, Weak<Socket>>) -> R) -> R {
        let mut sockets = lock(&self.sockets);
        let result = change(&mut sockets);
        self.count.store(sockets.len(), Ordering::Release);
        result
    }
}

/// Sends an event to one socket, or keeps it until the socket has joined.
pub(crate) fn emit(
    socket: &Arc<Socket>,
    message: &Arc<Message>,
    reliability: Reliability,
) -> Result<(), Error> {
    if let Some(waiting) = socket.host().get::<Waiting>()
        && let Some(kept) = &mut *lock(&waiting.0)
    {
        kept.push(Kept::Emit(Arc::clone(message)));
        return Ok(());
    }
    socket.emit_message(message, reliability)
}

/// Sends an event with acknowledgement to one socket, or keeps it until the socket has joined. The timeout starts at
/// this call.
pub(crate) fn ask(
    socket: &Arc<Socket>,
    message: &Arc<Message>,
    timeout: Option<Duration>,
    operation: Operation,
) -> Result<(), Error> {
    if let Some(waiting) = socket.host().get::<Waiting>()
        && let Some(kept) = &mut *lock(&waiting.0)
    {
        kept.push(Kept::Ask {
            message: Arc::clone(message),
            deadline: timeout.map(|timeout| now() + timeout),
            operation,
        });
        if let Some(timeout) = timeout {
            let late = Arc::downgrade(socket);
            let clock = &socket.namespace().context().clock;
            clock.after(timeout, Box::new(move || expire(&late, operation)));
        }
        return Ok(());
    }
    ask_now(socket, message, timeout, operation)
}

/// Sends an event with acknowledgement. Without a timeout the program may ignore the outcome, so the event is sent even
/// if the client has too many unanswered acknowledgements.
fn ask_now(
    socket: &Arc<Socket>,
    message: &Arc<Message>,
    timeout: Option<Duration>,
    operation: Operation,
) -> Result<(), Error> {
    let overflow = timeout.map_or(Overflow::Send, |_| Overflow::Refuse);
    socket
        .emit_with_ack(message, timeout, overflow, operation)
        .map(drop)
}

/// Ends a kept operation whose timeout has expired.
fn expire(socket: &Weak<Socket>, operation: Operation) {
    let Some(socket) = socket.upgrade() else {
        return;
    };
    let is_it =
        |item: &mut Kept| matches!(item, Kept::Ask { operation: known, .. } if *known == operation);
    let expired = socket.host().get::<Waiting>().is_some_and(|waiting| {
        let mut kept = lock(&waiting.0);
        let kept = kept.as_mut();
        kept.is_some_and(|kept| kept.extract_if(.., is_it).count() > 0)
    });
    if expired {
        let event = SocketEvent::Acked(Acked {
            operation,
            outcome: AckOutcome::TimedOut,
            replies: &[],
        });
        let context = socket.namespace().context();
        context.tell(What::Socket(&socket, event));
    }
}

/// Whether events for this socket are kept.
pub(crate) fn is_joining(socket: &Socket) -> bool {
    socket
        .host()
        .get::<Waiting>()
        .is_some_and(|waiting| lock(&waiting.0).is_some())
}

/// Locks a mutex. The code under these locks does not panic, so a poisoned state is still consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the timeout of a kept operation is measured outside of the engine"
)]
fn now() -> Instant {
    Instant::now()
}
