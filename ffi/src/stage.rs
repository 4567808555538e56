//! Setting the stage: the event that a host sees, made from the engine's, and what it points to.

use std::sync::Arc;
use std::time::Instant;

use bellwire_core::error::ErrorKind;
use bellwire_core::json;
use bellwire_core::socketio::event::{Form, Occasion, RoomChange};
use bellwire_core::socketio::{
    AckOutcome, DisconnectReason, Event, Message, MessageRef, Namespace, Reply, Socket,
};
use bytes::Bytes;

use crate::deferred::Extras;
use crate::error::Result;
use crate::event::{
    bw_cause, bw_event, bw_event_flags as flags, bw_event_values as values, bw_remote_socket,
    bw_reply,
};
use crate::handshake::bw_handshake;
use crate::message::bw_message;
use crate::namespace::NspHost;
use crate::pointer::Strings;
use crate::shared::Shared;
use crate::socket::SocketHost;
use crate::types::{bw_bytes, bw_str};

/// Views of a few attachments, without memory of their own.
pub(crate) struct Bins {
    few: [bw_bytes; 8],
    many: Vec<bw_bytes>,
}

impl Bins {
    pub(crate) fn new(attachments: &[Bytes]) -> Self {
        let mut bins = Self {
            few: [bw_bytes {
                data: std::ptr::null(),
                len: 0,
            }; 8],
            many: Vec::new(),
        };
        if attachments.len() > bins.few.len() {
            bins.many = attachments
                .iter()
                .map(|bytes| bw_bytes::view(bytes))
                .collect();
        } else {
            for (view, bytes) in bins.few.iter_mut().zip(attachments) {
                *view = bw_bytes::view(bytes);
            }
        }
        bins
    }

    pub(crate) fn show(&self, count: usize, event: &mut bw_event) {
        event.n_bins = count;
        if count > 0 {
            let from = if self.many.is_empty() {
                &self.few[..]
            } else {
                &self.many
            };
            event.bins = from.as_ptr();
            event.set_flag(flags::BW_EVF_HAS_BINARY);
        }
    }
}

impl bw_event {
    pub(crate) fn set_namespace(
        &mut self,
        namespace: &Arc<Namespace>,
        shared: &Arc<Shared>,
    ) -> Result<()> {
        self.nsp = NspHost::of(namespace, shared)?.id;
        self.nsp_name = bw_str::view(namespace.name());
        Ok(())
    }

    pub(crate) fn set_socket(&mut self, socket: &Arc<Socket>, shared: &Arc<Shared>) -> Result<()> {
        let namespace = socket.namespace();
        let kept = NspHost::of(namespace, shared)?;
        self.set_origin((namespace, kept), SocketHost::of(socket, shared)?);
        Ok(())
    }

    /// A socket of this namespace.
    #[inline]
    pub(crate) fn set_origin(
        &mut self,
        (namespace, kept): (&Namespace, &NspHost),
        socket: &SocketHost,
    ) {
        self.nsp = kept.id;
        self.nsp_name = bw_str::view(namespace.name());
        self.socket = socket.id;
        self.user = socket.user();
    }

    /// Everything but the object and the binaries.
    pub(crate) fn set_message(&mut self, view: &MessageRef<'_>) {
        self.name = bw_str::view(view.name);
        self.args = bw_str::view_bytes(view.args);
        match view.form {
            Form::Event => self.n_args = count(view),
            Form::Text => self.set_flag(flags::BW_EVF_TEXT),
            Form::Binary => {}
        }
    }
}

/// How many arguments; most have been counted on their way here.
fn count(view: &MessageRef<'_>) -> u32 {
    view.arg_count
        .unwrap_or_else(|| json::members(view.args) as u32)
}

/// What an event points to, when it is not the engine's.
#[derive(Default)]
pub(crate) struct Stage {
    bins: Option<Bins>,
    handshake: Option<Arc<bw_handshake>>,
    message: Option<Arc<bw_message<'static>>>,
    args: Vec<u8>,
    cause: Option<Box<bw_cause>>,
    socket: Option<Arc<Socket>>,
    reply_messages: Vec<Arc<bw_message<'static>>>,
    replies: Vec<bw_reply>,
    reply_pointers: Vec<*const bw_reply>,
    socket_texts: Vec<SocketTexts>,
    sockets: Vec<bw_remote_socket>,
    socket_pointers: Vec<*const bw_remote_socket>,
}

struct SocketTexts {
    sid: Box<str>,
    handshake: Vec<u8>,
    data: Bytes,
    rooms: Strings,
}

// SAFETY: its pointers lead to its own parts, which can be used on any thread.
unsafe impl Send for Stage {}

/// What a question needs besides its event.
pub(crate) fn extras(event: &Event<'_>) -> Extras {
    if matches!(event, Event::Headers { .. }) {
        Extras::Headers
    } else {
        Extras::None
    }
}

