//! The output of one write: small frames are copied into one buffer, large payloads are shared.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::transport::frame::{Opcode, write_header};

/// Payloads of at least this many bytes are shared instead of copied.
const SHARED: usize = 4096;

/// The capacity of the buffer, in bytes, that is kept for the next connection.
const KEPT: usize = 64 * 1024;

/// How many slices one vectored write may have.
const MAX_SLICES: usize = 32;

/// The frames of one write. Each thread has one, which its connections use in turn.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// Shared payloads, each with the position in `bytes` before which it belongs.
    shared: Vec<(usize, Bytes)>,
    shared_len: usize,
}

impl Outbox {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.shared.is_empty()
    }

    /// The number of bytes to write.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.shared_len
    }

    /// Adds a frame whose payload is copied.
    pub fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        write_header(&mut self.bytes, opcode, payload.len());
        self.bytes.extend_from_slice(payload);
    }

    /// Adds a frame whose payload is shared if it is large, and copied otherwise.
    pub fn shared_frame(&mut self, opcode: Opcode, payload: &Bytes) {
        if payload.len() < SHARED {
            return self.frame(opcode, payload);
        }
        write_header(&mut self.bytes, opcode, payload.len());
        self.shared.push((self.bytes.len(), payload.clone()));
        self.shared_len += payload.len();
    }

    /// Adds bytes that are framed already.
    pub fn raw(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
    }

    /// All bytes, if they are contiguous.
    pub(super) fn single_piece(&self) -> Option<&[u8]> {
        (self.shared.is_empty() && !self.bytes.is_empty()).then_some(&self.bytes)
    }

    /// Fills `slices` with the bytes after the first `written` ones. Returns how many slices are used.
    pub(super) fn slices<'a>(
        &'a self,
        mut written: usize,
        slices: &mut [IoSlice<'a>; MAX_SLICES],
    ) -> usize {
        let mut count = 0;
        let mut from = 0;
        let mut add = |piece: &'a [u8]| {
            let skipped = written.min(piece.len());
            written -= skipped;
            if skipped < piece.len() && count < MAX_SLICES {
                slices[count] = IoSlice::new(&piece[skipped..]);
                count += 1;
            }
        };
        for (at, shared) in &self.shared {
            add(&self.bytes[from..*at]);
            add(shared);
            from = *at;
        }
        add(&self.bytes[from..]);
        count
    }

    /// Moves what is left after `written` bytes to the end of `unsent`.
    pub(super) fn spill(&self, mut written: usize, unsent: &mut Unsent) {
        let mut from = 0;
        let mut skip = |len: usize| {
            let skipped = written.min(len);
            written -= skipped;
            skipped
        };
        for (at, shared) in &self.shared {
            let piece = &self.bytes[from..*at];
            unsent.push_copy(&piece[skip(piece.len())..]);
            unsent.push(shared.slice(skip(shared.len())..));
            from = *at;
        }
        let piece = &self.bytes[from..];
        unsent.push_copy(&piece[skip(piece.len())..]);
    }

    /// Removes all frames. Keeps up to `KEPT` bytes of capacity.
    pub fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT {
            self.bytes.shrink_to(KEPT);
        }
        self.shared.clear();
        self.shared_len = 0;
    }

    /// Room for the slices of one write.
    pub(super) fn no_slices<'a>() -> [IoSlice<'a>; MAX_SLICES] {
        [IoSlice::new(&[]); MAX_SLICES]
    }
}

/// The memory of a piece besides its bytes: its entry in the queue, and its allocation.
const PIECE_COST: usize = 128;

/// Small pieces are joined up to this length in bytes.
const CHUNK: usize = 16 * 1024;

/// Bytes that a connection has not taken yet.
#[derive(Debug, Default)]
pub struct Unsent {
    pieces: VecDeque<Bytes>,
    /// Small pieces behind all others, joined.
    tail: Vec<u8>,
    len: usize,
}

impl Unsent {
    /// The number of waiting bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The memory of the waiting bytes.
    pub fn cost(&self) -> usize {
        self.len + self.pieces.len() * PIECE_COST
    }

