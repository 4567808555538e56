//! Session ids: 20 characters of base64url, from 120 bits of the operating system's random source.
//!
//! A session id is a bearer secret: a peer that knows it can act as the client. It is never logged; its `Debug` output
//! has the first four characters. The ids of sockets, which are public, have the same form.

use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How many characters of a session's id log lines show.
const SHOWN: usize = 6;

/// The number of characters of an id.
pub const LENGTH: usize = 20;

/// The id of a session, or the public id of a socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId([u8; LENGTH]);

impl SessionId {
    /// A new random id; `None` if the operating system's random source fails.
    pub fn random() -> Option<Self> {
        let mut random = [0; LENGTH / 4 * 3];
        getrandom::fill(&mut random).ok()?;
        let mut id = [0; LENGTH];
        URL_SAFE_NO_PAD.encode_slice(random, &mut id).ok()?;
        Some(Self(id))
    }

    /// Parses an id; `None` if the length or a character is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let id: [u8; LENGTH] = text.as_bytes().try_into().ok()?;
        id.iter()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
            .then_some(Self(id))
    }

    /// The characters of the id.
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The part of the id that log lines show: enough to tell sessions apart, not enough to take one over.
    pub fn shown(&self) -> &str {
        &self.as_str()[..SHOWN]
    }
}

impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // All ids have the same length, so it is not hashed.
        state.write(&self.0);
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({}…)", &self.as_str()[..4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_distinct_and_well_formed() {
        let ids: HashSet<_> = (0..10_000).map(|_| SessionId::random().unwrap()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in &ids {
            assert_eq!(SessionId::parse(id.as_str()), Some(*id));
        }
    }

    #[test]
    fn foreign_syntax_is_refused() {
        for text in [
            "",
            "__proto__",
            "constructor",
            "aaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaa/",
        ] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn debug_does_not_tell_the_secret() {
        let id = SessionId::random().unwrap();
        assert!(!format!("{id:?}").contains(id.as_str()));
    }
}
