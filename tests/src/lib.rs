//! Support for the black-box tests: a server process on one side, raw sockets
//! with deadlines on the other.
//!
//! The tests do not depend on the internals of Bellwire. [`Server`] starts an
//! echo server (ours or the official one, see [`under_test`]). [`Http`] and
//! [`WebSocket`] send the exact bytes of the test. [`Polling`] and [`Client`]
//! implement Engine.IO and Socket.IO on top of them, for tests of higher layers.

pub mod client;
pub mod http;
pub mod native;
pub mod polling;
pub mod raw;
pub mod refusal;
pub mod server;
pub mod socketio;
pub mod under_test;
pub mod websocket;
pub mod wire;

pub use client::{Client, Transport};
pub use http::{Http, Response};
pub use polling::Polling;
pub use server::{Endpoint, Server};
pub use socketio::Packet;
pub use under_test::{Difference, differs};
pub use websocket::{Frame, Opcode, WebSocket};
pub use wire::{Wire, eventually};
