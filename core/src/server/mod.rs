//! The server: everything below, joined. The only layer that has tasks and reads the clock.

mod arrivals;
mod clock;
pub mod cookie;
pub mod cors;
mod driver;
mod farewell;
mod files;
pub mod http;
mod layer;
mod lifecycle;
mod listener;
mod listening;
pub mod request;
mod runtime;
mod scratch;
mod sessions;
mod shared;
mod shutdown;
mod turn;

use std::fmt;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::HeaderValue;
use bytes::Bytes;
use tokio::runtime::Runtime;

use crate::config::{Config, Delivery, Protocol, SendBufferPolicy};
use crate::engineio::{self, CloseReason};
use crate::error::{Error, ErrorKind};
use crate::host::pool::Threads;
use crate::host::{Bell, Bounds, Handler, Inline, Pool, Queue};
use crate::log;
use crate::log::listener::ServerId;
use crate::server::clock::RuntimeClock;
use crate::server::cookie::Cookie;
use crate::server::cors::Cors;
use crate::server::shared::Shared;
use crate::server::turn::TurnEnd;
use crate::socketio;
use crate::socketio::event::{Clock, EventSink, Hooks};
use crate::socketio::link::Outgoing;
use crate::socketio::{Context, Limits, Namespace, Namespaces, Parser, SendPolicy, Settings};
use crate::stats::{Stats, Strain};
use crate::sync::Lock as _;

/// Events of one socket that may wait for a packet middleware before the socket is left unread.
const HELD_MESSAGES: usize = 1024;

/// A Socket.IO server on its own threads. Every method may be called from any thread; only [`Server::wait`] and
/// [`Server::stop`] wait.
pub struct Server {
    log_id: ServerId,
    shared: Arc<Shared>,
    delivery: Sink,
    runtime: Mutex<Option<Runtime>>,
}

/// The sink, as its kind.
enum Sink {
    Inline(Arc<Inline>),
    Pool(Arc<Pool>),
    Queue(Arc<Queue>),
}

impl Server {
    /// Starts a server's threads; it listens on nothing yet. Events go to `handler`, in the way that the configuration
    /// says.
    ///
    /// # Errors
    /// `Option` when the configuration contradicts itself; `Io` when the operating system gives no threads.
    pub fn new(config: &Config, handler: Arc<dyn Handler>) -> Result<Arc<Self>, Error> {
        Self::start(config, handler, None)
    }

