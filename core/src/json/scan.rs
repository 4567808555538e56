//! The byte scanner: it validates a text in one pass, without recursion, and without allocation up to 64 levels. Long
//! values go through `blocks`, which handles many bytes at once. Positions are byte offsets into the whole text. Bytes
//! after the end read as zero, which the grammar accepts nowhere, so that the end of the text is not a special case.

use crate::json::error::{JsonError, JsonErrorKind};

/// The name of the member that marks an object as a placeholder.
pub(super) const PLACEHOLDER: &[u8] = b"_placeholder";

/// A value that has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scanned {
    /// One past its last byte.
    pub(super) end: usize,
    /// Whether an object in the value has a member named `_placeholder`.
    pub(super) placeholders: bool,
}

/// A string literal that has been read.
#[derive(Clone, Copy)]
pub(super) struct Literal {
    /// One past the closing quote.
    pub(super) end: usize,
    /// Whether the literal has a backslash.
    pub(super) escaped: bool,
}

#[inline(always)]
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    match text.get(at) {
        Some(&byte) => byte,
        None => 0,
    }
}

#[inline(always)]
pub(super) fn skip_whitespace(text: &[u8], mut at: usize) -> usize {
    while matches!(byte(text, at), b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

/// Checks that only whitespace follows.
pub(super) fn only_whitespace(text: &[u8], at: usize) -> Result<(), JsonError> {
    let at = skip_whitespace(text, at);
    if at < text.len() {
        return Err(JsonError::syntax(at));
    }
    Ok(())
}

/// The end of the value that starts at `at` in a valid text.
pub(super) fn skip(text: &[u8], at: usize) -> usize {
    // Validating again costs little, and makes an invalid text harmless.
    bytewise(text, at, usize::MAX).map_or(text.len(), |value| value.end)
}

/// Validates the value whose first byte is at `at`.
pub(super) fn value(text: &[u8], at: usize, max_depth: usize) -> Result<Scanned, JsonError> {
    #[cfg(target_arch = "x86_64")]
    if text.len().saturating_sub(at) >= WORTH_BLOCKS
        && let Some(value) = crate::json::blocks::value(text, at, max_depth)
    {
        return Ok(value);
    }
    bytewise(text, at, max_depth)
}

/// The block scanner is faster if at least this many bytes are left.
#[cfg(target_arch = "x86_64")]
const WORTH_BLOCKS: usize = 128;

/// Validates a value byte by byte, on any processor.
pub(super) fn bytewise(text: &[u8], mut at: usize, max_depth: usize) -> Result<Scanned, JsonError> {
    let mut open = Open::default();
    let mut placeholders = false;
    'value: loop {
        match byte(text, at) {
            b'"' => at = string(text, at + 1)?.end,
            b'{' => {
                if open.depth == max_depth {
                    return Err(JsonError::new(JsonErrorKind::Depth, at));
                }
                at = skip_whitespace(text, at + 1);
                if byte(text, at) == b'}' {
                    at += 1;
                } else {
                    open.push(Container::Object);
                    at = key(text, at, &mut placeholders)?;
                    continue 'value;
                }
            }
            b'[' => {
                if open.depth == max_depth {
                    return Err(JsonError::new(JsonErrorKind::Depth, at));
                }
                at = skip_whitespace(text, at + 1);
                if byte(text, at) == b']' {
                    at += 1;
                } else {
                    open.push(Container::Array);
                    continue 'value;
                }
            }
            b'-' | b'0'..=b'9' => at = number(text, at)?,
            b't' => at = word(text, at, b"true")?,
            b'f' => at = word(text, at, b"false")?,
            b'n' => at = word(text, at, b"null")?,
            _ => return Err(JsonError::syntax(at)),
        }
        while open.depth > 0 {
            at = skip_whitespace(text, at);
            match (byte(text, at), open.innermost()) {
                (b',', Container::Object) => {
                    at = skip_whitespace(text, at + 1);
                    at = key(text, at, &mut placeholders)?;
                    continue 'value;
                }
                (b',', Container::Array) => {
                    at = skip_whitespace(text, at + 1);
                    continue 'value;
                }
                (b'}', Container::Object) | (b']', Container::Array) => {
                    open.pop();
                    at += 1;
                }
                _ => return Err(JsonError::syntax(at)),
            }
        }
        return Ok(Scanned {
            end: at,
            placeholders,
        });
    }
}

/// Validates the name of a member and the colon. Returns the start of the value.
#[inline(always)]
fn key(text: &[u8], at: usize, placeholders: &mut bool) -> Result<usize, JsonError> {
    if byte(text, at) != b'"' {
        return Err(JsonError::syntax(at));
    }
    let name = string(text, at + 1)?;
    if name.end - at == PLACEHOLDER.len() + 2 || name.escaped {
        *placeholders |= is_placeholder(&text[at..name.end]);
    }
    let at = skip_whitespace(text, name.end);
    if byte(text, at) != b':' {
        return Err(JsonError::syntax(at));
    }
    Ok(skip_whitespace(text, at + 1))
}

#[inline(never)]
fn is_placeholder(literal: &[u8]) -> bool {
    crate::json::decode::literal_is(literal, PLACEHOLDER)
}

/// Validates the string whose opening quote is just before `at`.
#[inline(always)]
pub(super) fn string(text: &[u8], at: usize) -> Result<Literal, JsonError> {
    let at = plain_run(text, at);
    if byte(text, at) == b'"' {
        return Ok(Literal {
            end: at + 1,
            escaped: false,
        });
    }
    escaped_string(text, at)
}

/// Validates the rest of a string, from its first backslash or control character.
#[inline(never)]
fn escaped_string(text: &[u8], mut at: usize) -> Result<Literal, JsonError> {
    loop {
        match byte(text, at) {
            b'"' => {
                return Ok(Literal {
                    end: at + 1,
                    escaped: true,
                });
            }
            b'\\' => match byte(text, at + 1) {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' => {
                    for digit in at + 2..at + 6 {
                        if !byte(text, digit).is_ascii_hexdigit() {
                            return Err(JsonError::syntax(digit));
                        }
                    }
                    at += 6;
                }
                _ => return Err(JsonError::syntax(at + 1)),
            },
            _ => return Err(JsonError::syntax(at)),
        }
        at = plain_run(text, at);
    }
}

