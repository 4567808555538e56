//! Event arrays, argument arrays and their placeholders.

use std::borrow::Cow;

use crate::json::error::JsonErrorKind as E;
use crate::json::tests::{DEPTH, failure};
use crate::json::{PlaceholderError, check_placeholders, split_args, split_event};

#[test]
fn events_are_split() {
    let table: &[(&str, &str, usize, &str)] = &[
        (r#"["chat"]"#, "chat", 0, "]"),
        (r#"["chat",1,{"a":[2]}]"#, "chat", 2, r#",1,{"a":[2]}]"#),
        (" [ \"a\" , 1 ] ", "a", 1, ", 1 ]"),
        ("[\"\" ]", "", 0, "]"),
        ("[123,4]", "123", 1, ",4]"),
        ("[-1.5e3]", "-1.5e3", 0, "]"),
    ];
    for &(text, name, args, rest) in table {
        let parts = split_event(text.as_bytes(), DEPTH).unwrap();
        assert_eq!(&text[parts.name.clone()], name);
        let found = parts.name(text.as_bytes()).unwrap();
        assert!(matches!(found.text, Cow::Borrowed(text) if text == name));
        assert_eq!(found.lone, None);
        assert_eq!(parts.args, args, "{text}");
        assert_eq!(&text[parts.args_start..parts.end], rest, "{text}");
        assert!(!parts.name_escaped && !parts.placeholders, "{text}");
        assert_eq!(parts.name_is_number, !text.contains('"'), "{text}");
    }
    let text = br#"["a\n\u0062",0]"#;
    let parts = split_event(text, DEPTH).unwrap();
    assert!(parts.name_escaped);
    assert_eq!(parts.name(text).unwrap().text, "a\nb");
    let text = br#"["\ud800"]"#;
    let parts = split_event(text, DEPTH).unwrap();
    let name = parts.name(text).unwrap();
    assert_eq!((&*name.text, name.lone), ("\u{fffd}", Some(1)));
    assert_eq!(parts.name_literal(text), br#""\ud800""#);
}

#[test]
fn events_show_whether_there_are_placeholders() {
    let table: &[(&str, bool)] = &[
        (r#"["_placeholder","_placeholder"]"#, false),
        (r#"["a",{"_placeholder":false}]"#, true),
        (r#"["a",[{"b":{"num":0,"_placeholder":true}}],1]"#, true),
        (r#"["a",{"\u005fplaceholder":true}]"#, true),
        (
            r#"["a",{"_placeholdeR":true,"placeholder":1,"b\"":2}]"#,
            false,
        ),
    ];
    for &(text, expected) in table {
        let parts = split_event(text.as_bytes(), DEPTH).unwrap();
        assert_eq!(parts.placeholders, expected, "{text}");
    }
}

#[test]
fn other_texts_are_not_events() {
    let table: &[(&str, E, usize)] = &[
        ("", E::Syntax, 0),
        ("x", E::Syntax, 0),
        (" {}", E::NotAnArray, 1),
        ("\"a\"", E::NotAnArray, 0),
        ("null", E::NotAnArray, 0),
        ("[]", E::NoName, 1),
        ("[ ]", E::NoName, 2),
        ("[null]", E::BadName, 1),
        ("[true]", E::BadName, 1),
        ("[[\"a\"]]", E::BadName, 1),
        ("[ {}]", E::BadName, 2),
        ("[", E::Syntax, 1),
        ("[x]", E::Syntax, 1),
        ("[\"a\"", E::Syntax, 4),
        ("[\"a\",]", E::Syntax, 5),
        ("[\"a\" 1]", E::Syntax, 5),
        ("[\"a\"}", E::Syntax, 4),
        ("[\"a\"] x", E::Syntax, 6),
        ("[\"a\",[[]]]", E::Depth, 6),
    ];
    for &(text, kind, offset) in table {
        let error = failure(split_event(text.as_bytes(), 2));
        assert_eq!(error, (kind, offset), "{text}");
    }
    assert_eq!(failure(split_event(b"[\"a\"]", 0)), (E::Depth, 0));
}

#[test]
fn arguments_are_counted() {
    assert_eq!(split_args(b"[]", 1), Ok(0));
    assert_eq!(split_args(b" [ ] ", 1), Ok(0));
    assert_eq!(split_args(b"[null]", 1), Ok(1));
    assert_eq!(split_args(b"[[1,2] , {\"a\":[3,4]},5]", 3), Ok(3));
    assert_eq!(
        failure(split_args(b"[[1,2],{\"a\":[3]}]", 2)),
        (E::Depth, 12)
    );
    assert_eq!(failure(split_args(b"{}", 2)), (E::NotAnArray, 0));
    assert_eq!(failure(split_args(b"[] x", 2)), (E::Syntax, 3));
    assert_eq!(failure(split_args(b"[1,]", 2)), (E::Syntax, 3));
    assert_eq!(failure(split_args(b"[]", 0)), (E::Depth, 0));
}

#[test]
fn placeholders_need_a_number_in_range() {
    let table: &[(&str, usize, usize)] = &[
        ("[1,{}]", 0, 0),
        (r#"["_placeholder",true]"#, 0, 0),
        (r#"{"_placeholder":false,"num":9}"#, 0, 0),
        (r#"{"_placeholder":"true","num":9}"#, 0, 0),
        (r#"{"_placeholder":{"_placeholder":1},"num":9}"#, 0, 0),
        (r#"{"_placeholder":true,"num":0}"#, 1, 1),
        (r#"{ "num" : 1 , "_placeholder" : true }"#, 2, 1),
        (
            r#"[{"_placeholder":true,"num":1},{"_placeholder":true,"num":1}]"#,
            2,
            1,
        ),
        (
            r#"[{"a":[{"_placeholder":true,"num":1}]},{"_placeholder":true,"num":0}]"#,
            2,
            2,
        ),
        (r#"{"_placeholder":true,"num":1.0}"#, 2, 1),
        (r#"{"_placeholder":true,"num":10e-1}"#, 2, 1),
        (r#"{"_placeholder":true,"num":-0}"#, 1, 1),
        (r#"{"\u005fplaceholder":true,"n\u0075m":0}"#, 1, 1),
        (r#"{"_placeholder":true,"num":7,"num":0}"#, 1, 1),
        (
            r#"{"_placeholder":true,"num":7,"_placeholder":false}"#,
            1,
            0,
        ),
        (
            r#"{"num":{"a":"}"},"x":[1,"]"],"_placeholder":true,"num":0}"#,
            1,
            1,
        ),
    ];
    for &(text, attachments, expected) in table {
        let found = check_placeholders(text.as_bytes(), attachments);
        assert_eq!(found, Ok(expected), "{text}");
    }
    let offset = 3;
    for num in ["null", "\"0\"", "true", "[0]", "{}", "0.5", "1e-1"] {
        let text = format!(r#"[1,{{"_placeholder":true,"num":{num}}}]"#);
        let found = check_placeholders(text.as_bytes(), 4);
        assert_eq!(
            found,
            Err(PlaceholderError::NotAnInteger { offset }),
            "{text}"
        );
    }
    let text = br#"[1,{"_placeholder":true,"numb":0}]"#;
    let expected = PlaceholderError::NotAnInteger { offset };
    assert_eq!(check_placeholders(text, 4), Err(expected));
    for num in ["-1", "4", "1e9", "99999999999999999999999", "1e999"] {
        let text = format!(r#"[1,{{"_placeholder":true,"num":{num}}}]"#);
        let found = check_placeholders(text.as_bytes(), 4);
        assert!(found.is_err(), "{text}");
    }
    let text = br#"[1,{"_placeholder":true,"num":4}]"#;
    let expected = PlaceholderError::OutOfRange { offset };
    assert_eq!(check_placeholders(text, 4), Err(expected));
}
