//! Sockets whose connect handler has not let them in yet, as far as Python is concerned.
//!
//! A connect handler may emit to its client, put it into a room and emit to that room. The engine sends nothing to a
//! socket that has not joined, so what is emitted until then is kept here, and leaves right behind the acceptance.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bellwire_core::error::Error;
use bellwire_core::socketio::target::Delivery;
use bellwire_core::socketio::{Message, Operation, Socket, Target};

/// What waits for a socket's acceptance; kept with the socket.
#[derive(Debug)]
struct Waiting(Mutex<Option<Vec<Kept>>>);

#[derive(Debug)]
enum Kept {
    Emit(Arc<Message>),
    Ask(Arc<Message>, Option<Duration>, Operation),
}

/// The sockets of a namespace that are joining.
#[derive(Debug, Default)]
pub(crate) struct Joining {
    sockets: Mutex<Vec<Weak<Socket>>>,
    count: AtomicUsize,
}

impl Joining {
    /// A connect handler is being asked.
    pub(crate) fn begin(&self, socket: &Arc<Socket>) {
        let fresh = || Waiting(Mutex::new(Some(Vec::new())));
        socket.host().get_or_init(fresh);
        self.change(|sockets| sockets.push(Arc::downgrade(socket)));
    }

    /// It has joined: what was kept for it is sent. The questions that cannot be asked any more.
    pub(crate) fn joined(&self, socket: &Arc<Socket>) -> Vec<Operation> {
        let mut failed = Vec::new();
        let Some(waiting) = socket.host().get::<Waiting>() else {
            return failed;
        };
        {
            // Held while it is sent, so that nobody who sends at the same time is faster.
            let mut kept = lock(&waiting.0);
            for item in kept.take().into_iter().flatten() {
                match item {
                    // Who has left meanwhile gets nothing; its last event follows.
                    Kept::Emit(message) => {
                        let _ = socket.emit_message(&message, Delivery::Reliable);
                    }
                    Kept::Ask(message, timeout, operation) => {
                        if socket.emit_with_ack(&message, timeout, operation).is_err() {
                            failed.push(operation);
                        }
                    }
                }
            }
        }
        self.forget(socket);
        failed
    }

    /// It was refused.
    pub(crate) fn forget(&self, socket: &Arc<Socket>) {
        self.change(|sockets| sockets.retain(|known| known.as_ptr() != Arc::as_ptr(socket)));
    }

    /// Whether nobody is joining, which is nearly always so.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// The one with that id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Socket>> {
        if self.is_empty() {
            return None;
        }
        let found = |socket: &Arc<Socket>| socket.id().as_str() == id && !socket.is_gone();
        lock(&self.sockets)
            .iter()
            .filter_map(Weak::upgrade)
            .find(found)
    }

    /// Those that a target means.
    pub(crate) fn select(&self, target: &Target<'_>) -> Vec<Arc<Socket>> {
        // Who was let in but lost its connection first is not heard of again.
        self.change(|sockets| {
            sockets.retain(|known| known.upgrade().is_some_and(|socket| !socket.is_gone()));
        });
        let all: Vec<_> = lock(&self.sockets)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        all.into_iter()
            .filter(|socket| {
                let rooms = socket.rooms();
                let is_in = |name: &&&str| {
                    **name == socket.id().as_str() || rooms.iter().any(|room| **room == ***name)
                };
                (target.rooms.is_empty() || target.rooms.iter().any(|name| is_in(&name)))
                    && !target.except.iter().any(|name| is_in(&name))
            })
            .collect()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Weak<Socket>>)) {
        let mut sockets = lock(&self.sockets);
        change(&mut sockets);
        self.count.store(sockets.len(), Ordering::Release);
    }
}

/// Sends to one socket, or keeps it until the socket has joined.
pub(crate) fn emit(
    socket: &Arc<Socket>,
    message: &Arc<Message>,
    delivery: Delivery,
) -> Result<(), Error> {
    if let Some(waiting) = socket.host().get::<Waiting>()
        && let Some(kept) = &mut *lock(&waiting.0)
    {
        kept.push(Kept::Emit(Arc::clone(message)));
        return Ok(());
    }
    socket.emit_message(message, delivery)
}

/// Asks one socket, or keeps the question until the socket has joined.
pub(crate) fn ask(
    socket: &Arc<Socket>,
    message: &Arc<Message>,
    timeout: Option<Duration>,
    operation: Operation,
) -> Result<(), Error> {
    if let Some(waiting) = socket.host().get::<Waiting>()
        && let Some(kept) = &mut *lock(&waiting.0)
    {
        kept.push(Kept::Ask(Arc::clone(message), timeout, operation));
        return Ok(());
    }
    socket.emit_with_ack(message, timeout, operation).map(drop)
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
