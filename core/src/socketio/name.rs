//! The name of an event. JSON strings can hold half of a surrogate pair, which UTF-8 text cannot: a name with one is
//! carried as its JSON literal besides.

use crate::json;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventName<'a> {
    text: &'a str,
    literal: Option<&'a str>,
}

impl<'a> From<&'a str> for EventName<'a> {
    fn from(text: &'a str) -> Self {
        Self {
            text,
            literal: None,
        }
    }
}

impl<'a> EventName<'a> {
    /// A name whose text has U+FFFD for each half of a surrogate pair; `literal`, if there is one, is the JSON string
    /// that has them, quotes included.
    pub fn new(text: &'a str, literal: Option<&'a str>) -> Self {
        Self { text, literal }
    }

    /// The name, with U+FFFD for each half of a surrogate pair.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The name as a JSON string, quotes included, if [`EventName::text`] is not all of it.
    pub fn literal(&self) -> Option<&'a str> {
        self.literal
    }

    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        self.literal.unwrap_or(self.text).len()
    }

    /// Appends the name as a JSON string, quotes included.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self.literal {
            Some(literal) => out.extend_from_slice(literal.as_bytes()),
            None => json::write_string(out, self.text),
        }
    }
}
