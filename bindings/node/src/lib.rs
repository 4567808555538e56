//! The native half of the npm package: the engine as one JavaScript object of plain functions.
//!
//! Engine threads never enter V8. They append to the core's queue and ring one bell, a threadsafe function; JavaScript
//! then drains the queue on its own thread: many events become one string, one array of numbers and their attachments.
//! What the other way is called on the same thread, works on the core's locks, and returns at once. Namespaces, sockets
//! and questions are integers here; the classes that users see are in `lib/`.
#![deny(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        dead_code,
        reason = "nothing is registered with Node in a test program"
    )
)]

mod batch;
mod bell;
mod broadcast;
mod call;
mod deferred;
mod emit;
mod error;
mod event;
mod handshake;
mod hooks;
mod log;
mod names;
mod namespace;
mod poll;
mod registry;
mod server;
mod socket;
mod text;
mod value;
