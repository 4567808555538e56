//! Sending. JavaScript serializes the arguments and extracts attachments; these functions encode and queue the packet.
//!
//! Arguments are passed as JSON without the brackets of the array, because most events have one argument and JavaScript
//! then does not need to build an array.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::link::Overflow;
use bellwire_core::socketio::message::Payload;
use bellwire_core::socketio::target::Reliability;
use bellwire_core::socketio::{EncodedPacket, Message, Operation, TargetBuf};
use bytes::Bytes;
use napi::sys::napi_value;

use crate::broadcast::target;
use crate::call::{Call, Native};
use crate::error::misuse;
use crate::event::State;

/// `emit(socket, volatile, name, args, attachments?)`. Does nothing if the socket is disconnected.
pub(crate) struct Emit;

impl Native for Emit {
    const NAME: &'static str = "emit";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let reliability = reliability(call, 1)?;
        let attachments = call.attachments(4)?;
        let mut state = call.engine.host.state();
        let State {
            registry, scratch, ..
        } = &mut *state;
        let payload = event(call, 2, scratch, &attachments)?;
        let sent =
            registry.with_socket(call.number(0)?, |socket| socket.emit(&payload, reliability));
        unless_gone(sent.unwrap_or(Ok(())))?;
        Ok(call.undefined())
    }
}

/// `emitWithAck(socket, operation, timeout ms or 0, name, args, attachments?)`: an `Acked` record follows. Returns false,
/// and no record follows, if the socket is disconnected.
pub(crate) struct EmitWithAck;

impl Native for EmitWithAck {
    const NAME: &'static str = "emitWithAck";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let Some(socket) = call.engine.host.socket(call.number(0)?) else {
            return Ok(call.new_flag(false));
        };
        let operation = Operation(u64::from(call.number(1)?));
        let timeout = match call.number(2)? {
            0 => None,
            ms => Some(Duration::from_millis(u64::from(ms))),
        };
        let message = message(call, 3)?;
        let sent = socket.emit_with_ack(&message, timeout, Overflow::Refuse, operation);
        let sent = unless_gone(sent.map(drop))?;
        Ok(call.new_flag(sent))
    }
}

/// `acknowledge(socket, id low, id high, args, attachments?)`. Does nothing if the socket is disconnected.
pub(crate) struct Acknowledge;

impl Native for Acknowledge {
    const NAME: &'static str = "acknowledge";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let id = u64::from(call.number(1)?) | u64::from(call.number(2)?) << 32;
        let attachments = call.attachments(4)?;
        let mut state = call.engine.host.state();
        let State {
            registry, scratch, ..
        } = &mut *state;
        empty(scratch);
        let args = array(call, 3, scratch)?;
        let payload = Payload::encoded_args(&scratch[args], &attachments);
        let sent = registry.with_socket(call.number(0)?, |socket| socket.acknowledge(id, &payload));
        unless_gone(sent.unwrap_or(Ok(())))?;
        Ok(call.undefined())
    }
}

/// `broadcast(namespace, volatile, rooms?, except?, name, args, attachments?)`.
pub(crate) struct Broadcast;

impl Native for Broadcast {
    const NAME: &'static str = "broadcast";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let namespace = call.engine.namespace(call.number(0)?)?;
        let target = TargetBuf {
            reliability: reliability(call, 1)?,
            ..target(call, 2)?
        };
        target.with(|target| with_payload(call, 4, |payload| namespace.emit(target, payload)))?;
        Ok(call.undefined())
    }
}

/// `broadcastWithAck(namespace, rooms?, except?, operation, timeout ms, name, args, attachments?)`: an `Acked` record
/// follows.
pub(crate) struct BroadcastWithAck;

impl Native for BroadcastWithAck {
    const NAME: &'static str = "broadcastWithAck";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let namespace = call.engine.namespace(call.number(0)?)?;
        let target = target(call, 1)?;
        let operation = Operation(u64::from(call.number(3)?));
        let timeout = Duration::from_millis(u64::from(call.number(4)?));
        let message = message(call, 5)?;
        target.with(|target| namespace.emit_with_ack(target, &message, timeout, operation));
        Ok(call.undefined())
    }
}

/// `sendText(socket, text)`: sends a text message of Engine.IO.
pub(crate) struct SendText;

impl Native for SendText {
    const NAME: &'static str = "sendText";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let Some(socket) = call.engine.host.socket(call.number(0)?) else {
            return Ok(call.undefined());
        };
        let mut text = vec![b'4'];
        call.text(1, &mut text)?;
        let packet = Arc::new(EncodedPacket::text(text));
        unless_gone(socket.send_packet(packet, Reliability::Reliable))?;
        Ok(call.undefined())
    }
}

/// `sendBinary(socket, bytes)`: sends a binary message of Engine.IO.
pub(crate) struct SendBinary;

impl Native for SendBinary {
    const NAME: &'static str = "sendBinary";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let Some(socket) = call.engine.host.socket(call.number(0)?) else {
            return Ok(call.undefined());
        };
        let packet = Arc::new(EncodedPacket::binary(call.bytes(1)?));
        unless_gone(socket.send_packet(packet, Reliability::Reliable))?;
        Ok(call.undefined())
    }
}

/// Calls `run` with the event whose name, arguments and attachments start at argument `at`.
fn with_payload<R>(
    call: &Call<'_>,
    at: usize,
    run: impl FnOnce(&Payload<'_>) -> R,
) -> Result<R, Error> {
    let attachments = call.attachments(at + 2)?;
    let scratch = &mut call.engine.host.state().scratch;
    event(call, at, scratch, &attachments).map(|payload| run(&payload))
}

/// Reads the name and arguments of an event. The JSON comes from `JSON.stringify` and is not validated again.
fn event<'a>(
    call: &Call<'_>,
    at: usize,
    scratch: &'a mut Vec<u8>,
    attachments: &'a [Bytes],
) -> Result<Payload<'a>, Error> {
    empty(scratch);
    let name = call.text(at, scratch)?;
    let literal = call.literal(at, name.clone(), scratch)?;
    let args = array(call, at + 1, scratch)?;
    let payload = Payload::encoded_event(utf8(&scratch[name])?, &scratch[args], attachments)?;
    Ok(match literal {
        Some(literal) => payload.with_name_literal(utf8(&scratch[literal])?),
        None => payload,
    })
}

fn utf8(text: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(text).map_err(|_| misuse("the argument must be a string"))
}

/// Clears the buffer. Keeps its allocation up to 1 MiB.
fn empty(scratch: &mut Vec<u8>) {
    scratch.clear();
    scratch.shrink_to(1 << 20);
}

/// Appends the JSON of an array whose items are argument `at`; returns its range in the buffer.
fn array(call: &Call<'_>, at: usize, scratch: &mut Vec<u8>) -> Result<Range<usize>, Error> {
    let start = scratch.len();
    scratch.push(b'[');
    call.text(at, scratch)?;
    scratch.push(b']');
    Ok(start..scratch.len())
}

fn message(call: &Call<'_>, at: usize) -> Result<Arc<Message>, Error> {
    with_payload(call, at, |payload| Arc::new(payload.to_message()))
}

fn reliability(call: &Call<'_>, at: usize) -> Result<Reliability, Error> {
    Ok(if call.flag(at)? {
        Reliability::Volatile
    } else {
        Reliability::Reliable
    })
}

/// Returns false for `Gone`: the socket disconnected, which a caller cannot prevent.
fn unless_gone(sent: Result<(), Error>) -> Result<bool, Error> {
    match sent {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Gone => Ok(false),
        Err(error) => Err(error),
    }
}
