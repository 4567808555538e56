//! A batch of events that can wait: records, and one arena for the text of all of them.
//!
//! Emptied, a batch keeps its memory, so that a busy queue allocates nothing for a message without attachments.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::engineio::{ConnectionError, TransportKind};
use crate::socketio::ack::{AckOutcome, Operation, Reply};
use crate::socketio::event::{DisconnectReason, Event, Form, MessageRef, Occasion, RoomChange};
use crate::socketio::handshake::Request;
use crate::socketio::namespace::Namespace;
use crate::socketio::question::Question;
use crate::socketio::socket::Socket;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct EventBatch {
    records: Vec<(Instant, Record)>,
    /// How many of the records are done with.
    done: usize,
    text: Vec<u8>,
    /// What the waiting events hold, in bytes.
    bytes: usize,
}

#[derive(Debug)]
struct Stored {
    form: Form,
    /// Where in the arena its name begins; its arguments follow.
    at: usize,
    /// One message is shorter than 4 GiB, the texts of all that wait may not be.
    name_len: u32,
    args_len: u32,
    name_literal: Option<Box<str>>,
    arg_count: Option<u32>,
    attachments: Box<[Bytes]>,
}

#[derive(Debug)]
enum Record {
    Done,
    AllowRequest(Arc<Request>, Question),
    Headers(Arc<Request>, Occasion, Question),
    Middleware(Arc<Socket>, Question),
    PacketMiddleware(Arc<Socket>, Stored, Question),
    Connection(Arc<Socket>),
    Message(Arc<Socket>, Stored, Option<u64>),
    Disconnecting(Arc<Socket>, DisconnectReason),
    Disconnect(Arc<Socket>, DisconnectReason),
    Outgoing(Arc<Socket>, Stored),
    Upgrade(Arc<Socket>, TransportKind),
    Dropped(Arc<Socket>, u32),
    Drain(Arc<Socket>),
    NewNamespace(Arc<Namespace>),
    Room(Arc<Namespace>, Box<str>, RoomChange),
    ConnectionError(Arc<Request>, Box<ConnectionError>),
    Fault(Box<str>),
    Shutdown,
    Acked(Option<Arc<Socket>>, Operation, AckOutcome, Vec<Reply>),
    Sockets(Operation, Vec<Arc<Socket>>),
}

/// What an event costs besides its text: its place in the batch, which grows by doubling.
pub const EVENT_COST: usize = 2 * size_of::<(Instant, Record)>();

