//! Creating an engine, listening, metrics, and closing.
#![allow(
    clippy::needless_pass_by_value,
    reason = "napi passes strings from JavaScript by value"
)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bellwire_core::config::Config;
use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::host::Handler;
use bellwire_core::log::listener::ServerId;
use bellwire_core::server::Server;
use bellwire_core::socketio::Namespace;
use bellwire_core::socketio::event::Hook;
use bellwire_core::stats::Stats;
use napi::bindgen_prelude::{Function, Object};
use napi::sys::napi_value;
use napi::{Env, JsValue as _};
use napi_derive::napi;

use crate::batch::{HEAD, STRIDE};
use crate::bell::{Bell, KeepAlive};
use crate::call::{Call, Native, register, throw};
use crate::error::misuse;
use crate::event::Host;
use crate::{deferred, emit, handshake, hooks, log, namespace, poll, socket};

/// The engine of a JavaScript server. The functions of the JavaScript object share it; the engine stops when the last of
/// them is collected.
pub(crate) struct Engine {
    pub(crate) host: Arc<Host>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) log_id: ServerId,
    server: Mutex<Option<Arc<Server>>>,
}

impl Engine {
    fn new(options: &str, bell: Bell, log_level: u8) -> Result<Self, Error> {
        let mut config = Config::default();
        config.set_json(options)?;
        let host = Arc::new(Host::default());
        let bell = Arc::new(bell);
        let ringer = Arc::clone(&bell);
        let handler: Arc<dyn Handler> = Arc::clone(&host) as _;
        log::want(log_level);
        let server = Server::with_bell(&config, handler, move || ringer.ring())?;
        server.hooks().add(Hook::Upgrade);
        server.hooks().add(Hook::Dropped);
        log::begin(server.log_id(), &bell);
        Ok(Self {
            host,
            bell,
            stats: Arc::clone(server.stats()),
            log_id: server.log_id(),
            server: Mutex::new(Some(server)),
        })
    }

    /// The server; an error with the kind `Closed` after [`stop`](Self::stop).
    pub(crate) fn server(&self) -> Result<Arc<Server>, Error> {
        self.server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(Arc::clone)
            .ok_or_else(|| Error::new(ErrorKind::Closed, "the server is closed"))
    }

    pub(crate) fn namespace(&self, index: u32) -> Result<Arc<Namespace>, Error> {
        self.host.state().registry.namespace(index)
    }

    /// Stops the engine's threads. A new thread waits for them, so that the JavaScript thread does not block.
    pub(crate) fn stop(&self) {
        let server = self
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        {
            let mut state = self.host.state();
            // Breaks a reference cycle: the registry holds namespaces, which hold the server.
            state.registry = crate::registry::Registry::default();
            state.cork = None;
        }
        if let Some(server) = server {
            log::end(self.log_id);
            // If the thread cannot be created, the engine's threads end with the process.
            let _ = std::thread::Builder::new()
                .name("bellwire-stop".to_owned())
                .spawn(move || {
                    server.stop();
                    // Breaks a reference cycle: queued events hold sockets, which hold the server.
                    if let Some(queue) = server.queue() {
                        queue.end();
                    }
                });
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `listen(host, port)`: listens on a TCP port and returns it. Keeps the process alive until `stop`.
pub(crate) struct Listen;

impl Native for Listen {
    const NAME: &'static str = "listen";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let server = call.engine.server()?;
        let port = u16::try_from(call.number(1)?)
            .map_err(|_| misuse("the port must be a number from 0 to 65535"))?;
        let port = server.listen_tcp(&call.string(0)?, port)?;
        call.engine.bell.keep_alive(call.env, KeepAlive::Yes);
        Ok(call.new_number(f64::from(port)))
    }
}

/// `listenUnix(path)`: listens on a Unix socket. Keeps the process alive until `stop`.
pub(crate) struct ListenUnix;

impl Native for ListenUnix {
    const NAME: &'static str = "listenUnix";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        call.engine.server()?.listen_unix(&call.string(0)?, 0)?;
        call.engine.bell.keep_alive(call.env, KeepAlive::Yes);
        Ok(call.undefined())
    }
}

/// `serve(path, content type, bytes?)`: serves the bytes in response to GET requests for this path; without bytes, removes
/// the path.
pub(crate) struct Serve;

impl Native for Serve {
    const NAME: &'static str = "serve";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let body = if call.is_undefined(2) {
            None
        } else {
            Some(call.bytes(2)?)
        };
        let server = call.engine.server()?;
        server.serve(&call.string(0)?, &call.string(1)?, body)?;
        Ok(call.undefined())
    }
}

