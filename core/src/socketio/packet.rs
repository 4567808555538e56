//! Socket.IO packets: their types, the errors of decoding, and encoded packets.

use std::fmt;

use bytes::Bytes;

use crate::engineio::packet::MessageKind;

/// The seven packet types; the value is the digit on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PacketType {
    /// Asks to join a namespace, or confirms it.
    Connect = b'0',
    /// Leaves a namespace.
    Disconnect = b'1',
    /// An event.
    Event = b'2',
    /// An acknowledgement.
    Ack = b'3',
    /// Refuses a CONNECT.
    ConnectError = b'4',
    /// An event with attachments.
    BinaryEvent = b'5',
    /// An acknowledgement with attachments.
    BinaryAck = b'6',
}

/// Why bytes are not a valid packet. The connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The first byte is not a packet type.
    UnknownType,
    /// The number of attachments is missing, zero or not a number.
    IllegalAttachmentCount,
    /// More attachments than allowed.
    TooManyAttachments,
    /// A placeholder names an attachment that does not exist.
    IllegalAttachments,
    /// The JSON is invalid, or is not what the packet type requires.
    InvalidPayload,
    /// The JSON is nested deeper than allowed.
    TooDeep,
    /// The packet and its attachments together are larger than allowed.
    TooLarge,
    /// A text message arrived before all attachments of the last packet.
    TextInsteadOfAttachment,
    /// A binary message arrived and no packet waits for an attachment.
    UnexpectedBinary,
}

impl DecodeError {
    /// The message. Where the official parser has the same error, the text is the same.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownType => "unknown packet type",
            Self::IllegalAttachmentCount => "Illegal attachments",
            Self::TooManyAttachments => "too many attachments",
            Self::IllegalAttachments => "illegal attachments",
            Self::InvalidPayload => "invalid payload",
            Self::TooDeep => "payload nested too deeply",
            Self::TooLarge => "packet too large",
            Self::TextInsteadOfAttachment => "got plaintext data when reconstructing a packet",
            Self::UnexpectedBinary => "got binary data when not reconstructing a packet",
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Event names with a meaning of their own, which neither side may emit.
pub const RESERVED_EVENTS: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// An encoded packet. All receivers share it.
#[derive(Debug)]
pub struct EncodedPacket {
    head: Bytes,
    kind: MessageKind,
    attachments: Box<[Bytes]>,
}

impl EncodedPacket {
    /// A packet whose first message is `head`, of type `kind`, with the binary messages `attachments` after it. A text
    /// begins with the `4` of Engine.IO.
    pub fn new(kind: MessageKind, head: impl Into<Bytes>, attachments: Box<[Bytes]>) -> Self {
        Self {
            head: head.into(),
            kind,
            attachments,
        }
    }

    /// A text message of plain Engine.IO; `text` begins with `4`.
    pub fn text(text: impl Into<Bytes>) -> Self {
        Self::new(MessageKind::Text, text, Box::new([]))
    }

    /// A binary message of plain Engine.IO.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::new(MessageKind::Binary, bytes, Box::new([]))
    }

    /// The first message: all of the packet except its attachments.
    pub fn head(&self) -> &Bytes {
        &self.head
    }

    /// The type of the first message.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The binary messages that follow the first message.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// The bytes that the packet takes in a send buffer: its messages, and [`PACKET_COST`] for each of them.
    pub fn cost(&self) -> usize {
        self.attachments
            .iter()
            .fold(self.head.len() + PACKET_COST, |sum, bytes| {
                sum + bytes.len() + PACKET_COST
            })
    }
}

/// The bytes that a message takes in a send buffer besides its content, so that empty messages are bounded too.
pub const PACKET_COST: usize = 64;
