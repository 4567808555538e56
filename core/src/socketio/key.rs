//! The place of a socket among the members of its namespace.

/// An index and a generation. When a member is removed, its index can be used again, with the next generation, so that
/// an old key does not find the new member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketKey {
    pub(in crate::socketio) slot: u32,
    pub(in crate::socketio) generation: u32,
}

impl SocketKey {
    /// The key as one number.
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// The key from the number that [`SocketKey::to_bits`] has returned.
    pub fn from_bits(bits: u64) -> Self {
        Self {
            slot: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}
