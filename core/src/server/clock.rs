//! The time: the operating system's clocks, and timers on the server's threads.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;

use crate::socketio::event::Clock;

/// The time for a wake-up of a task. The task passes it to everything that it calls.
#[expect(
    clippy::disallowed_methods,
    reason = "the server is where time enters the state machines"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// The time of day, in milliseconds since 1970.
pub(super) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// The clock of the layers that run on the server's threads but do not know them.
#[derive(Debug)]
pub(super) struct RuntimeClock(pub(super) Handle);

impl Clock for RuntimeClock {
    fn now(&self) -> Instant {
        now()
    }

    fn after(&self, delay: Duration, run: Box<dyn FnOnce() + Send>) {
        self.0.spawn(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            run();
        });
    }
}
