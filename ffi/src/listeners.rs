//! Listeners: lists that are copied when they change, so that a dispatch uses the same list from its
//! beginning to its end.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::{ArcSwapOption, Guard};
use bellwire_core::socketio::event::Hook;

use crate::closure::Owned;
use crate::event::{bw_callback_fn, bw_event, bw_event_values as values};
use crate::hooks::{Wanted, hook_of};
use crate::pointer;
use crate::registry::Ended;
use crate::scope::WeakScope;
use crate::shared::Change;

/// How often a listener is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    Every,
    Once,
}

/// Where in its list a listener is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Last,
    First,
}

/// A registered callback.
pub(crate) struct Listener {
    pub(crate) kind: i32,
    pub(crate) name: Box<str>,
    pub(crate) times: Times,
    pub(crate) callback: bw_callback_fn,
    pub(crate) owned: Owned,
    /// The object that it was added to.
    pub(crate) scope: WeakScope,
    /// The handle, as soon as it has one.
    pub(crate) id: OnceLock<u64>,
    removed: AtomicBool,
}

impl Listener {
    pub(crate) fn new(
        (kind, name): (i32, &str),
        times: Times,
        (callback, owned): (bw_callback_fn, Owned),
        scope: WeakScope,
    ) -> Self {
        Self {
            kind,
            name: name.into(),
            times,
            callback,
            owned,
            scope,
            id: OnceLock::new(),
            removed: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Acquire)
    }

    /// Prevents further calls. Returns false if that was done before.
    pub(crate) fn retire(&self) -> bool {
        !self.removed.swap(true, Ordering::AcqRel)
    }

    /// Calls the listener, unless it was removed or was to be called once and has been.
    pub(crate) fn call(self: &Arc<Self>, event: &bw_event) -> bool {
        match self.times {
            Times::Every if self.is_removed() => return false,
            Times::Once if !self.retire() => return false,
            Times::Every | Times::Once => {}
        }
        pointer::call(self.callback, event, self.owned.user());
        if self.times == Times::Once {
            self.leave();
        }
        true
    }

    /// Removes it from its list.
    pub(crate) fn leave(&self) {
        if let Some(scope) = self.scope.upgrade() {
            scope.remove(self);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let (Some(id), Ok(registry)) = (self.id.get(), crate::handle::registry()) {
            registry.remove(*id, Ended::Gone);
        }
    }
}

type List = Vec<Arc<Listener>>;

/// The listeners of one event type.
#[derive(Clone, Default)]
struct ByName {
    all: List,
    named: HashMap<Box<str>, List, BuildHasherDefault<ShortHasher>>,
}

/// The listeners of one object at one moment.
#[derive(Clone, Default)]
pub(crate) struct Lists {
    /// Most events are messages.
    messages: ByName,
    others: Vec<(i32, ByName)>,
}

impl Lists {
    fn of(&self, kind: i32) -> Option<&ByName> {
        if kind == values::BW_EV_MESSAGE as i32 {
            return Some(&self.messages);
        }
        self.others
            .iter()
            .find(|(known, _)| *known == kind)
            .map(|(_, lists)| lists)
    }

    fn of_mut(&mut self, kind: i32) -> &mut ByName {
        if kind == values::BW_EV_MESSAGE as i32 {
            return &mut self.messages;
        }
        let known = self.others.iter().position(|(known, _)| *known == kind);
        let index = known.unwrap_or_else(|| {
            self.others.push((kind, ByName::default()));
            self.others.len() - 1
        });
        &mut self.others[index].1
    }

    /// The listeners for all events of a type.
    pub(crate) fn all(&self, kind: i32) -> &[Arc<Listener>] {
        self.of(kind).map_or(&[], |lists| &lists.all)
    }

    /// The listeners for the events of one name.
    pub(crate) fn named(&self, kind: i32, name: &str) -> &[Arc<Listener>] {
        let lists = self.of(kind).filter(|lists| !lists.named.is_empty());
        lists
            .and_then(|lists| lists.named.get(name))
            .map_or(&[], |list| list)
    }

    pub(crate) fn want(&self, hook: Hook) -> bool {
        self.others
            .iter()
            .any(|(kind, lists)| hook_of(*kind) == Some(hook) && !lists.is_empty())
    }

