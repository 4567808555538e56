//! Statuses, their names and texts, and the message of the last failed call of each thread.

use std::cell::RefCell;
use std::ffi::{CStr, c_char};

use bellwire_core::error::Error;

/// Functions of this crate fail with the core's error, whose code is the status.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// 0 for success, negative for an error.
pub type bw_status = i32;

/// The statuses. Numbers that are missing belong to parts of the interface that this version does
/// not have.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_status_values {
    /// Success.
    BW_OK = 0,
    /// Invalid argument, for example a NULL pointer or an unknown flag.
    BW_E_ARG = -1,
    /// The id was never given out, or names an object of another kind.
    BW_E_HANDLE = -2,
    /// The object's state does not allow the call, for example listening after close.
    BW_E_STATE = -3,
    /// A [poll] function was called in a callback, or a function other than [signal] in a log callback.
    BW_E_REENTRANT = -4,
    /// An [out] function was called in a callback of the same server.
    BW_E_DEADLOCK = -5,
    /// Another thread is polling this server.
    BW_E_BUSY = -6,
    /// The acknowledgement or question was answered before.
    BW_E_ALREADY = -7,
    /// Header and library do not match, or the struct_size of a struct is 0.
    BW_E_ABI = -8,
    /// The option is unknown, or its value is of the wrong type or out of range.
    BW_E_OPTION = -9,
    /// The text is not UTF-8; bw_last_error names the position.
    BW_E_UTF8 = -10,
    /// The text is not JSON; bw_last_error names the position.
    BW_E_JSON = -11,
    /// The event name is reserved, or the namespace name is not allowed.
    BW_E_NAME = -12,
    /// The {"_placeholder"} objects and the binaries do not match.
    BW_E_PLACEHOLDER = -13,
    /// The input is larger than a limit.
    BW_E_TOO_BIG = -14,
    /// The name or key does not exist.
    BW_E_NOT_FOUND = -15,
    /// The value exists but has another type.
    BW_E_TYPE = -16,
    /// The object existed but no longer does, for example because the client disconnected. Expected
    /// at run time; not a programming error.
    BW_E_GONE = -30,
    /// The timeout passed.
    BW_E_TIMEOUT = -31,
    /// Cancelled by bw_op_cancel.
    BW_E_CANCELLED = -32,
    /// The server, or the process, is closing.
    BW_E_CLOSED = -33,
    /// The id belongs to the parent process.
    BW_E_FORKED = -34,
    /// A configured limit is reached; nothing was queued.
    BW_E_FULL = -35,
    /// Not available in this build or on this platform.
    BW_E_UNSUPPORTED = -36,
    /// The operating system reported an error.
    BW_E_IO = -38,
    /// Another process or server listens on that address.
    BW_E_ADDR_IN_USE = -39,
    /// The operating system does not permit it.
    BW_E_ACCESS = -40,
    /// A bug in the library: please report it.
    BW_E_INTERNAL = -90,
    /// A panic in the library, caught at the interface: please report it.
    BW_E_PANIC = -91,
}

const STATUSES: &[(bw_status, &CStr, &CStr)] = &[
    (0, c"BW_OK", c"success"),
    (-1, c"BW_E_ARG", c"invalid argument"),
    (
        -2,
        c"BW_E_HANDLE",
        c"no such handle, or a handle of another kind",
    ),
    (-3, c"BW_E_STATE", c"not possible in this state"),
    (-4, c"BW_E_REENTRANT", c"not possible inside a callback"),
    (-5, c"BW_E_DEADLOCK", c"waiting here would never end"),
    (-6, c"BW_E_BUSY", c"another thread is inside this function"),
    (-7, c"BW_E_ALREADY", c"answered before"),
    (-8, c"BW_E_ABI", c"header and library do not fit together"),
    (-9, c"BW_E_OPTION", c"unknown option or bad value"),
    (-10, c"BW_E_UTF8", c"not UTF-8"),
    (-11, c"BW_E_JSON", c"not valid JSON"),
    (
        -12,
        c"BW_E_NAME",
        c"reserved event name or illegal namespace name",
    ),
    (
        -13,
        c"BW_E_PLACEHOLDER",
        c"placeholders and attachments do not fit together",
    ),
    (-14, c"BW_E_TOO_BIG", c"larger than the limit"),
    (-15, c"BW_E_NOT_FOUND", c"not found"),
    (-16, c"BW_E_TYPE", c"the value has another type"),
    (-30, c"BW_E_GONE", c"the object is gone"),
    (-31, c"BW_E_TIMEOUT", c"the time ran out"),
    (-32, c"BW_E_CANCELLED", c"cancelled"),
    (-33, c"BW_E_CLOSED", c"the server is closing or closed"),
    (
        -34,
        c"BW_E_FORKED",
        c"the handle belongs to the parent process",
    ),
    (-35, c"BW_E_FULL", c"over a configured limit"),
    (
        -36,
        c"BW_E_UNSUPPORTED",
        c"not in this version or on this platform",
    ),
    (-38, c"BW_E_IO", c"the operating system refused"),
    (-39, c"BW_E_ADDR_IN_USE", c"the address is in use"),
    (-40, c"BW_E_ACCESS", c"permission denied"),
    (-90, c"BW_E_INTERNAL", c"a mistake of the engine"),
    (-91, c"BW_E_PANIC", c"the engine panicked"),
];

