//! Conversion of `str`, which can contain unpaired surrogates: JSON can express them, UTF-8 cannot.

use std::borrow::Cow;

use bellwire_core::socketio::{EventName, room_name};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// The name of an event to send.
#[derive(Debug)]
pub(crate) struct Name<'a> {
    text: Cow<'a, str>,
    literal: Option<String>,
}

impl<'a> Name<'a> {
    pub(crate) fn of(name: &'a Bound<'_, PyString>) -> PyResult<Self> {
        if let Ok(text) = name.to_str() {
            let text = Cow::Borrowed(text);
            return Ok(Self {
                text,
                literal: None,
            });
        }
        Ok(Self {
            text: lossy(name)?,
            literal: Some(literal(name)?),
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn literal(&self) -> Option<&str> {
        self.literal.as_deref()
    }
}

/// Returns the name of an event that a client sent.
pub(crate) fn event_name<'py>(
    py: Python<'py>,
    name: EventName<'_>,
) -> PyResult<Bound<'py, PyString>> {
    match name.literal() {
        None => Ok(PyString::new(py, name.text())),
        Some(literal) => {
            let loads = py.import(intern!(py, "json"))?.getattr("loads")?;
            Ok(loads.call1((literal,))?.cast_into::<PyString>()?)
        }
    }
}

/// Returns a text as an ASCII JSON string, including the quotes.
pub(crate) fn literal(text: &Bound<'_, PyString>) -> PyResult<String> {
    let encoder = text.py().import(intern!(text.py(), "json.encoder"))?;
    encoder
        .getattr("encode_basestring_ascii")?
        .call1((text,))?
        .extract()
}

/// Returns the engine's name for a room.
pub(crate) fn room_name(name: &Bound<'_, PyString>) -> PyResult<String> {
    if let Ok(text) = name.to_str()
        && room_name::is_plain(text)
    {
        return Ok(text.to_owned());
    }
    Ok(room_name::encode(points(name)?))
}

/// Returns a text with U+FFFD for each unpaired surrogate.
pub(crate) fn lossy<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    if let Ok(text) = text.to_str() {
        return Ok(Cow::Borrowed(text));
    }
    let characters = points(text)?
        .into_iter()
        .map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
    Ok(Cow::Owned(characters.collect()))
}

fn points(text: &Bound<'_, PyString>) -> PyResult<Vec<u32>> {
    let bytes = text.call_method1("encode", ("utf-32-le", "surrogatepass"))?;
    let points = bytes.cast::<PyBytes>()?.as_bytes().chunks_exact(4);
    Ok(points
        .map(|point| u32::from_le_bytes([point[0], point[1], point[2], point[3]]))
        .collect())
}

/// Returns the room for the engine's name, the inverse of [`room_name`].
pub(crate) fn room<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyString>> {
    if room_name::is_plain(name) {
        return Ok(PyString::new(py, name));
    }
    let points: Vec<u8> = room_name::decode(name).flat_map(u32::to_le_bytes).collect();
    let text = PyBytes::new(py, &points).call_method1("decode", ("utf-32-le", "surrogatepass"))?;
    Ok(text.cast_into::<PyString>()?)
}
