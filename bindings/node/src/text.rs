//! Strings of JavaScript are UTF-16 and may hold halves of surrogate pairs, which JSON can express and UTF-8 cannot.

use std::io::Write as _;
use std::ops::Range;

use bellwire_core::error::Error;
use bellwire_core::socketio::room_name;
use napi::sys::napi_value;

use crate::call::Call;
use crate::error::misuse;

impl Call<'_> {
    /// The same string as at `text` in `out`, appended as a JSON literal if UTF-8 cannot hold it.
    pub(crate) fn literal(
        &self,
        at: usize,
        text: Range<usize>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Range<usize>>, Error> {
        if !may_have_halves(&out[text]) {
            return Ok(None);
        }
        let units = self.units(self.argument(at))?;
        if char::decode_utf16(units.iter().copied()).all(|point| point.is_ok()) {
            return Ok(None);
        }
        let start = out.len();
        write_literal(&units, out);
        Ok(Some(start..out.len()))
    }

    /// The engine's name for a room.
    pub(crate) fn room(&self, at: usize) -> Result<String, Error> {
        self.read_room(self.argument(at))
    }

    /// The same of an array; undefined is an empty one.
    pub(crate) fn rooms(&self, at: usize) -> Result<Vec<String>, Error> {
        self.elements(at)?
            .into_iter()
            .map(|value| self.read_room(value))
            .collect()
    }

    fn read_room(&self, value: napi_value) -> Result<String, Error> {
        let mut text = Vec::new();
        self.read_text(value, &mut text)?;
        let halves = may_have_halves(&text);
        let text = String::from_utf8(text).map_err(|_| misuse("a string is needed"))?;
        if !halves && room_name::is_plain(&text) {
            return Ok(text);
        }
        let units = self.units(value)?;
        let points = char::decode_utf16(units).map(|point| match point {
            Ok(character) => u32::from(character),
            Err(half) => u32::from(half.unpaired_surrogate()),
        });
        Ok(room_name::encode(points))
    }

    /// The room that the engine's name stands for.
    pub(crate) fn new_room(&self, name: &str) -> napi_value {
        if room_name::is_plain(name) {
            return self.new_text(name.as_bytes());
        }
        self.new_units(&units_of(name))
    }
}

/// The room that the engine's name stands for as a JSON literal, if UTF-8 cannot hold it or another name stands for it.
pub(crate) fn room_literal(name: &str) -> Option<Vec<u8>> {
    if room_name::is_plain(name) {
        return None;
    }
    let mut literal = Vec::new();
    write_literal(&units_of(name), &mut literal);
    Some(literal)
}

/// Node-API writes U+FFFD for each half.
fn may_have_halves(text: &[u8]) -> bool {
    let replacement = "\u{fffd}".as_bytes();
    !text.is_ascii() && text.windows(replacement.len()).any(|at| at == replacement)
}

fn units_of(room: &str) -> Vec<u16> {
    let mut units = Vec::new();
    for point in room_name::decode(room) {
        match char::from_u32(point) {
            Some(character) => units.extend_from_slice(character.encode_utf16(&mut [0; 2])),
            None => units.push(point as u16),
        }
    }
    units
}

fn write_literal(units: &[u16], out: &mut Vec<u8>) {
    out.push(b'"');
    for unit in units {
        match u8::try_from(*unit) {
            Ok(byte @ (b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')) => out.push(byte),
            // Writing to memory does not fail.
            _ => drop(write!(out, "\\u{unit:04x}")),
        }
    }
    out.push(b'"');
}
