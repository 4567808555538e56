//! Namespaces: what hosts and connections call to send to sockets and to move them between rooms.
//!
//! A namespace tells the host of changes, and leaves the index of sockets and rooms to [`Members`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use once_cell::sync::OnceCell;

use crate::error::Error;
use crate::socketio::ack::{AckOutcome, BroadcastAck, Operation};
use crate::socketio::context::Context;
use crate::socketio::event::{Hook, Hooks, NamespaceEvent, RoomChange, What};
use crate::socketio::id::SocketId;
use crate::socketio::key::SocketKey;
use crate::socketio::members::Members;
use crate::socketio::message::{Message, Payload};
use crate::socketio::packet::EncodedPacket;
use crate::socketio::parser::Parser;
use crate::socketio::question::HostData;
use crate::socketio::rooms::Change;
use crate::socketio::socket::{Scope, Socket};
use crate::socketio::target::Target;

/// One namespace of a server, shared by all threads.
pub struct Namespace {
    name: Arc<str>,
    context: Arc<Context>,
    members: Members,
    next_ack: AtomicU64,
    /// The hooks that the host has set on this namespace.
    pub hooks: Hooks,
    host: HostData,
}

impl Namespace {
    /// An empty namespace. [`crate::socketio::Namespaces`] is the only caller.
    pub fn new(name: &str, context: Arc<Context>) -> Self {
        Self {
            name: name.into(),
            context,
            members: Members::default(),
            next_ack: AtomicU64::new(0),
            hooks: Hooks::default(),
            host: HostData::default(),
        }
    }

    /// The name, which begins with a slash.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The server's context.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The parser of the packets.
    pub fn parser(&self) -> Parser {
        self.context.settings.protocol.parser()
    }

    /// The data that the host has attached to the namespace.
    pub fn host(&self) -> &HostData {
        &self.host
    }

    /// The connected socket with that id.
    pub fn find(&self, id: &str) -> Option<Arc<Socket>> {
        self.members.find(&SocketId::parse(id)?)
    }

    /// The number of connected sockets.
    pub fn socket_count(&self) -> usize {
        self.members.count()
    }

    /// The connected sockets of a target.
    pub fn sockets(&self, target: &Target<'_>) -> Vec<Arc<Socket>> {
        self.members.sockets(target)
    }

    /// Delivers the connected sockets of a target in a `Sockets` event with `operation`.
    pub fn fetch_sockets(self: &Arc<Self>, target: &Target<'_>, operation: Operation) {
        let sockets = self.sockets(target);
        let event = NamespaceEvent::Sockets {
            operation,
            sockets: &sockets,
        };
        self.context.tell(What::Namespace(self, event));
    }

    // ---- sending

    /// Sends an event to every socket of a target. It is encoded once.
    pub fn emit(&self, target: &Target<'_>, payload: &Payload<'_>) {
        if self.hooks.has(Hook::Outgoing) {
            return self.emit_message(target, &Arc::new(payload.to_message()));
        }
        if self.socket_count() > 0 {
            let message = OnceCell::new();
            self.members.emit(
                target,
                &payload.encode(self.parser(), &self.name, None),
                || {
                    let message = message.get_or_init(|| Arc::new(payload.to_message()));
                    Some(Arc::clone(message))
                },
            );
        }
    }

    /// Sends a message to every socket of a target. It is encoded once for all calls with this message.
    pub fn emit_message(&self, target: &Target<'_>, message: &Arc<Message>) {
        if self.socket_count() > 0 {
            self.broadcast(
                target,
                &message.encoded(self.parser(), &self.name),
                Some(message),
            );
        }
    }

    /// Sends a packet to every socket of a target. A full send buffer is counted and logged, not reported. `message` is
    /// for the `Outgoing` events.
    pub fn broadcast(
        &self,
        target: &Target<'_>,
        packet: &Arc<EncodedPacket>,
        message: Option<&Arc<Message>>,
    ) {
        self.members
            .emit(target, packet, || message.map(Arc::clone));
    }

    /// Sends a message that every socket of a target is to acknowledge. One `Acked` event with `operation` follows,
    /// when all have answered or after `timeout`.
    pub fn emit_with_ack(
        &self,
        target: &Target<'_>,
        message: &Arc<Message>,
        timeout: Duration,
        operation: Operation,
    ) -> Arc<BroadcastAck> {
        let id = self.next_ack_id();
        let ack = Arc::new(BroadcastAck::new(operation, id, Arc::clone(&self.context)));
        let packet = message
            .payload()
            .encode(self.parser(), &self.name, Some(id));
        self.members.emit_with_ack(target, &packet, message, &ack);
        ack.complete();
        // The timer keeps the broadcast alive, so that the event follows even if all receivers have disconnected.
        let late = Arc::clone(&ack);
        self.context
            .clock
            .after(timeout, Box::new(move || late.end(AckOutcome::TimedOut)));
        ack
    }

