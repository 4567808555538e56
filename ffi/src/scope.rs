//! What a bw_scope names: the objects that listeners can be added to.

use std::sync::{Arc, Weak};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::{Namespace, Socket};

use crate::error::Result;
use crate::event::{bw_event_type, bw_event_values as values};
use crate::handle;
use crate::hooks::Wanted;
use crate::listeners::{Listener, ListenerSet, Position};
use crate::namespace::NspHost;
use crate::registry::Kind;
use crate::server::ServerHandle;
use crate::shared::Shared;
use crate::socket::SocketHost;
use crate::types::bw_scope;

/// An object that listeners can be added to.
pub(crate) enum Scope {
    Server(Arc<ServerHandle>),
    Nsp(Arc<Namespace>),
    Socket(Arc<Socket>),
}

/// A scope that does not keep its object.
#[derive(Debug, Clone)]
pub(crate) enum WeakScope {
    Server(Weak<ServerHandle>),
    Nsp(Weak<Namespace>),
    Socket(Weak<Socket>),
}

impl Scope {
    /// The object that a handle names.
    ///
    /// # Errors
    /// `Handle` for a handle of another kind, `Gone` when the object has ended.
    pub(crate) fn of(id: bw_scope) -> Result<Self> {
        match kind_of(id)? {
            Kind::Server => Ok(Self::Server(handle::server(id)?)),
            Kind::Nsp => Ok(Self::Nsp(handle::namespace(id)?)),
            _ => {
                let socket = handle::socket(id)?;
                if SocketHost::of_known(&socket)?.is_retired() {
                    return Err(ErrorKind::Gone.into());
                }
                Ok(Self::Socket(socket))
            }
        }
    }

    /// What the objects of its server share.
    pub(crate) fn shared(&self) -> Result<&Arc<Shared>> {
        Ok(match self {
            Self::Server(server) => &server.shared,
            Self::Nsp(namespace) => &NspHost::of_known(namespace)?.shared,
            Self::Socket(socket) => &SocketHost::of_known(socket)?.shared,
        })
    }

    fn listeners(&self) -> Result<&ListenerSet> {
        Ok(match self {
            Self::Server(server) => &server.shared.listeners,
            Self::Nsp(namespace) => &NspHost::of_known(namespace)?.listeners,
            Self::Socket(socket) => &SocketHost::of_known(socket)?.listeners,
        })
    }

    /// The hooks that its listeners switch.
    fn hooks(&self) -> Result<Wanted<'_>> {
        let (own, server) = match self {
            Self::Server(server) => (server.core.hooks(), server.core.hooks()),
            Self::Nsp(namespace) => (&namespace.hooks, &namespace.context().hooks),
            Self::Socket(socket) => (&socket.hooks, &socket.namespace().context().hooks),
        };
        Ok(Wanted::new(own, server, self.shared()?))
    }

    pub(crate) fn add(&self, listener: &Arc<Listener>, position: Position) -> Result<()> {
        self.listeners()?.add(listener, position, &self.hooks()?);
        Ok(())
    }

    /// Does nothing if the listener was removed before, or if the object has no listeners.
    pub(crate) fn remove(&self, listener: &Listener) {
        if let (Ok(listeners), Ok(hooks)) = (self.listeners(), self.hooks()) {
            listeners.remove(listener, &hooks);
        }
    }

    /// Removes all listeners of the object.
    pub(crate) fn clear(&self) {
        if let (Ok(listeners), Ok(hooks)) = (self.listeners(), self.hooks()) {
            listeners.clear(&hooks);
        }
    }

    pub(crate) fn downgrade(&self) -> WeakScope {
        match self {
            Self::Server(server) => WeakScope::Server(Arc::downgrade(server)),
            Self::Nsp(namespace) => WeakScope::Nsp(Arc::downgrade(namespace)),
            Self::Socket(socket) => WeakScope::Socket(Arc::downgrade(socket)),
        }
    }
}

impl WeakScope {
    /// The object, unless it was dropped.
    pub(crate) fn upgrade(&self) -> Option<Scope> {
        match self {
            Self::Server(server) => server.upgrade().map(Scope::Server),
            Self::Nsp(namespace) => namespace.upgrade().map(Scope::Nsp),
            Self::Socket(socket) => socket.upgrade().map(Scope::Socket),
        }
    }
}

/// The kind of a scope.
///
/// # Errors
/// `Handle` for a handle of another kind.
pub(crate) fn kind_of(id: bw_scope) -> Result<Kind> {
    match Kind::of(id) {
        Some(kind @ (Kind::Server | Kind::Nsp | Kind::Socket)) => Ok(kind),
        _ => Err(Error::new(
            ErrorKind::Handle,
            format!("scope is not a bw_server, bw_nsp or bw_socket: {id:#x}"),
        )),
    }
}

const SERVER: &[Kind] = &[Kind::Server];
const NSP: &[Kind] = &[Kind::Nsp];
const SERVER_NSP: &[Kind] = &[Kind::Server, Kind::Nsp];
const NSP_SOCKET: &[Kind] = &[Kind::Nsp, Kind::Socket];
const ALL: &[Kind] = &[Kind::Server, Kind::Nsp, Kind::Socket];

/// The scopes on which each event type can be listened for.
const SCOPES: &[(values, &[Kind])] = &[
    (values::BW_EV_ALLOW_REQUEST, SERVER),
    (values::BW_EV_MIDDLEWARE, NSP),
    (values::BW_EV_PACKET_MIDDLEWARE, NSP_SOCKET),
    (values::BW_EV_HEADERS, SERVER),
    (values::BW_EV_CONNECTION, SERVER_NSP),
    (values::BW_EV_MESSAGE, NSP_SOCKET),
    (values::BW_EV_DISCONNECTING, ALL),
    (values::BW_EV_DISCONNECT, ALL),
    (values::BW_EV_OUTGOING, NSP_SOCKET),
    (values::BW_EV_UPGRADE, ALL),
    (values::BW_EV_DRAIN, ALL),
    (values::BW_EV_DROPPED, ALL),
    (values::BW_EV_NEW_NAMESPACE, SERVER),
    (values::BW_EV_ROOM_CREATED, NSP),
    (values::BW_EV_ROOM_DELETED, NSP),
    (values::BW_EV_ROOM_JOINED, NSP),
    (values::BW_EV_ROOM_LEFT, NSP),
    (values::BW_EV_CONNECTION_ERROR, SERVER),
    (values::BW_EV_FAULT, SERVER),
    (values::BW_EV_SHUTDOWN, SERVER),
];

/// The event type of that number, if a scope of this kind has events of it.
///
/// # Errors
/// `Argument` for an unknown type, and for a type that other scopes have.
pub(crate) fn may_hear(scope: Kind, r#type: bw_event_type) -> Result<values> {
    let argument = |text| Error::new(ErrorKind::Argument, text);
    let row = SCOPES
        .iter()
        .find(|(value, _)| *value as i32 == r#type)
        .ok_or_else(|| {
            argument(format!(
                "type {type} is not an event that can be listened for"
            ))
        })?;
    let (value, scopes) = row;
    if !scopes.contains(&scope) {
        let names: Vec<_> = scopes.iter().map(|kind| kind.name()).collect();
        let names = names.join(" or a ");
        return Err(argument(format!("{value:?} is listened for on a {names}")));
    }
    Ok(*value)
}
