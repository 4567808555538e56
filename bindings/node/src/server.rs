//! Servers: their beginning, what they listen on, their numbers, and their end.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a string of JavaScript is always handed over as one of our own"
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

/// The engine of one JavaScript server. The functions of the JavaScript object share it; it stops with the last of them.
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

    /// The server, until it has stopped.
    pub(crate) fn server(&self) -> Result<Arc<Server>, Error> {
        self.server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(Arc::clone)
            .ok_or_else(|| Error::new(ErrorKind::Closed, "the server has closed"))
    }

    pub(crate) fn namespace(&self, index: u32) -> Result<Arc<Namespace>, Error> {
        self.host.state().registry.namespace(index)
    }

    /// Ends the threads, on one of their own: it takes a moment, and nobody has to wait for it.
    pub(crate) fn stop(&self) {
        let server = self
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        {
            let mut state = self.host.state();
            // The namespaces it holds lead back to it.
            state.registry = crate::registry::Registry::default();
            state.cork = None;
        }
        if let Some(server) = server {
            log::end(self.log_id);
            // Without a thread to spare, the others end with the process.
            let _ = std::thread::Builder::new()
                .name("bellwire-stop".to_owned())
                .spawn(move || {
                    server.stop();
                    // What still waits holds sockets, which lead back to the server.
                    if let Some(queue) = server.queue() {
                        queue.clear();
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

/// `listen(host, port)`: the port. From now on the process stays alive.
pub(crate) struct Listen;

impl Native for Listen {
    const NAME: &'static str = "listen";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let server = call.engine.server()?;
        let port = u16::try_from(call.number(1)?).map_err(|_| misuse("a port is needed"))?;
        let port = server.listen_tcp(&call.string(0)?, port)?;
        call.engine.bell.keep_alive(call.env, KeepAlive::Yes);
        Ok(call.new_number(f64::from(port)))
    }
}

/// `listenUnix(path)`.
pub(crate) struct ListenUnix;

impl Native for ListenUnix {
    const NAME: &'static str = "listenUnix";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        call.engine.server()?.listen_unix(&call.string(0)?, 0)?;
        call.engine.bell.keep_alive(call.env, KeepAlive::Yes);
        Ok(call.undefined())
    }
}

/// `serve(path, content type, bytes?)`: answers GET of this path; without bytes, no longer.
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

/// `stat(name)`: a number of the server; undefined when there is none of that name.
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

/// `closeSession(id)`: closes its connection, whose client may come back.
pub(crate) struct CloseSession;

impl Native for CloseSession {
    const NAME: &'static str = "closeSession";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let closes = call.engine.server()?.close_session(&call.string(0)?);
        Ok(call.new_flag(closes))
    }
}

/// `close(ms)`: begins the graceful stop, which a `Shutdown` record ends.
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

/// `stop()`: after the `Shutdown` record. Ends the threads; the process may end.
pub(crate) struct Stop;

impl Native for Stop {
    const NAME: &'static str = "stop";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        call.engine.stop();
        call.engine.bell.keep_alive(call.env, KeepAlive::No);
        Ok(call.undefined())
    }
}

/// What there is to know before the first drain.
#[napi(object)]
#[derive(Debug)]
pub(crate) struct Layout {
    /// Numbers of a record.
    pub stride: u32,
    /// Numbers before the first record.
    pub head: u32,
}

/// How the records of a drain lie.
#[napi]
pub(crate) fn layout() -> Layout {
    Layout {
        stride: STRIDE as u32,
        head: HEAD as u32,
    }
}

/// An engine with these options (JSON). `wake` is called on the JavaScript thread when events wait to be drained, or
/// lines of the log up to this level, from 0 (none) to 5 (all).
///
/// # Errors
/// What is wrong with the options.
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
