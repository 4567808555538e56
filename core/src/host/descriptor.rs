//! A descriptor that is readable after it was rung until it is silenced, and its model for the model checker.

use std::time::Duration;

#[cfg(loom)]
pub use modelled::Descriptor;
#[cfg(not(loom))]
pub use of_the_system::Descriptor;

#[cfg(not(loom))]
mod of_the_system {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

    use super::Duration;

    /// A descriptor that is readable after it was rung until it is silenced.
    #[derive(Debug)]
    pub struct Descriptor(OwnedFd);

    impl Descriptor {
        /// A descriptor that has not been rung.
        ///
        /// # Errors
        /// When the operating system does not provide one.
        pub fn new() -> std::io::Result<Self> {
            let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
            Ok(Self(eventfd(0, flags)?))
        }

        pub(in super::super) fn ring(&self) {
            // Fails only if it is readable already.
            let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
        }

        /// Whether it had been rung.
        pub(in super::super) fn silence(&self) -> bool {
            // Fails only if it has not been rung.
            rustix::io::read(&self.0, &mut [0; 8]).is_ok()
        }

        /// Whether it was rung in time.
        pub(in super::super) fn wait(&self, timeout: Option<Duration>) -> bool {
            let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
            let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
            // A signal ends the wait too, so that the host can handle it.
            matches!(poll(&mut fds, timeout.as_ref()), Ok(1..))
        }
    }

    impl AsFd for Descriptor {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(loom)]
mod modelled {
    use std::sync::PoisonError;

    use super::Duration;
    use crate::sync::{Condvar, Lock as _, Mutex, MutexGuard};

    /// A descriptor that is readable after it was rung until it is silenced.
    #[derive(Debug, Default)]
    pub struct Descriptor {
        rung: Mutex<bool>,
        changed: Condvar,
    }

    impl Descriptor {
        /// A descriptor that has not been rung.
        ///
        /// # Errors
        /// Never.
        pub fn new() -> std::io::Result<Self> {
            Ok(Self::default())
        }

        pub(in super::super) fn ring(&self) {
            *self.rung() = true;
            self.changed.notify_all();
        }

        /// Whether it had been rung.
        pub(in super::super) fn silence(&self) -> bool {
            std::mem::take(&mut *self.rung())
        }

        /// Waits without a timeout: the model has no time. A lost ring becomes a deadlock, which the model checker
        /// reports.
        pub(in super::super) fn wait(&self, _: Option<Duration>) -> bool {
            let mut rung = self.rung();
            while !*rung {
                rung = self
                    .changed
                    .wait(rung)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            true
        }

        /// Whether it is readable.
        pub fn is_readable(&self) -> bool {
            *self.rung()
        }

        fn rung(&self) -> MutexGuard<'_, bool> {
            self.rung.locked()
        }
    }
}
