//! Servers: creation, listening, statistics and end.

use std::ffi::c_char;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bellwire_core::config::Config;
use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::host::Handler;
use bellwire_core::server::Server;
use bytes::Bytes;

use crate::config::bw_config;
use crate::dispatch::Dispatcher;
use crate::error::{Result, bw_status};
use crate::handle::{self, Object, registry};
use crate::log;
use crate::op::Op;
use crate::panic::{entry, quiet_panics};
use crate::pointer::{self, Out, clear};
use crate::poll::{Lent, wait_polling};
use crate::registry::Ended;
use crate::scope::Scope;
use crate::shared::Shared;
use crate::socket::SocketHost;
use crate::types::{bw_buf, bw_bytes, bw_fd, bw_server, bw_str};
use crate::wakeup::Wakeable;

/// The object behind the handle of a server.
#[derive(Debug)]
pub(crate) struct ServerHandle {
    pub(crate) core: Arc<Server>,
    pub(crate) shared: Arc<Shared>,
    /// The event that bw_server_next returned last.
    pub(crate) lent: Mutex<Option<Lent>>,
    wakeable: Mutex<Option<Wakeable>>,
}

impl ServerHandle {
    /// Whether bw_server_wakeup was called since the last time.
    pub(crate) fn take_wakeup(&self) -> bool {
        lock(&self.wakeable).as_ref().is_some_and(Wakeable::take)
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        log::remove_server(self.core.log_id());
    }
}

/// [any] Creates a server and starts its threads; the server does not listen yet. config is copied;
/// NULL means the default values. Free the server with bw_server_free. BW_E_OPTION: two options
/// contradict each other. BW_E_FULL: the process has no ids left, or 1024 servers.
/// Returns BW_OK, BW_E_ARG, BW_E_OPTION, BW_E_FORKED, BW_E_FULL, BW_E_IO, BW_E_ACCESS or a common
/// status.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn bw_server_new(config: *const bw_config, out: *mut bw_server) -> bw_status {
    quiet_panics();
    clear(out, 0);
    entry(|| {
        let out = Out::new(out, "out", 0)?;
        let defaults;
        let config = if config.is_null() {
            defaults = Config::default();
            &defaults
        } else {
            pointer::borrow(config, "config")?.config()
        };
        let registry = registry()?;
        let shared = Arc::new(Shared::new(config.delivery, config.protocol));
        let handler: Arc<dyn Handler> = Arc::new(Dispatcher::new(&shared));
        let core = Server::new(config, handler)?;
        if let Some(queue) = core.queue() {
            shared.set_queue(queue);
        }
        let handle = Arc::new(ServerHandle {
            core,
            shared,
            lent: Mutex::new(None),
            wakeable: Mutex::new(None),
        });
        let id = registry.insert(Object::Server(Arc::clone(&handle)))?;
        handle.shared.set_id(id);
        log::add_server(handle.core.log_id(), id);
        let bell = handle.core.queue().and_then(|queue| queue.descriptor());
        let Some(wakeable) = Wakeable::new(id, bell) else {
            registry.remove(id, Ended::Gone);
            return Err(Error::new(
                ErrorKind::Full,
                "there are too many servers in this process",
            ));
        };
        *lock(&handle.wakeable) = Some(wakeable);
        out.set(id);
        Ok(())
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_nul<'a>(text: &'a str, name: &str) -> Result<&'a str> {
    if text.contains('\0') {
        return Err(Error::new(
            ErrorKind::Argument,
            format!("{name} holds a NUL"),
        ));
    }
    Ok(text)
}

/// [any] Listens on a TCP address; can be called more than once. host is an IP address,
/// "localhost", or "" for all interfaces; other host names are not resolved and return BW_E_ARG.
/// port 0 picks a free port. *bound_port is set to the port; bound_port is optional. BW_E_STATE:
/// the server is closing.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_FORKED, BW_E_IO, BW_E_ADDR_IN_USE, BW_E_ACCESS or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_listen_tcp(
    server: bw_server,
    host: bw_str,
    port: u16,
    bound_port: *mut u16,
) -> bw_status {
    entry(|| {
        let out = Out::optional(bound_port, "bound_port", 0)?;
        let server = handle::server(server)?;
        let host = no_nul(host.text("host")?, "host")?;
        out.set(server.core.listen_tcp(host, port)?);
        Ok(())
    })
}

