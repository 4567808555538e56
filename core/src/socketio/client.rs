//! A client: one connection, many sockets. Owned by the task that drives the connection.
//!
//! Everything it says goes into the connection's own mailbox, behind what other threads have put there, so that there
//! is one order of all that is sent. Contract: hand in each message; after all that came in at once, call
//! `finish_batch`; hand in each `Outgoing` that concerns it; call `handle_timeout` when `poll_timeout` says so; when the
//! connection has ended, call `handle_close`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::engineio::{CloseReason, SessionId};
use crate::json::{self, JsonErrorKind, RawJson};
use crate::socketio::ack::{AckOutcome, AckTable, AckTarget, Pending, Reply};
use crate::socketio::context::Context;
use crate::socketio::event::{DisconnectReason, Event, Form, Hook, MessageRef};
use crate::socketio::handshake::{Handshake, Request};
use crate::socketio::link::{AckRequest, Link, Outgoing};
use crate::socketio::message::Message;
use crate::socketio::namespaces::Namespaces;
use crate::socketio::packet::{
    DecodeError, Head, PacketType, RESERVED_EVENTS, write_connect, write_connect_error,
};
use crate::socketio::question::{Answer, Question, Rejection};
use crate::socketio::socket::Socket;

/// What a message leads to for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// A packet was out of place: it is closed, and the sockets learn it at once.
    Violation,
    /// Bytes were no packet: it is closed.
    ParseError(DecodeError),
}

/// One socket of the connection.
#[derive(Debug)]
struct Entry {
    socket: Arc<Socket>,
    phase: Phase,
    /// Events that wait for a packet middleware, the first of which it is deciding about.
    held: VecDeque<Held>,
}

#[derive(Debug)]
enum Phase {
    /// The host is deciding.
    Asked {
        question: Question,
        deadline: Instant,
    },
    /// Accepted; it joins when all that came in at once has been dealt with.
    Ready,
    Connected,
}

#[derive(Debug)]
struct Held {
    message: Message,
    ack: Option<u64>,
    question: Option<(Question, Instant)>,
}

/// A binary packet whose attachments have not all come.
#[derive(Debug)]
struct Partial {
    text: Vec<u8>,
    head: Head,
    attachments: Vec<Bytes>,
    bytes: usize,
    deadline: Instant,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Client {
    namespaces: Arc<Namespaces>,
    link: Arc<Link>,
    request: Arc<Request>,
    entries: Vec<Entry>,
    next_ordinal: u32,
    partial: Option<Box<Partial>>,
    acks: AckTable,
}

impl Client {
    /// A client that has joined nothing.
    pub fn new(namespaces: Arc<Namespaces>, link: Arc<Link>, request: Arc<Request>) -> Self {
        Self {
            namespaces,
            link,
            request,
            entries: Vec::new(),
            next_ordinal: 0,
            partial: None,
            acks: AckTable::default(),
        }
    }

    /// Whether it has joined any namespace.
    pub fn is_anywhere(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| matches!(entry.phase, Phase::Connected))
    }

    /// Whether a packet middleware has so much to decide that nothing more should be read.
    pub fn is_behind(&self) -> bool {
        let limit = self.namespaces.context().settings.limits.held_messages;
        self.entries.iter().any(|entry| entry.held.len() >= limit)
    }

    /// The connected sockets.
    pub fn sockets(&self) -> impl Iterator<Item = &Arc<Socket>> {
        self.entries
            .iter()
            .filter(|entry| matches!(entry.phase, Phase::Connected))
            .map(|entry| &entry.socket)
    }

    // ---- what the client sends

    /// A text message came in. `issued_ms` is the time of day, for those who join.
    pub fn handle_text(
        &mut self,
        text: &mut [u8],
        now: Instant,
        issued_ms: impl Fn() -> u64,
    ) -> Flow {
        match self.decode(text, now, issued_ms) {
            Ok(flow) => flow,
            Err(error) => self.parse_error(error),
        }
    }

