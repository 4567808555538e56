//! The server: created and started at once, drained by a Python thread, closed.

use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bellwire_core::config::{Config, Delivery};
use bellwire_core::server;
use bytes::Bytes;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::error::exception;
use crate::event::Deliver;
use crate::fork::Birth;
use crate::host::{Host, Place};
use crate::namespace::Namespace;
use crate::{descriptor, hooks, log, poll};

/// Raises an error for options (JSON) with which a server cannot be created.
#[pyfunction]
pub(crate) fn check_options(options: &str) -> PyResult<()> {
    config(options).map(drop)
}

fn config(options: &str) -> PyResult<Config> {
    let mut config = Config::default();
    config
        .set_json(options)
        .and_then(|()| config.check())
        .map_err(|error| exception(&error))?;
    config.delivery = Delivery::Polled;
    Ok(config)
}

/// A server of the engine.
#[pyclass(frozen, weakref, module = "bellwire._native")]
pub(crate) struct Server {
    server: Arc<server::Server>,
    host: Mutex<Option<Py<Host>>>,
    dispatching: AtomicBool,
    birth: Birth,
}

#[pymethods]
impl Server {
    /// Starts the threads of a server with these options (JSON), without listening. `host` has the methods that
    /// [`Server::drain`] calls.
    #[new]
    fn new(options: &str, host: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = host.py();
        let config = config(options)?;
        let host = Py::new(py, Host::new(host)?)?;
        let server = py
            .detach(|| server::Server::new(&config, Arc::new(Deliver)))
            .map_err(|error| exception(&error))?;
        log::begin(&server);
        Ok(Self {
            server,
            host: Mutex::new(Some(host)),
            dispatching: AtomicBool::new(true),
            birth: Birth::now(),
        })
    }

    /// Listens on TCP and returns the port.
    fn listen_tcp(&self, py: Python<'_>, host: &str, port: i64) -> PyResult<u16> {
        self.birth.check()?;
        let port = u16::try_from(port).map_err(|_| {
            PyValueError::new_err(format!("port {port} is not between 0 and 65535"))
        })?;
        py.detach(|| self.server.listen_tcp(host, port))
            .map_err(|error| exception(&error))
    }

    /// Listens on a Unix socket.
    fn listen_unix(&self, py: Python<'_>, path: &str, mode: u32) -> PyResult<()> {
        self.birth.check()?;
        py.detach(|| self.server.listen_unix(path, mode))
            .map_err(|error| exception(&error))
    }

    /// Listens on the descriptor of a listening socket, and takes ownership of the descriptor.
    fn listen_fd(&self, py: Python<'_>, fd: i32) -> PyResult<()> {
        self.birth.check()?;
        if fd < 0 {
            return Err(PyValueError::new_err(format!(
                "{fd} is not a file descriptor"
            )));
        }
        let copy = descriptor::copy(py, fd);
        descriptor::close(py, fd)?;
        self.server
            .listen_fd(copy?)
            .map_err(|(error, _)| exception(&error))
    }

    /// Answers GET and HEAD requests of a path with `body`; `None` removes the path.
    #[pyo3(signature = (path, content_type, body))]
    fn serve_file(&self, path: &str, content_type: &str, body: Option<&[u8]>) -> PyResult<()> {
        self.birth.check()?;
        self.server
            .serve(path, content_type, body.map(Bytes::copy_from_slice))
            .map_err(|error| exception(&error))
    }

    /// Creates a namespace. To be called once for each name.
    fn namespace(&self, py: Python<'_>, name: &str) -> PyResult<Py<Namespace>> {
        self.birth.check()?;
        let host = self.host(py)?;
        let inner = self.server.of(name).map_err(|error| exception(&error))?;
        let namespace = Py::new(py, Namespace::new(py, Arc::clone(&inner)))?;
        let place = Place(host.get().add(namespace.clone_ref(py)));
        inner.host().get_or_init(|| place);
        Ok(namespace)
    }

    /// A descriptor that is readable exactly while events are queued.
    fn fileno(&self) -> PyResult<i32> {
        self.birth.check()?;
        let queue = self.server.queue();
        queue
            .and_then(|queue| queue.descriptor())
            .map(|fd| fd.as_raw_fd())
            .ok_or_else(|| PyRuntimeError::new_err("the server has no queue"))
    }

