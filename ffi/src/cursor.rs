//! Cursors: iteration over the elements of an array or the members of an object.
//!
//! A cursor holds the end of the last value. Each step reads from there to the end of the next
//! value, so that an iteration reads the text once.

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::json::{self, Kind};
use bytes::Bytes;

use crate::error::{Result, bw_status};
use crate::handshake::bw_handshake;
use crate::message::bw_message;
use crate::panic::entry;
use crate::pointer::{self, Zeroed};
use crate::types::bw_str;
use crate::value::{self, Kept, bw_value};

/// A position in an array or object. Belongs to the caller, for example as a local variable; does
/// not need to be freed. It is valid as long as its message or handshake, and may be copied. Only
/// the library changes its fields.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_cursor {
    /// In an object: the name of the member, decoded like bw_value.s. Empty in an array.
    pub key: bw_str,
    /// The number of the element or member, counted from 0.
    pub index: usize,
    /// The text that follows the value.
    pub rest: bw_str,
    /// BW_V_ARRAY or BW_V_OBJECT.
    pub r#type: i32,
    /// 0
    pub reserved0: u32,
    /// The message that has the text, or NULL.
    pub msg: *const bw_message<'static>,
    /// The handshake that has the text, or NULL.
    pub hs: *const bw_handshake,
}

// SAFETY: numbers and pointers, for which any bytes will do.
unsafe impl Zeroed for bw_cursor {
    const ZERO: Self = Self {
        key: bw_str::EMPTY,
        index: 0,
        rest: bw_str::EMPTY,
        r#type: 0,
        reserved0: 0,
        msg: std::ptr::null(),
        hs: std::ptr::null(),
    };
}

/// The valid JSON text that a cursor reads, with its binaries and decoded strings.
struct Source<'a> {
    text: &'a [u8],
    bins: &'a [Bytes],
    kept: &'a Kept<usize>,
}

impl<'a> Source<'a> {
    /// The first value in the array or object at the pointer, and `cursor` moved to it.
    fn first_at(&self, pointer: bw_str, cursor: bw_cursor) -> Result<(bw_cursor, bw_value)> {
        let range = value::range(self.text, pointer.text("pointer")?)?;
        self.first(range.start, cursor)
    }

    /// The first value in the array or object at the offset `start`, and `cursor` moved to it.
    fn first(&self, start: usize, mut cursor: bw_cursor) -> Result<(bw_cursor, bw_value)> {
        self.enter(start, &mut cursor)?;
        let value = self.step(&mut cursor)?;
        Ok((cursor, value))
    }

    fn of_message(msg: *const bw_message<'static>) -> Result<Self> {
        let message = pointer::borrow(msg, "msg")?;
        let view = message.arguments()?;
        Ok(Self {
            text: view.args,
            bins: view.attachments,
            kept: message.kept(),
        })
    }

    fn of_handshake(hs: *const bw_handshake) -> Result<Self> {
        let (text, kept) = pointer::borrow(hs, "hs")?.auth_and_kept();
        Ok(Self {
            text,
            bins: &[],
            kept,
        })
    }

    fn of(cursor: &bw_cursor) -> Result<Self> {
        if cursor.msg.is_null() {
            Self::of_handshake(cursor.hs)
        } else {
            Self::of_message(cursor.msg)
        }
    }

    /// The offset of a part of the text.
    fn offset(&self, piece: bw_str, name: &str) -> Result<usize> {
        let offset = piece.data.addr().checked_sub(self.text.as_ptr().addr());
        offset
            .filter(|offset| {
                offset
                    .checked_add(piece.len)
                    .is_some_and(|end| end <= self.text.len())
            })
            .ok_or_else(|| {
                let text = format!("{name} is not a part of the message or handshake");
                Error::new(ErrorKind::Argument, text)
            })
    }

    /// Puts the cursor before the first value of the container that begins at `start`.
    fn enter(&self, start: usize, cursor: &mut bw_cursor) -> Result<()> {
        let kind = json::kind_of(&self.text[start..]);
        cursor.r#type = match kind {
            Kind::Array => value::bw_value_types::BW_V_ARRAY as i32,
            Kind::Object => value::bw_value_types::BW_V_OBJECT as i32,
            Kind::Null | Kind::Bool | Kind::Number | Kind::String => {
                let text = "the value is neither an array nor an object";
                return Err(Error::new(ErrorKind::Type, text));
            }
        };
        cursor.rest = bw_str::view_bytes(&self.text[start + 1..]);
        Ok(())
    }

    /// Moves the cursor to the next value.
    fn step(&self, cursor: &mut bw_cursor) -> Result<bw_value> {
        let from = self.offset(cursor.rest, "cursor->rest")?;
        let rest = &self.text[from..];
        let is_object = cursor.r#type == value::bw_value_types::BW_V_OBJECT as i32;
        let next = if is_object {
            json::next_member(rest)
        } else {
            json::next_item(rest).map(|value| (0..0, value))
        };
        let (name, found) = next.ok_or_else(no_more)?;
        if is_object {
            cursor.key = value::string(&rest[name.clone()], from + name.start, self.kept)?;
        }
        cursor.rest = bw_str::view_bytes(&rest[found.end..]);
        bw_value::at(
            self.text,
            from + found.start..from + found.end,
            self.bins,
            self.kept,
        )
    }
}

