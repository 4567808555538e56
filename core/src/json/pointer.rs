//! RFC 6901 pointers into a valid text.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::decode::literal_is;
use crate::json::error::PointerError;
use crate::json::{scan, walk};

/// The place of the value at `pointer` in a valid text.
///
/// The empty pointer is the whole value. Names are compared decoded. If a name is repeated, the last member counts.
/// `-`, the element after the last one of an array, is never found.
///
/// # Errors
/// `Malformed` if `pointer` is not a JSON pointer, `NotFound` if the document does not have the place.
pub fn pointer(text: &[u8], pointer: &str) -> Result<Range<usize>, PointerError> {
    let tokens = parse(pointer)?;
    // The open containers on the path, outermost first. Each belongs to the token of its depth.
    let mut open: Vec<Container> = Vec::with_capacity(tokens.len());
    let mut at = scan::skip_whitespace(text, 0);
    // Each iteration reads a value that matches the tokens so far. A later member with the same name replaces the
    // result, so one pass over the text is enough.
    'matching: loop {
        let mut found = None;
        match tokens.get(open.len()) {
            None => {
                let end = scan::skip(text, at);
                found = Some(at..end);
                at = end;
            }
            Some(token) => match scan::byte(text, at) {
                b'{' => {
                    open.push(Container::Object);
                    at += 1;
                }
                b'[' => {
                    let wanted = token.index;
                    open.push(Container::Array { next: 0, wanted });
                    at += 1;
                }
                _ => at = scan::skip(text, at),
            },
        }
        while let Some(depth) = open.len().checked_sub(1) {
            at = scan::skip_whitespace(text, at);
            match scan::byte(text, at) {
                b',' => at += 1,
                b']' | b'}' => {
                    open.pop();
                    at += 1;
                }
                _ if at >= text.len() => break,
                _ => {
                    let matches = match &mut open[depth] {
                        Container::Array { next, wanted } => {
                            let index = *next;
                            *next += 1;
                            *wanted == Some(index)
                        }
                        Container::Object => {
                            let (name, value) = walk::member(text, at);
                            at = value;
                            literal_is(&text[name], tokens[depth].name.as_bytes())
                        }
                    };
                    if matches {
                        continue 'matching;
                    }
                    at = scan::skip(text, at);
                }
            }
        }
        return found.ok_or(PointerError::NotFound);
    }
}

enum Container {
    Array { next: usize, wanted: Option<usize> },
    Object,
}

struct Token<'a> {
    name: Cow<'a, str>,
    /// The index that a token is for an array.
    index: Option<usize>,
}

fn parse(pointer: &str) -> Result<Vec<Token<'_>>, PointerError> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let tokens = pointer.strip_prefix('/').ok_or(PointerError::Malformed)?;
    tokens.split('/').map(token).collect()
}

fn token(escaped: &str) -> Result<Token<'_>, PointerError> {
    let mut pieces = escaped.split('~');
    let first = pieces.next().unwrap_or_default();
    let mut name = Cow::Borrowed(first);
    for piece in pieces {
        let (character, rest) = match piece.as_bytes().first() {
            Some(b'0') => ('~', &piece[1..]),
            Some(b'1') => ('/', &piece[1..]),
            _ => return Err(PointerError::Malformed),
        };
        let name = name.to_mut();
        name.push(character);
        name.push_str(rest);
    }
    let is_index = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_digit())
        && (name == "0" || !name.starts_with('0'));
    let index = is_index.then(|| name.parse().ok()).flatten();
    Ok(Token { name, index })
}
