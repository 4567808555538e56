//! Why a connection ended, or a request was refused: each limit, deadline and rule is broken once in each delivery, and
//! the test checks that the event, the counter and the log name the one that was broken.
#![cfg(not(loom))]
#![expect(
    clippy::disallowed_methods,
    reason = "a test that waits reads the clock"
)]

mod ends;
mod host;
mod lifecycle;
mod peer;
mod record;
mod refusals;
mod warnings;

use std::time::Duration;

/// The longest wait for anything, chosen far above what a busy machine needs.
const TIMEOUT: Duration = Duration::from_secs(60);

const DELIVERIES: [&str; 3] = ["inline", "threads", "polled"];
