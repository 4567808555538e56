//! What everything of one server shares.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::socketio::Settings;
use crate::socketio::event::{Event, EventSink, Hook, Hooks, Timer};
use crate::socketio::socket::Socket;
use crate::stats::Stats;

/// See the module's documentation.
#[derive(Debug)]
pub struct Context {
    /// The options of this layer.
    pub settings: Settings,
    /// Where events go.
    pub sink: Arc<dyn EventSink>,
    /// Runs things later.
    pub timer: Arc<dyn Timer>,
    /// The server's numbers.
    pub stats: Arc<Stats>,
    /// What the host wants to hear of the server.
    pub hooks: Hooks,
}

impl Context {
    /// Delivers an event that no wake-up of a connection caused, at once.
    pub fn tell(&self, event: &Event<'_>) {
        self.sink.deliver(event, None);
        self.sink.ring();
    }

    /// Tells the host of messages for a socket that found no room since the last time, if there are any.
    pub fn tell_dropped(&self, socket: &Arc<Socket>, now: Instant) {
        if !self.hooks.has(Hook::Dropped) {
            return;
        }
        let count = socket.dropped().swap(0, Ordering::Relaxed);
        if count > 0 {
            self.sink
                .deliver(&Event::Dropped { socket, count }, Some(now));
        }
    }
}