    /// A binary message came in: an attachment.
    pub fn handle_binary(&mut self, data: &[u8], now: Instant) -> Flow {
        let Some(partial) = &mut self.partial else {
            return self.parse_error(DecodeError::UnexpectedBinary);
        };
        partial.bytes += data.len();
        if partial.bytes > self.namespaces.context().settings.limits.packet_bytes {
            return self.parse_error(DecodeError::TooLarge);
        }
        partial.attachments.push(Bytes::copy_from_slice(data));
        if partial.attachments.len() < partial.head.attachments {
            return Flow::Continue;
        }
        let Some(mut partial) = self.take_partial() else {
            return Flow::Continue;
        };
        let data = &partial.text[partial.head.data..];
        if json::check_placeholders(data, partial.attachments.len()).is_err() {
            return self.parse_error(DecodeError::IllegalAttachments);
        }
        let head = partial.head.clone();
        match self.dispatch(&head, &mut partial.text, &partial.attachments, now) {
            Ok(flow) => flow,
            Err(error) => self.parse_error(error),
        }
    }

    fn decode(
        &mut self,
        text: &mut [u8],
        now: Instant,
        issued_ms: impl Fn() -> u64,
    ) -> Result<Flow, DecodeError> {
        let context = self.namespaces.context();
        let limits = &context.settings.limits;
        if self.partial.is_some() {
            return Err(DecodeError::TextInsteadOfAttachment);
        }
        let head = Head::decode(text, limits.attachments)?;
        match head.kind {
            PacketType::Connect => return self.handle_connect(&head, text, now, issued_ms),
            PacketType::BinaryEvent | PacketType::BinaryAck => {
                // Whether it is worth waiting for is known now.
                check_payload(&head, text, limits.json_depth)?;
                let deadline = now + context.settings.packet_timeout;
                let partial = Partial {
                    text: text.to_vec(),
                    head,
                    attachments: Vec::new(),
                    bytes: text.len(),
                    deadline,
                };
                context.stats.partial_packets.add(1);
                self.partial = Some(Box::new(partial));
                return Ok(Flow::Continue);
            }
            PacketType::Disconnect
            | PacketType::Event
            | PacketType::Ack
            | PacketType::ConnectError => {}
        }
        self.dispatch(&head, text, &[], now)
    }

    /// Source: Socket.IO protocol, "Connection to a namespace".
    fn handle_connect(
        &mut self,
        head: &Head,
        text: &mut [u8],
        now: Instant,
        issued_ms: impl Fn() -> u64,
    ) -> Result<Flow, DecodeError> {
        let context = Arc::clone(self.namespaces.context());
        let data = text[head.data..].trim_ascii();
        let auth = if data.is_empty() {
            None
        } else {
            let auth = RawJson::parse_object(
                Bytes::copy_from_slice(data),
                context.settings.limits.json_depth,
            );
            Some(auth.map_err(|error| payload_error(&error))?)
        };
        let name = namespace_of(head, text)?;
        if self.find(name).is_some() {
            return Ok(self.violation());
        }
        let Some(namespace) = self.namespaces.find(name) else {
            self.link
                .tell_text(|out| write_connect_error(out, name, "Invalid namespace", b""));
            return Ok(Flow::Continue);
        };
        if self.entries.len() >= context.settings.limits.namespaces {
            context.stats.limit_namespaces_total.add(1);
            self.link
                .tell_text(|out| write_connect_error(out, name, "Too many namespaces", b""));
            return Ok(Flow::Continue);
        }
        let Some(id) = SessionId::random() else {
            self.link
                .tell_text(|out| write_connect_error(out, name, "No id can be given", b""));
            return Ok(Flow::Continue);
        };
        let handshake = Handshake::new(Arc::clone(&self.request), auth, issued_ms());
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        let socket = Socket::new(id, &namespace, &self.link, handshake, ordinal);
        if !namespace.hooks.has(Hook::Middleware) {
            self.entries.push(Entry {
                socket,
                phase: Phase::Ready,
                held: VecDeque::new(),
            });
            return Ok(Flow::Continue);
        }
        let link = Arc::clone(&self.link);
        let question =
            Question::new(move |answer| link.tell(Outgoing::Decided { ordinal, answer }));
        let deadline = now + context.settings.question_timeout;
        let phase = Phase::Asked {
            question: question.clone(),
            deadline,
        };
        self.entries.push(Entry {
            socket: Arc::clone(&socket),
            phase,
            held: VecDeque::new(),
        });
        context.sink.deliver(
            &Event::Middleware {
                socket: &socket,
                question: &question,
            },
            Some(now),
        );
        Ok(Flow::Continue)
    }

