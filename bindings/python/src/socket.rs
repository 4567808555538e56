//! Sockets: one client in one namespace.

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

/// One client in one namespace.
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
    /// The id.
    #[getter]
    fn sid(&self) -> &str {
        self.socket.id().as_str()
    }

    /// The name of the namespace.
    #[getter]
    fn namespace(&self) -> &str {
        self.socket.namespace().name()
    }

    /// Whether it is in its namespace.
    #[getter]
    fn connected(&self) -> bool {
        self.socket.is_connected()
    }

    /// Whether it was refused or has disconnected.
    #[getter]
    fn gone(&self) -> bool {
        self.socket.is_gone()
    }

    /// The rooms that it is in, or was in when it disconnected.
    fn rooms<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyString>>> {
        self.birth.check()?;
        self.socket
            .rooms()
            .iter()
            .map(|name| text::room(py, name))
            .collect()
    }

    /// The handshake as a dictionary.
    fn handshake<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        handshake::handshake(py, self.socket.handshake())
    }

    /// The transport: `polling` or `websocket`.
    fn transport(&self) -> &'static str {
        transport_name(self.socket.link().transport())
    }

    /// The round-trip time of the last heartbeat in seconds.
    fn round_trip(&self) -> Option<f64> {
        self.socket.round_trip().map(|time| time.as_secs_f64())
    }

    /// Disconnects it from the namespace, or closes its connection.
    fn disconnect(&self, close: bool) -> PyResult<()> {
        self.birth.check()?;
        unless_gone(self.socket.disconnect(scope(close)))
    }

    /// Closes its connection, whether it has joined the namespace or not.
    fn close(&self) -> PyResult<()> {
        self.birth.check()?;
        self.socket.link().tell(Outgoing::DisconnectAll);
        Ok(())
    }

    /// Sends a `str` or `bytes` over an Engine.IO connection.
    fn send(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.birth.check()?;
        send_plain(&self.socket, data)
    }
}

/// What a disconnection ends: the connection, or the membership in the namespace.
pub(crate) fn scope(close: bool) -> Scope {
    if close {
        Scope::Connection
    } else {
        Scope::Namespace
    }
}

/// The name of a transport in the protocol.
pub(crate) fn transport_name(transport: TransportKind) -> &'static str {
    match transport {
        TransportKind::Polling => "polling",
        TransportKind::WebSocket => "websocket",
    }
}