fn no_more() -> Error {
    Error::new(ErrorKind::NotFound, "the cursor is past the last value")
}

/// Writes the result of a step to the caller's variables.
fn finish(
    cursor: *mut bw_cursor,
    out: *mut bw_value,
    value_size: usize,
    walk: impl FnOnce() -> Result<(bw_cursor, bw_value)>,
) -> Result<()> {
    let cursor = pointer::borrow_mut(cursor, "cursor")?;
    let walked = walk();
    let (moved, value) = match &walked {
        Ok(walked) => *walked,
        // A cursor of zeros is past the last value.
        Err(_) => (bw_cursor::ZERO, bw_value::NOTHING),
    };
    pointer::write_sized(out, value_size, &value, "out")?;
    *cursor = moved;
    walked.map(|_| ())
}

/// [any] Puts the cursor on the first element or member of the array or object at an RFC 6901
/// pointer into the arguments, and sets *out to its value. value_size is sizeof(bw_value). Members
/// come in the order of the text, also those that have the same name. BW_E_NOT_FOUND: no value is
/// at the pointer, or the array or object is empty. BW_E_TYPE: the value is neither an array
/// nor an object. BW_E_STATE: a message of an Engine.IO server has no arguments.
/// Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND,
/// BW_E_TYPE or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_cursor_first(
    cursor: *mut bw_cursor,
    msg: *const bw_message<'static>,
    pointer: bw_str,
    out: *mut bw_value,
    value_size: usize,
) -> bw_status {
    entry(|| {
        finish(cursor, out, value_size, || {
            let source = Source::of_message(msg)?;
            let new = bw_cursor {
                msg,
                ..bw_cursor::ZERO
            };
            source.first_at(pointer, new)
        })
    })
}

/// [any] Like bw_cursor_first, for a pointer into the auth data of a handshake.
/// Returns BW_OK, BW_E_ARG, BW_E_ABI, BW_E_UTF8, BW_E_TOO_BIG, BW_E_NOT_FOUND, BW_E_TYPE or a
/// common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_cursor_auth(
    cursor: *mut bw_cursor,
    hs: *const bw_handshake,
    pointer: bw_str,
    out: *mut bw_value,
    value_size: usize,
) -> bw_status {
    entry(|| {
        finish(cursor, out, value_size, || {
            let source = Source::of_handshake(hs)?;
            let new = bw_cursor {
                hs,
                ..bw_cursor::ZERO
            };
            source.first_at(pointer, new)
        })
    })
}

/// [any] Like bw_cursor_first, for an array or object whose bw_value.json was read with the cursor
/// outer. outer may be the same cursor. BW_E_ARG: json is not part of the text that outer reads.
/// Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_ABI, BW_E_JSON, BW_E_NOT_FOUND, BW_E_TYPE or a common
/// status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_cursor_inside(
    cursor: *mut bw_cursor,
    outer: *const bw_cursor,
    json: bw_str,
    out: *mut bw_value,
    value_size: usize,
) -> bw_status {
    entry(|| {
        let outer = *pointer::borrow(outer, "outer")?;
        finish(cursor, out, value_size, || {
            let source = Source::of(&outer)?;
            let start = source.offset(json, "json")?;
            let new = bw_cursor {
                msg: outer.msg,
                hs: outer.hs,
                ..bw_cursor::ZERO
            };
            source.first(start, new)
        })
    })
}

/// [any] Moves the cursor to the next element or member and sets *out to its value. Reads the text
/// only from the end of the previous value to the end of this one. BW_E_NOT_FOUND: the cursor
/// was at the last value.
/// Returns BW_OK, BW_E_ARG, BW_E_STATE, BW_E_ABI, BW_E_JSON, BW_E_NOT_FOUND or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_cursor_next(
    cursor: *mut bw_cursor,
    out: *mut bw_value,
    value_size: usize,
) -> bw_status {
    entry(|| {
        let mut moved = *pointer::borrow(cursor.cast_const(), "cursor")?;
        finish(cursor, out, value_size, || {
            if moved.r#type == 0 {
                return Err(no_more());
            }
            let source = Source::of(&moved)?;
            let value = source.step(&mut moved)?;
            moved.index += 1;
            Ok((moved, value))
        })
    })
}
