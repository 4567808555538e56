//! Parsers: how packets are encoded.

pub mod json;
