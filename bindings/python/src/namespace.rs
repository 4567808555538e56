//! Namespaces and the operations on their sockets. Each call is short and runs on the caller's thread.

use std::sync::Arc;
use std::time::Duration;

use bellwire_core::socketio;
use bellwire_core::socketio::Operation;
use bellwire_core::socketio::target::Reliability;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::broadcast::{room, target};
use crate::emit::Outgoing;
use crate::error::unless_gone;
use crate::fork::Birth;
use crate::hooks;
use crate::joining::Joining;
use crate::payload::Written;
use crate::socket::{Socket, scope};
use crate::text::Name;

/// A namespace of a server.
#[pyclass(frozen, module = "bellwire._native")]
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) namespace: Arc<socketio::Namespace>,
    /// The handlers that are called directly, by event.
    #[pyo3(get)]
    pub(crate) handlers: Py<PyDict>,
    pub(crate) joining: Joining,
    birth: Birth,
}

impl Namespace {
    pub(crate) fn new(py: Python<'_>, namespace: Arc<socketio::Namespace>) -> Self {
        Self {
            namespace,
            handlers: PyDict::new(py).unbind(),
            joining: Joining::default(),
            birth: Birth::now(),
        }
    }

    fn find_socket(&self, sid: &Bound<'_, PyString>) -> Option<Arc<socketio::Socket>> {
        // Ids are ASCII, so an id with replaced characters does not match any client.
        let sid = &*sid.to_string_lossy();
        self.namespace.find(sid).or_else(|| self.joining.find(sid))
    }
}

#[pymethods]
impl Namespace {
    /// The name.
    #[getter]
    fn name(&self) -> &str {
        self.namespace.name()
    }

    /// Sends an event to the clients in `to` (all for `None`) that are not in `skip`.
    #[pyo3(signature = (event, data, to=None, skip=None, volatile=false))]
    fn emit(
        &self,
        event: &Bound<'_, PyString>,
        data: &Bound<'_, PyAny>,
        to: Option<&Bound<'_, PyAny>>,
        skip: Option<&Bound<'_, PyAny>>,
        volatile: bool,
    ) -> PyResult<()> {
        self.birth.check()?;
        let target = target(to, skip)?;
        let name = Name::of(event)?;
        let written = Written::args(data)?;
        let reliability = if volatile {
            Reliability::Volatile
        } else {
            Reliability::Reliable
        };
        self.outgoing(&name, &written, reliability).emit(target)
    }

    /// Sends an event to one client and expects an acknowledgement. Returns false if the client is not connected.
    #[pyo3(signature = (event, data, sid, timeout_ms, operation))]
    fn ask(
        &self,
        event: &Bound<'_, PyString>,
        data: &Bound<'_, PyAny>,
        sid: &Bound<'_, PyString>,
        timeout_ms: Option<u64>,
        operation: u64,
    ) -> PyResult<bool> {
        self.birth.check()?;
        let name = Name::of(event)?;
        let written = Written::args(data)?;
        self.outgoing(&name, &written, Reliability::Reliable).ask(
            &sid.to_string_lossy(),
            timeout_ms.map(Duration::from_millis),
            Operation(operation),
        )
    }

    /// Sends an event to the clients in `to` and expects acknowledgements. Returns false if `to` is an empty list.
    #[pyo3(signature = (event, data, to, skip, timeout_ms, operation))]
    fn ask_all(
        &self,
        event: &Bound<'_, PyString>,
        data: &Bound<'_, PyAny>,
        to: Option<&Bound<'_, PyAny>>,
        skip: Option<&Bound<'_, PyAny>>,
        timeout_ms: u64,
        operation: u64,
    ) -> PyResult<bool> {
        self.birth.check()?;
        let target = target(to, skip)?;
        let name = Name::of(event)?;
        let written = Written::args(data)?;
        self.outgoing(&name, &written, Reliability::Reliable)
            .ask_all(
                target,
                Duration::from_millis(timeout_ms),
                Operation(operation),
            )
    }