    /// A packet for a namespace that was joined.
    fn dispatch(
        &mut self,
        head: &Head,
        text: &mut [u8],
        attachments: &[Bytes],
        now: Instant,
    ) -> Result<Flow, DecodeError> {
        let context = Arc::clone(self.namespaces.context());
        let depth = context.settings.limits.json_depth;
        let parts = check_payload(head, text, depth)?;
        let Some(index) = self.find(namespace_of(head, text)?) else {
            return Ok(self.violation());
        };
        let entry = &self.entries[index];
        if !matches!(entry.phase, Phase::Connected) || !entry.socket.is_connected() {
            return Ok(self.violation());
        }
        match (head.kind, parts) {
            (PacketType::Event | PacketType::BinaryEvent, Parts::Event(parts)) => {
                // The comma behind the name becomes the bracket of the arguments; without arguments, the byte before
                // the closing bracket does.
                let start = head.data
                    + if parts.args == 0 {
                        parts.args_start - 1
                    } else {
                        parts.args_start
                    };
                let name_range = head.data + parts.name.start..head.data + parts.name.end;
                let decoded;
                let mut short = [0; 64];
                let name = if parts.name_escaped {
                    decoded = parts
                        .name(&text[head.data..])
                        .map_err(|error| payload_error(&error))?
                        .into_owned();
                    decoded.as_str()
                } else if let Some(copy) = short.get_mut(..name_range.len()) {
                    copy.copy_from_slice(&text[name_range]);
                    std::str::from_utf8(copy).map_err(|_| DecodeError::InvalidPayload)?
                } else {
                    decoded = String::from_utf8_lossy(&text[name_range]).into_owned();
                    decoded.as_str()
                };
                text[start] = b'[';
                let args = &text[start..head.data + parts.end];
                let message = MessageRef {
                    form: Form::Event,
                    name,
                    args,
                    attachments,
                };
                self.handle_event(index, message, head.id, now);
            }
            (PacketType::Ack | PacketType::BinaryAck, _) => {
                let ordinal = entry.socket.ordinal();
                if let Some(pending) = head.id.and_then(|id| self.acks.take(ordinal, id)) {
                    context.stats.pending_acks.add(-1);
                    let data = &text[head.data..];
                    let args = Bytes::copy_from_slice(if data.is_empty() { b"[]" } else { data });
                    answer(&context, pending, args, attachments.to_vec(), now);
                }
            }
            (PacketType::Disconnect, _) => {
                let socket = Arc::clone(&entry.socket);
                self.remove(&socket, DisconnectReason::ClientNamespace, now);
            }
            (PacketType::ConnectError, _) => return Ok(self.violation()),
            // An event without an array: the official server accepts it and does nothing.
            (PacketType::Connect | PacketType::Event | PacketType::BinaryEvent, _) => {}
        }
        Ok(Flow::Continue)
    }

    fn handle_event(
        &mut self,
        index: usize,
        message: MessageRef<'_>,
        ack: Option<u64>,
        now: Instant,
    ) {
        let context = Arc::clone(self.namespaces.context());
        let entry = &mut self.entries[index];
        let hooks = &entry.socket.namespace().hooks;
        let asked =
            hooks.has(Hook::PacketMiddleware) || entry.socket.hooks.has(Hook::PacketMiddleware);
        if asked || !entry.held.is_empty() {
            entry.held.push_back(Held {
                message: message.to_message(),
                ack,
                question: None,
            });
            if entry.held.len() == 1 {
                self.ask_about_held(index, now);
            }
            return;
        }
        let socket = Arc::clone(&entry.socket);
        context.sink.deliver(
            &Event::Message {
                socket: &socket,
                message,
                ack,
            },
            Some(now),
        );
    }

    /// Puts the first held event to the packet middleware.
    fn ask_about_held(&mut self, index: usize, now: Instant) {
        let context = Arc::clone(self.namespaces.context());
        let entry = &mut self.entries[index];
        let Some(held) = entry.held.front_mut() else {
            return;
        };
        let (link, ordinal) = (Arc::clone(&self.link), entry.socket.ordinal());
        let question =
            Question::new(move |answer| link.tell(Outgoing::PacketDecided { ordinal, answer }));
        held.question = Some((question.clone(), now + context.settings.question_timeout));
        let message = held.message.view();
        context.sink.deliver(
            &Event::PacketMiddleware {
                socket: &entry.socket,
                message,
                question: &question,
            },
            Some(now),
        );
    }

