//! The integers that identify sockets, connections and namespaces in JavaScript.
//!
//! A socket has a handle from the first event that concerns it until the core drops it. While it is connected, the registry
//! holds a reference, so that its last handlers can still read its rooms; otherwise only the core owns it. Handles are
//! freed in a drain, which first reports them to JavaScript as released, so a handle never refers to two sockets at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::{Link, Namespace, Socket};

/// The handles of sockets that the core has dropped since the last drain.
pub(crate) type Dropped = Arc<Mutex<Vec<u32>>>;

#[derive(Debug, Default)]
enum Entry {
    #[default]
    Free,
    /// Owned by the core only: not connected yet, or disconnected.
    Loose(Weak<Socket>),
    Held(Arc<Socket>),
}

#[derive(Debug, Default)]
struct Slot {
    entry: Entry,
    /// The address of the link of the socket's connection: the key in `connections`.
    link: usize,
}

/// A connection. Holds its link, so that the address is not reused while it is a key.
#[derive(Debug)]
struct Connection {
    number: u32,
    sockets: u32,
    _link: Arc<Link>,
}

/// The host data of a socket: reports its handle when the core drops the socket.
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

/// The host data of a namespace: its index.
#[derive(Debug)]
struct NamespaceIndex(u32);

/// The sockets, connections and namespaces that have a number.
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
    /// Returns the handle of a socket; assigns one if it has none.
    pub(crate) fn handle(&mut self, socket: &Arc<Socket>) -> u32 {
        if let Some(handle) = socket.host().get::<Handle>() {
            return handle.number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            if self.slots.is_empty() {
                // The handle 0 is reserved: JavaScript uses it for a released socket.
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

    /// Returns the number of the connection that carries the socket with this handle.
    pub(crate) fn connection(&self, handle: u32) -> u32 {
        self.slots
            .get(handle as usize)
            .and_then(|slot| self.connections.get(&slot.link))
            .map_or(0, |connection| connection.number)
    }

    /// Keeps the socket alive until [`let_go`](Self::let_go).
    pub(crate) fn hold(&mut self, handle: u32, socket: &Arc<Socket>) {
        if let Some(slot) = self.slots.get_mut(handle as usize) {
            slot.entry = Entry::Held(Arc::clone(socket));
        }
    }

    /// Stops keeping the socket alive: its last handlers have run.
    pub(crate) fn let_go(&mut self, handle: u32) {
        let Some(slot) = self.slots.get_mut(handle as usize) else {
            return;
        };
        if let Entry::Held(socket) = &slot.entry {
            let loose = Arc::downgrade(socket);
            slot.entry = Entry::Loose(loose);
        }
    }

    /// Returns the socket with this handle; `None` if the core has dropped it.
    pub(crate) fn socket(&self, handle: u32) -> Option<Arc<Socket>> {
        match &self.slots.get(handle as usize)?.entry {
            Entry::Free => None,
            Entry::Loose(socket) => socket.upgrade(),
            Entry::Held(socket) => Some(Arc::clone(socket)),
        }
    }

    /// Calls `run` with the socket. Avoids the atomic reference count of [`socket`](Self::socket) on hot paths.
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

    /// Frees up to `most` handles of dropped sockets and returns them.
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

    /// Returns the handle of a socket; `None` if it has none yet.
    pub(crate) fn known(socket: &Socket) -> Option<u32> {
        socket.host().get::<Handle>().map(|handle| handle.number)
    }

    /// Returns the index of a namespace; assigns one if it has none.
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
            .ok_or_else(|| Error::new(ErrorKind::Closed, "the server is closed"))
    }

    /// The numbers of sockets and connections in the registry. Both are zero after all clients have disconnected.
    pub(crate) fn size(&self) -> (usize, usize) {
        let free = self.free.len() + usize::from(!self.slots.is_empty());
        (self.slots.len() - free, self.connections.len())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
