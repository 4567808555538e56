//! WebSocket frames as a client writes and reads them. Written frames are made once and sent many
//! times; of a frame that arrives only the kind, the length and the first two bytes are looked at,
//! and the rest is stepped over where it lies.

use std::io;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;

const MASK: [u8; 4] = [0x5c, 0xa3, 0x1f, 0xe6];

/// Appends one whole masked frame.
pub(crate) fn masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    if payload.len() < 126 {
        out.push(0x80 | payload.len() as u8);
    } else if let Ok(len) = u16::try_from(payload.len()) {
        out.push(0x80 | 126);
        out.extend(len.to_be_bytes());
    } else {
        out.push(0x80 | 127);
        out.extend((payload.len() as u64).to_be_bytes());
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(b, m)| b ^ m));
}

/// A frame that has arrived completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) len: u64,
    /// The first bytes of the payload, zero where there are none.
    pub(crate) first: [u8; 2],
}

/// Finds frames in bytes that arrive in any pieces.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    head: [u8; 10],
    have: usize,
    frame: Option<Frame>,
    seen: u64,
}

impl Reader {
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut on_frame: impl FnMut(Frame) -> io::Result<()>,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            let Some(frame) = &mut self.frame else {
                bytes = self.head(bytes)?;
                if let Some(done) = self.frame.take_if(|frame| frame.len == 0) {
                    on_frame(done)?;
                }
                continue;
            };
            for at in self.seen..frame.len.min(2) {
                if let Some(byte) = bytes.get((at - self.seen) as usize) {
                    frame.first[at as usize] = *byte;
                }
            }
            let left = frame.len - self.seen;
            if left > bytes.len() as u64 {
                self.seen += bytes.len() as u64;
                return Ok(());
            }
            bytes = &bytes[left as usize..];
            let done = *frame;
            self.frame = None;
            on_frame(done)?;
        }
        Ok(())
    }

    /// Takes what belongs to the frame's head and sets `frame` when that is complete.
    fn head<'a>(&mut self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let needed = |second: u8| match second & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let mut used = 0;
        while self.have < 2 || self.have < needed(self.head[1]) {
            let Some(byte) = bytes.get(used) else {
                return Ok(&[]);
            };
            self.head[self.have] = *byte;
            self.have += 1;
            used += 1;
        }
        let [first, second, rest @ ..] = self.head;
        if first & 0xf0 != 0x80 || second & 0x80 != 0 {
            let text = format!("a frame no server should send here: {first:#04x} {second:#04x}");
            return Err(io::Error::other(text));
        }
        let len = match second {
            126 => u64::from(u16::from_be_bytes([rest[0], rest[1]])),
            127 => u64::from_be_bytes(rest),
            len => u64::from(len),
        };
        self.have = 0;
        self.seen = 0;
        self.frame = Some(Frame {
            opcode: first & 0x0f,
            len,
            first: [0; 2],
        });
        Ok(&bytes[used..])
    }
}

#[cfg(test)]
mod tests {
    use super::{BINARY, Frame, Reader, TEXT, masked};

    fn server_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x80 | opcode];
        match payload.len() {
            len @ 0..126 => bytes.push(len as u8),
            len @ 126..65_536 => {
                bytes.push(126);
                bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                bytes.push(127);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn frames_are_found_in_any_pieces() {
        let wire = [
            server_frame(TEXT, b"2"),
            server_frame(TEXT, b"42[\"echo\"]"),
            server_frame(BINARY, &[]),
            server_frame(BINARY, &vec![7; 300]),
            server_frame(BINARY, &vec![9; 70_000]),
        ]
        .concat();
        let expected = [
            (TEXT, 1, [b'2', 0]),
            (TEXT, 10, *b"42"),
            (BINARY, 0, [0, 0]),
            (BINARY, 300, [7, 7]),
            (BINARY, 70_000, [9, 9]),
        ]
        .map(|(opcode, len, first)| Frame { opcode, len, first });
        for piece in [1, 2, 3, 7, 1_000, wire.len()] {
            let mut reader = Reader::default();
            let mut found = Vec::new();
            for bytes in wire.chunks(piece) {
                reader
                    .feed(bytes, |frame| {
                        found.push(frame);
                        Ok(())
                    })
                    .expect("well-formed frames");
            }
            assert_eq!(found, expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_masked_or_fragmented_frame_is_an_error() {
        for head in [[0x81, 0x81], [0x01, 0x01], [0xc1, 0x01]] {
            assert!(
                Reader::default().feed(&head, |_| Ok(())).is_err(),
                "{head:x?}"
            );
        }
    }

    #[test]
    fn written_frames_are_masked() {
        for len in [0_usize, 5, 126, 65_536] {
            let payload = vec![b'x'; len];
            let mut frame = Vec::new();
            masked(&mut frame, TEXT, &payload);
            let head = frame.len() - len;
            assert_eq!(frame[0], 0x81);
            assert_eq!(frame[1] & 0x80, 0x80);
            let mask: Vec<u8> = frame[head - 4..head].to_vec();
            let clear: Vec<u8> = frame[head..]
                .iter()
                .zip(mask.iter().cycle())
                .map(|(b, m)| b ^ m)
                .collect();
            assert_eq!(clear, payload);
        }
    }
}
