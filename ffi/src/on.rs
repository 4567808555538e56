//! Listening: callbacks for the events of a server, a namespace or a socket.

use std::ffi::c_void;
use std::sync::Arc;

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::packet::RESERVED_EVENTS;

use crate::closure::Owned;
use crate::emit::callback_of;
use crate::error::{Result, bw_status};
use crate::event::{bw_callback, bw_event_type, bw_event_values as values};
use crate::handle::{Object, registry};
use crate::listeners::{Listener, Position, Times};
use crate::panic::entry;
use crate::pointer::{Out, UserPointer, clear};
use crate::registry::Kind;
use crate::scope::{self, Scope};
use crate::types::{bw_drop_fn, bw_listener, bw_scope, bw_str};

/// The bits of bw_on's flags.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_listen_flags {
    /// Called once, then removed.
    BW_LISTEN_ONCE = 1,
    /// Added before the other listeners of its list.
    BW_LISTEN_PREPEND = 2,
}

fn argument(text: String) -> Error {
    Error::new(ErrorKind::Argument, text)
}

fn check_name(event: values, name: &str) -> Result<()> {
    let is_named = matches!(event, values::BW_EV_MESSAGE | values::BW_EV_OUTGOING);
    if !is_named && !name.is_empty() {
        return Err(argument(format!(
            "{event:?} has no name to choose by, so name must be empty"
        )));
    }
    if RESERVED_EVENTS.contains(&name) {
        let text = format!("\"{name}\" is a reserved event name: no client can send it");
        return Err(Error::new(ErrorKind::Name, text));
    }
    Ok(())
}

/// [any] Registers a listener: cb is called with each event of this type in scope, until bw_off or
/// until the object of scope is gone. name is the event name for MESSAGE and OUTGOING, and empty
/// for all names and for other types. All listeners of an event are called, those of the server
/// first, then those of the namespace, then those of the socket; among these, listeners for all
/// names come before those for one name. Questions are put to one listener after the other until
/// one rejects. flags are BW_LISTEN_* bits. *out is set to the listener; out is optional. On an
/// error, drop(user) runs before the call returns. BW_E_ARG: the type is not an event of such a
/// scope. BW_E_NAME: name is a reserved event name.
/// Returns BW_OK, BW_E_ARG, BW_E_HANDLE, BW_E_UTF8, BW_E_NAME, BW_E_TOO_BIG, BW_E_GONE,
/// BW_E_FORKED, BW_E_FULL or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_on(
    scope: bw_scope,
    r#type: bw_event_type,
    name: bw_str,
    flags: u32,
    cb: bw_callback,
    user: *mut c_void,
    drop: bw_drop_fn,
    out: *mut bw_listener,
) -> bw_status {
    clear(out, 0);
    entry(|| {
        let owned = Owned::new(drop, UserPointer(user));
        let out = Out::optional(out, "out", 0)?;
        let callback = callback_of(cb)?;
        let name = name.text("name")?;
        let (times, position) = manner(flags)?;
        check_name(scope::may_hear(scope::kind_of(scope)?, r#type)?, name)?;
        let scope = Scope::of(scope)?;
        let what = (r#type, name);
        let listener = Listener::new(what, times, (callback, owned), scope.downgrade());
        out.set(register(listener, &scope, position)?);
        Ok(())
    })
}

fn manner(flags: u32) -> Result<(Times, Position)> {
    let unknown = flags & !3;
    if unknown != 0 {
        return Err(argument(format!("flags has unknown bits: {unknown:#x}")));
    }
    let has = |flag: bw_listen_flags| flags & flag as u32 != 0;
    let times = if has(bw_listen_flags::BW_LISTEN_ONCE) {
        Times::Once
    } else {
        Times::Every
    };
    let first = has(bw_listen_flags::BW_LISTEN_PREPEND);
    Ok((
        times,
        if first {
            Position::First
        } else {
            Position::Last
        },
    ))
}

/// Gives a listener its handle and adds it to the object.
fn register(mut listener: Listener, scope: &Scope, position: Position) -> Result<bw_listener> {
    let registry = registry()?;
    listener.owned.settle(scope.shared()?);
    let listener = Arc::new(listener);
    let id = registry.insert(Object::Listener(Arc::downgrade(&listener)))?;
    // No other thread has the listener yet, so its id is not set.
    let _ = listener.id.set(id);
    scope.add(&listener, position)?;
    Ok(id)
}

/// [any] Removes a listener. No call of it starts after this function has returned, but one may
/// still be running on another thread; its drop function runs when that call has returned.
/// Returns BW_OK, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_off(listener: bw_listener) -> bw_status {
    entry(|| {
        let listener = registry()?.with(listener, Kind::Listener, |object| match object {
            Object::Listener(listener) => listener.upgrade(),
            _ => None,
        })?;
        let listener = listener.ok_or_else(|| Error::from(ErrorKind::Gone))?;
        if !listener.retire() {
            return Err(ErrorKind::Gone.into());
        }
        listener.leave();
        Ok(())
    })
}
