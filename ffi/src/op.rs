//! Operations: calls whose outcome is one event for a callback of their own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::socket::AckHandle;
use bellwire_core::socketio::{AckOutcome, BroadcastAck, Operation};

use crate::closure::Owned;
use crate::error::{Result, bw_status};
use crate::event::{bw_callback_fn, bw_event, bw_event_values};
use crate::handle::{Object, registry};
use crate::panic::entry;
use crate::pointer;
use crate::registry::{Ended, Kind};
use crate::shared::Shared;
use crate::types::bw_op;

/// An operation that has not ended.
pub(crate) struct Op {
    pub(crate) outcome: bw_event_values,
    callback: bw_callback_fn,
    owned: Mutex<Option<Owned>>,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

/// What is needed to cancel an operation.
#[derive(Debug)]
enum State {
    /// The message has not been sent yet.
    New,
    /// Cancelled.
    Cancelled,
    One(AckHandle),
    Many(Weak<BroadcastAck>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Op {
    /// Begins an operation and gives it a handle.
    pub(crate) fn begin(
        outcome: bw_event_values,
        shared: &Arc<Shared>,
        callback: bw_callback_fn,
        mut owned: Owned,
    ) -> Result<(bw_op, Arc<Self>)> {
        let registry = registry()?;
        owned.settle(shared);
        let op = Arc::new(Self {
            outcome,
            callback,
            owned: Mutex::new(Some(owned)),
            shared: Arc::clone(shared),
            state: Mutex::new(State::New),
        });
        let id = registry
            .insert(Object::Op(Arc::clone(&op)))
            .inspect_err(|_| op.drop_here())?;
        if let Some(ops) = &mut *lock(&shared.ops) {
            ops.insert(id);
            return Ok((id, op));
        }
        // The server has stopped and would never end the operation.
        Self::abandon(id, &op);
        Err(ErrorKind::Closed.into())
    }

    /// Removes an operation that failed to begin: no event follows, and its drop function is called here.
    pub(crate) fn abandon(id: bw_op, op: &Self) {
        op.take_out(id);
        op.drop_here();
    }

    fn drop_here(&self) {
        let owned = lock(&self.owned).take();
        if let Some(mut owned) = owned {
            owned.unsettle();
        }
    }

    fn take_out(&self, id: bw_op) {
        self.shared.forget_op(id);
        if let Ok(registry) = registry() {
            registry.remove(id, Ended::Gone);
        }
    }

    pub(crate) fn set_one(&self, handle: AckHandle) {
        self.set(State::One(handle));
    }

    pub(crate) fn set_many(&self, ack: &Arc<BroadcastAck>) {
        self.set(State::Many(Arc::downgrade(ack)));
    }

    fn set(&self, new: State) {
        let cancelled = {
            let mut state = lock(&self.state);
            let cancelled = matches!(*state, State::Cancelled);
            *state = new;
            cancelled
        };
        if cancelled {
            self.cancel();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(*lock(&self.state), State::Cancelled)
    }

    fn cancel(&self) {
        // Cancelling may deliver an event that calls this crate, so no lock is held.
        let state = std::mem::replace(&mut *lock(&self.state), State::Cancelled);
        match state {
            State::One(handle) => handle.cancel(),
            State::Many(ack) => {
                if let Some(ack) = ack.upgrade() {
                    ack.end(AckOutcome::Cancelled);
                }
            }
            State::New | State::Cancelled => {}
        }
    }

    /// Removes an operation that ends from the registry.
    pub(crate) fn finish(operation: Operation) -> Option<Arc<Self>> {
        match registry().ok()?.remove(operation.0, Ended::Gone)? {
            Object::Op(op) => {
                op.shared.forget_op(operation.0);
                Some(op)
            }
            _ => None,
        }
    }

    /// Calls the callback with the outcome, and drops the user pointer.
    pub(crate) fn tell(&self, event: &bw_event) {
        let owned = lock(&self.owned).take();
        if let Some(owned) = owned {
            pointer::call(self.callback, event, owned.user());
        }
    }

    /// Ends all operations of a server that has stopped. No operation can begin afterwards.
    pub(crate) fn end_all(shared: &Arc<Shared>, at: Instant) {
        let ids = lock(&shared.ops).take();
        for id in ids.into_iter().flatten() {
            if let Some(op) = Self::finish(Operation(id)) {
                let mut event = bw_event::new(op.outcome, shared, at);
                event.op = id;
                event.status = ErrorKind::Closed.code();
                shared.inside(|| op.tell(&event));
            }
        }
    }
}

/// [any] Ends an operation early: its callback is called with the status BW_E_CANCELLED. BW_E_GONE:
/// the operation has ended.
/// Returns BW_OK, BW_E_HANDLE, BW_E_GONE, BW_E_FORKED or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_op_cancel(op: bw_op) -> bw_status {
    entry(|| {
        let op = registry()?.with(op, Kind::Op, |object| match object {
            Object::Op(op) => Some(Arc::clone(op)),
            _ => None,
        })?;
        op.ok_or_else(|| Error::from(ErrorKind::Handle))?.cancel();
        Ok(())
    })
}
