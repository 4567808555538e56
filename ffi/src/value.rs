//! Values inside JSON texts, found by their pointer.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::json::{self, Kind, PointerError};
use bytes::Bytes;

use crate::error::Result;
use crate::types::{bw_bytes, bw_str};

/// The types of values.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_value_types {
    /// null
    BW_V_NULL = 0,
    /// true or false
    BW_V_BOOL = 1,
    /// A number without fraction or exponent that fits 64 bits.
    BW_V_INT = 2,
    /// Any other number.
    BW_V_NUMBER = 3,
    /// A string.
    BW_V_STRING = 4,
    /// An array.
    BW_V_ARRAY = 5,
    /// An object.
    BW_V_OBJECT = 6,
    /// A binary.
    BW_V_BINARY = 7,
}

/// A value in a message or handshake. Its pointers are valid as long as that object.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_value {
    /// BW_V_*
    pub r#type: i32,
    /// BOOL: 1 or 0.
    pub b: i32,
    /// INT; also NUMBER without a fraction, if it fits.
    pub i: i64,
    /// INT and NUMBER; infinite if the number is beyond the range of a double, as 1e999 is.
    pub f: f64,
    /// STRING: the decoded text. A lone surrogate cannot be UTF-8 and becomes U+FFFD.
    pub s: bw_str,
    /// BINARY: the bytes.
    pub bin: bw_bytes,
    /// The JSON text of the value.
    pub json: bw_str,
    /// ARRAY, OBJECT: the number of elements or members.
    pub n: usize,
    /// INT; also NUMBER without a fraction. For numbers above INT64_MAX; 0 if the number does not fit.
    pub u: u64,
}

impl bw_value {
    /// The value that is written if none was found.
    pub(crate) const NOTHING: Self = Self {
        r#type: 0,
        b: 0,
        i: 0,
        f: 0.0,
        s: bw_str::EMPTY,
        bin: bw_bytes {
            data: std::ptr::null(),
            len: 0,
        },
        json: bw_str::EMPTY,
        n: 0,
        u: 0,
    };

    /// The value at `pointer` in a checked text. Strings with escapes are decoded into `kept`.
    pub(crate) fn find(
        text: &[u8],
        pointer: &str,
        bins: &[Bytes],
        kept: &Kept<usize>,
    ) -> Result<Self> {
        let range = range(text, pointer)?;
        Self::at(text, range, bins, kept)
    }

    /// The value in this range of a valid JSON text.
    pub(crate) fn at(
        text: &[u8],
        range: Range<usize>,
        bins: &[Bytes],
        kept: &Kept<usize>,
    ) -> Result<Self> {
        let start = range.start;
        let json = &text[range];
        let mut value = Self {
            json: bw_str::view_bytes(json),
            ..Self::NOTHING
        };
        let kind = match json::kind_of(json) {
            Kind::Null => bw_value_types::BW_V_NULL,
            Kind::Bool => {
                value.b = i32::from(json == b"true");
                bw_value_types::BW_V_BOOL
            }
            Kind::Number => value.set_number(json),
            Kind::String => {
                value.s = string(json, start, kept)?;
                bw_value_types::BW_V_STRING
            }
            Kind::Array => {
                value.n = json::members(json);
                bw_value_types::BW_V_ARRAY
            }
            Kind::Object => match attachment(json, bins) {
                Some(bin) => {
                    value.bin = bw_bytes::view(bin);
                    bw_value_types::BW_V_BINARY
                }
                None => {
                    value.n = json::members(json);
                    bw_value_types::BW_V_OBJECT
                }
            },
        };
        value.r#type = kind as i32;
        Ok(value)
    }

    fn set_number(&mut self, json: &[u8]) -> bw_value_types {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        let text = std::str::from_utf8(json).unwrap_or_default();
        self.f = text.parse().unwrap_or_default();
        self.u = text.parse().unwrap_or_default();
        if let Ok(integer) = text.parse() {
            self.i = integer;
            return bw_value_types::BW_V_INT;
        }
        if self.f.fract() == 0.0 && (-LIMIT..LIMIT).contains(&self.f) {
            self.i = self.f as i64;
        }
        if self.u == 0 && self.f.fract() == 0.0 && (0.0..2.0 * LIMIT).contains(&self.f) {
            self.u = self.f as u64;
        }
        bw_value_types::BW_V_NUMBER
    }
}

/// The range of the value at `pointer` in a valid JSON text.
pub(crate) fn range(text: &[u8], pointer: &str) -> Result<Range<usize>> {
    json::pointer(text, pointer).map_err(|error| match error {
        PointerError::Malformed => {
            let text = format!("pointer {pointer:?} is not a JSON pointer: it must be \"\" or begin with \"/\", with only ~0 and ~1 as escapes");
            Error::new(ErrorKind::Argument, text)
        }
        PointerError::NotFound => {
            Error::new(ErrorKind::NotFound, format!("nothing at {pointer:?}"))
        }
    })
}

