//! What can be wrong with a JSON text, a placeholder, a pointer or a number.

use std::error::Error;
use std::fmt;

/// What is wrong with a JSON text, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// The offset in bytes of the first byte that is wrong; the length of the text if it ends too early.
    pub offset: usize,
}

/// The ways in which a text is not the JSON that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// Not the grammar of RFC 8259.
    Syntax,
    /// More arrays and objects inside one another than allowed.
    Depth,
    /// Not valid UTF-8.
    Utf8,
    /// Something else where an array is needed.
    NotAnArray,
    /// Something else where an object is needed.
    NotAnObject,
    /// The event array is empty.
    NoName,
    /// The first element of the event array is neither a string nor a number.
    BadName,
    /// Half of a surrogate pair, which JSON may spell but text cannot hold.
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

/// A placeholder that stands for no attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceholderError {
    /// The object that starts at this byte has no `num`, or one that is not an integer.
    NotAnInteger {
        /// Where the object starts.
        offset: usize,
    },
    /// The `num` of the object that starts at this byte is negative or too large.
    OutOfRange {
        /// Where the object starts.
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

/// Why a JSON pointer leads to no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointerError {
    /// Not the grammar of RFC 6901.
    Malformed,
    /// The text has no value there.
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

/// JSON has no way to write NaN and the infinities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFinite;

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON has no NaN and no infinities")
    }
}

impl Error for NotFinite {}
