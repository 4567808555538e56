//! The listener of the log: one for the process. Each line has the id of the server that it belongs to.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::error::{Error, ErrorKind};

/// A log level; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Nothing.
    Off,
    /// Bugs of the engine.
    Error,
    /// Limits that were exceeded.
    Warn,
    /// The start and stop of servers.
    Info,
    /// One line for each connect, upgrade, refusal and close.
    Debug,
    /// Packets.
    Trace,
}

impl Level {
    /// The level with this number, from 0 (off) to 5 (trace).
    pub fn from_number(number: u8) -> Option<Self> {
        let all = [
            Self::Off,
            Self::Error,
            Self::Warn,
            Self::Info,
            Self::Debug,
            Self::Trace,
        ];
        all.get(usize::from(number)).copied()
    }

    fn of(level: tracing::Level) -> Self {
        match level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::INFO => Self::Info,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::TRACE => Self::Trace,
        }
    }

    fn filter(self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// Identifies a server of the process in log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerId(u64);

thread_local! {
    static HERE: Cell<ServerId> = const { Cell::new(ServerId::NONE) };
}

/// While it lives, the log lines of this thread belong to the server that made it.
#[derive(Debug)]
#[must_use]
pub struct Scope {
    before: ServerId,
}

impl Drop for Scope {
    fn drop(&mut self) {
        HERE.set(self.before);
    }
}

impl ServerId {
    /// The id of lines that belong to no server.
    pub const NONE: Self = Self(0);

    /// A new id, different from all before it.
    #[expect(clippy::new_without_default, reason = "each call returns another id")]
    pub fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Assigns the log lines of this thread to this server, for a thread that works for one server only.
    pub fn enter(self) {
        HERE.set(self);
    }

    /// Assigns the log lines of this thread to this server until the scope is dropped: for calls of the host.
    pub fn scope(self) -> Scope {
        Scope {
            before: HERE.replace(self),
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The level of the line.
    pub level: Level,
    /// The part of the engine: `bellwire::http`.
    pub target: &'static str,
    /// The text of the line.
    pub text: &'a str,
    /// The server that the line belongs to, or `NONE`.
    pub server: ServerId,
}

/// Receives the lines of the log.
pub trait Listener: Send + Sync {
    /// The most detailed level that it receives. Call [`level_changed`] after a change.
    fn level(&self) -> Level;

    /// Receives a line, on any thread, and on several threads at once. It must not call the engine.
    fn hear(&self, line: &Line<'_>);
}

/// Makes `listener` the listener of this process.
///
/// # Errors
/// `State` if the process already has a global subscriber of `tracing`, which only a program in Rust can have set.
pub fn listen(listener: &'static dyn Listener) -> Result<(), Error> {
    static LISTENING: OnceLock<bool> = OnceLock::new();
    let is_ours = LISTENING
        .get_or_init(|| tracing::subscriber::set_global_default(Forward(listener)).is_ok());
    if *is_ours {
        return Ok(());
    }
    let text = "the process already has a global subscriber of the crate tracing; use that one";
    Err(Error::new(ErrorKind::State, text))
}

/// To be called after the level of the listener has changed.
pub fn level_changed() {
    tracing::callsite::rebuild_interest_cache();
}

struct Forward(&'static dyn Listener);

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Level::of(*metadata.level()) <= self.0.level() && metadata.target().starts_with("bellwire")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.level().filter())
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        let metadata = event.metadata();
        self.0.hear(&Line {
            level: Level::of(*metadata.level()),
            target: metadata.target(),
            text: &words.0,
            server: HERE.get(),
        });
    }
}

/// The message of an event, followed by its other fields.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a `String` does not fail.
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}
