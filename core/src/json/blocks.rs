//! The block scanner: it validates arrays and objects that are not short, 64 bytes at a time.
//!
//! It only confirms that a value is valid. For an invalid value, or one with a rare form, it returns `None`; the
//! scanner in `scan` then starts over, and finds the exact error and its place.
//!
//! Each block is converted to a mask for each class of bytes, without the bytes inside strings. The grammar is then a
//! few rules about which bytes may follow which, each of them one expression for the block:
//!
//! - An item starts after an opening bracket or a comma, and a value after a comma or a colon. Strings, numbers, words
//!   and opening brackets start only there, and nothing else starts there, except that a closing bracket may follow an
//!   opening one.
//! - An item of an object begins with a string, its key. A colon follows each key, and colons stand nowhere else.
//! - A closing bracket is of the kind that was opened last.
//! - A number has a digit after its sign and after its dot, a dot only after digits, no second dot, and no digit after
//!   a leading zero.
//! - No control character is in a string.
//!
//! No rule says that only a comma or a closing bracket may follow a value: it follows from the others.
//!
//! The first byte after a run of bytes is found with an addition (see [`Carry`]). Only brackets, escapes, words and
//! exponents are handled one by one.

use pulp::NullaryFnOnce;
use pulp::x86::V3;

use crate::json::carry::{Carry, between_pairs};
use crate::json::classes::{BLOCK, Classes};
use crate::json::scan::{self, PLACEHOLDER, Scanned, byte};

/// Validates the array or object that starts at `start`. Returns `None` if it is invalid, has a rare form, or the
/// processor lacks the instructions.
#[inline]
pub(super) fn value(text: &[u8], start: usize, max_depth: usize) -> Option<Scanned> {
    if !matches!(byte(text, start), b'[' | b'{') {
        return None;
    }
    let simd = V3::try_new()?;
    simd.vectorize(Check {
        simd,
        text,
        start,
        max_depth,
    })
}

struct Check<'a> {
    simd: V3,
    text: &'a [u8],
    start: usize,
    max_depth: usize,
}

impl NullaryFnOnce for Check<'_> {
    type Output = Option<Scanned>;

    // The functions called here are inlined, so that they are compiled for the instructions.
    #[inline(always)]
    fn call(self) -> Option<Scanned> {
        let text = self.text;
        let mut rules = Rules::new(text, self.max_depth);
        let mut padded = [b' '; BLOCK];
        let mut at = self.start;
        while at < text.len() {
            let rest = &text[at..];
            let block = rest.first_chunk().unwrap_or_else(
                #[inline(always)]
                || {
                    padded[..rest.len()].copy_from_slice(rest);
                    &padded
                },
            );
            let classes = Classes::of(self.simd, block);
            if let Some(len) = rules.check(at, &classes)? {
                return Some(Scanned {
                    end: at + len,
                    placeholders: rules.placeholders,
                });
            }
            at += BLOCK;
            if rules.in_string != 0 && classes.quote | classes.backslash == 0 {
                // The block is inside a long string, and the state does not change before the string ends.
                at += scan::plain_blocks(text.get(at..)?);
            }
        }
        None
    }
}

/// The state after the blocks so far.
struct Rules<'a> {
    text: &'a [u8],
    /// All ones if the block starts inside a string.
    in_string: u64,
    /// One if a backslash escapes the first byte of the block.
    escaped: u64,
    containers: Containers,
    // For each mask that is shifted, the bit that was shifted out of the last block.
    item: Carry,
    value: Carry,
    key: Carry,
    name: Carry,
    scalar: Carry,
    sign: Carry,
    sign_or_dot: Carry,
    leading_zero: Carry,
    fraction: Carry,
    placeholders: bool,
}

