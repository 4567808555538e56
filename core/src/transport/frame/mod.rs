//! WebSocket frames (RFC 6455) as a server sees them, without I/O.
//!
//! [`FrameReader`] takes messages out of the bytes a connection has read, in place:
//!
//! ```
//! use bellwire_core::transport::frame::{FrameLimits, FrameReader, Incoming};
//!
//! let mut reader = FrameReader::new(FrameLimits { max_message: 1_000_000, max_fragments: 1024 });
//! // One masked text frame, as a client sends it.
//! let mut chunk = *b"\x81\x82\x01\x02\x03\x04ik";
//! let mut used = 0;
//! while let Some(incoming) = reader.next(&mut chunk, &mut used)? {
//!     assert!(matches!(incoming, Incoming::Text(text) if text == b"hi"));
//! }
//! // Here the chunk is used up and can be filled again: `used == chunk.len()`.
//! # Ok::<(), bellwire_core::transport::frame::FrameError>(())
//! ```
//!
//! A caller that stops before `None`, because it has to pause, keeps the rest of the chunk with
//! [`FrameReader::stash`]`(&chunk[used..])` and continues later with an empty input. If a large message is incomplete
//! ([`FrameReader::wanted`]), a caller may read from its socket into [`FrameReader::spare`], and then call `next` with
//! an empty input.
//!
//! The `write_*` functions append frames to an output buffer; a server does not mask.

mod error;
mod head;
mod incoming;
mod mask;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use error::FrameError;
pub use incoming::Incoming;
pub use reader::FrameReader;
pub use writer::{
    header_len, write_binary, write_close, write_header, write_ping, write_pong, write_text,
};

/// Limits of the messages that a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// The payload bytes of one message, over all its fragments.
    pub max_message: usize,
    /// The number of frames one fragmented message may be made of.
    pub max_fragments: u32,
}

/// The kind of a frame, with its number in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the current message.
    Continuation = 0,
    /// A text message, or its first fragment.
    Text = 1,
    /// A binary message, or its first fragment.
    Binary = 2,
    /// The end of the connection.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}
