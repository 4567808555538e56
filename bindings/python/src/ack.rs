//! The acknowledgement that a client waits for.

use std::sync::Arc;

use bellwire_core::socketio;
use bellwire_core::socketio::message::Payload;
use pyo3::prelude::*;

use crate::error::unless_gone;
use crate::fork::Birth;
use crate::payload::Written;

/// See the module's documentation.
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
    /// Sends the result of a handler: nothing for `None`, several arguments for a tuple, otherwise one.
    fn send(&self, result: &Bound<'_, PyAny>) -> PyResult<()> {
        self.birth.check()?;
        acknowledge(&self.socket, self.id, result)
    }
}

/// Answers an event with the result of its handler.
pub(crate) fn acknowledge(
    socket: &Arc<socketio::Socket>,
    id: u64,
    result: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let written = Written::args(result)?;
    let payload = Payload::encoded_args(&written.text, &written.attachments);
    unless_gone(socket.acknowledge(id, &payload))
}