    fn handle_packet_decision(&mut self, ordinal: u32, answer: &Answer, now: Instant) {
        let Some(index) = self
            .entries
            .iter()
            .position(|entry| entry.socket.ordinal() == ordinal)
        else {
            return;
        };
        let context = Arc::clone(self.namespaces.context());
        let entry = &mut self.entries[index];
        if let (Answer::Next, Some(held)) = (answer, entry.held.front_mut()) {
            let Some((question, _)) = &mut held.question else {
                return;
            };
            *question = question.next_step();
            let (question, message) = (question.clone(), held.message.view());
            let event = Event::PacketMiddleware {
                socket: &entry.socket,
                message,
                question: &question,
            };
            context.sink.deliver(&event, Some(now));
            return;
        }
        let Some(held) = entry.held.pop_front() else {
            return;
        };
        if matches!(answer, Answer::Accept(_)) && entry.socket.is_connected() {
            let message = held.message.view();
            context.sink.deliver(
                &Event::Message {
                    socket: &entry.socket,
                    message,
                    ack: held.ack,
                },
                Some(now),
            );
        }
        self.ask_about_held(index, now);
    }

    /// All that came in at once has been dealt with: the accepted join. Until then a packet for their namespace was out
    /// of place, as it is for the official server.
    pub fn finish_batch(&mut self, now: Instant) {
        for index in 0..self.entries.len() {
            if matches!(self.entries[index].phase, Phase::Ready) {
                self.join(index, now);
            }
        }
    }

    fn join(&mut self, index: usize, now: Instant) {
        let entry = &mut self.entries[index];
        entry.phase = Phase::Connected;
        let socket = Arc::clone(&entry.socket);
        // The answer goes into the mailbox before anybody can find the socket and put something behind it.
        self.link
            .tell_text(|out| write_connect(out, socket.namespace().name(), socket.id().as_str()));
        if socket.connect() {
            self.namespaces
                .context()
                .sink
                .deliver(&Event::Connection { socket: &socket }, Some(now));
        }
    }

    // ---- what other threads want

    /// Takes what the mailbox held for it; whatever is to be sent has been sent by the caller.
    pub fn handle_outgoing(&mut self, item: Outgoing, now: Instant) {
        match item {
            Outgoing::Decided { ordinal, answer } => self.handle_decision(ordinal, answer, now),
            Outgoing::PacketDecided { ordinal, answer } => {
                self.handle_packet_decision(ordinal, &answer, now)
            }
            Outgoing::Removed { socket, reason } => self.forget(&socket, reason, now),
            Outgoing::ForgetAck {
                ordinal,
                id,
                outcome,
            } => {
                if let Some(pending) = self.acks.take(ordinal, id) {
                    self.end_ack(&pending, outcome, now);
                }
            }
            Outgoing::DisconnectAll => {
                for socket in self.sockets().map(Arc::clone).collect::<Vec<_>>() {
                    socket.put_out();
                }
            }
            Outgoing::Text(_)
            | Outgoing::Packet(_)
            | Outgoing::Observed(..)
            | Outgoing::WithAck(_)
            | Outgoing::Close(_) => {}
        }
    }

    /// A packet that asks for an acknowledgement is about to be sent; false when it must not be.
    pub fn expect_ack(&mut self, request: &AckRequest, now: Instant) -> bool {
        let context = Arc::clone(self.namespaces.context());
        let deadline = request.timeout.map(|timeout| now + timeout);
        let (socket, target) = (Arc::clone(&request.socket), request.target.clone());
        let outcome = if !socket.is_connected() {
            AckOutcome::Gone
        } else if self.acks.len() >= context.settings.limits.pending_acks {
            context.stats.limit_acks_total.add(1);
            AckOutcome::Full
        } else {
            context.stats.pending_acks.add(1);
            self.acks.insert(request.id, socket, target, deadline);
            return true;
        };
        tell_outcome(&context, &socket, &target, outcome, now);
        false
    }

    fn handle_decision(&mut self, ordinal: u32, answer: Answer, now: Instant) {
        let Some(index) = self
            .entries
            .iter()
            .position(|entry| entry.socket.ordinal() == ordinal)
        else {
            return;
        };
        let context = Arc::clone(self.namespaces.context());
        match answer {
            Answer::Accept(_) => self.join(index, now),
            Answer::Next => {
                let Entry { socket, phase, .. } = &mut self.entries[index];
                let Phase::Asked { question, .. } = phase else {
                    return;
                };
                *question = question.next_step();
                context.sink.deliver(
                    &Event::Middleware {
                        socket,
                        question: &question.clone(),
                    },
                    Some(now),
                );
            }
            Answer::Reject(rejection) => self.refuse(index, &rejection),
        }
    }

