//! Sockets: one client in one namespace. All threads share it.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::json::RawJson;
use crate::socketio::ack::{AckTarget, Operation};
use crate::socketio::event::{DisconnectReason, Hook, Hooks};
use crate::socketio::handshake::Handshake;
use crate::socketio::id::SocketId;
use crate::socketio::key::SocketKey;
use crate::socketio::link::{AckRequest, Link, Outgoing, Overflow, Shape};
use crate::socketio::message::{Message, Payload};
use crate::socketio::namespace::Namespace;
use crate::socketio::packet::EncodedPacket;
use crate::socketio::question::HostData;
use crate::socketio::settings::Protocol;
use crate::socketio::target::Reliability;
use crate::sync::Lock as _;
use crate::sync::Mutex;

/// ```text
///   ┌────────────┐  accepted   ┌───────────┐  disconnected,    ┌──────┐
///   │ Connecting │ ──────────▶ │ Connected │ ────────────────▶ │ Gone │
///   └────────────┘             └───────────┘  connection ended └──────┘
///         │             refused, connection ended                 ▲
///         └───────────────────────────────────────────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum State {
    Connecting,
    Connected,
    Gone,
}

/// What happens to the connection when the host disconnects a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The connection stays open: the client leaves this namespace only.
    Namespace,
    /// The client leaves all namespaces, and the connection is closed.
    Connection,
}

/// One client in one namespace.
pub struct Socket {
    id: SocketId,
    namespace: Arc<Namespace>,
    link: Arc<Link>,
    handshake: Arc<Handshake>,
    /// The number of the socket within its connection.
    ordinal: u32,
    state: AtomicU8,
    /// The number of dropped messages that have not been reported to the host.
    dropped: AtomicU32,
    key: AtomicU64,
    /// The hooks that the host has set on this socket.
    pub hooks: Hooks,
    data: Mutex<Option<RawJson>>,
    /// The rooms at the time of the disconnection, for [`Socket::rooms`].
    last_rooms: OnceLock<Box<[Arc<str>]>>,
    /// What the delivery keeps with the socket.
    delivery: HostData,
    host: HostData,
}

impl Socket {
    /// A socket that is not connected yet. It is added to the members of its namespace.
    pub fn new(
        id: SocketId,
        namespace: &Arc<Namespace>,
        link: &Arc<Link>,
        handshake: Handshake,
        ordinal: u32,
    ) -> Arc<Self> {
        let socket = Arc::new(Self {
            id,
            namespace: Arc::clone(namespace),
            link: Arc::clone(link),
            handshake: Arc::new(handshake),
            ordinal,
            state: AtomicU8::new(State::Connecting as u8),
            dropped: AtomicU32::new(0),
            key: AtomicU64::new(0),
            hooks: Hooks::default(),
            data: Mutex::default(),
            last_rooms: OnceLock::new(),
            delivery: HostData::default(),
            host: HostData::default(),
        });
        let key = namespace.insert(&socket);
        socket.key.store(key.to_bits(), Ordering::Release);
        socket
    }

    /// The public id.
    pub fn id(&self) -> &SocketId {
        &self.id
    }

    /// The namespace.
    pub fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    /// The connection.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The request that opened the connection, and the auth payload.
    pub fn handshake(&self) -> &Arc<Handshake> {
        &self.handshake
    }

    /// The number of the socket within its connection.
    pub fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// The counter of dropped messages.
    pub fn dropped(&self) -> &AtomicU32 {
        &self.dropped
    }

    /// The place among the members of the namespace.
    pub fn key(&self) -> SocketKey {
        SocketKey::from_bits(self.key.load(Ordering::Acquire))
    }

    /// The data that the host has attached to the socket.
    pub fn host(&self) -> &HostData {
        &self.host
    }

    /// What the `host` layer keeps with the socket.
    pub fn delivery(&self) -> &HostData {
        &self.delivery
    }

    /// Whether the socket is connected.
    pub fn is_connected(&self) -> bool {
        self.state.load(Ordering::Acquire) == State::Connected as u8
    }

