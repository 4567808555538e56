//! A concept has one file name in `ffi/src` and in the sources of the bindings, so that who knows one finds it in all.

use std::collections::BTreeSet;

use conformance::under_test;

/// What a binding has and `ffi` has not, and why.
const OWN: &[(&str, &str, &str)] = &[
    (
        "python",
        "descriptor.rs",
        "C hands over descriptors as integers, which needs unsafe code",
    ),
    (
        "python",
        "ack.rs",
        "what a client waits for is an object, not a number of the event",
    ),
    (
        "python",
        "fork.rs",
        "Python tells of forks by a hook of its own",
    ),
    (
        "python",
        "host.rs",
        "the methods of a Python object are looked up once",
    ),
    (
        "python",
        "joining.rs",
        "in python-socketio a connect handler may emit to its client",
    ),
    ("python", "text.rs", "a str may hold what UTF-8 cannot"),
    (
        "node",
        "batch.rs",
        "a batch of events crosses into JavaScript at once",
    ),
    (
        "node",
        "bell.rs",
        "the loop of Node.js cannot watch a descriptor",
    ),
    (
        "node",
        "call.rs",
        "functions are registered with Node-API by hand",
    ),
    (
        "node",
        "names.rs",
        "names of events cross into JavaScript as numbers",
    ),
    (
        "node",
        "text.rs",
        "a string of JavaScript may hold what UTF-8 cannot",
    ),
];

fn files(folder: &str) -> BTreeSet<String> {
    let folder = under_test::tests_folder().with_file_name(folder);
    let entries = std::fs::read_dir(&folder).expect("the sources can be listed");
    entries
        .map(|entry| entry.expect("an entry").file_name().into_string())
        .map(|name| name.expect("names are UTF-8"))
        .collect()
}

#[test]
fn the_same_concept_has_the_same_file_name() {
    let ffi = files("ffi/src");
    for binding in ["python", "node"] {
        let found: BTreeSet<String> = files(&format!("bindings/{binding}/src"))
            .difference(&ffi)
            .cloned()
            .collect();
        let own: BTreeSet<String> = OWN
            .iter()
            .filter(|(of, ..)| *of == binding)
            .map(|(_, name, _)| (*name).to_owned())
            .collect();
        assert_eq!(found, own, "files of bindings/{binding} that ffi has not");
    }
}
