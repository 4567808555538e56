//! Random texts: agreement with `serde_json`, round trips, and no panic for any bytes.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use crate::json::{
    Kind, array_items, check, check_placeholders, check_utf8_known, decode_string, kind_of,
    members, object_members, pointer, split_args, split_event, write_f64, write_string,
};

/// The result of `serde_json` for a text. A raw value is skipped without decoding, so that lone surrogates are accepted
/// as here; these texts do not reach its depth limit.
fn serde_accepts(text: &[u8]) -> bool {
    let ignored = serde_json::from_slice::<&serde_json::value::RawValue>(text);
    ignored.is_ok() && std::str::from_utf8(text).is_ok()
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a".to_owned()),
        Just("num".to_owned()),
        Just("_placeholder".to_owned()),
        "[a-c0-2~/\"\\\\\u{e9}\u{1f600}\n]{0,3}",
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..5).prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        name().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((name(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The text of a document, compact or with whitespace, with characters beyond ASCII escaped or not.
fn text_of(document: &Value, style: u8) -> String {
    let text = if style & 1 == 0 {
        document.to_string()
    } else {
        serde_json::to_string_pretty(document).unwrap()
    };
    if style & 2 == 0 {
        return text;
    }
    let mut escaped = String::new();
    for character in text.chars() {
        // None of these is outside a string or part of an escape.
        if character == '_' || !character.is_ascii() {
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04X}"));
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Bytes that often have a meaning in a JSON text.
fn telling_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => proptest::sample::select(&b"[]{}\",:\\/ \n\t\r-+.0123456789eEtrufalsn_x\0\x1f\x7f"[..]),
        1 => any::<u8>(),
    ]
}

#[derive(Debug, Clone)]
enum Mutation {
    Replace(u8),
    Insert(u8),
    Remove,
    Truncate,
    Repeat,
}

fn mutation() -> impl Strategy<Value = (proptest::sample::Index, Mutation)> {
    let mutation = prop_oneof![
        telling_byte().prop_map(Mutation::Replace),
        telling_byte().prop_map(Mutation::Insert),
        Just(Mutation::Remove),
        Just(Mutation::Truncate),
        Just(Mutation::Repeat),
    ];
    (any::<proptest::sample::Index>(), mutation)
}

fn mutate(text: &mut Vec<u8>, mutations: &[(proptest::sample::Index, Mutation)]) {
    for (place, mutation) in mutations {
        if text.is_empty() {
            return;
        }
        let at = place.index(text.len());
        match *mutation {
            Mutation::Replace(byte) => text[at] = byte,
            Mutation::Insert(byte) => text.insert(at, byte),
            Mutation::Remove => _ = text.remove(at),
            Mutation::Truncate => text.truncate(at),
            Mutation::Repeat => text.insert(at, text[at]),
        }
    }
}

/// Calls all functions with an arbitrary text.
fn call_everything(text: &[u8]) {
    let _ = check(text, 8);
    let _ = check_utf8_known(text, usize::MAX);
    if let Ok(parts) = split_event(text, 8) {
        let _ = parts.name(text);
        assert!(parts.args_start < parts.end && parts.end <= text.len());
    }
    let _ = split_args(text, 8);
    let _ = check_placeholders(text, 2);
    let _ = decode_string(text);
    let _ = (kind_of(text), members(text));
    for range in array_items(text) {
        let _ = &text[range];
    }
    for (name, value) in object_members(text) {
        let _ = (&text[name], &text[value]);
    }
    for path in ["", "/0", "/a", "/1/a/0", "/_placeholder/num", "~"] {
        if let Ok(range) = pointer(text, path) {
            let _ = &text[range];
        }
    }
}

/// The placeholders of a tree; `None` if one is invalid.
fn placeholders(value: &Value, attachments: usize, nums: &mut BTreeSet<u64>) -> Option<()> {
    match value {
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| placeholders(item, attachments, nums)),
        Value::Object(members) => {
            if members.get("_placeholder") == Some(&Value::Bool(true)) {
                let num = members.get("num")?.as_f64()?;
                if num.fract() != 0.0 || num < 0.0 || num >= attachments as f64 {
                    return None;
                }
                nums.insert(num as u64);
            }
            members
                .values()
                .try_for_each(|member| placeholders(member, attachments, nums))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(()),
    }
}

/// The pointers of all values in a tree.
fn pointers(value: &Value, path: &str, out: &mut Vec<String>) {
    out.push(path.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{path}/{index}"), out);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(member, &format!("{path}/{name}"), out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn parse(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn check_agrees_on_mutated_documents(
        document in document(),
        style in 0_u8..4,
        mutations in vec(mutation(), 0..4),
    ) {
        let mut text = text_of(&document, style).into_bytes();
        mutate(&mut text, &mutations);
        let checked = check(&text, 64);
        prop_assert_eq!(checked.is_ok(), serde_accepts(&text), "{:?}", checked);
        if let Err(error) = checked {
            prop_assert!(error.offset <= text.len());
        }
        call_everything(&text);
    }

    #[test]
    fn check_agrees_on_short_texts(text in vec(telling_byte(), 0..12)) {
        prop_assert_eq!(check(&text, 64).is_ok(), serde_accepts(&text));
        call_everything(&text);
    }

    #[test]
    fn nothing_panics(text in vec(any::<u8>(), 0..200)) {
        call_everything(&text);
    }

    #[test]
    fn splitting_agrees_with_checking(
        document in document(),
        style in 0_u8..4,
        mutations in vec(mutation(), 0..2),
    ) {
        let mut text = text_of(&Value::from(vec![document.clone(), document]), style).into_bytes();
        mutate(&mut text, &mutations);
        if std::str::from_utf8(&text).is_err() {
            return Ok(());
        }
        let checked = check(&text, 7);
        let is_array = checked == Ok(Kind::Array);
        let args = split_args(&text, 7);
        prop_assert_eq!(args.is_ok(), is_array);
        if is_array {
            prop_assert_eq!(args, Ok(members(&text)));
        }
        let first = array_items(&text).next().map(|range| kind_of(&text[range]));
        let is_event = is_array && matches!(first, Some(Kind::String | Kind::Number));
        let event = split_event(&text, 7);
        prop_assert_eq!(event.is_ok(), is_event);
        if let Ok(parts) = event {
            prop_assert_eq!(parts.args + 1, members(&text));
            let mut spliced = b"[0".to_vec();
            spliced.extend_from_slice(&text[parts.args_start..parts.end]);
            prop_assert_eq!(split_args(&spliced, 7), args);
        }
    }

    #[test]
    fn elements_members_and_pointers_agree(document in document(), style in 0_u8..4) {
        let text = text_of(&document, style).into_bytes();
        prop_assert_eq!(check(&text, 64), Ok(kind_of(&text)));
        match &document {
            Value::Array(items) => {
                let found: Vec<Value> = array_items(&text).map(|range| parse(&text[range])).collect();
                prop_assert_eq!(&found, items);
            }
            Value::Object(expected) => {
                let found = object_members(&text).map(|(name, value)| {
                    (decode_string(&text[name]).unwrap().into_owned(), parse(&text[value]))
                });
                prop_assert_eq!(&found.collect::<serde_json::Map<_, _>>(), expected);
                prop_assert_eq!(members(&text), expected.len());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                prop_assert_eq!(members(&text), 0);
            }
        }
        let mut paths = Vec::new();
        pointers(&document, "", &mut paths);
        for path in paths {
            for path in [format!("{path}/0"), format!("{path}/a"), path] {
                let found = pointer(&text, &path).ok().map(|range| parse(&text[range]));
                prop_assert_eq!(found.as_ref(), document.pointer(&path), "{}", path);
            }
        }
    }

    #[test]
    fn placeholders_agree(document in document(), attachments in 0_usize..4, style in 0_u8..4) {
        let text = text_of(&document, style).into_bytes();
        let mut nums = BTreeSet::new();
        let expected = placeholders(&document, attachments, &mut nums).map(|()| nums.len());
        prop_assert_eq!(check_placeholders(&text, attachments).ok(), expected);
    }

    #[test]
    fn decoding_agrees(inside in vec(prop_oneof![
        Just("\\ud83d".to_owned()), Just("\\uDE00".to_owned()), Just("\\".to_owned()), Just("\\n".to_owned()),
        Just("\"".to_owned()), Just("\\u00".to_owned()), "[0-9a-fnu\u{e9}]{1,9}", any::<String>(),
    ], 0..6)) {
        let literal = format!("\"{}\"", inside.concat());
        let expected: Option<String> = serde_json::from_str(&literal).ok();
        let found = decode_string(literal.as_bytes()).ok();
        prop_assert_eq!(found.as_deref(), expected.as_deref());
    }

    #[test]
    fn strings_survive(text in any::<String>(), control in "[\u{0}-\u{22}\\\\\u{7f}x]{0,80}") {
        for text in [text, control] {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(std::str::from_utf8(&out).unwrap(), &expected);
            prop_assert_eq!(decode_string(&out).unwrap(), text);
        }
    }

    #[test]
    fn numbers_survive(bits in any::<u64>(), whole in any::<i64>(), small in -1e6..1e6) {
        for number in [f64::from_bits(bits), whole as f64, small, small.round()] {
            let mut out = Vec::new();
            if write_f64(&mut out, number).is_ok() {
                prop_assert_eq!(check(&out, 0), Ok(Kind::Number));
                let read: f64 = std::str::from_utf8(&out).unwrap().parse().unwrap();
                prop_assert_eq!(read.to_bits(), number.to_bits());
            } else {
                prop_assert!(!number.is_finite());
            }
        }
    }
}
