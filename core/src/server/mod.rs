//! The server.
pub mod cookie;
pub mod cors;
