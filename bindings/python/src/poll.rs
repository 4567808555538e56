//! Polled delivery: a thread of Python takes the events, a batch at a time.

use std::time::Duration;

use bellwire_core::server::Server;
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::host::Host;
use crate::log;

/// How many events one batch has, and how long it takes, before others on the thread get their turn.
const EVENTS: usize = 256;
const BUDGET: Duration = Duration::from_millis(1);

/// A dispatcher looks up this often whether it is still wanted, in case nobody rings.
const LOOK_UP: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Handles the events that wait, a batch at most. How many; an exception that is to end the program ends this first.
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
        // Another drain is at it, perhaps this thread's own, further out.
        None => Ok(handled.unwrap_or(0)),
    }
}

/// Waits until events wait, without the lock of the interpreter.
pub(crate) fn wait(py: Python<'_>, server: &Server) {
    py.detach(|| {
        if let Some(fd) = server.queue().and_then(|queue| queue.descriptor()) {
            // When it fails, or a signal ends it, there is no harm in looking at the queue.
            let _ = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&LOOK_UP));
        }
    });
}
