//! Values inside a text, and conversion of values from and to text.

use std::borrow::Cow;

use bytes::Bytes;

use crate::json::error::JsonErrorKind as E;
use crate::json::tests::{DEPTH, failure};
use crate::json::{
    Kind, NotFinite, PointerError, RawJson, array_items, decode_string, decode_string_lossy,
    members, object_members, pointer, write_f64, write_string,
};

/// The document of RFC 6901, section 5.
const RFC_6901: &str = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3,
    "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}"#;

#[test]
fn pointers_of_the_rfc() {
    let table = [
        ("", RFC_6901),
        ("/foo", r#"["bar", "baz"]"#),
        ("/foo/0", r#""bar""#),
        ("/", "0"),
        ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"),
        ("/g|h", "4"),
        ("/i\\j", "5"),
        ("/k\"l", "6"),
        ("/ ", "7"),
        ("/m~0n", "8"),
    ];
    for (path, expected) in table {
        let range = pointer(RFC_6901.as_bytes(), path).unwrap();
        assert_eq!(&RFC_6901[range], expected, "{path}");
    }
}

#[test]
fn pointers_beyond_the_rfc() {
    use PointerError::{Malformed, NotFound};
    let text = r#" {"a":[10,[20,21],{"b":30}],"d":{"x":1},"d":{"y":2},"~1":"t","e":{"f":1},"e":5, "0":"zero"} "#;
    let table = [
        ("/a/0", Ok("10")),
        ("/a/1/1", Ok("21")),
        ("/a/2/b", Ok("30")),
        ("/d", Ok(r#"{"y":2}"#)),
        ("/d/y", Ok("2")),
        ("/d/x", Err(NotFound)),
        ("/e/f", Err(NotFound)),
        ("/~01", Ok("\"t\"")),
        ("/0", Ok("\"zero\"")),
        ("/a/3", Err(NotFound)),
        ("/a/-", Err(NotFound)),
        ("/a/00", Err(NotFound)),
        ("/a/01", Err(NotFound)),
        ("/a/+1", Err(NotFound)),
        ("/a/", Err(NotFound)),
        ("/a/99999999999999999999999", Err(NotFound)),
        ("/a/0/0", Err(NotFound)),
        ("/A", Err(NotFound)),
        ("/", Err(NotFound)),
        ("a", Err(Malformed)),
        ("a/0", Err(Malformed)),
        ("/~", Err(Malformed)),
        ("/~2", Err(Malformed)),
        ("/a~", Err(Malformed)),
        ("/zz/~x", Err(Malformed)),
    ];
    for (path, expected) in table {
        let found = pointer(text.as_bytes(), path).map(|range| &text[range]);
        assert_eq!(found, expected, "{path}");
    }
    assert_eq!(pointer(b" 1 ", ""), Ok(1..2));
    let text = br#"{"\\\"":1,"\"":2}"#;
    assert_eq!(pointer(text, "/\\\""), Ok(8..9));
    assert_eq!(pointer(text, "/\""), Ok(15..16));
}

#[test]
fn elements_and_members_are_walked() {
    let text = br#" [1, "a,]" ,[2,3],{"k":[4]} ] "#;
    let items: Vec<&[u8]> = array_items(text).map(|range| &text[range]).collect();
    let expected: [&[u8]; 4] = [b"1", b"\"a,]\"", b"[2,3]", b"{\"k\":[4]}"];
    assert_eq!(items, expected);
    let text = br#"{"a" : 1,"b":{"c":2 }, "a":[] }"#;
    let found: Vec<(&[u8], &[u8])> = object_members(text)
        .map(|(name, value)| (&text[name], &text[value]))
        .collect();
    let expected: [(&[u8], &[u8]); 3] = [
        (b"\"a\"", b"1"),
        (b"\"b\"", b"{\"c\":2 }"),
        (b"\"a\"", b"[]"),
    ];
    assert_eq!(found, expected);
    for (text, count) in [
        ("[]", 0),
        ("[[1,2]]", 1),
        ("{}", 0),
        ("{\"a\":1,\"b\":2}", 2),
        ("\"ab\"", 0),
    ] {
        assert_eq!(members(text.as_bytes()), count, "{text}");
    }
    assert_eq!(array_items(b"{\"a\":1}").count(), 0);
    assert_eq!(object_members(b"[1,2]").count(), 0);
}

#[test]
fn strings_are_decoded() {
    let table = [
        (r#""""#, ""),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0000\u00E9x\u20ac""#, "\0\u{e9}x\u{20ac}"),
        (r#""a\uD83D\uDE00b""#, "a\u{1f600}b"),
        (r#""\uDBFF\uDFFF""#, "\u{10ffff}"),
    ];
    for (literal, expected) in table {
        assert_eq!(decode_string(literal.as_bytes()).unwrap(), expected);
    }
    let plain = decode_string("\"gr\u{fc}n\"".as_bytes()).unwrap();
    assert!(matches!(plain, Cow::Borrowed("gr\u{fc}n")));
    let table: &[(&[u8], E, usize)] = &[
        (br#""\ud800""#, E::LoneSurrogate, 1),
        (br#""a\udc00""#, E::LoneSurrogate, 2),
        (br#""\ud800\ud800""#, E::LoneSurrogate, 1),
        (br#""\ud800\n0000""#, E::LoneSurrogate, 1),
        (br#""\ud800xu0000""#, E::LoneSurrogate, 1),
        (b"", E::Syntax, 0),
        (b"\"", E::Syntax, 1),
        (b"abc", E::Syntax, 0),
        (b"\"a\"b\"", E::Syntax, 3),
        (b"\"a\" ", E::Syntax, 3),
        (b"\"\\u12\"", E::Syntax, 5),
        (b"\"\xff\"", E::Utf8, 1),
    ];
    for &(literal, kind, offset) in table {
        assert_eq!(failure(decode_string(literal)), (kind, offset));
    }
}

#[test]
fn half_a_surrogate_pair_can_be_replaced() {
    let table: &[(&str, &str, Option<usize>)] = &[
        (r#""a""#, "a", None),
        (r#""\\ud800""#, "\\ud800", None),
        (r#""a\ud83d\ude00""#, "a\u{1f600}", None),
        (r#""a\ud83d""#, "a\u{fffd}", Some(2)),
        (r#""\ud83dx\ude00y""#, "\u{fffd}x\u{fffd}y", Some(1)),
        (r#""\ud800\ud83d\ude00""#, "\u{fffd}\u{1f600}", Some(1)),
        (r#""\ud800\n0000""#, "\u{fffd}\n0000", Some(1)),
    ];
    for &(literal, text, lone) in table {
        let decoded = decode_string_lossy(literal.as_bytes()).unwrap();
        assert_eq!((&*decoded.text, decoded.lone), (text, lone), "{literal}");
    }
}

#[test]
fn strings_are_written() {
    let table = [
        ("", r#""""#),
        ("a/b\u{7f}\u{2028}\u{e9}", "\"a/b\u{7f}\u{2028}\u{e9}\""),
        ("\"\\\n\t\r\u{8}\u{c}", r#""\"\\\n\t\r\b\f""#),
        ("\0\u{1f}\u{b}", r#""\u0000\u001f\u000b""#),
    ];
    for (text, expected) in table {
        let mut out = b"1,".to_vec();
        write_string(&mut out, text);
        assert_eq!(&out[..2], b"1,");
        assert_eq!(&out[2..], expected.as_bytes());
    }
}

#[test]
fn numbers_are_written_as_json_stringify_does() {
    let table = [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-17.0, "-17"),
        (0.1, "0.1"),
        (103.25, "103.25"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (9_007_199_254_740_992.0, "9007199254740992"),
        (1e20, "100000000000000000000"),
        (999_999_999_999_999_900_000.0, "999999999999999900000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (0.000001, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
    ];
    for (number, expected) in table {
        let mut out = b"e,".to_vec();
        write_f64(&mut out, number).unwrap();
        assert_eq!(std::str::from_utf8(&out[2..]).unwrap(), expected);
    }
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut out = Vec::new();
        assert_eq!(write_f64(&mut out, number), Err(NotFinite));
        assert!(out.is_empty());
    }
}

#[test]
fn raw_json_holds_the_value_alone() {
    let raw = RawJson::parse(Bytes::from_static(b" {\"a\":[1,\"x\"]}\n"), DEPTH).unwrap();
    assert_eq!(raw.as_str(), r#"{"a":[1,"x"]}"#);
    assert_eq!((raw.kind(), raw.members()), (Kind::Object, 1));
    assert_eq!(raw.get("/a/1").unwrap().as_bytes(), b"\"x\"");
    assert_eq!(raw.get("/b"), Err(PointerError::NotFound));
    assert_eq!(format!("{raw} {raw:?}"), r#"{"a":[1,"x"]} {"a":[1,"x"]}"#);
    assert_eq!(raw.clone().into_bytes(), raw.bytes());
    assert_eq!("[ ]".parse::<RawJson>().unwrap().as_ref(), b"[ ]");
    assert_eq!(RawJson::null().kind(), Kind::Null);
    assert_eq!(RawJson::empty_array().kind(), Kind::Array);
    assert_eq!(RawJson::empty_object().kind(), Kind::Object);
    assert_eq!(failure(RawJson::parse("[1", DEPTH)), (E::Syntax, 2));
    assert_eq!(
        failure(RawJson::parse_array("{}", DEPTH)),
        (E::NotAnArray, 0)
    );
    assert_eq!(
        failure(RawJson::parse_object("[]", DEPTH)),
        (E::NotAnObject, 0)
    );
    assert!(RawJson::parse_array("[]", DEPTH).is_ok());
    assert!(RawJson::parse_object("{}", DEPTH).is_ok());
}
