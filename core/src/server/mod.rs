//! The server: joins the layers below. Only this layer has tasks, and only this layer and `log` read the clock.

mod arrivals;
mod clock;
mod close_handshake;
pub mod cookie;
pub mod cors;
mod driver;
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
mod settings;
mod shared;
mod shutdown;
mod sink;
mod turn;

use std::fmt;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::HeaderValue;
use bytes::Bytes;
use tokio::runtime::Runtime;

use crate::config::{Config, Delivery};
use crate::engineio::CloseReason;
use crate::error::{Error, ErrorKind};
use crate::host::{Bell, Handler, Queue};
use crate::log;
use crate::log::listener::ServerId;
use crate::server::clock::RuntimeClock;
use crate::server::cookie::Cookie;
use crate::server::cors::Cors;
use crate::server::shared::Shared;
use crate::server::sink::Sink;
use crate::server::turn::TurnEnd;
use crate::socketio::event::{Clock, Hooks};
use crate::socketio::link::Outgoing;
use crate::socketio::{Context, Namespace, Namespaces};
use crate::stats::{Stats, Strain};
use crate::sync::Lock as _;

/// A Socket.IO server on its own threads. Every method may be called from any thread; only [`Server::wait`] and
/// [`Server::stop`] block.
pub struct Server {
    log_id: ServerId,
    shared: Arc<Shared>,
    delivery: Sink,
    runtime: Mutex<Option<Runtime>>,
}

impl Server {
    /// Starts the threads of a server that does not listen yet. Events go to `handler`, with the configured delivery.
    ///
    /// # Errors
    /// `Option` if the configuration contradicts itself; `Io` if the operating system cannot start threads.
    pub fn new(config: &Config, handler: Arc<dyn Handler>) -> Result<Arc<Self>, Error> {
        Self::start(config, handler, None)
    }

