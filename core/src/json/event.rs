//! Event arrays and argument arrays: validated and split in one pass.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::decode::{Decoded, decode_string_lossy};
use crate::json::error::{JsonError, JsonErrorKind};
use crate::json::{check_utf8, scan};

/// The places of the parts of a valid event array, `["name", argument, ...]` or `[123, ...]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventParts {
    /// The name without its quotes, or the text of the number.
    pub name: Range<usize>,
    /// Whether the name has escapes and must be decoded.
    pub name_escaped: bool,
    /// Whether the name is a number.
    pub name_is_number: bool,
    /// The place of the comma after the name, or of the closing bracket if the event has only a name.
    pub args_start: usize,
    /// One past the closing bracket.
    pub end: usize,
    /// The number of arguments.
    pub args: usize,
    /// Whether any object in the arguments has a member named `_placeholder`.
    pub placeholders: bool,
}

impl EventParts {
    /// The name as text, with U+FFFD for each lone surrogate. `text` is the text that was split.
    ///
    /// # Errors
    /// `Utf8` if `text` is not UTF-8.
    pub fn name<'a>(&self, text: &'a [u8]) -> Result<Decoded<'a>, JsonError> {
        if self.name_escaped {
            return decode_string_lossy(self.name_literal(text));
        }
        let name = check_utf8(&text[self.name.clone()])?;
        Ok(Decoded {
            text: Cow::Borrowed(name),
            lone: None,
        })
    }

    /// The name as a JSON string with its quotes, or the text of the number.
    pub fn name_literal<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.name.start - 1..self.name.end + 1]
    }
}

/// Validates an event array, which is valid UTF-8, and finds its parts.
///
/// # Errors
/// As [`check`](crate::json::check), and `NotAnArray`, `NoName` for an empty array,
/// `BadName` if the first element is neither a string nor a number.
pub fn split_event(text: &[u8], max_depth: usize) -> Result<EventParts, JsonError> {
    let first = open_array(text, max_depth)?;
    let (name, name_escaped, name_is_number, after) = match scan::byte(text, first) {
        b'"' => {
            let literal = scan::string(text, first + 1)?;
            let inside = first + 1..literal.end - 1;
            (inside, literal.escaped, false, literal.end)
        }
        b'-' | b'0'..=b'9' => {
            let end = scan::number(text, first)?;
            (first..end, false, true, end)
        }
        b']' => return Err(JsonError::new(JsonErrorKind::NoName, first)),
        b'[' | b'{' | b't' | b'f' | b'n' => {
            return Err(JsonError::new(JsonErrorKind::BadName, first));
        }
        _ => return Err(JsonError::syntax(first)),
    };
    let args_start = scan::skip_whitespace(text, after);
    let rest = following_items(text, args_start, max_depth - 1)?;
    scan::only_whitespace(text, rest.end)?;
    Ok(EventParts {
        name,
        name_escaped,
        name_is_number,
        args_start,
        end: rest.end,
        args: rest.count,
        placeholders: rest.placeholders,
    })
}

/// Validates an array, which is valid UTF-8, such as the arguments of an acknowledgement. Returns the number of
/// elements.
///
/// # Errors
/// As [`check`](crate::json::check), and `NotAnArray`.
pub fn split_args(text: &[u8], max_depth: usize) -> Result<usize, JsonError> {
    let first = open_array(text, max_depth)?;
    if scan::byte(text, first) == b']' {
        scan::only_whitespace(text, first + 1)?;
        return Ok(0);
    }
    let value = scan::value(text, first, max_depth - 1)?;
    let rest = following_items(text, scan::skip_whitespace(text, value.end), max_depth - 1)?;
    scan::only_whitespace(text, rest.end)?;
    Ok(rest.count + 1)
}

/// The place of the first element of the array, or of the closing bracket.
fn open_array(text: &[u8], max_depth: usize) -> Result<usize, JsonError> {
    let open = scan::skip_whitespace(text, 0);
    let kind = match scan::byte(text, open) {
        b'[' if max_depth > 0 => return Ok(scan::skip_whitespace(text, open + 1)),
        b'[' => JsonErrorKind::Depth,
        b'{' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => JsonErrorKind::NotAnArray,
        _ => JsonErrorKind::Syntax,
    };
    Err(JsonError::new(kind, open))
}

struct Items {
    count: usize,
    end: usize,
    placeholders: bool,
}

/// Validates the elements after the first one; `at` is at a comma or the closing bracket.
fn following_items(text: &[u8], mut at: usize, max_depth: usize) -> Result<Items, JsonError> {
    // After a few short elements, the next one is probably short too, and the block scanner would be slower.
    const SHORT: usize = 64;
    const FEW: usize = 4;
    let mut short = 0;
    let mut count = 0;
    let mut placeholders = false;
    loop {
        match scan::byte(text, at) {
            b',' => {
                let start = scan::skip_whitespace(text, at + 1);
                let value = if short < FEW {
                    scan::value(text, start, max_depth)?
                } else {
                    scan::bytewise(text, start, max_depth)?
                };
                short = if value.end - start < SHORT {
                    short + 1
                } else {
                    0
                };
                count += 1;
                placeholders |= value.placeholders;
                at = scan::skip_whitespace(text, value.end);
            }
            b']' => {
                return Ok(Items {
                    count,
                    end: at + 1,
                    placeholders,
                });
            }
            _ => return Err(JsonError::syntax(at)),
        }
    }
}
