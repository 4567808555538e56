//! The objects behind handles, and the registry of the process.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Once, OnceLock, Weak};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::{Namespace, Socket};

use crate::deferred::Deferred;
use crate::error::Result;
use crate::listeners::Listener;
use crate::op::Op;
use crate::registry::{Kind, Named, Registry, full};
use crate::server::ServerHandle;
use crate::thread::Thread;

/// The object behind a handle. A handle does not keep its socket or listener alive.
pub(crate) enum Object {
    Server(Arc<ServerHandle>),
    Nsp(Arc<Namespace>),
    Socket(Weak<Socket>),
    /// The client's socket, and the number that the client gave the acknowledgement.
    Ack(Weak<Socket>, u64),
    Deferred(Deferred),
    Op(Arc<Op>),
    Listener(Weak<Listener>),
}

impl Named for Object {
    fn kind(&self) -> Kind {
        match self {
            Self::Server(_) => Kind::Server,
            Self::Nsp(_) => Kind::Nsp,
            Self::Socket(_) => Kind::Socket,
            Self::Ack(..) => Kind::Ack,
            Self::Deferred(_) => Kind::Deferred,
            Self::Op(_) => Kind::Op,
            Self::Listener(_) => Kind::Listener,
        }
    }
}

/// The longest chain of processes, each forked from the one before without an exec, that can use the library.
const EPOCHS: usize = 256;

static REGISTRIES: [OnceLock<Registry<Object>>; EPOCHS] = [const { OnceLock::new() }; EPOCHS];
/// The index of the registry of this process: the number of forks since the first process.
static EPOCH: AtomicUsize = AtomicUsize::new(0);
/// Lower slots belong to the parent process.
static FLOOR: AtomicU32 = AtomicU32::new(0);

/// The registry of this process.
#[inline]
pub(crate) fn registry() -> Result<&'static Registry<Object>> {
    let cell = REGISTRIES.get(EPOCH.load(Ordering::Acquire));
    match cell.and_then(OnceLock::get) {
        Some(registry) => Ok(registry),
        None => new_registry(),
    }
}

#[cold]
fn new_registry() -> Result<&'static Registry<Object>> {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: the handler does nothing but loads and stores of atomics.
        unsafe { pthread_atfork(None, None, Some(after_fork)) };
    });
    let cell = REGISTRIES.get(EPOCH.load(Ordering::Acquire));
    let cell =
        cell.ok_or_else(|| Error::new(ErrorKind::Forked, "too many forks without an exec"))?;
    Ok(cell.get_or_init(|| Registry::new(FLOOR.load(Ordering::Acquire))))
}

unsafe extern "C" {
    /// From POSIX.
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> std::ffi::c_int;
}

/// Runs in the child right after a fork. Locks that threads of the parent held stay locked, so the
/// child uses a new registry.
extern "C" fn after_fork() {
    let epoch = EPOCH.load(Ordering::Acquire);
    if let Some(registry) = REGISTRIES.get(epoch).and_then(OnceLock::get) {
        FLOOR.store(registry.end(), Ordering::Release);
    }
    EPOCH.store(epoch + 1, Ordering::Release);
}

/// Whether a handle was given out before this process was forked. Async-signal-safe.
pub(crate) fn is_parents(id: u64) -> bool {
    (id as u32) < FLOOR.load(Ordering::Acquire)
}

/// The error for a handle that the table of [`crate::wakeup`] does not have. Async-signal-safe.
pub(crate) fn why_unknown(id: u64, wanted: Kind) -> ErrorKind {
    let slot = id as u32;
    if Kind::of(id) != Some(wanted) {
        return ErrorKind::Handle;
    }
    if is_parents(id) {
        return ErrorKind::Forked;
    }
    let registry = REGISTRIES
        .get(EPOCH.load(Ordering::Acquire))
        .and_then(OnceLock::get);
    if registry.is_some_and(|registry| slot < registry.end()) {
        ErrorKind::Gone
    } else {
        ErrorKind::Handle
    }
}

fn gone() -> Error {
    Error::from(ErrorKind::Gone)
}

/// The server that a handle names.
pub(crate) fn server(id: u64) -> Result<Arc<ServerHandle>> {
    registry()?.with(id, Kind::Server, |object| match object {
        Object::Server(server) => Ok(Arc::clone(server)),
        _ => Err(gone()),
    })?
}

/// The namespace that a handle names.
pub(crate) fn namespace(id: u64) -> Result<Arc<Namespace>> {
    registry()?.with(id, Kind::Nsp, |object| match object {
        Object::Nsp(namespace) => Ok(Arc::clone(namespace)),
        _ => Err(gone()),
    })?
}

/// Calls `then` with the socket of a handle. Usually this is the socket whose message this thread
/// dispatches, which needs no look-up.
#[inline]
pub(crate) fn with_socket<R>(id: u64, then: impl FnOnce(&Arc<Socket>) -> Result<R>) -> Result<R> {
    match Thread::with(|thread| thread.current_socket(id)) {
        // SAFETY: `Thread::with_message` set the pointer. The socket outlives its call, in which the
        // current callback runs, and the pointer is reset when it returns.
        Some(socket) if !is_parents(id) => then(unsafe { socket.as_ref() }),
        Some(_) | None => then(&socket(id)?),
    }
}

/// The socket that a handle names.
#[inline]
pub(crate) fn socket(id: u64) -> Result<Arc<Socket>> {
    registry()?.with(id, Kind::Socket, |object| match object {
        Object::Socket(socket) => socket.upgrade().ok_or_else(gone),
        _ => Err(gone()),
    })?
}

/// The id of an object that gets its id when it is first seen.
///
/// # Errors
/// `Full` for 0: no id was left at that time.
pub(crate) fn given(id: u64) -> Result<u64> {
    if id == 0 { Err(full()) } else { Ok(id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_without_an_id_is_an_error() {
        assert_eq!(given(7).unwrap(), 7);
        assert_eq!(given(0).unwrap_err().kind(), ErrorKind::Full);
    }
}
