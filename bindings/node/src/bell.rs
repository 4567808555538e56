//! The doorbell: how engine threads tell the JavaScript thread that events wait.

use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Result, Status, sys};

/// It does not keep the process alive unless it is told to.
type Ringer = ThreadsafeFunction<(), (), (), Status, false, true>;

/// See the module's documentation. After its environment has ended, ringing does nothing.
pub(crate) struct Bell {
    ringer: Ringer,
    /// The JavaScript thread is on its way already.
    rung: AtomicBool,
}

/// Whether the process stays alive for the events to come.
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
            // It fails only while the environment ends: then nobody wants to know.
            let _ = self
                .ringer
                .call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// The JavaScript thread is here: what comes from now on rings again.
    pub(crate) fn answered(&self) {
        self.rung.store(false, Ordering::Release);
    }

    /// The JavaScript thread has promised to come again.
    pub(crate) fn promised(&self) {
        self.rung.store(true, Ordering::Release);
    }

    #[expect(
        unsafe_code,
        reason = "the safe interface wants to own the function for this"
    )]
    pub(crate) fn keep_alive(&self, env: sys::napi_env, keep: KeepAlive) {
        let ringer = self.ringer.handle.get_raw();
        self.ringer.handle.with_read_aborted(|aborted| {
            if aborted {
                return;
            }
            // SAFETY: we are on the thread of `env`, and the function is alive while the lock is held.
            unsafe {
                match keep {
                    KeepAlive::Yes => sys::napi_ref_threadsafe_function(env, ringer),
                    KeepAlive::No => sys::napi_unref_threadsafe_function(env, ringer),
                };
            }
        });
    }
}
