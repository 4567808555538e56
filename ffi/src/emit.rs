//! Sending: events, answers, plain messages; and moving sockets in and out of rooms.

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::time::Duration;

use bellwire_core::config::Protocol;
use bellwire_core::engineio::packet::MessageKind;
use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::link::{Overflow, Shape};
use bellwire_core::socketio::message::Payload;
use bellwire_core::socketio::socket::Scope;
use bellwire_core::socketio::target::Reliability;
use bellwire_core::socketio::{EncodedPacket, Operation, Socket, Target};

use crate::broadcast::{ResolvedTarget, bw_target, check_protocol, with_target, with_texts};
use crate::closure::Owned;
use crate::error::{Result, bw_status};
use crate::event::{bw_callback, bw_callback_fn, bw_event_values};
use crate::handle::{self, Object, registry};
use crate::message::bw_message;
use crate::namespace::NspHost;
use crate::op::Op;
use crate::panic::entry;
use crate::payload::{Parts, bw_payload};
use crate::pointer::{self, Out, UserPointer, clear};
use crate::registry::{Ended, Kind};
use crate::socket::SocketHost;
use crate::types::{bw_ack, bw_blob, bw_drop_fn, bw_nsp, bw_op, bw_socket, bw_str};

/// Replaces `Gone` by `State` for a socket that has not connected yet, because MIDDLEWARE is still undecided.
fn not_yet(socket: &Socket, error: Error) -> Error {
    if error.kind() == ErrorKind::Gone && !socket.is_gone() && !socket.is_connected() {
        return Error::new(ErrorKind::State, "the socket has not connected yet");
    }
    error
}

fn send(
    resolved: &ResolvedTarget<'_>,
    payload: &Payload<'_>,
    reliability: Reliability,
) -> Result<()> {
    match resolved {
        ResolvedTarget::One(socket, _) => socket
            .emit(payload, reliability)
            .map_err(|error| not_yet(socket, error)),
        ResolvedTarget::Many(namespace, _, target) => {
            namespace.emit(target, payload);
            Ok(())
        }
    }
}

/// [any] Queues an event for all sockets of the target and returns. Two emits of one thread to one
/// socket arrive in that order. An empty target is not an error. To one socket: BW_E_STATE if it
/// has not connected yet, BW_E_FULL if its send buffer is full (BW_OPT_SEND_BUFFER_HIGH).
/// BW_E_STATE also if the server is an Engine.IO server.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_JSON, BW_E_NAME,
/// BW_E_PLACEHOLDER, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_emit(to: *const bw_target, payload: *const bw_payload) -> bw_status {
    entry(|| {
        let parts = Parts::of_event(payload)?;
        with_target(to, |resolved, options| {
            resolved.check_protocol(Protocol::SocketIo)?;
            send(&resolved, &parts.payload()?, options.reliability)
        })
    })
}

/// [any] Like bw_emit, for a message, which is not checked or encoded again.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_emit_message(
    to: *const bw_target,
    msg: *const bw_message<'static>,
) -> bw_status {
    entry(|| {
        let message = pointer::borrow(msg, "msg")?;
        with_target(to, |resolved, options| {
            resolved.check_protocol(Protocol::SocketIo)?;
            let Some(counted) = message.counted_message() else {
                return send(&resolved, &message.payload(), options.reliability);
            };
            match &resolved {
                ResolvedTarget::One(socket, _) => socket
                    .emit_message(counted, options.reliability)
                    .map_err(|error| not_yet(socket, error)),
                ResolvedTarget::Many(namespace, _, target) => {
                    namespace.emit_message(target, counted);
                    Ok(())
                }
            }
        })
    })
}

/// [any] Like bw_emit to one socket, with arguments as the text of a JSON array and without
/// binaries.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_JSON, BW_E_NAME, BW_E_TOO_BIG,
/// BW_E_GONE, BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_socket_emit(socket: bw_socket, event: bw_str, args: bw_str) -> bw_status {
    entry(|| {
        let parts = Parts::plain(event, args)?;
        handle::with_socket(socket, |socket| {
            check_protocol(&SocketHost::of_known(socket)?.shared, Protocol::SocketIo)?;
            socket
                .emit(&parts.payload()?, Reliability::Reliable)
                .map_err(|error| not_yet(socket, error))
        })
    })
}

