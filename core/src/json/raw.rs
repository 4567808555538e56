//! A checked JSON text that owns its bytes.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::json::error::{JsonError, JsonErrorKind, PointerError};
use crate::json::{Kind, check, kind_of, members, pointer, scan};

/// One JSON value as checked text, cheap to clone.
///
/// It starts and ends with the value itself, without whitespace around it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson {
    text: Bytes,
}

impl RawJson {
    /// How deep a value may be nested where nobody says otherwise.
    pub const DEFAULT_MAX_DEPTH: usize = 128;

    /// Checks `text` as [`check`] does and keeps it.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: impl Into<Bytes>, max_depth: usize) -> Result<Self, JsonError> {
        let text = text.into();
        check(&text, max_depth)?;
        Ok(Self::from_checked(text))
    }

    /// As [`RawJson::parse`], for an array.
    ///
    /// # Errors
    /// `NotAnArray` for other values; otherwise what is wrong with the text, and where.
    pub fn parse_array(text: impl Into<Bytes>, max_depth: usize) -> Result<Self, JsonError> {
        Self::parse(text, max_depth)?.only(Kind::Array, JsonErrorKind::NotAnArray)
    }

    /// As [`RawJson::parse`], for an object.
    ///
    /// # Errors
    /// `NotAnObject` for other values; otherwise what is wrong with the text, and where.
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

    /// Keeps a text that has been checked, or a value out of one.
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

    /// The text. Prefer [`RawJson::as_bytes`] where bytes will do: this looks at all of them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        simdutf8::basic::from_utf8(&self.text).expect("checked when it was made")
    }

    /// The shared bytes themselves.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.text
    }

    /// Gives the shared bytes away.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.text
    }

    /// The kind of the value.
    #[must_use]
    pub fn kind(&self) -> Kind {
        kind_of(&self.text)
    }

    /// How many elements or members it has; 0 for other kinds.
    #[must_use]
    pub fn members(&self) -> usize {
        members(&self.text)
    }

    /// The value an RFC 6901 pointer leads to, sharing the bytes.
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
