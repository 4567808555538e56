//! Polled delivery: a thread of the host takes the events.

use std::os::fd::AsRawFd;
use std::ptr::null;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::host::Queue;
use bellwire_core::socketio::event::{ServerEvent, SocketEvent, What};
use bellwire_core::socketio::{Event, Socket};

use crate::deferred::QuestionHost;
use crate::error::{Result, bw_status};
use crate::event::bw_event;
use crate::event_memory::{EventMemory, extras};
use crate::handle;
use crate::op::Op;
use crate::panic::{entry, entry_count};
use crate::pointer::Out;
use crate::server::{ServerHandle, timeout};
use crate::shared::Shared;
use crate::socket::SocketHost;
use crate::types::{bw_fd, bw_server};

fn queue(server: &ServerHandle) -> Result<&Arc<Queue>> {
    server.core.queue().ok_or_else(|| {
        Error::new(
            ErrorKind::State,
            "this server calls back on its own: it is not polled",
        )
    })
}

fn busy<E>(_: E) -> Error {
    Error::new(ErrorKind::Busy, "another thread polls this server")
}

/// [poll] Calls the callbacks of queued events on this thread: at most max_events, 0 for all that
/// are queued. If the queue is empty, waits at most timeout_ms milliseconds for an event; 0 does
/// not wait, -1 waits without a limit, and any other negative number returns BW_E_ARG. BW_E_CLOSED:
/// the server has stopped and all its events have been handled. BW_E_STATE: the delivery is not
/// BW_DELIVER_POLLED.
/// Returns the number of handled events, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_REENTRANT,
/// BW_E_BUSY, BW_E_GONE, BW_E_CLOSED, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_poll(server: bw_server, max_events: u32, timeout_ms: i32) -> i32 {
    entry_count(|| {
        let server = handle::server(server)?;
        queue(&server)?;
        let timeout = timeout(timeout_ms)?;
        let _polling = server.shared.begin_polling()?;
        let handled = poll_or_closed(&server, max_events as usize, timeout, Budget::Configured);
        server.take_wakeup();
        handled
    })
}

/// [poll] Calls the callbacks of queued and arriving events on this thread until CLOCK_MONOTONIC
/// reaches deadline_ns, in nanoseconds like bw_event.mono_ns. For loops with a fixed tick: if the
/// deadline has passed, the call handles the queued events and does not wait. bw_server_wakeup ends
/// the wait early; a signal alone does not. BW_E_CLOSED and BW_E_STATE as for bw_server_poll.
/// Returns the number of handled events, BW_E_HANDLE, BW_E_STATE, BW_E_REENTRANT, BW_E_BUSY,
/// BW_E_GONE, BW_E_CLOSED, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_poll_until(server: bw_server, deadline_ns: u64) -> i32 {
    entry_count(|| {
        let server = handle::server(server)?;
        queue(&server)?;
        let deadline = server.shared.moment(deadline_ns);
        let _polling = server.shared.begin_polling()?;
        poll_until(&server, deadline)
    })
}

/// How long a poll handles events before it returns.
#[derive(Clone, Copy)]
enum Budget {
    /// As long as the option engine.pollBudgetUs says.
    Configured,
    /// No longer than the option says, and no longer than this.
    Within(Duration),
}

impl Budget {
    fn of(self, server: &ServerHandle) -> Option<Duration> {
        let configured = server.core.config().poll_budget;
        match self {
            Self::Configured => configured,
            Self::Within(left) => Some(configured.map_or(left, |budget| budget.min(left))),
        }
    }
}

/// Polls until the deadline. Events that are left then are handled by the next call.
#[expect(clippy::disallowed_methods, reason = "a deadline is time")]
fn poll_until(server: &ServerHandle, deadline: Instant) -> Result<usize> {
    let left = || deadline.saturating_duration_since(Instant::now());
    let mut handled = 0;
    let mut time = left();
    // A deadline that has passed does not limit what is handled: otherwise a late host could never catch up.
    let mut budget = if time.is_zero() {
        Budget::Configured
    } else {
        Budget::Within(time)
    };
    loop {
        match poll_or_closed(server, 0, Some(time), budget) {
            // Returns the events that were handled; the next call returns BW_E_CLOSED.
            Err(error) if error.kind() == ErrorKind::Closed && handled > 0 => return Ok(handled),
            now => handled += now?,
        }
        // A poll that finds no events is not a wake-up: the bell can ring for an event that was taken already.
        let woken = server.take_wakeup();
        time = left();
        if woken || time.is_zero() {
            return Ok(handled);
        }
        budget = Budget::Within(time);
    }
}

/// Polls. Returns `Closed` instead of waiting when the server has ended and no event will come.
fn poll_or_closed(
    server: &ServerHandle,
    max: usize,
    timeout: Option<Duration>,
    budget: Budget,
) -> Result<usize> {
    let timeout_now = if server.shared.ended.load(Ordering::Acquire) {
        Some(Duration::ZERO)
    } else {
        timeout
    };
    let handled = poll(server, max, timeout_now, budget)?;
    if handled == 0 && timeout_now != timeout {
        return Err(stopped());
    }
    Ok(handled)
}

