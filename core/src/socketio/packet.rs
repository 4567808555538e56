//! Socket.IO packets: their types, the errors of decoding one, and one that is encoded.

use std::fmt;

use bytes::Bytes;

/// The seven packet types; the value is the digit on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PacketType {
    /// Joins a namespace, or says that it was joined.
    Connect = b'0',
    /// Leaves a namespace.
    Disconnect = b'1',
    /// An event.
    Event = b'2',
    /// An acknowledgement.
    Ack = b'3',
    /// A namespace was not joined.
    ConnectError = b'4',
    /// An event with attachments.
    BinaryEvent = b'5',
    /// An acknowledgement with attachments.
    BinaryAck = b'6',
}

/// Bytes that are no packet; the texts are the official parser's. The connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The first byte is no packet type.
    UnknownType,
    /// The number of attachments is missing, zero or not a number.
    IllegalAttachmentCount,
    /// More attachments than allowed.
    TooManyAttachments,
    /// A placeholder points nowhere.
    IllegalAttachments,
    /// The JSON is broken, or not what the type demands.
    InvalidPayload,
    /// Nested deeper than allowed.
    TooDeep,
    /// The packet and its attachments together are larger than allowed.
    TooLarge,
    /// A text while attachments were awaited.
    TextInsteadOfAttachment,
    /// A binary message that belongs to nothing.
    UnexpectedBinary,
}

impl DecodeError {
    /// The official text.
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

/// Event names that mean something else; a client that sends one is not speaking the protocol.
pub const RESERVED_EVENTS: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// A packet as it travels, shared by all who receive it.
#[derive(Debug)]
pub struct EncodedPacket {
    /// The Engine.IO message, with its leading `4`; or, of a plain binary message, its bytes.
    head: Bytes,
    head_is_binary: bool,
    attachments: Box<[Bytes]>,
}

impl EncodedPacket {
    /// A packet made of its Engine.IO text (with the `4`) and its attachments.
    pub fn new(text: Vec<u8>, attachments: Box<[Bytes]>) -> Self {
        Self {
            head: Bytes::from(text),
            head_is_binary: false,
            attachments,
        }
    }

    /// A plain Engine.IO binary message.
    pub fn binary(bytes: Bytes) -> Self {
        Self {
            head: bytes,
            head_is_binary: true,
            attachments: Box::new([]),
        }
    }

    /// The text, with its leading `4`; `Err` holds the bytes of a plain binary message.
    pub fn head(&self) -> Result<&Bytes, &Bytes> {
        if self.head_is_binary {
            Err(&self.head)
        } else {
            Ok(&self.head)
        }
    }

    /// The binary messages behind the text.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// What the packet costs in a send buffer.
    pub fn cost(&self) -> usize {
        self.attachments
            .iter()
            .fold(self.head.len() + PACKET_COST, |sum, bytes| {
                sum + bytes.len() + PACKET_COST
            })
    }
}

/// What a packet costs in a send buffer besides its bytes, so that a flood of empty ones is bounded too.
pub const PACKET_COST: usize = 64;
