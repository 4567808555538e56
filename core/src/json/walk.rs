//! Iteration over a valid text: kinds, elements and members as ranges of bytes. For an invalid text the ranges have no
//! meaning, but are inside the text.

use std::ops::Range;

use crate::json::{Kind, scan};

/// The kind of a valid value, by its first byte.
#[must_use]
pub fn kind_of(value: &[u8]) -> Kind {
    match scan::byte(value, scan::skip_whitespace(value, 0)) {
        b'"' => Kind::String,
        b'{' => Kind::Object,
        b'[' => Kind::Array,
        b't' | b'f' => Kind::Bool,
        b'-' | b'0'..=b'9' => Kind::Number,
        _ => Kind::Null,
    }
}

/// The number of elements of a valid array or of members of a valid object; 0 for other kinds.
#[must_use]
pub fn members(value: &[u8]) -> usize {
    match kind_of(value) {
        Kind::Array => array_items(value).count(),
        Kind::Object => object_members(value).count(),
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => 0,
    }
}

/// The next element in the text after the opening bracket of a valid array, or after an element.
#[must_use]
pub fn next_item(rest: &[u8]) -> Option<Range<usize>> {
    let start = next_inside(rest, 0)?;
    Some(start..scan::skip(rest, start))
}

/// The next member in the text after the opening brace of a valid object, or after a member: its name as a literal with
/// its quotes, and its value.
#[must_use]
pub fn next_member(rest: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let start = next_inside(rest, 0)?;
    let (name, value) = member(rest, start);
    Some((name, value..scan::skip(rest, value)))
}

/// The elements of a valid array, in order.
pub fn array_items(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = first_inside(text, b'[');
    std::iter::from_fn(move || {
        let start = next_inside(text, at)?;
        at = scan::skip(text, start);
        Some(start..at)
    })
}

/// The members of a valid object, in order: each name as a literal with its quotes, and its value.
pub fn object_members(text: &[u8]) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut at = first_inside(text, b'{');
    std::iter::from_fn(move || {
        let start = next_inside(text, at)?;
        let (name, value) = member(text, start);
        at = scan::skip(text, value);
        Some((name, value..at))
    })
}

/// The name of the member that starts at `start`, with its quotes, and the start of its value.
pub(super) fn member(text: &[u8], start: usize) -> (Range<usize>, usize) {
    let end = scan::skip(text, start);
    let colon = scan::skip_whitespace(text, end);
    let value = scan::skip_whitespace(text, colon + 1);
    (start..end, value.min(text.len()))
}

fn first_inside(text: &[u8], open: u8) -> usize {
    let at = scan::skip_whitespace(text, 0);
    if scan::byte(text, at) == open {
        at + 1
    } else {
        text.len()
    }
}

/// The start of the next element or member, if there is one.
fn next_inside(text: &[u8], at: usize) -> Option<usize> {
    let mut at = scan::skip_whitespace(text, at);
    if scan::byte(text, at) == b',' {
        at = scan::skip_whitespace(text, at + 1);
    }
    (at < text.len() && !matches!(text[at], b']' | b'}')).then_some(at)
}
