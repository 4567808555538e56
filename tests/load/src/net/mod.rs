//! The client side of the wire: WebSocket framing, connections, and long-polling.

mod conn;
mod fleet;
mod frame;
mod http;

pub(crate) use conn::{Answer, Arrival};
pub(crate) use fleet::Fleet;
pub(crate) use frame::{BINARY, TEXT, masked};
pub(crate) use http::{Exchange, request};
