//! Listening, closing, and the server's numbers.

use std::time::Duration;

use bellwire_core::error::Error;
use bellwire_core::socketio::event::Hook;
use napi::sys::napi_value;

use crate::bell::KeepAlive;
use crate::call::{Call, Native};
use crate::error::misuse;

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

/// `hearConnectionErrors(on)`.
pub(crate) struct HearConnectionErrors;

impl Native for HearConnectionErrors {
    const NAME: &'static str = "hearConnectionErrors";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let server = call.engine.server()?;
        if call.flag(0)? {
            server.hooks().add(Hook::ConnectionError);
        } else {
            server.hooks().remove(Hook::ConnectionError);
        }
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
            name => call.engine.stats.get(name),
        };
        Ok(match value {
            Some(value) => call.new_number(value as f64),
            None => call.undefined(),
        })
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
