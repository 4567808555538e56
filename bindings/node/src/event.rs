//! Converts events of the core to records of a batch. Runs on the JavaScript thread, during a drain.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bellwire_core::cause::Cause;
use bellwire_core::host::Handler;
use bellwire_core::json;
use bellwire_core::mailbox::Cork;
use bellwire_core::socketio::event::{Form, Occasion, RoomChange};
use bellwire_core::socketio::{AckOutcome, Event, Reply, Socket};

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
    fn handle(&self, event: &Event<'_>, _: Instant) {
        let mut state = self.state();
        let State {
            registry,
            names,
            batch,
            ..
        } = &mut *state;
        match event {
            Event::Message {
                socket,
                message,
                ack,
            } => {
                let handle = registry.handle(socket);
                let kind = match message.form {
                    Form::Event => {
                        let name = names.number(message.event_name(), batch);
                        let head = Head {
                            handle,
                            ack: *ack,
                            name,
                        };
                        return batch.push_message(head, message);
                    }
                    Form::Text => Kind::Text,
                    Form::Binary => Kind::Binary,
                };
                let text = (b"".as_slice(), message.args);
                batch.push_with(kind, of(handle), text, message.attachments);
            }
            Event::Connection { socket } => {
                let handle = registry.handle(socket);
                registry.hold(handle, socket);
                let numbers = Numbers {
                    handle,
                    a: registry.index(socket.namespace()),
                    b: 0,
                    c: registry.connection(handle),
                };
                batch.push(
                    Kind::Connection,
                    numbers,
                    socket.id().as_str().as_bytes(),
                    b"",
                );
            }
            Event::Middleware { socket, question } => {
                let handle = registry.handle(socket);
                let numbers = Numbers {
                    handle,
                    a: registry.index(socket.namespace()),
                    b: self.questions.add(question),
                    c: registry.connection(handle),
                };
                batch.push(
                    Kind::Middleware,
                    numbers,
                    socket.id().as_str().as_bytes(),
                    b"",
                );
            }
            Event::AllowRequest { request, question } => {
                let numbers = Numbers {
                    b: self.questions.add(question),
                    ..Numbers::default()
                };
                let mut text = Vec::new();
                write_request(&mut text, request);
                batch.push(Kind::AllowRequest, numbers, &text, b"");
            }
            Event::Headers {
                request,
                first,
                question,
            } => {
                let numbers = Numbers {
                    a: u32::from(*first == Occasion::First),
                    b: self.questions.add(question),
                    ..Numbers::default()
                };
                let mut text = Vec::new();
                write_request(&mut text, request);
                batch.push(Kind::Headers, numbers, &text, b"");
            }
            Event::Disconnecting { socket, reason } => {
                let handle = of(registry.handle(socket));
                let reason = reason.as_str().as_bytes();
                batch.push(Kind::Disconnecting, handle, reason, &cause(event));
            }
            Event::Disconnect { socket, reason } => {
                let handle = of(registry.handle(socket));
                let reason = reason.as_str().as_bytes();
                batch.push(Kind::Disconnect, handle, reason, &cause(event));
            }
            Event::Upgrade { socket, transport } => {
                batch.push(
                    Kind::Upgrade,
                    of(registry.handle(socket)),
                    transport.name().as_bytes(),
                    b"",
                );
            }
            Event::Dropped { socket, count } => {
                let numbers = Numbers {
                    a: *count,
                    ..of(registry.handle(socket))
                };
                batch.push(Kind::Dropped, numbers, b"", b"");
            }
            Event::Acked {
                operation,
                outcome,
                replies,
                ..
            } => acked(batch, operation.0 as u32, *outcome, replies),
            Event::Room {
                namespace,
                room,
                change,
            } => {
                let (change, id) = match change {
                    RoomChange::Created => (0, None),
                    RoomChange::Joined(id) => (1, Some(*id)),
                    RoomChange::Left(id) => (2, Some(*id)),
                    RoomChange::Deleted => (3, None),
                };
                let literal = room_literal(room);
                let numbers = Numbers {
                    a: registry.index(namespace),
                    b: change,
                    c: u32::from(literal.is_some()),
                    ..Numbers::default()
                };
                let room = literal.as_deref().unwrap_or(room.as_bytes());
                let id = id.as_ref().map_or("", |id| id.as_str());
                batch.push(Kind::Room, numbers, room, id.as_bytes());
            }
            Event::ConnectionError { request, error } => {
                let mut text = format!("{{\"code\":{},\"message\":", error.code()).into_bytes();
                json::write_string(&mut text, error.message());
                text.extend_from_slice(b",\"context\":");
                text.extend_from_slice(error.context().as_bytes());
                text.extend_from_slice(b",\"req\":");
                write_request(&mut text, request);
                text.push(b'}');
                batch.push(Kind::ConnectionError, Numbers::default(), &text, b"");
            }
            Event::Fault { text } => {
                batch.push(Kind::Fault, Numbers::default(), text.as_bytes(), b"");
            }
            Event::Shutdown => batch.push(Kind::Shutdown, Numbers::default(), b"", b""),
            // Other events are only delivered to hosts that enable their hooks.
            _ => {}
        }
    }
}

fn of(handle: u32) -> Numbers {
    Numbers {
        handle,
        ..Numbers::default()
    }
}

/// The cause of a disconnect as JSON; empty if only the reason is known.
fn cause(event: &Event<'_>) -> Vec<u8> {
    event.cause().map_or_else(Vec::new, Cause::to_json)
}

/// Adds an `Acked` record. Its text is a JSON array that alternates between the number of attachments of a reply and the
/// arguments of the reply.
fn acked(batch: &mut Batch, operation: u32, outcome: AckOutcome, replies: &[Reply]) {
    let mut text = vec![b'['];
    let mut attachments = Vec::new();
    for reply in replies {
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
    let outcome = match outcome {
        AckOutcome::Answered => 0,
        AckOutcome::TimedOut => 1,
        AckOutcome::Gone => 2,
        AckOutcome::Cancelled => 3,
        AckOutcome::Full => 4,
    };
    let numbers = Numbers {
        a: operation,
        b: outcome,
        ..Numbers::default()
    };
    batch.push_with(Kind::Acked, numbers, (b"", &text), &attachments);
}