impl<'a> Rules<'a> {
    fn new(text: &'a [u8], max_depth: usize) -> Self {
        Self {
            text,
            in_string: 0,
            escaped: 0,
            containers: Containers::new(max_depth),
            item: Carry::default(),
            // The first byte starts a value.
            value: Carry::one(),
            key: Carry::default(),
            name: Carry::default(),
            scalar: Carry::default(),
            sign: Carry::default(),
            sign_or_dot: Carry::default(),
            leading_zero: Carry::default(),
            fraction: Carry::default(),
            placeholders: false,
        }
    }

    /// Validates the block at `at`. If the value ends in the block, returns how many bytes of it belong to the value.
    #[inline(always)]
    fn check(&mut self, at: usize, classes: &Classes) -> Option<Option<usize>> {
        let escaped = self.escaped(at, classes.backslash)?;
        let quote = classes.quote & !escaped;
        let in_string = between_pairs(quote) ^ self.in_string;
        self.in_string = (in_string.cast_signed() >> 63).cast_unsigned();

        let outside = !in_string;
        let (comma, colon) = (classes.comma & outside, classes.colon & outside);
        let (open, close) = (classes.open & outside, classes.close & outside);
        let whitespace = classes.whitespace & outside;
        let blank = in_string | quote | whitespace;
        let scalar = !(blank | comma | colon | open | close);
        let scalar_start = scalar & !self.scalar.after(scalar);
        let wrong_scalar = self.wrong_scalars(at, scalar, scalar_start, classes)?;

        let in_object = self.containers.pass(open, close, classes.curly)?;
        let item = self.item.next(open | comma, whitespace);
        let value = self.value.next(comma | colon, whitespace);
        let string_start = quote & in_string;
        let key = item & in_object & string_start;
        let passed = self.key.through(key, blank);
        if classes.backslash & blank & !passed != 0 {
            // A key with escapes is rare, and may be an escaped form of the placeholder's name.
            return None;
        }
        self.placeholders |= self.is_placeholder(at, key, quote);

        let start = string_start | scalar_start | open;
        let wrong = (start ^ (item | value)) & !(close & !value)
            | start & !string_start & item & in_object
            | passed & !blank ^ colon
            | close & (in_object ^ classes.curly)
            | classes.control & in_string
            | wrong_scalar;
        let inside = self.containers.inside;
        let len = inside.count_ones() as usize;
        (wrong & inside == 0).then_some(self.containers.is_over().then_some(len))
    }

    /// The bytes that a backslash escapes, if all escapes are valid.
    #[inline(always)]
    fn escaped(&mut self, at: usize, backslash: u64) -> Option<u64> {
        let mut escaped = self.escaped;
        self.escaped = 0;
        let mut escapes = backslash & !escaped;
        while escapes != 0 {
            let escape = escapes & escapes.wrapping_neg();
            if !is_escape(self.text, at + escape.trailing_zeros() as usize) {
                return None;
            }
            let next = escape << 1;
            self.escaped = u64::from(next == 0);
            escaped |= next;
            escapes &= !(escape | next);
        }
        Some(escaped)
    }

    /// The bytes at which a number is invalid. Words, and numbers with exponents, are validated as a whole.
    #[inline(always)]
    fn wrong_scalars(
        &mut self,
        at: usize,
        scalar: u64,
        start: u64,
        classes: &Classes,
    ) -> Option<u64> {
        let digit = classes.digit;
        let sign = classes.minus & start;
        let dot = classes.dot & scalar;
        let mut other = scalar & !(digit | sign | dot);
        while other != 0 {
            let end = word_or_number(self.text, at + other.trailing_zeros() as usize)?;
            other &= u64::MAX
                .checked_shl((end - at).min(BLOCK) as u32)
                .unwrap_or(0);
        }
        let leading_zero = classes.zero & (start | self.sign.after(sign));
        let mut wrong = self.sign_or_dot.after(sign | dot) & !digit
            | dot & start
            | self.leading_zero.after(leading_zero) & digit;
        if dot != 0 || self.fraction.is_some() {
            wrong |= self.fraction.next(dot, digit) & dot;
        }
        Some(wrong)
    }