/// [any] Like bw_emit to the sockets of one room, with arguments as the text of a JSON array and
/// without binaries. An empty room means the whole namespace.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_UTF8, BW_E_JSON, BW_E_NAME, BW_E_TOO_BIG,
/// BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_room_emit(
    nsp: bw_nsp,
    room: bw_str,
    event: bw_str,
    args: bw_str,
) -> bw_status {
    entry(|| {
        let parts = Parts::plain(event, args)?;
        let namespace = handle::namespace(nsp)?;
        check_protocol(&NspHost::of_known(&namespace)?.shared, Protocol::SocketIo)?;
        let rooms = [room.text("room")?];
        let rooms = if rooms[0].is_empty() { &[][..] } else { &rooms };
        namespace.emit(
            &Target {
                rooms,
                ..Target::ALL
            },
            &parts.payload()?,
        );
        Ok(())
    })
}

pub(crate) fn callback_of(callback: bw_callback) -> Result<bw_callback_fn> {
    callback.ok_or_else(|| pointer::null_error("cb"))
}

/// [any] Sends a message that every receiver is asked to acknowledge. cb is called once with a
/// BW_EV_ACKED event. Its status is BW_OK; BW_E_TIMEOUT, with the replies so far; BW_E_GONE;
/// BW_E_CANCELLED; BW_E_CLOSED; or BW_E_FULL if a client already owes BW_OPT_MAX_PENDING_ACKS
/// acknowledgements: one socket is then not sent the message, and a broadcast is sent to every
/// socket, with the replies of the others in the event. *out is set to the operation; out is
/// optional. On an error, cb is not called and drop(user) runs before the call returns. BW_E_ARG
/// also if to->timeout_ms is 0 for a broadcast. BW_E_STATE and BW_E_FULL as for bw_emit.
/// BW_E_CLOSED: the server has stopped.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_CLOSED, BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_emit_ack(
    to: *const bw_target,
    msg: *const bw_message<'static>,
    cb: bw_callback,
    user: *mut c_void,
    drop: bw_drop_fn,
    out: *mut bw_op,
) -> bw_status {
    clear(out, 0);
    entry(|| {
        let owned = Owned::new(drop, UserPointer(user));
        let out = Out::optional(out, "out", 0)?;
        let callback = callback_of(cb)?;
        let message = pointer::borrow(msg, "msg")?.shared();
        with_target(to, |resolved, options| {
            resolved.check_protocol(Protocol::SocketIo)?;
            if matches!(resolved, ResolvedTarget::Many(..)) && options.timeout_ms == 0 {
                let text = "to->timeout_ms is 0: a broadcast with acknowledgement needs one";
                return Err(Error::new(ErrorKind::Argument, text));
            }
            let outcome = bw_event_values::BW_EV_ACKED;
            let (id, op) = Op::begin(outcome, resolved.shared(), callback, owned)?;
            // The operation may end before this function returns.
            out.set(id);
            let timeout = Duration::from_millis(options.timeout_ms.into());
            match &resolved {
                ResolvedTarget::One(socket, _) => {
                    let timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
                    match socket.emit_with_ack(&message, timeout, Overflow::Refuse, Operation(id)) {
                        Ok(handle) => op.set_one(handle),
                        Err(error) => {
                            out.set(0);
                            Op::abandon(id, &op);
                            return Err(not_yet(socket, error));
                        }
                    }
                }
                ResolvedTarget::Many(namespace, _, target) => {
                    let ack = namespace.emit_with_ack(target, &message, timeout, Operation(id));
                    op.set_many(&ack);
                }
            }
            Ok(())
        })
    })
}

