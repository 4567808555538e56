//! Sets of bytes as masks of 64 bits, whose lowest bit is the first byte, and the bits that carry over to the next
//! block.
//!
//! If a bit is added to a mask, the carry passes all ones from there on, and sets the first zero after them. So one
//! addition finds the end of each run: of whitespace, of digits, or of a string.

use crate::json::classes::BLOCK;

/// The bit of a mask that carries over to the next block.
#[derive(Default)]
pub(super) struct Carry(u64);

impl Carry {
    /// A carry as if the last byte of the block before were in the set.
    pub(super) fn one() -> Self {
        Self(1)
    }

    pub(super) fn is_some(&self) -> bool {
        self.0 != 0
    }

    /// The bytes directly after these.
    #[inline(always)]
    pub(super) fn after(&mut self, bytes: u64) -> u64 {
        self.ahead(bytes, 1)
    }

    /// The bytes at this distance after these.
    #[inline(always)]
    pub(super) fn ahead(&mut self, bytes: u64, distance: usize) -> u64 {
        let ahead = bytes << distance | self.0;
        self.0 = bytes >> (BLOCK - distance);
        ahead
    }

    /// The run, without the bytes that a carry from these bytes passes, and with the byte that the carry sets.
    #[inline(always)]
    pub(super) fn through(&mut self, bytes: u64, run: u64) -> u64 {
        let (sum, carry) = (bytes | self.0).overflowing_add(run);
        self.0 = u64::from(carry);
        sum
    }

    /// The same for a carry that starts after these bytes.
    #[inline(always)]
    pub(super) fn behind(&mut self, bytes: u64, run: u64) -> u64 {
        let (sum, carry) = self.after(bytes).overflowing_add(run);
        self.0 |= u64::from(carry);
        sum
    }

    /// The first bytes after these that are not in a run.
    #[inline(always)]
    pub(super) fn next(&mut self, bytes: u64, run: u64) -> u64 {
        if run == 0 {
            return self.after(bytes);
        }
        self.behind(bytes, run) & !run
    }
}

/// For each pair of bytes, the bytes from the first, inclusive, to the second, exclusive.
#[inline(always)]
pub(super) fn between_pairs(bytes: u64) -> u64 {
    [1, 2, 4, 8, 16, 32]
        .into_iter()
        .fold(bytes, |bits, distance| bits ^ bits << distance)
}