    /// Whether one of the keys is the name of the placeholder's member.
    #[inline(always)]
    fn is_placeholder(&mut self, at: usize, key: u64, quote: u64) -> bool {
        // Few names have the same length.
        const LEN: usize = PLACEHOLDER.len();
        let mut ends = self.name.ahead(key, LEN + 1) & quote;
        let mut found = false;
        while ends != 0 {
            let end = at + ends.trailing_zeros() as usize;
            found |= self.text[end - LEN..end] == *PLACEHOLDER;
            ends &= ends - 1;
        }
        found
    }
}

/// The open arrays and objects.
struct Containers {
    /// One bit for each, set for an object. The innermost is the lowest bit; a set bit is above the outermost.
    kinds: u64,
    /// The bits above the allowed number of containers.
    too_deep: u64,
    in_object: Carry,
    /// The bytes of the block that belong to the value.
    inside: u64,
}

impl Containers {
    fn new(max_depth: usize) -> Self {
        const DEEPEST: usize = u64::BITS as usize - 2;
        Self {
            kinds: 1,
            too_deep: !1 << max_depth.min(DEEPEST),
            in_object: Carry::default(),
            inside: !0,
        }
    }

    /// Handles the brackets of a block. Returns the bytes inside objects: the closing bracket is included, the opening
    /// one is not.
    #[inline(always)]
    fn pass(&mut self, open: u64, close: u64, curly: u64) -> Option<u64> {
        let mut kinds = self.kinds;
        let mut deepest = 0;
        let mut in_object = 0;
        let mut brackets = open | close;
        let others = !brackets;
        while brackets != 0 {
            let place = brackets.trailing_zeros();
            let pushed = kinds << 1 | curly >> place & 1;
            let popped = kinds >> 1;
            kinds = if open >> place & 1 == 1 {
                pushed
            } else {
                popped
            };
            deepest |= kinds;
            if kinds == 1 {
                self.inside = !(!1 << place);
                break;
            }
            in_object |= (kinds & 1) << place;
            brackets &= brackets - 1;
        }
        self.kinds = kinds;
        if deepest & self.too_deep != 0 {
            return None;
        }
        Some(self.in_object.behind(in_object, others) ^ others)
    }

    /// Whether the outermost container has been closed.
    fn is_over(&self) -> bool {
        self.kinds == 1
    }
}

/// Whether the backslash at `at` starts a valid escape.
#[inline(always)]
fn is_escape(text: &[u8], at: usize) -> bool {
    match byte(text, at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => true,
        b'u' => (at + 2..at + 6).all(|digit| byte(text, digit).is_ascii_hexdigit()),
        _ => false,
    }
}

/// Validates the word or number around `at`. Returns its end.
#[inline(always)]
fn word_or_number(text: &[u8], at: usize) -> Option<usize> {
    let before = text[..at].iter().rev();
    let start = at
        - before
            .take_while(|&&byte| IS_SCALAR[usize::from(byte)])
            .count();
    let end = match text[start..]
        .first_chunk()
        .map(|word| u32::from_le_bytes(*word))
    {
        Some(TRUE | NULL) => start + 4,
        Some(FALS) if byte(text, start + 4) == b'e' => start + 5,
        _ => scan::number(text, start).ok()?,
    };
    (!IS_SCALAR[usize::from(byte(text, end))]).then_some(end)
}

const TRUE: u32 = u32::from_le_bytes(*b"true");
const NULL: u32 = u32::from_le_bytes(*b"null");
const FALS: u32 = u32::from_le_bytes(*b"fals");

/// The bytes that are not single-byte tokens, quotes or whitespace.
static IS_SCALAR: [bool; 256] = {
    let mut table = [true; 256];
    let others = b"[]{},:\" \t\n\r";
    let mut index = 0;
    while index < others.len() {
        table[others[index] as usize] = false;
        index += 1;
    }
    table
};
