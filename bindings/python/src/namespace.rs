//! A namespace: what Python does with its sockets, each call short and on the caller's thread.

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

/// See the module's documentation.
#[pyclass(frozen, module = "bellwire._native")]
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) namespace: Arc<socketio::Namespace>,
    /// Handlers that are called directly, by event.
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
        // Ids are ASCII: what is replaced here belongs to no client.
        let sid = &*sid.to_string_lossy();
        self.namespace.find(sid).or_else(|| self.joining.find(sid))
    }
}

#[pymethods]
impl Namespace {
    /// Its name.
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

    /// Sends an event that one client is to acknowledge; false when there is no such client.
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

    /// Sends an event that all clients in `to` are to acknowledge; false when `to` is no room at all.
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

    /// The client with that id, if it is there or joining.
    fn find(&self, sid: &Bound<'_, PyString>) -> PyResult<Option<Socket>> {
        self.birth.check()?;
        Ok(self.find_socket(sid).map(|socket| Socket::new(&socket)))
    }

    /// How many clients there are.
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

    /// One client joins a room; false when there is no such client.
    fn enter(&self, sid: &Bound<'_, PyString>, room_name: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.birth.check()?;
        let name = room(room_name)?;
        let Some(socket) = self.find_socket(sid) else {
            return Ok(false);
        };
        unless_gone(socket.join(&name)).map(|()| true)
    }

    /// One client leaves a room; false when there is no such client.
    fn leave(&self, sid: &Bound<'_, PyString>, room_name: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.birth.check()?;
        let name = room(room_name)?;
        let Some(socket) = self.find_socket(sid) else {
            return Ok(false);
        };
        unless_gone(socket.leave(&name)).map(|()| true)
    }

    /// All clients in `to` that are not in `skip` join a room.
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

    /// All clients in `to` that are not in `skip` leave a room.
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

    /// All clients in `to` that are not in `skip` are put out, or their connections closed.
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

    /// Says whether Python wants to hear of something, or to decide it.
    fn hook(&self, name: &str, wanted: bool) -> PyResult<()> {
        self.birth.check()?;
        hooks::change(&self.namespace.hooks, name, wanted)
    }

    /// A client will not join. The operations that it was to answer and will not be asked.
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
