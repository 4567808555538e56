//! The Python half, as this one calls it: methods of one object, looked up once.
//!
//! An engine thread may be the last to hold the engine's handler, so the handler itself holds nothing of Python. Whoever
//! drains says for whom, by [`Host::with`], and the handler finds it in [`current`].

use std::cell::RefCell;
use std::sync::atomic::AtomicBool;
use std::sync::{PoisonError, RwLock};

use bellwire_core::socketio;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::namespace::Namespace;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// See the module's documentation.
        #[pyclass(frozen)]
        pub(crate) struct Host {
            $($(#[$doc])* pub(crate) $name: Py<PyAny>,)*
            namespaces: RwLock<Vec<Py<Namespace>>>,
            /// Whether Python decides in which order handlers begin.
            pub(crate) keeps_order: AtomicBool,
            /// Whether Python is asked about every request that opens a session.
            pub(crate) asks_about_all: AtomicBool,
            /// What a handler raised that is to end the program.
            fatal: std::sync::Mutex<Option<PyErr>>,
        }

        impl Host {
            /// Looks the methods up.
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
    /// A handler has returned a coroutine: (coroutine, ack, handler).
    spawn;
    /// An event without a handler of its own: (namespace, event, sid, args, ack).
    dispatch;
    /// May this request open a session? (request, question)
    request;
    /// May it join? (namespace, sid, socket, question)
    connect;
    /// It has joined: (namespace, sid, socket).
    connected;
    /// It is leaving: (namespace, sid, socket, reason, cause).
    disconnecting;
    /// It has left: (namespace, sid, socket, reason, cause).
    disconnected;
    /// May this event pass? (namespace, event, sid, args, question)
    packet;
    /// An event leaves: (namespace, event, sid, args).
    outgoing;
    /// A message of a plain connection: (namespace, sid, data).
    message;
    /// Its connection has changed: (namespace, sid, transport).
    upgraded;
    /// It has caught up: (namespace, sid).
    drained;
    /// Messages for it found no room: (namespace, sid, count).
    dropped;
    /// (namespace, change, room, sid).
    room;
    /// A request was refused: (request, code, message).
    connection_error;
    /// An emit with acknowledgement has ended: (operation, outcome, replies).
    acked;
    /// The server has stopped.
    shutdown;
    /// A handler raised an exception: (exception, what was called).
    fault;
    /// A line of the engine's log: (level from 1 to 5, part of the engine, words).
    log;
}

thread_local! {
    static CURRENT: RefCell<Option<Py<Host>>> = const { RefCell::new(None) };
}

/// For whom this thread is draining.
pub(crate) fn current(py: Python<'_>) -> Option<Py<Host>> {
    CURRENT.with_borrow(|host| host.as_ref().map(|host| host.clone_ref(py)))
}

impl Host {
    /// Runs `work`, which drains, for this host.
    pub(crate) fn with<R>(host: &Bound<'_, Self>, work: impl FnOnce() -> R) -> R {
        let outer = CURRENT.replace(Some(host.clone().unbind()));
        let result = work();
        // What is dropped here is a reference among others, and no lock is held.
        drop(CURRENT.replace(outer));
        result
    }

    /// Adds a namespace; its place is kept with the engine's.
    pub(crate) fn add(&self, namespace: Py<Namespace>) -> usize {
        let mut namespaces = self
            .namespaces
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        namespaces.push(namespace);
        namespaces.len() - 1
    }

    /// The namespace that Python made for the engine's.
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

    /// Reports what went wrong in `what`; what is to end the program is kept for the drain to raise.
    pub(crate) fn report(&self, py: Python<'_>, error: PyErr, what: &str) {
        let error = if error.is_instance_of::<PyException>(py) {
            match self.fault.call1(py, (error.into_value(py), what)) {
                Ok(_) => return,
                Err(error) => error,
            }
        } else {
            error
        };
        // The first one counts; another is dropped after the lock.
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

    /// What is to end the program, if anything.
    pub(crate) fn take_fatal(&self) -> Option<PyErr> {
        self.fatal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// A namespace's place in the list of its host; kept with the engine's namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(pub(crate) usize);
