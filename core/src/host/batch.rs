//! A batch of events that wait for the host: one record for each event, and one arena for the text of all of them.
//!
//! An emptied batch keeps its memory, so that a busy queue does not allocate for a message without attachments.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::engineio::{ConnectionError, TransportKind};
use crate::socketio::ack::{AckOutcome, Operation, Reply};
use crate::socketio::event::{
    Acked, DisconnectReason, Event, Form, MessageRef, NamespaceEvent, Occasion, RequestEvent,
    RoomChange, ServerEvent, SocketEvent, What,
};
use crate::socketio::handshake::Request;
use crate::socketio::namespace::Namespace;
use crate::socketio::question::Question;
use crate::socketio::socket::Socket;

/// Events that wait, in order.
#[derive(Debug, Default)]
pub struct EventBatch {
    records: Vec<Record>,
    /// How many of the records have been handled.
    done: usize,
    text: Vec<u8>,
}

#[derive(Debug)]
struct StoredMessage {
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
struct Record {
    at: Instant,
    what: Stored,
}

/// [`What`], owned.
#[derive(Debug)]
enum Stored {
    /// The event has been handled, and its memory given back.
    Handled,
    Server(StoredServer),
    Request(Arc<Request>, StoredRequest),
    Namespace(Arc<Namespace>, StoredNamespace),
    Socket(Arc<Socket>, StoredSocket),
}

#[derive(Debug)]
enum StoredServer {
    Fault(Box<str>),
    Shutdown,
    Acked(Box<StoredAcked>),
}

#[derive(Debug)]
enum StoredRequest {
    AllowRequest(Question),
    Headers(Occasion, Question),
    ConnectionError(Box<ConnectionError>),
}

#[derive(Debug)]
enum StoredNamespace {
    Created,
    Room(Box<str>, RoomChange),
    Sockets(Operation, Vec<Arc<Socket>>),
}

#[derive(Debug)]
enum StoredSocket {
    Middleware(Question),
    PacketMiddleware(StoredMessage, Question),
    Connection,
    Message(StoredMessage, Option<u64>),
    Disconnecting(DisconnectReason),
    Disconnect(DisconnectReason),
    Outgoing(StoredMessage),
    Upgrade(TransportKind),
    Dropped(u32),
    Drain,
    Acked(StoredAcked),
}

#[derive(Debug)]
struct StoredAcked {
    operation: Operation,
    outcome: AckOutcome,
    replies: Vec<Reply>,
}

impl StoredAcked {
    fn new(acked: Acked<'_>) -> Self {
        Self {
            operation: acked.operation,
            outcome: acked.outcome,
            replies: acked.replies.to_vec(),
        }
    }

    fn view(&self) -> Acked<'_> {
        Acked {
            operation: self.operation,
            outcome: self.outcome,
            replies: &self.replies,
        }
    }
}

/// What an event costs besides its text: its record in the batch, which grows by doubling.
const EVENT_COST: usize = 2 * size_of::<Record>();

/// What an event costs here, in bytes.
pub(super) fn cost(event: &Event<'_>) -> usize {
    EVENT_COST
        + match event.what {
            What::Server(event) => match event {
                ServerEvent::Fault { text } => text.len(),
                ServerEvent::Shutdown => 0,
                ServerEvent::Acked(acked) => size_of_replies(acked),
            },
            What::Request(request, event) => {
                request.size()
                    + match event {
                        RequestEvent::AllowRequest { .. } | RequestEvent::Headers { .. } => 0,
                        RequestEvent::ConnectionError { error } => size_of_val(error),
                    }
            }
            What::Namespace(_, event) => match event {
                NamespaceEvent::Created => 0,
                NamespaceEvent::Room { room, .. } => room.len(),
                NamespaceEvent::Sockets { sockets, .. } => size_of_val(sockets),
            },
            What::Socket(_, event) => match event {
                SocketEvent::Message { message, .. }
                | SocketEvent::PacketMiddleware { message, .. }
                | SocketEvent::Outgoing { message } => message.size(),
                SocketEvent::Acked(acked) => size_of_replies(acked),
                SocketEvent::Middleware { .. }
                | SocketEvent::Connection
                | SocketEvent::Disconnecting { .. }
                | SocketEvent::Disconnect { .. }
                | SocketEvent::Upgrade { .. }
                | SocketEvent::Dropped { .. }
                | SocketEvent::Drain => 0,
            },
        }
}

