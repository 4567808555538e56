//! Acknowledgements that clients owe: what waits for each of them, its deadline, and its outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;

use crate::socketio::context::Context;
use crate::socketio::event::{Acked, ServerEvent, What};
use crate::socketio::link::Outgoing;
use crate::socketio::socket::Socket;
use crate::sync::Lock as _;

/// A number that the host has chosen for an operation that ends later. The event about the end holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation(pub u64);

/// How an emit with acknowledgement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckOutcome {
    /// Every receiver has answered.
    Answered,
    /// At least one receiver did not answer before the timeout.
    TimedOut,
    /// The socket disconnected before it answered.
    Gone,
    /// The host has cancelled the operation.
    Cancelled,
    /// The client owes as many acknowledgements as allowed, so that this one is not waited for.
    Full,
}

/// The answer of one client.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The socket that answered.
    pub socket: Arc<Socket>,
    /// The arguments: a JSON array, in valid UTF-8.
    pub args: Bytes,
    /// The attachments.
    pub attachments: Vec<Bytes>,
}

impl Reply {
    /// The number of bytes in memory.
    pub fn size(&self) -> usize {
        let attachments = self.attachments.iter().map(Bytes::len).sum::<usize>();
        size_of::<Self>() + self.args.len() + attachments
    }
}

/// What waits for an acknowledgement.
#[derive(Debug, Clone)]
pub enum AckTarget {
    /// The host, for the answer of one socket.
    One(Operation),
    /// A broadcast, for one of its receivers.
    Many(Arc<BroadcastAck>),
}

/// An acknowledgement that a client owes.
#[derive(Debug)]
pub struct Pending {
    /// The socket that is to answer.
    pub socket: Arc<Socket>,
    /// What waits for the answer.
    pub target: AckTarget,
    deadline: Option<Instant>,
}

/// The acknowledgements that one connection owes. Ids are unique within a namespace, so the key is the ordinal of the
/// socket and the id.
#[derive(Debug, Default)]
pub struct AckTable {
    pending: BTreeMap<(u32, u64), Pending>,
    deadlines: BTreeSet<(Instant, u32, u64)>,
}

impl AckTable {
    /// The number of acknowledgements owed.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether no acknowledgement is owed.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Adds an acknowledgement.
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

    /// Removes an acknowledgement that was given or is not waited for any more.
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

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    /// Removes one acknowledgement whose deadline has passed.
    pub fn take_expired(&mut self, now: Instant) -> Option<Pending> {
        let (deadline, ordinal, id) = *self.deadlines.first()?;
        if deadline <= now {
            self.take(ordinal, id)
        } else {
            None
        }
    }

    /// Removes all acknowledgements that a socket owes.
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
    /// The receivers that have not answered.
    owing: Vec<Arc<Socket>>,
    replies: Vec<Reply>,
    /// A receiver owes as many acknowledgements as allowed, so that its answer is not waited for.
    full: bool,
    /// All receivers have been added.
    complete: bool,
    done: bool,
}

impl BroadcastAck {
    /// A broadcast whose packet has this id.
    pub fn new(operation: Operation, id: u64, context: Arc<Context>) -> Self {
        Self {
            operation,
            id,
            context,
            state: Mutex::default(),
        }
    }

    /// The id in the packet, the same for all receivers.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Adds a receiver.
    pub fn add(&self, socket: &Arc<Socket>) {
        self.state.locked().owing.push(Arc::clone(socket));
    }

    /// All receivers have been added: the broadcast ends when they have answered.
    pub fn complete(&self) {
        self.advance(|state| state.complete = true);
    }

    /// Takes the answer of a receiver.
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

    /// A receiver owes as many acknowledgements as allowed: the broadcast does not wait for it, and ends with
    /// [`AckOutcome::Full`].
    pub fn give_up(&self, socket: &Arc<Socket>) {
        self.advance(|state| {
            state.full = true;
            state.owing.retain(|owing| !Arc::ptr_eq(owing, socket));
        });
    }

    /// Ends the broadcast with the answers that have arrived. Later answers are ignored.
    pub fn end(&self, outcome: AckOutcome) {
        let (owing, replies) = {
            let mut state = self.state.locked();
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
            let mut state = self.state.locked();
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
        let acked = Acked {
            operation,
            outcome,
            replies,
        };
        self.context.tell(What::Server(ServerEvent::Acked(acked)));
    }
}
