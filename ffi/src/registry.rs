//! Handles: ids of objects, never reused in the life of the process.
//!
//! A handle is `kind:4 | generation:28 | slot:32`. Slots are in chunks that never move, so that a
//! look-up locks one slot only. Free slots are reused in the order in which they became free; a slot
//! whose generations are used up is not used again. After a fork the child has a registry of its
//! own, with slot numbers that the parent has never used.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bellwire_core::error::{Error, ErrorKind};

use crate::error::Result;

/// The kind of an object; its number is in the four highest bits of the handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Server = 1,
    Nsp = 2,
    Socket = 3,
    Ack = 4,
    Deferred = 5,
    Op = 6,
    Listener = 7,
}

const KINDS: [Kind; 7] = [
    Kind::Server,
    Kind::Nsp,
    Kind::Socket,
    Kind::Ack,
    Kind::Deferred,
    Kind::Op,
    Kind::Listener,
];

impl Kind {
    /// The kind in the highest bits of a handle.
    pub(crate) fn of(id: u64) -> Option<Self> {
        KINDS.get(((id >> 60) as usize).wrapping_sub(1)).copied()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "bw_server",
            Self::Nsp => "bw_nsp",
            Self::Socket => "bw_socket",
            Self::Ack => "bw_ack",
            Self::Deferred => "bw_deferred",
            Self::Op => "bw_op",
            Self::Listener => "bw_listener",
        }
    }
}

/// An object that can have a handle.
pub(crate) trait Named {
    fn kind(&self) -> Kind;
}

/// Why a handle has no object any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The object has gone.
    Gone,
    /// It was completed, for example answered.
    Completed,
}

enum Place<T> {
    Free(Ended),
    Taken(T),
    /// A thread is completing it.
    Claimed(Kind),
}

struct Slot<T> {
    /// The generation of the current or last object; 0 if the slot was never used.
    generation: u32,
    place: Place<T>,
}

const GENERATIONS: u32 = (1 << 28) - 1;
/// The first chunk has this many slots, each further one twice as many.
const FIRST_CHUNK: u32 = 1 << 10;
const CHUNKS: usize = 22;
/// How many slots stay free before one is reused, so that the status of a handle that was completed
/// recently can be told from that of an older one.
const RESERVE: usize = 1 << 10;

type Chunk<T> = Box<[Mutex<Slot<T>>]>;

