//! The C ABI of Bellwire: `include/bellwire.h` is made from this crate.
//!
//! Conventions. Every function is written out, so that the header's generator sees it; it runs
//! inside [`panic::entry`], which turns errors and panics into a status. Handles are numbers that
//! [`registry`] looks up; the few pointers that cross the border are followed in [`pointer`] only.
//! No Rust enum, `bool` or reference stands in a signature. The documentation of an item is the
//! text of the header: it names ownership, the thread tag and the errors.
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
