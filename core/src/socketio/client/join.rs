//! Joining a namespace: the CONNECT, the question to the host, and the answer to the client.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::cause::Cause;
use crate::json::RawJson;
use crate::log;
use crate::notice;
use crate::socketio::account;
use crate::socketio::client::entry::{Entry, Phase};
use crate::socketio::client::receive::{namespace_of, payload_error};
use crate::socketio::client::{Client, Flow};
use crate::socketio::event::{Event, Hook, SocketEvent};
use crate::socketio::handshake::Handshake;
use crate::socketio::id::SocketId;
use crate::socketio::link::Outgoing;
use crate::socketio::namespace::Namespace;
use crate::socketio::packet::DecodeError;
use crate::socketio::parser::json::Head;
use crate::socketio::question::{Decision, Question, Rejection};
use crate::socketio::socket::Socket;

impl Client {
    /// Handles a CONNECT. Source: Socket.IO protocol, "Connection to a namespace".
    pub(super) fn handle_connect(
        &mut self,
        head: &Head,
        text: &mut [u8],
        now: Instant,
        issued_ms: impl Fn() -> u64,
    ) -> Result<Flow, DecodeError> {
        let data = text[head.data..].trim_ascii();
        let auth = if data.is_empty() {
            None
        } else {
            let depth = self.namespaces.context().settings.limits.json_depth;
            let auth = RawJson::parse_object(Bytes::copy_from_slice(data), depth);
            Some(auth.map_err(|error| payload_error(&error))?)
        };
        let name = namespace_of(head, text)?;
        if self.find(name).is_some() {
            return Ok(
                self.violation("a second CONNECT for a namespace that the client has joined")
            );
        }
        match self.admit(name, data.len()) {
            Ok((namespace, id)) => {
                let handshake = Handshake::new(Arc::clone(&self.request), auth, issued_ms());
                self.enter(&namespace, id, handshake, now);
            }
            Err(cause) => self.refuse_name(name, &cause),
        }
        Ok(Flow::Continue)
    }

    /// The checks that do not involve the host: the namespace to join, and an id for the socket; or why it is refused.
    fn admit(&self, name: &str, auth_bytes: usize) -> Result<(Arc<Namespace>, SocketId), Cause> {
        let context = self.namespaces.context();
        let limits = &context.settings.limits;
        if auth_bytes > limits.auth_bytes {
            context.stats.limit_auth_total.add(1);
            let limit = limits.auth_bytes;
            let cause = Cause::limit("engine.maxAuthBytes", limit, "Auth payload too large");
            return Err(cause.with_seen(auth_bytes));
        }
        let Some(namespace) = self.namespaces.find(name) else {
            return Err(Cause::violation("Invalid namespace"));
        };
        if self.entries.len() >= limits.namespaces {
            context.stats.limit_namespaces_total.add(1);
            let limit = limits.namespaces;
            return Err(Cause::limit(
                "engine.maxNamespaces",
                limit,
                "Too many namespaces",
            ));
        }
        match SocketId::random() {
            Some(id) => Ok((namespace, id)),
            None => Err(Cause::violation("No id can be given")),
        }
    }

    /// Adds an entry for a new socket, and asks the host if it has middlewares.
    fn enter(
        &mut self,
        namespace: &Arc<Namespace>,
        id: SocketId,
        handshake: Handshake,
        now: Instant,
    ) {
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        let socket = Socket::new(id, namespace, &self.link, handshake, ordinal);
        let asked = namespace.hooks.has(Hook::Middleware).then(|| {
            let link = Arc::clone(&self.link);
            Question::new(move |decision| link.tell(Outgoing::Decided { ordinal, decision }))
        });
        let context = self.namespaces.context();
        let phase = match &asked {
            None => Phase::Ready(Arc::clone(&socket)),
            Some(question) => Phase::Asked {
                socket: Arc::clone(&socket),
                question: question.clone(),
                deadline: now + context.settings.question_timeout,
            },
        };
        // Most clients join one namespace.
        self.entries.reserve_exact(1);
        self.entries.push(Entry {
            ordinal,
            name: Arc::clone(namespace.name()),
            phase,
            held: VecDeque::new(),
        });
        if let Some(question) = &asked {
            let event = SocketEvent::Middleware { question };
            context.sink.deliver(&Event::of_socket(&socket, event, now));
        }
    }

