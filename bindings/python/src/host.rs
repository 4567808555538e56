//! The callbacks into Python: methods of one dispatcher object, looked up once.
//!
//! An engine thread may drop the last reference to the engine's handler, so the handler does not hold Python objects.
//! The thread that drains sets the host with [`Host::with`], and the handler reads it with [`current`].

use std::cell::RefCell;
use std::sync::atomic::AtomicBool;
use std::sync::{PoisonError, RwLock};

use bellwire_core::socketio;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::namespace::Namespace;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// The bound methods of a dispatcher, its namespaces, and its settings.
        #[pyclass(frozen)]
        pub(crate) struct Host {
            $($(#[$doc])* pub(crate) $name: Py<PyAny>,)*
            namespaces: RwLock<Vec<Py<Namespace>>>,
            /// Whether Python decides in which order handlers begin, so that none is called directly.
            pub(crate) keeps_order: AtomicBool,
            /// Whether Python decides about every request that opens a session, not only cross-origin ones.
            pub(crate) asks_about_all: AtomicBool,
            /// An exception of a handler that is to end the program, such as `KeyboardInterrupt`.
            fatal: std::sync::Mutex<Option<PyErr>>,
        }

        impl Host {
            /// Looks up the methods.
            pub(crate) fn new(host: &Bound<'_, PyAny>) -> PyResult<Self> {
                Ok(Self {
                    $($name: host.getattr(stringify!($name))?.unbind(),)*
                    namespaces: RwLock::default(),
                    keeps_order: AtomicBool::default(),
                    asks_about_all: AtomicBool::default(),
                    fatal: std::sync::Mutex::default(),
                })
            }
        }
    };
}

calls! {
    /// A directly called handler has returned a coroutine: (coroutine, ack, handler).
    spawn;
    /// An event that has no handler to call directly: (namespace, event, sid, args, ack).
    dispatch;
    /// Decide whether a request may open a session: (request, question).
    request;
    /// Decide whether a socket may join: (namespace, sid, socket, question).
    connect;
    /// A socket has joined: (namespace, sid, socket).
    connected;
    /// A socket is about to leave its rooms: (namespace, sid, socket, reason, cause).
    disconnecting;
    /// A socket has left: (namespace, sid, socket, reason, cause).
    disconnected;
    /// Decide whether an event may reach its handler: (namespace, event, sid, args, question).
    packet;
    /// An event is sent to a client: (namespace, event, sid, args).
    outgoing;
    /// A message of an Engine.IO connection: (namespace, sid, data).
    message;
    /// A client has changed to another transport: (namespace, sid, transport).
    upgraded;
    /// The send buffer of a slow client is empty again: (namespace, sid).
    drained;
    /// Messages for a client with a full send buffer were dropped: (namespace, sid, count).
    dropped;
    /// A room was created or deleted, joined or left: (namespace, change, room, sid).
    room;
    /// A request was refused: (request, code, message).
    connection_error;
    /// An emit with acknowledgement has ended: (operation, outcome, replies).
    acked;
    /// The server has stopped.
    shutdown;
    /// A handler has raised an exception: (exception, name of the handler).
    fault;
    /// A line of the engine's log: (level from 1 to 5, module of the engine, text).
    log;
}

thread_local! {
    static CURRENT: RefCell<Option<Py<Host>>> = const { RefCell::new(None) };
}

/// Returns the host for which this thread is draining.
pub(crate) fn current(py: Python<'_>) -> Option<Py<Host>> {
    CURRENT.with_borrow(|host| host.as_ref().map(|host| host.clone_ref(py)))
}

impl Host {
    /// Runs `work`, which drains, with this host as the current one.
    pub(crate) fn with<R>(host: &Bound<'_, Self>, work: impl FnOnce() -> R) -> R {
        let outer = CURRENT.replace(Some(host.clone().unbind()));
        let result = work();
        // The dropped reference is not the last one, and no lock is held.
        drop(CURRENT.replace(outer));
        result
    }

    /// Adds a namespace and returns its index, which the engine's namespace stores as its [`Place`].
    pub(crate) fn add(&self, namespace: Py<Namespace>) -> usize {
        let mut namespaces = self
            .namespaces
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        namespaces.push(namespace);
        namespaces.len() - 1
    }

    /// Returns the Python object for a namespace of the engine.
    pub(crate) fn namespace<'py>(
        &self,
        py: Python<'py>,
        namespace: &socketio::Namespace,
    ) -> Option<Bound<'py, Namespace>> {
        let index = namespace.host().get::<Place>()?.0;
        let namespaces = self
            .namespaces
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        namespaces
            .get(index)
            .map(|namespace| namespace.bind(py).clone())
    }

    /// Reports an exception that `what` raised. An exception that is to end the program is stored; the drain raises it.
    pub(crate) fn report(&self, py: Python<'_>, error: PyErr, what: &str) {
        let error = if error.is_instance_of::<PyException>(py) {
            match self.fault.call1(py, (error.into_value(py), what)) {
                Ok(_) => return,
                Err(error) => error,
            }
        } else {
            error
        };
        // The first exception is kept. A later one is dropped after the lock is released.
        let surplus = {
            let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
            if fatal.is_none() {
                fatal.replace(error)
            } else {
                Some(error)
            }
        };
        drop(surplus);
    }

    /// Takes the exception that is to end the program, if there is one.
    pub(crate) fn take_fatal(&self) -> Option<PyErr> {
        self.fatal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// The index of a namespace in the list of its host. The engine's namespace stores it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(pub(crate) usize);
