//! The members of a namespace that are connected to this server, and their rooms, behind one lock.
//!
//! The receivers of a message are determined under the lock, on the caller's thread: a message that is emitted after a
//! join reaches the socket that joined; a message that is emitted before a leave reaches the socket that leaves. No
//! code of the host runs under the lock.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::error::{Error, ErrorKind};
use crate::socketio::ack::{AckTarget, BroadcastAck};
use crate::socketio::id::SocketId;
use crate::socketio::key::SocketKey;
use crate::socketio::link::{AckRequest, Outgoing, Overflow, Refused};
use crate::socketio::message::Message;
use crate::socketio::packet::EncodedPacket;
use crate::socketio::rooms::{Change, Rooms};
use crate::socketio::socket::Socket;
use crate::socketio::target::{Reliability, Target};
use crate::sync::Lock as _;

/// What [`Members::remove`] has removed.
#[derive(Debug)]
pub struct Removed {
    /// Whether the socket could be found before: it had connected.
    pub was_visible: bool,
    /// The rooms that it was in, except its own, and what became of each.
    pub rooms: Vec<(Arc<str>, Change)>,
}

/// The connected sockets of a namespace, and those that are joining it.
#[derive(Debug, Default)]
pub struct Members {
    rooms: Mutex<Rooms<Arc<Socket>>>,
}

impl Members {
    /// The connected socket with that id.
    pub fn find(&self, id: &SocketId) -> Option<Arc<Socket>> {
        self.lock().find(id).map(Arc::clone)
    }

    /// The number of connected sockets.
    pub fn count(&self) -> usize {
        self.lock().visible()
    }

    /// The connected sockets of a target.
    pub fn sockets(&self, target: &Target<'_>) -> Vec<Arc<Socket>> {
        let mut sockets = Vec::new();
        self.lock()
            .select(target, |socket| sockets.push(Arc::clone(socket)));
        sockets
    }

    // ---- sending

    /// Queues a packet for every socket of a target. A full send buffer is counted and logged, not reported.
    /// `message` makes the event that a host with [`crate::socketio::event::Hook::Outgoing`] is shown.
    pub fn emit(
        &self,
        target: &Target<'_>,
        packet: &Arc<EncodedPacket>,
        message: impl Fn() -> Option<Arc<Message>>,
    ) {
        let cost = packet.cost();
        let mut refused = Refused::default();
        self.lock().select(target, |socket| {
            let observed = socket.is_observed().then(&message).flatten();
            let item = match observed {
                Some(message) => {
                    Outgoing::Observed(Arc::clone(socket), Arc::clone(packet), message)
                }
                None => Outgoing::Packet(Arc::clone(packet)),
            };
            // A broadcast does not fail because of one receiver.
            let (reliability, dropped) = (target.reliability, socket.dropped());
            socket
                .link()
                .send_one_of_many(item, cost, reliability, dropped, &mut refused);
        });
        refused.log();
    }

    /// Queues a packet for every socket of a target, and adds each of them to `ack`.
    pub fn emit_with_ack(
        &self,
        target: &Target<'_>,
        packet: &Arc<EncodedPacket>,
        message: &Arc<Message>,
        ack: &Arc<BroadcastAck>,
    ) {
        let cost = packet.cost();
        let mut refused = Refused::default();
        self.lock().select(target, |socket| {
            ack.add(socket);
            let request = AckRequest {
                socket: Arc::clone(socket),
                packet: Arc::clone(packet),
                observed: socket.is_observed().then(|| Arc::clone(message)),
                id: ack.id(),
                timeout: None,
                target: AckTarget::Many(Arc::clone(ack)),
                overflow: Overflow::Send,
            };
            // A receiver whose send buffer is full does not answer; the timeout of the broadcast reports it.
            socket.link().send_one_of_many(
                Outgoing::WithAck(Box::new(request)),
                cost,
                Reliability::Reliable,
                socket.dropped(),
                &mut refused,
            );
        });
        refused.log();
    }

    // ---- rooms

    /// Puts a socket into a room; `limit` is the largest number of rooms of one socket, 0 for no limit.
    ///
    /// # Errors
    /// `Gone` when the socket has left, `Full` when it is in as many rooms as allowed.
    pub fn join(&self, socket: &Socket, room: &str, limit: usize) -> Result<Change, Error> {
        let mut rooms = self.lock();
        let key = socket.key();
        if limit > 0
            && rooms.rooms_of(key).take(limit).count() == limit
            && !rooms.rooms_of(key).any(|known| **known == *room)
            && room != socket.id().as_str()
        {
            return Err(Error::new(
                ErrorKind::Full,
                format!("the socket is in {limit} rooms"),
            ));
        }
        rooms.join(key, room).ok_or_else(gone)
    }

    /// Takes a socket out of a room.
    ///
    /// # Errors
    /// `Gone` when the socket has left.
    pub fn leave(&self, socket: &Socket, room: &str) -> Result<Change, Error> {
        self.lock().leave(socket.key(), room).ok_or_else(gone)
    }

    /// The rooms that a socket has joined, in that order, without its own.
    pub fn rooms_of(&self, socket: &Socket) -> Vec<Arc<str>> {
        let rooms = self.lock();
        rooms.rooms_of(socket.key()).map(Arc::clone).collect()
    }

    // ---- joining and leaving

    /// Adds a socket that no target selects before [`Members::show`].
    pub fn insert(&self, socket: &Arc<Socket>) -> SocketKey {
        self.lock().insert(*socket.id(), Arc::clone(socket))
    }

    /// Lets targets select a socket; false when it has left.
    pub fn show(&self, socket: &Socket) -> bool {
        self.lock().show(socket.key())
    }

    /// Removes a socket from all its rooms and from the members.
    pub fn remove(&self, socket: &Socket) -> Removed {
        let mut rooms = self.lock();
        let before = rooms.visible();
        let left = rooms.remove(socket.key()).unwrap_or_default();
        Removed {
            was_visible: rooms.visible() < before,
            rooms: left,
        }
    }

    /// No code panics under this lock, so a poisoned lock holds a consistent index.
    fn lock(&self) -> MutexGuard<'_, Rooms<Arc<Socket>>> {
        self.rooms.locked()
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Gone, "the socket has left")
}
