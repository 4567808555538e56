//! Synchronisation primitives: the standard library's, or, with `--cfg loom`, those of the model checker, which tries
//! every interleaving of threads. Only the modules that `core/tests/loom.rs` models use these.

use std::sync::{Mutex as StdMutex, MutexGuard as StdMutexGuard, PoisonError};

#[cfg(not(loom))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread, thread_local,
};

#[cfg(loom)]
pub(crate) use loom::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread,
};

/// Ignores that another thread has panicked while it held the lock: a panic ends one connection at most, and the code
/// under a lock leaves no incomplete change.
pub(crate) trait Lock {
    /// Releases the lock when it is dropped.
    type Guard<'a>
    where
        Self: 'a;

    /// Waits for the lock, and takes it.
    fn locked(&self) -> Self::Guard<'_>;
}

impl<T> Lock for StdMutex<T> {
    type Guard<'a>
        = StdMutexGuard<'a, T>
    where
        T: 'a;

    fn locked(&self) -> Self::Guard<'_> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(loom)]
impl<T> Lock for loom::sync::Mutex<T> {
    type Guard<'a>
        = loom::sync::MutexGuard<'a, T>
    where
        T: 'a;

    fn locked(&self) -> Self::Guard<'_> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The model checker's macro does not support constant initial values.
#[cfg(loom)]
macro_rules! modelled_thread_local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const $value:block;) => {
        loom::thread_local! { $(#[$attribute])* static $name: $type = $value; }
    };
}
#[cfg(loom)]
pub(crate) use modelled_thread_local as thread_local;

/// Runs `start` with all asynchronous signals blocked. Threads that are started in it inherit the mask, so that a host
/// that sets up its handlers, `sigwait` or `signalfd` later gets every signal on its own threads.
#[cfg(not(loom))]
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    use nix::sys::signal::{SigSet, SigmaskHow, Signal};
    let mut signals = SigSet::all();
    for fault in [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGTRAP,
        Signal::SIGSYS,
        Signal::SIGABRT,
    ] {
        signals.remove(fault);
    }
    // Fails only for an invalid way to change the mask.
    let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let _restore = Restore(before.ok());
    return start();

    struct Restore(Option<SigSet>);
    impl Drop for Restore {
        fn drop(&mut self) {
            if let Some(before) = &self.0 {
                // As above.
                let _ = before.thread_set_mask();
            }
        }
    }
}

#[cfg(loom)]
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    start()
}

/// Whether a thread has ended; always false for a thread of the model checker.
pub(crate) fn has_ended(thread: &thread::JoinHandle<()>) -> bool {
    #[cfg(not(loom))]
    return thread.is_finished();
    #[cfg(loom)]
    return {
        let _ = thread;
        false
    };
}
