//! Sockets whose connect handler has not let them in yet, as far as Python is concerned.
//!
//! A connect handler may emit to its client, put it into a room and emit to that room. The engine sends nothing to a
//! socket that has not joined, so what is emitted until then is kept here, and leaves right behind the acceptance.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bellwire_core::error::Error;
use bellwire_core::socketio::ack::AckOutcome;
use bellwire_core::socketio::link::Overflow;
use bellwire_core::socketio::target::Reliability;
use bellwire_core::socketio::{Event, Message, Operation, Socket, SocketId, Target};

/// What waits for a socket's acceptance; kept with the socket.
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
    /// A connect handler is being asked.
    pub(crate) fn begin(&self, socket: &Arc<Socket>) {
        let fresh = || Waiting(Mutex::new(Some(Vec::new())));
        socket.host().get_or_init(fresh);
        self.change(|sockets| sockets.insert(*socket.id(), Arc::downgrade(socket)));
    }

    /// It has joined: what was kept for it is sent. The questions that cannot be asked any more.
    pub(crate) fn joined(&self, socket: &Arc<Socket>) -> Vec<Operation> {
        let left = |end: Instant| end.saturating_duration_since(now());
        let mut failed = Vec::new();
        let Some(waiting) = socket.host().get::<Waiting>() else {
            return failed;
        };
        {
            // Held while it is sent, so that an emit of another thread cannot come before it.
            let mut kept = lock(&waiting.0);
            for item in kept.take().into_iter().flatten() {
                match item {
                    // A client that has left meanwhile gets nothing; its last event follows.
                    Kept::Emit(message) => {
                        let _ = socket.emit_message(&message, Reliability::Reliable);
                    }
                    Kept::Ask {
                        message,
                        deadline,
                        operation,
                    } => {
                        let timeout = deadline.map(left);
                        if ask_now(&socket, &message, timeout, operation).is_err() {
                            failed.push(operation);
                        }
                    }
                }
            }
        }
        self.change(|sockets| sockets.remove(socket.id()));
        failed
    }

    /// It will not join. The questions that will not be asked.
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

    /// Whether no socket is joining, which is nearly always so.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// The one with that id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Socket>> {
        if self.is_empty() {
            return None;
        }
        let socket = lock(&self.sockets).get(&SocketId::parse(id)?)?.upgrade()?;
        (!socket.is_gone()).then_some(socket)
    }

    /// Those that a target means, and the ids of all: what is sent to the target otherwise is not for them.
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

/// Sends to one socket, or keeps it until the socket has joined.
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

/// Asks one socket, or keeps the question until the socket has joined. The timeout starts at this call.
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
            let timer = &socket.namespace().context().timer;
            timer.after(timeout, Box::new(move || expire(&late, operation)));
        }
        return Ok(());
    }
    ask_now(socket, message, timeout, operation)
}

/// Without a timeout the program may not look at the outcome, so the event is sent even if the client owes too many
/// acknowledgements.
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

/// The time of a kept question has run out.
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
        socket.namespace().context().tell(&Event::Acked {
            socket: Some(&socket),
            operation,
            outcome: AckOutcome::TimedOut,
            replies: &[],
        });
    }
}

/// Whether emits to this socket are being kept.
pub(crate) fn is_joining(socket: &Socket) -> bool {
    socket
        .host()
        .get::<Waiting>()
        .is_some_and(|waiting| lock(&waiting.0).is_some())
}

/// Nothing of ours panics under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time of a call that is kept runs outside of the engine"
)]
fn now() -> Instant {
    Instant::now()
}
