//! Targets: which sockets of a namespace an operation applies to.

use crate::socketio::id::SocketId;

/// Whether a message may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reliability {
    /// The message is queued when the client cannot take it at once.
    #[default]
    Reliable,
    /// The message is dropped when the client cannot take it at once.
    Volatile,
}

/// Which servers an operation applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// All servers of the cluster.
    #[default]
    Cluster,
    /// This server only.
    Server,
}

/// The sockets of a namespace that are in at least one of `rooms` and in none of `except`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// The rooms whose members are selected, each member once. Empty selects all sockets. A socket's id is a room.
    pub rooms: &'a [&'a str],
    /// The rooms whose members are left out.
    pub except: &'a [&'a str],
    /// A socket that is left out, for example the sender.
    pub skip: Option<SocketId>,
    /// Whether a message may be dropped.
    pub reliability: Reliability,
    /// The servers whose sockets are selected.
    pub reach: Reach,
}

impl Target<'_> {
    /// All sockets.
    pub const ALL: Target<'static> = Target {
        rooms: &[],
        except: &[],
        skip: None,
        reliability: Reliability::Reliable,
        reach: Reach::Cluster,
    };
}

/// A [`Target`] that owns the names of its rooms.
#[derive(Debug, Clone, Default)]
pub struct TargetBuf {
    /// As [`Target::rooms`].
    pub rooms: Vec<String>,
    /// As [`Target::except`].
    pub except: Vec<String>,
    /// As [`Target::skip`].
    pub skip: Option<SocketId>,
    /// As [`Target::reliability`].
    pub reliability: Reliability,
    /// As [`Target::reach`].
    pub reach: Reach,
}

impl TargetBuf {
    /// Calls `run` with the borrowed form, and returns its result.
    pub fn with<R>(&self, run: impl FnOnce(&Target<'_>) -> R) -> R {
        let rooms: Vec<&str> = self.rooms.iter().map(String::as_str).collect();
        let except: Vec<&str> = self.except.iter().map(String::as_str).collect();
        run(&Target {
            rooms: &rooms,
            except: &except,
            skip: self.skip,
            reliability: self.reliability,
            reach: self.reach,
        })
    }
}
