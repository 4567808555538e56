//! User pointers of callbacks, and the calls of their drop functions.
//!
//! A drop function is called exactly once, after the last call of its callback has returned. With
//! polled delivery it is called on the polling thread: a drop on another thread is deferred until
//! the next poll.

use std::sync::{Arc, Mutex, PoisonError};

use crate::pointer::{UserPointer, call_drop};
use crate::shared::Shared;
use crate::types::bw_drop_fn;

/// A drop function that has not been called yet, with its argument. The owner of this value calls it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropFn {
    drop: bw_drop_fn,
    user: UserPointer,
}

impl DropFn {
    pub(crate) const fn new(drop: bw_drop_fn, user: UserPointer) -> Self {
        Self { drop, user }
    }

    /// Calls the drop function on this thread.
    pub(crate) fn run(self) {
        call_drop(self.drop, self.user);
    }

    /// Calls the drop function on a thread on which callbacks of this server may run.
    pub(crate) fn run_at(self, shared: &Shared) {
        if self.drop.is_some() {
            shared.deferred_drops.add(self, shared);
        }
    }
}

/// The user pointer of a callback. Dropping it calls the drop function: on this thread until the
/// callback has been registered with a server, and as [`DropFn::run_at`] does afterwards.
#[derive(Debug)]
pub(crate) struct Owned {
    drop_fn: DropFn,
    home: Option<Arc<Shared>>,
}

impl Owned {
    pub(crate) const fn new(drop: bw_drop_fn, user: UserPointer) -> Self {
        Self {
            drop_fn: DropFn::new(drop, user),
            home: None,
        }
    }

    pub(crate) fn settle(&mut self, home: &Arc<Shared>) {
        self.home = Some(Arc::clone(home));
    }

    /// The registration failed.
    pub(crate) fn unsettle(&mut self) {
        self.home = None;
    }

    pub(crate) const fn user(&self) -> UserPointer {
        self.drop_fn.user
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        match &self.home {
            Some(home) => self.drop_fn.run_at(home),
            None => self.drop_fn.run(),
        }
    }
}

/// Calls of drop functions that wait for the polling thread.
#[derive(Debug, Default)]
pub(crate) struct DeferredDrops(Mutex<Vec<DropFn>>);

impl DeferredDrops {
    fn add(&self, drop_fn: DropFn, shared: &Shared) {
        if !shared.is_polled() || shared.is_polling_here() {
            return shared.inside(|| drop_fn.run());
        }
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(drop_fn);
        shared.wake();
    }

    /// Makes the waiting calls. Called on the polling thread.
    pub(crate) fn run(&self, shared: &Shared) {
        loop {
            let waiting =
                std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
            if waiting.is_empty() {
                return;
            }
            for drop_fn in waiting {
                shared.inside(|| drop_fn.run());
            }
        }
    }
}
