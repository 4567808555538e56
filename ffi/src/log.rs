//! The log: what the engine traces, given to one callback of the process.
//!
//! Reading the callback takes no lock, so that a fork in the middle of it stops nobody.

use std::ffi::c_void;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bellwire_core::error::{Error, ErrorKind};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::closure::Owned;
use crate::error::{Result, bw_status};
use crate::panic::entry;
use crate::pointer::{self, UserPointer};
use crate::thread::Thread;
use crate::types::{bw_drop_fn, bw_server, bw_str};

/// How much is logged.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_log_level {
    /// Nothing.
    BW_LOG_OFF = 0,
    /// What went wrong.
    BW_LOG_ERROR = 1,
    /// What may go wrong.
    BW_LOG_WARN = 2,
    /// What happens to the server.
    BW_LOG_INFO = 3,
    /// What happens to connections.
    BW_LOG_DEBUG = 4,
    /// Everything.
    BW_LOG_TRACE = 5,
}

/// One line of the log. Valid until the callback returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_log_record {
    /// What this library filled.
    pub struct_size: u32,
    /// BW_LOG_*
    pub level: i32,
    /// 0 when none applies.
    pub server: bw_server,
    /// The part of the engine: "engine".
    pub target: bw_str,
    /// The words.
    pub message: bw_str,
    /// When, in nanoseconds since 1970.
    pub unix_ns: u64,
}

/// Called with a line of the log, on any thread, several at once. Only [signal] functions may be
/// called in it.
pub type bw_log_fn =
    Option<unsafe extern "C-unwind" fn(rec: *const bw_log_record, user: *mut c_void)>;

/// The callback of the process.
struct Sink {
    call: unsafe extern "C-unwind" fn(*const bw_log_record, *mut c_void),
    owned: Owned,
}

static LEVEL: AtomicI32 = AtomicI32::new(0);
static SINK: AtomicPtr<Sink> = AtomicPtr::new(std::ptr::null_mut());
/// How many threads may be using the sink they have read.
static READERS: AtomicUsize = AtomicUsize::new(0);
/// Sinks that were replaced and may still be in use.
#[expect(clippy::vec_box, reason = "readers use them where they are")]
static REPLACED: Mutex<Vec<Box<Sink>>> = Mutex::new(Vec::new());
static REPLACED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// [any] Where the log goes; one callback for the whole process. fn NULL or level BW_LOG_OFF turns
/// it off, as it is at first. The old callback's drop runs when its last call has returned.
#[unsafe(no_mangle)]
pub extern "C" fn bw_log_set(
    level: i32,
    r#fn: bw_log_fn,
    user: *mut c_void,
    drop: bw_drop_fn,
) -> bw_status {
    entry(|| {
        let owned = Owned::new(drop, UserPointer(user));
        if !(0..=5).contains(&level) {
            let text = format!("level is {level}: it goes from 0 to 5");
            return Err(Error::new(ErrorKind::Argument, text));
        }
        let sink = match r#fn {
            Some(call) => {
                listen()?;
                pointer::into_raw(Sink { call, owned })
            }
            None => std::ptr::null_mut(),
        };
        let is_off = sink.is_null();
        let mut old = SINK.swap(sink, Ordering::SeqCst);
        LEVEL.store(if is_off { 0 } else { level }, Ordering::SeqCst);
        tracing::callsite::rebuild_interest_cache();
        if let Some(old) = pointer::take_box(&raw mut old) {
            REPLACED
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(old);
            REPLACED_COUNT.fetch_add(1, Ordering::SeqCst);
        }
        drop_replaced();
        Ok(())
    })
}

/// Drops replaced sinks as soon as nobody can be using them.
fn drop_replaced() {
    if REPLACED_COUNT.load(Ordering::SeqCst) == 0 || READERS.load(Ordering::SeqCst) > 0 {
        return;
    }
    let unused = {
        let mut replaced = REPLACED.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever comes now reads the new one.
        if READERS.load(Ordering::SeqCst) > 0 {
            return;
        }
        REPLACED_COUNT.store(0, Ordering::SeqCst);
        std::mem::take(&mut *replaced)
    };
    drop(unused);
}

/// Makes us the subscriber of the process.
fn listen() -> Result<()> {
    static LISTENING: OnceLock<bool> = OnceLock::new();
    let listening =
        LISTENING.get_or_init(|| tracing::subscriber::set_global_default(Listener).is_ok());
    if *listening {
        return Ok(());
    }
    let text = "this program listens to the engine's traces already, in Rust";
    Err(Error::new(ErrorKind::State, text))
}

struct Listener;

fn number(level: Level) -> i32 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        number(*metadata.level()) <= LEVEL.load(Ordering::Relaxed)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match LEVEL.load(Ordering::Relaxed) {
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            5 => LevelFilter::TRACE,
            _ => LevelFilter::OFF,
        })
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
        let write = || log(*metadata.level(), metadata.target(), &words.0);
        Thread::with(|thread| thread.in_log(write));
    }
}

fn log(level: Level, target: &str, message: &str) {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            if READERS.fetch_sub(1, Ordering::SeqCst) == 1 {
                drop_replaced();
            }
        }
    }
    READERS.fetch_add(1, Ordering::SeqCst);
    let _leave = Leave;
    let sink = SINK.load(Ordering::SeqCst);
    let Ok(sink) = pointer::borrow(sink.cast_const(), "sink") else {
        return;
    };
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let record = bw_log_record {
        struct_size: size_of::<bw_log_record>() as u32,
        level: number(level),
        server: 0,
        target: bw_str::view(target),
        message: bw_str::view(message),
        unix_ns: since_1970.as_nanos() as u64,
    };
    pointer::call_log(sink.call, &record, sink.owned.user());
}

/// The message of an event, and its other fields behind it.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // A `String` takes everything.
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}
