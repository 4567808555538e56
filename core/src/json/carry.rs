//! Sets of bytes as masks of 64 bits, the first byte lowest, and what of them goes on in the next block.
//!
//! Where a bit is added to a mask, a carry goes through all ones from there on and comes out behind
//! them. So one addition finds the end of each run: of whitespace, of digits, or of a whole string.

use crate::json::classes::BLOCK;

/// What of a mask goes into the block to come.
#[derive(Default)]
pub(super) struct Carry(u64);

impl Carry {
    /// As if the last byte of the block before were in the set.
    pub(super) fn one() -> Self {
        Self(1)
    }

    pub(super) fn is_some(&self) -> bool {
        self.0 != 0
    }

    /// The bytes right behind these.
    #[inline(always)]
    pub(super) fn after(&mut self, bytes: u64) -> u64 {
        self.ahead(bytes, 1)
    }

    /// The bytes so far behind these.
    #[inline(always)]
    pub(super) fn ahead(&mut self, bytes: u64, distance: usize) -> u64 {
        let ahead = bytes << distance | self.0;
        self.0 = bytes >> (BLOCK - distance);
        ahead
    }

    /// The run, without what a bit passes that starts at these bytes, and with the byte where it comes out.
    #[inline(always)]
    pub(super) fn through(&mut self, bytes: u64, run: u64) -> u64 {
        let (sum, carry) = (bytes | self.0).overflowing_add(run);
        self.0 = u64::from(carry);
        sum
    }

    /// The same for a bit that starts behind these bytes.
    #[inline(always)]
    pub(super) fn behind(&mut self, bytes: u64, run: u64) -> u64 {
        let (sum, carry) = self.after(bytes).overflowing_add(run);
        self.0 |= u64::from(carry);
        sum
    }

    /// The next bytes behind these that are not in a run.
    #[inline(always)]
    pub(super) fn next(&mut self, bytes: u64, run: u64) -> u64 {
        if run == 0 {
            return self.after(bytes);
        }
        self.behind(bytes, run) & !run
    }
}

/// From the first of each pair of bytes on, and up to the second, which is left out.
#[inline(always)]
pub(super) fn between_pairs(bytes: u64) -> u64 {
    [1, 2, 4, 8, 16, 32]
        .into_iter()
        .fold(bytes, |bits, distance| bits ^ bits << distance)
}