impl EventBatch {
    /// How many events wait.
    pub fn len(&self) -> usize {
        self.records.len() - self.done
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the waiting events hold, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives memory back when it is empty and holds more than this.
    pub fn shrink(&mut self, kept: usize) {
        if self.is_empty()
            && (self.text.capacity() > kept || self.records.capacity() * size_of::<Record>() > kept)
        {
            *self = Self::default();
        }
    }

    /// What an event will cost here.
    pub fn cost(event: &Event<'_>) -> usize {
        EVENT_COST
            + match event {
                Event::Message { message, .. }
                | Event::PacketMiddleware { message, .. }
                | Event::Outgoing { message, .. } => message.size(),
                Event::Acked { replies, .. } => replies.iter().map(Reply::size).sum(),
                Event::AllowRequest { request, .. } | Event::Headers { request, .. } => {
                    request.size()
                }
                Event::ConnectionError { request, error } => request.size() + size_of_val(*error),
                Event::Room { room, .. } => room.len(),
                Event::Fault { text } => text.len(),
                Event::Sockets { sockets, .. } => size_of_val(*sockets),
                _ => 0,
            }
    }

    /// Adds a copy of an event.
    pub fn push(&mut self, event: &Event<'_>, at: Instant) {
        self.bytes += Self::cost(event);
        let record = match *event {
            Event::AllowRequest { request, question } => {
                Record::AllowRequest(Arc::clone(request), question.clone())
            }
            Event::Headers {
                request,
                first,
                question,
            } => Record::Headers(Arc::clone(request), first, question.clone()),
            Event::Middleware { socket, question } => {
                Record::Middleware(Arc::clone(socket), question.clone())
            }
            Event::PacketMiddleware {
                socket,
                message,
                question,
            } => {
                Record::PacketMiddleware(Arc::clone(socket), self.store(message), question.clone())
            }
            Event::Connection { socket } => Record::Connection(Arc::clone(socket)),
            Event::Message {
                socket,
                message,
                ack,
            } => Record::Message(Arc::clone(socket), self.store(message), ack),
            Event::Disconnecting { socket, reason } => {
                Record::Disconnecting(Arc::clone(socket), reason)
            }
            Event::Disconnect { socket, reason } => Record::Disconnect(Arc::clone(socket), reason),
            Event::Outgoing { socket, message } => {
                Record::Outgoing(Arc::clone(socket), self.store(message))
            }
            Event::Upgrade { socket, transport } => Record::Upgrade(Arc::clone(socket), transport),
            Event::Dropped { socket, count } => Record::Dropped(Arc::clone(socket), count),
            Event::Drain { socket } => Record::Drain(Arc::clone(socket)),
            Event::NewNamespace { namespace } => Record::NewNamespace(Arc::clone(namespace)),
            Event::Room {
                namespace,
                room,
                change,
            } => Record::Room(Arc::clone(namespace), room.into(), change),
            Event::ConnectionError { request, error } => {
                Record::ConnectionError(Arc::clone(request), Box::new(error.clone()))
            }
            Event::Fault { text } => Record::Fault(text.into()),
            Event::Shutdown => Record::Shutdown,
            Event::Acked {
                socket,
                operation,
                outcome,
                replies,
            } => Record::Acked(socket.map(Arc::clone), operation, outcome, replies.to_vec()),
            Event::Sockets { operation, sockets } => Record::Sockets(operation, sockets.to_vec()),
        };
        self.records.push((at, record));
    }

    /// The next event, and when it happened.
    pub fn current(&self) -> Option<(Event<'_>, Instant)> {
        let (at, record) = self.records.get(self.done)?;
        let event = match record {
            Record::Done => return None,
            Record::AllowRequest(request, question) => Event::AllowRequest { request, question },
            Record::Headers(request, first, question) => Event::Headers {
                request,
                first: *first,
                question,
            },
            Record::Middleware(socket, question) => Event::Middleware { socket, question },
            Record::PacketMiddleware(socket, stored, question) => Event::PacketMiddleware {
                socket,
                message: self.message(stored),
                question,
            },
            Record::Connection(socket) => Event::Connection { socket },
            Record::Message(socket, stored, ack) => Event::Message {
                socket,
                message: self.message(stored),
                ack: *ack,
            },
            Record::Disconnecting(socket, reason) => Event::Disconnecting {
                socket,
                reason: *reason,
            },
            Record::Disconnect(socket, reason) => Event::Disconnect {
                socket,
                reason: *reason,
            },
            Record::Outgoing(socket, stored) => Event::Outgoing {
                socket,
                message: self.message(stored),
            },
            Record::Upgrade(socket, transport) => Event::Upgrade {
                socket,
                transport: *transport,
            },
            Record::Dropped(socket, count) => Event::Dropped {
                socket,
                count: *count,
            },
            Record::Drain(socket) => Event::Drain { socket },
            Record::NewNamespace(namespace) => Event::NewNamespace { namespace },
            Record::Room(namespace, room, change) => Event::Room {
                namespace,
                room,
                change: *change,
            },
            Record::ConnectionError(request, error) => Event::ConnectionError { request, error },
            Record::Fault(text) => Event::Fault { text },
            Record::Shutdown => Event::Shutdown,
            Record::Acked(socket, operation, outcome, replies) => Event::Acked {
                socket: socket.as_ref(),
                operation: *operation,
                outcome: *outcome,
                replies,
            },
            Record::Sockets(operation, sockets) => Event::Sockets {
                operation: *operation,
                sockets,
            },
        };
        Some((event, *at))
    }

    /// The current event is done with, and `see` sees it and its cost once more; the cost.
    pub fn advance(&mut self, see: impl FnOnce(&Event<'_>, usize)) -> usize {
        let mut cost = 0;
        if let Some((event, _)) = self.current() {
            cost = Self::cost(&event);
            see(&event, cost);
            self.bytes -= cost;
            self.records[self.done].1 = Record::Done;
            self.done += 1;
        }
        if self.done == self.records.len() {
            self.records.clear();
            self.text.clear();
            self.done = 0;
        }
        cost
    }

    fn store(&mut self, message: MessageRef<'_>) -> Stored {
        let at = self.text.len();
        self.text.extend_from_slice(message.name.as_bytes());
        self.text.extend_from_slice(message.args);
        Stored {
            form: message.form,
            at,
            name_len: message.name.len() as u32,
            args_len: message.args.len() as u32,
            name_literal: message.name_literal.map(Box::from),
            arg_count: message.arg_count,
            attachments: message.attachments.into(),
        }
    }

    fn message<'a>(&'a self, stored: &'a Stored) -> MessageRef<'a> {
        let (name, rest) = self.text[stored.at..].split_at(stored.name_len as usize);
        MessageRef {
            form: stored.form,
            // It was a `str` when it was stored.
            name: std::str::from_utf8(name).unwrap_or_default(),
            name_literal: stored.name_literal.as_deref(),
            args: &rest[..stored.args_len as usize],
            arg_count: stored.arg_count,
            attachments: &stored.attachments,
        }
    }
}
