//! Where each thread is: in our code, in a callback of which servers, polling which, in the log.
//!
//! It is all in one place because finding a thread's own memory from a shared library costs more
//! than looking at it; and nothing in it needs dropping, so that it is there until a thread's end.

use std::cell::Cell;
use std::ptr::{NonNull, null};
use std::sync::Arc;

use bellwire_core::socketio::Socket;

/// What there is to know about a thread.
pub(crate) struct Thread {
    /// How many calls deep it is in our code: its panics are ours.
    depth: Cell<u32>,
    /// It is inside a log callback.
    logging: Cell<bool>,
    /// The servers whose callbacks it is in, outermost first.
    inside: [Cell<u64>; NESTED],
    inside_len: Cell<usize>,
    /// The server that it polls.
    polling: Cell<u64>,
    /// Where the arguments of the event lie that it dispatches, and how many attachments it has.
    received: Cell<((usize, usize), usize)>,
    /// Whose event that is: the socket's handle, and where it lies on this thread's stack.
    current_socket: Cell<(u64, *const Arc<Socket>)>,
}

/// Callbacks of so many servers inside one another are told apart.
const NESTED: usize = 8;

thread_local! {
    static THREAD: Thread = const {
        Thread {
            depth: Cell::new(0),
            logging: Cell::new(false),
            inside: [const { Cell::new(0) }; NESTED],
            inside_len: Cell::new(0),
            polling: Cell::new(0),
            received: Cell::new(((0, 0), 0)),
            current_socket: Cell::new((0, null())),
        }
    };
}

/// Sets a cell back to what it held.
struct Restore<'a, T: Copy>(&'a Cell<T>, T);

impl<T: Copy> Drop for Restore<'_, T> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

fn set<T: Copy>(cell: &Cell<T>, value: T) -> Restore<'_, T> {
    Restore(cell, cell.replace(value))
}

impl Thread {
    /// This thread.
    #[inline]
    pub(crate) fn with<R>(see: impl FnOnce(&Self) -> R) -> R {
        THREAD.with(see)
    }

    /// Runs our code.
    #[inline]
    pub(crate) fn in_our_code<R>(&self, run: impl FnOnce() -> R) -> R {
        let _restore = set(&self.depth, self.depth.get() + 1);
        run()
    }

    pub(crate) fn is_in_our_code(&self) -> bool {
        self.depth.get() > 0
    }

    /// Runs a log callback, unless this thread is in one.
    pub(crate) fn in_log(&self, run: impl FnOnce()) {
        if !self.logging.get() {
            let _restore = set(&self.logging, true);
            run();
        }
    }

    #[inline]
    pub(crate) fn is_in_log(&self) -> bool {
        self.logging.get()
    }

    /// Runs host code of a server.
    #[inline]
    pub(crate) fn inside<R>(&self, server: u64, run: impl FnOnce() -> R) -> R {
        let len = self.inside_len.get();
        let _restore = set(&self.inside_len, len + 1);
        if let Some(place) = self.inside.get(len) {
            place.set(server);
        }
        run()
    }

    /// Whether this thread is in host code of a server.
    pub(crate) fn is_inside(&self, server: u64) -> bool {
        let servers = self.inside.iter().take(self.inside_len.get());
        servers.into_iter().any(|inside| inside.get() == server)
    }

    /// The server that this thread polls from now on; the one that it polled.
    pub(crate) fn poll(&self, server: u64) -> u64 {
        self.polling.replace(server)
    }

    pub(crate) fn polls(&self, server: u64) -> bool {
        self.polling.get() == server
    }

    /// Remembers, while `run` runs, that these arguments have been checked: whoever sends just
    /// these on need not have them checked again.
    #[inline]
    pub(crate) fn with_received_args<R>(
        &self,
        args: &[u8],
        attachments: usize,
        run: impl FnOnce() -> R,
    ) -> R {
        let _restore = set(&self.received, (place(args), attachments));
        run()
    }

    /// Remembers, while `run` runs, whose event this thread dispatches.
    #[inline]
    pub(crate) fn with_message<R>(
        &self,
        id: u64,
        socket: &Arc<Socket>,
        run: impl FnOnce() -> R,
    ) -> R {
        let _restore = set(&self.current_socket, (id, socket));
        run()
    }

    /// The socket with this handle, if it is the one whose event this thread dispatches. It is there until this thread
    /// has left the callback that it is in.
    #[inline]
    pub(crate) fn current_socket(&self, id: u64) -> Option<NonNull<Arc<Socket>>> {
        let (current, socket) = self.current_socket.get();
        if current != id {
            return None;
        }
        NonNull::new(socket.cast_mut())
    }

    /// The number of attachments of the event that this thread dispatches, if these are its arguments.
    #[inline]
    pub(crate) fn received(&self, args: &[u8]) -> Option<usize> {
        let (received, attachments) = self.received.get();
        (received == place(args)).then_some(attachments)
    }
}

#[inline]
fn place(args: &[u8]) -> (usize, usize) {
    (args.as_ptr().addr(), args.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_callbacks_are_all_known_and_all_left() {
        Thread::with(|thread| {
            thread.inside(1, || {
                thread.inside(2, || assert!(thread.is_inside(1) && thread.is_inside(2)));
                assert!(!thread.is_inside(2));
            });
            assert!(!thread.is_inside(1));
            let deep = std::panic::catch_unwind(|| {
                Thread::with(|thread| thread.inside(3, || panic!("left by a panic")))
            });
            assert!(deep.is_err() && !thread.is_inside(3));
        });
    }

    #[test]
    fn only_the_very_same_arguments_were_received() {
        let args = b"[1,2]".to_vec();
        Thread::with(|thread| {
            thread.with_received_args(&args, 3, || {
                assert_eq!(thread.received(&args), Some(3));
                assert_eq!(thread.received(&args[..4]), None);
                assert_eq!(thread.received(b"[1,2]".to_vec().as_slice()), None);
            });
            assert_eq!(thread.received(&args), None);
        });
    }
}