/// Sends the client the acknowledgement that the bw_ack names.
fn acknowledge(ack: bw_ack, payload: &Payload<'_>) -> Result<()> {
    let registry = registry()?;
    let object = registry.claim(ack, Kind::Ack)?;
    let Object::Ack(socket, number) = &object else {
        return Err(ErrorKind::Handle.into());
    };
    let Some(socket) = socket.upgrade() else {
        registry.remove(ack, Ended::Gone);
        return Err(ErrorKind::Gone.into());
    };
    let host = SocketHost::of_known(&socket)?;
    let sent = socket.acknowledge(*number, payload);
    match sent.as_ref().map_err(Error::kind) {
        // Nothing was sent, so the caller can try again.
        Err(ErrorKind::Full) => drop(registry.restore(ack, object)),
        Err(ErrorKind::Gone) => host.end_ack(ack, Ended::Gone),
        Ok(()) | Err(_) => host.end_ack(ack, Ended::Completed),
    }
    sent
}

/// [any] Sends the client the acknowledgement that it waits for. The event of the payload is not
/// used. If the call returns BW_E_FULL, because the send buffer is full, it can be tried again.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ALREADY, BW_E_ABI, BW_E_UTF8, BW_E_JSON,
/// BW_E_PLACEHOLDER, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_ack_send(ack: bw_ack, payload: *const bw_payload) -> bw_status {
    entry(|| {
        let parts = Parts::of_answer(payload)?;
        acknowledge(ack, &parts.answer()?)
    })
}

/// [any] Like bw_ack_send, with arguments as the text of a JSON array (empty for no arguments) and
/// without binaries.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ALREADY, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG,
/// BW_E_GONE, BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_ack_json(ack: bw_ack, args: bw_str) -> bw_status {
    entry(|| {
        let parts = Parts::plain(bw_str::EMPTY, args)?;
        acknowledge(ack, &parts.answer()?)
    })
}

/// [any] Gives up an acknowledgement without sending it, which frees its id; the client waits until
/// its own timeout. Of one socket at most BW_OPT_MAX_PENDING_ACKS (or 1024, if that is more) may be
/// unanswered: with one more, the oldest becomes BW_E_GONE and limit_unanswered_total counts it.
/// Returns BW_OK, BW_E_HANDLE, BW_E_ALREADY, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_ack_drop(ack: bw_ack) -> bw_status {
    entry(|| {
        let registry = registry()?;
        let object = registry.claim(ack, Kind::Ack)?;
        let Object::Ack(socket, _) = &object else {
            return Err(ErrorKind::Handle.into());
        };
        match socket.upgrade() {
            Some(socket) => SocketHost::of_known(&socket)?.end_ack(ack, Ended::Completed),
            None => drop(registry.remove(ack, Ended::Gone)),
        }
        Ok(())
    })
}

/// [any] Queues a text message for all sockets of the target, for Engine.IO servers. To one socket:
/// BW_E_FULL if its send buffer is full. BW_E_STATE: the server is a Socket.IO server.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_send_text(to: *const bw_target, text: bw_str) -> bw_status {
    entry(|| {
        let text = text.text("text")?.as_bytes();
        with_target(to, |resolved, options| {
            resolved.check_protocol(Protocol::EngineIo)?;
            let write = |out: &mut Vec<u8>| {
                out.push(b'4');
                out.extend_from_slice(text);
            };
            match &resolved {
                ResolvedTarget::One(socket, _) => {
                    socket.check_connected()?;
                    let shape = Shape {
                        kind: MessageKind::Text,
                        size: text.len() + 1,
                        attachments: &[],
                    };
                    socket
                        .link()
                        .send_written(shape, options.reliability, socket.dropped(), write)
                }
                ResolvedTarget::Many(namespace, _, target) => {
                    let mut packet = Vec::with_capacity(text.len() + 1);
                    write(&mut packet);
                    let packet = Arc::new(EncodedPacket::text(packet));
                    namespace.broadcast(target, &packet, None);
                    Ok(())
                }
            }
        })
    })
}

