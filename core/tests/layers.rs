//! The architecture as a test: which module may name which, and what none of them may do.
//!
//! It reads the sources as text. That works because the crate has one style of import, `use crate::module::Item;`, with
//! one path behind `crate::`. Adding a line to a table here is a change of the architecture, and goes with a line in
//! ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Modules that every other may use, and that use only each other.
const LEAVES: [&str; 8] = [
    "cause", "date", "error", "json", "log", "mailbox", "stats", "sync",
];

/// Every other module, with the modules that it may use.
const LAYERS: [(&str, &[&str]); 6] = [
    ("engineio", &[]),
    ("socketio", &["engineio"]),
    ("transport", &["engineio"]),
    ("host", &["engineio", "socketio"]),
    ("config", &["engineio", "socketio"]),
    (
        "server",
        &["engineio", "socketio", "transport", "host", "config"],
    ),
];

/// The parts that do no I/O: files and folders of `src`.
const SANS_IO: [&str; 10] = [
    "cause",
    "date",
    "error",
    "json",
    "mailbox",
    "stats",
    "engineio",
    "socketio",
    "transport/frame",
    "transport/handshake",
];

/// What such a part never names. Addresses are values, so `std::net::IpAddr` is none of it.
const IO: [&str; 20] = [
    "tokio",
    "tokio_tungstenite",
    "hyper",
    "hyper_util",
    "socket2",
    "rustix",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixListener",
    "UnixStream",
    "ToSocketAddrs",
    "std::thread",
    "sync::thread",
    "std::fs",
    "std::env",
    "Instant::now",
    "SystemTime",
    "async",
    "await",
];

/// The two types of the WebSocket library that a part without I/O uses: the status codes of a close, and the answer to
/// the key of a handshake, which is a hash.
const PURE: [&str; 2] = [
    "tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode",
    "tokio_tungstenite::tungstenite::handshake::derive_accept_key",
];

/// Where the clock is read: the tasks of the server pass the time to everything that they call, the other layers ask the
/// `Clock` of `server/clock.rs`, and the log limits repeated lines.
const CLOCKS: [&str; 2] = ["log/mod.rs", "server/clock.rs"];

/// The objects of `socketio` that threads share. They refer to each other: a socket to its namespace and its connection, a
/// namespace to its sockets, an event to all of them. Their files may import each other; no other two may, in a circle.
const SHARED_OBJECTS: [&str; 8] = [
    "ack",
    "context",
    "event",
    "link",
    "members",
    "message",
    "namespace",
    "socket",
];

/// A file longer than this holds more than one concept.
const LONGEST: usize = 600;

/// A source file, without its comments.
struct Source {
    /// Relative to `src`.
    path: PathBuf,
    lines: Vec<String>,
    /// The first line of its unit tests.
    tests: usize,
}

impl Source {
    /// The top-level module that it belongs to.
    fn module(&self) -> String {
        let first = Path::new(self.path.components().next().expect("a name").as_os_str());
        first.with_extension("").display().to_string()
    }

    /// Whether it is, or lies in, this file or folder.
    fn is_in(&self, place: &str) -> bool {
        self.path.with_extension("").starts_with(place)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<Source> {
    let mut folders = vec![root()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources can be read") {
            let path = entry.expect("the sources can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("the sources can be read");
                let is_test = path
                    .iter()
                    .any(|part| part == "tests" || part == "tests.rs");
                let lines: Vec<_> = text.lines().map(code).collect();
                let tests = lines
                    .iter()
                    .position(|line| line.trim() == "#[cfg(test)]")
                    .unwrap_or(lines.len());
                sources.push(Source {
                    path: path.strip_prefix(root()).expect("below it").to_owned(),
                    tests: if is_test { 0 } else { tests },
                    lines,
                });
            }
        }
    }
    assert!(sources.len() > 50, "the sources are where they were");
    sources
}

/// A line without its comment. No string of the crate holds two slashes behind a space or at its start.
fn code(line: &str) -> String {
    let comment = if line.trim_start().starts_with("//") {
        Some(0)
    } else {
        line.find(" // ")
    };
    line[..comment.unwrap_or(line.len())].to_owned()
}

/// Whether `line` holds `word` with nothing of a name around it.
fn names(line: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_name) && !line[at + word.len()..].starts_with(part_of_name)
    })
}

/// Calls `rule` for every line; it says what is wrong with the line, if anything.
#[track_caller]
fn check(why: &str, rule: impl Fn(&Source, usize, &str) -> Option<String>) {
    let mut broken = String::new();
    for source in sources() {
        for (number, line) in source.lines.iter().enumerate() {
            if let Some(text) = rule(&source, number, line) {
                let _ = writeln!(
                    broken,
                    "core/src/{}:{}: {text}\n    {}",
                    source.path.display(),
                    number + 1,
                    line.trim()
                );
            }
        }
    }
    assert!(broken.is_empty(), "{why}\n\n{broken}");
}

fn is_module(name: &str) -> bool {
    LEAVES.contains(&name) || LAYERS.iter().any(|(known, _)| *known == name)
}

fn may_use(module: &str, used: &str) -> bool {
    let layer = LAYERS.iter().find(|(name, _)| *name == module);
    let below = layer.map_or(&[][..], |(_, below)| below);
    used == module || LEAVES.contains(&used) || below.contains(&used)
}

#[test]
fn every_module_has_its_place() {
    check(
        "A module of src/lib.rs has no place in the table of core/tests/layers.rs.",
        |source, _, line| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            let name = line.strip_prefix("mod ")?.strip_suffix(';')?;
            (source.module() == "lib" && !is_module(name)).then(|| format!("`{name}` is unknown"))
        },
    );
}

