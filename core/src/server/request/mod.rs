//! Requests: what an HTTP request asks of the engine, and its answer.

mod account;
mod answer;
pub(super) mod body;
pub mod forwarded;
pub(super) mod open;
mod snapshot;
pub(super) mod verify;
