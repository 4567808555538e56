//! How events reach the program we live in: three deliveries, one event type.
//!
//! | delivery | sink | host code runs on | for |
//! |---|---|---|---|
//! | threads | [`Pool`] | callback threads; one socket's events in order, different sockets in parallel | servers that may block |
//! | polled | [`Queue`] | the thread that polls | game loops, and every other event loop |
//! | inline | [`Inline`] | the engine's own threads | callbacks that promise never to block: the lowest cost |
//!
//! In the first two a host that blocks costs no client its connection: events wait, within bounds, and beyond them the
//! clients concerned are not read, while the heartbeat goes on.

mod batch;
pub mod bell;
pub mod descriptor;
pub mod flush_deadline;
pub mod inline;
mod lane;
pub mod pool;
pub mod queue;
mod room;
#[cfg(test)]
mod tests;

pub use batch::EventBatch;
pub use bell::Bell;
pub use descriptor::Descriptor;
pub use flush_deadline::FlushDeadline;
pub use inline::Inline;
pub use pool::Pool;
pub use queue::{Queue, QueueBusy};

use crate::socketio::Event;

/// The host's side: what is called with every event.
pub trait Handler: Send + Sync + 'static {
    /// Handles one event. What the event borrows is not valid after the call.
    fn handle(&self, event: &Event<'_>);
}

/// How much may wait for the host.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Events.
    pub events: usize,
    /// Bytes of them.
    pub bytes: usize,
}
