//! The transports: WebSocket frames on a byte stream, and the requests of long-polling. `frame` and `handshake` do not
//! do I/O; `websocket` connects them to a stream.

pub mod frame;
pub mod handshake;
pub mod outbox;
pub mod polling;
pub mod stream;
pub mod websocket;

pub use outbox::Outbox;
pub use polling::{PollAnswer, PostAnswer, TransportRequest};
pub use stream::{NewStream, Slot, Stream};
pub use websocket::{Chunk, WebSocket};
