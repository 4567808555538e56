//! What all tasks of a server share.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::{Config, Protocol};
use crate::engineio;
use crate::log;
use crate::notice;
use crate::server::arrivals::Arrivals;
use crate::server::cookie::Cookie;
use crate::server::cors::Cors;
use crate::server::farewell::farewell;
use crate::server::files::Files;
use crate::server::lifecycle::Lifecycle;
use crate::server::listening::Listening;
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
    /// What the host serves beside the engine.
    pub(super) files: Files,
    pub(super) listening: Listening,
    /// An unreadable X-Forwarded-For was logged.
    pub(super) forwarded_told: AtomicBool,
    pub(super) lifecycle: Lifecycle,
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
        self.lifecycle.sessions.fetch_sub(1, Ordering::AcqRel);
        self.lifecycle.ended.notify_waiters();
    }
}
