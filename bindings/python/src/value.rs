//! Reading: the JSON of a packet as objects of Python, with its attachments where the placeholders are.

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

/// The arguments of an event, or of an answer: a JSON array.
pub(crate) fn args<'py>(
    py: Python<'py>,
    text: &[u8],
    attachments: &[Bytes],
) -> PyResult<Bound<'py, PyList>> {
    let list = json(py, text)?
        .cast_into::<PyList>()
        .map_err(|_| PyTypeError::new_err("the arguments are not an array"))?;
    if !attachments.is_empty() {
        let attachments: Vec<_> = attachments
            .iter()
            .map(|bytes| PyBytes::new(py, bytes))
            .collect();
        fill_list(&list, &attachments)?;
    }
    Ok(list)
}

/// Any JSON value.
pub(crate) fn json<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    PARSER.python_parse(py, text).or_else(|_| {
        // What that parser refuses of checked JSON: halves of surrogate pairs, and numbers that are too long for both.
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

/// What is to stand in place of a value; inside of it, it is changed in place.
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
            // The core takes 0.0 as well.
            let number = number.filter(|number| number.fract() == 0.0 && *number >= 0.0);
            let bytes = number.and_then(|number| attachments.get(number as usize));
            // Without one it is data: what a client sends was checked, what the host sends may hold any data.
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

/// The arguments in a JSON array, with these bytes in place of the placeholders.
#[pyfunction]
pub(crate) fn loads<'py>(
    py: Python<'py>,
    text: &[u8],
    attachments: Vec<Vec<u8>>,
) -> PyResult<Bound<'py, PyList>> {
    let attachments: Vec<Bytes> = attachments.into_iter().map(Bytes::from).collect();
    args(py, text, &attachments)
}
