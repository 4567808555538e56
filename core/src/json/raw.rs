//! Valid JSON texts that own their bytes.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::json::error::{JsonError, JsonErrorKind, PointerError};
use crate::json::{Kind, check, kind_of, members, pointer, scan};

/// One JSON value as valid text. Cloning shares the bytes.
///
/// The value has no whitespace around it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson {
    text: Bytes,
}

impl RawJson {
    /// The default limit of nesting.
    pub const DEFAULT_MAX_DEPTH: usize = 128;

    /// Validates a text as [`check`] does, and stores it.
    ///
    /// # Errors
    /// The first error and its place.
    pub fn parse(text: impl Into<Bytes>, max_depth: usize) -> Result<Self, JsonError> {
        let text = text.into();
        check(&text, max_depth)?;
        Ok(Self::from_checked(text))
    }

    /// As [`RawJson::parse`], for an array.
    ///
    /// # Errors
    /// `NotAnArray` for other values; otherwise the first error and its place.
    pub fn parse_array(text: impl Into<Bytes>, max_depth: usize) -> Result<Self, JsonError> {
        Self::parse(text, max_depth)?.only(Kind::Array, JsonErrorKind::NotAnArray)
    }

    /// As [`RawJson::parse`], for an object.
    ///
    /// # Errors
    /// `NotAnObject` for other values; otherwise the first error and its place.
    pub fn parse_object(text: impl Into<Bytes>, max_depth: usize) -> Result<Self, JsonError> {
        Self::parse(text, max_depth)?.only(Kind::Object, JsonErrorKind::NotAnObject)
    }

    fn only(self, kind: Kind, otherwise: JsonErrorKind) -> Result<Self, JsonError> {
        if self.kind() == kind {
            Ok(self)
        } else {
            Err(JsonError::new(otherwise, 0))
        }
    }

    /// Stores a valid text, or a value of one.
    #[must_use]
    pub(crate) fn from_checked(text: Bytes) -> Self {
        debug_assert_eq!(check(&text, usize::MAX).err(), None, "the text was checked");
        let start = scan::skip_whitespace(&text, 0).min(text.len());
        let end = text
            .iter()
            .rposition(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
            .map_or(start, |last| last + 1);
        if start == 0 && end == text.len() {
            return Self { text };
        }
        Self {
            text: text.slice(start..end),
        }
    }

    /// `null`
    #[must_use]
    pub const fn null() -> Self {
        Self {
            text: Bytes::from_static(b"null"),
        }
    }

    /// `[]`
    #[must_use]
    pub const fn empty_array() -> Self {
        Self {
            text: Bytes::from_static(b"[]"),
        }
    }

    /// `{}`
    #[must_use]
    pub const fn empty_object() -> Self {
        Self {
            text: Bytes::from_static(b"{}"),
        }
    }

    /// The text's bytes, which are valid UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The text. Validates the UTF-8 again, so [`RawJson::as_bytes`] is faster.
    #[must_use]
    pub fn as_str(&self) -> &str {
        simdutf8::basic::from_utf8(&self.text).expect("checked when it was made")
    }

    /// The shared bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.text
    }

    /// Returns the shared bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.text
    }

    /// The kind of the value.
    #[must_use]
    pub fn kind(&self) -> Kind {
        kind_of(&self.text)
    }

    /// The number of elements or members; 0 for other kinds.
    #[must_use]
    pub fn members(&self) -> usize {
        members(&self.text)
    }

    /// The value at an RFC 6901 pointer, which shares the bytes.
    ///
    /// # Errors
    /// As [`pointer`](crate::json::pointer()).
    pub fn get(&self, path: &str) -> Result<Self, PointerError> {
        let range = pointer(&self.text, path)?;
        Ok(Self {
            text: self.text.slice(range),
        })
    }
}

impl AsRef<[u8]> for RawJson {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RawJson {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Self, JsonError> {
        Self::parse(
            Bytes::copy_from_slice(text.as_bytes()),
            Self::DEFAULT_MAX_DEPTH,
        )
    }
}