    fn refuse(&mut self, index: usize, rejection: &Rejection) {
        let Entry { socket, phase, .. } = self.entries.remove(index);
        if let Phase::Asked { question, .. } = phase {
            question.expire();
        }
        socket.retire();
        let message = if rejection.message.is_empty() {
            "Forbidden"
        } else {
            &rejection.message
        };
        let name = socket.namespace().name();
        self.link
            .tell_text(|out| write_connect_error(out, name, message, &rejection.data));
    }

    // ---- leaving

    /// The client has left the namespace, or was put out by us: the last events.
    fn remove(&mut self, socket: &Arc<Socket>, reason: DisconnectReason, now: Instant) {
        if socket.retire() {
            self.forget(socket, reason, now);
        }
    }

    fn forget(&mut self, socket: &Arc<Socket>, reason: DisconnectReason, now: Instant) {
        let Some(index) = self
            .entries
            .iter()
            .position(|entry| Arc::ptr_eq(&entry.socket, socket))
        else {
            return;
        };
        let entry = self.entries.remove(index);
        let context = Arc::clone(self.namespaces.context());
        for held in entry.held {
            if let Some((question, _)) = held.question {
                question.expire();
            }
        }
        match entry.phase {
            Phase::Connected => {
                context
                    .sink
                    .deliver(&Event::Disconnecting { socket, reason }, Some(now));
                context
                    .sink
                    .deliver(&Event::Disconnect { socket, reason }, Some(now));
            }
            Phase::Asked { question, .. } => question.expire(),
            Phase::Ready => {}
        }
        for pending in self.acks.take_all_of(socket.ordinal()) {
            self.end_ack(&pending, AckOutcome::Gone, now);
        }
    }

    /// All sockets leave, for this reason; the connection may live on for a while.
    pub fn leave_all(&mut self, reason: DisconnectReason, now: Instant) {
        while let Some(socket) = self.entries.last().map(|entry| Arc::clone(&entry.socket)) {
            // One that was put out already has its own reason under way: its events are told now.
            let put_out = !socket.retire() && matches!(reason, DisconnectReason::Connection(_));
            let reason = if put_out {
                DisconnectReason::ServerNamespace
            } else {
                reason
            };
            self.forget(&socket, reason, now);
        }
        self.take_partial();
    }

    /// The connection has ended.
    pub fn handle_close(&mut self, reason: CloseReason, now: Instant) {
        self.leave_all(DisconnectReason::Connection(reason), now);
    }

    // ---- time

    /// When to call [`Client::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let questions = self.entries.iter().filter_map(|entry| match &entry.phase {
            Phase::Asked { deadline, .. } => Some(*deadline),
            Phase::Ready | Phase::Connected => entry
                .held
                .front()
                .and_then(|held| held.question.as_ref())
                .map(|(_, deadline)| *deadline),
        });
        let partial = self.partial.as_ref().map(|partial| partial.deadline);
        questions.chain(partial).chain(self.acks.deadline()).min()
    }

    /// The time has come. Answers that are too late, questions that nobody answered, packets that were not finished.
    pub fn handle_timeout(&mut self, now: Instant) -> Flow {
        let context = Arc::clone(self.namespaces.context());
        while let Some(pending) = self.acks.take_expired(now) {
            self.end_ack(&pending, AckOutcome::TimedOut, now);
        }
        let late = |entry: &Entry| matches!(&entry.phase, Phase::Asked { deadline, .. } if *deadline <= now);
        while let Some(index) = self.entries.iter().position(late) {
            context.stats.deadline_question_total.add(1);
            self.refuse(
                index,
                &Rejection {
                    message: "timeout".to_owned(),
                    ..Rejection::default()
                },
            );
        }
        for index in 0..self.entries.len() {
            let entry = &mut self.entries[index];
            let question = entry.held.front().and_then(|held| held.question.as_ref());
            if let Some((question, deadline)) = question
                && *deadline <= now
            {
                context.stats.deadline_question_total.add(1);
                question.expire();
                entry.held.pop_front();
                self.ask_about_held(index, now);
            }
        }
        if self
            .partial
            .as_ref()
            .is_some_and(|partial| partial.deadline <= now)
        {
            context.stats.deadline_message_total.add(1);
            self.take_partial();
            return Flow::Violation;
        }
        Flow::Continue
    }

    // ---- inside

    fn find(&self, namespace: &str) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| **entry.socket.namespace().name() == *namespace)
    }

    fn take_partial(&mut self) -> Option<Box<Partial>> {
        let partial = self.partial.take()?;
        self.namespaces.context().stats.partial_packets.add(-1);
        Some(partial)
    }

    fn end_ack(&self, pending: &Pending, outcome: AckOutcome, now: Instant) {
        let context = self.namespaces.context();
        context.stats.pending_acks.add(-1);
        tell_outcome(context, &pending.socket, &pending.target, outcome, now);
    }

    fn violation(&self) -> Flow {
        self.namespaces
            .context()
            .stats
            .protocol_violations_total
            .add(1);
        Flow::Violation
    }

    fn parse_error(&mut self, error: DecodeError) -> Flow {
        let stats = &self.namespaces.context().stats;
        stats.parse_errors_total.add(1);
        match error {
            DecodeError::TooManyAttachments => stats.limit_attachments_total.add(1),
            DecodeError::TooDeep => stats.limit_depth_total.add(1),
            DecodeError::TooLarge => stats.limit_payload_total.add(1),
            _ => {}
        }
        self.take_partial();
        Flow::ParseError(error)
    }
}

