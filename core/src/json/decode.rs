//! String literals to text.

use std::borrow::Cow;

use crate::json::error::{JsonError, JsonErrorKind};
use crate::json::{check_utf8, scan};

/// The text of a JSON string literal, quotes included. A literal without escapes is borrowed.
///
/// # Errors
/// `LoneSurrogate` where an escape is half of a pair; `Syntax` and `Utf8` if it is no valid literal.
pub fn decode_string(literal: &[u8]) -> Result<Cow<'_, str>, JsonError> {
    if scan::byte(literal, 0) != b'"' {
        return Err(JsonError::syntax(0));
    }
    let checked = scan::string(literal, 1)?;
    if checked.end != literal.len() {
        return Err(JsonError::syntax(checked.end));
    }
    let text = check_utf8(literal)?;
    let inside = 1..literal.len() - 1;
    if checked.escaped {
        return unescape(text, inside.end).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(&text[inside]))
}

/// Whether a string literal, quotes included, stands for `name`.
pub(super) fn literal_is(literal: &[u8], name: &[u8]) -> bool {
    let inside = literal
        .get(1..literal.len().saturating_sub(1))
        .unwrap_or_default();
    if inside == name {
        // With a backslash in it, it stands for something shorter.
        return !name.contains(&b'\\');
    }
    // An escape is longer than what it stands for, at most six times.
    inside.len() > name.len()
        && inside.len() <= name.len() * 6
        && memchr::memchr(b'\\', inside).is_some()
        && decode_string(literal).is_ok_and(|text| text.as_bytes() == name)
}

/// `text` is a checked literal whose closing quote is at `end`.
fn unescape(text: &str, end: usize) -> Result<String, JsonError> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 1;
    while let Some(plain) = memchr::memchr(b'\\', &bytes[at..end]) {
        let escape = at + plain;
        out.push_str(&text[at..escape]);
        at = escape + 2;
        out.push(match bytes[escape + 1] {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, after) = unicode_escape(bytes, escape)?;
                at = after;
                character
            }
            other => char::from(other),
        });
    }
    out.push_str(&text[at..end]);
    Ok(out)
}

/// The character of the `\uXXXX` at `escape`, or of the pair that starts there, and what is next.
fn unicode_escape(bytes: &[u8], escape: usize) -> Result<(char, usize), JsonError> {
    let lone = JsonError::new(JsonErrorKind::LoneSurrogate, escape);
    let first = code_unit(bytes, escape + 2);
    let next = escape + 6;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first)
            .map(|character| (character, next))
            .ok_or(lone);
    }
    if !bytes[next..].starts_with(b"\\u") {
        return Err(lone);
    }
    let second = code_unit(bytes, next + 2);
    if !(0xdc00..0xe000).contains(&second) {
        return Err(lone);
    }
    let character = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    char::from_u32(character)
        .map(|character| (character, next + 6))
        .ok_or(lone)
}

fn code_unit(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |unit, &digit| {
        unit << 4 | char::from(digit).to_digit(16).unwrap_or(0)
    })
}
