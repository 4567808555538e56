//! Properties that hold for any bytes that a peer or a host may send. Each target takes such bytes and panics if a
//! property does not hold. `core/tests/fuzzed.rs` runs all targets on mutated seeds; libFuzzer runs one target without a
//! limit of time.

use std::fmt::Debug;

mod cookie;
mod cors;
mod cursors;
mod forwarded;
mod frames;
mod handshake;
mod json;
mod options;
mod packets;
mod payload;
mod placeholders;
mod pointers;
mod requests;
mod routing;
mod tree;

/// One kind of input.
pub struct Target {
    /// The name of the target in libFuzzer.
    pub name: &'static str,
    /// Panics if a property does not hold for this input.
    pub run: fn(&[u8]),
    /// Inputs from which mutation starts.
    pub seeds: &'static [&'static [u8]],
    /// Pieces of text that mutation inserts.
    pub words: &'static [&'static str],
}

/// All targets.
pub const TARGETS: [Target; 14] = [
    cookie::TARGET,
    cors::TARGET,
    cursors::TARGET,
    forwarded::TARGET,
    frames::TARGET,
    handshake::TARGET,
    json::TARGET,
    options::TARGET,
    packets::TARGET,
    payload::TARGET,
    placeholders::TARGET,
    pointers::TARGET,
    requests::TARGET,
    routing::TARGET,
];

/// The target of this name.
pub fn target(name: &str) -> &'static Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    found.expect("the target is in the table")
}

/// Panics unless both values are equal; `about` is the input, for the message.
#[track_caller]
fn same<T: PartialEq + Debug>(ours: &T, theirs: &T, about: &[u8]) {
    assert!(
        ours == theirs,
        "{ours:?} and not {theirs:?}: {}",
        about.escape_ascii()
    );
}
