//! Tests of the JSON module.

use super::split_event;

#[test]
fn an_event_is_split() {
    let text = br#"["chat", {"a":1} ,2]"#;
    let parts = split_event(text, 8).unwrap();
    assert_eq!(&text[parts.name.clone()], b"chat");
    assert_eq!(parts.args, 2);
    assert_eq!(&text[parts.args_start..parts.end], b", {\"a\":1} ,2]");
}
