//! Callbacks of the host with their user pointer, and where their drop functions run.
//!
//! A drop runs exactly once, when the last call has returned. In polled delivery it runs on the
//! polling thread: what ends elsewhere waits until that thread comes by.

use std::sync::{Arc, Mutex, PoisonError};

use crate::pointer::{UserPointer, call_drop};
use crate::shared::Shared;
use crate::types::bw_drop_fn;

/// A drop that has not run yet. Running it is up to whoever holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropFn {
    drop: bw_drop_fn,
    user: UserPointer,
}

impl DropFn {
    pub(crate) const fn new(drop: bw_drop_fn, user: UserPointer) -> Self {
        Self { drop, user }
    }

    /// Runs it here and now.
    pub(crate) fn run(self) {
        call_drop(self.drop, self.user);
    }

    /// Runs it where drops of this server belong.
    pub(crate) fn run_at(self, shared: &Shared) {
        if self.drop.is_some() {
            shared.deferred_drops.add(self, shared);
        }
    }
}

/// A callback's user pointer. Its drop runs when this is dropped: on this thread until the callback
/// has been registered, where drops of its server belong afterwards.
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

    /// It was not registered after all.
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

/// Drops that wait for the polling thread.
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

    /// Runs what waits, on the polling thread.
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