/// [signal] Returns the name of a status, for example "BW_E_GONE", or "BW_E_UNKNOWN". Never NULL;
/// static.
#[unsafe(no_mangle)]
pub extern "C" fn bw_status_name(status: bw_status) -> *const c_char {
    let known = STATUSES.iter().find(|(code, ..)| *code == status);
    known.map_or(c"BW_E_UNKNOWN", |(_, name, _)| name).as_ptr()
}

/// [signal] Returns the meaning of a status, for example "the object is gone". Never NULL; static.
#[unsafe(no_mangle)]
pub extern "C" fn bw_status_text(status: bw_status) -> *const c_char {
    let known = STATUSES.iter().find(|(code, ..)| *code == status);
    known.map_or(c"no such status", |(.., text)| text).as_ptr()
}

struct LastError {
    code: bw_status,
    text: Vec<u8>,
}

thread_local! {
    static LAST: RefCell<LastError> = const { RefCell::new(LastError { code: 0, text: Vec::new() }) };
}

/// Stores the message of a failed call for bw_last_error and returns its status.
pub(crate) fn remember(error: &Error) -> bw_status {
    // While the thread ends, its storage is gone and the message is not needed.
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            last.code = error.code();
            last.text.clear();
            let message = error.message().bytes().filter(|byte| *byte != 0);
            last.text.extend(message);
            if let Some(source) = std::error::Error::source(error) {
                let cause = format!(": {source}");
                last.text.extend(cause.bytes().filter(|byte| *byte != 0));
            }
            last.text.push(0);
        }
    });
    error.code()
}

/// [any] Returns the message of the last failed call of this thread, or "". Never NULL; valid until
/// the next failing call of this thread. A successful call does not clear the message.
#[unsafe(no_mangle)]
pub extern "C" fn bw_last_error() -> *const c_char {
    let text = LAST.try_with(|last| {
        last.try_borrow()
            .ok()
            .filter(|last| !last.text.is_empty())
            .map(|last| last.text.as_ptr().cast())
    });
    text.ok().flatten().unwrap_or(c"".as_ptr())
}

/// [any] Returns BW_OK if no call of this thread has failed yet, and otherwise the status of the
/// last failed call.
#[unsafe(no_mangle)]
pub extern "C" fn bw_last_error_code() -> bw_status {
    let code = LAST.try_with(|last| last.try_borrow().map_or(0, |last| last.code));
    code.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwire_core::error::ErrorKind;

    #[test]
    fn every_status_of_the_core_has_a_name_and_its_text() {
        assert_eq!(STATUSES.len(), ErrorKind::ALL.len() + 1);
        for kind in ErrorKind::ALL {
            let (.., text) = STATUSES.iter().find(|row| row.0 == kind.code()).unwrap();
            assert_eq!(text.to_str().unwrap(), kind.text());
        }
    }

    #[test]
    fn the_last_error_stays_until_the_next() {
        assert_eq!(bw_last_error_code(), 0);
        assert_eq!(remember(&Error::new(ErrorKind::Gone, "a\0b")), -30);
        // SAFETY: it is never NULL and ends with a NUL.
        let text = unsafe { CStr::from_ptr(bw_last_error()) };
        assert_eq!((bw_last_error_code(), text.to_str().unwrap()), (-30, "ab"));
    }
}
