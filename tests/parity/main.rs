//! Every operation of the engine, and what it is called in each language, or why it is missing there.
//!
//! A new operation fails this test until it stands in the table; so does a name that is not in the C header, in the
//! Python package or in the TypeScript types any more.

mod files;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use conformance::under_test;

use table::Face::{self, As, Not};
use table::{INTERNAL, TABLE};

const TYPES: &[(&str, &str)] = &[
    ("server/mod.rs", "Server"),
    ("host/queue.rs", "Queue"),
    ("socketio/namespace.rs", "Namespace"),
    ("socketio/socket.rs", "Socket"),
    ("socketio/socket.rs", "AckHandle"),
    ("socketio/question.rs", "Question"),
    ("socketio/handshake.rs", "Request"),
    ("socketio/handshake.rs", "Handshake"),
];

fn read(path: &str) -> String {
    let root: &Path = under_test::tests_folder()
        .parent()
        .expect("tests/ is in the repository");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What begins at a line and ends before the next line that begins with one of `ends`.
fn block<'a>(text: &'a str, begins: impl Fn(&str) -> bool, ends: &[&str]) -> Option<&'a str> {
    let mut offset = 0;
    let mut start = None;
    for line in text.split_inclusive('\n') {
        match start {
            None if begins(line) => start = Some(offset),
            Some(start) if ends.iter().any(|end| line.starts_with(end)) => {
                return Some(&text[start..offset]);
            }
            _ => {}
        }
        offset += line.len();
    }
    start.map(|start| &text[start..])
}

fn word(text: &str, name: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(is_name) && !text[at + name.len()..].starts_with(is_name)
    })
}

fn operations_of_the_core() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, name) in TYPES {
        let text = read(&format!("core/src/{path}"));
        let text = block(&text, |line| line == format!("impl {name} {{\n"), &["}"]);
        let text = text.unwrap_or_else(|| panic!("{path} has no impl of {name}"));
        let mut before = "";
        for line in text.lines() {
            // Functions that exist only for the model checker are not operations.
            let searched = std::mem::replace(&mut before, line) == "    #[cfg(loom)]";
            if let Some(rest) = line.strip_prefix("    pub fn ").filter(|_| !searched) {
                let end = rest.find(['(', '<']).expect("a function has parameters");
                found.insert(format!("{name}::{}", &rest[..end]));
            }
        }
    }
    let events = read("core/src/socketio/event.rs");
    let hooks = block(&events, |line| line.starts_with("pub enum Hook {"), &["}"]);
    for line in hooks.expect("there are hooks").lines() {
        if let Some((hook, _)) = line.trim().split_once(" = ") {
            found.insert(format!("Hook::{hook}"));
        }
    }
    found
}

/// The files and classes in which a method of Python may stand; all of them must have it.
fn python_has(name: &str) -> bool {
    let (class, method) = name.split_once('.').expect("a class and a method");
    let folder = "bindings/python/python/bellwire";
    let defined = |file: &str, class: &str| {
        let text = read(&format!("{folder}/{file}"));
        let begins = |line: &str| line.starts_with(&format!("class {class}"));
        let text = block(&text, begins, &["class ", "def ", "@"]).expect("the class is there");
        text.contains(&format!("    def {method}("))
            || text.contains(&format!("async def {method}("))
    };
    match class {
        "Server" => {
            defined("_base.py", "BaseServer")
                || defined("_handlers.py", "Handlers")
                || defined("_sending.py", "Sending")
                || defined("_asyncio.py", "AsyncServer") && defined("_threads.py", "Server")
        }
        "EngineServer" => defined("engineio.py", "AsyncServer"),
        _ => panic!("{name} is of no class that is known here"),
    }
}

/// Whether a class or interface of the types, or what it extends, has a member.
fn node_has(name: &str) -> bool {
    let (class, member) = name.split_once('.').expect("a class and a member");
    let types = [
        read("bindings/node/lib/index.d.ts"),
        read("bindings/node/lib/events.d.ts"),
        read("bindings/node/lib/handshake.d.ts"),
        read("bindings/node/lib/options.d.ts"),
    ];
    let begins = |line: &str| {
        let line = line
            .trim_start_matches("export ")
            .trim_start_matches("declare ");
        let rest = line
            .strip_prefix("class ")
            .or(line.strip_prefix("interface "));
        rest.is_some_and(|rest| word(rest.split(['<', ' ', '{']).next().unwrap_or(""), class))
    };
    types.iter().any(|text| {
        let Some(text) = block(text, begins, &["}\n", "};"]) else {
            return false;
        };
        let own = text.lines().any(|line| {
            let line = line
                .trim()
                .trim_start_matches("readonly ")
                .trim_start_matches("get ");
            line.strip_prefix(member)
                .is_some_and(|rest| rest.starts_with(['(', '<', ':', '?']))
        });
        own || ["Broadcaster", "TypedEmitter"].iter().any(|parent| {
            text.contains(&format!("extends {parent}<")) && node_has(&format!("{parent}.{member}"))
        })
    })
}

#[test]
fn every_operation_of_the_core_is_in_the_table() {
    let found = operations_of_the_core();
    let listed: BTreeSet<String> = TABLE.iter().map(|row| row.core.to_owned()).collect();
    let internal: BTreeSet<String> = INTERNAL.iter().map(|&name| name.to_owned()).collect();
    let expected: BTreeSet<String> = listed.union(&internal).cloned().collect();
    let missing: Vec<_> = found.difference(&expected).collect();
    let gone: Vec<_> = expected.difference(&found).collect();
    let twice: Vec<_> = listed.intersection(&internal).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    assert!(gone.is_empty(), "not in the core any more: {gone:?}");
    assert!(twice.is_empty(), "internal, and in the table: {twice:?}");
    assert_eq!(listed.len(), TABLE.len(), "a row stands twice");
}

#[test]
fn every_name_in_the_table_is_there_and_every_gap_has_a_reason() {
    let header = read("include/bellwire.h");
    let mut wrong = Vec::new();
    for row in TABLE {
        let mut check = |language: &str, face: Face, is_there: &dyn Fn(&str) -> bool| match face {
            As(name) if !is_there(name) => {
                wrong.push(format!("{}: {language} has no {name}", row.core))
            }
            Not("") => wrong.push(format!("{}: no reason for {language}", row.core)),
            As(_) | Not(_) => {}
        };
        check("C", row.c, &|name| word(&header, name));
        check("Python", row.python, &python_has);
        check("Node.js", row.node, &node_has);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_that_is_nowhere_is_noticed() {
    assert!(!word(&read("include/bellwire.h"), "bw_serve"));
    assert!(!python_has("Server.nonsense"));
    assert!(!node_has("Server.nonsense") && !node_has("Nonsense.emit"));
}
