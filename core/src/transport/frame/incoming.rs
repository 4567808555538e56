//! Unmasked messages and control frames of a client.

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::FrameError;

/// One message or control frame of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message; it is valid UTF-8.
    Text(&'a mut [u8]),
    /// A binary message.
    Binary(&'a mut [u8]),
    /// A ping, to be answered with a pong with the same bytes.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The client closes, with or without a code and reason. Later bytes are ignored.
    Close(Option<(u16, &'a str)>),
}

/// Parses the payload of a close frame. A payload of one byte was refused with the head.
pub(super) fn read_close(payload: &[u8]) -> Result<Option<(u16, &str)>, FrameError> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return Ok(None);
    };
    let code = u16::from_be_bytes(*code);
    // 1014 was registered after the RFC; browsers and the official server accept it.
    if code != 1014 && !CloseCode::from(code).is_allowed() {
        return Err(FrameError::CloseCode(code));
    }
    match simdutf8::basic::from_utf8(reason) {
        Ok(reason) => Ok(Some((code, reason))),
        Err(_) => Err(FrameError::InvalidUtf8),
    }
}
