//! The ways of putting load on a server; each drives its clients until the gauge says enough.

mod churn;
mod closed_loop;
mod fan_out;
mod idle;
mod long_polling;
mod open_loop;

pub(crate) use churn::churn;
pub(crate) use closed_loop::closed_loop;
pub(crate) use fan_out::{broadcast, rooms};
pub(crate) use idle::idle;
pub(crate) use long_polling::long_polling;
pub(crate) use open_loop::open_loop;

/// How long a loop sleeps at most before it looks at the clock again.
const TURN: u64 = 50 * crate::clock::MILLISECOND;
