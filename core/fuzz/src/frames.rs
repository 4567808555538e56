//! WebSocket frames: our reader, for any chunks, agrees with a simple reader that has all bytes and copies everything.

use bellwire_core::transport::frame::{FrameLimits, FrameReader, Incoming};
use bytes::BufMut;

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "frames",
    run,
    // The first two bytes choose limits and chunks. The frames are masked with zeros, so that the payload is readable.
    seeds: &[
        b"\x00\x00\x81\x85\0\0\0\0hello\x82\x83\0\0\0\0\x01\x02\x03",
        b"\x01\x03\x01\x82\0\0\0\0\xe2\x82\x89\x81\0\0\0\0p\x80\x81\0\0\0\0\xac\x88\x82\0\0\0\0\x03\xe8",
        b"\x02\x11\x82\xfe\x00\x7e\0\0\0\0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        b"\x03\x27\x81\xff\0\0\0\0\0\0\0\x03\x01\x02\x03\x04ikj\x8a\x80\0\0\0\0",
        b"\x00\x05\x88\x87\0\0\0\0\x03\xf0\xe2\x82\xac!?",
        b"\x00\x07\x01\x80\0\0\0\0\x00\x80\0\0\0\0\x00\x80\0\0\0\0\x80\x80\0\0\0\0",
    ],
    words: &[
        "\u{1}", "\u{0}", "hello", "€", "😀", "\u{2}\u{0}\u{0}\u{0}\u{0}",
    ],
};

#[derive(Debug, PartialEq)]
enum Got {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    /// The close code of the error.
    Failed(u16),
}

impl From<Incoming<'_>> for Got {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.to_vec()),
            Incoming::Binary(data) => Self::Binary(data.to_vec()),
            Incoming::Ping(data) => Self::Ping(data.to_vec()),
            Incoming::Pong(data) => Self::Pong(data.to_vec()),
            Incoming::Close(close) => {
                Self::Close(close.map(|(code, reason)| (code, reason.to_owned())))
            }
        }
    }
}

fn run(data: &[u8]) {
    let [limits, chunks, wire @ ..] = data else {
        return;
    };
    let limits = FrameLimits {
        max_message: [125, 3, 126, 70_000][usize::from(limits & 3)],
        max_fragments: [1024, 3, 1, 2][usize::from(limits >> 2 & 3)],
    };
    let expected = read_plainly(limits, wire);
    same(&read(limits, wire, 0), &expected, wire);
    same(&read(limits, wire, u32::from(*chunks) | 1), &expected, wire);
}

/// Reads with our reader: the whole input, or chunks that `random` chooses, through each function that a caller may use.
fn read(limits: FrameLimits, mut wire: &[u8], mut random: u32) -> Vec<Got> {
    let mut reader = FrameReader::new(limits);
    let mut got = Vec::new();
    let mut first = true;
    while first || !wire.is_empty() {
        first = false;
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let size = if random == 0 {
            wire.len()
        } else {
            [1, 2, 5, 11, 200][random as usize % 5].min(wire.len())
        };
        let (chunk, rest) = wire.split_at(size);
        wire = rest;
        let mut input = chunk.to_vec();
        if random >> 8 & 3 == 1 && reader.wanted() > 0 {
            let mut spare = reader.spare();
            let taken = input.len().min(spare.remaining_mut());
            spare.put_slice(&input[..taken]);
            input.drain(..taken);
            if !take_all(&mut reader, &mut [], &mut got) {
                return got;
            }
        }
        if random >> 8 & 3 == 2 {
            let mut used = 0;
            match reader.next(&mut input, &mut used) {
                Ok(incoming) => got.extend(incoming.map(Got::from)),
                Err(error) => {
                    got.push(Got::Failed(error.close_code()));
                    return got;
                }
            }
            reader.stash(&input[used..]);
            input.clear();
        }
        if !take_all(&mut reader, &mut input, &mut got) {
            return got;
        }
        if wire.is_empty() && !reader.is_mid_message() {
            assert_eq!(reader.capacity(), 0, "at rest it holds no memory");
        }
    }
    got
}

/// Returns false after an error, which is the last item.
fn take_all(reader: &mut FrameReader, input: &mut [u8], got: &mut Vec<Got>) -> bool {
    let mut used = 0;
    loop {
        match reader.next(input, &mut used) {
            Ok(Some(incoming)) => got.push(incoming.into()),
            Ok(None) => break,
            Err(error) => {
                got.push(Got::Failed(error.close_code()));
                let mut more = [0x81];
                let again = reader.next(&mut more, &mut 0);
                assert_eq!(again, Err(error), "the first error is the last word");
                return false;
            }
        }
    }
    assert_eq!(used, input.len());
    true
}

/// The rules of RFC 6455, one after the other.
fn read_plainly(limits: FrameLimits, wire: &[u8]) -> Vec<Got> {
    let mut got = Vec::new();
    // Opcode, payload and number of frames of the incomplete message.
    let mut begun: Option<(u8, Vec<u8>, u32)> = None;
    let mut at = 0;
    loop {
        let Some(&[first, second]) = wire.get(at..at + 2) else {
            return got;
        };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0f);
        let control = opcode >= 8;
        let fault = first & 0x70 != 0
            || !matches!(opcode, 0 | 1 | 2 | 8 | 9 | 10)
            || (control && (!fin || second & 0x7f > 125 || (opcode == 8 && second & 0x7f == 1)))
            || (!control && (opcode == 0) != begun.is_some())
            || second & 0x80 == 0;
        if fault {
            got.push(Got::Failed(1002));
            return got;
        }
        let frames = begun.as_ref().map_or(0, |begun| begun.2);
        if !control && (opcode == 0 || !fin) && frames >= limits.max_fragments {
            got.push(Got::Failed(1008));
            return got;
        }
        let length_bytes = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(length) = wire.get(at + 2..at + 2 + length_bytes) else {
            return got;
        };
        let length = if length_bytes == 0 {
            u64::from(second & 0x7f)
        } else {
            length
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let collected = begun.as_ref().map_or(0, |begun| begun.1.len());
        if !control && length > (limits.max_message - collected) as u64 {
            got.push(Got::Failed(1009));
            return got;
        }
        let (key_at, length) = (at + 2 + length_bytes, length as usize);
        let Some(key) = wire.get(key_at..key_at + 4) else {
            return got;
        };
        let Some(masked) = wire.get(key_at + 4..key_at + 4 + length) else {
            return got;
        };
        at = key_at + 4 + length;
        let payload: Vec<u8> = masked
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key)
            .collect();
        if control {
            got.push(match opcode {
                8 => close(&payload),
                9 => Got::Ping(payload),
                _ => Got::Pong(payload),
            });
            if opcode == 8 {
                return got;
            }
            continue;
        }
        let (kind, message, frames) = match begun.take() {
            Some((kind, message, frames)) => (kind, [message, payload].concat(), frames),
            None => (opcode, payload, 0),
        };
        if !fin {
            begun = Some((kind, message, frames + 1));
        } else if kind == 2 {
            got.push(Got::Binary(message));
        } else if std::str::from_utf8(&message).is_ok() {
            got.push(Got::Text(message));
        } else {
            got.push(Got::Failed(1007));
            return got;
        }
    }
}

fn close(payload: &[u8]) -> Got {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return Got::Close(None);
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Got::Failed(1002);
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Got::Close(Some((code, reason.to_owned()))),
        Err(_) => Got::Failed(1007),
    }
}
