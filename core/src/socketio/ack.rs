//! Acknowledgements that clients owe: who waits for them, until when, and what comes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use crate::socketio::context::Context;
use crate::socketio::event::Event;
use crate::socketio::link::Outgoing;
use crate::socketio::socket::Socket;

/// The host's own number for something that ends later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation(pub u64);

/// How an emit with acknowledgement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckOutcome {
    /// Everybody has answered.
    Answered,
    /// Somebody has not, in time.
    TimedOut,
    /// The socket left without an answer.
    Gone,
    /// The host does not want to know any more.
    Cancelled,
    /// The client owes too many answers already.
    Full,
}

/// One client's answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Who answered.
    pub socket: Arc<Socket>,
    /// The arguments: a JSON array, in valid UTF-8.
    pub args: Bytes,
    /// The attachments.
    pub attachments: Vec<Bytes>,
}

impl Reply {
    /// How many bytes it holds.
    pub fn size(&self) -> usize {
        let attachments = self.attachments.iter().map(Bytes::len).sum::<usize>();
        size_of::<Self>() + self.args.len() + attachments
    }
}

/// Who waits for an acknowledgement.
#[derive(Debug, Clone)]
pub enum AckTarget {
    /// The host, for this one.
    One(Operation),
    /// A broadcast, for one of many.
    Many(Arc<BroadcastAck>),
}

/// An acknowledgement that a client owes.
#[derive(Debug)]
pub struct Pending {
    /// Who owes it.
    pub socket: Arc<Socket>,
    /// Who waits for it.
    pub target: AckTarget,
    deadline: Option<Instant>,
}

/// The acknowledgements that one connection owes. Ids count within a namespace, so a socket's number goes with them.
#[derive(Debug, Default)]
pub struct AckTable {
    pending: BTreeMap<(u32, u64), Pending>,
    deadlines: BTreeSet<(Instant, u32, u64)>,
}

impl AckTable {
    /// How many are owed.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether none is owed.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// One more is owed.
    pub fn insert(
        &mut self,
        id: u64,
        socket: Arc<Socket>,
        target: AckTarget,
        deadline: Option<Instant>,
    ) {
        let ordinal = socket.ordinal();
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, ordinal, id));
        }
        self.pending.insert(
            (ordinal, id),
            Pending {
                socket,
                target,
                deadline,
            },
        );
    }

    /// It was given, or is not waited for any more.
    pub fn take(&mut self, ordinal: u32, id: u64) -> Option<Pending> {
        let pending = self.pending.remove(&(ordinal, id))?;
        if let Some(deadline) = pending.deadline {
            self.deadlines.remove(&(deadline, ordinal, id));
        }
        if self.pending.is_empty() {
            *self = Self::default();
        }
        Some(pending)
    }

    /// When the next one is too late.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    /// One that is too late now.
    pub fn take_expired(&mut self, now: Instant) -> Option<Pending> {
        let (deadline, ordinal, id) = *self.deadlines.first()?;
        if deadline <= now {
            self.take(ordinal, id)
        } else {
            None
        }
    }

    /// Everything that a socket owes.
    pub fn take_all_of(&mut self, ordinal: u32) -> Vec<Pending> {
        let ids: Vec<u64> = self
            .pending
            .range((ordinal, 0)..=(ordinal, u64::MAX))
            .map(|(key, _)| key.1)
            .collect();
        ids.into_iter()
            .filter_map(|id| self.take(ordinal, id))
            .collect()
    }
}

/// A broadcast that waits for the answers of all its receivers.
#[derive(Debug)]
pub struct BroadcastAck {
    operation: Operation,
    id: u64,
    context: Arc<Context>,
    state: Mutex<BroadcastState>,
}

#[derive(Debug, Default)]
struct BroadcastState {
    /// Who was asked and has not answered.
    owing: Vec<Arc<Socket>>,
    replies: Vec<Reply>,
    /// Somebody owes too many acknowledgements, so that one is not waited for.
    full: bool,
    /// All receivers are known.
    complete: bool,
    done: bool,
}

impl BroadcastAck {
    /// A broadcast with acknowledgements of this id.
    pub fn new(operation: Operation, id: u64, context: Arc<Context>) -> Self {
        Self {
            operation,
            id,
            context,
            state: Mutex::default(),
        }
    }

    /// The acknowledgements' id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// One more is asked.
    pub fn add(&self, socket: &Arc<Socket>) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .owing
            .push(Arc::clone(socket));
    }

    /// All have been asked.
    pub fn complete(&self) {
        self.advance(|state| state.complete = true);
    }

    /// One has answered.
    pub fn reply(&self, reply: Reply) {
        self.advance(|state| {
            if let Some(at) = state
                .owing
                .iter()
                .position(|socket| Arc::ptr_eq(socket, &reply.socket))
            {
                state.owing.swap_remove(at);
                state.replies.push(reply);
            }
        });
    }

    /// One owes too many acknowledgements: this one is not waited for, and the end says so.
    pub fn give_up(&self, socket: &Arc<Socket>) {
        self.advance(|state| {
            state.full = true;
            state.owing.retain(|owing| !Arc::ptr_eq(owing, socket));
        });
    }

    /// Ends it with the answers there are; those who have not answered owe nothing any more.
    pub fn end(&self, outcome: AckOutcome) {
        let (owing, replies) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.done {
                return;
            }
            state.done = true;
            (
                std::mem::take(&mut state.owing),
                std::mem::take(&mut state.replies),
            )
        };
        for socket in owing {
            let forget = Outgoing::ForgetAck {
                ordinal: socket.ordinal(),
                id: self.id,
                outcome,
            };
            socket.link().tell(forget);
        }
        self.deliver(outcome, &replies);
    }

    fn advance(&self, change: impl FnOnce(&mut BroadcastState)) {
        let (outcome, replies) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut state);
            if state.done || !state.complete || !state.owing.is_empty() {
                return;
            }
            state.done = true;
            let outcome = if state.full {
                AckOutcome::Full
            } else {
                AckOutcome::Answered
            };
            (outcome, std::mem::take(&mut state.replies))
        };
        self.deliver(outcome, &replies);
    }

    fn deliver(&self, outcome: AckOutcome, replies: &[Reply]) {
        let operation = self.operation;
        self.context.tell(&Event::Acked {
            socket: None,
            operation,
            outcome,
            replies,
        });
    }
}
