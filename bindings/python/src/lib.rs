//! Bellwire for Python: the native module `bellwire._native`.
//!
//! Engine threads never run Python code: events stay in the engine's queue until a Python thread takes a batch of them
//! (`server.rs`). Engine threads never drop a Python object, so nothing that they can own holds one. No lock of this
//! module is held while Python code is called. The Python code in `python/bellwire` builds the API of python-socketio
//! on this module.

#![forbid(unsafe_code)]

mod ack;
mod broadcast;
mod deferred;
mod descriptor;
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

/// The Python module.
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
