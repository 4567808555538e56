//! Clients: one connection with any number of sockets, owned by the connection's task.
//!
//! A client's packets go into the mailbox of its own connection, after those of other threads, so that all packets of
//! the connection have one order. The caller passes each message to `handle_text` or `handle_binary`, and calls
//! `handle_read_end` after all messages that arrived together; passes each command in the mailbox to `handle_outgoing`;
//! calls `handle_timeout` at the time that `poll_timeout` returns; and calls `handle_close` when the connection has
//! ended.

use std::sync::Arc;
use std::time::Instant;

use crate::cause::Cause;
use crate::engineio::CloseReason;
use crate::log;
use crate::notice;
use crate::socketio::account;
use crate::socketio::ack::{AckOutcome, AckTable, AckTarget, Pending};
use crate::socketio::client::entry::{Entry, Phase};
use crate::socketio::client::receive::Partial;
use crate::socketio::context::Context;
use crate::socketio::event::{Acked, DisconnectReason, Event, SocketEvent, leaving};
use crate::socketio::handshake::Request;
use crate::socketio::link::{AckRequest, Link, Outgoing, Overflow};
use crate::socketio::namespaces::Namespaces;
use crate::socketio::packet::DecodeError;
use crate::socketio::parser::Parser;
use crate::socketio::socket::Socket;

mod entry;
mod held;
mod join;
mod receive;
#[cfg(test)]
pub(crate) mod tests;

/// What happens to the connection after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The connection stays open.
    Continue,
    /// The packet is not allowed in this state: the connection is closed, and the sockets are disconnected at once.
    Violation,
    /// The message is not a valid packet: the connection is closed.
    ParseError(DecodeError),
}

/// The Socket.IO state of one connection.
#[derive(Debug)]
pub struct Client {
    namespaces: Arc<Namespaces>,
    link: Arc<Link>,
    request: Arc<Request>,
    entries: Vec<Entry>,
    next_ordinal: u32,
    next_held: u64,
    /// The binary packet whose attachments have not all arrived.
    partial: Option<Box<Partial>>,
    /// The last complete binary packet; the next one that arrives with it reuses its memory.
    spent: Option<Box<Partial>>,
    acks: AckTable,
}

impl Client {
    /// A client that has joined no namespace.
    pub fn new(namespaces: Arc<Namespaces>, link: Arc<Link>, request: Arc<Request>) -> Self {
        Self {
            namespaces,
            link,
            request,
            entries: Vec::new(),
            next_ordinal: 0,
            next_held: 0,
            partial: None,
            spent: None,
            acks: AckTable::default(),
        }
    }

    /// The request that opened the connection.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whether the client is in at least one namespace.
    pub fn has_joined(&self) -> bool {
        self.entries.iter().any(|entry| entry.connected().is_some())
    }

    /// Whether as many events wait for a packet middleware as allowed, so that the connection should not be read.
    pub fn is_behind(&self) -> bool {
        let limit = self.namespaces.context().settings.limits.held_messages;
        self.entries.iter().any(|entry| entry.held.len() >= limit)
    }

    /// The connected sockets.
    pub fn sockets(&self) -> impl Iterator<Item = &Arc<Socket>> {
        self.entries.iter().filter_map(Entry::connected)
    }

    // ---- what other threads want

    /// Handles a command from the mailbox. Packets are the caller's to send.
    pub fn handle_outgoing(&mut self, item: Outgoing, now: Instant) {
        match item {
            Outgoing::Decided { ordinal, decision } => self.handle_decision(ordinal, decision, now),
            Outgoing::PacketDecided {
                ordinal,
                number,
                decision,
            } => self.handle_packet_decision(ordinal, number, &decision, now),
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
            Outgoing::Inline { .. }
            | Outgoing::SharedAttachment(_)
            | Outgoing::Packet(_)
            | Outgoing::Observed(..)
            | Outgoing::WithAck(_)
            | Outgoing::Close(_) => {}
        }
    }

    /// Registers the acknowledgement of a packet that is about to be sent. Returns false if the packet must not be
    /// sent.
    pub fn expect_ack(&mut self, request: &AckRequest, now: Instant) -> bool {
        let context = Arc::clone(self.namespaces.context());
        let deadline = request.timeout.map(|timeout| now + timeout);
        let (socket, target) = (Arc::clone(&request.socket), request.target.clone());
        let outcome = if !socket.is_connected() {
            AckOutcome::Gone
        } else if self.acks.len() >= context.settings.limits.pending_acks {
            context.stats.limit_acks_total.add(1);
            notice!(
                log::SOCKET,
                "the acknowledgement of an event for {} is not waited for: the client owes {} of them, as many as \
                 engine.maxPendingAcks allows",
                socket.id().as_str(),
                context.settings.limits.pending_acks
            );
            AckOutcome::Full
        } else {
            context.stats.pending_acks.add(1);
            self.acks.insert(request.id, socket, target, deadline);
            return true;
        };
        tell_outcome(&context, &socket, &target, outcome, now);
        outcome == AckOutcome::Full && request.overflow == Overflow::Send
    }

