//! What threads meet at: the standard library's primitives, or, with `--cfg loom`, those of the model checker, which tries
//! every order in which threads can meet. Only the parts that `core/tests/loom.rs` models take theirs from here.

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

/// The model checker's macro knows no constant initial value.
#[cfg(loom)]
macro_rules! modelled_thread_local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const $value:block;) => {
        loom::thread_local! { $(#[$attribute])* static $name: $type = $value; }
    };
}
#[cfg(loom)]
pub(crate) use modelled_thread_local as thread_local;

/// Runs `start`, with all signals blocked that are not caused by the running code itself: threads that are started in it
/// take none of them, so that a host that sets up its handlers, `sigwait` or `signalfd` later gets every signal itself.
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
    // It fails only for a way of changing the mask that does not exist.
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

/// Whether a thread has ended; of a modelled one nobody can tell.
pub(crate) fn has_ended(thread: &thread::JoinHandle<()>) -> bool {
    #[cfg(not(loom))]
    return thread.is_finished();
    #[cfg(loom)]
    return {
        let _ = thread;
        false
    };
}