    /// The next acknowledgement id. Ids are unique within the namespace, as on the official server.
    pub fn next_ack_id(&self) -> u64 {
        self.next_ack.fetch_add(1, Ordering::Relaxed)
    }

    // ---- rooms

    /// Every socket of a target joins these rooms.
    pub fn join(&self, target: &Target<'_>, rooms: &[&str]) {
        for socket in self.sockets(target) {
            for room in rooms {
                // A socket that has disconnected meanwhile, or is in too many rooms, does not join.
                let _ = socket.join(room);
            }
        }
    }

    /// Every socket of a target leaves these rooms.
    pub fn leave(&self, target: &Target<'_>, rooms: &[&str]) {
        for socket in self.sockets(target) {
            for room in rooms {
                // A socket that has disconnected has left its rooms.
                let _ = socket.leave(room);
            }
        }
    }

    /// Disconnects every socket of a target.
    pub fn disconnect(&self, target: &Target<'_>, scope: Scope) {
        for socket in self.sockets(target) {
            // The socket may have disconnected meanwhile.
            let _ = socket.disconnect(scope);
        }
    }

    pub(in crate::socketio) fn join_one(
        self: &Arc<Self>,
        socket: &Arc<Socket>,
        room: &str,
    ) -> Result<(), Error> {
        let limit = self.context.settings.limits.rooms;
        let change = self.members.join(socket, room, limit)?;
        if change == Change::MemberAndRoom {
            self.context.stats.rooms_count.add(1);
            self.tell_room(room, RoomChange::Created);
        }
        if change != Change::None {
            self.tell_room(room, RoomChange::Joined(*socket.id()));
        }
        Ok(())
    }

    pub(in crate::socketio) fn leave_one(
        self: &Arc<Self>,
        socket: &Arc<Socket>,
        room: &str,
    ) -> Result<(), Error> {
        let change = self.members.leave(socket, room)?;
        self.tell_left(socket, room, change);
        Ok(())
    }

    fn tell_left(self: &Arc<Self>, socket: &Socket, room: &str, change: Change) {
        if change != Change::None {
            self.tell_room(room, RoomChange::Left(*socket.id()));
        }
        if change == Change::MemberAndRoom {
            self.context.stats.rooms_count.add(-1);
            self.tell_room(room, RoomChange::Deleted);
        }
    }

    fn tell_room(self: &Arc<Self>, room: &str, change: RoomChange) {
        if self.hooks.has(Hook::Rooms) {
            let event = NamespaceEvent::Room { room, change };
            self.context.tell(What::Namespace(self, event));
        }
    }

    pub(in crate::socketio) fn rooms_of(&self, socket: &Socket) -> Vec<Arc<str>> {
        let own = socket.is_connected() || socket.is_gone();
        let own = own.then(|| Arc::from(socket.id().as_str()));
        own.into_iter()
            .chain(self.members.rooms_of(socket))
            .collect()
    }

    // ---- coming and going

    pub(in crate::socketio) fn insert(&self, socket: &Arc<Socket>) -> SocketKey {
        self.members.insert(socket)
    }

    pub(in crate::socketio) fn show(self: &Arc<Self>, socket: &Arc<Socket>) {
        if self.members.show(socket) {
            self.context.stats.sockets_count.add(1);
        }
        self.tell_room(socket.id().as_str(), RoomChange::Created);
        self.tell_room(socket.id().as_str(), RoomChange::Joined(*socket.id()));
    }

    pub(in crate::socketio) fn remove(self: &Arc<Self>, socket: &Arc<Socket>) {
        let removed = self.members.remove(socket);
        if removed.was_visible {
            self.context.stats.sockets_count.add(-1);
            self.tell_left_own(socket);
        }
        for (room, change) in removed.rooms {
            self.tell_left(socket, &room, change);
        }
    }

    fn tell_left_own(self: &Arc<Self>, socket: &Socket) {
        self.tell_room(socket.id().as_str(), RoomChange::Left(*socket.id()));
        self.tell_room(socket.id().as_str(), RoomChange::Deleted);
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
