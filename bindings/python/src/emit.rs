//! Sending events. An event is encoded once for all its receivers.

use std::sync::Arc;
use std::time::Duration;

use bellwire_core::error::ErrorKind;
use bellwire_core::socketio::message::Payload;
use bellwire_core::socketio::target::Reliability;
use bellwire_core::socketio::{
    EncodedPacket, Namespace, Operation, Socket, SocketId, Target, TargetBuf,
};
use bytes::Bytes;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::broadcast::single_room;
use crate::error::{exception, unless_gone};
use crate::joining::{self, Joining};
use crate::payload::Written;
use crate::text::Name;

/// An event to send.
pub(crate) struct Outgoing<'a> {
    pub(crate) namespace: &'a Arc<Namespace>,
    pub(crate) joining: &'a Joining,
    pub(crate) name: &'a Name<'a>,
    pub(crate) written: &'a Written,
    pub(crate) reliability: Reliability,
}

impl Outgoing<'_> {
    fn payload(&self) -> PyResult<Payload<'_>> {
        let name = self.name.text();
        let payload = Payload::encoded_event(name, &self.written.text, &self.written.attachments)
            .map_err(|error| exception(&error))?;
        Ok(match self.name.literal() {
            Some(literal) => payload.with_name_literal(literal),
            None => payload,
        })
    }

    /// Sends the event to every socket of a target; `None` selects no socket.
    pub(crate) fn emit(&self, target: Option<TargetBuf>) -> PyResult<()> {
        let payload = self.payload()?;
        let Some(target) = target else {
            return Ok(());
        };
        let target = TargetBuf {
            reliability: self.reliability,
            ..target
        };
        if let Some(socket) = single_room(&target).and_then(|sid| self.find(sid)) {
            if joining::is_joining(&socket) {
                let message = Arc::new(payload.to_message());
                return unless_gone(joining::emit(&socket, &message, self.reliability));
            }
            return unless_gone(socket.emit(&payload, self.reliability));
        }
        target.with(|target| {
            if self.joining.is_empty() {
                return self.namespace.emit(target, &payload);
            }
            let (joining, ids) = self.joining.select(target);
            let message = Arc::new(payload.to_message());
            for socket in &joining {
                // A broadcast does not fail if one receiver's send buffer is full.
                let _ = joining::emit(socket, &message, self.reliability);
            }
            // A socket that has joined in the meantime has received the event in the loop above.
            let ids = ids.iter().map(SocketId::as_str);
            let except: Vec<&str> = target.except.iter().copied().chain(ids).collect();
            let except = &except;
            self.namespace
                .emit_message(&Target { except, ..*target }, &message);
        });
        Ok(())
    }

    /// Sends the event to one socket and expects an acknowledgement. Returns false if the socket does not exist.
    pub(crate) fn ask(
        &self,
        sid: &str,
        timeout: Option<Duration>,
        operation: Operation,
    ) -> PyResult<bool> {
        let message = Arc::new(self.payload()?.to_message());
        let Some(socket) = self.find(sid) else {
            return Ok(false);
        };
        match joining::ask(&socket, &message, timeout, operation) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Gone => Ok(false),
            Err(error) => Err(exception(&error)),
        }
    }

    /// Sends the event to every socket of a target and expects acknowledgements. Returns false if the target is `None`,
    /// which selects no socket.
    pub(crate) fn ask_all(
        &self,
        target: Option<TargetBuf>,
        timeout: Duration,
        operation: Operation,
    ) -> PyResult<bool> {
        let message = Arc::new(self.payload()?.to_message());
        let Some(target) = target else {
            return Ok(false);
        };
        target.with(|target| {
            // The returned value is needed only to cancel; the broadcast lives until its end without it.
            self.namespace
                .emit_with_ack(target, &message, timeout, operation)
        });
        Ok(true)
    }

    fn find(&self, sid: &str) -> Option<Arc<Socket>> {
        self.namespace.find(sid).or_else(|| self.joining.find(sid))
    }
}

/// Sends a `str` or `bytes` over an Engine.IO connection.
pub(crate) fn send_plain(socket: &Arc<Socket>, data: &Bound<'_, PyAny>) -> PyResult<()> {
    let packet = if let Ok(text) = data.cast::<PyString>() {
        let mut message = vec![b'4'];
        message.extend_from_slice(text.to_str()?.as_bytes());
        EncodedPacket::text(message)
    } else if let Ok(bytes) = data.cast::<PyBytes>() {
        EncodedPacket::binary(Bytes::copy_from_slice(bytes.as_bytes()))
    } else {
        return Err(PyTypeError::new_err(format!(
            "a message must be str or bytes, not {}",
            data.get_type().name()?
        )));
    };
    unless_gone(socket.send_packet(Arc::new(packet), Reliability::Reliable))
}
