//! A client in virtual time: what it sends comes in as text, what happens is a log of lines.
//!
//! One log holds both what the host hears and what is sent, in the order in which the connection's task would do it.
//! Ids are random: in the log a socket's id is `ID`.

mod acks;
mod connect;
mod events;
mod leaving;
mod middleware;
mod random;
mod sending;
mod world;

pub(crate) use world::World;
pub(super) use world::settings;
