//! Errors of the engine as Python exceptions.

use std::error::Error as _;

use bellwire_core::error::{Error, ErrorKind};
use pyo3::PyErr;
use pyo3::exceptions::{PyNotImplementedError, PyOSError, PyRuntimeError, PyValueError};

pyo3::create_exception!(
    bellwire._native,
    SendBufferFullError,
    PyRuntimeError,
    "The send buffer of the client is full because the client does not read fast enough; the event was not queued."
);

/// Returns the Python exception for an error of the engine.
pub(crate) fn exception(error: &Error) -> PyErr {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::Full => SendBufferFullError::new_err(text),
        ErrorKind::Io | ErrorKind::AddressInUse | ErrorKind::Access => os_error(error, text),
        ErrorKind::Unsupported => PyNotImplementedError::new_err(text),
        ErrorKind::State | ErrorKind::Closed | ErrorKind::Internal | ErrorKind::Panic => {
            PyRuntimeError::new_err(text)
        }
        _ => PyValueError::new_err(text),
    }
}

/// Returns an `OSError` with the system's error number, if there is one: Python selects the subclass by it.
fn os_error(error: &Error, text: String) -> PyErr {
    let cause = error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>());
    match cause.and_then(std::io::Error::raw_os_error) {
        Some(number) => PyOSError::new_err((number, text)),
        None => PyOSError::new_err(text),
    }
}

/// Ignores that a client has disconnected: an operation on it is then not an error of the program.
pub(crate) fn unless_gone(result: Result<(), Error>) -> Result<(), PyErr> {
    match result {
        Err(error) if error.kind() != ErrorKind::Gone => Err(exception(&error)),
        _ => Ok(()),
    }
}