impl Stage {
    /// The event that a host sees. `Acked` and `Sockets` have an operation too; a question has a
    /// handle that the caller puts in.
    pub(crate) fn set(
        &mut self,
        event: &Event<'_>,
        at: Instant,
        shared: &Arc<Shared>,
    ) -> Result<bw_event> {
        let new = |kind| bw_event::new(kind, shared, at);
        Ok(match *event {
            Event::AllowRequest { request, .. } => self.with_handshake(
                new(values::BW_EV_ALLOW_REQUEST),
                bw_handshake::of_request(request),
            ),
            Event::Headers { request, first, .. } => {
                let mut ev = self.with_handshake(
                    new(values::BW_EV_HEADERS),
                    bw_handshake::of_request(request),
                );
                if first == Occasion::First {
                    ev.set_flag(flags::BW_EVF_INITIAL);
                }
                ev
            }
            Event::Middleware { socket, .. } => {
                self.shaking(new(values::BW_EV_MIDDLEWARE), socket, shared)?
            }
            Event::Connection { socket } => {
                self.shaking(new(values::BW_EV_CONNECTION), socket, shared)?
            }
            Event::PacketMiddleware {
                socket, message, ..
            } => self.speaking(
                new(values::BW_EV_PACKET_MIDDLEWARE),
                socket,
                &message,
                shared,
            )?,
            Event::Outgoing { socket, message } => {
                self.speaking(new(values::BW_EV_OUTGOING), socket, &message, shared)?
            }
            Event::Message {
                socket,
                message,
                ack,
            } => {
                let mut ev = self.speaking(new(values::BW_EV_MESSAGE), socket, &message, shared)?;
                if let Some(number) = ack {
                    ev.ack = SocketHost::of(socket, shared)?.new_ack(socket, number)?;
                }
                ev
            }
            Event::Disconnecting { socket, reason } => {
                let ev = new(values::BW_EV_DISCONNECTING);
                self.leaving(ev, (socket, reason), shared)?
            }
            Event::Disconnect { socket, reason } => {
                let ev = new(values::BW_EV_DISCONNECT);
                self.leaving(ev, (socket, reason), shared)?
            }
            Event::Upgrade { socket, transport } => {
                let mut ev = new(values::BW_EV_UPGRADE);
                ev.set_socket(socket, shared)?;
                ev.name = bw_str::view(transport.name());
                ev.code = transport as i32;
                ev
            }
            Event::Drain { socket } => {
                let mut ev = new(values::BW_EV_DRAIN);
                ev.set_socket(socket, shared)?;
                ev
            }
            Event::Dropped { socket, count } => {
                let mut ev = new(values::BW_EV_DROPPED);
                ev.set_socket(socket, shared)?;
                ev.code = i32::try_from(count).unwrap_or(i32::MAX);
                ev
            }
            Event::NewNamespace { namespace } => {
                let mut ev = new(values::BW_EV_NEW_NAMESPACE);
                ev.set_namespace(namespace, shared)?;
                ev
            }
            Event::Room {
                namespace,
                room,
                change,
            } => self.room((namespace, room, change), at, shared)?,
            Event::ConnectionError { request, error } => {
                let mut ev = self.with_handshake(
                    new(values::BW_EV_CONNECTION_ERROR),
                    bw_handshake::of_request(request),
                );
                ev.code = error.code().into();
                ev.name = bw_str::view(error.wire_message());
                self.args = format!("[{}]", error.context()).into_bytes();
                self.show_args(ev)
            }
            Event::Fault { text } => {
                let mut ev = new(values::BW_EV_FAULT);
                ev.status = ErrorKind::Io.code();
                ev.name = bw_str::view(text);
                ev
            }
            Event::Shutdown => new(values::BW_EV_SHUTDOWN),
            Event::Acked {
                socket,
                outcome,
                replies,
                operation,
            } => {
                let mut ev = new(values::BW_EV_ACKED);
                if let Some(socket) = socket {
                    ev.set_socket(socket, shared)?;
                }
                ev.op = operation.0;
                ev.status = status(outcome);
                self.answering(ev, replies, shared)?
            }
            Event::Sockets { sockets, operation } => {
                let mut ev = new(values::BW_EV_SOCKETS);
                ev.op = operation.0;
                self.listing(ev, sockets, shared)?
            }
            // An event of a newer engine.
            _ => new(values::BW_EV_NONE),
        })
    }

    fn leaving(
        &mut self,
        mut ev: bw_event,
        (socket, reason): (&Arc<Socket>, DisconnectReason),
        shared: &Arc<Shared>,
    ) -> Result<bw_event> {
        ev.set_socket(socket, shared)?;
        ev.set_reason(reason);
        if let Some(cause) = reason.cause(socket) {
            ev.cause = self.cause.insert(Box::new(bw_cause::view(cause))).as_ref();
            // Keeps what the cause points to.
            self.socket = Some(Arc::clone(socket));
        }
        Ok(ev)
    }

