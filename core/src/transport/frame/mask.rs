//! Removes a client's mask, and looks at the text on the way: most messages are ASCII, and need
//! no second pass to know that they are UTF-8.

/// Whether all bytes of a payload are below 0x80.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Ascii,
    Other,
}

impl Charset {
    pub(super) fn and(self, other: Self) -> Self {
        match self {
            Self::Ascii => other,
            Self::Other => Self::Other,
        }
    }
}

const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// From this length on it pays to look which instructions the processor has.
const LONG: usize = 512;

/// XORs the payload of one frame with its key, from the first byte on.
#[inline]
pub(super) fn unmask(payload: &mut [u8], key: [u8; 4]) -> Charset {
    if payload.len() < LONG {
        xor(payload, key)
    } else {
        pulp::Arch::new().dispatch(|| xor(payload, key))
    }
}

#[inline(always)]
fn xor(payload: &mut [u8], key: [u8; 4]) -> Charset {
    let [a, b, c, d] = key;
    let wide_key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut seen = [0_u64; 8];
    // The compiler turns this loop into vector instructions; eight-byte words then take what is
    // left of a long payload, or all of a short one.
    let (blocks, rest) = payload.as_chunks_mut::<64>();
    for block in blocks {
        let (words, _) = block.as_chunks_mut::<8>();
        for (word, seen) in words.iter_mut().zip(&mut seen) {
            let plain = u64::from_ne_bytes(*word) ^ wide_key;
            *seen |= plain;
            *word = plain.to_ne_bytes();
        }
    }
    let mut seen = seen.into_iter().fold(0, |all, seen| all | seen);
    let (words, rest) = rest.as_chunks_mut::<8>();
    for word in words {
        let plain = u64::from_ne_bytes(*word) ^ wide_key;
        seen |= plain;
        *word = plain.to_ne_bytes();
    }
    let (halves, rest) = rest.as_chunks_mut::<4>();
    for half in halves {
        let plain = u32::from_ne_bytes(*half) ^ u32::from_ne_bytes(key);
        seen |= u64::from(plain);
        *half = plain.to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
        seen |= u64::from(*byte);
    }
    if seen & HIGH_BITS == 0 {
        Charset::Ascii
    } else {
        Charset::Other
    }
}