    /// The client with an id, if it has joined or is joining.
    fn find(&self, sid: &Bound<'_, PyString>) -> PyResult<Option<Socket>> {
        self.birth.check()?;
        Ok(self.find_socket(sid).map(|socket| Socket::new(&socket)))
    }

    /// The number of clients.
    fn __len__(&self) -> PyResult<usize> {
        self.birth.check()?;
        Ok(self.namespace.socket_count())
    }

    /// The clients in `to` (all for `None`) that are not in `skip`.
    #[pyo3(signature = (to=None, skip=None))]
    fn sockets(
        &self,
        to: Option<&Bound<'_, PyAny>>,
        skip: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Socket>> {
        self.birth.check()?;
        let target = target(to, skip)?;
        let sockets = target.map(|target| target.with(|target| self.namespace.sockets(target)));
        Ok(sockets.iter().flatten().map(Socket::new).collect())
    }

    /// Adds one client to a room. Returns false if the client is not connected.
    fn enter(&self, sid: &Bound<'_, PyString>, room_name: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.birth.check()?;
        let name = room(room_name)?;
        let Some(socket) = self.find_socket(sid) else {
            return Ok(false);
        };
        unless_gone(socket.join(&name)).map(|()| true)
    }

    /// Removes one client from a room. Returns false if the client is not connected.
    fn leave(&self, sid: &Bound<'_, PyString>, room_name: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.birth.check()?;
        let name = room(room_name)?;
        let Some(socket) = self.find_socket(sid) else {
            return Ok(false);
        };
        unless_gone(socket.leave(&name)).map(|()| true)
    }

    /// Adds the clients in `to` that are not in `skip` to a room.
    fn enter_all(
        &self,
        to: Option<&Bound<'_, PyAny>>,
        skip: Option<&Bound<'_, PyAny>>,
        room_name: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.birth.check()?;
        let name = room(room_name)?;
        if let Some(target) = target(to, skip)? {
            target.with(|target| self.namespace.join(target, &[&name]));
        }
        Ok(())
    }

    /// Removes the clients in `to` that are not in `skip` from a room.
    fn leave_all(
        &self,
        to: Option<&Bound<'_, PyAny>>,
        skip: Option<&Bound<'_, PyAny>>,
        room_name: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.birth.check()?;
        let name = room(room_name)?;
        if let Some(target) = target(to, skip)? {
            target.with(|target| self.namespace.leave(target, &[&name]));
        }
        Ok(())
    }

    /// Disconnects the clients in `to` that are not in `skip` from the namespace, or closes their connections.
    fn disconnect_all(
        &self,
        to: Option<&Bound<'_, PyAny>>,
        skip: Option<&Bound<'_, PyAny>>,
        close: bool,
    ) -> PyResult<()> {
        self.birth.check()?;
        if let Some(target) = target(to, skip)? {
            target.with(|target| self.namespace.disconnect(target, scope(close)));
        }
        Ok(())
    }

    /// Starts or stops the delivery of a hook of this namespace.
    fn hook(&self, name: &str, wanted: bool) -> PyResult<()> {
        self.birth.check()?;
        hooks::change(&self.namespace.hooks, name, wanted)
    }

    /// Removes a client that was refused. Returns the operations that will not be sent to it.
    fn refused(&self, sid: &str) -> Vec<u64> {
        let operations = self.joining.refused(sid);
        operations.iter().map(|operation| operation.0).collect()
    }
}

impl Namespace {
    fn outgoing<'a>(
        &'a self,
        name: &'a Name<'a>,
        written: &'a Written,
        reliability: Reliability,
    ) -> Outgoing<'a> {
        Outgoing {
            namespace: &self.namespace,
            joining: &self.joining,
            name,
            written,
            reliability,
        }
    }
}