    /// Like [`Server::new`], with polled delivery for a host whose event loop cannot watch a descriptor: `ring` is called
    /// once each time the queue becomes non-empty, on any thread. `ring` must not block and must not call the engine.
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
        let cors = config.cors.as_ref().map(Cors::new).transpose()?;
        let cookie = config.cookie.as_ref().map(Cookie::new).transpose()?;
        let turn_end = TurnEnd::default();
        let log_id = ServerId::new();
        let _scope = log_id.scope();
        let runtime = runtime::start(config.worker_threads, log_id, turn_end.clone())?;
        let clock: Arc<dyn Clock> = Arc::new(RuntimeClock(runtime.handle().clone()));
        let stats = Arc::new(Stats::default());
        let (sink_clock, sink_stats) = (Arc::clone(&clock), Arc::clone(&stats));
        let delivery = Sink::new(config, handler, bell, sink_clock, sink_stats)?;
        let sink = delivery.events();
        turn_end.set_sink(&sink);
        log_start(config);
        let strained = Arc::downgrade(&sink);
        stats.strain.set(move || {
            let sink = strained.upgrade();
            sink.map_or_else(Strain::default, |sink| sink.strain())
        });
        let context = Arc::new(Context {
            settings: settings::of_clients(config),
            sink,
            clock,
            log_id,
            stats,
            hooks: Hooks::default(),
        });
        let shared = Shared::new(config, context, runtime.handle().clone(), cors, cookie);
        Ok(Arc::new(Self {
            log_id,
            shared: Arc::new(shared),
            delivery,
            runtime: Mutex::new(Some(runtime)),
        }))
    }

    /// Listens on TCP; can be called more than once. `host` is an IP address, `localhost`, or empty for all interfaces;
    /// for port 0 the operating system chooses a port. Returns the port.
    ///
    /// # Errors
    /// `State` if the server is closing; `Argument` for another `host`; `AddressInUse`, `Access` or `Io` from the operating
    /// system.
    pub fn listen_tcp(&self, host: &str, port: u16) -> Result<u16, Error> {
        let _scope = self.log_id.scope();
        self.check_open()?;
        let (bound, port) = listener::bind_tcp(&self.shared.config, host, port)?;
        listener::accept(&self.shared, bound)?;
        tracing::info!(target: log::SERVER, "listening on port {port} of {host:?}");
        Ok(port)
    }

    /// Listens on a Unix socket at `path`. Its file gets the permissions `mode`, unless `mode` is 0.
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

    /// Listens on a descriptor of the host, which must listen already.
    ///
    /// # Errors
    /// `Argument` if the descriptor does not listen, and `State` if the server is closing, both with the descriptor.
    pub fn listen_fd(&self, fd: OwnedFd) -> Result<(), (Error, OwnedFd)> {
        let _scope = self.log_id.scope();
        if let Err(error) = self.check_open() {
            return Err((error, fd));
        }
        let bound = listener::adopt(fd)?;
        // A descriptor that listens can be watched. If this fails nevertheless, the descriptor is closed.
        if let Err(error) = listener::accept(&self.shared, bound) {
            tracing::error!(target: log::SERVER, "a descriptor cannot be watched: {error}");
        } else {
            tracing::info!(target: log::SERVER, "listening on a descriptor of the host");
        }
        Ok(())
    }

    /// The descriptors that the server listens on. A forked child has copies of them. Until the child closes them, the
    /// ports stay in use, and new connections wait there without being accepted. Never blocks, so that the child can call
    /// it.
    pub fn listeners(&self) -> Vec<RawFd> {
        self.shared.listening.descriptors()
    }

    /// Answers GET and HEAD requests for exactly this path with `body`; `None` removes the path.
    ///
    /// # Errors
    /// `Argument` if the path does not begin with a slash or belongs to the engine, or if `content_type` is not a valid
    /// header value.
    pub fn serve(&self, path: &str, content_type: &str, body: Option<Bytes>) -> Result<(), Error> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Argument, text));
        if !path.starts_with('/') || path.contains(['?', '#', '\0', ' ']) {
            return wrong(format!(
                "{path:?} is not the path of a URL: it must begin with a slash, without a query, a fragment, spaces or NUL"
            ));
        }
        if path.starts_with(&*self.shared.request_path) {
            return wrong(format!(
                "{path:?} belongs to the engine, whose path is {:?}: choose another path",
                self.shared.request_path
            ));
        }
        let Ok(content_type) = HeaderValue::try_from(content_type) else {
            return wrong(format!(
                "{content_type:?} is not a valid content type: it has control characters"
            ));
        };
        match body {
            None => self.shared.files.remove(path),
            Some(body) => self.shared.files.insert(path, content_type, body),
        }
        Ok(())
    }

    /// The namespace with this name. It is created by the first call.
    ///
    /// # Errors
    /// `Name` if no client could ask for the name.
    pub fn of(&self, name: &str) -> Result<Arc<Namespace>, Error> {
        self.shared.namespaces.of(name)
    }

    /// All namespaces.
    pub fn namespaces(&self) -> &Arc<Namespaces> {
        &self.shared.namespaces
    }

    /// The hooks of the whole server.
    pub fn hooks(&self) -> &Hooks {
        &self.shared.context.hooks
    }

    /// The metrics of the server.
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

    /// The queue that the host takes events from; only in polled delivery.
    pub fn queue(&self) -> Option<&Arc<Queue>> {
        match &self.delivery {
            Sink::Queue(queue) => Some(queue),
            Sink::Inline(_) | Sink::Pool(_) => None,
        }
    }

    /// Begins the shutdown: no connections are accepted, every client is disconnected after its queued messages are sent,
    /// and the connections that remain after `deadline` are dropped. A `Shutdown` event reports the end. A further call
    /// can only shorten the deadline.
    ///
    /// # Errors
    /// None today.
    pub fn close(&self, deadline: Duration) -> Result<(), Error> {
        let _scope = self.log_id.scope();
        shutdown::begin(&self.shared, deadline);
        Ok(())
    }

    /// Closes the connection of a session: queued messages are sent, its sockets are disconnected with the reason "forced
    /// close", and its client may connect again. Returns false if no session with this id is open.
    pub fn close_session(&self, id: &str) -> bool {
        let handle = self.shared.sessions.find(id);
        if let Some(handle) = &handle {
            let close = Outgoing::Close(CloseReason::ForcedClose);
            handle.link.tell(close);
        }
        handle.is_some()
    }

    /// Blocks until the shutdown is complete; returns false if `timeout` has passed before. In polled delivery, the host must
    /// keep polling from another thread.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.shared.lifecycle.wait_closed(timeout)
    }

    /// Whether the shutdown has begun.
    pub fn is_closing(&self) -> bool {
        self.shared.lifecycle.is_closing()
    }

    /// Whether the shutdown is complete.
    pub fn is_closed(&self) -> bool {
        self.shared.lifecycle.is_closed()
    }

    /// Drops all connections, handles the events that wait for callback threads, and ends all threads. Blocks until
    /// callbacks that are running have returned; afterwards the handler is never called. A handler must not call it.
    pub fn stop(&self) {
        let _scope = self.log_id.scope();
        shutdown::begin(&self.shared, Duration::ZERO);
        let runtime = self.runtime.locked().take();
        let Some(runtime) = runtime else { return };
        self.shared
            .lifecycle
            .wait_closed(Some(shutdown::ABORT_TIMEOUT));
        // Tasks that are dropped with the runtime may deliver further events, so the delivery is stopped after it.
        if tokio::runtime::Handle::try_current().is_ok() {
            // This is a thread of another server's runtime, which must not block on tasks: a new thread waits instead. If no
            // thread can be started, `runtime` is dropped here.
            let ending = std::thread::Builder::new().name("bellwire-stop".to_owned());
            // Dropping a runtime does not panic.
            let _ = ending
                .spawn(move || drop(runtime))
                .map(std::thread::JoinHandle::join);
        } else {
            drop(runtime);
        }
        self.delivery.stop();
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

/// Logs the options that differ from their defaults.
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
