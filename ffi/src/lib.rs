//! The C ABI of Bellwire. `include/bellwire.h` is generated from this crate.
//!
//! Conventions: every function is written without macros, so that the header's generator finds it, and
//! runs inside [`panic::entry`], which converts errors and panics to a status. Handles are numbers that
//! [`registry`] looks up. Pointers of the caller are dereferenced in [`pointer`] only. Signatures have no
//! Rust enum, `bool` or reference. The documentation of an item is the text of the header: it has
//! the thread tag, what the function does, ownership, and all statuses.
#![expect(
    non_camel_case_types,
    reason = "the names of C items are those of the header"
)]
#![deny(improper_ctypes_definitions)]

pub mod args;
pub mod broadcast;
mod clock;
mod closure;
pub mod config;
pub mod cursor;
pub mod deferred;
mod dispatch;
pub mod emit;
pub mod error;
pub mod event;
mod event_memory;
mod handle;
pub mod handshake;
mod hooks;
mod listeners;
pub mod log;
pub mod message;
pub mod namespace;
pub mod on;
pub mod op;
mod panic;
pub mod payload;
mod pointer;
pub mod poll;
mod registry;
mod scope;
pub mod server;
mod shared;
pub mod socket;
mod thread;
pub mod types;
pub mod value;
pub mod version;
pub mod wakeup;
