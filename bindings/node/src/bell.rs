//! Wakes the JavaScript thread when events wait.

use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Result, Status, sys};

/// A weak threadsafe function: the process may exit while it exists, unless [`Bell::keep_alive`] says otherwise.
type Ringer = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Schedules a drain on the JavaScript thread. Ringing has no effect after the Node environment has ended.
pub(crate) struct Bell {
    ringer: Ringer,
    /// A drain has been scheduled and has not started.
    rung: AtomicBool,
}

/// Whether the bell keeps the process alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    Yes,
    No,
}

impl Bell {
    pub(crate) fn new(wake: &Function<'_, (), ()>) -> Result<Self> {
        let ringer = wake
            .build_threadsafe_function::<()>()
            .callee_handled::<false>()
            .weak::<true>()
            .build()?;
        Ok(Self {
            ringer,
            rung: AtomicBool::new(false),
        })
    }

    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // Fails only while the environment ends, when no drain is needed any more.
            let _ = self
                .ringer
                .call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// A drain starts: events that arrive later ring again.
    pub(crate) fn answered(&self) {
        self.rung.store(false, Ordering::Release);
    }

    /// JavaScript has scheduled another drain itself, so ringing is not needed until then.
    pub(crate) fn promised(&self) {
        self.rung.store(true, Ordering::Release);
    }

    #[expect(
        unsafe_code,
        reason = "the safe interface requires ownership of the function"
    )]
    pub(crate) fn keep_alive(&self, env: sys::napi_env, keep: KeepAlive) {
        let ringer = self.ringer.handle.get_raw();
        self.ringer.handle.with_read_aborted(|aborted| {
            if aborted {
                return;
            }
            // SAFETY: this is called on the thread of `env`, and the function is not released while the lock is held.
            unsafe {
                match keep {
                    KeepAlive::Yes => sys::napi_ref_threadsafe_function(env, ringer),
                    KeepAlive::No => sys::napi_unref_threadsafe_function(env, ringer),
                };
            }
        });
    }
}
