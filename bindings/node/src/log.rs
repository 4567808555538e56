//! Passes the engine's log to JavaScript. Lines are stored until the JavaScript thread drains them with the events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bellwire_core::log::listener::{Level, ServerId, listen};
use bellwire_core::log::store::Store;

use crate::batch::{Batch, Kind, Numbers};
use crate::bell::Bell;

static STORE: Store = Store::new();

/// Requests lines up to this level. All engines of the process share one store, whose level is the highest requested.
pub(crate) fn want(level: u8) {
    static MOST: AtomicU8 = AtomicU8::new(0);
    let most = MOST.fetch_max(level, Ordering::AcqRel).max(level);
    // Fails only if another component of the process already listens to the log; that component then gets the lines.
    if listen(&STORE).is_ok() {
        STORE.set_level(Level::from_number(most).unwrap_or(Level::Trace));
    }
}

/// Rings the bell for log lines of this server.
pub(crate) fn begin(server: ServerId, bell: &Arc<Bell>) {
    let bell = Arc::downgrade(bell);
    let ring = move || {
        if let Some(bell) = bell.upgrade() {
            bell.ring();
        }
    };
    STORE.add_host(server, Arc::new(ring));
}

/// Adds up to `most` stored lines to the batch. Returns whether more may be stored.
pub(crate) fn drain(server: ServerId, most: usize, batch: &mut Batch) -> bool {
    let lines = STORE.take(server, most);
    for line in &lines {
        let numbers = Numbers {
            a: line.level as u32,
            ..Numbers::default()
        };
        let (target, text) = (line.target.as_bytes(), line.text.as_bytes());
        batch.push(Kind::Log, numbers, target, text);
    }
    lines.len() == most
}

/// Removes the server from the log: it has stopped.
pub(crate) fn end(server: ServerId) {
    STORE.remove_host(server);
}
