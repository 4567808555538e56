//! Waking a poll from a signal handler: a table of atomics that is read without a lock.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

use crate::error::bw_status;
use crate::handle::{is_parents, why_unknown};
use crate::registry::Kind;
use crate::types::bw_server;

/// The largest number of servers of one process.
const PLACES: usize = 1024;
/// The descriptor of a server that is not polled.
const NONE: i32 = -1;

struct Place {
    /// The server's handle; 0 if the place is free, 1 while it changes.
    id: AtomicU64,
    fd: AtomicI32,
    /// Whether bw_server_wakeup was called since a poll last returned.
    woken: AtomicBool,
    /// The number of calls that may be using the descriptor.
    inside: AtomicU32,
}

static TABLE: [Place; PLACES] = [const {
    Place {
        id: AtomicU64::new(0),
        fd: AtomicI32::new(NONE),
        woken: AtomicBool::new(false),
        inside: AtomicU32::new(0),
    }
}; PLACES];

/// The places in the order in which a server looks for its own.
fn places(id: u64) -> impl Iterator<Item = &'static Place> {
    let start = id as usize % PLACES;
    TABLE[start..].iter().chain(&TABLE[..start])
}

/// A server that can be woken. After it has been dropped, no call uses the descriptor.
pub(crate) struct Wakeable {
    place: &'static Place,
}

impl Wakeable {
    /// `None` when there are too many.
    pub(crate) fn new(id: u64, bell: Option<BorrowedFd<'_>>) -> Option<Self> {
        let free = |place: &&Place| {
            place
                .id
                .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        };
        let place = places(id).find(free)?;
        place
            .fd
            .store(bell.map_or(NONE, |bell| bell.as_raw_fd()), Ordering::SeqCst);
        place.woken.store(false, Ordering::SeqCst);
        place.id.store(id, Ordering::SeqCst);
        Some(Self { place })
    }

    /// Whether it was woken since the last time.
    pub(crate) fn take(&self) -> bool {
        self.place.woken.swap(false, Ordering::SeqCst)
    }
}

impl Drop for Wakeable {
    fn drop(&mut self) {
        let place = self.place;
        place.fd.store(NONE, Ordering::SeqCst);
        place.id.store(1, Ordering::SeqCst);
        while place.inside.load(Ordering::SeqCst) > 0 {
            // The call makes one system call and returns.
            std::thread::yield_now();
        }
        place.id.store(0, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Wakeable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wakeable")
    }
}

/// [signal] Ends the wait of a bw_server_poll, bw_server_poll_until or bw_server_next early. Has no
/// effect if the delivery is not BW_DELIVER_POLLED. Does not change bw_last_error.
/// Returns BW_OK, BW_E_HANDLE, BW_E_GONE or BW_E_FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn bw_server_wakeup(server: bw_server) -> bw_status {
    // After a fork, the table has the servers of the parent.
    if Kind::of(server) == Some(Kind::Server) && !is_parents(server) {
        for place in places(server) {
            if place.id.load(Ordering::SeqCst) != server {
                continue;
            }
            place.inside.fetch_add(1, Ordering::SeqCst);
            // The server may have ended in the meantime; then the descriptor is not used.
            let is_here = place.id.load(Ordering::SeqCst) == server;
            let fd = place.fd.load(Ordering::SeqCst);
            if is_here && fd != NONE {
                // Before the write: the poll that wakes up reads it.
                place.woken.store(true, Ordering::SeqCst);
                // SAFETY: the descriptor is open until `inside` is 0.
                let bell = unsafe { BorrowedFd::borrow_raw(fd) };
                // The write can fail only if the counter is full, and then the poll is awake.
                let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
            }
            place.inside.fetch_sub(1, Ordering::SeqCst);
            if is_here {
                return 0;
            }
        }
    }
    why_unknown(server, Kind::Server).code()
}
