//! Polled delivery: a Python thread takes the events in batches.

use std::time::Duration;

use bellwire_core::server::Server;
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::host::Host;
use crate::log;

/// The limits of one batch, after which other work of the thread can run.
const EVENTS: usize = 256;
const BUDGET: Duration = Duration::from_millis(1);

/// How often a dispatcher checks whether it was ended, in case the queue was not woken.
const LOOK_UP: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Handles at most one batch of queued events and returns their number. Raises an exception that is to end the program.
pub(crate) fn drain(server: &Server, host: &Bound<'_, Host>) -> PyResult<usize> {
    let Some(queue) = server.queue() else {
        return Ok(0);
    };
    let handled = Host::with(host, || {
        queue.poll(EVENTS, Some(BUDGET), Some(Duration::ZERO))
    });
    log::deliver(host.py(), server, host.get());
    match host.get().take_fatal() {
        Some(error) => Err(error),
        // `None`: another call is draining, possibly one further up on this thread's stack.
        None => Ok(handled.unwrap_or(0)),
    }
}

/// Waits until events are queued, with the interpreter's lock released.
pub(crate) fn wait(py: Python<'_>, server: &Server) {
    py.detach(|| {
        if let Some(fd) = server.queue().and_then(|queue| queue.descriptor()) {
            // After an error or a signal, the caller finds an empty queue and waits again.
            let _ = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&LOOK_UP));
        }
    });
}
