//! Writing arguments without a JSON library: a writer that records its first mistake.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::c_int;

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::json;
use bellwire_core::socketio::message::json_error;
use bytes::Bytes;

use crate::error::{Result, bw_status};
use crate::message::bw_message;
use crate::panic::{entry, entry_or};
use crate::payload::{DEPTH, bw_payload, bw_payload_flags};
use crate::pointer::{self, Out};
use crate::types::{bw_blob, bw_str};
use crate::value;

/// Writes the arguments of an event or an acknowledgement. Belongs to the caller; may be used by one
/// thread at a time. The writer records its first mistake and ignores calls until bw_args_clear;
/// bw_args_payload returns the mistake, so one check at the end is enough.
#[derive(Debug)]
pub struct bw_args {
    /// A JSON array without its closing bracket, or with it after `payload`.
    text: Vec<u8>,
    is_closed: bool,
    open: Vec<Container>,
    bins: Vec<Bytes>,
    blobs: Vec<bw_blob>,
    /// Data that has the form of a placeholder: the offset of its `true`, and the number of its binary.
    lookalikes: Vec<(usize, usize)>,
    /// BW_ARGS_* bits.
    allowed: u32,
    failure: Option<Error>,
}

/// The bits of bw_args_allow.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_args_flags {
    /// Text that is not UTF-8, for example because it was cut inside a character, is written with
    /// U+FFFD in place of the invalid bytes. Without this flag, such text is a mistake.
    BW_ARGS_REPLACE_TEXT = 1,
    /// NaN and the infinities are written as null, as by JSON.stringify. Without this flag, they are
    /// mistakes.
    BW_ARGS_NULL_NUMBERS = 2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Array,
    /// An object in which a key comes next.
    Object,
    /// An object in which the value of a key comes next.
    Member,
}

impl bw_args {
    fn new() -> Self {
        Self {
            text: vec![b'['],
            is_closed: false,
            open: Vec::new(),
            bins: Vec::new(),
            blobs: Vec::new(),
            lookalikes: Vec::new(),
            allowed: 0,
            failure: None,
        }
    }

    fn clear(&mut self) {
        self.text.truncate(1);
        self.is_closed = false;
        self.open.clear();
        self.bins.clear();
        self.blobs.clear();
        self.lookalikes.clear();
        self.failure = None;
    }

    /// Changes the text, unless a mistake is recorded; records an error as a mistake.
    fn change(&mut self, change: impl FnOnce(&mut Self) -> Result<()>) {
        if self.failure.is_some() {
            return;
        }
        if std::mem::take(&mut self.is_closed) {
            self.text.pop();
        }
        if let Err(error) = change(self) {
            self.failure = Some(error);
        }
    }

    /// Writes the comma before a value if one is needed.
    ///
    /// # Errors
    /// `State` if an object is open and needs a key first.
    fn begin_value(&mut self) -> Result<()> {
        match self.open.last_mut() {
            None | Some(Container::Array) => self.comma(),
            Some(container @ Container::Member) => *container = Container::Object,
            Some(Container::Object) => {
                let text = "bw_args: a value in an object needs bw_args_key before it";
                return Err(Error::new(ErrorKind::State, text));
            }
        }
        Ok(())
    }

    fn comma(&mut self) {
        if !matches!(self.text.last(), Some(b'[' | b'{')) {
            self.text.push(b',');
        }
    }

    fn value(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) {
        self.change(|args| {
            args.begin_value()?;
            write(&mut args.text)
        });
    }

    /// Adds valid JSON whose placeholders refer to `bins`. Placeholders are renumbered; an object of their form that
    /// refers to no element of `bins` is recorded as data.
    fn copy_value(&mut self, value: &[u8], bins: &[Bytes]) {
        let mut numbers = BTreeMap::new();
        let own = &mut self.bins;
        let data = json::renumber(value, &mut self.text, |num| {
            let bin = bins.get(num)?;
            let number = *numbers.entry(num).or_insert(own.len());
            if number == own.len() {
                own.push(bin.clone());
            }
            Some(number)
        });
        self.lookalikes.extend(data);
    }

    fn placeholder(&mut self, number: usize) {
        json::write_placeholder(&mut self.text, number);
    }

    /// Writes null in place of the `true` of data that a receiver would take for a placeholder of this payload.
    fn unmark(&mut self) {
        let bins = self.bins.len();
        self.lookalikes.retain(|&(mark, num)| {
            if num < bins {
                self.text[mark..mark + 4].copy_from_slice(b"null");
            }
            num >= bins
        });
    }

    /// The text of a string of the caller. With BW_ARGS_REPLACE_TEXT, invalid UTF-8 is replaced.
    fn text_of<'a>(&self, text: bw_str, name: &str) -> Result<Cow<'a, str>> {
        if self.allowed & bw_args_flags::BW_ARGS_REPLACE_TEXT as u32 == 0 {
            return text.text(name).map(Cow::Borrowed);
        }
        text.bytes(name).map(String::from_utf8_lossy)
    }

