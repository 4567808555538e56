//! JSON pointers into arguments: our look-up in the text agrees with the look-up in the tree of `serde_json`.

use bellwire_core::json::{PointerError, pointer};
use serde_json::Value;

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "pointers",
    run,
    seeds: &[
        b"/0/a\n[{\"a\":1}]",
        b"\n{}",
        b"/a~1b/~0\n{\"a/b\":{\"~\":[1,2]}}",
        b"/\n{\"\":{\"\":1}}",
        b"/1/-\n[1,[2]]",
        b"/01\n[1,2]",
        b"/99999999999999999999\n[1]",
        b"/a/b\n{\"a\":1,\"a\":{\"b\":2},\"\\u0061\":{\"b\":3}}",
        b"x\n1",
    ],
    words: &[
        "/", "~", "~0", "~1", "~2", "-", "0", "1", "01", "+1", "a", "\n", "[", "]", "{", "}", ",",
        ":", "\"", "\"a\":", "\\u0061", "\\u002f", "\\u007e", "1", "null", " ",
    ],
};

/// The first line of the input is the pointer.
fn run(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (path, text) = (&data[..end], &data[end + 1..]);
    let Ok(path) = std::str::from_utf8(path) else {
        return;
    };
    let found = pointer(text, path).map(|range| &text[range]);
    let is_pointer = (path.is_empty() || path.starts_with('/'))
        && path
            .split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']));
    same(&(found == Err(PointerError::Malformed)), &!is_pointer, data);
    let Ok(tree) = serde_json::from_slice::<Value>(text) else {
        return;
    };
    if std::str::from_utf8(text).is_err() || !is_pointer {
        return;
    }
    let found = found.ok();
    let found = found.map(|found| serde_json::from_slice::<Value>(found).expect("a value"));
    same(&found.as_ref(), &tree.pointer(path), data);
}
