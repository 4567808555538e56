//! The classes of bytes in a block: quotes, digits and so on, both inside and outside strings. A set of bytes is a
//! mask; the first byte of the block is the lowest bit.

use std::arch::x86_64::__m256i;

use pulp::x86::V3;

/// The number of bytes of a block: one for each bit of a mask.
pub(super) const BLOCK: usize = 64;

/// The bytes of a block by their meaning in JSON.
pub(super) struct Classes {
    pub(super) quote: u64,
    pub(super) backslash: u64,
    /// Control characters: bytes below the space.
    pub(super) control: u64,
    pub(super) whitespace: u64,
    pub(super) comma: u64,
    pub(super) colon: u64,
    /// `[` and `{`
    pub(super) open: u64,
    /// `]` and `}`
    pub(super) close: u64,
    /// The brackets that are `{` or `}`. Undefined for other bytes.
    pub(super) curly: u64,
    pub(super) digit: u64,
    pub(super) zero: u64,
    pub(super) minus: u64,
    pub(super) dot: u64,
}

impl Classes {
    /// The caller must be compiled for these instructions; otherwise each of them becomes a call.
    #[inline(always)]
    pub(super) fn of(simd: V3, block: &[u8; BLOCK]) -> Self {
        let block = Block {
            simd,
            halves: pulp::bytemuck::cast(*block),
        };
        // The bit that distinguishes upper-case from lower-case letters also distinguishes `[` from `{` and `]` from
        // `}`.
        let small = block.map(
            #[inline(always)]
            |bytes| simd.avx2._mm256_or_si256(bytes, splat(simd, 0x20)),
        );
        Self {
            quote: block.equal(b'"'),
            backslash: block.equal(b'\\'),
            control: block.control(),
            whitespace: block.whitespace(),
            comma: block.equal(b','),
            colon: block.equal(b':'),
            open: small.equal(b'{'),
            close: small.equal(b'}'),
            curly: block
                .map(
                    #[inline(always)]
                    |bytes| simd.avx2._mm256_slli_epi16::<2>(bytes),
                )
                .highest_bits(),
            digit: block.digits(),
            zero: block.equal(b'0'),
            minus: block.equal(b'-'),
            dot: block.equal(b'.'),
        }
    }
}

#[derive(Clone, Copy)]
struct Block {
    simd: V3,
    halves: [__m256i; 2],
}

impl Block {
    #[inline(always)]
    fn map(self, change: impl Fn(__m256i) -> __m256i) -> Self {
        let [first, second] = self.halves;
        Self {
            halves: [change(first), change(second)],
            ..self
        }
    }

    /// The bytes whose highest bit is set.
    #[inline(always)]
    fn highest_bits(self) -> u64 {
        let [first, second] = self.halves;
        let first = self.simd.avx2._mm256_movemask_epi8(first) as u32;
        let second = self.simd.avx2._mm256_movemask_epi8(second) as u32;
        u64::from(first) | u64::from(second) << 32
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> u64 {
        let simd = self.simd;
        self.map(
            #[inline(always)]
            |bytes| simd.avx2._mm256_cmpeq_epi8(bytes, splat(simd, byte)),
        )
        .highest_bits()
    }

    #[inline(always)]
    fn control(self) -> u64 {
        let simd = self.simd;
        !self
            .map(
                #[inline(always)]
                |bytes| simd.avx2._mm256_adds_epu8(bytes, splat(simd, 0x80 - b' ')),
            )
            .highest_bits()
    }

    #[inline(always)]
    fn digits(self) -> u64 {
        let simd = self.simd;
        self.map(
            #[inline(always)]
            |bytes| {
                // These become the highest signed bytes.
                let highest = simd
                    .avx2
                    ._mm256_add_epi8(bytes, splat(simd, i8::MAX as u8 - b'9'));
                simd.avx2
                    ._mm256_cmpgt_epi8(highest, splat(simd, i8::MAX as u8 - 10))
            },
        )
        .highest_bits()
    }

    #[inline(always)]
    fn whitespace(self) -> u64 {
        let simd = self.simd;
        // The low four bits of a byte select its entry. An unused entry differs from every byte that selects it.
        let mut table = [0; 16];
        for byte in *b" \t\n\r" {
            table[usize::from(byte & 15)] = byte;
        }
        let table = pulp::bytemuck::cast([table; 2]);
        self.map(
            #[inline(always)]
            |bytes| {
                let candidate = simd.avx2._mm256_shuffle_epi8(table, bytes);
                simd.avx2._mm256_cmpeq_epi8(bytes, candidate)
            },
        )
        .highest_bits()
    }
}

#[inline(always)]
fn splat(simd: V3, byte: u8) -> __m256i {
    simd.avx._mm256_set1_epi8(byte as i8)
}
