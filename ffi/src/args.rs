//! Writing arguments without a JSON library: a writer that remembers its first mistake.

use std::ffi::c_int;

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::json;
use bellwire_core::socketio::message::json_error;
use bytes::Bytes;

use crate::error::{Result, bw_status};
use crate::panic::{entry, entry_or};
use crate::payload::{DEPTH, bw_payload};
use crate::pointer::{self, Out};
use crate::types::{bw_blob, bw_str};

/// Writes the arguments of an event or an answer. Yours; one thread at a time. After a mistake it
/// stays failed until bw_args_clear, and bw_args_payload returns that mistake: one check at the end
/// is enough.
#[derive(Debug)]
pub struct bw_args {
    /// A JSON array without its closing bracket, or with it after `payload`.
    text: Vec<u8>,
    is_closed: bool,
    open: Vec<Container>,
    bins: Vec<Bytes>,
    blobs: Vec<bw_blob>,
    failure: Option<Error>,
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
            failure: None,
        }
    }

    fn clear(&mut self) {
        self.text.truncate(1);
        self.is_closed = false;
        self.open.clear();
        self.bins.clear();
        self.blobs.clear();
        self.failure = None;
    }

    /// Changes the text; after the first mistake nothing happens any more.
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

    /// Makes room for a value, wherever one may stand.
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
        self.blobs.clear();
        self.blobs.extend(self.bins.iter().map(|bytes| bw_blob {
            data: bytes.as_ptr().cast(),
            len: bytes.len(),
            free_fn: None,
            free_user: std::ptr::null_mut(),
        }));
        Ok(bw_payload {
            event,
            args: bw_str::view_bytes(&self.text),
            bins: self.blobs.as_ptr(),
            n_bins: self.blobs.len(),
            ..bw_payload::EMPTY
        })
    }
}

/// Runs a step of a writer. A NULL writer is the mistake of the call; it returns nothing to say so.
fn step(args: *mut bw_args, step: impl FnOnce(&mut bw_args)) {
    entry(|| {
        step(pointer::borrow_mut(args, "args")?);
        Ok(())
    });
}

/// [any] A new writer. Free it with bw_args_free.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_new() -> *mut bw_args {
    entry_or(std::ptr::null_mut(), || {
        Ok(pointer::into_raw(bw_args::new()))
    })
}

/// [one] Frees a writer and sets *args to NULL; does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_free(args: *mut *mut bw_args) {
    entry(|| {
        drop(pointer::take_box(args));
        Ok(())
    });
}

/// [one] Begins again, without mistakes; memory is kept.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_clear(args: *mut bw_args) {
    step(args, bw_args::clear);
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

/// [one] Adds true (v not 0) or false.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_bool(args: *mut bw_args, v: c_int) {
    step(args, |args| {
        args.value(|text| {
            text.extend_from_slice(if v == 0 { b"false" } else { b"true" });
            Ok(())
        });
    });
}

/// [one] Adds an integer. JavaScript reads those beyond 2^53 inexactly.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_int(args: *mut bw_args, v: i64) {
    use std::io::Write as _;
    step(args, |args| {
        args.value(|text| write!(text, "{v}").map_err(Error::from))
    });
}

/// [one] Adds a number; NaN and the infinities are mistakes.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_double(args: *mut bw_args, v: f64) {
    step(args, |args| {
        args.value(|text| {
            json::write_f64(text, v).map_err(|error| {
                Error::new(ErrorKind::Argument, format!("bw_args_double: {error}"))
            })
        });
    });
}

/// [one] Adds a string.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_str(args: *mut bw_args, v: bw_str) {
    step(args, |args| {
        args.value(|text| {
            json::write_string(text, v.text("bw_args_str: v")?);
            Ok(())
        });
    });
}

/// [one] Adds a value that is JSON text already.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_json(args: *mut bw_args, v: bw_str) {
    step(args, |args| {
        args.value(|text| {
            let value = v.bytes("bw_args_json: v")?;
            json::check(value, DEPTH).map_err(|error| json_error(&error))?;
            text.extend_from_slice(value);
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
            let place = format!("{{\"_placeholder\":true,\"num\":{}}}", args.bins.len());
            args.text.extend_from_slice(place.as_bytes());
            args.bins.push(bytes);
            Ok(())
        });
        Ok(())
    });
}

/// [one] Begins an object: bw_args_key and a value, again and again, then bw_args_end.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_begin_object(args: *mut bw_args) {
    step(args, |args| args.begin(Container::Object, b'{'));
}

/// [one] Begins an array: values, then bw_args_end.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_begin_array(args: *mut bw_args) {
    step(args, |args| args.begin(Container::Array, b'['));
}

/// [one] The key of the next value in an object.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_key(args: *mut bw_args, key: bw_str) {
    step(args, |args| {
        args.change(|args| args.key(key.text("bw_args_key: key")?));
    });
}

/// [one] Ends the object or array begun last.
#[unsafe(no_mangle)]
pub extern "C" fn bw_args_end(args: *mut bw_args) {
    step(args, |args| args.change(bw_args::end));
}

/// [one] A payload that borrows from args, until args changes, and from event. Returns the first
/// mistake that was made in writing.
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
