//! Bellwire's engine.
#![forbid(unsafe_code)]
