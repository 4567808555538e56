//! Lines that wait for a host which takes them on a thread of its own, as the bindings do: threads of the engine never
//! enter Python or V8.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use crate::log::listener::{Level, Line, Listener, ServerId, level_changed};

/// Lines that wait at most. A host that takes none for longer loses those that come then, and is told how many.
const MOST: usize = 4096;

/// How often a lock is tried that another thread has. A child that was forked while a thread had it would wait for
/// ever: it loses a line instead.
const TRIES: usize = 1000;

/// A line that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// How important it is.
    pub level: Level,
    /// The part of the engine: `bellwire::http`.
    pub target: &'static str,
    /// The words.
    pub text: String,
}

/// Wakes the host of a server, so that it takes what waits.
pub type Ring = Arc<dyn Fn() + Send + Sync>;

/// See the module's documentation.
#[derive(Default)]
pub struct Store {
    level: AtomicU8,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<(ServerId, StoredLine)>,
    lost: u64,
    hosts: Vec<Host>,
}

struct Host {
    server: ServerId,
    ring: Ring,
    /// It is on its way already.
    rung: bool,
}

impl Store {
    /// One that hears nothing yet.
    pub const fn new() -> Self {
        Self {
            level: AtomicU8::new(0),
            waiting: Mutex::new(Waiting {
                lines: VecDeque::new(),
                lost: 0,
                hosts: Vec::new(),
            }),
        }
    }

    /// From now on it hears as much as this.
    pub fn set_level(&self, level: Level) {
        if self.level.swap(level as u8, Ordering::Relaxed) != level as u8 {
            level_changed();
        }
    }

    /// From now on `ring` is called when lines of this server wait. It must not block and must not call the engine.
    pub fn add_host(&self, server: ServerId, ring: Ring) {
        let Some(mut waiting) = self.lock() else {
            return;
        };
        let rung = !waiting.lines.is_empty();
        let first = rung.then(|| Arc::clone(&ring));
        waiting.hosts.push(Host { server, ring, rung });
        drop(waiting);
        if let Some(ring) = first {
            ring();
        }
    }

    /// The server has ended.
    pub fn remove_host(&self, server: ServerId) {
        if let Some(mut waiting) = self.lock() {
            waiting.hosts.retain(|host| host.server != server);
        }
    }

    /// Takes the lines of this server, and those of no server that is known; `most` of them at most.
    pub fn take(&self, server: ServerId, most: usize) -> Vec<StoredLine> {
        let Some(mut waiting) = self.lock() else {
            return Vec::new();
        };
        let Waiting { lines, lost, hosts } = &mut *waiting;
        if let Some(host) = hosts.iter_mut().find(|host| host.server == server) {
            host.rung = false;
        }
        let is_other = |of: ServerId| of != server && hosts.iter().any(|host| host.server == of);
        let (mut others, mut taken) = (VecDeque::new(), Vec::new());
        for (of, line) in lines.drain(..) {
            if taken.len() == most || is_other(of) {
                others.push_back((of, line));
            } else {
                taken.push(line);
            }
        }
        *lines = others;
        if *lost > 0 && taken.len() < most {
            let text =
                format!("{lost} lines of the log were lost: the program took none for too long");
            taken.push(StoredLine {
                level: Level::Warn,
                target: crate::log::HOST,
                text,
            });
            *lost = 0;
        }
        taken
    }

    fn lock(&self) -> Option<MutexGuard<'_, Waiting>> {
        for _ in 0..TRIES {
            match self.waiting.try_lock() {
                Ok(waiting) => return Some(waiting),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
        None
    }
}

impl Listener for Store {
    fn level(&self) -> Level {
        Level::from_number(self.level.load(Ordering::Relaxed)).unwrap_or(Level::Off)
    }

    fn hear(&self, line: &Line<'_>) {
        let ring = {
            let Some(mut waiting) = self.lock() else {
                return;
            };
            if waiting.lines.len() >= MOST {
                waiting.lost += 1;
                return;
            }
            waiting.lines.push_back((
                line.server,
                StoredLine {
                    level: line.level,
                    target: line.target,
                    text: line.text.to_owned(),
                },
            ));
            let of_it = |host: &&mut Host| host.server == line.server;
            let Waiting { hosts, .. } = &mut *waiting;
            let known = hosts.iter().any(|host| host.server == line.server);
            let host = if known {
                hosts.iter_mut().find(of_it)
            } else {
                hosts.first_mut()
            };
            host.and_then(|host| {
                let was_rung = std::mem::replace(&mut host.rung, true);
                (!was_rung).then(|| Arc::clone(&host.ring))
            })
        };
        if let Some(ring) = ring {
            ring();
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    fn hear(store: &Store, server: ServerId, text: &str) {
        store.hear(&Line {
            level: Level::Debug,
            target: crate::log::HTTP,
            text,
            server,
        });
    }

    fn texts(store: &Store, server: ServerId) -> Vec<String> {
        store
            .take(server, usize::MAX)
            .into_iter()
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn a_line_reaches_the_host_of_its_server() {
        let store = Store::new();
        let (one, other) = (ServerId::new(), ServerId::new());
        let rung = Arc::new(AtomicUsize::new(0));
        for server in [one, other] {
            let rung = Arc::clone(&rung);
            store.add_host(
                server,
                Arc::new(move || {
                    rung.fetch_add(1, Ordering::SeqCst);
                }),
            );
        }
        hear(&store, one, "a");
        hear(&store, other, "b");
        hear(&store, one, "c");
        hear(&store, ServerId::NONE, "d");
        assert_eq!(rung.load(Ordering::SeqCst), 2, "once for each");
        assert_eq!(texts(&store, other), ["b", "d"]);
        assert_eq!(texts(&store, one), ["a", "c"]);
        // Nobody takes the lines of a server that has ended but another.
        hear(&store, one, "e");
        store.remove_host(one);
        assert_eq!(texts(&store, other), ["e"]);
    }

    #[test]
    fn lost_lines_are_counted() {
        let store = Store::new();
        for _ in 0..MOST + 3 {
            hear(&store, ServerId::NONE, "x");
        }
        let taken = store.take(ServerId::NONE, usize::MAX);
        assert_eq!(taken.len(), MOST + 1);
        let last = taken.last().unwrap();
        assert_eq!(last.level, Level::Warn);
        assert!(last.text.starts_with("3 lines"), "{}", last.text);
        assert!(store.take(ServerId::NONE, usize::MAX).is_empty());
    }

    /// In a child that was forked meanwhile, it stays locked.
    #[test]
    fn a_lock_that_is_never_given_back_stops_nobody() {
        let store = Store::new();
        let held = store.lock().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| hear(&store, ServerId::NONE, "lost"));
        });
        drop(held);
        assert!(store.take(ServerId::NONE, usize::MAX).is_empty());
    }
}
