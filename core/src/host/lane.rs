//! A lane: the events of one socket that wait for a callback thread, in the delivery that keeps sockets apart.

use crate::host::batch::EventBatch;

/// The events of one socket, or of the server, that wait.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The events.
    pub(super) batch: EventBatch,
    /// Events before those of `batch`: a thread has begun to handle them.
    pub(super) begun: Option<Box<EventBatch>>,
    /// Whether a thread handles the lane, or the lane waits for one.
    pub(super) scheduled: bool,
}
