//! The engine of one JavaScript server, and the drain of its events.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a string of JavaScript is always handed over as one of our own"
)]

use std::sync::{Arc, Mutex, PoisonError};

use bellwire_core::config::Config;
use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::host::Handler;
use bellwire_core::mailbox::Cork;
use bellwire_core::server::Server;
use bellwire_core::socketio::Namespace;
use bellwire_core::socketio::event::Hook;
use bellwire_core::stats::Stats;
use napi::bindgen_prelude::{Function, Object};
use napi::sys::napi_value;
use napi::{Env, JsValue as _};
use napi_derive::napi;

use crate::batch::{HEAD, Kind, Numbers, STRIDE};
use crate::bell::Bell;
use crate::call::{Call, Native, register, throw};
use crate::event::Host;
use crate::{deferred, emit, listen, namespace, socket};

/// Events that are fetched before we look how much text there is.
const STEP: usize = 16;

/// A batch with more text than this is handed over before it is full.
const MUCH_TEXT: usize = 1 << 18;

/// See the module's documentation. The functions of the JavaScript object share it; it stops with the last of them.
pub(crate) struct Engine {
    pub(crate) host: Arc<Host>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) stats: Arc<Stats>,
    server: Mutex<Option<Arc<Server>>>,
}

impl Engine {
    fn new(options: &str, bell: Bell) -> Result<Self, Error> {
        let mut config = Config::default();
        config.set_json(options)?;
        let host = Arc::new(Host::default());
        let bell = Arc::new(bell);
        let ringer = Arc::clone(&bell);
        let handler: Arc<dyn Handler> = Arc::clone(&host) as _;
        let server = Server::with_bell(&config, handler, move || ringer.ring())?;
        server.hooks().add(Hook::Upgrade);
        Ok(Self {
            host,
            bell,
            stats: Arc::clone(server.stats()),
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
        // The namespaces it holds lead back to it.
        self.host.state().registry = crate::registry::Registry::default();
        if let Some(server) = server {
            // Without a thread to spare, the others end with the process.
            let _ = std::thread::Builder::new()
                .name("bellwire-stop".to_owned())
                .spawn(move || server.stop());
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `drain(most, words, parts)`: fills the words with how many records there are, whether to come again, and the records;
/// puts the arguments of the messages and all attachments into the array. The text of the records.
struct Drain;

impl Native for Drain {
    const NAME: &'static str = "drain";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let most = call.number(0)? as usize;
        let host = &call.engine.host;
        call.engine.bell.answered();
        {
            let mut state = host.state();
            state.batch.clear();
            for handle in state.registry.collect(most) {
                let numbers = Numbers {
                    handle,
                    ..Numbers::default()
                };
                state.batch.push(Kind::Released, numbers, b"", b"");
            }
        }
        let mut more = false;
        if let Ok(server) = call.engine.server()
            && let Some(queue) = server.queue()
        {
            let mut left = most;
            loop {
                let step = STEP.min(left);
                // Nobody else drains, and no handler of ours comes back here.
                let handled = queue.poll(step, None, None).unwrap_or(0);
                left -= handled;
                more = handled == step;
                if !more || left == 0 || host.state().batch.size() > MUCH_TEXT {
                    break;
                }
            }
        }
        if more {
            call.engine.bell.promised();
        }
        let mut state = host.state();
        state.cork = Some(Cork::new());
        let batch = &mut state.batch;
        call.fill(1, batch.close_records(more))?;
        let mut attachments = std::mem::take(&mut batch.attachments);
        call.put_parts(2, batch.close_args(), &mut attachments);
        Ok(call.new_text(batch.text()))
    }
}

/// `flush()`: what handlers have emitted since the drain leaves.
struct Flush;

impl Native for Flush {
    const NAME: &'static str = "flush";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let cork = call.engine.host.state().cork.take();
        drop(cork);
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

/// An engine with these options (JSON). `wake` is called on the JavaScript thread when events wait to be drained.
///
/// # Errors
/// What is wrong with the options.
#[napi]
pub(crate) fn create_engine<'env>(
    env: &'env Env,
    options: String,
    wake: Function<'env, (), ()>,
) -> napi::Result<Object<'env>> {
    let object = Object::new(env)?;
    match Engine::new(&options, Bell::new(&wake)?) {
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
        Drain,
        Flush,
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
        socket::Handshake,
        socket::Transport,
        socket::Disconnect,
        socket::LetGo,
        namespace::Of,
        namespace::HookNamespace,
        namespace::Sockets,
        namespace::JoinAll,
        namespace::LeaveAll,
        namespace::DisconnectAll,
        deferred::AnswerQuestion,
        listen::Listen,
        listen::ListenUnix,
        listen::Serve,
        listen::HearConnectionErrors,
        listen::Stat,
        listen::Close,
        listen::Stop,
    );
    Ok(())
}