/// `stat(name)`: returns the value of a metric; undefined if the name is unknown.
pub(crate) struct Stat;

impl Native for Stat {
    const NAME: &'static str = "stat";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let name = call.string(0)?;
        let (sockets, connections) = call.engine.host.state().registry.size();
        let value = match name.as_str() {
            "known_sockets" => Some(sockets as i64),
            "known_connections" => Some(connections as i64),
            "known_questions" => Some(call.engine.host.questions.count() as i64),
            name => call.engine.stats.get(name),
        };
        Ok(match value {
            Some(value) => call.new_number(value as f64),
            None => call.undefined(),
        })
    }
}

/// `closeSession(id)`: closes the connection of a session; the client may reconnect. Returns whether the session was open.
pub(crate) struct CloseSession;

impl Native for CloseSession {
    const NAME: &'static str = "closeSession";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let closes = call.engine.server()?.close_session(&call.string(0)?);
        Ok(call.new_flag(closes))
    }
}

/// `close(ms)`: stops listening and disconnects all clients, dropping those that remain after this time. A `Shutdown` record
/// follows.
pub(crate) struct Close;

impl Native for Close {
    const NAME: &'static str = "close";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let deadline = Duration::from_millis(u64::from(call.number(0)?));
        call.engine.server()?.close(deadline)?;
        call.engine.bell.keep_alive(call.env, KeepAlive::Yes);
        Ok(call.undefined())
    }
}

/// `stop()`: stops the engine's threads, after the `Shutdown` record. The engine no longer keeps the process alive.
pub(crate) struct Stop;

impl Native for Stop {
    const NAME: &'static str = "stop";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        call.engine.stop();
        call.engine.bell.keep_alive(call.env, KeepAlive::No);
        Ok(call.undefined())
    }
}

/// The sizes that `lib/dispatcher.js` needs to read the result of a drain.
#[napi(object)]
#[derive(Debug)]
pub(crate) struct Layout {
    /// Number of words in a record.
    pub stride: u32,
    /// Number of words before the first record.
    pub head: u32,
}

/// Returns the layout of the words of a drain.
#[napi]
pub(crate) fn layout() -> Layout {
    Layout {
        stride: STRIDE as u32,
        head: HEAD as u32,
    }
}

/// Creates an engine with these options, which are JSON. `wake` is called on the JavaScript thread when events, or log lines
/// up to `log_level` (0: none, 5: all), wait to be drained.
///
/// # Errors
/// An unknown option, or a value of the wrong type or out of range.
#[napi]
pub(crate) fn create_engine<'env>(
    env: &'env Env,
    options: String,
    wake: Function<'env, (), ()>,
    log_level: u32,
) -> napi::Result<Object<'env>> {
    let object = Object::new(env)?;
    let log_level = u8::try_from(log_level).unwrap_or(u8::MAX);
    match Engine::new(&options, Bell::new(&wake)?, log_level) {
        Ok(engine) => fill(env, &object, &Arc::new(engine))?,
        Err(error) => {
            throw(env.raw(), &error);
            return Err(napi::Error::from_status(napi::Status::PendingException));
        }
    }
    Ok(object)
}

fn fill(env: &Env, object: &Object<'_>, engine: &Arc<Engine>) -> napi::Result<()> {
    macro_rules! functions {
        ($($function:path),* $(,)?) => {
            $(register::<$function>(env.raw(), object.raw(), engine)?;)*
        };
    }
    functions!(
        poll::Drain,
        poll::Flush,
        emit::Emit,
        emit::EmitWithAck,
        emit::Acknowledge,
        emit::Broadcast,
        emit::BroadcastWithAck,
        emit::SendText,
        emit::SendBinary,
        socket::Join,
        socket::Leave,
        socket::Rooms,
        handshake::Handshake,
        socket::Transport,
        socket::Disconnect,
        socket::LetGo,
        namespace::Of,
        hooks::HookNamespace,
        namespace::Sockets,
        namespace::JoinAll,
        namespace::LeaveAll,
        namespace::DisconnectAll,
        deferred::AnswerQuestion,
        Listen,
        ListenUnix,
        Serve,
        hooks::HookServer,
        Stat,
        CloseSession,
        Close,
        Stop,
    );
    Ok(())
}
