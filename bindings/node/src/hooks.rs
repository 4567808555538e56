//! Hooks: events that the core delivers only while JavaScript has listeners for them.

use bellwire_core::error::Error;
use bellwire_core::socketio::event::{Hook, Hooks};
use napi::sys::napi_value;

use crate::call::{Call, Native};
use crate::error::misuse;

/// `hookServer(hook, on)`: enables or disables a hook of the server.
pub(crate) struct HookServer;

impl Native for HookServer {
    const NAME: &'static str = "hookServer";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        change(call, 0, call.engine.server()?.hooks())
    }
}

/// `hook(namespace, hook, on)`: enables or disables a hook of a namespace.
pub(crate) struct HookNamespace;

impl Native for HookNamespace {
    const NAME: &'static str = "hook";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let namespace = call.engine.namespace(call.number(0)?)?;
        change(call, 1, &namespace.hooks)
    }
}

/// Reads the name of the hook and `on` from argument `at`, and changes the hook.
fn change(call: &Call<'_>, at: usize, hooks: &Hooks) -> Result<napi_value, Error> {
    let hook = match call.string(at)?.as_str() {
        "allowRequest" => Hook::AllowRequest,
        "headers" => Hook::Headers,
        "connectionError" => Hook::ConnectionError,
        "middleware" => Hook::Middleware,
        "rooms" => Hook::Rooms,
        _ => {
            return Err(misuse(
                "the hook must be allowRequest, headers, connectionError, middleware or rooms",
            ));
        }
    };
    if call.flag(at + 1)? {
        hooks.add(hook);
    } else {
        hooks.remove(hook);
    }
    Ok(call.undefined())
}