    fn put(&mut self, listener: &Arc<Listener>, position: Position) {
        let lists = self.of_mut(listener.kind);
        let list = if listener.name.is_empty() {
            &mut lists.all
        } else {
            lists.named.entry(listener.name.clone()).or_default()
        };
        let at = if position == Position::First {
            0
        } else {
            list.len()
        };
        list.insert(at, Arc::clone(listener));
    }

    /// Removes a listener. The caller drops it without holding a lock.
    fn take(&mut self, listener: &Listener) -> Option<Arc<Listener>> {
        let lists = self.of_mut(listener.kind);
        let is_it = |other: &Arc<Listener>| std::ptr::eq(&**other, listener);
        if listener.name.is_empty() {
            let at = lists.all.iter().position(is_it)?;
            return Some(lists.all.remove(at));
        }
        let list = lists.named.get_mut(&listener.name)?;
        let at = list.iter().position(is_it)?;
        let taken = list.remove(at);
        if list.is_empty() {
            lists.named.remove(&listener.name);
        }
        Some(taken)
    }

    fn into_all(self) -> Vec<Arc<Listener>> {
        let others = self.others.into_iter().map(|(_, lists)| lists);
        std::iter::once(self.messages)
            .chain(others)
            .flat_map(|lists| {
                lists
                    .all
                    .into_iter()
                    .chain(lists.named.into_values().flatten())
            })
            .collect()
    }
}

impl ByName {
    fn is_empty(&self) -> bool {
        self.all.is_empty() && self.named.is_empty()
    }
}

/// The listeners of a server, a namespace or a socket.
#[derive(Default)]
pub(crate) struct ListenerSet {
    /// Whether there may be listeners; most sockets have none, and then the lists are not read.
    any: AtomicBool,
    lists: ArcSwapOption<Lists>,
    /// Held while the lists change.
    changing: Mutex<()>,
}

/// The lists at one moment. To be held for a short time.
pub(crate) type Snapshot = Guard<Option<Arc<Lists>>>;

impl ListenerSet {
    /// The current lists.
    #[inline]
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        self.any.load(Ordering::Acquire).then(|| self.lists.load())
    }

    pub(crate) fn add(&self, listener: &Arc<Listener>, position: Position, wanted: &Wanted<'_>) {
        self.change(|lists| {
            lists.put(listener, position);
            wanted.change(lists, listener.kind, Change::More);
        });
    }

    pub(crate) fn remove(&self, listener: &Listener, wanted: &Wanted<'_>) {
        let taken = self.change(|lists| {
            let taken = lists.take(listener);
            if taken.is_some() {
                wanted.change(lists, listener.kind, Change::Fewer);
            }
            taken
        });
        // No lock is held here, so its drop function can be called.
        drop(taken);
    }

    /// Removes all listeners.
    pub(crate) fn clear(&self, wanted: &Wanted<'_>) {
        let all = {
            let _changing = self.lock();
            self.any.store(false, Ordering::Release);
            self.lists
                .swap(None)
                .map(|lists| (*lists).clone().into_all())
        };
        for listener in all.into_iter().flatten() {
            listener.retire();
            wanted.change(&Lists::default(), listener.kind, Change::Fewer);
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut Lists) -> R) -> R {
        let (result, old) = {
            let _changing = self.lock();
            let mut lists = self.lists.load().as_deref().cloned().unwrap_or_default();
            let result = change(&mut lists);
            let old = self.lists.swap(Some(Arc::new(lists)));
            self.any.store(true, Ordering::Release);
            (result, old)
        };
        // This may be the last reference to the old lists.
        drop(old);
        result
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ListenerSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ListenerSet")
    }
}

/// A fast hash of a name. The host chooses the names in the table, so clients cannot cause collisions.
#[derive(Default)]
struct ShortHasher(u64);

impl ShortHasher {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for ShortHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let last = |last, byte: &u8| last << 8 | u64::from(*byte);
        self.mix(rest.iter().fold(rest.len() as u64, last));
    }

    fn write_u8(&mut self, _: u8) {
        // The terminator that `str` hashes is not needed: `write` has included the length.
    }

    fn finish(&self) -> u64 {
        // The hash table uses the top seven bits as control bits and the lowest bits as the bucket.
        self.0 ^ self.0 >> 32
    }
}