/// The text of a string literal that begins at the offset `start`.
pub(crate) fn string(literal: &[u8], start: usize, kept: &Kept<usize>) -> Result<bw_str> {
    // `get`, because the host can pass any part of a text to a cursor.
    let inside = literal.get(1..literal.len().saturating_sub(1));
    let inside = inside.unwrap_or_default();
    if !inside.contains(&b'\\') {
        return Ok(bw_str::view_bytes(inside));
    }
    kept.get_or_make(start, || {
        let decoded = json::decode_string_lossy(literal)
            .map_err(|error| Error::new(ErrorKind::Json, error.to_string()))?;
        Ok(decoded.text.into_owned())
    })
}

/// The attachment whose placeholder an object is.
fn attachment<'a>(object: &[u8], bins: &'a [Bytes]) -> Option<&'a Bytes> {
    if bins.is_empty() {
        return None;
    }
    let member = |name| json::pointer(object, name).ok().map(|range| &object[range]);
    if member("/_placeholder")? != b"true" {
        return None;
    }
    let index: usize = std::str::from_utf8(member("/num")?).ok()?.parse().ok()?;
    bins.get(index)
}

/// Texts that are made when they are first read and kept as long as their object.
pub(crate) struct Kept<K>(Mutex<BTreeMap<K, Box<str>>>);

impl<K> Kept<K> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl<K: Ord> Kept<K> {
    /// The text of `key`; it does not move.
    pub(crate) fn get_or_make(
        &self,
        key: K,
        make: impl FnOnce() -> Result<String>,
    ) -> Result<bw_str> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = kept.get(&key) {
            return Ok(bw_str::view(text));
        }
        let text = make()?.into_boxed_str();
        let view = bw_str::view(&text);
        kept.insert(key, text);
        Ok(view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bw_value_types as v;

    fn find(text: &str, pointer: &str) -> Result<bw_value> {
        bw_value::find(
            text.as_bytes(),
            pointer,
            &[Bytes::from_static(b"bin")],
            &Kept::new(),
        )
    }

    #[test]
    fn every_type_is_told() {
        let text = r#"[null,true,-3,1.5,2e3,"a\n",[1,2],{"a":1},{"_placeholder":true,"num":0},99999999999999999999]"#;
        let types: Vec<i32> = (0..10)
            .map(|n| find(text, &format!("/{n}")).unwrap().r#type)
            .collect();
        let expected = [
            v::BW_V_NULL,
            v::BW_V_BOOL,
            v::BW_V_INT,
            v::BW_V_NUMBER,
            v::BW_V_NUMBER,
            v::BW_V_STRING,
            v::BW_V_ARRAY,
            v::BW_V_OBJECT,
            v::BW_V_BINARY,
            v::BW_V_NUMBER,
        ];
        assert_eq!(types, expected.map(|kind| kind as i32));
        let number = find(text, "/4").unwrap();
        assert_eq!((number.i, number.f), (2000, 2000.0));
        let number = find(text, "/2").unwrap();
        assert_eq!((number.i, number.f), (-3, -3.0));
        assert_eq!(
            (find(text, "/6").unwrap().n, find(text, "/7").unwrap().n),
            (2, 1)
        );
        assert_eq!(find(text, "/8").unwrap().bin.len, 3);
        let kept = Kept::new();
        let string = bw_value::find(text.as_bytes(), "/5", &[], &kept).unwrap();
        assert_eq!(string.s.text("s").unwrap(), "a\n");
        assert_eq!(string.json.text("json").unwrap(), r#""a\n""#);
    }

    #[test]
    fn unsigned_numbers_are_whole() {
        let text = "[18446744073709551615,18446744073709551616,-1,1e19,0.5,7,0]";
        let unsigned = |n| find(text, &format!("/{n}")).unwrap().u;
        let expected = [u64::MAX, 0, 0, 10_000_000_000_000_000_000, 0, 7, 0];
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(unsigned), expected);
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        let text = |json| {
            let kept = Kept::new();
            let value = bw_value::find(json, "", &[], &kept).unwrap();
            value.s.text("s").unwrap().to_owned()
        };
        assert_eq!(text(br#""a\ud83d""#), "a\u{fffd}");
        assert_eq!(
            text(br#""\udc00\ud83d\ude00\ud83dx""#),
            "\u{fffd}\u{1f600}\u{fffd}x"
        );
    }

    #[test]
    fn pointers_that_lead_nowhere_are_told_apart() {
        let kind = |pointer| find("[[1]]", pointer).err().map(|error| error.kind());
        assert_eq!(kind(""), None);
        for pointer in ["/", "/-", "/01", "/1"] {
            assert_eq!(kind(pointer), Some(ErrorKind::NotFound), "{pointer}");
        }
        for pointer in ["0", "/0/~2"] {
            assert_eq!(kind(pointer), Some(ErrorKind::Argument), "{pointer}");
        }
        assert_eq!(kind("/0/0"), None);
    }
}
