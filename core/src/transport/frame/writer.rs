//! Appends a server's frames, final and unmasked, to an output buffer.

use super::Opcode;

/// The largest payload of a control frame in bytes, including the code of a close frame.
const MAX_CONTROL: usize = 125;

/// The length of the head of a frame with this many payload bytes.
#[must_use]
#[inline]
pub fn header_len(payload_len: usize) -> usize {
    match payload_len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// Appends the head of a frame; the payload has to follow.
#[inline]
pub fn write_header(out: &mut Vec<u8>, opcode: Opcode, payload_len: usize) {
    let first = 0x80 | opcode as u8;
    // The conversions are lossless: the range was just matched.
    match payload_len {
        0..=125 => out.extend_from_slice(&[first, payload_len as u8]),
        126..=0xffff => {
            let [high, low] = (payload_len as u16).to_be_bytes();
            out.extend_from_slice(&[first, 126, high, low]);
        }
        _ => {
            let mut head = [first, 127, 0, 0, 0, 0, 0, 0, 0, 0];
            head[2..].copy_from_slice(&(payload_len as u64).to_be_bytes());
            out.extend_from_slice(&head);
        }
    }
}

#[inline]
fn write(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.reserve(header_len(payload.len()) + payload.len());
    write_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// Appends a text message.
#[inline]
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    write(out, Opcode::Text, text.as_bytes());
}

/// Appends a binary message.
#[inline]
pub fn write_binary(out: &mut Vec<u8>, data: &[u8]) {
    write(out, Opcode::Binary, data);
}

/// Appends a ping; its data is truncated to the size of a control frame.
pub fn write_ping(out: &mut Vec<u8>, data: &[u8]) {
    write(out, Opcode::Ping, &data[..data.len().min(MAX_CONTROL)]);
}

/// Appends the pong for a ping with this data, which is truncated to the size of a control frame.
pub fn write_pong(out: &mut Vec<u8>, data: &[u8]) {
    write(out, Opcode::Pong, &data[..data.len().min(MAX_CONTROL)]);
}

/// Appends a close frame. Without a code it is empty, and `reason` is ignored. A reason that does not fit is truncated
/// after its last whole character.
pub fn write_close(out: &mut Vec<u8>, code: Option<u16>, reason: &str) {
    let Some(code) = code else {
        write_header(out, Opcode::Close, 0);
        return;
    };
    let mut end = reason.len().min(MAX_CONTROL - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    write_header(out, Opcode::Close, 2 + end);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&reason.as_bytes()[..end]);
}
