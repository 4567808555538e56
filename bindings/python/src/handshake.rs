//! Requests and handshakes as dictionaries. The Python code builds environs from them.

use bellwire_core::socketio;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::value;

/// Returns a request as a dictionary.
pub(crate) fn request<'py>(
    py: Python<'py>,
    request: &socketio::Request,
) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    all.set_item("method", request.method())?;
    all.set_item("url", request.url())?;
    all.set_item("address", request.address().to_string())?;
    all.set_item("port", request.port())?;
    all.set_item("secure", request.secure())?;
    all.set_item("xdomain", request.xdomain())?;
    all.set_item("header_list", PyList::new(py, request.headers())?)?;
    all.set_item(
        "headers",
        value::json(py, request.headers_json().as_bytes())?,
    )?;
    all.set_item("query", value::json(py, request.query_json().as_bytes())?)?;
    Ok(all)
}

/// Returns the request that opened a session, with the auth data, the time and the date of the join.
pub(crate) fn handshake<'py>(
    py: Python<'py>,
    handshake: &socketio::Handshake,
) -> PyResult<Bound<'py, PyDict>> {
    let all = request(py, handshake.request())?;
    all.set_item("auth", value::json(py, handshake.auth())?)?;
    all.set_item("time", handshake.time())?;
    all.set_item("issued", handshake.issued_ms())?;
    Ok(all)
}
