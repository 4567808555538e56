//! Hooks: what is asked and told only while somebody listens.

use bellwire_core::socketio::event::{Hook, Hooks};

use crate::event::bw_event_values as values;
use crate::listeners::Lists;
use crate::shared::{Change, Shared};

/// The hooks that the listeners of an object switch.
pub(crate) struct Wanted<'a> {
    /// Those of the object itself.
    own: &'a Hooks,
    /// Those that a server has for all its sockets.
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

    /// A listener came or went; these are left.
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

/// The hook that brings events of this type.
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