#[test]
fn modules_use_only_the_layers_below() {
    check(
        "A module looks up or sideways: it may use only what the table in core/tests/layers.rs lists for it.",
        |source, _, line| {
            let module = source.module();
            let used = line.split("crate::").skip(1).map(|path| {
                path.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or_default()
            });
            let mut wrong = used.filter(|used| is_module(used) && !may_use(&module, used));
            (module != "lib")
                .then(|| wrong.next())?
                .map(|used| format!("`{module}` may not use `{used}`"))
        },
    );
}

/// The files and folders of a module, each with those that it imports. The shared objects of `socketio` count as one.
fn imports_of(module: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut imports = BTreeMap::<String, BTreeSet<String>>::new();
    let node = |name: &str| {
        let is_shared = module == "socketio" && SHARED_OBJECTS.contains(&name);
        (if is_shared { "(shared objects)" } else { name }).to_owned()
    };
    for source in sources().iter().filter(|source| source.is_in(module)) {
        let file = source.path.iter().nth(1).expect("it lies in a folder");
        let name = Path::new(file).with_extension("").display().to_string();
        let uses = imports.entry(node(&name)).or_default();
        for line in &source.lines[..source.tests] {
            for path in line.split(&format!("crate::{module}::")).skip(1) {
                let used = path
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next();
                let used = node(used.unwrap_or_default());
                if used != node(&name) {
                    uses.insert(used);
                }
            }
        }
    }
    imports
}

#[test]
fn files_of_a_module_import_in_one_direction() {
    for module in ["socketio", "server"] {
        let mut imports = imports_of(module);
        assert!(imports.len() > 10, "{module} is where it was");
        let named = |name: &str| !name.is_empty() && !name.starts_with(char::is_uppercase);
        for (name, uses) in &imports {
            let through_mod = uses.iter().find(|used| !named(used));
            assert!(
                through_mod.is_none(),
                "{name} imports {through_mod:?} of {module}/mod.rs: name the file that has the item"
            );
        }
        // Files that import none of the others are removed until none is left.
        while let Some(name) = imports
            .iter()
            .find(|(_, uses)| uses.iter().all(|used| !imports.contains_key(used)))
            .map(|(name, _)| name.clone())
        {
            imports.remove(&name);
        }
        assert!(
            imports.is_empty(),
            "These files of {module} import each other in a circle: {imports:#?}"
        );
    }
}

#[test]
fn imports_have_one_style() {
    check(
        "The tests of this file find a module behind `crate::`: write one path a line.",
        |_, _, line| {
            let wrong = [
                "crate::{",
                "crate::*",
                "super::super::super",
                "extern crate",
            ];
            wrong
                .into_iter()
                .find(|wrong| line.contains(wrong))
                .map(|wrong| format!("`{wrong}` hides what is used"))
        },
    );
}

#[test]
fn the_protocol_does_no_io() {
    check(
        "This part is a state machine: bytes, requests and the time are handed in. I/O belongs to transport, host or server.",
        |source, number, line| {
            let is_pure = SANS_IO.iter().any(|place| source.is_in(place));
            let line = PURE
                .iter()
                .fold(line.to_owned(), |line, pure| line.replace(pure, ""));
            if !is_pure || number >= source.tests {
                return None;
            }
            let word = IO.into_iter().find(|word| names(&line, word))?;
            Some(format!("it may not name `{word}`"))
        },
    );
}

#[test]
fn requests_know_no_http_library() {
    check(
        "server/request handles requests of every origin: sockets and the HTTP library belong to server/http.",
        |source, number, line| {
            if !source.is_in("server/request") || number >= source.tests {
                return None;
            }
            let word = [
                "hyper",
                "hyper_util",
                "http_body_util",
                "tokio::net",
                "server::http",
                "server::listener",
                "Stream",
            ];
            let word = word.into_iter().find(|word| names(line, word))?;
            Some(format!("it may not name `{word}`"))
        },
    );
}

#[test]
fn the_clock_is_read_in_few_places() {
    check(
        "The time is an argument, so that tests can set it: only the places listed in core/tests/layers.rs read a clock.",
        |source, number, line| {
            let may = CLOCKS
                .iter()
                .any(|place| source.path.display().to_string().starts_with(place));
            let reads = line.contains("Instant::now") || line.contains("SystemTime::now");
            (reads && !may && number < source.tests).then(|| "it reads the clock".to_owned())
        },
    );
}

#[test]
fn nothing_is_unsafe() {
    check(
        "The engine is safe Rust; what needs more lives in `ffi`.",
        |_, _, line| names(line, "unsafe").then(|| "it is unsafe".to_owned()),
    );
    let lib = std::fs::read_to_string(root().join("lib.rs")).expect("the sources can be read");
    assert!(
        lib.contains("#![forbid(unsafe_code)]"),
        "src/lib.rs forbids unsafe code"
    );
}

#[test]
fn files_hold_one_concept() {
    check(
        "A file has grown beyond 600 lines: it holds more than one concept.",
        |source, number, _| {
            (number == LONGEST).then(|| format!("it has {} lines", source.lines.len()))
        },
    );
}

#[test]
fn the_rules_can_fail() {
    assert!(!may_use("engineio", "socketio") && !may_use("transport", "socketio"));
    assert!(!may_use("json", "engineio") && may_use("json", "error"));
    assert!(names("use tokio::net;", "tokio") && !names("use tokio_x;", "tokio"));
    assert!(names("pub async fn x()", "async") && !names("asynchronous", "async"));
    assert_eq!(code("let a = 1; // unsafe"), "let a = 1;");
    assert_eq!(code("  //! unsafe"), "");
}
