//! Placeholders in arguments: finding, checking and renumbering them in the text agrees with a walk through a tree.

use std::collections::BTreeSet;

use bellwire_core::json::{check_placeholders, placeholders, renumber};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::tree::{Inside, inside, read};
use super::{Target, same};

pub const TARGET: Target = Target {
    name: "placeholders",
    run,
    seeds: &[
        br#"[{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]"#,
        br#"[{"num":2,"_placeholder":true},{"_placeholder":true,"num":99},{"_placeholder":true}]"#,
        br#"{"_placeholder":true,"num":0,"in":[{"_placeholder":true,"num":1}]}"#,
        br#"{"in":{"_placeholder":true,"num":1},"_placeholder":true,"num":7}"#,
        br#"[{"\u005fplaceholder":true,"num":1e0},{"_placeholder":false,"num":0},"_placeholder"]"#,
        br#"[{"_placeholder":true,"num":-0.0},{"_placeholder":true,"num":-1},{"_placeholder":true,"num":0.5}]"#,
        br#"[{"_placeholder":true,"num":"0"},{"_placeholder":true,"num":1e999},{"_placeholder":true,"num":[0]}]"#,
        br#"{"_placeholder":true,"_placeholder":false,"num":0,"num":1}"#,
    ],
    words: &[
        r#"{"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":true,"num":"#,
        r#""_placeholder":true"#,
        r#""_placeholder":"#,
        r#""\u005fplaceholder":"#,
        r#""num":"#,
        "true", "false", "null", "[", "]", "{", "}", ",", ":", "\"", "\\", "0", "1", "3", "-", ".5",
        "e0", "1e1", "99", " ", "\"a\":",
    ],
};

/// Number of attachments.
const ATTACHMENTS: usize = 3;

fn run(data: &[u8]) {
    let _ = (placeholders(data), check_placeholders(data, ATTACHMENTS));
    let Some(value) = read(data) else {
        return;
    };
    let mut expected = Vec::new();
    if find(value, &mut expected).is_none() {
        return;
    }
    let found = placeholders(data);
    let numbers: Vec<_> = found.iter().map(|one| one.num).collect();
    same(&numbers, &expected, data);
    for one in &found {
        assert!(data[one.range.clone()].starts_with(b"{") && data[one.mark..].starts_with(b"true"));
        assert!(data[one.range.clone()].ends_with(b"}") && one.range.contains(&one.mark));
    }
    let fit: Option<BTreeSet<_>> = expected
        .iter()
        .map(|num| num.filter(|num| *num < ATTACHMENTS))
        .collect();
    let checked = check_placeholders(data, ATTACHMENTS).ok();
    same(&checked, &fit.map(|all| all.len()), data);
    renumbered(data);
}

/// The numbers of all placeholders in the order in which their objects end; `None` if the tree does not preserve them.
fn find(value: &RawValue, found: &mut Vec<Option<usize>>) -> Option<()> {
    match inside(value)? {
        Inside::Items(items) => items.into_iter().try_for_each(|item| find(item, found)),
        Inside::Members(members) => {
            members
                .iter()
                .try_for_each(|(_, value)| find(value, found))?;
            let member = |name| members.iter().find(|(known, _)| known == name);
            if member("_placeholder").is_some_and(|(_, mark)| mark.get() == "true") {
                found.push(member("num").and_then(|(_, num)| integer(num.get())));
            }
            Some(())
        }
        Inside::Nothing => Some(()),
    }
}

fn integer(text: &str) -> Option<usize> {
    let first = text.bytes().next()?;
    let number: f64 = (first == b'-' || first.is_ascii_digit()).then(|| text.parse().ok())??;
    (number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number))
        .then_some(number as usize)
}

/// The rewritten text parses into the tree in which each placeholder is replaced.
fn renumbered(data: &[u8]) {
    let mut out = b"before".to_vec();
    let new = |num| (num < ATTACHMENTS).then_some(num + 10);
    let lookalikes = renumber(data, &mut out, new);
    for (mark, num) in lookalikes {
        assert!(num >= ATTACHMENTS);
        assert!(out[mark..].starts_with(b"true"));
        // Removing the `_placeholder` mark changes nothing else.
        out[mark..mark + 4].copy_from_slice(b"null");
    }
    let out = &out["before".len()..];
    let Ok(tree) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let written = serde_json::from_slice::<Value>(out).expect("it is JSON");
    let expected = replaced(&tree);
    same(&written, &expected, data);
}

fn replaced(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(replaced).collect(),
        Value::Object(members) => {
            let is_marked = members.get("_placeholder") == Some(&Value::Bool(true));
            let num = members.get("num").and_then(Value::as_f64);
            let num = num.filter(|num| is_marked && num.fract() == 0.0 && *num >= 0.0);
            if let Some(num) = num.filter(|num| *num < ATTACHMENTS as f64) {
                return json!({"_placeholder": true, "num": num as usize + 10});
            }
            let mark = |name: &str| name == "_placeholder" && num.is_some_and(|num| num < MOST);
            members
                .iter()
                .map(|(name, value)| match mark(name) {
                    true => (name.clone(), Value::Null),
                    false => (name.clone(), replaced(value)),
                })
                .collect()
        }
        other => other.clone(),
    }
}

/// 2^53: larger integers are not exact as doubles, so they name no attachment.
const MOST: f64 = 9_007_199_254_740_992.0;
