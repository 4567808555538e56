//! Bellwire for Python: the native half, `bellwire._native`.
//!
//! Threads of the engine never enter Python: events wait in the engine's queue until a thread of Python takes a batch of
//! them (`server.rs`). No object of Python is held by what an engine thread can drop, and Python is never
//! called while a lock of ours is held. The Python half, in `python/bellwire`, gives all this the face of python-socketio.

mod ack;
mod broadcast;
mod deferred;
mod emit;
mod error;
mod event;
mod fork;
mod handshake;
mod hooks;
mod host;
mod joining;
mod log;
mod namespace;
mod payload;
mod poll;
mod server;
mod socket;
mod text;
mod value;

/// The module as Python sees it.
#[pyo3::pymodule(name = "_native")]
mod native {
    #[pymodule_export]
    use crate::ack::Ack;
    #[pymodule_export]
    use crate::deferred::Question;
    #[pymodule_export]
    use crate::error::SendBufferFullError;
    #[pymodule_export]
    use crate::fork::forked;
    #[pymodule_export]
    use crate::log::log_level;
    #[pymodule_export]
    use crate::namespace::Namespace;
    #[pymodule_export]
    use crate::payload::dumps;
    #[pymodule_export]
    use crate::server::{Server, check_options};
    #[pymodule_export]
    use crate::socket::Socket;
    #[pymodule_export]
    use crate::value::loads;
}
