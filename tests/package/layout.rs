//! Constants, sizes and offsets, which may not change.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use conformance::native;

use crate::{declarations, include, is_name, write};

/// The contents of each `{…}` that follows `start`, with the name before it.
fn blocks<'a>(text: &'a str, start: &str) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(start) {
        rest = &rest[at + start.len()..];
        let Some(open) = rest.find(['{', ';', '(']) else {
            break;
        };
        if !rest[open..].starts_with('{') {
            continue;
        }
        let close = rest.find('}').expect("a block ends");
        let name = rest[..open].split_whitespace().next().unwrap_or_default();
        found.push((name, &rest[open + 1..close]));
        rest = &rest[close..];
    }
    found
}

/// A C program that prints every constant, size and offset of the header.
fn dump_program() -> String {
    let text = declarations();
    let mut lines = String::new();
    let mut constants = Vec::new();
    for (_, body) in blocks(&text, "enum") {
        for part in body.split(',') {
            let name = part.split('=').next().unwrap_or_default();
            let name = name.split_whitespace().next().unwrap_or_default();
            if !name.is_empty() && !constants.contains(&name) {
                constants.push(name);
            }
        }
    }
    assert!(constants.len() > 150, "{constants:?}");
    for name in constants {
        writeln!(lines, "  printf(\"{name} = %lld\\n\", (long long){name});").expect("a string");
    }
    let structs = blocks(&text, "typedef struct");
    assert!(structs.len() > 12, "{structs:?}");
    for (name, body) in structs {
        writeln!(
            lines,
            "  printf(\"sizeof {name} = %zu\\n\", sizeof({name}));"
        )
        .expect("a string");
        for field in body.split(';').filter(|field| !field.trim().is_empty()) {
            let field = match field.find("(*") {
                Some(at) => field[at + 2..].split(')').next().unwrap_or_default(),
                None => field
                    .trim_end()
                    .rsplit(|letter| !is_name(letter))
                    .next()
                    .unwrap_or_default(),
            };
            writeln!(
                lines,
                "  printf(\"{name}.{field} at %zu, %zu bytes\\n\", offsetof({name}, {field}), \
                 sizeof((({name} *)0)->{field}));"
            )
            .expect("a string");
        }
    }
    for name in [
        "bw_server",
        "bw_status",
        "bw_event_type",
        "bw_option",
        "bw_fd",
    ] {
        writeln!(
            lines,
            "  printf(\"sizeof {name} = %zu\\n\", sizeof({name}));"
        )
        .expect("a string");
    }
    format!(
        "#include \"bellwire.h\"\n#include <stdio.h>\nint main(void) {{\n{lines}  return 0;\n}}\n"
    )
}

#[test]
fn constants_sizes_and_offsets_stay_where_they_are() {
    let folder = native::scratch("package/abi");
    let source = folder.join("dump.c");
    write(&source, &dump_program());
    let program = folder.join("dump");
    native::run(
        Command::new("cc")
            .args(["-std=c11", "-I"])
            .arg(include())
            .arg(&source)
            .arg("-o")
            .arg(&program),
    );
    let now = native::run(&mut Command::new(program));
    let golden = native::root().join("tests/capi/abi.txt");
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests are configured by their environment"
    )]
    if std::env::var("UPDATE").is_ok() {
        write(&golden, &now);
    }
    let before = fs::read_to_string(&golden).unwrap_or_default();
    assert!(
        now == before,
        "tests/capi/abi.txt is not what the header says. What stands there is compiled into \
         programs; if the difference is meant, write it again with UPDATE=1. Now:\n{now}"
    );
}
