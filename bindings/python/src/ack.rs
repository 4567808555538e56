//! Acknowledgements of client events.

use std::sync::Arc;

use bellwire_core::socketio;
use bellwire_core::socketio::message::Payload;
use pyo3::prelude::*;

use crate::error::unless_gone;
use crate::fork::Birth;
use crate::payload::Written;

/// The acknowledgement that a client asked for with an event.
#[pyclass(frozen, module = "bellwire._native")]
#[derive(Debug)]
pub(crate) struct Ack {
    socket: Arc<socketio::Socket>,
    id: u64,
    birth: Birth,
}

impl Ack {
    pub(crate) fn new(socket: &Arc<socketio::Socket>, id: u64) -> Self {
        Self {
            socket: Arc::clone(socket),
            id,
            birth: Birth::now(),
        }
    }
}

#[pymethods]
impl Ack {
    /// Sends the result of a handler: no argument for `None`, several for a tuple, otherwise one.
    fn send(&self, result: &Bound<'_, PyAny>) -> PyResult<()> {
        self.birth.check()?;
        acknowledge(&self.socket, self.id, result)
    }
}

/// Sends the result of a handler as the acknowledgement `id`. Does nothing if the client has disconnected.
pub(crate) fn acknowledge(
    socket: &Arc<socketio::Socket>,
    id: u64,
    result: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let written = Written::args(result)?;
    let payload = Payload::encoded_args(&written.text, &written.attachments);
    unless_gone(socket.acknowledge(id, &payload))
}
