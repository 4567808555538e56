//! The integers by which JavaScript knows sockets, connections and namespaces.
//!
//! A socket has a handle from the first event that shows it until the core has dropped it. While it is connected we hold
//! it, so that its last handlers still see its rooms; otherwise only the core does. A handle becomes free in a drain,
//! which tells JavaScript first: a handle never means two sockets at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::{Link, Namespace, Socket};

/// The handles of dropped sockets, for the next drain.
pub(crate) type Dropped = Arc<Mutex<Vec<u32>>>;

#[derive(Debug, Default)]
enum Entry {
    #[default]
    Free,
    /// The core's alone: not connected yet, or not any more.
    Loose(Weak<Socket>),
    Held(Arc<Socket>),
}

#[derive(Debug, Default)]
struct Slot {
    entry: Entry,
    /// The address of the connection's link.
    link: usize,
}

/// A connection; holding its link keeps the address from meaning another one.
#[derive(Debug)]
struct Connection {
    number: u32,
    sockets: u32,
    _link: Arc<Link>,
}

/// What the core keeps for us with a socket.
#[derive(Debug)]
struct Handle {
    number: u32,
    dropped: Dropped,
}

impl Drop for Handle {
    fn drop(&mut self) {
        lock(&self.dropped).push(self.number);
    }
}

/// What the core keeps for us with a namespace.
#[derive(Debug)]
struct NamespaceIndex(u32);

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    slots: Vec<Slot>,
    free: Vec<u32>,
    connections: HashMap<usize, Connection>,
    next_connection: u32,
    namespaces: Vec<Arc<Namespace>>,
    dropped: Dropped,
}

impl Registry {
    /// The handle of a socket, made now if it is new.
    pub(crate) fn handle(&mut self, socket: &Arc<Socket>) -> u32 {
        if let Some(handle) = socket.host().get::<Handle>() {
            return handle.number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            if self.slots.is_empty() {
                // No socket has the handle 0.
                self.slots.push(Slot::default());
            }
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let link = Arc::as_ptr(socket.link()) as usize;
        let connection = self.connections.entry(link).or_insert_with(|| {
            self.next_connection = self.next_connection.wrapping_add(1);
            Connection {
                number: self.next_connection,
                sockets: 0,
                _link: Arc::clone(socket.link()),
            }
        });
        connection.sockets += 1;
        self.slots[number as usize] = Slot {
            entry: Entry::Loose(Arc::downgrade(socket)),
            link,
        };
        let dropped = Arc::clone(&self.dropped);
        socket.host().get_or_init(|| Handle { number, dropped });
        number
    }

    /// The number of the connection of a socket with this handle.
    pub(crate) fn connection(&self, handle: u32) -> u32 {
        self.slots
            .get(handle as usize)
            .and_then(|slot| self.connections.get(&slot.link))
            .map_or(0, |connection| connection.number)
    }

    /// From now on the socket stays, until it is let go.
    pub(crate) fn hold(&mut self, handle: u32, socket: &Arc<Socket>) {
        if let Some(slot) = self.slots.get_mut(handle as usize) {
            slot.entry = Entry::Held(Arc::clone(socket));
        }
    }

    /// JavaScript is done with the socket; the core may be, too.
    pub(crate) fn let_go(&mut self, handle: u32) {
        let Some(slot) = self.slots.get_mut(handle as usize) else {
            return;
        };
        if let Entry::Held(socket) = &slot.entry {
            let loose = Arc::downgrade(socket);
            slot.entry = Entry::Loose(loose);
        }
    }

    /// The socket, unless it is gone altogether.
    pub(crate) fn socket(&self, handle: u32) -> Option<Arc<Socket>> {
        match &self.slots.get(handle as usize)?.entry {
            Entry::Free => None,
            Entry::Loose(socket) => socket.upgrade(),
            Entry::Held(socket) => Some(Arc::clone(socket)),
        }
    }

    /// The same without a reference of our own, for what is done often.
    pub(crate) fn with_socket<R>(
        &self,
        handle: u32,
        run: impl FnOnce(&Arc<Socket>) -> R,
    ) -> Option<R> {
        match &self.slots.get(handle as usize)?.entry {
            Entry::Held(socket) => Some(run(socket)),
            Entry::Free | Entry::Loose(_) => self.socket(handle).as_ref().map(run),
        }
    }

    /// At most so many handles that have become free.
    pub(crate) fn collect(&mut self, most: usize) -> Vec<u32> {
        let freed = {
            let mut dropped = lock(&self.dropped);
            let first = dropped.len().saturating_sub(most);
            dropped.split_off(first)
        };
        for number in &freed {
            let slot = std::mem::take(&mut self.slots[*number as usize]);
            if let Some(connection) = self.connections.get_mut(&slot.link) {
                connection.sockets -= 1;
                if connection.sockets == 0 {
                    self.connections.remove(&slot.link);
                }
            }
        }
        self.free.extend_from_slice(&freed);
        freed
    }

    /// The handle that a socket has, if JavaScript knows it.
    pub(crate) fn known(socket: &Socket) -> Option<u32> {
        socket.host().get::<Handle>().map(|handle| handle.number)
    }

    /// The index of a namespace.
    pub(crate) fn index(&mut self, namespace: &Arc<Namespace>) -> u32 {
        let namespaces = &mut self.namespaces;
        let index = namespace.host().get_or_init(|| {
            namespaces.push(Arc::clone(namespace));
            NamespaceIndex((namespaces.len() - 1) as u32)
        });
        index.map_or(0, |index| index.0)
    }

    pub(crate) fn namespace(&self, index: u32) -> Result<Arc<Namespace>, Error> {
        self.namespaces
            .get(index as usize)
            .map(Arc::clone)
            .ok_or_else(|| Error::new(ErrorKind::Closed, "the server has closed"))
    }

    /// How many sockets and connections are known: what must be nothing after everybody has left.
    pub(crate) fn size(&self) -> (usize, usize) {
        let free = self.free.len() + usize::from(!self.slots.is_empty());
        (self.slots.len() - free, self.connections.len())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
