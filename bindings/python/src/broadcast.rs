//! Who gets it: rooms, and rooms left out.

use bellwire_core::socketio::Target;
use bellwire_core::socketio::target::Reliability;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

use crate::text::room_name;

/// See the module's documentation. Everybody has a room of its own, so these are single clients too.
#[derive(Debug)]
pub(crate) struct Audience {
    /// `None` is everybody. No room at all is nobody.
    to: Option<Vec<String>>,
    skip: Vec<String>,
}

impl Audience {
    /// Nothing, a room, or several of them, twice.
    pub(crate) fn of(
        to: Option<&Bound<'_, PyAny>>,
        skip: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self {
            to: rooms(to)?,
            skip: rooms(skip)?.unwrap_or_default(),
        })
    }

    /// The one room that is meant, if it is one.
    pub(crate) fn only(&self) -> Option<&str> {
        match (self.to.as_deref(), &self.skip[..]) {
            (Some([name]), []) => Some(name),
            _ => None,
        }
    }

    /// The same, as the engine wants it; `None` when it is nobody.
    pub(crate) fn with<R>(
        &self,
        reliability: Reliability,
        run: impl FnOnce(&Target<'_>) -> R,
    ) -> Option<R> {
        if self.to.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let rooms: Vec<&str> = self.to.iter().flatten().map(String::as_str).collect();
        let except: Vec<&str> = self.skip.iter().map(String::as_str).collect();
        Some(run(&Target {
            rooms: &rooms,
            except: &except,
            skip: None,
            reliability,
        }))
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

/// A room's name. Numbers are used as names too.
pub(crate) fn room(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return room_name(text);
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(value.str()?.to_str()?.to_owned());
    }
    Err(PyTypeError::new_err(format!(
        "a room is a str, not {}",
        value.get_type().name()?
    )))
}
