//! Engine.IO packets: one digit for the type, then the data.
//!
//! A binary message has no digit: it is a WebSocket message, or `b` and base64 in a polling payload.

use bytes::Bytes;

/// The seven packet types; the value is the digit on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PacketType {
    /// Begins a session (server to client).
    Open = b'0',
    /// Ends a session.
    Close = b'1',
    /// Asks for a pong (server to client), or probes a transport.
    Ping = b'2',
    /// Answers a ping or a probe.
    Pong = b'3',
    /// Carries a text message.
    Message = b'4',
    /// Completes an upgrade (client to server).
    Upgrade = b'5',
    /// Ends a waiting poll.
    Noop = b'6',
}

/// Why bytes are not a valid packet. The session ends with `parse error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The packet is empty.
    Empty,
    /// The first byte is not a packet type.
    UnknownType(u8),
    /// The data after a `b` is not base64.
    Base64,
}

/// Splits a received text packet into its type and its data. The receiver may change the data in place.
///
/// # Errors
/// If the packet is empty, or its first byte is not a packet type.
pub fn decode_text(text: &mut [u8]) -> Result<(PacketType, &mut [u8]), DecodeError> {
    let Some((first, data)) = text.split_first_mut() else {
        return Err(DecodeError::Empty);
    };
    let kind = match *first {
        b'0' => PacketType::Open,
        b'1' => PacketType::Close,
        b'2' => PacketType::Ping,
        b'3' => PacketType::Pong,
        b'4' => PacketType::Message,
        b'5' => PacketType::Upgrade,
        b'6' => PacketType::Noop,
        other => return Err(DecodeError::UnknownType(other)),
    };
    Ok((kind, data))
}

/// Whether a message is text or bytes; on a WebSocket it is the frame's opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A text message, which begins with the digit `4`.
    Text,
    /// A binary message, which has no prefix.
    Binary,
}

/// An outgoing message. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The whole packet, with its leading `4`. It is the same on both transports, so it is encoded once.
    Text(Bytes),
    /// The bytes of the message.
    Binary(Bytes),
}

impl Message {
    /// The number of bytes, with the `4` of a text.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether the packet has zero bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An outgoing packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// `0` and the handshake's JSON.
    Open(Bytes),
    /// `1`
    Close,
    /// `2`
    Ping,
    /// `3probe`
    PongProbe,
    /// A message.
    Message(Message),
    /// `6`
    Noop,
}

impl Packet {
    /// The packet as text; `Err` holds the bytes of a binary message.
    pub fn as_message(&self) -> Result<&[u8], &Bytes> {
        match self {
            Self::Open(text) | Self::Message(Message::Text(text)) => Ok(text),
            Self::Close => Ok(b"1"),
            Self::Ping => Ok(b"2"),
            Self::PongProbe => Ok(b"3probe"),
            Self::Noop => Ok(b"6"),
            Self::Message(Message::Binary(bytes)) => Err(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_packets_split_at_the_digit() {
        for (text, expected) in [
            ("0{}", Ok((PacketType::Open, "{}"))),
            ("1", Ok((PacketType::Close, ""))),
            ("2probe", Ok((PacketType::Ping, "probe"))),
            ("3", Ok((PacketType::Pong, ""))),
            ("4hello", Ok((PacketType::Message, "hello"))),
            ("5", Ok((PacketType::Upgrade, ""))),
            ("6", Ok((PacketType::Noop, ""))),
            ("", Err(DecodeError::Empty)),
            ("7", Err(DecodeError::UnknownType(b'7'))),
            ("abc", Err(DecodeError::UnknownType(b'a'))),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            let decoded = decode_text(&mut bytes)
                .map(|(kind, data)| (kind, std::str::from_utf8(data).unwrap()));
            assert_eq!(decoded, expected, "{text:?}");
        }
    }
}
