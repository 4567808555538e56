//! The engine's log, for JavaScript: lines wait until its thread takes them with the events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bellwire_core::log::listener::{Level, ServerId, listen};
use bellwire_core::log::store::Store;

use crate::batch::{Batch, Kind, Numbers};
use crate::bell::Bell;

static STORE: Store = Store::new();

/// The engines of all threads of JavaScript share the store: it hears as much as any of them wants.
pub(crate) fn want(level: u8) {
    static MOST: AtomicU8 = AtomicU8::new(0);
    let most = MOST.fetch_max(level, Ordering::AcqRel).max(level);
    // It can only fail in a process in which something else listens: then that has the lines.
    if listen(&STORE).is_ok() {
        STORE.set_level(Level::from_number(most).unwrap_or(Level::Trace));
    }
}

/// Rings the bell for log lines of this server, too.
pub(crate) fn begin(server: ServerId, bell: &Arc<Bell>) {
    let bell = Arc::downgrade(bell);
    let ring = move || {
        if let Some(bell) = bell.upgrade() {
            bell.ring();
        }
    };
    STORE.add_host(server, Arc::new(ring));
}

/// Adds the lines that wait, `most` of them; whether to come again.
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

/// The server has stopped.
pub(crate) fn end(server: ServerId) {
    STORE.remove_host(server);
}
