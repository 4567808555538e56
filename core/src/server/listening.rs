//! The descriptors that a server listens on.

use std::os::fd::RawFd;
use std::sync::{Mutex, TryLockError};

use crate::sync::Lock as _;

/// The descriptors that a server listens on, for a host that forks.
#[derive(Debug, Default)]
pub(super) struct Listening(Mutex<Vec<RawFd>>);

impl Listening {
    /// All descriptors. Does not wait for the lock: in a forked child, the thread that holds it does not exist. Returns
    /// no descriptors in that case.
    pub(super) fn descriptors(&self) -> Vec<RawFd> {
        match self.0.try_lock() {
            Ok(all) => all.clone(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().clone(),
            Err(TryLockError::WouldBlock) => Vec::new(),
        }
    }

    /// Adds a descriptor.
    pub(super) fn add(&self, fd: RawFd) {
        self.0.locked().push(fd);
    }

    /// Removes a descriptor that is about to be closed.
    pub(super) fn remove(&self, fd: RawFd) {
        self.0.locked().retain(|&known| known != fd);
    }
}