fn size_of_replies(acked: Acked<'_>) -> usize {
    acked.replies.iter().map(Reply::size).sum()
}

impl EventBatch {
    /// How many events wait.
    pub fn len(&self) -> usize {
        self.records.len() - self.done
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives memory back when it is empty and holds more than this.
    pub fn shrink(&mut self, kept: usize) {
        if self.is_empty()
            && (self.text.capacity() > kept || self.records.capacity() * size_of::<Record>() > kept)
        {
            *self = Self::default();
        }
    }

    /// Adds a copy of an event.
    pub fn push(&mut self, event: &Event<'_>) {
        let what = match event.what {
            What::Server(event) => Stored::Server(match event {
                ServerEvent::Fault { text } => StoredServer::Fault(text.into()),
                ServerEvent::Shutdown => StoredServer::Shutdown,
                ServerEvent::Acked(acked) => StoredServer::Acked(Box::new(StoredAcked::new(acked))),
            }),
            What::Request(request, event) => {
                Stored::Request(Arc::clone(request), store_request(event))
            }
            What::Namespace(namespace, event) => {
                Stored::Namespace(Arc::clone(namespace), store_namespace(event))
            }
            What::Socket(socket, event) => {
                Stored::Socket(Arc::clone(socket), self.store_socket(event))
            }
        };
        self.records.push(Record { at: event.at, what });
    }

    /// The next event.
    pub fn current(&self) -> Option<Event<'_>> {
        let Record { at, what } = self.records.get(self.done)?;
        let what = match what {
            Stored::Handled => return None,
            Stored::Server(stored) => What::Server(match stored {
                StoredServer::Fault(text) => ServerEvent::Fault { text },
                StoredServer::Shutdown => ServerEvent::Shutdown,
                StoredServer::Acked(acked) => ServerEvent::Acked(acked.view()),
            }),
            Stored::Request(request, stored) => What::Request(request, view_request(stored)),
            Stored::Namespace(namespace, stored) => {
                What::Namespace(namespace, view_namespace(stored))
            }
            Stored::Socket(socket, stored) => What::Socket(socket, self.view_socket(stored)),
        };
        Some(Event { what, at: *at })
    }

