//! Encoding of Python objects as the JSON and the attachments of a packet, in one pass.
//!
//! It accepts the same types as `json.dumps` and raises the same errors. In addition, `bytes`, `bytearray` and
//! `memoryview` become attachments with placeholders. NaN and infinities are refused: clients cannot parse them.

use std::io::Write as _;

use bellwire_core::json;
use bytes::Bytes;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMemoryView, PyString, PyTuple,
};

use crate::text::literal;

/// The maximum nesting depth. It leaves a wide margin on a thread's stack.
const DEPTH: usize = 500;

/// The arguments of an event or an acknowledgement.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// A JSON array, or one value.
    pub(crate) text: Vec<u8>,
    /// The attachments to which the placeholders refer.
    pub(crate) attachments: Vec<Bytes>,
}

impl Written {
    /// Encodes `data` as arguments: none for `None`, several for a tuple, otherwise one.
    pub(crate) fn args(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut written = Self::default();
        if data.is_none() {
            written.text.extend_from_slice(b"[]");
        } else if let Ok(several) = data.cast::<PyTuple>() {
            written.sequence(several.iter(), DEPTH)?;
        } else {
            written.text.push(b'[');
            written.value(data, DEPTH)?;
            written.text.push(b']');
        }
        Ok(written)
    }

    /// Encodes one value for a place where attachments are not possible.
    pub(crate) fn json(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
        let mut written = Self::default();
        written.value(value, DEPTH)?;
        if written.attachments.is_empty() {
            return Ok(written.text);
        }
        Err(PyTypeError::new_err(
            "the data of a refused connection cannot contain bytes: encode them as text",
        ))
    }

    fn value(&mut self, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<()> {
        if let Ok(text) = value.cast::<PyString>() {
            self.string(text)
        } else if value.is_none() {
            self.text.extend_from_slice(b"null");
            Ok(())
        } else if let Ok(flag) = value.cast::<PyBool>() {
            self.flag(flag);
            Ok(())
        } else if let Ok(number) = value.cast::<PyInt>() {
            self.int(number)
        } else if let Ok(number) = value.cast::<PyFloat>() {
            self.float(number.value())
        } else if let Ok(dict) = value.cast::<PyDict>() {
            self.dict(dict, deeper(depth)?)
        } else if let Ok(list) = value.cast::<PyList>() {
            self.sequence(list.iter(), deeper(depth)?)
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.sequence(tuple.iter(), deeper(depth)?)
        } else if let Ok(bytes) = value.cast::<PyBytes>() {
            self.attachment(bytes.as_bytes());
            Ok(())
        } else if let Ok(bytes) = value.cast::<PyByteArray>() {
            self.attachment(&bytes.to_vec());
            Ok(())
        } else if value.is_instance_of::<PyMemoryView>() {
            let copy = value.call_method0("tobytes")?;
            self.attachment(copy.cast::<PyBytes>()?.as_bytes());
            Ok(())
        } else {
            let kind = value.get_type();
            Err(PyTypeError::new_err(format!(
                "Object of type {} is not JSON serializable",
                kind.name()?
            )))
        }
    }

    fn sequence<'py>(
        &mut self,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        depth: usize,
    ) -> PyResult<()> {
        self.text.push(b'[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.text.push(b',');
            }
            self.value(&item, depth)?;
        }
        self.text.push(b']');
        Ok(())
    }

    fn dict(&mut self, dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<()> {
        self.text.push(b'{');
        if dict.is_exact_instance_of::<PyDict>() {
            for (index, (key, value)) in dict.iter().enumerate() {
                self.member(index, &key, &value, depth)?;
            }
        } else {
            // Like json.dumps, which asks a subclass for its items.
            for (index, item) in dict.call_method0("items")?.try_iter()?.enumerate() {
                let (key, value) = item?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
                self.member(index, &key, &value, depth)?;
            }
        }
        self.text.push(b'}');
        Ok(())
    }

    fn member(
        &mut self,
        index: usize,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        depth: usize,
    ) -> PyResult<()> {
        if index > 0 {
            self.text.push(b',');
        }
        self.key(key)?;
        self.text.push(b':');
        self.value(value, depth)
    }

    fn key(&mut self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(text) = key.cast::<PyString>() {
            return self.string(text);
        }
        self.text.push(b'"');
        if key.is_none() {
            self.text.extend_from_slice(b"null");
        } else if let Ok(flag) = key.cast::<PyBool>() {
            self.flag(flag);
        } else if let Ok(number) = key.cast::<PyInt>() {
            self.int(number)?;
        } else if let Ok(number) = key.cast::<PyFloat>() {
            self.float(number.value())?;
        } else {
            return Err(PyTypeError::new_err(format!(
                "keys must be str, int, float, bool or None, not {}",
                key.get_type().name()?
            )));
        }
        self.text.push(b'"');
        Ok(())
    }

    fn string(&mut self, text: &Bound<'_, PyString>) -> PyResult<()> {
        match text.to_str() {
            Ok(text) => json::write_string(&mut self.text, text),
            // The text has an unpaired surrogate, which JSON can express as an escape.
            Err(_) => self.text.extend_from_slice(literal(text)?.as_bytes()),
        }
        Ok(())
    }

    fn flag(&mut self, flag: &Bound<'_, PyBool>) {
        let text: &[u8] = if flag.is_true() { b"true" } else { b"false" };
        self.text.extend_from_slice(text);
    }

    fn int(&mut self, number: &Bound<'_, PyInt>) -> PyResult<()> {
        if let Ok(small) = number.extract::<i64>() {
            // Writing to a vector cannot fail.
            let _ = write!(self.text, "{small}");
            return Ok(());
        }
        // Like json.dumps, which ignores the `__repr__` of subclasses.
        let repr = number
            .py()
            .get_type::<PyInt>()
            .call_method1("__repr__", (number,))?;
        self.text
            .extend_from_slice(repr.cast::<PyString>()?.to_str()?.as_bytes());
        Ok(())
    }

    fn float(&mut self, number: f64) -> PyResult<()> {
        if !number.is_finite() {
            return Err(PyValueError::new_err(format!(
                "Out of range float values are not JSON compliant: {number}"
            )));
        }
        // Writing to a vector cannot fail. This format keeps the ".0" by which Python clients recognize a float.
        let _ = write!(self.text, "{number:?}");
        Ok(())
    }

    fn attachment(&mut self, bytes: &[u8]) {
        let number = self.attachments.len();
        self.attachments.push(Bytes::copy_from_slice(bytes));
        // Writing to a vector cannot fail.
        let _ = write!(self.text, "{{\"_placeholder\":true,\"num\":{number}}}");
    }
}

fn deeper(depth: usize) -> PyResult<usize> {
    depth.checked_sub(1).ok_or_else(|| {
        PyValueError::new_err(format!(
            "the data is nested more than {DEPTH} levels deep, or contains itself"
        ))
    })
}

/// Encodes `data` as arguments. Returns the JSON and the attachments.
#[pyfunction]
pub(crate) fn dumps<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>)> {
    let written = Written::args(data)?;
    let attachments = written.attachments.iter();
    Ok((
        PyBytes::new(py, &written.text),
        attachments.map(|bytes| PyBytes::new(py, bytes)).collect(),
    ))
}
