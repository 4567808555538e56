//! Who gets it: one description for every fan-out.

use crate::socketio::rooms::SocketKey;

/// Whether a message may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reliability {
    /// It is queued for a client that is not ready.
    #[default]
    Reliable,
    /// It is dropped for a client that is not ready.
    Volatile,
}

/// The sockets of a namespace that are in any of some rooms, and in none of others.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// The rooms whose members are meant, each once; empty is everybody. A socket's id is a room.
    pub rooms: &'a [&'a str],
    /// The rooms whose members are left out.
    pub except: &'a [&'a str],
    /// A socket that is left out: the sender.
    pub skip: Option<SocketKey>,
    /// Whether it may be dropped.
    pub reliability: Reliability,
}

impl Target<'_> {
    /// Everybody.
    pub const ALL: Target<'static> = Target {
        rooms: &[],
        except: &[],
        skip: None,
        reliability: Reliability::Reliable,
    };
}
