//! The engine's own threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Runtime};

use crate::error::Error;
use crate::log::listener::ServerId;
use crate::server::turn::TurnEnd;
use crate::sync::without_signals;

/// How many tasks a worker polls before it polls the I/O driver (tokio's `event_interval`). Each poll takes
/// microseconds. With a high number, messages that many clients send at once are together in the mailboxes of their
/// receivers, and leave in one write.
const BETWEEN_LOOKS: u32 = 256;

/// Starts `threads` threads, or one for each core. Each calls `turn_end` at the end of a turn.
///
/// # Errors
/// `Io` when the operating system does not provide the threads or descriptors.
pub(super) fn start(
    threads: Option<usize>,
    log_id: ServerId,
    turn_end: TurnEnd,
) -> Result<Runtime, Error> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let count = AtomicUsize::new(0);
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(threads.unwrap_or_else(cores))
        .thread_name_fn(move || format!("bellwire-{}", count.fetch_add(1, Ordering::Relaxed)))
        .on_thread_start(move || log_id.enter())
        .event_interval(BETWEEN_LOOKS)
        .on_thread_park(move || turn_end.reached())
        .enable_io()
        .enable_time();
    // Threads that the runtime starts later inherit the signal mask of these.
    without_signals(|| builder.build()).map_err(Error::from)
}
