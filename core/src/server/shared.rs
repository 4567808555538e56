//! The parts of a server that all its tasks share.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;

use crate::config::{Config, Protocol};
use crate::engineio;
use crate::log;
use crate::notice;
use crate::server::arrivals::Arrivals;
use crate::server::close_handshake::close_handshake;
use crate::server::cookie::Cookie;
use crate::server::cors::Cors;
use crate::server::files::Files;
use crate::server::lifecycle::Lifecycle;
use crate::server::listening::Listening;
use crate::server::sessions::Sessions;
use crate::server::settings;
use crate::server::turn;
use crate::socketio::event::EventSink;
use crate::socketio::{Context, Namespaces};
use crate::stats::Stats;
use crate::transport::WebSocket;
use crate::transport::frame::FrameLimits;

/// The parts of a server that all its tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) session_settings: Arc<engineio::Settings>,
    pub(super) context: Arc<Context>,
    pub(super) namespaces: Arc<Namespaces>,
    pub(super) sink: Arc<dyn EventSink>,
    pub(super) stats: Arc<Stats>,
    pub(super) sessions: Sessions,
    /// Orders the requests of HTTP connections.
    pub(super) arrivals: Arc<Arrivals>,
    /// Orders sessions that have not joined a namespace.
    pub(super) joining: Arc<Arrivals>,
    pub(super) runtime: Handle,
    /// The beginning of the URLs that belong to the engine.
    pub(super) request_path: String,
    pub(super) cors: Option<Cors>,
    pub(super) cookie: Option<Cookie>,
    /// The files that the host serves beside the engine.
    pub(super) files: Files,
    pub(super) listening: Listening,
    /// Whether an X-Forwarded-For header without an address has been logged.
    pub(super) forwarded_told: AtomicBool,
    pub(super) lifecycle: Lifecycle,
}

impl Shared {
    /// The shared part of a server that has just been configured.
    pub(super) fn new(
        config: &Config,
        context: Arc<Context>,
        runtime: Handle,
        cors: Option<Cors>,
        cookie: Option<Cookie>,
    ) -> Self {
        Self {
            config: config.clone(),
            session_settings: Arc::new(settings::of_sessions(config)),
            namespaces: Arc::new(Namespaces::new(Arc::clone(&context))),
            sink: Arc::clone(&context.sink),
            stats: Arc::clone(&context.stats),
            context,
            sessions: Sessions::default(),
            arrivals: Arc::default(),
            joining: Arc::default(),
            runtime,
            request_path: config.request_path().into_owned(),
            cors,
            cookie,
            files: Files::default(),
            listening: Listening::default(),
            forwarded_told: AtomicBool::new(false),
            lifecycle: Lifecycle::default(),
        }
    }

    /// The limits for messages that are received in parts.
    pub(super) fn frame_limits(&self) -> FrameLimits {
        FrameLimits {
            max_message: self.config.max_http_buffer_size,
            max_fragments: u32::try_from(self.config.max_fragments).unwrap_or(u32::MAX),
        }
    }

    /// Whether sessions use Socket.IO, and not Engine.IO alone.
    pub(super) fn is_socket_io(&self) -> bool {
        self.config.protocol == Protocol::SocketIo
    }

    /// Closes a WebSocket without a session, and waits for the close frame of its peer.
    pub(super) fn close_websocket(&self, websocket: Box<WebSocket>) {
        let (sink, timeout) = (Arc::clone(&self.sink), self.config.close_timeout);
        self.runtime.spawn(async move {
            turn::in_rounds(pin!(close_handshake(websocket, timeout)), &*sink).await;
        });
    }

    /// Counts an event about a request that was not delivered, because too many wait for the host.
    pub(super) fn count_full_queue(&self) {
        self.stats.limit_queue_total.add(1);
        notice!(
            log::HOST,
            "{} events about requests wait for the host, which is a quarter of pollQueueEvents or pollQueueBytes: \
             further questions are refused, and further connection errors are not told",
            self.stats.queued_requests.now().events
        );
    }

    /// Counts the end of a session.
    pub(super) fn handle_session_end(&self) {
        self.lifecycle.sessions.fetch_sub(1, Ordering::AcqRel);
        self.lifecycle.ended.notify_waiters();
    }
}