    /// Handles at most one batch of queued events and returns their number. To be called when [`Server::fileno`] is
    /// readable.
    fn drain(&self, py: Python<'_>) -> PyResult<usize> {
        self.birth.check()?;
        let host = self.host(py)?;
        poll::drain(&self.server, &host)
    }

    /// Sets whether Python decides about every request that opens a session, or only about cross-origin requests.
    fn ask_about_all(&self, py: Python<'_>, wanted: bool) -> PyResult<()> {
        self.birth.check()?;
        let host = self.host(py)?;
        host.get().asks_about_all.store(wanted, Ordering::Relaxed);
        Ok(())
    }

    /// While it is set, no handler is called directly, so that Python decides in which order handlers begin.
    fn keep_order(&self, py: Python<'_>, wanted: bool) -> PyResult<()> {
        self.birth.check()?;
        let host = self.host(py)?;
        host.get().keeps_order.store(wanted, Ordering::Relaxed);
        Ok(())
    }

    /// Waits for events and handles them until [`Server::end_dispatch`]. For a thread that Python has started.
    fn run_dispatch(&self, py: Python<'_>) -> PyResult<()> {
        self.birth.check()?;
        while self.dispatching.load(Ordering::Acquire) {
            poll::wait(py, &self.server);
            self.drain(py)?;
        }
        Ok(())
    }

    /// Makes [`Server::run_dispatch`] return.
    fn end_dispatch(&self) -> PyResult<()> {
        self.birth.check()?;
        self.dispatching.store(false, Ordering::Release);
        if let Some(queue) = self.server.queue() {
            queue.wake();
        }
        Ok(())
    }

    /// Begins to stop. Connections that remain after the deadline are dropped.
    fn close(&self, deadline_ms: u64) -> PyResult<()> {
        self.birth.check()?;
        self.server
            .close(Duration::from_millis(deadline_ms))
            .map_err(|error| exception(&error))
    }

    /// Stops at once, waits for the engine's threads, and releases the host.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.birth.check()?;
        py.detach(|| {
            self.server.stop();
            // Queued events hold sockets, which hold the engine.
            if let Some(queue) = self.server.queue() {
                queue.end();
            }
        });
        log::end(&self.server);
        if let Ok(host) = self.host(py) {
            log::deliver(py, &self.server, host.get());
        }
        let host = self
            .host
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(host);
        Ok(())
    }

    /// For a forked child: closes its copies of the listening sockets, so that only the parent holds the ports.
    fn disown(&self, py: Python<'_>) {
        if self.birth.is_here() {
            return;
        }
        for fd in self.server.listeners() {
            // The engine does not close it: it has no threads in this process, and is never dropped here. The call fails
            // if the program has closed all its descriptors after the fork.
            let _ = descriptor::close(py, fd);
        }
    }

    /// Whether the server has stopped.
    #[getter]
    fn closed(&self) -> bool {
        !self.birth.is_here() || self.server.is_closed()
    }

    /// A metric by name, or `None` if the name is unknown.
    fn stat(&self, name: &str) -> PyResult<Option<i64>> {
        self.birth.check()?;
        Ok(self.server.stats().get(name))
    }

    /// All metrics in the OpenMetrics text format.
    fn metrics(&self) -> PyResult<String> {
        self.birth.check()?;
        Ok(self.server.stats().open_metrics())
    }

    /// Starts or stops the delivery of a hook of the server.
    fn hook(&self, name: &str, wanted: bool) -> PyResult<()> {
        self.birth.check()?;
        hooks::change(self.server.hooks(), name, wanted)
    }

    /// All options, as JSON.
    fn options(&self) -> String {
        self.server.config().to_json()
    }
}

impl Server {
    fn host<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Host>> {
        let host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        host.as_ref()
            .map(|host| host.bind(py).clone())
            .ok_or_else(|| PyRuntimeError::new_err("the server has stopped"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.birth.is_here() {
            log::end(&self.server);
        }
        if !self.birth.is_here() {
            // A forked child must not drop it: its threads do not exist here, and its locks may be held forever.
            let _ = ManuallyDrop::new(Arc::clone(&self.server));
        }
    }
}
