//! Inline delivery: the engine's threads call the host, with views of its own buffers.
//!
//! Nothing waits for the host but what a packet middleware has not decided about. A callback that does not return holds
//! its thread, and with it every connection whose turn comes on that thread.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::host::Handler;
use crate::socketio::backlog::SHARE;
use crate::socketio::event::EventSink;
use crate::socketio::{Backlog, Event};

/// See the module's documentation.
pub struct Inline {
    handler: Arc<dyn Handler>,
}

impl Inline {
    /// Events go straight to `handler`.
    pub fn new(handler: Arc<dyn Handler>) -> Self {
        Self { handler }
    }
}

impl EventSink for Inline {
    #[expect(
        clippy::disallowed_methods,
        reason = "an event that no wake-up caused happens now"
    )]
    fn deliver(&self, event: &Event<'_>, at: Option<Instant>) {
        self.handler.handle(event, at.unwrap_or_else(Instant::now));
    }

    fn ring(&self) {}

    fn poll_ready(&self, connection: &Arc<Backlog>, cx: &mut Context<'_>) -> Poll<()> {
        if !connection.now().is_below(SHARE) {
            connection.wait(cx.waker());
            // Room may have been made just before.
            if !connection.now().is_below(SHARE) {
                return Poll::Pending;
            }
        }
        connection.set_full(false);
        Poll::Ready(())
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inline")
    }
}
