//! Valid and invalid texts, with the place of the error.

use crate::json::error::JsonErrorKind as E;
use crate::json::tests::{DEPTH, failure};
use crate::json::{
    Kind, check, check_placeholders, check_utf8_known, kind_of, members, pointer, split_event,
};

#[test]
fn valid_texts_have_their_kind() {
    let table: &[(&str, Kind)] = &[
        ("null", Kind::Null),
        (" true\n", Kind::Bool),
        ("false", Kind::Bool),
        ("0", Kind::Number),
        ("-0", Kind::Number),
        ("-0.0e-0", Kind::Number),
        ("10.25E+3", Kind::Number),
        ("1e999999999999", Kind::Number),
        ("123456789012345678901234567890", Kind::Number),
        (r#""""#, Kind::String),
        (r#""\"\\\/\b\f\n\r\t\u00e9\uD83d\ude00""#, Kind::String),
        (r#""\ud800""#, Kind::String),
        ("\"\u{7f}\u{80}\u{2028}\u{10ffff}\"", Kind::String),
        ("[]", Kind::Array),
        ("\t[\r\n] ", Kind::Array),
        (r#"[1,"a",[],{},null , true]"#, Kind::Array),
        ("{}", Kind::Object),
        ("{ }", Kind::Object),
        (r#"{"":1,"":2, "a" : { "b" : [ ] } }"#, Kind::Object),
    ];
    for &(text, kind) in table {
        assert_eq!(check(text.as_bytes(), DEPTH), Ok(kind), "{text}");
        assert_eq!(check_utf8_known(text.as_bytes(), DEPTH), Ok(kind), "{text}");
        assert_eq!(kind_of(text.as_bytes()), kind, "{text}");
    }
}

#[test]
fn invalid_texts_name_the_first_wrong_byte() {
    let table: &[(&str, usize)] = &[
        ("", 0),
        ("  ", 2),
        ("\u{feff}[]", 0),
        ("\u{a0}1", 0),
        ("nul", 3),
        ("nulL", 3),
        ("True", 0),
        ("truefalse", 4),
        ("NaN", 0),
        ("Infinity", 0),
        ("-", 1),
        ("-Infinity", 1),
        ("+1", 0),
        (".5", 0),
        ("01", 1),
        ("-01", 2),
        ("1.", 2),
        ("1.e5", 2),
        ("1e", 2),
        ("1e+", 3),
        ("0x10", 1),
        ("1_000", 1),
        ("'a'", 0),
        ("\"", 1),
        ("\"abc", 4),
        ("\"\\", 2),
        ("\"\\\"", 3),
        (r#""\x""#, 2),
        (r#""\U0041""#, 2),
        (r#""\u12""#, 5),
        (r#""\u12G4""#, 5),
        (r#""\u""#, 3),
        ("\"a\nb\"", 2),
        ("\"a\0b\"", 2),
        ("\"0123456789012345678901234567890123456789\u{1f}\"", 41),
        ("[", 1),
        ("]", 0),
        ("[1", 2),
        ("[1,", 3),
        ("[1,]", 3),
        ("[,1]", 1),
        ("[1 2]", 3),
        ("[1}", 2),
        ("[1]]", 3),
        ("[1] x", 4),
        ("[1]\0", 3),
        ("\0", 0),
        ("{", 1),
        ("{]", 1),
        ("{\"a\"", 4),
        ("{\"a\":", 5),
        ("{\"a\":}", 5),
        ("{\"a\"}", 4),
        ("{\"a\" 1}", 5),
        ("{\"a\":1,}", 7),
        ("{a:1}", 1),
        ("{1:1}", 1),
        ("{\"a\":1 \"b\":2}", 7),
        ("{\"a\":1]", 6),
        ("[{\"a\":1]}", 7),
        ("[1]//", 3),
        ("[/**/]", 1),
        ("1 1", 2),
        ("\u{b}1", 0),
    ];
    for &(text, offset) in table {
        let expected = (E::Syntax, offset);
        assert_eq!(failure(check(text.as_bytes(), DEPTH)), expected, "{text}");
    }
}

#[test]
fn invalid_utf8_is_told_apart() {
    assert_eq!(failure(check(b"[\"\xff\"]", DEPTH)), (E::Utf8, 2));
    assert_eq!(failure(check(b"\"\xed\xa0\x80\"", DEPTH)), (E::Utf8, 1));
    let mut text = vec![b'a'; 300];
    text[0] = b'"';
    text[299] = b'"';
    text[297] = 0xc3;
    assert_eq!(failure(check(&text, DEPTH)), (E::Utf8, 297));
}

#[test]
fn depth_counts_open_arrays_and_objects() {
    assert_eq!(check(b"1", 0), Ok(Kind::Number));
    assert_eq!(failure(check(b"[]", 0)), (E::Depth, 0));
    assert_eq!(check(b"[[],{}]", 2), Ok(Kind::Array));
    assert_eq!(failure(check(b"[[],{}]", 1)), (E::Depth, 1));
    assert_eq!(failure(check(b"[1,{\"a\":{}}]", 2)), (E::Depth, 8));
    for depth in [1, 2, 63, 64, 65, 127, 128, 129, 192, 193, 1000] {
        let text = mixed_nesting(depth);
        assert_eq!(check(&text, depth), Ok(Kind::Array), "{depth}");
        assert_eq!(failure(check(&text, depth - 1)).0, E::Depth, "{depth}");
        for wrong in text.len() - depth..text.len() {
            let mut text = text.clone();
            text[wrong] ^= b']' ^ b'}';
            assert_eq!(failure(check(&text, depth)), (E::Syntax, wrong), "{depth}");
        }
    }
}

/// Arrays with an object every third level; ends in one closing byte for each level.
fn mixed_nesting(depth: usize) -> Vec<u8> {
    let is_object = |level: usize| level % 3 == 2;
    let mut text = Vec::new();
    for level in 0..depth {
        text.extend_from_slice(if is_object(level) { b"{\"a\":" } else { b"[" });
    }
    text.push(b'1');
    text.extend(
        (0..depth)
            .rev()
            .map(|level| if is_object(level) { b'}' } else { b']' }),
    );
    text
}

#[test]
fn nesting_without_bounds_needs_no_stack() {
    let open = vec![b'['; 1_000_000];
    assert_eq!(failure(check(&open, usize::MAX)), (E::Syntax, open.len()));
    let deep = mixed_nesting(300_000);
    assert_eq!(check(&deep, usize::MAX), Ok(Kind::Array));
    assert_eq!(members(&deep), 1);
    assert_eq!(check_placeholders(&deep, 1), Ok(0));
    let path: String = (0..300_000)
        .map(|level| if level % 3 == 2 { "/a" } else { "/0" })
        .collect();
    assert_eq!(&deep[pointer(&deep, &path).unwrap()], b"1");
}

#[test]
fn special_bytes_are_found_at_every_place_of_long_strings() {
    for length in 0..150 {
        let mut literal = vec![b'"'];
        literal.resize(length + 1, 0xc3);
        literal.push(b'"');
        assert_eq!(check_utf8_known(&literal, 0), Ok(Kind::String), "{length}");
        for wrong in 1..=length {
            for byte in [0, 0x1f] {
                let mut literal = literal.clone();
                literal[wrong] = byte;
                let error = failure(check_utf8_known(&literal, 0));
                assert_eq!(error, (E::Syntax, wrong), "{length}");
            }
            literal[wrong] = 0x20;
        }
    }
}

#[test]
fn errors_say_what_and_where() {
    let error = check(b"[1,]", DEPTH).unwrap_err();
    assert_eq!(error.to_string(), "invalid JSON at byte 3");
    let error = split_event(b"[]", DEPTH).unwrap_err();
    assert_eq!(error.to_string(), "no event name at byte 1");
}