    /// Ends the current event: passes it and its cost to `see`, gives its memory back and returns its cost.
    pub fn advance(&mut self, see: impl FnOnce(&Event<'_>, usize)) -> usize {
        let mut spent = 0;
        if let Some(event) = self.current() {
            spent = cost(&event);
            see(&event, spent);
            self.records[self.done].what = Stored::Handled;
            self.done += 1;
        }
        if self.done == self.records.len() {
            self.records.clear();
            self.text.clear();
            self.done = 0;
        }
        spent
    }

    fn store_socket(&mut self, event: SocketEvent<'_>) -> StoredSocket {
        match event {
            SocketEvent::Middleware { question } => StoredSocket::Middleware(question.clone()),
            SocketEvent::PacketMiddleware { message, question } => {
                StoredSocket::PacketMiddleware(self.store(message), question.clone())
            }
            SocketEvent::Connection => StoredSocket::Connection,
            SocketEvent::Message { message, ack } => {
                StoredSocket::Message(self.store(message), ack)
            }
            SocketEvent::Disconnecting { reason } => StoredSocket::Disconnecting(reason),
            SocketEvent::Disconnect { reason } => StoredSocket::Disconnect(reason),
            SocketEvent::Outgoing { message } => StoredSocket::Outgoing(self.store(message)),
            SocketEvent::Upgrade { transport } => StoredSocket::Upgrade(transport),
            SocketEvent::Dropped { count } => StoredSocket::Dropped(count),
            SocketEvent::Drain => StoredSocket::Drain,
            SocketEvent::Acked(acked) => StoredSocket::Acked(StoredAcked::new(acked)),
        }
    }

    fn view_socket<'a>(&'a self, stored: &'a StoredSocket) -> SocketEvent<'a> {
        match stored {
            StoredSocket::Middleware(question) => SocketEvent::Middleware { question },
            StoredSocket::PacketMiddleware(stored, question) => SocketEvent::PacketMiddleware {
                message: self.message(stored),
                question,
            },
            StoredSocket::Connection => SocketEvent::Connection,
            StoredSocket::Message(stored, ack) => SocketEvent::Message {
                message: self.message(stored),
                ack: *ack,
            },
            StoredSocket::Disconnecting(reason) => SocketEvent::Disconnecting { reason: *reason },
            StoredSocket::Disconnect(reason) => SocketEvent::Disconnect { reason: *reason },
            StoredSocket::Outgoing(stored) => SocketEvent::Outgoing {
                message: self.message(stored),
            },
            StoredSocket::Upgrade(transport) => SocketEvent::Upgrade {
                transport: *transport,
            },
            StoredSocket::Dropped(count) => SocketEvent::Dropped { count: *count },
            StoredSocket::Drain => SocketEvent::Drain,
            StoredSocket::Acked(acked) => SocketEvent::Acked(acked.view()),
        }
    }

    fn store(&mut self, message: MessageRef<'_>) -> StoredMessage {
        let at = self.text.len();
        self.text.extend_from_slice(message.name.as_bytes());
        self.text.extend_from_slice(message.args);
        StoredMessage {
            form: message.form,
            at,
            name_len: message.name.len() as u32,
            args_len: message.args.len() as u32,
            name_literal: message.name_literal.map(Box::from),
            arg_count: message.arg_count,
            attachments: message.attachments.into(),
        }
    }

    fn message<'a>(&'a self, stored: &'a StoredMessage) -> MessageRef<'a> {
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

fn store_request(event: RequestEvent<'_>) -> StoredRequest {
    match event {
        RequestEvent::AllowRequest { question } => StoredRequest::AllowRequest(question.clone()),
        RequestEvent::Headers { first, question } => {
            StoredRequest::Headers(first, question.clone())
        }
        RequestEvent::ConnectionError { error } => {
            StoredRequest::ConnectionError(Box::new(error.clone()))
        }
    }
}

fn view_request(stored: &StoredRequest) -> RequestEvent<'_> {
    match stored {
        StoredRequest::AllowRequest(question) => RequestEvent::AllowRequest { question },
        StoredRequest::Headers(first, question) => RequestEvent::Headers {
            first: *first,
            question,
        },
        StoredRequest::ConnectionError(error) => RequestEvent::ConnectionError { error },
    }
}

fn store_namespace(event: NamespaceEvent<'_>) -> StoredNamespace {
    match event {
        NamespaceEvent::Created => StoredNamespace::Created,
        NamespaceEvent::Room { room, change } => StoredNamespace::Room(room.into(), change),
        NamespaceEvent::Sockets { operation, sockets } => {
            StoredNamespace::Sockets(operation, sockets.to_vec())
        }
    }
}

fn view_namespace(stored: &StoredNamespace) -> NamespaceEvent<'_> {
    match stored {
        StoredNamespace::Created => NamespaceEvent::Created,
        StoredNamespace::Room(room, change) => NamespaceEvent::Room {
            room,
            change: *change,
        },
        StoredNamespace::Sockets(operation, sockets) => NamespaceEvent::Sockets {
            operation: *operation,
            sockets,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::client::tests::World;

    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "a test needs some moment")]
    fn check_message_comes_out(batch: &mut EventBatch) {
        let socket = World::connected().socket("/");
        let message = MessageRef {
            form: Form::Event,
            name: "a\u{fffd}b",
            name_literal: Some(r#""a\ud83D\u0062""#),
            args: b"[1]",
            arg_count: Some(1),
            attachments: &[Bytes::from_static(b"x")],
        };
        let event = SocketEvent::Message {
            message,
            ack: Some(7),
        };
        batch.push(&Event::of_socket(&socket, event, Instant::now()));
        let Some(What::Socket(_, SocketEvent::Message { message: out, ack })) =
            batch.current().map(|event| event.what)
        else {
            panic!("it was pushed");
        };
        assert_eq!(
            (out.name, out.name_literal),
            (message.name, message.name_literal)
        );
        assert_eq!((out.args, out.arg_count), (message.args, message.arg_count));
        assert_eq!((out.attachments, ack), (message.attachments, Some(7)));
    }

    #[test]
    fn a_message_comes_out_as_it_went_in() {
        check_message_comes_out(&mut EventBatch::default());
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn texts_may_exceed_4_gib_together() {
        // The operating system provides the pages of zeros when they are written, and only the last two are.
        let mut text = vec![0; (1 << 32) + 64];
        for before in [(1 << 32) - 3, (1 << 32) + 1] {
            text.truncate(before);
            let mut batch = EventBatch {
                text,
                ..EventBatch::default()
            };
            check_message_comes_out(&mut batch);
            text = batch.text;
        }
    }
}
