//! The native addon of the npm package: an engine as a JavaScript object of plain functions.
//!
//! Engine threads never enter V8. They append events to the core's queue and ring a bell, which is a threadsafe function.
//! JavaScript then drains the queue on its own thread: one drain returns many events as one string, one array of numbers
//! and their attachments. Calls from JavaScript to the engine run on the JavaScript thread, take short locks of the core and
//! never block. Namespaces, sockets and questions are integers at this boundary; the public classes are in `lib/`.
#![deny(unsafe_code)]
#![cfg_attr(
    test,
    allow(dead_code, reason = "a test binary registers no functions with Node")
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
