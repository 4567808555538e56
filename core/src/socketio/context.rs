//! What everything of one server shares.

use std::sync::Arc;

use crate::socketio::Settings;
use crate::socketio::event::{Event, EventSink, Hooks, Timer};
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
}
