//! What the engine reports, as exceptions of Python.

use bellwire_core::error::{Error, ErrorKind};
use pyo3::PyErr;
use pyo3::exceptions::{PyNotImplementedError, PyOSError, PyRuntimeError, PyValueError};

pyo3::create_exception!(
    bellwire._native,
    SendBufferFullError,
    PyRuntimeError,
    "The client does not read: its send buffer is full, and nothing was queued."
);

/// The exception for an error of the engine.
pub(crate) fn exception(error: &Error) -> PyErr {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::Full => SendBufferFullError::new_err(text),
        ErrorKind::Io | ErrorKind::AddressInUse | ErrorKind::Access => PyOSError::new_err(text),
        ErrorKind::Unsupported => PyNotImplementedError::new_err(text),
        ErrorKind::State | ErrorKind::Closed | ErrorKind::Internal | ErrorKind::Panic => {
            PyRuntimeError::new_err(text)
        }
        _ => PyValueError::new_err(text),
    }
}

/// For something done to a client: that it has left meanwhile is nobody's mistake.
pub(crate) fn unless_gone(result: Result<(), Error>) -> Result<(), PyErr> {
    match result {
        Err(error) if error.kind() != ErrorKind::Gone => Err(exception(&error)),
        _ => Ok(()),
    }
}
