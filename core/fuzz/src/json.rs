//! JSON: our validation, splitting and look-up agree with the tree that `serde_json` builds.

use bellwire_core::json::{
    Kind, RawJson, array_items, check, check_placeholders, decode_string, kind_of, members,
    object_members, pointer, split_args, split_event, write_string,
};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "json",
    run,
    seeds: &[
        br#"["name",1,-0.5e+10,{"_placeholder":true,"num":0},[[],{}],null,true,false]"#,
        br#" [ "\u20ac\ud83d\ude00\n\\" , { "a" : { "~/" : [ 0 , "x" ] } } ] "#,
        br#"[12,"a",{"a":1,"a":2,"\u0061":[3]}]"#,
        b"[\"\xe2\x82\xac\xf0\x9f\x98\x80\",\"\x7f\"]",
        br#"{"a":[[[[[[[[[1]]]]]]]]],"_placeholder":"x"}"#,
        br#"["\ud800","\udc00\ud800",1e999,-0,0.0,10E-2,123456789012345678901234567890]"#,
        br#"["a"]"#,
        br#""text""#,
    ],
    words: &[
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "\\ud83d",
        "\\ude00",
        "\\u0061",
        "null",
        "true",
        "false",
        "0",
        "-",
        ".",
        "e",
        "E+",
        "1",
        "_placeholder",
        "num",
        " ",
        "\n",
        "\u{1f}",
        "[[[[",
        "]]]]",
        "€",
        "\u{0}",
    ],
};

const POINTERS: [&str; 10] = [
    "",
    "/0",
    "/1",
    "/a",
    "/1/a/0",
    "/1/a/~0~1/1",
    "/_placeholder",
    "/2/a",
    "/-",
    "/00",
];
const DEPTH: usize = 7;

fn run(data: &[u8]) {
    let read: Option<&RawValue> = serde_json::from_slice(data).ok();
    let read = read.filter(|_| std::str::from_utf8(data).is_ok());
    same(&check(data, usize::MAX).is_ok(), &read.is_some(), data);
    spaced(data);
    let _ = decode_string(data);
    // These functions do not panic for a text that is not valid.
    let _ = (kind_of(data), members(data), check_placeholders(data, 1));
    let _ = (array_items(data).count(), object_members(data).count());
    let _ = POINTERS.map(|path| pointer(data, path).is_ok());
    let Some(read) = read else {
        assert!(RawJson::parse(data.to_vec(), usize::MAX).is_err());
        if std::str::from_utf8(data).is_ok() {
            assert!(split_event(data, DEPTH).is_err() && split_args(data, DEPTH).is_err());
        }
        return;
    };

    let depth = depth(data);
    same(&check(data, DEPTH).is_ok(), &(depth <= DEPTH), data);
    let kind = kind_of(data);
    same(&check(data, usize::MAX), &Ok(kind), data);
    let items: Option<Vec<&RawValue>> = serde_json::from_str(read.get()).ok();
    same(&(kind == Kind::Array), &items.is_some(), data);
    let args = split_args(data, DEPTH);
    let count = items.as_ref().filter(|_| depth <= DEPTH).map(Vec::len);
    same(&args.ok(), &count, data);
    event(data, items.as_deref().filter(|_| depth <= DEPTH));

    if let Some(items) = items {
        let found: Vec<_> = array_items(data).map(|range| &data[range]).collect();
        let expected: Vec<_> = items.iter().map(|item| item.get().as_bytes()).collect();
        same(&found, &expected, data);
    }
    if kind == Kind::String {
        let expected: Option<String> = serde_json::from_str(read.get()).ok();
        let found = decode_string(data.trim_ascii()).ok();
        same(&found.as_deref(), &expected.as_deref(), data);
        if let Some(text) = expected {
            let mut written = Vec::new();
            write_string(&mut written, &text);
            assert_eq!(decode_string(&written).as_deref(), Ok(&*text));
        }
    }
    // `serde_json` rejects lone surrogates and numbers that do not fit a double.
    if let Ok(tree) = serde_json::from_slice::<Value>(data) {
        for path in POINTERS {
            let found = pointer(data, path).ok().map(|range| &data[range]);
            let found = found.map(|found| serde_json::from_slice::<Value>(found).expect("a value"));
            same(&found.as_ref(), &tree.pointer(path), data);
        }
    }
}

/// Whitespace has no meaning, also if the text is long enough to take the path for large texts.
fn spaced(data: &[u8]) {
    let Some((open @ (b'[' | b'{'), rest)) = data.split_first() else {
        return;
    };
    let spaces = [b' '; 256];
    let before = &spaces[..data.len() % 64];
    let text = [&[*open], before, rest, &spaces].concat();
    let kind = |text| check(text, DEPTH).map_err(|error| error.kind);
    same(&kind(&text), &kind(data), data);
    let event = |text| split_event(text, DEPTH).map(|parts| (parts.args, parts.placeholders));
    same(&event(&text).ok(), &event(data).ok(), data);
}

fn event(data: &[u8], items: Option<&[&RawValue]>) {
    let first = items.and_then(<[_]>::first).map(|item| item.get());
    let is_event = first.is_some_and(|first| {
        first.starts_with(['"', '-']) || first.starts_with(|c: char| c.is_ascii_digit())
    });
    let parts = split_event(data, DEPTH);
    same(&parts.is_ok(), &is_event, data);
    let (Ok(parts), Some(items), Some(first)) = (parts, items, first) else {
        return;
    };
    assert_eq!(parts.args, items.len() - 1);
    assert_eq!(parts.name_is_number, !first.starts_with('"'));
    let name = serde_json::from_str::<String>(first).ok();
    if !parts.name_is_number {
        let found = parts.name(data).expect("the text is UTF-8");
        let exact = found.lone.is_none().then_some(&*found.text);
        same(&exact, &name.as_deref(), data);
    }
    let mut args = b"[0".to_vec();
    args.extend_from_slice(&data[parts.args_start..parts.end]);
    let args: Vec<&RawValue> = serde_json::from_slice(&args).expect("the arguments are an array");
    for (ours, theirs) in args[1..].iter().zip(&items[1..]) {
        same(&ours.get(), &theirs.get(), data);
    }
    let marked = items[1..].iter().any(|item| has_placeholder(item));
    same(&parts.placeholders, &marked, data);
}

/// Whether any object has a member with this name.
fn has_placeholder(value: &RawValue) -> bool {
    let text = value.get().as_bytes();
    let name = |range| decode_string(&text[range]).is_ok_and(|name| name == "_placeholder");
    let inside = |range: std::ops::Range<usize>| {
        serde_json::from_slice(&text[range]).is_ok_and(has_placeholder)
    };
    match kind_of(text) {
        Kind::Object => object_members(text).any(|(key, value)| name(key) || inside(value)),
        Kind::Array => array_items(text).any(inside),
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => false,
    }
}

/// The largest number of arrays and objects of a valid text that are open at once.
fn depth(text: &[u8]) -> usize {
    let (mut deepest, mut open, mut in_string) = (0, 0_usize, false);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => _ = bytes.next(),
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => open += 1,
            b']' | b'}' if !in_string => open -= 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}
