//! What all tasks of a server share.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tokio::sync::{Notify, watch};

use crate::config::{Config, Protocol};
use crate::engineio;
use crate::log;
use crate::notice;
use crate::server::arrivals::Arrivals;
use crate::server::cookie::Cookie;
use crate::server::cors::Cors;
use crate::server::farewell::farewell;
use crate::server::listener::Listening;
use crate::server::sessions::Sessions;
use crate::server::turn;
use crate::socketio::event::EventSink;
use crate::socketio::{Context, Namespaces};
use crate::stats::Stats;
use crate::transport::WebSocket;
use crate::transport::frame::FrameLimits;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) session_settings: Arc<engineio::Settings>,
    pub(super) context: Arc<Context>,
    pub(super) namespaces: Arc<Namespaces>,
    pub(super) sink: Arc<dyn EventSink>,
    pub(super) stats: Arc<Stats>,
    pub(super) sessions: Sessions,
    /// Of HTTP connections.
    pub(super) arrivals: Arc<Arrivals>,
    /// Of sessions that have not joined a namespace.
    pub(super) joining: Arc<Arrivals>,
    pub(super) runtime: tokio::runtime::Handle,
    /// What a raw URL starts with when the request is the engine's.
    pub(super) request_path: String,
    pub(super) cors: Option<Cors>,
    pub(super) cookie: Option<Cookie>,
    /// What the host has put at paths of its own.
    pub(super) files: RwLock<HashMap<String, File>>,
    pub(super) listening: Listening,
    /// An unreadable X-Forwarded-For was logged.
    pub(super) forwarded_told: AtomicBool,
    pub(super) life: Life,
}

/// Bytes that a host serves.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
    pub(super) etag: HeaderValue,
}

/// Where a server is between its start and its end.
#[derive(Debug)]
pub(super) struct Life {
    /// How far the stop has come.
    pub(super) phase: watch::Sender<Phase>,
    closed: Mutex<bool>,
    closed_changed: Condvar,
    /// Sessions that have not ended.
    pub(super) sessions: AtomicUsize,
    /// A session or an HTTP connection has ended.
    pub(super) ended: Notify,
    /// HTTP connections that have not ended.
    pub(super) connections: AtomicUsize,
}

/// How far the stop of a server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Open,
    /// Doors are shut, clients are told.
    Closing,
    /// Nobody is waited for any more.
    Cut,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Open),
            closed: Mutex::new(false),
            closed_changed: Condvar::new(),
            sessions: AtomicUsize::new(0),
            ended: Notify::new(),
            connections: AtomicUsize::new(0),
        }
    }
}

impl Life {
    /// Whether the server has begun to close.
    pub(super) fn is_closing(&self) -> bool {
        *self.phase.borrow() != Phase::Open
    }

    /// Completes when the stop has come so far.
    pub(super) async fn reached(&self, phase: Phase) {
        // The sender lives as long as we do.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    /// The stop has come so far; it never goes back.
    pub(super) fn advance(&self, phase: Phase) -> bool {
        self.phase.send_if_modified(|now| {
            let further = *now < phase;
            *now = phase.max(*now);
            further
        })
    }

    /// Whether the close has ended.
    pub(super) fn is_closed(&self) -> bool {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The close has ended.
    pub(super) fn set_closed(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.closed_changed.notify_all();
    }

    /// Waits for the end of the close; false when it took longer.
    pub(super) fn wait_closed(&self, timeout: Option<Duration>) -> bool {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let timeout = timeout.unwrap_or(Duration::MAX);
        let waited = self
            .closed_changed
            .wait_timeout_while(closed, timeout, |closed| !*closed);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Shared {
    /// What a WebSocket may make us collect.
    pub(super) fn frame_limits(&self) -> FrameLimits {
        FrameLimits {
            max_message: self.config.max_http_buffer_size,
            max_fragments: u32::try_from(self.config.max_fragments).unwrap_or(u32::MAX),
        }
    }

    /// Whether sessions speak Socket.IO.
    pub(super) fn is_socket_io(&self) -> bool {
        self.config.protocol == Protocol::SocketIo
    }

    /// Closes a WebSocket that belongs to no session, and waits for its peer to agree.
    pub(super) fn say_farewell(&self, websocket: Box<WebSocket>) {
        let (sink, timeout) = (Arc::clone(&self.sink), self.config.close_timeout);
        self.runtime.spawn(async move {
            turn::in_rounds(pin!(farewell(websocket, timeout)), &*sink).await;
        });
    }

    /// The host is so far behind that it does not hear of a request.
    pub(super) fn count_full_queue(&self) {
        self.stats.limit_queue_total.add(1);
        notice!(
            log::HOST,
            "{} events about requests wait for the host, which is a quarter of pollQueueEvents or pollQueueBytes: \
             further questions are refused, and further connection errors are not told",
            self.stats.queued_requests.now().events
        );
    }

    /// A session has ended.
    pub(super) fn handle_session_end(&self) {
        self.life.sessions.fetch_sub(1, Ordering::AcqRel);
        self.life.ended.notify_waiters();
    }
}