    fn push_copy(&mut self, mut piece: &[u8]) {
        self.len += piece.len();
        while !piece.is_empty() {
            let (part, rest) = piece.split_at(piece.len().min(CHUNK - self.tail.len()));
            if self.tail.capacity() - self.tail.len() < part.len() {
                let wanted = (2 * self.tail.capacity()).max(self.tail.len() + part.len());
                self.tail.reserve_exact(wanted.min(CHUNK) - self.tail.len());
            }
            self.tail.extend_from_slice(part);
            if self.tail.len() == CHUNK {
                self.end_tail();
            }
            piece = rest;
        }
    }

    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.end_tail();
            self.len += piece.len();
            self.pieces.push_back(piece);
        }
    }

    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(std::mem::take(&mut self.tail).into());
        }
    }

    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut count = 0;
        let pieces = self.pieces.iter().map(Bytes::as_ref);
        let tail = (!self.tail.is_empty()).then_some(self.tail.as_slice());
        for (slice, piece) in slices.iter_mut().zip(pieces.chain(tail)) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    pub(super) fn advance(&mut self, mut written: usize) {
        self.len -= written;
        while let Some(piece) = self.pieces.front_mut() {
            if written < piece.len() {
                return piece.advance(written);
            }
            written -= piece.len();
            self.pieces.pop_front();
        }
        self.pieces = VecDeque::new();
        if written < self.tail.len() {
            self.tail.drain(..written);
        } else {
            self.tail = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tiny_pieces_cost_little_more_than_their_bytes() {
        let mut unsent = Unsent::default();
        for n in 0..100_000_u32 {
            unsent.push_copy(&n.to_le_bytes());
        }
        let memory = unsent.pieces.iter().map(Bytes::len).sum::<usize>()
            + unsent.pieces.capacity() * size_of::<Bytes>()
            + unsent.tail.capacity();
        assert_eq!(unsent.len(), 400_000);
        assert!(memory <= unsent.cost(), "{memory} of {}", unsent.cost());
        assert!(unsent.cost() < 410_000, "{}", unsent.cost());
    }

    proptest! {
        /// However much each write takes, the bytes are those that were put in.
        #[test]
        fn pieces_leave_whole_and_in_order(
            sizes in proptest::collection::vec(prop_oneof![0..100usize, SHARED..SHARED + 100], 1..40),
            takes in proptest::collection::vec(0..9000usize, 0..20),
        ) {
            let (mut outbox, mut expected) = (Outbox::default(), Vec::new());
            for (index, size) in sizes.iter().enumerate() {
                let payload = Bytes::from(vec![index as u8; *size]);
                outbox.shared_frame(Opcode::Binary, &payload);
                write_header(&mut expected, Opcode::Binary, *size);
                expected.extend_from_slice(&payload);
            }
            prop_assert_eq!(outbox.len(), expected.len());
            let (mut sent, mut unsent) = (Vec::new(), Unsent::default());
            let mut takes = takes.into_iter();
            let first = takes.next().unwrap_or(0);
            let mut slices = Outbox::no_slices();
            let count = outbox.slices(0, &mut slices);
            for slice in &slices[..count] {
                sent.extend_from_slice(&slice[..slice.len().min(first - sent.len().min(first))]);
            }
            outbox.spill(sent.len(), &mut unsent);
            prop_assert_eq!(unsent.len(), expected.len() - sent.len());
            for take in takes.chain(std::iter::repeat(usize::MAX)) {
                if unsent.is_empty() { break; }
                let mut slices = Outbox::no_slices();
                let count = unsent.slices(&mut slices);
                let mut taken = 0;
                for slice in &slices[..count] {
                    let n = slice.len().min(take - taken);
                    sent.extend_from_slice(&slice[..n]);
                    taken += n;
                }
                unsent.advance(taken);
            }
            prop_assert_eq!(sent, expected);
            let kept = unsent.pieces.capacity() + unsent.tail.capacity();
            prop_assert_eq!(kept, 0, "what was sent takes no memory");
        }
    }
}
