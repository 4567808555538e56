//! The state of each thread: whether it runs code of this library, the servers whose callbacks it is in,
//! the server that it polls, and whether it is in a log callback.
//!
//! It is one thread-local variable, because finding the thread-local memory of a shared library costs
//! more than reading it. Nothing in it needs to be dropped, so it exists until the thread ends.

use std::cell::Cell;
use std::ptr::{NonNull, null};
use std::sync::Arc;

use bellwire_core::socketio::Socket;

/// The state of a thread.
pub(crate) struct Thread {
    /// The number of nested calls into code of this library. If it is not 0, a panic is one of this library.
    depth: Cell<u32>,
    /// Whether the thread is in a log callback.
    logging: Cell<bool>,
    /// The servers whose callbacks the thread is in, outermost first.
    inside: [Cell<u64>; NESTED],
    inside_len: Cell<usize>,
    /// The server that the thread polls, or 0.
    polling: Cell<u64>,
    /// Address and length of the arguments of the message that the thread dispatches, and its number of attachments.
    received: Cell<((usize, usize), usize)>,
    /// The socket of that message: its handle, and its address on this thread's stack.
    current_socket: Cell<(u64, *const Arc<Socket>)>,
}

/// The number of servers with nested callbacks that are recorded.
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

/// Restores the value of a cell.
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

    /// Runs code of this library.
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

    /// Sets the server that this thread polls. Returns the previous one.
    pub(crate) fn poll(&self, server: u64) -> u64 {
        self.polling.replace(server)
    }

    pub(crate) fn polls(&self, server: u64) -> bool {
        self.polling.get() == server
    }

    /// Records, while `run` runs, that these arguments are valid, so that they are not checked again if the
    /// host sends them on.
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

    /// Records, while `run` runs, the socket whose message this thread dispatches.
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

    /// The socket with this handle, if this thread dispatches a message of it. The pointer is valid until the current
    /// callback returns.
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
