//! Functions on one socket other than sending.

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::socket::Scope;
use napi::sys::napi_value;

use crate::call::{Call, Native};

/// `join(socket, room)`: adds the socket to a room. Returns false if the socket is disconnected.
pub(crate) struct Join;

impl Native for Join {
    const NAME: &'static str = "join";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let Some(socket) = call.engine.host.socket(call.number(0)?) else {
            return Ok(call.new_flag(false));
        };
        match socket.join(&call.room(1)?) {
            Err(error) if error.kind() != ErrorKind::Gone => Err(error),
            done => Ok(call.new_flag(done.is_ok())),
        }
    }
}

/// `leave(socket, room)`: removes the socket from a room. Returns false if the socket is disconnected.
pub(crate) struct Leave;

impl Native for Leave {
    const NAME: &'static str = "leave";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let socket = call.engine.host.socket(call.number(0)?);
        let room = call.room(1)?;
        // Fails only if the socket is disconnected.
        let left = socket.is_some_and(|socket| socket.leave(&room).is_ok());
        Ok(call.new_flag(left))
    }
}

/// `rooms(socket)`: returns the rooms as an array, which is empty if the core has dropped the socket.
pub(crate) struct Rooms;

impl Native for Rooms {
    const NAME: &'static str = "rooms";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let socket = call.engine.host.socket(call.number(0)?);
        let rooms = socket.map_or_else(Vec::new, |socket| socket.rooms());
        Ok(call.new_array(rooms.iter().map(|room| call.new_room(room))))
    }
}

/// `transport(socket)`: returns the name of the transport; undefined if the core has dropped the socket.
pub(crate) struct Transport;

impl Native for Transport {
    const NAME: &'static str = "transport";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let Some(socket) = call.engine.host.socket(call.number(0)?) else {
            return Ok(call.undefined());
        };
        let name = socket.link().transport().name();
        Ok(call.new_text(name.as_bytes()))
    }
}

/// `disconnect(socket, close)`: disconnects the socket; `close` closes its connection.
pub(crate) struct Disconnect;

impl Native for Disconnect {
    const NAME: &'static str = "disconnect";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let scope = scope(call, 1)?;
        if let Some(socket) = call.engine.host.socket(call.number(0)?) {
            // Fails only if the socket is disconnected already.
            let _ = socket.disconnect(scope);
        }
        Ok(call.undefined())
    }
}

/// `letGo(socket)`: the last handlers of the socket have run, so it need not be kept alive.
pub(crate) struct LetGo;

impl Native for LetGo {
    const NAME: &'static str = "letGo";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let handle = call.number(0)?;
        call.engine.host.state().registry.let_go(handle);
        Ok(call.undefined())
    }
}

pub(crate) fn scope(call: &Call<'_>, at: usize) -> Result<Scope, Error> {
    Ok(if call.flag(at)? {
        Scope::Connection
    } else {
        Scope::Namespace
    })
}
