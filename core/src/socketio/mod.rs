//! Socket.IO protocol 5, without I/O.
//!
//! One Engine.IO connection carries any number of *namespaces*; a client in a namespace is a *socket*. A client emits
//! *events* to the server; the server emits events to one socket, to *rooms* (named sets of sockets of a namespace) or
//! to all sockets. An event can ask for an *acknowledgement*, in both directions, and can carry binary *attachments*.
//!
//! A [`client::Client`] is owned by the connection's task. The other types are shared between threads: the sockets and
//! rooms of a [`Namespace`] are behind one lock ([`members`]), a [`Socket`] has atomics, a [`link::Link`] has a
//! mailbox. Source: the Socket.IO protocol document, revision 5, and the behaviour of the official server.

pub mod account;
pub mod ack;
pub mod backlog;
pub mod client;
pub mod context;
pub mod event;
pub mod handshake;
pub mod id;
pub mod key;
pub mod link;
pub mod members;
pub mod message;
pub mod name;
pub mod namespace;
pub mod namespaces;
pub mod packet;
pub mod parser;
pub mod plain;
pub mod question;
pub mod room_name;
pub mod rooms;
pub mod settings;
pub mod socket;
pub mod target;

pub use ack::{AckOutcome, BroadcastAck, Operation, Reply};
pub use backlog::Backlog;
pub use context::Context;
pub use event::{DisconnectReason, Event, EventSink, MessageRef};
pub use handshake::{Handshake, Request};
pub use id::SocketId;
pub use link::Link;
pub use message::Message;
pub use name::EventName;
pub use namespace::Namespace;
pub use namespaces::Namespaces;
pub use packet::EncodedPacket;
pub use parser::Parser;
pub use question::{Decision, Question, Rejection};
pub use settings::{Limits, Protocol, SendPolicy, Settings};
pub use socket::Socket;
pub use target::{Target, TargetBuf};
