//! The head of a client's frame: opcode, flags, length and masking key. All rules that do not concern the payload are
//! enforced here, as soon as the bytes concerned have arrived.

use std::ops::Range;

use super::{FrameError, FrameLimits, Opcode};

/// Larger lengths are refused whatever the limit is, as with the official server.
const MAX_LENGTH: u64 = (1 << 53) - 1;

/// The head of one frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    pub(super) key: [u8; 4],
    /// The bytes of the head itself.
    pub(super) len: usize,
    /// The bytes of head and payload.
    pub(super) total: usize,
}

/// The result of parsing a head.
#[derive(Debug, Clone, Copy)]
pub(super) enum Parsed {
    Head(Head),
    /// Incomplete: the head has at least this many bytes.
    Short(usize),
}

/// What a frame is checked against: the limits, and the current fragmented message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) limits: FrameLimits,
    /// Frames of the current fragmented message; 0 if there is none.
    pub(super) fragments: u32,
    /// Payload bytes of the current fragmented message.
    pub(super) collected: usize,
}

impl Head {
    #[inline]
    pub(super) fn parse(bytes: &[u8], context: &Context) -> Result<Parsed, FrameError> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(Parsed::Short(2));
        };
        let opcode = opcode(*first, *second, context)?;
        let fin = first & 0x80 != 0;
        let (announced, len) = match second & 0x7f {
            126 => match rest.first_chunk::<2>() {
                Some(length) => (u64::from(u16::from_be_bytes(*length)), 8),
                None => return Ok(Parsed::Short(8)),
            },
            127 => match rest.first_chunk::<8>() {
                Some(length) => (u64::from_be_bytes(*length), 14),
                None => return Ok(Parsed::Short(14)),
            },
            length => (u64::from(length), 6),
        };
        let payload = payload_len(opcode, announced, context)?;
        let total = payload
            .checked_add(len)
            .ok_or(FrameError::MessageTooLarge)?;
        match bytes.get(len - 4..len) {
            Some(&[a, b, c, d]) => Ok(Parsed::Head(Self {
                opcode,
                fin,
                key: [a, b, c, d],
                len,
                total,
            })),
            _ => Ok(Parsed::Short(len)),
        }
    }
}

/// The most common frame: a whole message of less than 126 bytes. Two bytes identify it, so that parsing it takes a few
/// nanoseconds. All other frames are left to [`Head::parse`].
pub(super) struct ShortMessage {
    pub(super) opcode: Opcode,
    pub(super) key: [u8; 4],
    pub(super) payload: Range<usize>,
}

impl ShortMessage {
    /// Parses `input[at..]`, where a frame begins outside of a fragmented message.
    #[inline]
    pub(super) fn find(input: &[u8], at: usize, max_message: usize) -> Option<Self> {
        let [first, second, a, b, c, d, rest @ ..] = input.get(at..)? else {
            return None;
        };
        let opcode = match first {
            0x81 => Opcode::Text,
            0x82 => Opcode::Binary,
            _ => return None,
        };
        // Without the mask bit this is 128 or more.
        let len = usize::from(second ^ 0x80);
        if len > 125 || len > rest.len() || len > max_message {
            return None;
        }
        Some(Self {
            opcode,
            key: [*a, *b, *c, *d],
            payload: at + 6..at + 6 + len,
        })
    }
}

/// Checks the first two bytes, in the order of the official server.
#[inline]
fn opcode(first: u8, second: u8, context: &Context) -> Result<Opcode, FrameError> {
    if first & 0x70 != 0 {
        return Err(if first & 0x30 != 0 {
            FrameError::Rsv23
        } else {
            FrameError::Rsv1
        });
    }
    let mid_message = context.fragments > 0;
    let opcode = match first & 0x0f {
        1 if !mid_message => Opcode::Text,
        2 if !mid_message => Opcode::Binary,
        0 if mid_message => Opcode::Continuation,
        0 => return Err(FrameError::UnexpectedContinuation),
        number @ (1 | 2) => return Err(FrameError::UnfinishedMessage(number)),
        8 => control(Opcode::Close, first, second)?,
        9 => control(Opcode::Ping, first, second)?,
        10 => control(Opcode::Pong, first, second)?,
        number => return Err(FrameError::UnknownOpcode(number)),
    };
    if second & 0x80 == 0 {
        return Err(FrameError::Unmasked);
    }
    let fragment = opcode == Opcode::Continuation
        || (first & 0x80 == 0 && matches!(opcode, Opcode::Text | Opcode::Binary));
    if fragment && context.fragments >= context.limits.max_fragments {
        return Err(FrameError::TooManyFragments);
    }
    Ok(opcode)
}

fn control(opcode: Opcode, first: u8, second: u8) -> Result<Opcode, FrameError> {
    let length = second & 0x7f;
    if first & 0x80 == 0 {
        Err(FrameError::FragmentedControl)
    } else if length > 125 {
        Err(FrameError::ControlLength(length))
    } else if opcode == Opcode::Close && length == 1 {
        Err(FrameError::CloseLength)
    } else {
        Ok(opcode)
    }
}

/// The announced length, if the message may have this many more bytes.
#[inline]
fn payload_len(opcode: Opcode, announced: u64, context: &Context) -> Result<usize, FrameError> {
    if announced > MAX_LENGTH {
        return Err(FrameError::LengthOverflow);
    }
    let length = usize::try_from(announced).map_err(|_| FrameError::MessageTooLarge)?;
    let room = match opcode {
        Opcode::Text | Opcode::Binary | Opcode::Continuation => {
            context.limits.max_message.saturating_sub(context.collected)
        }
        // A control frame is not part of the message, and has been checked already.
        Opcode::Close | Opcode::Ping | Opcode::Pong => return Ok(length),
    };
    if length > room {
        return Err(FrameError::MessageTooLarge);
    }
    Ok(length)
}