/// The objects of a process by their handles.
pub(crate) struct Registry<T> {
    chunks: [OnceLock<Chunk<T>>; CHUNKS],
    /// Lower slots belong to the parent process.
    base: u32,
    /// The next slot that was never used.
    next: AtomicU32,
    free: Mutex<VecDeque<u32>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Named> Registry<T> {
    pub(crate) fn new(base: u32) -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            base,
            next: AtomicU32::new(base),
            free: Mutex::default(),
        }
    }

    /// The first slot that was never used.
    pub(crate) fn end(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    /// Gives an object a handle.
    pub(crate) fn insert(&self, object: T) -> Result<u64> {
        let kind = object.kind();
        let number = self.free_slot()?;
        let slot = self.slot(number).ok_or_else(full)?;
        let mut slot = lock(slot);
        slot.generation += 1;
        slot.place = Place::Taken(object);
        Ok(encode(kind, slot.generation, number))
    }

    /// Calls `see` with the object of a handle. `see` must not drop anything that calls the host.
    pub(crate) fn with<R>(&self, id: u64, kind: Kind, see: impl FnOnce(&T) -> R) -> Result<R> {
        let slot = lock(self.find(id, kind)?);
        match &slot.place {
            Place::Taken(object) if is(&slot, id) && object.kind() == kind => Ok(see(object)),
            _ => Err(why(&slot, id)),
        }
    }

    /// Takes the object out in order to complete it. Until `remove` or `restore`, other threads get
    /// `Already`.
    pub(crate) fn claim(&self, id: u64, kind: Kind) -> Result<T> {
        let mut slot = lock(self.find(id, kind)?);
        let fits = matches!(&slot.place, Place::Taken(object) if object.kind() == kind);
        if !fits || !is(&slot, id) {
            return Err(why(&slot, id));
        }
        match std::mem::replace(&mut slot.place, Place::Claimed(kind)) {
            Place::Taken(object) => Ok(object),
            Place::Free(_) | Place::Claimed(_) => Err(why(&slot, id)),
        }
    }

    /// Puts back a claimed object that was not completed. Returns the object if its handle was removed
    /// in the meantime.
    pub(crate) fn restore(&self, id: u64, object: T) -> Option<T> {
        let Ok(slot) = self.find(id, object.kind()) else {
            return Some(object);
        };
        let mut slot = lock(slot);
        if is(&slot, id) && matches!(slot.place, Place::Claimed(_)) {
            slot.place = Place::Taken(object);
            return None;
        }
        Some(object)
    }

    /// Ends a handle. Returns its object, unless it is claimed or was removed before.
    pub(crate) fn remove(&self, id: u64, ended: Ended) -> Option<T> {
        let number = id as u32;
        let (place, retired) = {
            let mut slot = lock(self.slot(number)?);
            if !is(&slot, id) || matches!(slot.place, Place::Free(_)) {
                return None;
            }
            let place = std::mem::replace(&mut slot.place, Place::Free(ended));
            (place, slot.generation == GENERATIONS)
        };
        if !retired {
            lock(&self.free).push_back(number);
        }
        match place {
            Place::Taken(object) => Some(object),
            Place::Free(_) | Place::Claimed(_) => None,
        }
    }

    fn free_slot(&self) -> Result<u32> {
        {
            let mut free = lock(&self.free);
            if free.len() > RESERVE
                && let Some(number) = free.pop_front()
            {
                return Ok(number);
            }
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number == u32::MAX {
            self.next.store(u32::MAX, Ordering::Relaxed);
            return Err(full());
        }
        let (chunk, _) = locate(number - self.base);
        let size = (FIRST_CHUNK as usize) << chunk;
        let cell = self.chunks.get(chunk).ok_or_else(full)?;
        cell.get_or_init(|| {
            let vacant = || {
                Mutex::new(Slot {
                    generation: 0,
                    place: Place::Free(Ended::Gone),
                })
            };
            (0..size).map(|_| vacant()).collect()
        });
        Ok(number)
    }

    #[inline]
    fn slot(&self, number: u32) -> Option<&Mutex<Slot<T>>> {
        let (chunk, index) = locate(number.checked_sub(self.base)?);
        self.chunks.get(chunk)?.get()?.get(index)
    }

    /// The slot of a handle of this kind.
    #[inline]
    fn find(&self, id: u64, kind: Kind) -> Result<&Mutex<Slot<T>>> {
        if id >> 60 != kind as u64 {
            return Err(wrong_kind(id, kind));
        }
        self.slot(id as u32).ok_or_else(|| self.not_here(id))
    }

    #[cold]
    fn not_here(&self, id: u64) -> Error {
        if (id as u32) < self.base {
            return Error::from(ErrorKind::Forked);
        }
        never_given(id)
    }
}

#[inline]
fn is<T>(slot: &Slot<T>, id: u64) -> bool {
    slot.generation == (id >> 32) as u32 & GENERATIONS
}

#[inline]
fn locate(index: u32) -> (usize, usize) {
    let place = u64::from(index) + u64::from(FIRST_CHUNK);
    let chunk = place.ilog2() - FIRST_CHUNK.ilog2();
    (
        chunk as usize,
        (place - (u64::from(FIRST_CHUNK) << chunk)) as usize,
    )
}

fn encode(kind: Kind, generation: u32, slot: u32) -> u64 {
    (kind as u64) << 60 | u64::from(generation) << 32 | u64::from(slot)
}

/// The error for a handle of the right kind whose slot has another object or none.
#[cold]
fn why<T: Named>(slot: &Slot<T>, id: u64) -> Error {
    let generation = (id >> 32) as u32 & GENERATIONS;
    if generation == 0 || generation > slot.generation {
        return never_given(id);
    }
    if generation < slot.generation {
        return Error::from(ErrorKind::Gone);
    }
    match &slot.place {
        Place::Taken(object) if Kind::of(id) == Some(object.kind()) => Error::from(ErrorKind::Gone),
        Place::Claimed(kind) if Kind::of(id) == Some(*kind) => Error::from(ErrorKind::Already),
        Place::Free(Ended::Completed) => Error::from(ErrorKind::Already),
        Place::Free(Ended::Gone) => Error::from(ErrorKind::Gone),
        Place::Taken(_) | Place::Claimed(_) => never_given(id),
    }
}

#[cold]
fn wrong_kind(id: u64, wanted: Kind) -> Error {
    let text = match Kind::of(id) {
        Some(kind) => format!("{id:#x} is a {}, not a {}", kind.name(), wanted.name()),
        None if id == 0 => format!("0 is not a {}", wanted.name()),
        None => format!("{id:#x} was never given out"),
    };
    Error::new(ErrorKind::Handle, text)
}

#[cold]
fn never_given(id: u64) -> Error {
    Error::new(ErrorKind::Handle, format!("{id:#x} was never given out"))
}

#[cold]
pub(crate) fn full() -> Error {
    Error::new(ErrorKind::Full, "no handle is left in this process")
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
