//! Strings with unpaired surrogates. JavaScript strings are UTF-16 and may contain them; JSON can express them as escapes,
//! UTF-8 cannot encode them.

use std::io::Write as _;
use std::ops::Range;

use bellwire_core::error::Error;
use bellwire_core::socketio::room_name;
use napi::sys::napi_value;

use crate::call::Call;
use crate::error::misuse;

impl Call<'_> {
    /// Appends argument `at` to `out` as a JSON literal if the string has unpaired surrogates. `text` is the range of `out`
    /// that holds the string as UTF-8.
    pub(crate) fn literal(
        &self,
        at: usize,
        text: Range<usize>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Range<usize>>, Error> {
        if !may_have_surrogates(&out[text]) {
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

    /// Argument `at` as the engine's name for a room, which is UTF-8 for any JavaScript string.
    pub(crate) fn room(&self, at: usize) -> Result<String, Error> {
        self.read_room(self.argument(at))
    }

    /// Argument `at`, an array of rooms, as the engine's names for them. `undefined` counts as an empty array.
    pub(crate) fn rooms(&self, at: usize) -> Result<Vec<String>, Error> {
        self.elements(at)?
            .into_iter()
            .map(|value| self.read_room(value))
            .collect()
    }

    fn read_room(&self, value: napi_value) -> Result<String, Error> {
        let mut text = Vec::new();
        self.read_text(value, &mut text)?;
        let surrogates = may_have_surrogates(&text);
        let text = String::from_utf8(text).map_err(|_| misuse("the argument must be a string"))?;
        if !surrogates && room_name::is_plain(&text) {
            return Ok(text);
        }
        let units = self.units(value)?;
        let points = char::decode_utf16(units).map(|point| match point {
            Ok(character) => u32::from(character),
            Err(error) => u32::from(error.unpaired_surrogate()),
        });
        Ok(room_name::encode(points))
    }

    /// The JavaScript string for the engine's name of a room.
    pub(crate) fn new_room(&self, name: &str) -> napi_value {
        if room_name::is_plain(name) {
            return self.new_text(name.as_bytes());
        }
        self.new_units(&units_of(name))
    }
}

/// The JSON literal for the engine's name of a room; `None` if the name is the room's own text.
pub(crate) fn room_literal(name: &str) -> Option<Vec<u8>> {
    if room_name::is_plain(name) {
        return None;
    }
    let mut literal = Vec::new();
    write_literal(&units_of(name), &mut literal);
    Some(literal)
}

/// Whether a string may have had unpaired surrogates: Node-API converts each of them to U+FFFD.
fn may_have_surrogates(text: &[u8]) -> bool {
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
            // Writing to a vector does not fail.
            _ => drop(write!(out, "\\u{unit:04x}")),
        }
    }
    out.push(b'"');
}
