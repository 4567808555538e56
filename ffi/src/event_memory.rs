//! Converts a core event into a `bw_event`, and owns the memory that it points to.

use std::sync::Arc;

use bellwire_core::error::ErrorKind;
use bellwire_core::json;
use bellwire_core::socketio::event::{
    Acked, Form, NamespaceEvent, Occasion, RequestEvent, RoomChange, ServerEvent, SocketEvent, What,
};
use bellwire_core::socketio::{
    AckOutcome, DisconnectReason, Event, Message, MessageRef, Namespace, Socket,
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

/// Views of attachments; up to 8 need no allocation.
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

    /// Sets the fields of the message except `message` and the binaries.
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

/// The number of arguments. The core has counted those of most messages already.
fn count(view: &MessageRef<'_>) -> u32 {
    view.arg_count
        .unwrap_or_else(|| json::members(view.args) as u32)
}

/// The memory that a `bw_event` points to, except the memory of the core.
#[derive(Default)]
pub(crate) struct EventMemory {
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

// SAFETY: its pointers point to its own parts, which can be used on any thread.
unsafe impl Send for EventMemory {}

/// What a listener may set before it accepts the question.
pub(crate) fn extras(event: &Event<'_>) -> Extras {
    match event.what {
        What::Request(_, RequestEvent::Headers { .. }) => Extras::Headers,
        _ => Extras::None,
    }
}

/// The type of the `bw_event` for a core event.
fn type_of(what: &What<'_>) -> values {
    match what {
        What::Server(what) => match what {
            ServerEvent::Fault { .. } => values::BW_EV_FAULT,
            ServerEvent::Shutdown => values::BW_EV_SHUTDOWN,
            ServerEvent::Acked(_) => values::BW_EV_ACKED,
        },
        What::Request(_, what) => match what {
            RequestEvent::AllowRequest { .. } => values::BW_EV_ALLOW_REQUEST,
            RequestEvent::Headers { .. } => values::BW_EV_HEADERS,
            RequestEvent::ConnectionError { .. } => values::BW_EV_CONNECTION_ERROR,
        },
        What::Namespace(_, what) => match what {
            NamespaceEvent::Created => values::BW_EV_NEW_NAMESPACE,
            NamespaceEvent::Room { change, .. } => match change {
                RoomChange::Created => values::BW_EV_ROOM_CREATED,
                RoomChange::Deleted => values::BW_EV_ROOM_DELETED,
                RoomChange::Joined(_) => values::BW_EV_ROOM_JOINED,
                RoomChange::Left(_) => values::BW_EV_ROOM_LEFT,
            },
            NamespaceEvent::Sockets { .. } => values::BW_EV_SOCKETS,
        },
        What::Socket(_, what) => match what {
            SocketEvent::Middleware { .. } => values::BW_EV_MIDDLEWARE,
            SocketEvent::PacketMiddleware { .. } => values::BW_EV_PACKET_MIDDLEWARE,
            SocketEvent::Connection => values::BW_EV_CONNECTION,
            SocketEvent::Message { .. } => values::BW_EV_MESSAGE,
            SocketEvent::Disconnecting { .. } => values::BW_EV_DISCONNECTING,
            SocketEvent::Disconnect { .. } => values::BW_EV_DISCONNECT,
            SocketEvent::Outgoing { .. } => values::BW_EV_OUTGOING,
            SocketEvent::Upgrade { .. } => values::BW_EV_UPGRADE,
            SocketEvent::Dropped { .. } => values::BW_EV_DROPPED,
            SocketEvent::Drain => values::BW_EV_DRAIN,
            SocketEvent::Acked(_) => values::BW_EV_ACKED,
        },
    }
}

impl EventMemory {
    /// The `bw_event` for a core event. If the event is a question, the caller sets `deferred`.
    pub(crate) fn fill(&mut self, event: &Event<'_>, shared: &Arc<Shared>) -> Result<bw_event> {
        let mut ev = bw_event::new(type_of(&event.what), shared, event.at);
        match event.what {
            What::Server(what) => self.set_server(&mut ev, what, shared)?,
            What::Request(request, what) => {
                self.set_handshake(&mut ev, bw_handshake::of_request(request));
                self.set_request(&mut ev, what);
            }
            What::Namespace(namespace, what) => match what {
                NamespaceEvent::Created => ev.set_namespace(namespace, shared)?,
                NamespaceEvent::Room { room, change } => {
                    ev.set_namespace(namespace, shared)?;
                    self.set_room(&mut ev, (namespace, room, change), shared)?;
                }
                NamespaceEvent::Sockets { operation, sockets } => {
                    ev.op = operation.0;
                    self.set_sockets(&mut ev, sockets, shared)?;
                }
            },
            What::Socket(socket, what) => {
                ev.set_socket(socket, shared)?;
                self.set_of_socket(&mut ev, socket, what, shared)?;
            }
        }
        Ok(ev)
    }

    fn set_server(
        &mut self,
        ev: &mut bw_event,
        what: ServerEvent<'_>,
        shared: &Arc<Shared>,
    ) -> Result<()> {
        match what {
            ServerEvent::Fault { text } => {
                ev.status = ErrorKind::Io.code();
                ev.name = bw_str::view(text);
                Ok(())
            }
            ServerEvent::Shutdown => Ok(()),
            ServerEvent::Acked(acked) => self.set_acked(ev, acked, shared),
        }
    }

    fn set_request(&mut self, ev: &mut bw_event, what: RequestEvent<'_>) {
        match what {
            RequestEvent::AllowRequest { .. } => {}
            RequestEvent::Headers { first, .. } => {
                if first == Occasion::First {
                    ev.set_flag(flags::BW_EVF_INITIAL);
                }
            }
            RequestEvent::ConnectionError { error } => {
                ev.code = error.code().into();
                ev.name = bw_str::view(error.wire_message());
                self.set_args(ev, format!("[{}]", error.context()));
            }
        }
    }

    fn set_of_socket(
        &mut self,
        ev: &mut bw_event,
        socket: &Arc<Socket>,
        what: SocketEvent<'_>,
        shared: &Arc<Shared>,
    ) -> Result<()> {
        match what {
            SocketEvent::Middleware { .. } | SocketEvent::Connection => {
                self.set_handshake(ev, bw_handshake::of_socket(socket));
            }
            SocketEvent::PacketMiddleware { message, .. } | SocketEvent::Outgoing { message } => {
                self.set_message(ev, &message);
            }
            SocketEvent::Message { message, ack } => {
                self.set_message(ev, &message);
                if let Some(number) = ack {
                    ev.ack = SocketHost::of(socket, shared)?.new_ack(socket, number)?;
                }
            }
            SocketEvent::Disconnecting { reason } | SocketEvent::Disconnect { reason } => {
                ev.set_reason(reason);
                self.set_cause(ev, socket, reason);
            }
            SocketEvent::Upgrade { transport } => {
                ev.name = bw_str::view(transport.name());
                ev.code = transport as i32;
            }
            SocketEvent::Dropped { count } => {
                ev.code = i32::try_from(count).unwrap_or(i32::MAX);
            }
            SocketEvent::Drain => {}
            SocketEvent::Acked(acked) => self.set_acked(ev, acked, shared)?,
        }
        Ok(())
    }

    fn set_cause(&mut self, ev: &mut bw_event, socket: &Arc<Socket>, reason: DisconnectReason) {
        if let Some(cause) = reason.cause(socket) {
            ev.cause = self.cause.insert(Box::new(bw_cause::view(cause))).as_ref();
            // Keeps what the cause points to.
            self.socket = Some(Arc::clone(socket));
        }
    }

    fn set_handshake(&mut self, ev: &mut bw_event, handshake: Arc<bw_handshake>) {
        ev.handshake = Arc::as_ptr(self.handshake.insert(handshake));
    }

    fn set_message(&mut self, ev: &mut bw_event, view: &MessageRef<'_>) {
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
        bins.show(view.attachments.len(), ev);
    }

    fn set_args(&mut self, ev: &mut bw_event, json: String) {
        self.args = json.into_bytes();
        ev.args = bw_str::view_bytes(&self.args);
        ev.n_args = 1;
    }

    fn set_room(
        &mut self,
        ev: &mut bw_event,
        (namespace, room, change): (&Arc<Namespace>, &str, RoomChange),
        shared: &Arc<Shared>,
    ) -> Result<()> {
        ev.name = bw_str::view(room);
        let id = match change {
            RoomChange::Created | RoomChange::Deleted => return Ok(()),
            RoomChange::Joined(id) | RoomChange::Left(id) => id,
        };
        if let Some(socket) = namespace.find(id.as_str()) {
            ev.set_socket(&socket, shared)?;
        }
        self.set_args(ev, format!("[\"{}\"]", id.as_str()));
        Ok(())
    }

    fn set_acked(
        &mut self,
        ev: &mut bw_event,
        acked: Acked<'_>,
        shared: &Arc<Shared>,
    ) -> Result<()> {
        ev.op = acked.operation.0;
        ev.status = status(acked.outcome);
        for reply in acked.replies {
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
        Ok(())
    }

    fn set_sockets(
        &mut self,
        ev: &mut bw_event,
        sockets: &[Arc<Socket>],
        shared: &Arc<Shared>,
    ) -> Result<()> {
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
        Ok(())
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
