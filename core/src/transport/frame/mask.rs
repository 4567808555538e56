//! Removes a client's mask, and checks for ASCII in the same pass: most messages are ASCII, so a second pass that
//! checks for UTF-8 is seldom needed.

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

/// XORs the payload of one frame with its key.
#[inline]
pub(super) fn unmask(payload: &mut [u8], key: [u8; 4]) -> Charset {
    let wide_key = u64::from_ne_bytes(repeated(key));
    // The compiler vectorises this loop because `seen` fits into registers. The rest of a long payload, or all of a
    // short one, is handled in words.
    let long_key: [u8; 32] = repeated(key);
    let mut seen = [0; 32];
    let (blocks, rest) = payload.as_chunks_mut::<32>();
    for block in blocks {
        for ((byte, key), seen) in block.iter_mut().zip(long_key).zip(&mut seen) {
            *byte ^= key;
            *seen |= *byte;
        }
    }
    let (seen, _) = seen.as_chunks::<8>();
    let mut seen = seen
        .iter()
        .fold(0, |all, seen| all | u64::from_ne_bytes(*seen));
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

fn repeated<const LEN: usize>(key: [u8; 4]) -> [u8; LEN] {
    std::array::from_fn(|index| key[index % 4])
}
