//! What all connections and namespaces of a server share.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::log::listener::ServerId;
use crate::socketio::event::{Clock, Event, EventSink, Hook, Hooks, SocketEvent, What};
use crate::socketio::settings::Settings;
use crate::socketio::socket::Socket;
use crate::stats::Stats;

/// Shared by all connections and namespaces of a server.
#[derive(Debug)]
pub struct Context {
    /// The options of the protocol layer.
    pub settings: Settings,
    /// Receives the events for the host.
    pub sink: Arc<dyn EventSink>,
    /// The time, and functions that are called after a delay.
    pub clock: Arc<dyn Clock>,
    /// The server that log lines name when a call of the host writes them.
    pub log_id: ServerId,
    /// The server's counters.
    pub stats: Arc<Stats>,
    /// The hooks that the host has set on the server.
    pub hooks: Hooks,
}

impl Context {
    /// Delivers what happens now and wakes the host at once. For events that do not belong to a wake-up of a connection's
    /// task.
    pub fn tell(&self, what: What<'_>) {
        let at = self.clock.now();
        self.sink.defer(&Event { what, at });
        self.sink.ring();
    }

    /// Reports the messages for a socket that were dropped since the last report, if there are any.
    pub fn tell_dropped(&self, socket: &Arc<Socket>, now: Instant) {
        if !self.hooks.has(Hook::Dropped) {
            return;
        }
        let count = socket.dropped().swap(0, Ordering::Relaxed);
        if count > 0 {
            let event = SocketEvent::Dropped { count };
            self.sink.deliver(&Event::of_socket(socket, event, now));
        }
    }
}
