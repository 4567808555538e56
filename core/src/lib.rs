//! Bellwire's engine.
#![forbid(unsafe_code)]
pub mod json;
pub mod transport;