/// [any] Queues a binary message for all sockets of the target, for Engine.IO servers. The free_fn
/// of data runs exactly once, also on an error. BW_E_FULL and BW_E_STATE as for bw_send_text.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_send_binary(to: *const bw_target, data: bw_blob) -> bw_status {
    entry(|| {
        let bytes = pointer::take_blob(&data, "data.data")?;
        with_target(to, |resolved, options| {
            resolved.check_protocol(Protocol::EngineIo)?;
            let packet = Arc::new(EncodedPacket::binary(bytes));
            match &resolved {
                ResolvedTarget::One(socket, _) => {
                    socket.check_connected()?;
                    socket.send_packet(packet, options.reliability)
                }
                ResolvedTarget::Many(namespace, _, target) => {
                    namespace.broadcast(target, &packet, None);
                    Ok(())
                }
            }
        })
    })
}

/// [any] Adds all sockets of the target to n rooms. To one socket: BW_E_FULL if it is in
/// BW_OPT_MAX_ROOMS rooms; it has then joined the rooms before that.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED,
/// BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_join(to: *const bw_target, rooms: *const bw_str, n: usize) -> bw_status {
    entry(|| {
        with_texts(rooms, n, "rooms", |rooms| {
            with_target(to, |resolved, _| match &resolved {
                ResolvedTarget::One(socket, _) => {
                    rooms.iter().try_for_each(|room| socket.join(room))
                }
                ResolvedTarget::Many(namespace, _, target) => {
                    namespace.join(target, rooms);
                    Ok(())
                }
            })
        })
    })
}

/// [any] Removes all sockets of the target from n rooms.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE, BW_E_FORKED
/// or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_leave(to: *const bw_target, rooms: *const bw_str, n: usize) -> bw_status {
    entry(|| {
        with_texts(rooms, n, "rooms", |rooms| {
            with_target(to, |resolved, _| match &resolved {
                ResolvedTarget::One(socket, _) => {
                    rooms.iter().try_for_each(|room| socket.leave(room))
                }
                ResolvedTarget::Many(namespace, _, target) => {
                    namespace.leave(target, rooms);
                    Ok(())
                }
            })
        })
    })
}

/// [any] Disconnects all sockets of the target from the namespace. If close_transport is not 0,
/// also from all other namespaces, and the connections are closed. To one socket: BW_E_STATE if it
/// has not connected yet.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_disconnect(to: *const bw_target, close_transport: c_int) -> bw_status {
    entry(|| {
        let scope = if close_transport == 0 {
            Scope::Namespace
        } else {
            Scope::Connection
        };
        with_target(to, |resolved, _| match &resolved {
            ResolvedTarget::One(socket, _) => socket
                .disconnect(scope)
                .map_err(|error| not_yet(socket, error)),
            ResolvedTarget::Many(namespace, _, target) => {
                namespace.disconnect(target, scope);
                Ok(())
            }
        })
    })
}

/// [any] Collects the sockets of the target. cb is called once with a BW_EV_SOCKETS event. *out is
/// set to the operation; out is optional. On an error, cb is not called and drop(user) runs before
/// the call returns. To one socket: BW_E_STATE if it has not connected yet. BW_E_CLOSED: the server
/// has stopped.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_CLOSED, BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_fetch_sockets(
    to: *const bw_target,
    cb: bw_callback,
    user: *mut c_void,
    drop: bw_drop_fn,
    out: *mut bw_op,
) -> bw_status {
    clear(out, 0);
    entry(|| {
        let owned = Owned::new(drop, UserPointer(user));
        let out = Out::optional(out, "out", 0)?;
        let callback = callback_of(cb)?;
        with_target(to, |resolved, _| {
            if let ResolvedTarget::One(socket, _) = &resolved {
                socket
                    .check_connected()
                    .map_err(|error| not_yet(socket, error))?;
            }
            let outcome = bw_event_values::BW_EV_SOCKETS;
            let (id, _) = Op::begin(outcome, resolved.shared(), callback, owned)?;
            out.set(id);
            match &resolved {
                ResolvedTarget::One(socket, _) => {
                    let rooms = &[socket.id().as_str()];
                    let target = Target {
                        rooms,
                        ..Target::ALL
                    };
                    socket.namespace().fetch_sockets(&target, Operation(id));
                }
                ResolvedTarget::Many(namespace, _, target) => {
                    namespace.fetch_sockets(target, Operation(id));
                }
            }
            Ok(())
        })
    })
}