    /// Refuses a CONNECT that has not created a socket yet.
    fn refuse_name(&self, name: &str, cause: &Cause) {
        if cause.is_of_limit() {
            notice!(
                log::SOCKET,
                "a client was refused by {name:?} from {}:{} at a limit: {cause}",
                self.request.address(),
                self.request.port()
            );
        }
        tracing::debug!(
            target: log::SOCKET,
            "a client was refused by {name:?} from {}:{}: {cause}",
            self.request.address(),
            self.request.port()
        );
        let parser = self.parser();
        self.link.tell_written(parser.kind(), |out| {
            parser.write_connect_error(out, name, cause.text(), b"");
        });
    }

    /// Connects the accepted sockets. To be called after all messages that arrived together: until then a packet for
    /// the new namespace is a violation, as on the official server.
    pub fn handle_read_end(&mut self, now: Instant) {
        self.spent = None;
        for index in 0..self.entries.len() {
            if matches!(self.entries[index].phase, Phase::Ready(_)) {
                self.join(index, now);
            }
        }
    }

    fn join(&mut self, index: usize, now: Instant) {
        let entry = &mut self.entries[index];
        let socket = Arc::clone(entry.socket());
        entry.phase = Phase::Connected(Arc::clone(&socket));
        // The answer is queued before other threads can find the socket, so that it is the first packet.
        let parser = self.parser();
        self.link.tell_written(parser.kind(), |out| {
            parser.write_connect(out, socket.namespace().name(), socket.id().as_str());
        });
        if socket.connect() {
            account::joined(&socket);
            let event = Event::of_socket(&socket, SocketEvent::Connection, now);
            self.namespaces.context().sink.deliver(&event);
        }
    }

    pub(super) fn handle_decision(&mut self, ordinal: u32, decision: Decision, now: Instant) {
        let Some(index) = self.position(ordinal) else {
            return;
        };
        let context = Arc::clone(self.namespaces.context());
        match decision {
            Decision::Accept(_) => self.join(index, now),
            Decision::Next => {
                let Phase::Asked {
                    socket, question, ..
                } = &mut self.entries[index].phase
                else {
                    return;
                };
                *question = question.next_step();
                let question = &question.clone();
                let event = SocketEvent::Middleware { question };
                context.sink.deliver(&Event::of_socket(socket, event, now));
            }
            Decision::Reject(rejection) => self.refuse(index, &rejection),
        }
    }

    /// Refuses the sockets about which the host has not decided in time.
    pub(super) fn refuse_undecided(&mut self, now: Instant) {
        let context = Arc::clone(self.namespaces.context());
        let late = |entry: &Entry| matches!(&entry.phase, Phase::Asked { deadline, .. } if *deadline <= now);
        while let Some(index) = self.entries.iter().position(late) {
            if let Phase::Asked {
                question, deadline, ..
            } = &mut self.entries[index].phase
                && !question.expire()
            {
                // The host has answered; the answer is in the mailbox.
                *deadline = now + context.settings.question_timeout;
                continue;
            }
            context.stats.deadline_question_total.add(1);
            account::unanswered(context.settings.question_timeout);
            let rejection = Rejection {
                message: Some("timeout".to_owned()),
                ..Rejection::default()
            };
            self.refuse(index, &rejection);
        }
    }

    fn refuse(&mut self, index: usize, rejection: &Rejection) {
        let entry = self.entries.remove(index);
        if let Phase::Asked { question, .. } = &entry.phase {
            question.expire();
        }
        let socket = entry.socket();
        socket.retire();
        let message = rejection.message.as_deref().unwrap_or("Forbidden");
        account::refused(socket, message);
        let name = socket.namespace().name();
        let parser = self.parser();
        self.link.tell_written(parser.kind(), |out| {
            parser.write_connect_error(out, name, message, &rejection.data);
        });
    }
}
