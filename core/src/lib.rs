//! Bellwire's engine.
#![forbid(unsafe_code)]
pub mod config;
pub mod error;
pub mod server;
pub mod json;
pub mod transport;
