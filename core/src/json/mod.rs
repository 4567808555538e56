//! JSON as validated text: payloads pass through the engine as received bytes, not as trees. One pass validates a text
//! against RFC 8259, and finds the event name and the arguments. The other functions read or write parts of a valid
//! text.

#[cfg(target_arch = "x86_64")]
mod blocks;
#[cfg(target_arch = "x86_64")]
mod carry;
#[cfg(target_arch = "x86_64")]
mod classes;
mod decode;
mod error;
mod event;
mod placeholder;
mod pointer;
mod raw;
mod scan;
#[cfg(test)]
mod tests;
mod walk;
mod write;

pub use crate::json::decode::{Decoded, decode_string, decode_string_lossy};
pub use crate::json::error::{JsonError, JsonErrorKind, NotFinite, PlaceholderError, PointerError};
pub use crate::json::event::{EventParts, split_args, split_event};
pub use crate::json::placeholder::{
    Placeholder, check_placeholders, placeholders, renumber, write_placeholder,
};
pub use crate::json::pointer::pointer;
pub use crate::json::raw::RawJson;
pub use crate::json::walk::{
    array_items, kind_of, members, next_item, next_member, object_members,
};
pub use crate::json::write::{write_f64, write_string};

/// The six kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string literal.
    String,
    /// `[...]`
    Array,
    /// `{...}`
    Object,
}

/// Checks that `text` is exactly one RFC 8259 value in valid UTF-8, with arrays and objects nested at most `max_depth`
/// deep. JSON whitespace around the value is allowed.
///
/// # Errors
/// The first error and its place. Invalid UTF-8 is reported before other errors.
pub fn check(text: &[u8], max_depth: usize) -> Result<Kind, JsonError> {
    check_utf8(text)?;
    check_utf8_known(text, max_depth)
}

/// As [`check`], for a text that is known to be valid UTF-8. Returns the kind of the value.
///
/// # Errors
/// The first error and its place.
pub fn check_utf8_known(text: &[u8], max_depth: usize) -> Result<Kind, JsonError> {
    let start = scan::skip_whitespace(text, 0);
    let value = scan::value(text, start, max_depth)?;
    scan::only_whitespace(text, value.end)?;
    Ok(kind_of(&text[start..]))
}

/// Checks that `text` is valid UTF-8.
///
/// # Errors
/// The first invalid byte.
pub fn check_utf8(text: &[u8]) -> Result<&str, JsonError> {
    // The basic function is the fastest, but does not return the place, which is then looked up.
    simdutf8::basic::from_utf8(text).map_err(|_| {
        let offset = match simdutf8::compat::from_utf8(text) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        JsonError::new(JsonErrorKind::Utf8, offset)
    })
}
