//! What the reader makes of bytes, and the writer of messages.

mod foreign;
mod pieces;
mod rules;
mod writer;

use super::{FrameError, FrameLimits, FrameReader, Incoming, Opcode};

const LIMITS: FrameLimits = FrameLimits {
    max_message: 1_000_000,
    max_fragments: 1024,
};
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// An incoming message that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Incoming<'_>> for Got {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => {
                assert!(std::str::from_utf8(text).is_ok());
                Self::Text(text.to_vec())
            }
            Incoming::Binary(data) => Self::Binary(data.to_vec()),
            Incoming::Ping(data) => Self::Ping(data.to_vec()),
            Incoming::Pong(data) => Self::Pong(data.to_vec()),
            Incoming::Close(close) => {
                Self::Close(close.map(|(code, reason)| (code, reason.to_owned())))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fin {
    Last,
    More,
}

/// One masked frame, as a client sends it.
fn masked(opcode: Opcode, fin: Fin, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut out = vec![opcode as u8 | if fin == Fin::Last { 0x80 } else { 0 }];
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(key);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
    out
}

fn last(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    masked(opcode, Fin::Last, payload, KEY)
}

fn more(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    masked(opcode, Fin::More, payload, KEY)
}

/// Gives the reader one chunk and takes everything out; the error comes last.
fn feed(reader: &mut FrameReader, chunk: &[u8], got: &mut Vec<Got>) -> Result<(), FrameError> {
    let mut input = chunk.to_vec();
    let mut used = 0;
    while let Some(incoming) = reader.next(&mut input, &mut used)? {
        got.push(incoming.into());
    }
    assert_eq!(used, input.len());
    Ok(())
}

/// Reads the bytes as one chunk, with a new reader.
fn read(limits: FrameLimits, bytes: &[u8]) -> (Vec<Got>, Result<(), FrameError>) {
    let mut got = Vec::new();
    let result = feed(&mut FrameReader::new(limits), bytes, &mut got);
    (got, result)
}