/// [any] Listens on a Unix domain socket. mode is the permissions of its file, 0 for those of the
/// umask. A socket file on which no process listens is replaced. BW_E_STATE: the server is closing.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_FORKED, BW_E_IO, BW_E_ADDR_IN_USE, BW_E_ACCESS or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_listen_unix(server: bw_server, path: bw_str, mode: u32) -> bw_status {
    entry(|| {
        let server = handle::server(server)?;
        let path = no_nul(path.text("path")?, "path")?;
        if path.is_empty() {
            return Err(Error::new(ErrorKind::Argument, "path is empty"));
        }
        server.core.listen_unix(path, mode)
    })
}

/// [any] Listens on a stream socket that is bound and listening, for example one inherited from a
/// service manager. If the call returns BW_OK, the library owns fd; otherwise the caller still
/// does. BW_E_ARG: fd is not such a socket. BW_E_STATE: the server is closing.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_listen_fd(server: bw_server, fd: bw_fd) -> bw_status {
    entry(|| {
        let server = handle::server(server)?;
        if fd < 0 {
            let text = format!("fd is {fd}: no descriptor");
            return Err(Error::new(ErrorKind::Argument, text));
        }
        // SAFETY: the caller passes ownership of the descriptor; on an error it is not closed.
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        server.core.listen_fd(owned).map_err(|(error, owned)| {
            let _ = owned.into_raw_fd();
            error
        })
    })
}

/// [any] Answers GET and HEAD requests for exactly this path with these bytes, which are copied.
/// body.data NULL removes the path. Requests for any other path that is not an endpoint of the
/// server are answered with 404. BW_E_ARG: the path does not begin with a slash or is under the
/// server's endpoint, or content_type is not a valid header value.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED or a
/// common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_serve(
    server: bw_server,
    path: bw_str,
    content_type: bw_str,
    body: bw_bytes,
) -> bw_status {
    entry(|| {
        let server = handle::server(server)?;
        let (path, content_type) = (path.text("path")?, content_type.text("content_type")?);
        let bytes = body.slice("body")?;
        let body = (!body.data.is_null()).then(|| Bytes::copy_from_slice(bytes));
        server.core.serve(path, content_type, body)
    })
}

/// [any] Begins a graceful stop: stops accepting connections, disconnects every client after its
/// queued messages are sent, and drops the connections that remain after deadline_ms milliseconds.
/// BW_EV_SHUTDOWN is the last event. Another call can only shorten the deadline.
/// Returns BW_OK, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_close(server: bw_server, deadline_ms: u32) -> bw_status {
    entry(|| {
        handle::server(server)?
            .core
            .close(Duration::from_millis(deadline_ms.into()))
    })
}

fn not_inside(server: &ServerHandle, what: &str) -> Result<()> {
    if server.shared.is_inside() {
        let text = format!("{what} inside a callback of the same server would wait for itself");
        return Err(Error::new(ErrorKind::Deadlock, text));
    }
    Ok(())
}

/// [out] Waits until a graceful stop has ended and the callbacks of all its events have returned,
/// at most timeout_ms milliseconds; -1 waits without a limit, and any other negative number returns
/// BW_E_ARG. With BW_DELIVER_POLLED the call polls while it waits; BW_E_BUSY: another thread is
/// polling.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_REENTRANT, BW_E_DEADLOCK, BW_E_BUSY, BW_E_GONE,
/// BW_E_TIMEOUT, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_wait(server: bw_server, timeout_ms: i32) -> bw_status {
    entry(|| {
        let timeout = timeout(timeout_ms)?;
        let server = handle::server(server)?;
        not_inside(&server, "bw_server_wait")?;
        let has_ended = if server.shared.is_polled() {
            wait_polling(&server, timeout)?
        } else {
            wait_told(&server, timeout)
        };
        if has_ended {
            Ok(())
        } else {
            Err(ErrorKind::Timeout.into())
        }
    })
}

/// How long to sleep between two checks whether the callbacks have returned.
const LOOK: Duration = Duration::from_millis(1);

