//! Hooks: events of the engine that are delivered only while Python has a handler for them.

use bellwire_core::socketio::event::{Hook, Hooks};
use pyo3::PyResult;
use pyo3::exceptions::PyValueError;

/// Starts or stops the delivery of a hook.
pub(crate) fn change(hooks: &Hooks, name: &str, wanted: bool) -> PyResult<()> {
    let hook = match name {
        "request" => Hook::AllowRequest,
        "connection_error" => Hook::ConnectionError,
        "upgrade" => Hook::Upgrade,
        "drain" => Hook::Drain,
        "dropped" => Hook::Dropped,
        "connect" => Hook::Middleware,
        "packet" => Hook::PacketMiddleware,
        "outgoing" => Hook::Outgoing,
        "room" => Hook::Rooms,
        _ => return Err(PyValueError::new_err(format!("unknown hook {name:?}"))),
    };
    if wanted {
        hooks.add(hook);
    } else {
        hooks.remove(hook);
    }
    Ok(())
}