    /// The same in polled delivery for a host whose loop cannot watch a descriptor: `ring` is called once each time the
    /// queue becomes non-empty, on any thread. It must not block and must not call the engine.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub fn with_bell(
        config: &Config,
        handler: Arc<dyn Handler>,
        ring: impl Fn() + Send + Sync + 'static,
    ) -> Result<Arc<Self>, Error> {
        let config = Config {
            delivery: Delivery::Polled,
            ..config.clone()
        };
        Self::start(&config, handler, Some(Bell::Host(Box::new(ring))))
    }

    fn start(
        config: &Config,
        handler: Arc<dyn Handler>,
        bell: Option<Bell>,
    ) -> Result<Arc<Self>, Error> {
        config.check()?;
        let config = config.clone();
        let cors = config.cors.as_ref().map(Cors::new).transpose()?;
        let cookie = config.cookie.as_ref().map(Cookie::new).transpose()?;
        let turn_end = TurnEnd::default();
        let log_id = ServerId::new();
        let _scope = log_id.scope();
        let runtime = runtime::start(config.worker_threads, log_id, turn_end.clone())?;
        let clock: Arc<dyn Clock> = Arc::new(RuntimeClock(runtime.handle().clone()));
        let stats = Arc::new(Stats::default());
        let bounds = Bounds {
            events: config.poll_queue_events,
            bytes: config.poll_queue_bytes,
        };
        let (sink, delivery): (Arc<dyn EventSink>, Sink) = match config.delivery {
            Delivery::Inline => {
                let (clock, stats) = (Arc::clone(&clock), Arc::clone(&stats));
                let inline = Arc::new(Inline::new(handler, bounds, clock, stats));
                (Arc::clone(&inline) as _, Sink::Inline(inline))
            }
            Delivery::Polled => {
                let bell = bell
                    .map_or_else(Bell::descriptor, Ok)
                    .map_err(Error::from)?;
                let queue = Arc::new(Queue::new(
                    handler,
                    bell,
                    bounds,
                    Arc::clone(&clock),
                    Arc::clone(&stats),
                ));
                (Arc::clone(&queue) as _, Sink::Queue(queue))
            }
            Delivery::Threads => {
                let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
                let threads = config
                    .callback_threads
                    .map_or(Threads::Growing(cores.max(2)), Threads::Fixed);
                let pool = Arc::new(Pool::new(
                    handler,
                    threads,
                    bounds,
                    Arc::clone(&clock),
                    Arc::clone(&stats),
                ));
                (Arc::clone(&pool) as _, Sink::Pool(pool))
            }
        };
        turn_end.set_sink(&sink);
        log_start(&config);
        let strained = Arc::downgrade(&sink);
        stats.strain.set(move || {
            let sink = strained.upgrade();
            sink.map_or_else(Strain::default, |sink| sink.strain())
        });
        let context = Arc::new(Context {
            settings: protocol_settings(&config),
            sink: Arc::clone(&sink),
            clock,
            log_id,
            stats: Arc::clone(&stats),
            hooks: Hooks::default(),
        });
        let shared = Arc::new(Shared {
            session_settings: Arc::new(session_settings(&config)),
            namespaces: Arc::new(Namespaces::new(Arc::clone(&context))),
            context,
            sink,
            stats,
            sessions: sessions::Sessions::default(),
            arrivals: Arc::default(),
            joining: Arc::default(),
            runtime: runtime.handle().clone(),
            request_path: config.request_path().into_owned(),
            cors,
            cookie,
            files: Default::default(),
            listening: Default::default(),
            forwarded_told: std::sync::atomic::AtomicBool::new(false),
            lifecycle: Default::default(),
            config,
        });
        Ok(Arc::new(Self {
            log_id,
            shared,
            delivery,
            runtime: Mutex::new(Some(runtime)),
        }))
    }

    /// Listens on TCP; can be called more than once. `host` is an IP address, `localhost`, or empty for all interfaces;
    /// port 0 picks one. The port.
    ///
    /// # Errors
    /// `State` when the server is closing; `Argument` for another host; `AddressInUse`, `Access`, `Io`.
    pub fn listen_tcp(&self, host: &str, port: u16) -> Result<u16, Error> {
        let _scope = self.log_id.scope();
        self.check_open()?;
        let (bound, port) = listener::bind_tcp(&self.shared.config, host, port)?;
        listener::accept(&self.shared, bound)?;
        tracing::info!(target: log::SERVER, "listening on port {port} of {host:?}");
        Ok(port)
    }

    /// Listens on a Unix socket, which gets these permissions unless they are 0.
    ///
    /// # Errors
    /// As [`Server::listen_tcp`].
    pub fn listen_unix(&self, path: &str, mode: u32) -> Result<(), Error> {
        let _scope = self.log_id.scope();
        self.check_open()?;
        let bound = listener::bind_unix(&self.shared.config, path, mode)?;
        listener::accept(&self.shared, bound)?;
        tracing::info!(target: log::SERVER, "listening on {path}");
        Ok(())
    }

    /// Listens on a descriptor that is bound and listens already.
    ///
    /// # Errors
    /// `Argument` when it is no such thing; then it is given back.
    pub fn listen_fd(&self, fd: OwnedFd) -> Result<(), (Error, OwnedFd)> {
        let _scope = self.log_id.scope();
        if let Err(error) = self.check_open() {
            return Err((error, fd));
        }
        let bound = listener::adopt(fd)?;
        // It listens, so it can be watched; if not, it is closed, as it is ours by now.
        if let Err(error) = listener::accept(&self.shared, bound) {
            tracing::error!(target: log::SERVER, "a descriptor cannot be watched: {error}");
        } else {
            tracing::info!(target: log::SERVER, "listening on a descriptor of the host");
        }
        Ok(())
    }

    /// The descriptors that the server listens on. A forked child has copies of them, which keep the ports busy and hold
    /// connections that nobody accepts until they are closed. Never waits, so that it can be asked in that child.
    pub fn listeners(&self) -> Vec<RawFd> {
        self.shared.listening.descriptors()
    }

    /// Answers GET and HEAD of exactly this path with these bytes from now on; `None` takes them away.
    ///
    /// # Errors
    /// `Argument` when the path does not begin with a slash, is the engine's, or the type cannot be in a header.
    pub fn serve(&self, path: &str, content_type: &str, body: Option<Bytes>) -> Result<(), Error> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Argument, text));
        if !path.starts_with('/') || path.contains(['?', '#', '\0', ' ']) {
            return wrong(format!("{path:?} is no path of a URL"));
        }
        if path.starts_with(&*self.shared.request_path) {
            return wrong(format!("{path:?} belongs to the engine"));
        }
        let Ok(content_type) = HeaderValue::try_from(content_type) else {
            return wrong(format!("{content_type:?} cannot be a content type"));
        };
        match body {
            None => self.shared.files.remove(path),
            Some(body) => self.shared.files.insert(path, content_type, body),
        }
        Ok(())
    }

    /// The namespace of that name, made on first use.
    ///
    /// # Errors
    /// `Name` when no client could ask for it.
    pub fn of(&self, name: &str) -> Result<Arc<Namespace>, Error> {
        self.shared.namespaces.of(name)
    }

    /// All namespaces.
    pub fn namespaces(&self) -> &Arc<Namespaces> {
        &self.shared.namespaces
    }

    /// What the host wants to hear of the whole server.
    pub fn hooks(&self) -> &Hooks {
        &self.shared.context.hooks
    }

    /// The server's numbers.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.shared.stats
    }

    /// The id that this server's log lines carry.
    pub fn log_id(&self) -> ServerId {
        self.log_id
    }

    /// The options.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// What the host takes events from, in polled delivery.
    pub fn queue(&self) -> Option<&Arc<Queue>> {
        match &self.delivery {
            Sink::Queue(queue) => Some(queue),
            Sink::Inline(_) | Sink::Pool(_) => None,
        }
    }

    /// Begins to stop: no new clients; those there are are told, and cut after `deadline`. A `Shutdown` event tells the
    /// end. Called again it only shortens the deadline.
    ///
    /// # Errors
    /// None today.
    pub fn close(&self, deadline: Duration) -> Result<(), Error> {
        let _scope = self.log_id.scope();
        shutdown::begin(&self.shared, deadline);
        Ok(())
    }

    /// Closes the connection of a session as its transport would: what waits for it is sent, its sockets leave with the
    /// reason "forced close", and its client may connect again. False when the session is not open.
    pub fn close_session(&self, id: &str) -> bool {
        let handle = self.shared.sessions.find(id);
        if let Some(handle) = &handle {
            let close = Outgoing::Close(CloseReason::ForcedClose);
            handle.link.tell(close);
        }
        handle.is_some()
    }

    /// Waits for that end; false when it took longer. In polled delivery the host must poll meanwhile.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.shared.lifecycle.wait_closed(timeout)
    }

    /// Whether the server has begun to stop.
    pub fn is_closing(&self) -> bool {
        self.shared.lifecycle.is_closing()
    }

    /// Whether the server has stopped.
    pub fn is_closed(&self) -> bool {
        self.shared.lifecycle.is_closed()
    }

    /// Stops at once, deals with the events that wait for callback threads, and ends all threads. Waits for callbacks
    /// that are running. Afterwards the handler is never called. Not to be called by a handler.
    pub fn stop(&self) {
        let _scope = self.log_id.scope();
        shutdown::begin(&self.shared, Duration::ZERO);
        let runtime = self.runtime.locked().take();
        let Some(runtime) = runtime else { return };
        self.shared.lifecycle.wait_closed(Some(shutdown::CUT));
        // What is dropped with it may have last words for the pool.
        if tokio::runtime::Handle::try_current().is_ok() {
            // A thread of another server's must not wait for tasks, so another thread does; if there is none, nobody does.
            let ending = std::thread::Builder::new().name("bellwire-stop".to_owned());
            // It does nothing that panics.
            let _ = ending
                .spawn(move || drop(runtime))
                .map(std::thread::JoinHandle::join);
        } else {
            drop(runtime);
        }
        match &self.delivery {
            Sink::Pool(pool) => pool.stop(),
            Sink::Inline(inline) => inline.stop(),
            Sink::Queue(_) => {}
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.shared.lifecycle.is_closing() {
            return Err(Error::new(
                ErrorKind::State,
                "the server is closing, or has closed",
            ));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// The options that are not as they are by default explain much of what follows.
fn log_start(config: &Config) {
    if tracing::enabled!(target: log::SERVER, tracing::Level::INFO) {
        let changed: Vec<String> = config
            .changed()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let changed = changed.join(" ");
        tracing::info!(target: log::SERVER, "started; options other than the defaults: [{changed}]");
    }
}

fn session_settings(config: &Config) -> engineio::Settings {
    engineio::Settings {
        ping_interval: config.ping_interval,
        ping_timeout: config.ping_timeout,
        upgrade_timeout: config.upgrade_timeout,
        close_timeout: config.close_timeout,
    }
}

fn protocol_settings(config: &Config) -> Settings {
    Settings {
        limits: Limits {
            attachments: config.max_attachments,
            packet_bytes: config.max_http_buffer_size,
            json_depth: config.max_json_depth,
            namespaces: config.max_namespaces,
            pending_acks: config.max_pending_acks,
            auth_bytes: config.max_auth_bytes,
            rooms: config.max_rooms.unwrap_or(0),
            held_messages: HELD_MESSAGES,
        },
        protocol: match config.protocol {
            Protocol::SocketIo => socketio::Protocol::SocketIo(Parser::Json),
            Protocol::EngineIo => socketio::Protocol::EngineIo,
        },
        question_timeout: config.answer_timeout(),
        packet_timeout: config.message_timeout,
        send_buffer: config.send_buffer_high,
        send_buffer_max: config.send_buffer_max.max(config.send_buffer_high),
        send_grace: config.send_buffer_grace,
        send_policy: match config.send_buffer_policy {
            SendBufferPolicy::Error => SendPolicy::Error,
            SendBufferPolicy::Drop => SendPolicy::Drop,
            SendBufferPolicy::Disconnect => SendPolicy::Disconnect,
        },
    }
}