    // ---- leaving

    /// Removes a socket from its namespace, and its entry.
    fn remove(&mut self, socket: &Arc<Socket>, reason: DisconnectReason, now: Instant) {
        if socket.retire() {
            self.forget(socket, reason, now);
        }
    }

    fn forget(&mut self, socket: &Arc<Socket>, reason: DisconnectReason, now: Instant) {
        let Some(index) = self.position(socket.ordinal()) else {
            return;
        };
        let entry = self.entries.remove(index);
        let context = Arc::clone(self.namespaces.context());
        for held in entry.held {
            self.link.backlog().remove_own(held.cost());
            if let Some((question, _)) = held.question {
                question.expire();
            }
        }
        match entry.phase {
            Phase::Connected(_) => {
                account::left(socket, reason);
                context.tell_dropped(socket, now);
                for event in leaving(reason) {
                    context.sink.deliver(&Event::of_socket(socket, event, now));
                }
            }
            // The host has accepted the socket, and the answer is in the mailbox: the host gets the events of a socket
            // that connects and disconnects.
            Phase::Asked { question, .. } if !question.expire() && question.is_accepted() => {
                let joined = Event::of_socket(socket, SocketEvent::Connection, now);
                context.sink.deliver(&joined);
                context.tell_dropped(socket, now);
                for event in leaving(reason) {
                    context.sink.deliver(&Event::of_socket(socket, event, now));
                }
            }
            Phase::Asked { .. } | Phase::Ready(_) => {}
        }
        for pending in self.acks.take_all_of(socket.ordinal()) {
            self.end_ack(&pending, AckOutcome::Gone, now);
        }
    }

    /// Disconnects all sockets. The connection may stay open for a while.
    pub fn leave_all(&mut self, reason: DisconnectReason, now: Instant) {
        while let Some(socket) = self.entries.first().map(|entry| Arc::clone(entry.socket())) {
            // A socket that the host has disconnected has its own reason, whose command is in the mailbox.
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

    /// Disconnects all sockets: the connection has ended.
    pub fn handle_close(&mut self, reason: CloseReason, now: Instant) {
        self.leave_all(DisconnectReason::Connection(reason), now);
    }

    // ---- time

    /// When to call [`Client::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let questions = self.entries.iter().filter_map(|entry| match &entry.phase {
            Phase::Asked { deadline, .. } => Some(*deadline),
            Phase::Ready(_) | Phase::Connected(_) => entry
                .held
                .front()
                .and_then(|held| held.question.as_ref())
                .map(|(_, deadline)| *deadline),
        });
        let partial = self.partial.as_ref().map(|partial| partial.deadline);
        questions.chain(partial).chain(self.acks.deadline()).min()
    }

    /// Handles the deadlines that have passed: of acknowledgements, questions and incomplete packets.
    pub fn handle_timeout(&mut self, now: Instant) -> Flow {
        let context = Arc::clone(self.namespaces.context());
        while let Some(pending) = self.acks.take_expired(now) {
            self.end_ack(&pending, AckOutcome::TimedOut, now);
        }
        self.refuse_undecided(now);
        self.drop_undecided(now);
        if self
            .partial
            .as_ref()
            .is_some_and(|partial| partial.deadline <= now)
        {
            context.stats.deadline_message_total.add(1);
            self.link.blame(Cause::deadline(
                "engine.messageTimeout",
                context.settings.packet_timeout,
                "the attachments of a packet did not come in time",
            ));
            self.take_partial();
            return Flow::Violation;
        }
        Flow::Continue
    }

    // ---- inside

    fn parser(&self) -> Parser {
        self.namespaces.context().settings.protocol.parser()
    }

    fn find(&self, namespace: &str) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| *entry.name == *namespace)
    }

    fn position(&self, ordinal: u32) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.ordinal == ordinal)
    }

    fn end_ack(&self, pending: &Pending, outcome: AckOutcome, now: Instant) {
        let context = self.namespaces.context();
        context.stats.pending_acks.add(-1);
        tell_outcome(context, &pending.socket, &pending.target, outcome, now);
    }
}

fn tell_outcome(
    context: &Context,
    socket: &Arc<Socket>,
    target: &AckTarget,
    outcome: AckOutcome,
    now: Instant,
) {
    let operation = match target {
        AckTarget::One(operation) => *operation,
        AckTarget::Many(broadcast) if outcome == AckOutcome::Full => {
            return broadcast.give_up(socket);
        }
        // For a broadcast, the missing reply is reported when the broadcast times out.
        AckTarget::Many(_) => return,
    };
    let event = SocketEvent::Acked(Acked {
        operation,
        outcome,
        replies: &[],
    });
    context.sink.deliver(&Event::of_socket(socket, event, now));
}
