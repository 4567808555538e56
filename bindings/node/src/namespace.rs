//! Functions on a namespace other than sending.

use bellwire_core::error::Error;
use napi::sys::napi_value;

use crate::broadcast::target;
use crate::call::{Call, Native};
use crate::registry::Registry;
use crate::socket::scope;

/// `of(name)`: returns the index of the namespace, which is created on first use.
pub(crate) struct Of;

impl Native for Of {
    const NAME: &'static str = "of";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let namespace = call.engine.server()?.of(&call.string(0)?)?;
        let index = call.engine.host.state().registry.index(&namespace);
        Ok(call.new_number(f64::from(index)))
    }
}

/// `sockets(namespace, rooms?, except?)`: returns the handles of the target's sockets. Sockets that have not appeared
/// in an event yet have no handle and are left out.
pub(crate) struct Sockets;

impl Native for Sockets {
    const NAME: &'static str = "sockets";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let namespace = call.engine.namespace(call.number(0)?)?;
        let sockets = target(call, 1)?.with(|target| namespace.sockets(target));
        let handles = sockets.iter().filter_map(|socket| Registry::known(socket));
        Ok(call.new_array(handles.map(|handle| call.new_number(f64::from(handle)))))
    }
}

/// `joinAll(namespace, rooms?, except?, joined)`: every socket of the target joins these rooms.
pub(crate) struct JoinAll;

impl Native for JoinAll {
    const NAME: &'static str = "joinAll";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let namespace = call.engine.namespace(call.number(0)?)?;
        let rooms = call.rooms(3)?;
        let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
        target(call, 1)?.with(|target| namespace.join(target, &rooms));
        Ok(call.undefined())
    }
}

/// `leaveAll(namespace, rooms?, except?, left)`: every socket of the target leaves these rooms.
pub(crate) struct LeaveAll;

impl Native for LeaveAll {
    const NAME: &'static str = "leaveAll";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let namespace = call.engine.namespace(call.number(0)?)?;
        let rooms = call.rooms(3)?;
        let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
        target(call, 1)?.with(|target| namespace.leave(target, &rooms));
        Ok(call.undefined())
    }
}

/// `disconnectAll(namespace, rooms?, except?, close)`: disconnects every socket of the target; `close` closes its
/// connection.
pub(crate) struct DisconnectAll;

impl Native for DisconnectAll {
    const NAME: &'static str = "disconnectAll";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let namespace = call.engine.namespace(call.number(0)?)?;
        let scope = scope(call, 3)?;
        target(call, 1)?.with(|target| namespace.disconnect(target, scope));
        Ok(call.undefined())
    }
}
