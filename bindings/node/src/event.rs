//! Converts events of the core to records of a batch. Runs on the JavaScript thread, during a drain.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bellwire_core::cause::Cause;
use bellwire_core::host::Handler;
use bellwire_core::json;
use bellwire_core::mailbox::Cork;
use bellwire_core::socketio::event::{
    Acked, Form, NamespaceEvent, Occasion, RequestEvent, RoomChange, ServerEvent, SocketEvent, What,
};
use bellwire_core::socketio::{
    AckOutcome, DisconnectReason, Event, MessageRef, Namespace, Request, Socket,
};

use crate::batch::{Batch, Head, Kind, Numbers};
use crate::deferred::Questions;
use crate::handshake::write_request;
use crate::names::Names;
use crate::registry::Registry;
use crate::text::room_literal;

/// State that only the JavaScript thread uses.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) registry: Registry,
    names: Names,
    pub(crate) batch: Batch,
    /// Reused buffer for strings copied from JavaScript.
    pub(crate) scratch: Vec<u8>,
    /// Delays the writes of emits while JavaScript handles the events of a drain.
    pub(crate) cork: Option<Cork>,
}

/// Receives the events of the core's queue.
#[derive(Debug, Default)]
pub(crate) struct Host {
    state: Mutex<State>,
    pub(crate) questions: Questions,
}

impl Host {
    /// Locks the state. Only the JavaScript thread does so, so the lock is never contended.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The socket with this handle; `None` if the core has dropped it.
    pub(crate) fn socket(&self, handle: u32) -> Option<Arc<Socket>> {
        self.state().registry.socket(handle)
    }
}

impl Handler for Host {
    fn handle(&self, event: &Event<'_>) {
        let mut state = self.state();
        match event.what {
            What::Server(what) => of_server(&mut state.batch, what),
            What::Request(request, what) => self.of_request(&mut state.batch, request, what),
            What::Namespace(namespace, what) => of_namespace(&mut state, namespace, what),
            What::Socket(socket, what) => self.of_socket(&mut state, socket, what),
        }
    }
}

fn of_server(batch: &mut Batch, what: ServerEvent<'_>) {
    match what {
        ServerEvent::Fault { text } => {
            batch.push(Kind::Fault, Numbers::default(), text.as_bytes(), b"");
        }
        ServerEvent::Shutdown => batch.push(Kind::Shutdown, Numbers::default(), b"", b""),
        ServerEvent::Acked(acked) => push_acked(batch, acked),
    }
}

impl Host {
    fn of_request(&self, batch: &mut Batch, request: &Request, what: RequestEvent<'_>) {
        let mut text = Vec::new();
        match what {
            RequestEvent::AllowRequest { question } => {
                let numbers = Numbers {
                    b: self.questions.add(question),
                    ..Numbers::default()
                };
                write_request(&mut text, request);
                batch.push(Kind::AllowRequest, numbers, &text, b"");
            }
            RequestEvent::Headers { first, question } => {
                let numbers = Numbers {
                    a: u32::from(first == Occasion::First),
                    b: self.questions.add(question),
                    ..Numbers::default()
                };
                write_request(&mut text, request);
                batch.push(Kind::Headers, numbers, &text, b"");
            }
            RequestEvent::ConnectionError { error } => {
                text.extend_from_slice(
                    format!("{{\"code\":{},\"message\":", error.code()).as_bytes(),
                );
                json::write_string(&mut text, error.message());
                text.extend_from_slice(b",\"context\":");
                text.extend_from_slice(error.context().as_bytes());
                text.extend_from_slice(b",\"req\":");
                write_request(&mut text, request);
                text.push(b'}');
                batch.push(Kind::ConnectionError, Numbers::default(), &text, b"");
            }
        }
    }

