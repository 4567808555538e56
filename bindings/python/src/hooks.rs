//! Hooks: what is asked and told only while Python wants it.

use bellwire_core::socketio::event::{Hook, Hooks};
use pyo3::PyResult;
use pyo3::exceptions::PyValueError;

/// From now on it is wanted, or not any more.
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
        _ => return Err(PyValueError::new_err(format!("there is no hook {name:?}"))),
    };
    if wanted {
        hooks.add(hook);
    } else {
        hooks.remove(hook);
    }
    Ok(())
}
