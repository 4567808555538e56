//! Cursors: stepping through an array or object visits the values that `serde_json` finds, in the same order.

use bellwire_core::json::{decode_string, next_item, next_member};
use serde_json::value::RawValue;

use super::tree::{Inside, inside, read};
use super::{Target, same};

pub const TARGET: Target = Target {
    name: "cursors",
    run,
    seeds: &[
        br#"[1 , "a\u0062",{"k":[2,[3]]} ,null,[], {} ]"#,
        br#" { "x" : 1,"\u0079":[ ],"":{"a":true,"b":"}]"},"z" : -1.5e3 } "#,
        br#"[[[[1],2],3],[{"a":[{"b":"\\\""}]}]]"#,
        br#"{"a":1,"a":[2,{"c":3}]}"#,
        b"[ 0,\n\t1 ]",
    ],
    words: &[
        "[", "]", "{", "}", ",", ":", "\"", "\\", "\\\"", "\\u0061", "null", "true", "0", "-1.5",
        " ", "\n", "\"a\":", "[]", "{}",
    ],
};

fn run(data: &[u8]) {
    // A cursor on any part of a text stays inside that part and ends.
    for start in 0..data.len().min(64) {
        let mut rest = &data[start..];
        while let Some(found) = next_item(rest) {
            rest = &rest[found.end..];
        }
        let mut rest = &data[start..];
        while let Some((name, found)) = next_member(rest) {
            assert!(name.end <= found.start || found.is_empty());
            rest = &rest[found.end..];
        }
    }
    if let Some(value) = read(data) {
        walk(value, 0);
    }
}

fn walk(value: &RawValue, depth: usize) {
    let text = value.get().as_bytes();
    let rest = text.get(1..).unwrap_or_default();
    let found = match inside(value) {
        Some(Inside::Items(items)) => {
            check(&items, rest, |rest| {
                next_item(rest).map(|value| (None, value))
            });
            items
        }
        Some(Inside::Members(members)) => {
            let (names, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
            let mut names = names.into_iter();
            check(&values, rest, |rest| {
                let (name, value) = next_member(rest)?;
                let ours = decode_string(&rest[name]).map(std::borrow::Cow::into_owned);
                Some((Some((ours.ok(), names.next())), value))
            });
            values
        }
        Some(Inside::Nothing) | None => return,
    };
    if depth < 100 {
        found.iter().for_each(|value| walk(value, depth + 1));
    }
}

type Names = Option<(Option<String>, Option<String>)>;

/// Each step returns the next value, until the last one.
fn check(
    values: &[&RawValue],
    mut rest: &[u8],
    mut step: impl FnMut(&[u8]) -> Option<(Names, std::ops::Range<usize>)>,
) {
    for value in values {
        let (names, found) = step(rest).expect("there is one more value");
        if let Some((ours, theirs)) = names {
            same(&ours, &theirs, rest);
        }
        same(&&rest[found.clone()], &value.get().as_bytes(), rest);
        // A step does not read the preceding text again.
        rest = &rest[found.end..];
    }
    same(&step(rest).is_none(), &true, rest);
}