/// Waits for the end of the server, and for the callbacks that run on threads of the engine. Returns
/// false if the timeout passed.
#[expect(clippy::disallowed_methods, reason = "a timeout is time")]
fn wait_told(server: &ServerHandle, timeout: Option<Duration>) -> bool {
    let end = timeout.map(|timeout| Instant::now() + timeout);
    if !server.core.wait(timeout) {
        return false;
    }
    // Callbacks of different sockets run in parallel, so BW_EV_SHUTDOWN may not be the last to return.
    let is_told = || {
        let waiting = server.core.stats().queued.now();
        server.shared.ended.load(Ordering::Acquire) && waiting.events == 0
    };
    while !is_told() && !server.shared.is_freeing() {
        if end.is_some_and(|end| Instant::now() >= end) {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}

/// Converts a timeout in milliseconds; -1 means none.
pub(crate) fn timeout(timeout_ms: i32) -> Result<Option<Duration>> {
    match u64::try_from(timeout_ms) {
        Ok(ms) => Ok(Some(Duration::from_millis(ms))),
        Err(_) if timeout_ms == -1 => Ok(None),
        Err(_) => {
            let text = format!(
                "timeout_ms is {timeout_ms}: it must be 0 or more, or -1 to wait without a limit"
            );
            Err(Error::new(ErrorKind::Argument, text))
        }
    }
}

/// [out] Stops the server at once, waits for running callbacks, runs every drop function, ends the
/// threads and sets *server to 0. No callback runs after the call has returned. Does nothing for
/// NULL or 0. BW_E_BUSY: another thread is polling.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_REENTRANT, BW_E_DEADLOCK, BW_E_BUSY, BW_E_GONE,
/// BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_free(server: *mut bw_server) -> bw_status {
    entry(|| {
        if server.is_null() {
            return Ok(());
        }
        let variable = pointer::borrow_mut(server, "server")?;
        if *variable == 0 {
            return Ok(());
        }
        let handle = handle::server(*variable)?;
        not_inside(&handle, "bw_server_free")?;
        let polling = handle
            .shared
            .is_polled()
            .then(|| handle.shared.begin_polling());
        let polling = polling.transpose()?;
        if !handle.shared.begin_freeing() {
            return Err(ErrorKind::Gone.into());
        }
        end(*variable, handle);
        drop(polling);
        *variable = 0;
        Ok(())
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "what ends with the server ends now"
)]
fn end(id: bw_server, handle: Arc<ServerHandle>) {
    let shared = Arc::clone(&handle.shared);
    drop(lock(&handle.wakeable).take());
    handle.core.stop();
    if let Some(queue) = handle.core.queue() {
        drop(lock(&handle.lent).take());
        // Delivers the events that are still queued, such as BW_EV_DISCONNECT.
        while queue
            .poll(0, None, Some(Duration::ZERO))
            .is_ok_and(|count| count > 0)
        {}
        queue.end();
    }
    Op::end_all(&shared, Instant::now());
    let Ok(registry) = registry() else { return };
    registry.remove(id, Ended::Gone);
    for namespace in std::mem::take(&mut *lock(&shared.namespaces)) {
        registry.remove(namespace, Ended::Gone);
    }
    for namespace in handle.core.namespaces().all() {
        for socket in namespace.sockets(&bellwire_core::socketio::Target::ALL) {
            if let Some(host) = socket.host().get::<SocketHost>() {
                host.retire(&socket);
            }
        }
        Scope::Nsp(namespace).clear();
    }
    Scope::Server(Arc::clone(&handle)).clear();
    // Calls on other threads may still use it for a moment.
    while Arc::strong_count(&handle) > 1 {
        std::thread::yield_now();
    }
    drop(handle);
    shared.end_polling();
}

/// [any] Sets *out to all statistics in the OpenMetrics text format. Free *out with bw_buf_free.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_metrics(server: bw_server, out: *mut bw_buf) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_buf::EMPTY)?;
        out.set(bw_buf::new(
            handle::server(server)?.core.stats().open_metrics(),
        ));
        Ok(())
    })
}

/// [any] Sets *out to one statistic, for example "clients_count" or "queued_events";
/// bw_server_metrics lists all names. name ends with a NUL. BW_E_NOT_FOUND: no statistic has
/// that name.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_NOT_FOUND, BW_E_GONE, BW_E_FORKED or a
/// common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_stat(
    server: bw_server,
    name: *const c_char,
    out: *mut i64,
) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", 0)?;
        let name = pointer::c_text(name, "name")?;
        let number = handle::server(server)?.core.stats().get(name);
        out.set(number.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("no statistic has the name {name:?}: bw_server_metrics lists them"),
            )
        })?);
        Ok(())
    })
}
