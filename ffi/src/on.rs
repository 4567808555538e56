//! Listening: callbacks for the events of a server, a namespace or a socket.

use std::ffi::c_void;
use std::sync::Arc;

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::packet::RESERVED_EVENTS;

use crate::closure::Owned;
use crate::emit::callback_of;
use crate::error::{Result, bw_status};
use crate::event::{bw_callback, bw_event_type, bw_event_values as values};
use crate::handle::{self, Object, registry};
use crate::hooks::Wanted;
use crate::listeners::{Home, Listener, Position, Times};
use crate::namespace::NspHost;
use crate::panic::entry;
use crate::pointer::{Out, UserPointer, clear};
use crate::registry::Kind;
use crate::socket::SocketHost;
use crate::types::{bw_drop_fn, bw_listener, bw_scope, bw_str};

/// The bits of bw_on's flags.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_listen_flags {
    /// Called once, then removed.
    BW_LISTEN_ONCE = 1,
    /// Put before those that are there.
    BW_LISTEN_PREPEND = 2,
}

const SERVER: u8 = 1;
const NSP: u8 = 2;
const SOCKET: u8 = 4;

/// On what each type can be listened for.
const SCOPES: &[(values, u8)] = &[
    (values::BW_EV_ALLOW_REQUEST, SERVER),
    (values::BW_EV_MIDDLEWARE, NSP),
    (values::BW_EV_PACKET_MIDDLEWARE, NSP | SOCKET),
    (values::BW_EV_HEADERS, SERVER),
    (values::BW_EV_CONNECTION, SERVER | NSP),
    (values::BW_EV_MESSAGE, NSP | SOCKET),
    (values::BW_EV_DISCONNECTING, SERVER | NSP | SOCKET),
    (values::BW_EV_DISCONNECT, SERVER | NSP | SOCKET),
    (values::BW_EV_OUTGOING, NSP | SOCKET),
    (values::BW_EV_UPGRADE, SERVER | NSP | SOCKET),
    (values::BW_EV_DRAIN, SERVER | NSP | SOCKET),
    (values::BW_EV_DROPPED, SERVER | NSP | SOCKET),
    (values::BW_EV_NEW_NAMESPACE, SERVER),
    (values::BW_EV_ROOM_CREATED, NSP),
    (values::BW_EV_ROOM_DELETED, NSP),
    (values::BW_EV_ROOM_JOINED, NSP),
    (values::BW_EV_ROOM_LEFT, NSP),
    (values::BW_EV_CONNECTION_ERROR, SERVER),
    (values::BW_EV_FAULT, SERVER),
    (values::BW_EV_SHUTDOWN, SERVER),
];

fn argument(text: String) -> Error {
    Error::new(ErrorKind::Argument, text)
}

fn check_type(kind: bw_event_type, name: &str, scope: u8) -> Result<()> {
    let row = SCOPES.iter().find(|(value, _)| *value as i32 == kind);
    let (value, scopes) =
        row.ok_or_else(|| argument(format!("type {kind} is no event that can be listened for")))?;
    if scopes & scope == 0 {
        let names = [
            (SERVER, "bw_server"),
            (NSP, "bw_nsp"),
            (SOCKET, "bw_socket"),
        ];
        let names = names
            .iter()
            .filter(|(bit, _)| scopes & bit != 0)
            .map(|(_, name)| *name);
        let names = names.collect::<Vec<_>>().join(" or a ");
        return Err(argument(format!("{value:?} is listened for on a {names}")));
    }
    let is_named = matches!(value, values::BW_EV_MESSAGE | values::BW_EV_OUTGOING);
    if !is_named && !name.is_empty() {
        return Err(argument(format!(
            "{value:?} has no name to choose by, so name must be empty"
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
        let what = (r#type, name);
        let id = match Kind::of(scope) {
            Some(Kind::Server) => {
                check_type(r#type, name, SERVER)?;
                let server = handle::server(scope)?;
                let home = Home::Server(Arc::downgrade(&server));
                let listener = Listener::new(what, times, (callback, owned), home);
                let (set, wanted) = (&server.shared.listeners, Wanted::of_server(&server));
                register(listener, &server.shared, |listener| {
                    set.add(listener, position, &wanted)
                })?
            }
            Some(Kind::Nsp) => {
                check_type(r#type, name, NSP)?;
                let namespace = handle::namespace(scope)?;
                let host = NspHost::of_known(&namespace)?;
                let home = Home::Nsp(Arc::downgrade(&namespace));
                let listener = Listener::new(what, times, (callback, owned), home);
                let wanted = Wanted::of_namespace(&namespace, &host.shared);
                register(listener, &host.shared, |listener| {
                    host.listeners.add(listener, position, &wanted);
                })?
            }
            Some(Kind::Socket) => {
                check_type(r#type, name, SOCKET)?;
                let socket = handle::socket(scope)?;
                let host = SocketHost::of_known(&socket)?;
                if host.is_retired() {
                    return Err(ErrorKind::Gone.into());
                }
                let home = Home::Socket(Arc::downgrade(&socket));
                let listener = Listener::new(what, times, (callback, owned), home);
                let wanted = Wanted::of_socket(&socket, &host.shared);
                register(listener, &host.shared, |listener| {
                    host.listeners.add(listener, position, &wanted);
                })?
            }
            _ => {
                let text = format!("scope is no bw_server, bw_nsp or bw_socket: {scope:#x}");
                return Err(Error::new(ErrorKind::Handle, text));
            }
        };
        out.set(id);
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

/// Gives a listener its handle and puts it into its list.
fn register(
    mut listener: Listener,
    shared: &Arc<crate::shared::Shared>,
    add: impl FnOnce(&Arc<Listener>),
) -> Result<bw_listener> {
    let registry = registry()?;
    listener.owned.settle(shared);
    let listener = Arc::new(listener);
    let id = registry.insert(Object::Listener(Arc::downgrade(&listener)))?;
    // Nobody else has seen it yet.
    let _ = listener.id.set(id);
    add(&listener);
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
