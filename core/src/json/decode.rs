//! Decoding of string literals.

use std::borrow::Cow;

use crate::json::error::{JsonError, JsonErrorKind};
use crate::json::{check_utf8, scan};

/// The text of a JSON string literal, as UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text. A literal without escapes is borrowed.
    pub text: Cow<'a, str>,
    /// The place in the literal of the first escape that is a lone surrogate. The text has U+FFFD for each.
    pub lone: Option<usize>,
}

/// Decodes a JSON string literal with its quotes. A literal without escapes is borrowed.
///
/// # Errors
/// `LoneSurrogate` at an escape that is a lone surrogate; `Syntax` and `Utf8` if the literal is not valid.
pub fn decode_string(literal: &[u8]) -> Result<Cow<'_, str>, JsonError> {
    let decoded = decode_string_lossy(literal)?;
    match decoded.lone {
        Some(escape) => Err(JsonError::new(JsonErrorKind::LoneSurrogate, escape)),
        None => Ok(decoded.text),
    }
}

/// As [`decode_string`], with U+FFFD for each escape that is a lone surrogate.
///
/// # Errors
/// `Syntax` and `Utf8` if it is not a valid literal.
pub fn decode_string_lossy(literal: &[u8]) -> Result<Decoded<'_>, JsonError> {
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
        return Ok(unescape(text, inside.end));
    }
    Ok(Decoded {
        text: Cow::Borrowed(&text[inside]),
        lone: None,
    })
}

/// Whether the text of a string literal with its quotes is `name`.
pub(super) fn literal_is(literal: &[u8], name: &[u8]) -> bool {
    let inside = literal
        .get(1..literal.len().saturating_sub(1))
        .unwrap_or_default();
    if inside == name {
        // A literal with a backslash has a shorter text.
        return !name.contains(&b'\\');
    }
    // An escape is longer than its text, at most six times.
    inside.len() > name.len()
        && inside.len() <= name.len() * 6
        && memchr::memchr(b'\\', inside).is_some()
        && decode_string(literal).is_ok_and(|text| text.as_bytes() == name)
}

/// `text` is a valid literal whose closing quote is at `end`.
fn unescape(text: &str, end: usize) -> Decoded<'_> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut lone = None;
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
                let (character, after) = unicode_escape(bytes, escape);
                at = after;
                character.unwrap_or_else(|| {
                    lone.get_or_insert(escape);
                    char::REPLACEMENT_CHARACTER
                })
            }
            other => char::from(other),
        });
    }
    out.push_str(&text[at..end]);
    Decoded {
        text: Cow::Owned(out),
        lone,
    }
}

/// Decodes the `\uXXXX` at `escape`, or the pair that starts there. Returns the character, `None` for a lone surrogate,
/// and the end of the escape.
fn unicode_escape(bytes: &[u8], escape: usize) -> (Option<char>, usize) {
    let first = code_unit(bytes, escape + 2);
    let next = escape + 6;
    if !(0xd800..0xdc00).contains(&first) || !bytes[next..].starts_with(b"\\u") {
        return (char::from_u32(first), next);
    }
    let second = code_unit(bytes, next + 2);
    if !(0xdc00..0xe000).contains(&second) {
        return (None, next);
    }
    let character = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    (char::from_u32(character), next + 6)
}

fn code_unit(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |unit, &digit| {
        unit << 4 | char::from(digit).to_digit(16).unwrap_or(0)
    })
}
