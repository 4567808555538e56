//! The engine's log, for the `logging` module: lines wait until a thread of Python takes them with the events.

use std::sync::Arc;

use bellwire_core::host::Queue;
use bellwire_core::log::listener::{Level, listen};
use bellwire_core::log::store::Store;
use bellwire_core::server::Server;
use pyo3::prelude::*;

use crate::host::Host;

static STORE: Store = Store::new();

/// Sets the level that Python hears: 0 is off, 5 is trace.
#[pyfunction]
pub(crate) fn log_level(level: u8) {
    // It can only fail in a process in which something else listens: then that has the lines.
    if listen(&STORE).is_ok() {
        STORE.set_level(Level::from_number(level).unwrap_or(Level::Trace));
    }
}

/// Rings the server's queue for its log lines, too.
pub(crate) fn begin(server: &Server) {
    if let Some(queue) = server.queue() {
        let queue = Arc::downgrade(queue);
        let ring = move || {
            if let Some(queue) = queue.upgrade() {
                Queue::wake(&queue);
            }
        };
        STORE.add_host(server.log_id(), Arc::new(ring));
    }
}

/// Gives the lines that wait to Python.
pub(crate) fn deliver(py: Python<'_>, server: &Server, host: &Host) {
    for line in STORE.take(server.log_id(), usize::MAX) {
        let call = (line.level as u8, line.target, line.text);
        if let Err(error) = host.log.call1(py, call) {
            host.report(py, error, "the log");
        }
    }
}

/// The server has stopped.
pub(crate) fn end(server: &Server) {
    STORE.remove_host(server.log_id());
}
