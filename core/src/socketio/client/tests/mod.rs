//! A client in virtual time: its packets are texts, and the effects are lines of a log.
//!
//! One log has the host's events and the sent packets, in the order in which the connection's task would handle them.
//! Ids are random: the log has `ID` instead.

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
