//! The client side of the wire: WebSocket framing, connections, and long-polling.

mod conn;
mod fleet;
mod frame;
mod http;

pub(crate) use conn::Answer;
pub(crate) use fleet::{Fleet, refuse_close};
pub(crate) use frame::{BINARY, CLOSE, TEXT, masked};
pub(crate) use http::{Exchange, request};
