//! Bellwire's engine.
#![forbid(unsafe_code)]
pub mod cause;
#[cfg(not(loom))]
pub mod config;
pub mod date;
pub mod error;
pub mod log;
pub mod stats;

pub mod json;
pub mod mailbox;
mod sync;

pub mod engineio;
pub mod socketio;
#[cfg(not(loom))]
pub mod transport;

pub mod host;
#[cfg(not(loom))]
pub mod server;
