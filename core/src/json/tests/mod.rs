//! Tests of the JSON module: tables by topic, and random texts against `serde_json`.

#[cfg(target_arch = "x86_64")]
mod blocks;
mod check;
mod event;
mod random;
mod value;

use std::fmt::Debug;

use crate::json::{JsonError, JsonErrorKind};

const DEPTH: usize = 32;

fn failure<T: Debug>(result: Result<T, JsonError>) -> (JsonErrorKind, usize) {
    let error = result.unwrap_err();
    (error.kind, error.offset)
}
