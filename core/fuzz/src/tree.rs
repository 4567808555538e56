//! The JSON tree of `serde_json`, with members in the order of the text and each value as raw text.

use std::collections::BTreeMap;

use bellwire_core::json::members;
use serde_json::value::RawValue;

/// The children of a value.
pub enum Inside<'a> {
    Items(Vec<&'a RawValue>),
    Members(Vec<(String, &'a RawValue)>),
    Nothing,
}

/// The children of a value; `None` if a name has a lone surrogate or occurs twice.
pub fn inside(value: &RawValue) -> Option<Inside<'_>> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'[') => serde_json::from_str(text).map(Inside::Items).ok(),
        Some(b'{') => {
            let found: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            if found.len() != members(text.as_bytes()) {
                return None;
            }
            let mut found: Vec<_> = found.into_iter().collect();
            found.sort_by_key(|(_, value)| value.get().as_ptr());
            Some(Inside::Members(found))
        }
        _ => Some(Inside::Nothing),
    }
}

/// The text as one value.
pub fn read(text: &[u8]) -> Option<&RawValue> {
    serde_json::from_str(std::str::from_utf8(text).ok()?).ok()
}
