//! Hooks: what is asked and told only while somebody listens.

use bellwire_core::error::Error;
use bellwire_core::socketio::event::{Hook, Hooks};
use napi::sys::napi_value;

use crate::call::{Call, Native};
use crate::error::misuse;

/// `hookServer(what, on)`.
pub(crate) struct HookServer;

impl Native for HookServer {
    const NAME: &'static str = "hookServer";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        change(call, 0, call.engine.server()?.hooks())
    }
}

/// `hook(namespace, what, on)`.
pub(crate) struct HookNamespace;

impl Native for HookNamespace {
    const NAME: &'static str = "hook";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let namespace = call.engine.namespace(call.number(0)?)?;
        change(call, 1, &namespace.hooks)
    }
}

/// What is meant, and whether it is wanted, from argument `at`.
fn change(call: &Call<'_>, at: usize, hooks: &Hooks) -> Result<napi_value, Error> {
    let hook = match call.string(at)?.as_str() {
        "allowRequest" => Hook::AllowRequest,
        "headers" => Hook::Headers,
        "connectionError" => Hook::ConnectionError,
        "middleware" => Hook::Middleware,
        "rooms" => Hook::Rooms,
        _ => return Err(misuse("there is no such hook")),
    };
    if call.flag(at + 1)? {
        hooks.add(hook);
    } else {
        hooks.remove(hook);
    }
    Ok(call.undefined())
}
