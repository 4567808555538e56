//! What must hold for any bytes that a peer or a host may send: each target takes such bytes, and panics when it does not.
//! `core/tests/fuzzed.rs` runs them all on seeds that it changes a little; libFuzzer runs them for as long as one likes.

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
    /// What libFuzzer's target is called.
    pub name: &'static str,
    /// Panics when something does not hold for this input.
    pub run: fn(&[u8]),
    /// Inputs that reach far.
    pub seeds: &'static [&'static [u8]],
    /// What such inputs are made of.
    pub words: &'static [&'static str],
}

/// All of them.
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

/// What this says of the text `about`: both ways lead to the same.
#[track_caller]
fn same<T: PartialEq + Debug>(ours: &T, theirs: &T, about: &[u8]) {
    assert!(
        ours == theirs,
        "{ours:?} and not {theirs:?}: {}",
        about.escape_ascii()
    );
}