    fn begin(&mut self, container: Container, bracket: u8) {
        self.change(|args| {
            if args.open.len() + 1 >= DEPTH {
                let text = format!("bw_args: nested deeper than {DEPTH}");
                return Err(Error::new(ErrorKind::TooBig, text));
            }
            args.begin_value()?;
            args.text.push(bracket);
            args.open.push(container);
            Ok(())
        });
    }

    fn key(&mut self, key: &str) -> Result<()> {
        if self.open.last() != Some(&Container::Object) {
            let text = "bw_args_key: no object is open, or a value is missing before";
            return Err(Error::new(ErrorKind::State, text));
        }
        self.comma();
        json::write_string(&mut self.text, key);
        self.text.push(b':');
        if let Some(container) = self.open.last_mut() {
            *container = Container::Member;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let text = match self.open.pop() {
            Some(Container::Array) => {
                self.text.push(b']');
                return Ok(());
            }
            Some(Container::Object) => {
                self.text.push(b'}');
                return Ok(());
            }
            Some(Container::Member) => "bw_args_end: the last key has no value",
            None => "bw_args_end: nothing is open",
        };
        Err(Error::new(ErrorKind::State, text))
    }

    fn payload(&mut self, event: bw_str) -> Result<bw_payload> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if !self.open.is_empty() {
            let text = "bw_args_payload: an array or object is still open";
            return Err(Error::new(ErrorKind::State, text));
        }
        if !std::mem::replace(&mut self.is_closed, true) {
            self.text.push(b']');
        }
        self.unmark();
        self.blobs.clear();
        self.blobs.extend(self.bins.iter().map(|bytes| bw_blob {
            data: bytes.as_ptr().cast(),
            len: bytes.len(),
            free_fn: None,
            free_user: std::ptr::null_mut(),
        }));
        Ok(bw_payload {
            flags: bw_payload_flags::BW_PAYLOAD_WRITTEN as u32,
            event,
            args: bw_str::view_bytes(&self.text),
            bins: self.blobs.as_ptr(),
            n_bins: self.blobs.len(),
            ..bw_payload::EMPTY
        })
    }
}

/// Runs a step of a writer. The functions return nothing: a NULL writer is reported by bw_last_error only.
fn step(args: *mut bw_args, step: impl FnOnce(&mut bw_args)) {
    entry(|| {
        step(pointer::borrow_mut(args, "args")?);
        Ok(())
    });
}

/// [any] Creates a writer of arguments. Free it with bw_args_free. Returns NULL on an error.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_new() -> *mut bw_args {
    entry_or(std::ptr::null_mut(), || {
        Ok(pointer::into_raw(bw_args::new()))
    })
}

/// [one] Frees a writer and sets *args to NULL. Does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_free(args: *mut *mut bw_args) {
    entry(|| {
        drop(pointer::take_box(args));
        Ok(())
    });
}

/// [one] Removes everything that was written, and the recorded mistake; keeps the memory.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_clear(args: *mut bw_args) {
    step(args, bw_args::clear);
}

/// [one] Sets what the writer accepts instead of recording a mistake: BW_ARGS_* bits, 0 for none.
/// The setting stays after bw_args_clear.
/// Returns BW_OK, BW_E_ARG or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_allow(args: *mut bw_args, flags: u32) -> bw_status {
    entry(|| {
        let args = pointer::borrow_mut(args, "args")?;
        if flags > 3 {
            let text = format!("flags is {flags:#x}: BW_ARGS_* bits are known up to 0x3");
            return Err(Error::new(ErrorKind::Argument, text));
        }
        args.allowed = flags;
        Ok(())
    })
}

/// [one] Adds null.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_null(args: *mut bw_args) {
    step(args, |args| {
        args.value(|text| {
            text.extend_from_slice(b"null");
            Ok(())
        });
    });
}

/// [one] Adds true if v is not 0, and false otherwise.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_bool(args: *mut bw_args, v: c_int) {
    step(args, |args| {
        args.value(|text| {
            text.extend_from_slice(if v == 0 { b"false" } else { b"true" });
            Ok(())
        });
    });
}

/// [one] Adds an integer. JavaScript rounds integers beyond 2^53.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_int(args: *mut bw_args, v: i64) {
    use std::io::Write as _;
    step(args, |args| {
        args.value(|text| write!(text, "{v}").map_err(Error::from))
    });
}

/// [one] Adds an integer that may be above INT64_MAX.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_uint(args: *mut bw_args, v: u64) {
    use std::io::Write as _;
    step(args, |args| {
        args.value(|text| write!(text, "{v}").map_err(Error::from))
    });
}

