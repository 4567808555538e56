//! The engine's own threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Runtime};

use crate::error::Error;
use crate::log::listener::ServerId;
use crate::server::turn::TurnEnd;
use crate::sync::without_signals;

/// So many wake-ups a busy thread deals with before it looks what has come in on sockets. Each takes microseconds; in
/// exchange, what many clients say at once meets in the mailboxes of those whom it is for, and leaves in one write.
const BETWEEN_LOOKS: u32 = 256;

/// Starts the threads: as many as given, or one for each core. Each tells when a turn of it has ended.
///
/// # Errors
/// When the operating system gives no threads or no descriptors.
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
    // Threads that are started later are started by these, and have their mask.
    without_signals(|| builder.build()).map_err(Error::from)
}
