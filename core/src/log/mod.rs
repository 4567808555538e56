//! The log: its targets, and the rate limit of warnings.
//!
//! Lines go through `tracing`. *Error* is a bug of the engine; *warn* is a limit that was exceeded; *info* is the start
//! and stop of a server; *debug* is one line for each connect, upgrade, refusal and close, with its reason; *trace* is
//! packets, by kind and size, without their content. Nothing is computed for a level that is off.

pub mod listener;
pub mod store;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::cause::Cause;

/// The server as a whole.
pub const SERVER: &str = "bellwire::server";
/// HTTP requests.
pub const HTTP: &str = "bellwire::http";
/// Engine.IO sessions.
pub const SESSION: &str = "bellwire::session";
/// Socket.IO clients in namespaces.
pub const SOCKET: &str = "bellwire::socket";
/// The delivery of events to the host.
pub const HOST: &str = "bellwire::host";

/// The shortest time between two lines of one kind.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// Writes a line at *warn*, unless a line of the same place in the code was written less than [`INTERVAL`] ago. The
/// next line says how many were left out: `notice!(log::HOST, "the host is behind: {waiting} events wait")`.
#[macro_export]
macro_rules! notice {
    ($target:expr, $($words:tt)+) => {
        if tracing::enabled!(target: $target, tracing::Level::WARN) {
            static LIMITER: $crate::log::Limiter = $crate::log::Limiter::new();
            if let Some(unsaid) = LIMITER.take_now() {
                tracing::warn!(target: $target, "{}{unsaid}", format_args!($($words)+));
            }
        }
    };
}

/// Admits one line in each [`INTERVAL`], and counts the others.
#[derive(Debug)]
pub struct Limiter {
    /// When the next line is admitted, in milliseconds since a fixed moment; 0 before the first line.
    next: AtomicU64,
    unsaid: AtomicU64,
}

impl Limiter {
    /// A limiter that admits the first line.
    #[expect(
        clippy::new_without_default,
        reason = "it is made in statics, where `default` cannot be called"
    )]
    pub const fn new() -> Self {
        Self {
            next: AtomicU64::new(0),
            unsaid: AtomicU64::new(0),
        }
    }

    /// `Some` when a line may be written now.
    pub fn take_now(&self) -> Option<Unsaid> {
        self.take(since_first())
    }

    /// `Some` when a line may be written at `now`, counted from any fixed moment.
    pub fn take(&self, now: Duration) -> Option<Unsaid> {
        let now = now.as_millis() as u64;
        let next = self.next.load(Ordering::Relaxed);
        let after = now + INTERVAL.as_millis() as u64;
        let is_due = now >= next
            && self
                .next
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_due {
            return Some(Unsaid(self.unsaid.swap(0, Ordering::Relaxed)));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// A cause behind a reason: `: Max payload size exceeded (maxHttpBufferSize is 1000)`, or nothing.
#[derive(Debug, Clone, Copy)]
pub struct Because<'a>(pub Option<&'a Cause>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

/// How many lines were left out before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsaid(pub u64);

impl fmt::Display for Unsaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            more => write!(f, " ({more} more like it since the last line)"),
        }
    }
}

/// The time since this was first called.
#[expect(
    clippy::disallowed_methods,
    reason = "a limit that is exceeded is the exception, and its line needs the time only then"
)]
fn since_first() -> Duration {
    static FIRST: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let now = Instant::now();
    now.saturating_duration_since(*FIRST.get_or_init(|| now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_passes_in_each_interval() {
        let limiter = Limiter::new();
        let at = Duration::from_millis;
        let interval = INTERVAL.as_millis() as u64;
        assert_eq!(limiter.take(at(0)), Some(Unsaid(0)));
        for ms in 0..7 {
            assert_eq!(limiter.take(at(ms)), None);
        }
        assert_eq!(limiter.take(at(interval - 1)), None);
        assert_eq!(limiter.take(at(interval)), Some(Unsaid(8)));
        assert_eq!(limiter.take(at(interval * 2 - 1)), None);
        assert_eq!(limiter.take(at(interval * 9)), Some(Unsaid(1)));
        assert_eq!(
            Unsaid(1).to_string(),
            " (1 more like it since the last line)"
        );
        assert_eq!(Unsaid(0).to_string(), "");
    }

    /// Several threads may ask at once.
    #[test]
    fn one_of_many_threads_passes() {
        let limiter = Limiter::new();
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        (0..1000)
                            .filter(|_| limiter.take(Duration::ZERO).is_some())
                            .count()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(passed, 1);
        assert_eq!(limiter.take(INTERVAL), Some(Unsaid(7999)));
    }
}