    fn of_socket(&self, state: &mut State, socket: &Arc<Socket>, what: SocketEvent<'_>) {
        let handle = state.registry.handle(socket);
        let batch = &mut state.batch;
        match what {
            SocketEvent::Message { message, ack } => push_message(state, (handle, ack), &message),
            SocketEvent::Connection => {
                state.registry.hold(handle, socket);
                push_joining(state, Kind::Connection, (handle, socket), 0);
            }
            SocketEvent::Middleware { question } => {
                let question = self.questions.add(question);
                push_joining(state, Kind::Middleware, (handle, socket), question);
            }
            SocketEvent::Disconnecting { reason } => {
                let cause = cause(socket, reason);
                let reason = reason.as_str().as_bytes();
                batch.push(Kind::Disconnecting, of(handle), reason, &cause);
            }
            SocketEvent::Disconnect { reason } => {
                let cause = cause(socket, reason);
                let reason = reason.as_str().as_bytes();
                batch.push(Kind::Disconnect, of(handle), reason, &cause);
            }
            SocketEvent::Upgrade { transport } => {
                let name = transport.name().as_bytes();
                batch.push(Kind::Upgrade, of(handle), name, b"");
            }
            SocketEvent::Dropped { count } => {
                let numbers = Numbers {
                    a: count,
                    ..of(handle)
                };
                batch.push(Kind::Dropped, numbers, b"", b"");
            }
            SocketEvent::Acked(acked) => push_acked(batch, acked),
            // JavaScript runs its packet middleware and its listeners for outgoing events itself, and has no hook for
            // `drain`.
            SocketEvent::PacketMiddleware { .. }
            | SocketEvent::Outgoing { .. }
            | SocketEvent::Drain => {}
        }
    }
}

fn of_namespace(state: &mut State, namespace: &Arc<Namespace>, what: NamespaceEvent<'_>) {
    match what {
        NamespaceEvent::Room { room, change } => {
            let (change, id) = match change {
                RoomChange::Created => (0, None),
                RoomChange::Joined(id) => (1, Some(id)),
                RoomChange::Left(id) => (2, Some(id)),
                RoomChange::Deleted => (3, None),
            };
            let literal = room_literal(room);
            let numbers = Numbers {
                a: state.registry.index(namespace),
                b: change,
                c: u32::from(literal.is_some()),
                ..Numbers::default()
            };
            let room = literal.as_deref().unwrap_or(room.as_bytes());
            let id = id.as_ref().map_or("", |id| id.as_str());
            state.batch.push(Kind::Room, numbers, room, id.as_bytes());
        }
        // JavaScript creates the namespaces itself, and reads their members directly.
        NamespaceEvent::Created | NamespaceEvent::Sockets { .. } => {}
    }
}

/// Adds a record for a message: an event of Socket.IO, or a text or binary message of Engine.IO.
fn push_message(state: &mut State, (handle, ack): (u32, Option<u64>), message: &MessageRef<'_>) {
    let State { names, batch, .. } = state;
    let kind = match message.form {
        Form::Event => {
            let name = names.number(message.event_name(), batch);
            let head = Head { handle, ack, name };
            return batch.push_message(head, message);
        }
        Form::Text => Kind::Text,
        Form::Binary => Kind::Binary,
    };
    let text = (b"".as_slice(), message.args);
    batch.push_with(kind, of(handle), text, message.attachments);
}

/// Adds a record about a client that joins a namespace.
fn push_joining(
    state: &mut State,
    kind: Kind,
    (handle, socket): (u32, &Arc<Socket>),
    question: u32,
) {
    let registry = &mut state.registry;
    let numbers = Numbers {
        handle,
        a: registry.index(socket.namespace()),
        b: question,
        c: registry.connection(handle),
    };
    let id = socket.id().as_str().as_bytes();
    state.batch.push(kind, numbers, id, b"");
}

/// The numbers of a record that has only a handle.
fn of(handle: u32) -> Numbers {
    Numbers {
        handle,
        ..Numbers::default()
    }
}

/// The cause of a disconnect as JSON; empty if only the reason is known.
fn cause(socket: &Socket, reason: DisconnectReason) -> Vec<u8> {
    reason.cause(socket).map_or_else(Vec::new, Cause::to_json)
}

/// Adds an `Acked` record. Its text is a JSON array that alternates between the number of attachments of a reply and the
/// arguments of the reply.
fn push_acked(batch: &mut Batch, acked: Acked<'_>) {
    let mut text = vec![b'['];
    let mut attachments = Vec::new();
    for reply in acked.replies {
        if text.len() > 1 {
            text.push(b',');
        }
        text.extend_from_slice(reply.attachments.len().to_string().as_bytes());
        text.push(b',');
        text.extend_from_slice(if reply.args.is_empty() {
            b"[]"
        } else {
            &reply.args
        });
        attachments.extend_from_slice(&reply.attachments);
    }
    text.push(b']');
    let outcome = match acked.outcome {
        AckOutcome::Answered => 0,
        AckOutcome::TimedOut => 1,
        AckOutcome::Gone => 2,
        AckOutcome::Cancelled => 3,
        AckOutcome::Full => 4,
    };
    let numbers = Numbers {
        a: acked.operation.0 as u32,
        b: outcome,
        ..Numbers::default()
    };
    batch.push_with(Kind::Acked, numbers, (b"", &text), &attachments);
}