    /// Whether the socket has disconnected, or was refused.
    pub fn is_gone(&self) -> bool {
        self.state.load(Ordering::Acquire) == State::Gone as u8
    }

    /// The round trip of the last ping and pong of the connection.
    pub fn round_trip(&self) -> Option<Duration> {
        self.link.round_trip()
    }

    // ---- sending

    /// Sends an event. The events of one thread to one socket arrive in the order of the calls.
    ///
    /// # Errors
    /// `Gone` when the socket has disconnected, `Full` when the send buffer is full and the policy is to report it.
    pub fn emit(
        self: &Arc<Self>,
        payload: &Payload<'_>,
        reliability: Reliability,
    ) -> Result<(), Error> {
        self.check_connected()?;
        if self.is_observed() {
            return self.emit_message(&Arc::new(payload.to_message()), reliability);
        }
        let (parser, namespace) = (self.namespace.parser(), self.namespace.name());
        let (name, args, attachments) = (
            payload.event_name(),
            payload.args_json(),
            payload.attachments(),
        );
        let shape = Shape {
            kind: parser.kind(),
            size: name.size() + args.len() + namespace.len() + 8,
            attachments: parser.trailing(attachments),
        };
        self.link
            .send_written(shape, reliability, &self.dropped, |out| {
                parser.write_event(out, namespace, None, name, args, attachments);
            })
    }

    /// Sends a message that can be sent to other sockets too.
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn emit_message(
        self: &Arc<Self>,
        message: &Arc<Message>,
        reliability: Reliability,
    ) -> Result<(), Error> {
        self.check_connected()?;
        let packet = message.encoded(self.namespace.parser(), self.namespace.name());
        if self.is_observed() {
            let cost = packet.cost();
            let item = Outgoing::Observed(Arc::clone(self), packet, Arc::clone(message));
            return self.link.send(item, cost, reliability, &self.dropped);
        }
        self.send_packet(packet, reliability)
    }

    /// Sends a message that the client is to acknowledge. One `Acked` event with `operation` follows.
    ///
    /// # Errors
    /// As [`Socket::emit`]; then no event follows.
    pub fn emit_with_ack(
        self: &Arc<Self>,
        message: &Arc<Message>,
        timeout: Option<Duration>,
        overflow: Overflow,
        operation: Operation,
    ) -> Result<AckHandle, Error> {
        self.check_connected()?;
        let id = self.namespace.next_ack_id();
        let (parser, namespace) = (self.namespace.parser(), self.namespace.name());
        let packet = message.payload().encode(parser, namespace, Some(id));
        let cost = packet.cost();
        let request = AckRequest {
            socket: Arc::clone(self),
            packet,
            observed: self.is_observed().then(|| Arc::clone(message)),
            id,
            timeout,
            target: AckTarget::One(operation),
            overflow,
        };
        self.link.send(
            Outgoing::WithAck(Box::new(request)),
            cost,
            Reliability::Reliable,
            &self.dropped,
        )?;
        Ok(AckHandle {
            socket: Arc::clone(self),
            id,
        })
    }

    /// Acknowledges the client's event that has the acknowledgement id `id`.
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn acknowledge(self: &Arc<Self>, id: u64, payload: &Payload<'_>) -> Result<(), Error> {
        self.check_connected()?;
        let (parser, namespace) = (self.namespace.parser(), self.namespace.name());
        let (args, attachments) = (payload.args_json(), payload.attachments());
        let shape = Shape {
            kind: parser.kind(),
            size: args.len() + namespace.len() + 32,
            attachments: parser.trailing(attachments),
        };
        self.link
            .send_written(shape, Reliability::Reliable, &self.dropped, |out| {
                parser.write_ack(out, namespace, id, args, attachments);
            })
    }

    /// Sends an encoded packet.
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn send_packet(
        &self,
        packet: Arc<EncodedPacket>,
        reliability: Reliability,
    ) -> Result<(), Error> {
        let cost = packet.cost();
        self.link
            .send(Outgoing::Packet(packet), cost, reliability, &self.dropped)
    }

