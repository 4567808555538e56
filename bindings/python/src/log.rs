//! The engine's log for the `logging` module. Lines are stored until a Python thread takes them with the events.

use std::sync::Arc;

use bellwire_core::host::Queue;
use bellwire_core::log::listener::{Level, listen};
use bellwire_core::log::store::Store;
use bellwire_core::server::Server;
use pyo3::prelude::*;

use crate::host::Host;

static STORE: Store = Store::new();

/// Sets the level of the engine's log: from 0 (off) to 5 (trace).
#[pyfunction]
pub(crate) fn log_level(level: u8) {
    // This fails only if other code in the process has installed a listener, which then receives the lines.
    if listen(&STORE).is_ok() {
        STORE.set_level(Level::from_number(level).unwrap_or(Level::Trace));
    }
}

/// Makes log lines of a server wake its event queue.
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

/// Passes the stored lines of a server to Python.
pub(crate) fn deliver(py: Python<'_>, server: &Server, host: &Host) {
    for line in STORE.take(server.log_id(), usize::MAX) {
        let call = (line.level as u8, line.target, line.text);
        if let Err(error) = host.log.call1(py, call) {
            host.report(py, error, "the log");
        }
    }
}

/// Ends `begin` for a server that has stopped.
pub(crate) fn end(server: &Server) {
    STORE.remove_host(server.log_id());
}
