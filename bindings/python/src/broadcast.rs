//! Targets of a broadcast: rooms, and rooms left out. A client's id is a room, so a room can be a single client.

use bellwire_core::socketio::TargetBuf;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

use crate::text::room_name;

/// The target of `to` and `skip`. Each is `None`, a room, or an iterable of rooms. Returns `None` when `to` is
/// an empty iterable: then the target selects no client.
pub(crate) fn target(
    to: Option<&Bound<'_, PyAny>>,
    skip: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<TargetBuf>> {
    let (to, except) = (rooms(to)?, rooms(skip)?.unwrap_or_default());
    if to.as_ref().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    Ok(Some(TargetBuf {
        rooms: to.unwrap_or_default(),
        except,
        ..TargetBuf::default()
    }))
}

/// The room of a target that is one room and leaves nothing out.
pub(crate) fn single_room(target: &TargetBuf) -> Option<&str> {
    match (&target.rooms[..], &target.except[..]) {
        ([name], []) => Some(name),
        _ => None,
    }
}

fn rooms(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<String>>> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyInt>() {
        return Ok(Some(vec![room(value)?]));
    }
    let names: PyResult<Vec<_>> = value.try_iter()?.map(|item| room(&item?)).collect();
    names.map(Some)
}

/// Reads the name of a room: a `str`, or an `int`, which stands for its decimal digits.
pub(crate) fn room(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return room_name(text);
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(value.str()?.to_str()?.to_owned());
    }
    Err(PyTypeError::new_err(format!(
        "a room must be a str or an int, not {}",
        value.get_type().name()?
    )))
}
