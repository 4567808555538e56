//! Arguments of calls: rooms, and who is meant.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

/// A room's name. Numbers are used as names too.
pub(crate) fn room(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_str()?.to_owned());
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(value.str()?.to_str()?.to_owned());
    }
    Err(PyTypeError::new_err(format!(
        "a room is a str, not {}",
        value.get_type().name()?
    )))
}

/// Nothing, a room, or several of them.
#[derive(Debug, Default)]
pub(crate) enum RoomNames {
    #[default]
    Nobody,
    One(String),
    Several(Vec<String>),
}

impl RoomNames {
    pub(crate) fn of(value: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(value) = value.filter(|value| !value.is_none()) else {
            return Ok(Self::Nobody);
        };
        if value.is_instance_of::<PyString>() || value.is_instance_of::<PyInt>() {
            return Ok(Self::One(room(value)?));
        }
        let names = value
            .try_iter()?
            .map(|item| room(&item?))
            .collect::<PyResult<Vec<_>>>()?;
        Ok(Self::Several(names))
    }

    /// The names, as a target wants them.
    pub(crate) fn as_slices(&self) -> Vec<&str> {
        match self {
            Self::Nobody => Vec::new(),
            Self::One(name) => vec![name],
            Self::Several(names) => names.iter().map(String::as_str).collect(),
        }
    }
}