    fn with_handshake(&mut self, mut ev: bw_event, handshake: Arc<bw_handshake>) -> bw_event {
        ev.handshake = Arc::as_ptr(self.handshake.insert(handshake));
        ev
    }

    fn shaking(
        &mut self,
        mut ev: bw_event,
        socket: &Arc<Socket>,
        shared: &Arc<Shared>,
    ) -> Result<bw_event> {
        ev.set_socket(socket, shared)?;
        Ok(self.with_handshake(ev, bw_handshake::of_socket(socket)))
    }

    fn speaking(
        &mut self,
        mut ev: bw_event,
        socket: &Arc<Socket>,
        view: &MessageRef<'_>,
        shared: &Arc<Shared>,
    ) -> Result<bw_event> {
        ev.set_socket(socket, shared)?;
        let message = self
            .message
            .insert(bw_message::counted(Arc::new(view.to_message()), view.form));
        let view = MessageRef {
            arg_count: view.arg_count,
            ..message.view()
        };
        ev.message = Arc::as_ptr(message);
        ev.set_message(&view);
        let bins = self.bins.insert(Bins::new(view.attachments));
        bins.show(view.attachments.len(), &mut ev);
        Ok(ev)
    }

    fn show_args(&self, mut ev: bw_event) -> bw_event {
        ev.args = bw_str::view_bytes(&self.args);
        ev.n_args = 1;
        ev
    }

    fn room(
        &mut self,
        (namespace, room, change): (&Arc<Namespace>, &str, RoomChange),
        at: Instant,
        shared: &Arc<Shared>,
    ) -> Result<bw_event> {
        let (kind, id) = match change {
            RoomChange::Created => (values::BW_EV_ROOM_CREATED, None),
            RoomChange::Deleted => (values::BW_EV_ROOM_DELETED, None),
            RoomChange::Joined(id) => (values::BW_EV_ROOM_JOINED, Some(id)),
            RoomChange::Left(id) => (values::BW_EV_ROOM_LEFT, Some(id)),
        };
        let mut ev = bw_event::new(kind, shared, at);
        ev.set_namespace(namespace, shared)?;
        ev.name = bw_str::view(room);
        let Some(id) = id else { return Ok(ev) };
        if let Some(socket) = namespace.find(id.as_str()) {
            ev.set_socket(&socket, shared)?;
        }
        self.args = format!("[\"{}\"]", id.as_str()).into_bytes();
        Ok(self.show_args(ev))
    }

    fn answering(
        &mut self,
        mut ev: bw_event,
        replies: &[Reply],
        shared: &Arc<Shared>,
    ) -> Result<bw_event> {
        for reply in replies {
            let message = Message::received("".into(), &reply.args, &reply.attachments);
            let message = bw_message::counted(Arc::new(message), Form::Event);
            self.replies.push(bw_reply {
                struct_size: size_of::<bw_reply>() as u32,
                reserved0: 0,
                socket: SocketHost::of(&reply.socket, shared)?.id,
                args: bw_str::view_bytes(message.view().args),
                message: Arc::as_ptr(&message),
            });
            self.reply_messages.push(message);
        }
        self.reply_pointers = self.replies.iter().map(std::ptr::from_ref).collect();
        ev.replies = self.reply_pointers.as_ptr();
        ev.n_replies = self.replies.len();
        Ok(ev)
    }

    fn listing(
        &mut self,
        mut ev: bw_event,
        sockets: &[Arc<Socket>],
        shared: &Arc<Shared>,
    ) -> Result<bw_event> {
        for socket in sockets {
            let texts = SocketTexts {
                sid: socket.id().as_str().into(),
                handshake: bw_handshake::of_socket(socket).to_json(),
                data: socket.data().into_bytes(),
                rooms: Strings::new(socket.rooms()),
            };
            self.sockets.push(bw_remote_socket {
                struct_size: size_of::<bw_remote_socket>() as u32,
                reserved0: 0,
                socket: SocketHost::of(socket, shared)?.id,
                sid: bw_str::view(&texts.sid),
                handshake_json: bw_str::view_bytes(&texts.handshake),
                data_json: bw_str::view_bytes(&texts.data),
                rooms: texts.rooms.views.as_ptr(),
                n_rooms: texts.rooms.views.len(),
            });
            self.socket_texts.push(texts);
        }
        self.socket_pointers = self.sockets.iter().map(std::ptr::from_ref).collect();
        ev.sockets = self.socket_pointers.as_ptr();
        ev.n_sockets = self.sockets.len();
        Ok(ev)
    }
}

fn status(outcome: AckOutcome) -> i32 {
    match outcome {
        AckOutcome::Answered => 0,
        AckOutcome::TimedOut => ErrorKind::Timeout.code(),
        AckOutcome::Gone => ErrorKind::Gone.code(),
        AckOutcome::Cancelled => ErrorKind::Cancelled.code(),
        AckOutcome::Full => ErrorKind::Full.code(),
    }
}
