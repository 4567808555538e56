//! Hooks: the events that the engine creates only while a listener for them is registered.

use bellwire_core::socketio::event::{Hook, Hooks};

use crate::event::bw_event_values as values;
use crate::listeners::Lists;
use crate::shared::{Change, Shared};

/// The hooks that the listeners of an object switch.
pub(crate) struct Wanted<'a> {
    /// The hooks of the object itself.
    own: &'a Hooks,
    /// The hooks of the server, for all its sockets.
    server: &'a Hooks,
    shared: &'a Shared,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(own: &'a Hooks, server: &'a Hooks, shared: &'a Shared) -> Self {
        Self {
            own,
            server,
            shared,
        }
    }

    /// A listener was added or removed; `lists` are the listeners afterwards.
    pub(crate) fn change(&self, lists: &Lists, kind: i32, change: Change) {
        let Some(hook) = hook_of(kind) else { return };
        if matches!(hook, Hook::Upgrade | Hook::Drain | Hook::Dropped) {
            return self.shared.count_listeners(self.server, hook, change);
        }
        if lists.want(hook) {
            self.own.add(hook);
        } else {
            self.own.remove(hook);
        }
    }
}

/// The hook that has to be set for events of this type, if any.
pub(crate) fn hook_of(kind: i32) -> Option<Hook> {
    const TABLE: [(values, Hook); 14] = [
        (values::BW_EV_ALLOW_REQUEST, Hook::AllowRequest),
        (values::BW_EV_HEADERS, Hook::Headers),
        (values::BW_EV_MIDDLEWARE, Hook::Middleware),
        (values::BW_EV_PACKET_MIDDLEWARE, Hook::PacketMiddleware),
        (values::BW_EV_OUTGOING, Hook::Outgoing),
        (values::BW_EV_ROOM_CREATED, Hook::Rooms),
        (values::BW_EV_ROOM_DELETED, Hook::Rooms),
        (values::BW_EV_ROOM_JOINED, Hook::Rooms),
        (values::BW_EV_ROOM_LEFT, Hook::Rooms),
        (values::BW_EV_UPGRADE, Hook::Upgrade),
        (values::BW_EV_DRAIN, Hook::Drain),
        (values::BW_EV_DROPPED, Hook::Dropped),
        (values::BW_EV_CONNECTION_ERROR, Hook::ConnectionError),
        (values::BW_EV_NEW_NAMESPACE, Hook::NewNamespace),
    ];
    let row = TABLE.iter().find(|(value, _)| *value as i32 == kind);
    row.map(|(_, hook)| *hook)
}
