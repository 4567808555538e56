//! A socket: one client in one namespace, as every thread sees it.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::json::RawJson;
use crate::socketio::Protocol;
use crate::socketio::ack::{AckTarget, Operation};
use crate::socketio::batch::EventBatch;
use crate::socketio::event::{DisconnectReason, Hook, Hooks};
use crate::socketio::handshake::Handshake;
use crate::socketio::id::SocketId;
use crate::socketio::key::SocketKey;
use crate::socketio::link::{AckRequest, Link, Outgoing, Overflow, Shape};
use crate::socketio::message::{Message, Payload};
use crate::socketio::namespace::Namespace;
use crate::socketio::packet::EncodedPacket;
use crate::socketio::question::HostData;
use crate::socketio::target::Reliability;
use crate::sync::Mutex;

/// ```text
///   ┌────────────┐  accepted   ┌───────────┐  left, put out,   ┌──────┐
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

/// What becomes of the connection when a socket is put out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only this namespace is left.
    Namespace,
    /// All namespaces are left, and the connection is closed.
    Connection,
}

/// See the module's documentation.
pub struct Socket {
    id: SocketId,
    namespace: Arc<Namespace>,
    link: Arc<Link>,
    handshake: Arc<Handshake>,
    /// Its number within its connection.
    ordinal: u32,
    state: AtomicU8,
    /// Messages that found no room in the send buffer, and that the host was not told of.
    dropped: AtomicU32,
    key: AtomicU64,
    /// What the host wants of this socket.
    pub hooks: Hooks,
    data: Mutex<Option<RawJson>>,
    /// The rooms at the moment of leaving, for those who still ask.
    farewell: OnceLock<Box<[Arc<str>]>>,
    /// Made when it is first asked for: in the other deliveries no socket has one.
    lane: OnceLock<Box<Mutex<Lane>>>,
    host: HostData,
}

/// The events of a socket that wait for the host, in the delivery that keeps them apart.
#[derive(Debug, Default)]
pub struct Lane {
    /// The events.
    pub batch: EventBatch,
    /// Those before them, which a thread has begun to deal with.
    pub begun: Option<Box<EventBatch>>,
    /// Somebody is, or will be, dealing with them.
    pub scheduled: bool,
}

impl Socket {
    /// A socket that is not connected yet, in its namespace's index.
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
            farewell: OnceLock::new(),
            lane: OnceLock::new(),
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

    /// What it came with.
    pub fn handshake(&self) -> &Arc<Handshake> {
        &self.handshake
    }

    /// Its number within its connection.
    pub fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// Counts the messages that find no room in the send buffer.
    pub fn dropped(&self) -> &AtomicU32 {
        &self.dropped
    }

    /// Its place in the namespace.
    pub fn key(&self) -> SocketKey {
        SocketKey::from_bits(self.key.load(Ordering::Acquire))
    }

    /// What the host keeps with it.
    pub fn host(&self) -> &HostData {
        &self.host
    }

    /// Its waiting events.
    pub fn lane(&self) -> &Mutex<Lane> {
        self.lane.get_or_init(Box::default)
    }

    /// Whether it is in its namespace.
    pub fn is_connected(&self) -> bool {
        self.state.load(Ordering::Acquire) == State::Connected as u8
    }

    /// Whether it was in its namespace, or wanted to be, and is not any more.
    pub fn is_gone(&self) -> bool {
        self.state.load(Ordering::Acquire) == State::Gone as u8
    }

    /// The heartbeat's last round trip.
    pub fn round_trip(&self) -> Option<Duration> {
        self.link.round_trip()
    }

    // ---- sending

    /// Sends an event. Two emits of one thread to one socket arrive in that order.
    ///
    /// # Errors
    /// `Gone` when it has left, `Full` when its send buffer is full and the policy says so.
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

    /// Sends a message that may go to others too.
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

    /// Sends a message that the client is to acknowledge; an `Acked` event with `operation` tells the end, once.
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

    /// Answers an event of the client that waits for acknowledgement `id`.
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

    /// Sends a packet that is encoded already.
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

    /// Whether somebody wants to see what leaves.
    pub fn is_observed(&self) -> bool {
        self.hooks.has(Hook::Outgoing) || self.namespace.hooks.has(Hook::Outgoing)
    }

    // ---- rooms

    /// Joins a room; nothing happens if it is in it.
    ///
    /// # Errors
    /// `Gone` when it has left, `Full` in more rooms than allowed.
    pub fn join(self: &Arc<Self>, room: &str) -> Result<(), Error> {
        self.namespace.join_one(self, room)
    }

    /// Leaves a room; nothing happens if it is not in it.
    ///
    /// # Errors
    /// `Gone` when it has left.
    pub fn leave(self: &Arc<Self>, room: &str) -> Result<(), Error> {
        self.namespace.leave_one(self, room)
    }

    /// The rooms it is in: its own first, then in the order of joining. While it is leaving, the rooms it was in.
    pub fn rooms(&self) -> Vec<Arc<str>> {
        if let Some(rooms) = self.farewell.get() {
            return rooms.to_vec();
        }
        self.namespace.rooms_of(self)
    }

    // ---- leaving

    /// Puts it out: from now on nobody reaches it, and its last events follow.
    ///
    /// # Errors
    /// `Gone` when it has left.
    pub fn disconnect(self: &Arc<Self>, scope: Scope) -> Result<(), Error> {
        self.check_connected()?;
        self.put_out();
        if scope == Scope::Connection {
            // The task that owns the connection knows the other namespaces.
            self.link.tell(Outgoing::DisconnectAll);
        }
        Ok(())
    }

    /// Sends DISCONNECT and leaves the namespace.
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

    /// Takes it out of its namespace and rooms; false when it was out already. The caller sees to the last events.
    pub fn retire(self: &Arc<Self>) -> bool {
        if self.state.swap(State::Gone as u8, Ordering::AcqRel) == State::Gone as u8 {
            return false;
        }
        let rooms = self.namespace.rooms_of(self);
        // Only the first to leave comes here.
        let _ = self.farewell.set(rooms.into());
        self.namespace.remove(self);
        true
    }

    /// It has been accepted: it is in its own room from now on. False when it left in the meantime.
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

    /// What the application keeps with it: any JSON, `{}` at first.
    pub fn data(&self) -> RawJson {
        let data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        data.clone().unwrap_or(RawJson::empty_object())
    }

    /// Replaces what the application keeps with it.
    pub fn set_data(&self, data: RawJson) {
        *self.data.lock().unwrap_or_else(PoisonError::into_inner) = Some(data);
    }

    /// # Errors
    /// `Gone` unless it is connected.
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

/// An acknowledgement that is waited for.
#[derive(Debug, Clone)]
pub struct AckHandle {
    socket: Arc<Socket>,
    id: u64,
}

impl AckHandle {
    /// Stops waiting: the operation ends as cancelled, unless it has ended.
    pub fn cancel(&self) {
        self.socket.link.tell(Outgoing::ForgetAck {
            ordinal: self.socket.ordinal,
            id: self.id,
            outcome: crate::socketio::ack::AckOutcome::Cancelled,
        });
    }
}
