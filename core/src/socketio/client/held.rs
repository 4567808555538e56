//! Delivery of received events, and the events that wait for a packet middleware: the host decides about one event at a
//! time, and the later events of the socket wait.

use std::sync::Arc;
use std::time::Instant;

use crate::socketio::account;
use crate::socketio::client::Client;
use crate::socketio::event::{Event, Hook, MessageRef, SocketEvent};
use crate::socketio::link::Outgoing;
use crate::socketio::message::Message;
use crate::socketio::question::{Decision, Question};
use crate::stats::Amount;

#[derive(Debug)]
pub(super) struct Held {
    /// The host's answer contains it, so that a late answer is not applied to the next event.
    number: u64,
    pub(super) message: Message,
    pub(super) ack: Option<u64>,
    pub(super) question: Option<(Question, Instant)>,
}

impl Held {
    pub(super) fn cost(&self) -> Amount {
        // The queue that holds it grows by doubling.
        Amount::one(2 * size_of::<Self>() + self.message.view().size())
    }
}

impl Client {
    pub(super) fn handle_event(
        &mut self,
        index: usize,
        message: MessageRef<'_>,
        ack: Option<u64>,
        now: Instant,
    ) {
        let context = self.namespaces.context();
        let entry = &mut self.entries[index];
        let socket = entry.socket();
        let hooks = &socket.namespace().hooks;
        let asked = hooks.has(Hook::PacketMiddleware) || socket.hooks.has(Hook::PacketMiddleware);
        if asked || !entry.held.is_empty() {
            self.next_held += 1;
            let held = Held {
                number: self.next_held,
                message: message.to_message(),
                ack,
                question: None,
            };
            self.link.backlog().add(held.cost());
            entry.held.push_back(held);
            if entry.held.len() == 1 {
                self.ask_about_held(index, now);
            }
            return;
        }
        let event = SocketEvent::Message { message, ack };
        context.sink.deliver(&Event::of_socket(socket, event, now));
    }

    /// Asks the packet middleware about the first held event.
    pub(super) fn ask_about_held(&mut self, index: usize, now: Instant) {
        let context = Arc::clone(self.namespaces.context());
        let entry = &mut self.entries[index];
        let socket = Arc::clone(entry.socket());
        let Some(held) = entry.held.front_mut() else {
            return;
        };
        if !socket.is_connected() {
            // The socket has been disconnected; its entry is about to be removed with the held events.
            return;
        }
        let (link, ordinal) = (Arc::clone(&self.link), entry.ordinal);
        let number = held.number;
        let question = Question::new(move |decision| {
            link.tell(Outgoing::PacketDecided {
                ordinal,
                number,
                decision,
            });
        });
        held.question = Some((question.clone(), now + context.settings.question_timeout));
        let event = SocketEvent::PacketMiddleware {
            message: held.message.view(),
            question: &question,
        };
        context.sink.deliver(&Event::of_socket(&socket, event, now));
    }

    pub(super) fn handle_packet_decision(
        &mut self,
        ordinal: u32,
        number: u64,
        decision: &Decision,
        now: Instant,
    ) {
        let Some(index) = self.position(ordinal) else {
            return;
        };
        let context = Arc::clone(self.namespaces.context());
        let entry = &mut self.entries[index];
        let socket = Arc::clone(entry.socket());
        if entry.held.front().is_none_or(|held| held.number != number) {
            return;
        }
        if let (Decision::Next, Some(held)) = (decision, entry.held.front_mut()) {
            let Some((question, _)) = &mut held.question else {
                return;
            };
            *question = question.next_step();
            let (question, message) = (question.clone(), held.message.view());
            let event = SocketEvent::PacketMiddleware {
                message,
                question: &question,
            };
            context.sink.deliver(&Event::of_socket(&socket, event, now));
            return;
        }
        let Some(held) = entry.held.pop_front() else {
            return;
        };
        self.link.backlog().remove_own(held.cost());
        if matches!(decision, Decision::Accept(_)) && socket.is_connected() {
            let event = SocketEvent::Message {
                message: held.message.view(),
                ack: held.ack,
            };
            context.sink.deliver(&Event::of_socket(&socket, event, now));
        }
        self.ask_about_held(index, now);
    }

    /// Drops the events about which the host has not decided in time.
    pub(super) fn drop_undecided(&mut self, now: Instant) {
        let context = Arc::clone(self.namespaces.context());
        for index in 0..self.entries.len() {
            let entry = &mut self.entries[index];
            let question = entry
                .held
                .front_mut()
                .and_then(|held| held.question.as_mut());
            let Some((question, deadline)) = question.filter(|(_, deadline)| *deadline <= now)
            else {
                continue;
            };
            if question.expire() {
                context.stats.deadline_question_total.add(1);
                account::unanswered(context.settings.question_timeout);
                if let Some(held) = entry.held.pop_front() {
                    self.link.backlog().remove_own(held.cost());
                }
                self.ask_about_held(index, now);
            } else {
                // The host has answered; the answer is in the mailbox.
                *deadline = now + context.settings.question_timeout;
            }
        }
    }
}