fn stopped() -> Error {
    let text = "the server has stopped, and all its events have been handled";
    Error::new(ErrorKind::Closed, text)
}

/// Polls. The caller has made this thread the polling one.
fn poll(
    server: &ServerHandle,
    max: usize,
    timeout: Option<Duration>,
    budget: Budget,
) -> Result<usize> {
    let shared = &server.shared;
    take_back(server);
    shared.deferred_drops.run(shared);
    let budget = budget.of(server);
    let handled = queue(server)?.poll(max, budget, timeout).map_err(busy)?;
    shared.deferred_drops.run(shared);
    Ok(handled)
}

/// Polls until the server has ended. Returns false if the timeout passed.
#[expect(clippy::disallowed_methods, reason = "a timeout is time")]
pub(crate) fn wait_polling(server: &ServerHandle, timeout: Option<Duration>) -> Result<bool> {
    let _polling = server.shared.begin_polling()?;
    let end = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if server.shared.ended.load(Ordering::Acquire) {
            // BW_EV_SHUTDOWN has been delivered, so the server ends very soon.
            return Ok(server.core.wait(left));
        }
        let handled = poll(server, 0, left, Budget::Configured)?;
        if handled == 0 && left.is_some_and(|left| left.is_zero()) {
            return Ok(server.core.is_closed());
        }
    }
}

/// [any] Sets *out to a descriptor that is readable while events are queued (level-triggered), for
/// epoll, select or libuv. Do not read, write or close the descriptor. It is valid until
/// bw_server_free. BW_E_STATE: the delivery is not BW_DELIVER_POLLED.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_GONE, BW_E_FORKED, BW_E_UNSUPPORTED or a
/// common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_poll_fd(server: bw_server, out: *mut bw_fd) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", -1)?;
        let server = handle::server(server)?;
        let bell = queue(&server)?.descriptor();
        let bell = bell.ok_or_else(|| Error::from(ErrorKind::Unsupported))?;
        out.set(bell.as_raw_fd());
        Ok(())
    })
}

/// An event that bw_server_next has returned, and the memory that it points to.
pub(crate) struct Lent {
    event: Box<bw_event>,
    /// The event points into it, so that it must not move.
    _memory: Box<EventMemory>,
    /// The operation that has ended. Its user pointer is dropped with the event.
    _op: Option<Arc<Op>>,
    /// The socket whose last event this is.
    last_of: Option<Arc<Socket>>,
}

// SAFETY: the event points to its own memory and to the queue's memory; only the host dereferences it.
unsafe impl Send for Lent {}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lent")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(socket) = &self.last_of
            && let Some(host) = socket.host().get::<SocketHost>()
        {
            host.retire(socket);
        }
    }
}

/// Drops the event that bw_server_next returned last.
fn take_back(server: &ServerHandle) {
    let lent = server
        .lent
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    drop(lent);
}

/// [poll] Takes the next event from the queue without calling callbacks. Sets *out to the event, or
/// to NULL if none arrived within timeout_ms milliseconds (0 and negative numbers as for
/// bw_server_poll). The event is valid until the next call of this function or of bw_server_poll.
/// ACKED and SOCKETS events are returned too, with their bw_event.op; their callbacks are not
/// called. BW_E_CLOSED and BW_E_STATE as for bw_server_poll..
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_REENTRANT, BW_E_BUSY, BW_E_GONE,
/// BW_E_CLOSED, BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_next(
    server: bw_server,
    timeout_ms: i32,
    out: *mut *const bw_event,
) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", null())?;
        let server = handle::server(server)?;
        queue(&server)?;
        let timeout = timeout(timeout_ms)?;
        let _polling = server.shared.begin_polling()?;
        take_back(&server);
        server.shared.deferred_drops.run(&server.shared);
        let has_ended = server.shared.ended.load(Ordering::Acquire);
        let timeout_now = if has_ended {
            Some(Duration::ZERO)
        } else {
            timeout
        };
        let lent = queue(&server)?
            .next(timeout_now, |event| {
                event.map(|event| lend(&server.shared, &event)).transpose()
            })
            .map_err(busy)??;
        server.take_wakeup();
        if lent.is_none() && timeout_now != timeout {
            return Err(stopped());
        }
        if let Some(lent) = lent {
            out.set(&raw const *lent.event);
            *server.lent.lock().unwrap_or_else(PoisonError::into_inner) = Some(lent);
        }
        Ok(())
    })
}

fn lend(shared: &Arc<Shared>, event: &Event<'_>) -> Result<Lent> {
    let mut memory = Box::<EventMemory>::default();
    let mut ev = Box::new(memory.fill(event, shared)?);
    if let Some(question) = event.question() {
        ev.deferred = QuestionHost::ask(question, extras(event))?;
    }
    let op = event.operation().and_then(Op::finish);
    let last_of = match event.what {
        What::Socket(socket, SocketEvent::Disconnect { .. }) => Some(Arc::clone(socket)),
        _ => None,
    };
    if let What::Server(ServerEvent::Shutdown) = event.what {
        shared.ended.store(true, Ordering::Release);
    }
    Ok(Lent {
        event: ev,
        _memory: memory,
        _op: op,
        last_of,
    })
}
