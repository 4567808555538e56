//! What one drain hands over: records of numbers, one text that they point into, and attachments.
//!
//! | word | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
//! |---|---|---|---|---|---|---|---|---|
//! | | kind | handle | a | b | start of the text | its middle | its end | attachments, or c |
//!
//! Positions in the text are UTF-16 code units, as JavaScript counts.

use bytes::Bytes;

/// Words of a record.
pub(crate) const STRIDE: usize = 8;

/// The first word of a record; `lib/kinds.js` has the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Connection = 1,
    Message = 2,
    MessageWithAck = 3,
    Text = 4,
    Binary = 5,
    Disconnecting = 6,
    Disconnect = 7,
    Upgrade = 8,
    Acked = 9,
    Middleware = 10,
    Room = 11,
    ConnectionError = 12,
    Fault = 13,
    Shutdown = 14,
    Released = 15,
}

/// The numbers of a record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(crate) handle: u32,
    pub(crate) a: u32,
    pub(crate) b: u32,
    pub(crate) c: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) text: Vec<u8>,
    /// The length of the text for JavaScript.
    units: u32,
    pub(crate) records: Vec<u32>,
    pub(crate) attachments: Vec<Bytes>,
}

impl Batch {
    /// Adds a record with two parts of text, either of which may be empty.
    pub(crate) fn push(&mut self, kind: Kind, numbers: Numbers, first: &[u8], second: &[u8]) {
        let start = self.units;
        let middle = self.add(first);
        let end = self.add(second);
        let Numbers { handle, a, b, c } = numbers;
        self.records
            .extend([kind as u32, handle, a, b, start, middle, end, c]);
    }

    /// The same with attachments, whose number is the last word.
    pub(crate) fn push_with(
        &mut self,
        kind: Kind,
        numbers: Numbers,
        (first, second): (&[u8], &[u8]),
        attachments: &[Bytes],
    ) {
        let c = attachments.len() as u32;
        self.push(kind, Numbers { c, ..numbers }, first, second);
        self.attachments.extend_from_slice(attachments);
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len() / STRIDE
    }

    /// Empties it; an unusually large text is not kept.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(1 << 20);
        self.units = 0;
        self.records.clear();
        self.attachments.clear();
    }

    fn add(&mut self, text: &[u8]) -> u32 {
        self.text.extend_from_slice(text);
        self.units += utf16_length(text);
        self.units
    }
}

/// How many code units a UTF-8 text has: one for each character, two for those of four bytes.
fn utf16_length(text: &[u8]) -> u32 {
    if text.is_ascii() {
        return text.len() as u32;
    }
    text.iter()
        .map(|byte| u32::from(byte & 0xc0 != 0x80) + u32::from(*byte >= 0xf0))
        .sum()
}
