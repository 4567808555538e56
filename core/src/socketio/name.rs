//! Names of events. A JSON string can have a lone surrogate, which UTF-8 cannot represent; a name with one keeps its
//! JSON literal too.

use crate::json;

/// The name of an event.
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
    /// A name whose text has U+FFFD for each lone surrogate. If there are any, `literal` is the JSON string with them,
    /// with its quotes.
    pub fn new(text: &'a str, literal: Option<&'a str>) -> Self {
        Self { text, literal }
    }

    /// The name, with U+FFFD for each lone surrogate.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The name as a JSON string with its quotes, if it has lone surrogates.
    pub fn literal(&self) -> Option<&'a str> {
        self.literal
    }

    /// The number of bytes that the name takes in a packet, without quotes and escapes.
    pub fn size(&self) -> usize {
        self.literal.unwrap_or(self.text).len()
    }

    /// Appends the name as a JSON string with its quotes.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self.literal {
            Some(literal) => out.extend_from_slice(literal.as_bytes()),
            None => json::write_string(out, self.text),
        }
    }
}
