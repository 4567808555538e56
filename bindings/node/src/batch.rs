//! The result of a drain: fixed-size records, the text that records refer to, the arguments of all messages as one JSON
//! array, and attachments.
//!
//! | word | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
//! |---|---|---|---|---|---|---|---|---|
//! | message | kind | handle | ack, low | ack, high | name | arguments | 0 | attachments |
//! | any other | kind | handle | a | b | start of the text | its middle | its end | attachments, or c |
//!
//! Positions in the text are counted in UTF-16 code units, like positions in JavaScript strings. Arguments and attachments
//! are in the order of the records, so a record holds only their number.

use bellwire_core::socketio::event::MessageRef;
use bytes::Bytes;

/// Number of words in a record.
pub(crate) const STRIDE: usize = 8;

/// Number of words before the first record: the number of records, and 1 if more events wait.
pub(crate) const HEAD: usize = 2;

/// The first word of a record. The numbers must match `lib/kinds.js`.
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
    /// Assigns an event name to the number `a`. The text is the name, or a JSON literal of the name if `c` is 1.
    Name = 16,
    AllowRequest = 17,
    Headers = 18,
    Dropped = 19,
    /// A line of the log; `a` is its level, from 1 (error) to 5 (trace).
    Log = 20,
}

/// The words of a record other than its kind and text positions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(crate) handle: u32,
    pub(crate) a: u32,
    pub(crate) b: u32,
    pub(crate) c: u32,
}

/// The socket, acknowledgement id and name of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) handle: u32,
    pub(crate) ack: Option<u64>,
    /// The number of the event name, assigned by a [`Kind::Name`] record.
    pub(crate) name: u32,
}

#[derive(Debug)]
pub(crate) struct Batch {
    text: Vec<u8>,
    /// The length of `text` in UTF-16 code units.
    units: u32,
    args: Vec<u8>,
    records: Vec<u32>,
    pub(crate) attachments: Vec<Bytes>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            units: 0,
            args: vec![b'['],
            records: vec![0; HEAD],
            attachments: Vec::new(),
        }
    }
}

impl Batch {
    /// Adds a record with two strings, both possibly empty.
    pub(crate) fn push(&mut self, kind: Kind, numbers: Numbers, first: &[u8], second: &[u8]) {
        let start = self.units;
        let middle = self.add(first);
        let end = self.add(second);
        let Numbers { handle, a, b, c } = numbers;
        self.records
            .extend([kind as u32, handle, a, b, start, middle, end, c]);
    }

    /// Adds a record with attachments; their number is the last word.
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

    /// Adds a message record for an event from a client.
    pub(crate) fn push_message(&mut self, head: Head, message: &MessageRef<'_>) {
        // The core counts the arguments of each event from a client.
        let count = message.arg_count.unwrap_or(0);
        if count > 0 {
            if self.args.len() > 1 {
                self.args.push(b',');
            }
            self.args.extend_from_slice(without_brackets(message.args));
        }
        let kind = match head.ack {
            None => Kind::Message,
            Some(_) => Kind::MessageWithAck,
        };
        let ack = head.ack.unwrap_or(0);
        self.records.extend([
            kind as u32,
            head.handle,
            ack as u32,
            (ack >> 32) as u32,
            head.name,
            count,
            0,
            message.attachments.len() as u32,
        ]);
        self.attachments.extend_from_slice(message.attachments);
    }

    /// The size of the text and the arguments in bytes.
    pub(crate) fn size(&self) -> usize {
        self.text.len() + self.args.len()
    }

    /// The text of the records.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Completes the array of arguments and returns it; returns an empty slice if no message has arguments.
    pub(crate) fn close_args(&mut self) -> &[u8] {
        if self.args.len() == 1 {
            return b"";
        }
        self.args.push(b']');
        &self.args
    }

    /// Writes the words before the first record and returns all words.
    pub(crate) fn close_records(&mut self, more: bool) -> &[u32] {
        self.records[0] = ((self.records.len() - HEAD) / STRIDE) as u32;
        self.records[1] = u32::from(more);
        &self.records
    }

    /// Removes all content. Keeps the allocations up to 1 MiB each.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(1 << 20);
        self.units = 0;
        self.args.truncate(1);
        self.args.shrink_to(1 << 20);
        self.records.truncate(HEAD);
        self.attachments.clear();
    }

    fn add(&mut self, text: &[u8]) -> u32 {
        self.text.extend_from_slice(text);
        self.units += utf16_length(text);
        self.units
    }
}

/// The text between the brackets of a JSON array.
fn without_brackets(array: &[u8]) -> &[u8] {
    let array = array.trim_ascii();
    array.get(1..array.len().saturating_sub(1)).unwrap_or(b"")
}

/// The number of UTF-16 code units of a UTF-8 text: two for a character of four bytes, one for any other.
fn utf16_length(text: &[u8]) -> u32 {
    if text.is_ascii() {
        return text.len() as u32;
    }
    text.iter()
        .map(|byte| u32::from(byte & 0xc0 != 0x80) + u32::from(*byte >= 0xf0))
        .sum()
}