/// [one] Adds a number. NaN and the infinities are a mistake (BW_E_ARG) unless BW_ARGS_NULL_NUMBERS
/// is set.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_double(args: *mut bw_args, v: f64) {
    if !v.is_finite() {
        let null = bw_args_flags::BW_ARGS_NULL_NUMBERS as u32;
        if pointer::borrow(args.cast_const(), "args").is_ok_and(|args| args.allowed & null != 0) {
            return bw_args_null(args);
        }
    }
    step(args, |args| {
        args.value(|text| {
            json::write_f64(text, v).map_err(|error| {
                Error::new(ErrorKind::Argument, format!("bw_args_double: {error}"))
            })
        });
    });
}

/// [one] Adds a string. Text that is not UTF-8 is a mistake (BW_E_UTF8) unless BW_ARGS_REPLACE_TEXT
/// is set.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_str(args: *mut bw_args, v: bw_str) {
    step(args, |args| {
        args.change(|args| {
            let v = args.text_of(v, "bw_args_str: v")?;
            args.begin_value()?;
            json::write_string(&mut args.text, &v);
            Ok(())
        });
    });
}

/// [one] Adds a value that is JSON text. The value has no binaries: an object in it that has the
/// form of a placeholder is data, and is sent unchanged, except that its "_placeholder" becomes
/// null if it would stand for a binary of this payload.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_json(args: *mut bw_args, v: bw_str) {
    step(args, |args| {
        args.change(|args| {
            let value = checked(v, "bw_args_json: v")?;
            args.begin_value()?;
            args.copy_value(value, &[]);
            Ok(())
        });
    });
}

fn checked<'a>(json: bw_str, name: &str) -> Result<&'a [u8]> {
    let value = json.bytes(name)?;
    json::check(value, DEPTH).map_err(|error| json_error(&error))?;
    Ok(value)
}

/// [one] Adds the value at an RFC 6901 pointer into the arguments of msg, with its binaries, which
/// are renumbered; null if no value is at the pointer. For passing on a part of a client's
/// message. In a message without binaries, an object that has the form of a placeholder is data, as
/// for bw_args_json.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_value(
    args: *mut bw_args,
    msg: *const bw_message<'static>,
    pointer: bw_str,
) {
    step(args, |args| {
        args.change(|args| {
            let view = pointer::borrow(msg, "msg")?.arguments()?;
            let path = pointer.text("bw_args_value: pointer")?;
            let value = match value::range(view.args, path) {
                Ok(range) => &view.args[range],
                Err(error) if error.kind() == ErrorKind::NotFound => b"null",
                Err(error) => return Err(error),
            };
            args.begin_value()?;
            args.copy_value(value, view.attachments);
            Ok(())
        });
    });
}

/// [one] Like bw_args_value, for a value whose bw_value.json was read from msg. msg is NULL for a
/// value of a handshake, which has no binaries.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_copy(args: *mut bw_args, msg: *const bw_message<'static>, json: bw_str) {
    step(args, |args| {
        args.change(|args| {
            let value = checked(json, "bw_args_copy: json")?;
            let bins = if msg.is_null() {
                &[]
            } else {
                pointer::borrow(msg, "msg")?.arguments()?.attachments
            };
            args.begin_value()?;
            args.copy_value(value, bins);
            Ok(())
        });
    });
}

/// [one] Adds a binary. Its free_fn runs exactly once, also after a mistake.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_bin(args: *mut bw_args, v: bw_blob) {
    entry(|| {
        let bytes = pointer::take_blob(&v, "bw_args_bin: v.data");
        let args = pointer::borrow_mut(args, "args")?;
        args.change(|args| {
            let bytes = bytes?;
            args.begin_value()?;
            args.placeholder(args.bins.len());
            args.bins.push(bytes);
            Ok(())
        });
        Ok(())
    });
}

/// [one] Begins an object. Its members follow, each with bw_args_key and a value, and then
/// bw_args_end.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_begin_object(args: *mut bw_args) {
    step(args, |args| args.begin(Container::Object, b'{'));
}

/// [one] Begins an array. Its values follow, and then bw_args_end.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_begin_array(args: *mut bw_args) {
    step(args, |args| args.begin(Container::Array, b'['));
}

/// [one] Adds the key of the next value in an object.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_key(args: *mut bw_args, key: bw_str) {
    step(args, |args| {
        args.change(|args| {
            let key = args.text_of(key, "bw_args_key: key")?;
            args.key(&key)
        });
    });
}

/// [one] Ends the innermost open object or array.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_end(args: *mut bw_args) {
    step(args, |args| args.change(bw_args::end));
}

/// [one] Sets *out to a payload that points to the written arguments and to event, and is valid
/// until args is next changed or freed. If a mistake was made while writing, returns the status of
/// the first: BW_E_STATE for calls in the wrong order, BW_E_TOO_BIG for more than 1000 levels of
/// nesting.
/// Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_UTF8, BW_E_JSON, BW_E_TOO_BIG or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_payload(
    args: *mut bw_args,
    event: bw_str,
    out: *mut bw_payload,
) -> bw_status {
    entry(|| {
        let out = Out::new(out, "out", bw_payload::EMPTY)?;
        out.set(pointer::borrow_mut(args, "args")?.payload(event)?);
        Ok(())
    })
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
