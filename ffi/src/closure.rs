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
pub(crate) struct Farewell {
    drop: bw_drop_fn,
    user: UserPointer,
}

impl Farewell {
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
            shared.graveyard.bury(self, shared);
        }
    }
}

/// A callback's user pointer. Its drop runs when this is dropped: on this thread until the callback
/// has been registered, where drops of its server belong afterwards.
#[derive(Debug)]
pub(crate) struct Owned {
    farewell: Farewell,
    home: Option<Arc<Shared>>,
}

impl Owned {
    pub(crate) const fn new(drop: bw_drop_fn, user: UserPointer) -> Self {
        Self {
            farewell: Farewell::new(drop, user),
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
        self.farewell.user
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        match &self.home {
            Some(home) => self.farewell.run_at(home),
            None => self.farewell.run(),
        }
    }
}

/// Drops that wait for the polling thread.
#[derive(Debug, Default)]
pub(crate) struct Graveyard(Mutex<Vec<Farewell>>);

impl Graveyard {
    fn bury(&self, farewell: Farewell, shared: &Shared) {
        if !shared.is_polled() || shared.is_polling_here() {
            return shared.inside(|| farewell.run());
        }
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(farewell);
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
            for farewell in waiting {
                shared.inside(|| farewell.run());
            }
        }
    }
}
