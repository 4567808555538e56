//! Decoding of a packet's JSON to Python objects, with attachments in place of their placeholders.

use bytes::Bytes;
use jiter::{PythonParse, StringCacheMode};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyList};

const PARSER: PythonParse = PythonParse {
    allow_inf_nan: false,
    cache_mode: StringCacheMode::Keys,
    partial_mode: jiter::PartialMode::Off,
    catch_duplicate_keys: false,
    float_mode: jiter::FloatMode::Float,
};

/// Decodes the arguments of an event or an acknowledgement: a JSON array.
pub(crate) fn args<'py>(
    py: Python<'py>,
    text: &[u8],
    attachments: &[Bytes],
) -> PyResult<Bound<'py, PyList>> {
    let list = json(py, text)?
        .cast_into::<PyList>()
        .map_err(|_| PyTypeError::new_err("the arguments are not a JSON array"))?;
    if !attachments.is_empty() {
        let attachments: Vec<_> = attachments
            .iter()
            .map(|bytes| PyBytes::new(py, bytes))
            .collect();
        fill_list(&list, &attachments)?;
    }
    Ok(list)
}

/// Decodes any JSON value.
pub(crate) fn json<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    PARSER.python_parse(py, text).or_else(|_| {
        // The parser refuses some valid JSON: unpaired surrogates, and very long numbers, which the json module then
        // refuses with its own message.
        py.import(intern!(py, "json"))?
            .getattr("loads")?
            .call1((PyBytes::new(py, text),))
    })
}

fn fill_list(list: &Bound<'_, PyList>, attachments: &[Bound<'_, PyBytes>]) -> PyResult<()> {
    for index in 0..list.len() {
        if let Some(new) = filled(&list.get_item(index)?, attachments)? {
            list.set_item(index, new)?;
        }
    }
    Ok(())
}

/// Returns the attachment that replaces a value, if the value is a placeholder. Lists and dicts are changed in place.
fn filled<'py>(
    value: &Bound<'py, PyAny>,
    attachments: &[Bound<'py, PyBytes>],
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    if let Ok(list) = value.cast::<PyList>() {
        fill_list(list, attachments)?;
    } else if let Ok(dict) = value.cast::<PyDict>() {
        if let Some(mark) = dict.get_item("_placeholder")?
            && mark.cast::<PyBool>().is_ok_and(|mark| mark.is_true())
        {
            let number = dict.get_item("num")?;
            let number = number.and_then(|number| number.extract::<f64>().ok());
            // Written as 0.0, an index is valid too, as in the core.
            let number = number.filter(|number| number.fract() == 0.0 && *number >= 0.0);
            let bytes = number.and_then(|number| attachments.get(number as usize));
            // Without an attachment of that number it is data: the core has checked packets of clients, and the host
            // may send any data.
            if let Some(bytes) = bytes {
                return Ok(Some(bytes.clone()));
            }
        }
        for (key, item) in dict.copy()?.iter() {
            if let Some(new) = filled(&item, attachments)? {
                dict.set_item(key, new)?;
            }
        }
    }
    Ok(None)
}

/// Decodes a JSON array of arguments, with `attachments` in place of the placeholders.
#[pyfunction]
pub(crate) fn loads<'py>(
    py: Python<'py>,
    text: &[u8],
    attachments: Vec<Vec<u8>>,
) -> PyResult<Bound<'py, PyList>> {
    let attachments: Vec<Bytes> = attachments.into_iter().map(Bytes::from).collect();
    args(py, text, &attachments)
}
