//! A store of log lines for hosts that take them on a thread of their own, such as the bindings: threads of the engine
//! never enter Python or V8.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use crate::log::listener::{Level, Line, Listener, ServerId, level_changed};

/// How many lines of one server may wait, and how many lines without a known server. Further lines are lost, and the
/// host is told how many; the lines of other servers are not affected.
const MOST: usize = 4096;

/// How often to try a lock that another thread holds. In a child process that was forked while a thread held it, it is
/// never released: the child loses the line instead of blocking.
const TRIES: usize = 1000;

/// A line that waits for the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// The level of the line.
    pub level: Level,
    /// The part of the engine: `bellwire::http`.
    pub target: &'static str,
    /// The text of the line.
    pub text: String,
}

/// Wakes the host of a server, so that it takes its lines.
pub type Ring = Arc<dyn Fn() + Send + Sync>;

/// A bounded store of log lines that hosts drain. One for the process.
#[derive(Default)]
pub struct Store {
    level: AtomicU8,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// The lines of all servers in one queue: a server also takes lines without a known server, in order with its own.
    lines: VecDeque<(ServerId, StoredLine)>,
    hosts: Vec<Host>,
    /// Lines without a known server.
    others: Account,
}

struct Host {
    server: ServerId,
    ring: Ring,
    /// Whether the host has been woken since it last took lines.
    rung: bool,
    account: Account,
}

/// How many lines of one server wait, and how many were lost.
#[derive(Default)]
struct Account {
    waiting: usize,
    lost: u64,
}

impl Account {
    const fn new() -> Self {
        Self {
            waiting: 0,
            lost: 0,
        }
    }

    /// Counts one more line. If the store is full, counts it as lost and returns false.
    fn admit(&mut self) -> bool {
        let has_room = self.waiting < MOST;
        if has_room {
            self.waiting += 1;
        } else {
            self.lost += 1;
        }
        has_room
    }
}

impl Waiting {
    /// Removes a server. Its remaining lines become lines without a known server; the newest beyond their bound are
    /// lost.
    fn remove(&mut self, server: ServerId) {
        let Some(index) = self.hosts.iter().position(|host| host.server == server) else {
            return;
        };
        let Account { lost, .. } = self.hosts.remove(index).account;
        let Self { lines, others, .. } = self;
        others.lost += lost;
        lines.retain(|(of, _)| *of != server || others.admit());
    }

    fn host(&mut self, server: ServerId) -> Option<&mut Host> {
        self.hosts.iter_mut().find(|host| host.server == server)
    }

    fn account(&mut self, server: ServerId) -> &mut Account {
        let known = self.hosts.iter().position(|host| host.server == server);
        match known {
            Some(index) => &mut self.hosts[index].account,
            None => &mut self.others,
        }
    }
}

impl Store {
    /// A store with the level `Off`.
    pub const fn new() -> Self {
        Self {
            level: AtomicU8::new(0),
            waiting: Mutex::new(Waiting {
                lines: VecDeque::new(),
                hosts: Vec::new(),
                others: Account::new(),
            }),
        }
    }

    /// Sets the most detailed level to store.
    pub fn set_level(&self, level: Level) {
        if self.level.swap(level as u8, Ordering::Relaxed) != level as u8 {
            level_changed();
        }
    }

    /// Registers `ring`, which is called when lines of this server wait. It must not block and must not call the
    /// engine.
    pub fn add_host(&self, server: ServerId, ring: Ring) {
        let Some(mut waiting) = self.lock() else {
            return;
        };
        waiting.remove(server);
        let rung = !waiting.lines.is_empty();
        let first = rung.then(|| Arc::clone(&ring));
        // Lines that were stored before their host was registered.
        let own = waiting.lines.iter().filter(|(of, _)| *of == server).count();
        waiting.others.waiting -= own;
        let account = Account {
            waiting: own,
            lost: 0,
        };
        waiting.hosts.push(Host {
            server,
            ring,
            rung,
            account,
        });
        drop(waiting);
        if let Some(ring) = first {
            ring();
        }
    }

    /// Removes the host of a server that has ended.
    pub fn remove_host(&self, server: ServerId) {
        if let Some(mut waiting) = self.lock() {
            waiting.remove(server);
        }
    }

    /// Takes up to `most` lines: those of this server, and those without a known server.
    pub fn take(&self, server: ServerId, most: usize) -> Vec<StoredLine> {
        let Some(mut waiting) = self.lock() else {
            return Vec::new();
        };
        if let Some(host) = waiting.host(server) {
            host.rung = false;
        }
        let mut taken = Vec::new();
        let mut left = VecDeque::new();
        for (of, line) in std::mem::take(&mut waiting.lines) {
            let is_other = of != server && waiting.host(of).is_some();
            if taken.len() == most || is_other {
                left.push_back((of, line));
            } else {
                waiting.account(of).waiting -= 1;
                taken.push(line);
            }
        }
        waiting.lines = left;
        let own = waiting.host(server).map_or(0, |host| host.account.lost);
        let lost = own + waiting.others.lost;
        if lost > 0 && taken.len() < most {
            taken.push(lost_line(lost));
            waiting.account(server).lost = 0;
            waiting.others.lost = 0;
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

fn lost_line(lost: u64) -> StoredLine {
    StoredLine {
        level: Level::Warn,
        target: crate::log::HOST,
        text: format!("{lost} lines of the log were lost: the program took none for too long"),
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
            if !waiting.account(line.server).admit() {
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
        // Another server takes the lines of a server that has ended.
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

    #[test]
    fn a_server_that_takes_no_lines_leaves_room_for_those_of_others() {
        let store = Store::new();
        let (stuck, other) = (ServerId::new(), ServerId::new());
        // Stored before its host was registered.
        hear(&store, stuck, "first");
        for server in [stuck, other] {
            store.add_host(server, Arc::new(|| {}));
        }
        for _ in 0..MOST + 2 {
            hear(&store, stuck, "x");
            hear(&store, ServerId::NONE, "y");
        }
        hear(&store, other, "z");
        let taken = texts(&store, other);
        assert_eq!(taken.len(), MOST + 2);
        assert!(taken[..MOST].iter().all(|text| text == "y"));
        assert_eq!(taken[MOST], "z");
        assert!(taken[MOST + 1].starts_with("2 lines"), "the others'");
        let taken = texts(&store, stuck);
        assert_eq!(taken.len(), MOST + 1);
        assert_eq!(taken[0], "first");
        assert!(taken[MOST].starts_with("3 lines"), "its own");
        // There is room again.
        hear(&store, stuck, "x");
        hear(&store, ServerId::NONE, "y");
        assert_eq!(texts(&store, stuck), ["x", "y"]);
    }

    #[test]
    fn lines_of_servers_that_have_ended_are_bounded_together() {
        let store = Store::new();
        for _ in 0..3 {
            let server = ServerId::new();
            store.add_host(server, Arc::new(|| {}));
            for _ in 0..MOST {
                hear(&store, server, "x");
            }
            store.remove_host(server);
        }
        let taken = store.take(ServerId::new(), usize::MAX);
        assert_eq!(taken.len(), MOST + 1);
        let last = &taken.last().unwrap().text;
        assert!(last.starts_with(&format!("{} lines", 2 * MOST)), "{last}");
    }

    /// In a child process that was forked meanwhile, the lock is never released.
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
