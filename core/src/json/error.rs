//! Errors of JSON texts, placeholders, pointers and numbers.

use std::error::Error;
use std::fmt;

/// An error of a JSON text, and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    /// The kind of the error.
    pub kind: JsonErrorKind,
    /// The offset of the first invalid byte; the length of the text if it ends too early.
    pub offset: usize,
}

/// The kinds of errors of a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text does not match the grammar of RFC 8259.
    Syntax,
    /// Arrays and objects are nested deeper than allowed.
    Depth,
    /// The text is not valid UTF-8.
    Utf8,
    /// The value is not an array, which is required.
    NotAnArray,
    /// The value is not an object, which is required.
    NotAnObject,
    /// The event array is empty.
    NoName,
    /// The first element of the event array is neither a string nor a number.
    BadName,
    /// An escape is a lone surrogate, which UTF-8 cannot represent.
    LoneSurrogate,
}

impl JsonError {
    #[cold]
    pub(super) const fn new(kind: JsonErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    #[cold]
    pub(super) const fn syntax(offset: usize) -> Self {
        Self::new(JsonErrorKind::Syntax, offset)
    }
}

impl fmt::Display for JsonErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "invalid JSON",
            Self::Depth => "JSON nested too deeply",
            Self::Utf8 => "invalid UTF-8",
            Self::NotAnArray => "not a JSON array",
            Self::NotAnObject => "not a JSON object",
            Self::NoName => "no event name",
            Self::BadName => "the event name is neither a string nor a number",
            Self::LoneSurrogate => "lone surrogate in a JSON string",
        })
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl Error for JsonError {}

/// A placeholder without an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceholderError {
    /// The placeholder has no `num`, or one that is not an integer.
    NotAnInteger {
        /// The offset of the object.
        offset: usize,
    },
    /// The `num` of the placeholder is negative or too large.
    OutOfRange {
        /// The offset of the object.
        offset: usize,
    },
}

impl fmt::Display for PlaceholderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnInteger { offset } => {
                write!(f, "placeholder at byte {offset} has no integer num")
            }
            Self::OutOfRange { offset } => {
                write!(f, "placeholder at byte {offset} refers to no attachment")
            }
        }
    }
}

impl Error for PlaceholderError {}

/// Why a JSON pointer finds no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointerError {
    /// The pointer does not match the grammar of RFC 6901.
    Malformed,
    /// The pointer leads to a place that the document does not have.
    NotFound,
}

impl fmt::Display for PointerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed JSON pointer",
            Self::NotFound => "no value at this JSON pointer",
        })
    }
}

impl Error for PointerError {}

/// The number is NaN or infinite, which JSON cannot represent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFinite;

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON has no NaN and no infinities")
    }
}

impl Error for NotFinite {}
