//! One client in one namespace.

use std::sync::Arc;

use bellwire_core::engineio::TransportKind;
use bellwire_core::socketio;
use bellwire_core::socketio::link::Outgoing;
use bellwire_core::socketio::socket::Scope;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::emit::send_plain;
use crate::error::unless_gone;
use crate::fork::Birth;
use crate::{handshake, text};

/// See the module's documentation.
#[pyclass(frozen, module = "bellwire._native")]
#[derive(Debug)]
pub(crate) struct Socket {
    socket: Arc<socketio::Socket>,
    birth: Birth,
}

impl Socket {
    pub(crate) fn new(socket: &Arc<socketio::Socket>) -> Self {
        Self {
            socket: Arc::clone(socket),
            birth: Birth::now(),
        }
    }
}

#[pymethods]
impl Socket {
    /// Its id.
    #[getter]
    fn sid(&self) -> &str {
        self.socket.id().as_str()
    }

    /// Its namespace.
    #[getter]
    fn namespace(&self) -> &str {
        self.socket.namespace().name()
    }

    /// Whether it is in its namespace.
    #[getter]
    fn connected(&self) -> bool {
        self.socket.is_connected()
    }

    /// Whether it was refused, or has left.
    #[getter]
    fn gone(&self) -> bool {
        self.socket.is_gone()
    }

    /// The rooms it is in, or was in when it left.
    fn rooms<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyString>>> {
        self.birth.check()?;
        self.socket
            .rooms()
            .iter()
            .map(|name| text::room(py, name))
            .collect()
    }

    /// What it came with.
    fn handshake<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        handshake::handshake(py, self.socket.handshake())
    }

    /// `polling` or `websocket`.
    fn transport(&self) -> &'static str {
        transport_name(self.socket.link().transport())
    }

    /// The heartbeat's last round trip, in seconds.
    fn round_trip(&self) -> Option<f64> {
        self.socket.round_trip().map(|time| time.as_secs_f64())
    }

    /// Puts it out of its namespace, or closes its connection.
    fn disconnect(&self, close: bool) -> PyResult<()> {
        self.birth.check()?;
        unless_gone(self.socket.disconnect(scope(close)))
    }

    /// Closes its connection, whether it is in its namespace or not.
    fn close(&self) -> PyResult<()> {
        self.birth.check()?;
        self.socket.link().tell(Outgoing::DisconnectAll);
        Ok(())
    }

    /// Sends a text or bytes over a plain connection.
    fn send(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.birth.check()?;
        send_plain(&self.socket, data)
    }
}

/// What is left when one is put out.
pub(crate) fn scope(close: bool) -> Scope {
    if close {
        Scope::Connection
    } else {
        Scope::Namespace
    }
}

/// The name in a query.
pub(crate) fn transport_name(transport: TransportKind) -> &'static str {
    match transport {
        TransportKind::Polling => "polling",
        TransportKind::WebSocket => "websocket",
    }
}