/// What the JSON of a packet is.
enum Parts {
    Nothing,
    Event(json::EventParts),
    Array,
}

/// Source: the official parser's rules for the payload of each type.
fn check_payload(head: &Head, text: &[u8], depth: usize) -> Result<Parts, DecodeError> {
    let data = &text[head.data..];
    if data.is_empty() {
        return Ok(Parts::Nothing);
    }
    match head.kind {
        PacketType::Event | PacketType::BinaryEvent => {
            let parts = json::split_event(data, depth).map_err(|error| payload_error(&error))?;
            if !parts.name_is_number {
                let name = parts.name(data).map_err(|error| payload_error(&error))?;
                if RESERVED_EVENTS.contains(&&*name) {
                    return Err(DecodeError::InvalidPayload);
                }
            }
            Ok(Parts::Event(parts))
        }
        PacketType::Ack | PacketType::BinaryAck => {
            json::split_args(data, depth).map_err(|error| payload_error(&error))?;
            Ok(Parts::Array)
        }
        PacketType::Disconnect => Err(DecodeError::InvalidPayload),
        PacketType::Connect | PacketType::ConnectError => {
            match json::check_utf8_known(data, depth).map_err(|error| payload_error(&error))? {
                json::Kind::String | json::Kind::Object => Ok(Parts::Nothing),
                _ => Err(DecodeError::InvalidPayload),
            }
        }
    }
}

fn payload_error(error: &json::JsonError) -> DecodeError {
    if error.kind == JsonErrorKind::Depth {
        DecodeError::TooDeep
    } else {
        DecodeError::InvalidPayload
    }
}

fn namespace_of<'a>(head: &Head, text: &'a [u8]) -> Result<&'a str, DecodeError> {
    if head.namespace.is_empty() {
        return Ok("/");
    }
    std::str::from_utf8(&text[head.namespace.clone()]).map_err(|_| DecodeError::InvalidPayload)
}

fn answer(context: &Context, pending: Pending, args: Bytes, attachments: Vec<Bytes>, now: Instant) {
    let reply = Reply {
        socket: pending.socket,
        args,
        attachments,
    };
    match pending.target {
        AckTarget::One(operation) => {
            let socket = Arc::clone(&reply.socket);
            let replies = &[reply];
            let event = Event::Acked {
                socket: Some(&socket),
                operation,
                outcome: AckOutcome::Answered,
                replies,
            };
            context.sink.deliver(&event, Some(now));
        }
        AckTarget::Many(broadcast) => broadcast.reply(reply),
    }
}

fn tell_outcome(
    context: &Context,
    socket: &Arc<Socket>,
    target: &AckTarget,
    outcome: AckOutcome,
    now: Instant,
) {
    // One of a broadcast's many is missing in the end: its timeout tells.
    if let AckTarget::One(operation) = *target {
        let event = Event::Acked {
            socket: Some(socket),
            operation,
            outcome,
            replies: &[],
        };
        context.sink.deliver(&event, Some(now));
    }
}
