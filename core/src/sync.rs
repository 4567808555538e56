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
