//! The log: passes the engine's log lines to one callback of the process.
//!
//! Reading the callback takes no lock, so that a fork during a call cannot leave one locked.

use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{SystemTime, UNIX_EPOCH};

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::log::listener::{self, Level, Line, Listener, ServerId};

use crate::closure::Owned;
use crate::error::bw_status;
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
    /// Errors.
    BW_LOG_ERROR = 1,
    /// Warnings.
    BW_LOG_WARN = 2,
    /// Events of servers.
    BW_LOG_INFO = 3,
    /// Events of connections.
    BW_LOG_DEBUG = 4,
    /// Everything.
    BW_LOG_TRACE = 5,
}

/// One line of the log. Valid until the callback returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_log_record {
    /// The size of the struct in this library.
    pub struct_size: u32,
    /// BW_LOG_*
    pub level: i32,
    /// The server that the line belongs to. 0 for lines of no server, and for lines that bw_server_new
    /// writes before it has returned the handle.
    pub server: bw_server,
    /// The part of the engine: "bellwire::server", "bellwire::http", "bellwire::session",
    /// "bellwire::socket" or "bellwire::host".
    pub target: bw_str,
    /// The text of the line.
    pub message: bw_str,
    /// The time in nanoseconds since 1970.
    pub unix_ns: u64,
}

/// Called with a log line, on any thread, and on several threads at once. Only [signal] functions may
/// be called in it.
pub type bw_log_fn =
    Option<unsafe extern "C-unwind" fn(rec: *const bw_log_record, user: *mut c_void)>;

/// The callback of the process.
struct Sink {
    call: unsafe extern "C-unwind" fn(*const bw_log_record, *mut c_void),
    owned: Owned,
}

static LEVEL: AtomicU8 = AtomicU8::new(0);
static SINK: AtomicPtr<Sink> = AtomicPtr::new(std::ptr::null_mut());
/// The number of threads that may be using a sink.
static READERS: AtomicUsize = AtomicUsize::new(0);
/// Sinks that were replaced and may still be in use.
#[expect(clippy::vec_box, reason = "readers use them where they are")]
static REPLACED: Mutex<Vec<Box<Sink>>> = Mutex::new(Vec::new());
static REPLACED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// The servers of the process with their handles.
static SERVERS: Mutex<Vec<(ServerId, bw_server)>> = Mutex::new(Vec::new());
/// How often a thread tries to lock [`SERVERS`]. In a child that was forked while another thread held
/// the lock it stays locked, and lines have no handle.
const TRIES: usize = 1000;

fn servers() -> Option<MutexGuard<'static, Vec<(ServerId, bw_server)>>> {
    for _ in 0..TRIES {
        match SERVERS.try_lock() {
            Ok(servers) => return Some(servers),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    None
}

/// Lets the log lines of a server carry its handle.
pub(crate) fn add_server(server: ServerId, handle: bw_server) {
    if let Some(mut servers) = servers() {
        servers.push((server, handle));
    }
}

/// Forgets a server that has ended.
pub(crate) fn remove_server(server: ServerId) {
    if let Some(mut servers) = servers() {
        servers.retain(|(known, _)| *known != server);
    }
}

fn handle_of(server: ServerId) -> bw_server {
    if server == ServerId::NONE {
        return 0;
    }
    let servers = servers();
    let mut known = servers.iter().flat_map(|servers| servers.iter());
    known
        .find(|(known, _)| *known == server)
        .map_or(0, |(_, handle)| *handle)
}

/// [any] Sets the log callback of the process and the most detailed level (BW_LOG_*) that the
/// callback gets. fn NULL or level BW_LOG_OFF turns the log off, which is the default. The drop
/// function of the previous callback runs when its last call has returned. BW_E_STATE: Rust code of
/// the process has set a tracing subscriber of its own.
/// Returns BW_OK, BW_E_ARG, BW_E_STATE or a common status.
#[unsafe(no_mangle)]
pub extern "C" fn bw_log_set(
    level: i32,
    r#fn: bw_log_fn,
    user: *mut c_void,
    drop: bw_drop_fn,
) -> bw_status {
    entry(|| {
        let owned = Owned::new(drop, UserPointer(user));
        let Some(wanted) = u8::try_from(level).ok().and_then(Level::from_number) else {
            let text = format!("level is {level}: it goes from 0 to 5");
            return Err(Error::new(ErrorKind::Argument, text));
        };
        let sink = match r#fn {
            Some(call) => {
                listener::listen(&ToSink)?;
                pointer::into_raw(Sink { call, owned })
            }
            None => std::ptr::null_mut(),
        };
        let is_off = sink.is_null();
        let mut old = SINK.swap(sink, Ordering::SeqCst);
        let level = if is_off { Level::Off } else { wanted };
        LEVEL.store(level as u8, Ordering::SeqCst);
        listener::level_changed();
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

/// Drops replaced sinks unless a thread may be using them.
fn drop_replaced() {
    if REPLACED_COUNT.load(Ordering::SeqCst) == 0 || READERS.load(Ordering::SeqCst) > 0 {
        return;
    }
    let unused = {
        let mut replaced = REPLACED.lock().unwrap_or_else(PoisonError::into_inner);
        // Threads that begin to read now get the new sink.
        if READERS.load(Ordering::SeqCst) > 0 {
            return;
        }
        REPLACED_COUNT.store(0, Ordering::SeqCst);
        std::mem::take(&mut *replaced)
    };
    drop(unused);
}

/// The listener that the engine passes log lines to.
struct ToSink;

impl Listener for ToSink {
    fn level(&self) -> Level {
        Level::from_number(LEVEL.load(Ordering::Relaxed)).unwrap_or(Level::Off)
    }

    fn hear(&self, line: &Line<'_>) {
        Thread::with(|thread| thread.in_log(|| log(line)));
    }
}

fn log(line: &Line<'_>) {
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
        level: line.level as i32,
        server: handle_of(line.server),
        target: bw_str::view(line.target),
        message: bw_str::view(line.text),
        unix_ns: since_1970.as_nanos() as u64,
    };
    pointer::call_log(sink.call, &record, sink.owned.user());
}
