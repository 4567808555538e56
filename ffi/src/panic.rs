//! The entry of every function: errors and panics become statuses.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use bellwire_core::error::{Error, ErrorKind};

use crate::error::{Result, bw_status, remember};
use crate::thread::Thread;

/// Runs the body of a function of the interface. An error or a panic becomes its status, and its
/// message the thread's last error.
pub(crate) fn entry(function: impl FnOnce() -> Result<()>) -> bw_status {
    guarded(function).map_or_else(|error| remember(&error), |()| 0)
}

/// Like [`entry`], for a function that does not return a status.
pub(crate) fn entry_or<T>(otherwise: T, function: impl FnOnce() -> Result<T>) -> T {
    guarded(function).unwrap_or_else(|error| {
        remember(&error);
        otherwise
    })
}

/// Like [`entry`], for a function that returns a count or a status.
pub(crate) fn entry_count(function: impl FnOnce() -> Result<usize>) -> i32 {
    guarded(function).map_or_else(
        |error| remember(&error),
        |count| i32::try_from(count).unwrap_or(i32::MAX),
    )
}

fn guarded<T>(function: impl FnOnce() -> Result<T>) -> Result<T> {
    Thread::with(|thread| {
        if thread.is_in_log() {
            let text = "only [signal] functions may be called in a log callback";
            return Err(Error::new(ErrorKind::Reentrant, text));
        }
        caught(thread, function).unwrap_or_else(|text| Err(Error::new(ErrorKind::Panic, text)))
    })
}

/// Runs code of this library and converts a panic to its message.
#[inline]
pub(crate) fn caught<T>(
    thread: &Thread,
    function: impl FnOnce() -> T,
) -> std::result::Result<T, String> {
    thread
        .in_our_code(|| catch_unwind(AssertUnwindSafe(function)))
        .map_err(|payload| words(payload.as_ref()))
}

#[cold]
fn words(payload: &(dyn Any + Send)) -> String {
    let words = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    let text = format!("the engine panicked: {}", words.unwrap_or_default());
    tracing::error!(target: "bellwire", "{text}");
    text
}

/// Installs a panic hook that does not print panics of this library, which are statuses and log lines.
/// Other panics of the process go to the previous hook.
pub(crate) fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let ours = Thread::with(Thread::is_in_our_code);
            if !ours {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_and_errors_become_statuses() {
        quiet_panics();
        assert_eq!(entry(|| Ok(())), 0);
        assert_eq!(entry(|| Err(ErrorKind::Gone.into())), -30);
        assert_eq!(entry(|| panic!("a test")), -91);
        assert_eq!(entry_count(|| Ok(3)), 3);
        assert_eq!(entry_or(7, || Err(ErrorKind::Io.into())), 7);
        Thread::with(|thread| thread.in_log(|| assert_eq!(entry(|| Ok(())), -4)));
        assert_eq!(entry(|| Ok(())), 0);
    }
}
