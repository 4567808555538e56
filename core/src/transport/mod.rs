//! How packets travel: WebSocket frames and the upgrade request. Nothing here does I/O; the
//! connection hands in bytes and takes bytes out.

pub mod frame;
pub mod handshake;