    /// Whether the host wants `Outgoing` events for this socket.
    pub fn is_observed(&self) -> bool {
        self.hooks.has(Hook::Outgoing) || self.namespace.hooks.has(Hook::Outgoing)
    }

    // ---- rooms

    /// Joins a room. Does nothing if the socket is in it.
    ///
    /// # Errors
    /// `Gone` when the socket has disconnected, `Full` when it is in as many rooms as allowed.
    pub fn join(self: &Arc<Self>, room: &str) -> Result<(), Error> {
        self.namespace.join_one(self, room)
    }

    /// Leaves a room. Does nothing if the socket is not in it.
    ///
    /// # Errors
    /// `Gone` when the socket has disconnected.
    pub fn leave(self: &Arc<Self>, room: &str) -> Result<(), Error> {
        self.namespace.leave_one(self, room)
    }

    /// The rooms of the socket: its own first, then in the order of joining. After the disconnection, the rooms at that
    /// time.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        if let Some(rooms) = self.last_rooms.get() {
            return rooms.to_vec();
        }
        self.namespace.rooms_of(self)
    }

    // ---- leaving

    /// Disconnects the socket. No target selects it any more, and its last events follow.
    ///
    /// # Errors
    /// `Gone` when the socket has disconnected.
    pub fn disconnect(self: &Arc<Self>, scope: Scope) -> Result<(), Error> {
        self.check_connected()?;
        self.put_out();
        if scope == Scope::Connection {
            // The connection's task knows the other sockets.
            self.link.tell(Outgoing::DisconnectAll);
        }
        Ok(())
    }

    /// Sends DISCONNECT and removes the socket from its namespace.
    pub fn put_out(self: &Arc<Self>) {
        let reason = DisconnectReason::ServerNamespace;
        if self.retire() {
            if let Protocol::SocketIo(parser) = self.link.context().settings.protocol {
                self.link.tell_written(parser.kind(), |out| {
                    parser.write_disconnect(out, self.namespace.name());
                });
            }
            self.link.tell(Outgoing::Removed {
                socket: Arc::clone(self),
                reason,
            });
        }
    }

    /// Removes the socket from its namespace and rooms. Returns false if it was removed before. The caller delivers the
    /// last events.
    pub fn retire(self: &Arc<Self>) -> bool {
        if self.state.swap(State::Gone as u8, Ordering::AcqRel) == State::Gone as u8 {
            return false;
        }
        let rooms = self.namespace.rooms_of(self);
        // The swap above lets one thread pass, so the rooms are set once.
        let _ = self.last_rooms.set(rooms.into());
        self.namespace.remove(self);
        true
    }

    /// Connects the socket, which has been accepted: targets select it. Returns false if it has been removed meanwhile.
    pub fn connect(self: &Arc<Self>) -> bool {
        let (from, to) = (State::Connecting as u8, State::Connected as u8);
        let accepted = self
            .state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if accepted {
            self.namespace.show(self);
        }
        accepted
    }

    // ---- data

    /// The data of the application: any JSON, at first `{}`.
    pub fn data(&self) -> RawJson {
        let data = self.data.locked();
        data.clone().unwrap_or(RawJson::empty_object())
    }

    /// Replaces the data of the application.
    pub fn set_data(&self, data: RawJson) {
        *self.data.locked() = Some(data);
    }

    /// # Errors
    /// `Gone` unless the socket is connected.
    pub fn check_connected(&self) -> Result<(), Error> {
        if self.is_connected() {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Gone, "the socket has left"))
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id.as_str())
            .field("namespace", &self.namespace.name())
            .finish_non_exhaustive()
    }
}

/// An acknowledgement that the host waits for.
#[derive(Debug, Clone)]
pub struct AckHandle {
    socket: Arc<Socket>,
    id: u64,
}

impl AckHandle {
    /// Stops waiting. The operation ends as cancelled, unless it has ended.
    pub fn cancel(&self) {
        self.socket.link.tell(Outgoing::ForgetAck {
            ordinal: self.socket.ordinal,
            id: self.id,
            outcome: crate::socketio::ack::AckOutcome::Cancelled,
        });
    }
}
