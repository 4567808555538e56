//! Calls of the host's functions.

use std::ffi::c_void;

use crate::event::{bw_callback_fn, bw_event};
use crate::log::bw_log_record;
use crate::pointer::UserPointer;
use crate::types::bw_drop_fn;

/// Ends the process with a message if an exception leaves a callback.
struct NoUnwinding(&'static str);

impl Drop for NoUnwinding {
    fn drop(&mut self) {
        use std::io::Write as _;
        // An error here cannot be reported.
        let _ = writeln!(
            std::io::stderr(),
            "bellwire: a {} threw an exception; callbacks must not",
            self.0
        );
        std::process::abort();
    }
}

pub(super) fn without_unwinding(what: &'static str, call: impl FnOnce()) {
    let guard = NoUnwinding(what);
    call();
    #[expect(clippy::mem_forget, reason = "the guard only acts when it is dropped")]
    std::mem::forget(guard);
}

/// Calls an event callback.
pub(crate) fn call(callback: bw_callback_fn, event: &bw_event, user: UserPointer) {
    // SAFETY: the header says what a callback is; the event is valid until it returns.
    without_unwinding("bw_callback", || unsafe { callback(event, user.0) });
}

/// Calls a drop function.
pub(crate) fn call_drop(drop: bw_drop_fn, user: UserPointer) {
    if let Some(drop) = drop {
        // SAFETY: the header says what a drop function is; each is called once.
        without_unwinding("bw_drop_fn", || unsafe { drop(user.0) });
    }
}

/// Calls a log callback.
pub(crate) fn call_log(
    callback: unsafe extern "C-unwind" fn(*const bw_log_record, *mut c_void),
    record: &bw_log_record,
    user: UserPointer,
) {
    // SAFETY: the header says what a log callback is; the record is valid until it returns.
    without_unwinding("bw_log_fn", || unsafe { callback(record, user.0) });
}