/// The place of the first quote, backslash or control character from `at` on; the length of the text if there is none.
#[inline(always)]
pub(super) fn plain_run(text: &[u8], mut at: usize) -> usize {
    // Most strings are names and short words, whose end is within two words of eight bytes.
    for _ in 0..2 {
        let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) else {
            return plain_tail(text, at);
        };
        if let Some(index) = first_special(*word) {
            return at + index;
        }
        at += 8;
    }
    long_plain_run(text, at)
}

#[inline(never)]
fn long_plain_run(text: &[u8], mut at: usize) -> usize {
    let Some(rest) = text.get(at..) else {
        return at;
    };
    at += if rest.len() < LONG {
        plain_blocks(rest)
    } else {
        pulp::Arch::new().dispatch(|| plain_blocks(rest))
    };
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        if let Some(index) = first_special(*word) {
            return at + index;
        }
        at += 8;
    }
    plain_tail(text, at)
}

/// From this length on, choosing by the processor's instructions is faster.
const LONG: usize = 512;

/// The length of the blocks at the start that have no special byte.
#[inline(always)]
pub(super) fn plain_blocks(text: &[u8]) -> usize {
    let mut len = 0;
    for block in text.as_chunks::<64>().0 {
        // Without an early exit this fold becomes vector instructions.
        let special = block
            .iter()
            .fold(0, |special, &byte| special | u8::from(is_special(byte)));
        if special != 0 {
            break;
        }
        len += 64;
    }
    len
}

#[inline(always)]
fn plain_tail(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|&byte| !is_special(byte)) {
        at += 1;
    }
    at
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// The index of the first special byte of eight.
#[inline(always)]
fn first_special(bytes: [u8; 8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x80 * ONES;
    let word = u64::from_le_bytes(bytes);
    let quotes = word ^ (ONES * b'"' as u64);
    let backslashes = word ^ (ONES * b'\\' as u64);
    // Subtracting sets the high bit of a lane that is too small. A borrow can reach lanes above a
    // hit, never below it, so the lowest bit that is set is always a true one.
    let hits = (quotes.wrapping_sub(ONES) & !quotes
        | backslashes.wrapping_sub(ONES) & !backslashes
        | word.wrapping_sub(ONES * 0x20) & !word)
        & HIGHS;
    (hits != 0).then(|| (hits.trailing_zeros() / 8) as usize)
}

/// Validates the number that starts at `at`. Returns its end.
#[inline(always)]
pub(super) fn number(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if byte(text, at) == b'-' {
        at += 1;
    }
    if byte(text, at) == b'0' {
        at += 1;
    } else {
        at = digits(text, at)?;
    }
    if byte(text, at) == b'.' {
        at = digits(text, at + 1)?;
    }
    if matches!(byte(text, at), b'e' | b'E') {
        at += 1;
        if matches!(byte(text, at), b'+' | b'-') {
            at += 1;
        }
        at = digits(text, at)?;
    }
    Ok(at)
}

#[inline(always)]
fn digits(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if !byte(text, at).is_ascii_digit() {
        return Err(JsonError::syntax(at));
    }
    at += 1;
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    Ok(at)
}

#[inline(always)]
fn word(text: &[u8], at: usize, expected: &[u8]) -> Result<usize, JsonError> {
    for (index, &letter) in expected.iter().enumerate() {
        if byte(text, at + index) != letter {
            return Err(JsonError::syntax(at + index));
        }
    }
    Ok(at + expected.len())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Array = 0,
    Object = 1,
}

/// The open arrays and objects: one bit for each, the innermost lowest.
#[derive(Default)]
struct Open {
    kinds: u64,
    depth: usize,
    /// Full words of 64 levels.
    outer: Vec<u64>,
}

impl Open {
    #[inline(always)]
    fn push(&mut self, container: Container) {
        if self.depth != 0 && self.depth.is_multiple_of(64) {
            self.spill();
        }
        self.kinds = self.kinds << 1 | container as u64;
        self.depth += 1;
    }

    #[inline(always)]
    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
        if self.depth != 0 && self.depth.is_multiple_of(64) {
            self.unspill();
        }
    }

    #[cold]
    fn spill(&mut self) {
        self.outer.push(self.kinds);
    }

    #[cold]
    fn unspill(&mut self) {
        self.kinds = self.outer.pop().unwrap_or(0);
    }

    #[inline(always)]
    fn innermost(&self) -> Container {
        if self.kinds & 1 == 1 {
            Container::Object
        } else {
            Container::Array
        }
    }
}
