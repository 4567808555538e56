//! Why a client's frames were refused: the close code for the client, and the message that the official server has for
//! it.

use std::error::Error;
use std::fmt;

/// A violation of the WebSocket protocol or of the limits. It ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The first reserved bit is set, but no extension was negotiated.
    Rsv1,
    /// The second or third reserved bit is set.
    Rsv23,
    /// The protocol does not define this opcode.
    UnknownOpcode(u8),
    /// A continuation frame outside of a fragmented message.
    UnexpectedContinuation,
    /// A new text (1) or binary (2) message before the fragmented one was finished.
    UnfinishedMessage(u8),
    /// A close, ping or pong without the FIN bit.
    FragmentedControl,
    /// A close, ping or pong with more than 125 bytes: the seven length bits as sent.
    ControlLength(u8),
    /// A close frame with one byte, although a close code has two.
    CloseLength,
    /// A frame without a mask; clients have to mask their frames.
    Unmasked,
    /// The announced length is beyond 2^53 - 1.
    LengthOverflow,
    /// The message is larger than the limit.
    MessageTooLarge,
    /// The message has more fragments than the limit.
    TooManyFragments,
    /// A close code that must not be sent.
    CloseCode(u16),
    /// A text message or close reason that is not UTF-8.
    InvalidUtf8,
}

impl FrameError {
    /// The code for the close frame that answers this violation.
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Self::InvalidUtf8 => 1007,
            Self::TooManyFragments => 1008,
            Self::LengthOverflow | Self::MessageTooLarge => 1009,
            Self::Rsv1
            | Self::Rsv23
            | Self::UnknownOpcode(_)
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage(_)
            | Self::FragmentedControl
            | Self::ControlLength(_)
            | Self::CloseLength
            | Self::Unmasked
            | Self::CloseCode(_) => 1002,
        }
    }

    /// The class of the official server's error object. Together with the text of `Display` it is the description of a
    /// `transport error`: `RangeError: Max payload size exceeded`.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "Error",
            _ => "RangeError",
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FRAME: &str = "Invalid WebSocket frame:";
        match self {
            Self::Rsv1 => write!(out, "{FRAME} RSV1 must be clear"),
            Self::Rsv23 => write!(out, "{FRAME} RSV2 and RSV3 must be clear"),
            Self::UnknownOpcode(opcode) | Self::UnfinishedMessage(opcode) => {
                write!(out, "{FRAME} invalid opcode {opcode}")
            }
            Self::UnexpectedContinuation => write!(out, "{FRAME} invalid opcode 0"),
            Self::FragmentedControl => write!(out, "{FRAME} FIN must be set"),
            Self::ControlLength(length) => write!(out, "{FRAME} invalid payload length {length}"),
            Self::CloseLength => write!(out, "{FRAME} invalid payload length 1"),
            Self::Unmasked => write!(out, "{FRAME} MASK must be set"),
            Self::LengthOverflow => {
                out.write_str("Unsupported WebSocket frame: payload length > 2^53 - 1")
            }
            Self::MessageTooLarge => out.write_str("Max payload size exceeded"),
            Self::TooManyFragments => out.write_str("Too many message fragments"),
            Self::CloseCode(code) => write!(out, "{FRAME} invalid status code {code}"),
            Self::InvalidUtf8 => write!(out, "{FRAME} invalid UTF-8 sequence"),
        }
    }
}

impl Error for FrameError {}
