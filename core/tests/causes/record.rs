//! What the engine reports on its threads, kept so that a test can wait for it.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use bellwire_core::log::listener::{Level, Line, Listener, ServerId};

use crate::TIMEOUT;

/// A list that any thread may add to.
pub(crate) struct Record<T> {
    pub(crate) all: Mutex<Vec<T>>,
    more: Condvar,
}

impl<T> Default for Record<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Record<T> {
    pub(crate) const fn new() -> Self {
        Self {
            all: Mutex::new(Vec::new()),
            more: Condvar::new(),
        }
    }

    pub(crate) fn add(&self, one: T) {
        self.all.lock().unwrap().push(one);
        self.more.notify_all();
    }
}

impl<T: Clone> Record<T> {
    /// Waits for the first entry that fits, and calls `idle` repeatedly meanwhile.
    pub(crate) fn find(&self, fits: impl Fn(&T) -> bool, idle: impl Fn()) -> Option<T> {
        let end = Instant::now() + TIMEOUT;
        let mut all = self.all.lock().unwrap();
        loop {
            if let Some(found) = all.iter().find(|one| fits(one)) {
                return Some(found.clone());
            }
            if Instant::now() > end {
                return None;
            }
            drop(all);
            idle();
            all = self.all.lock().unwrap();
            let moment = Duration::from_millis(5);
            all = self.more.wait_timeout(all, moment).unwrap().0;
        }
    }
}

/// The log lines of all servers of this process.
pub(crate) static LOG: Record<(ServerId, Level, String)> = Record::new();

/// Whether a line at *warn* with these parts is written. A line of one kind is written once in ten seconds, so the test
/// that asks this breaks the limit in several servers and is content with the line of one.
pub(crate) fn is_warned_of(parts: &[&str]) -> bool {
    let fits = |(_, level, text): &(ServerId, Level, String)| {
        *level == Level::Warn && parts.iter().all(|part| text.contains(part))
    };
    LOG.find(fits, || {}).is_some()
}

pub(crate) struct ToLog;

impl Listener for ToLog {
    fn level(&self) -> Level {
        Level::Debug
    }

    fn hear(&self, line: &Line<'_>) {
        LOG.add((line.server, line.level, line.text.to_owned()));
    }
}
