//! Bellwire's engine.
#![forbid(unsafe_code)]
pub mod config;
pub mod error;
pub mod stats;

pub mod json;
pub mod mailbox;

pub mod engineio;
pub mod socketio;
pub mod transport;

pub mod host;
pub mod server;
