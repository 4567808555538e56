//! Every connection keeps a fixed number of messages on their way: an answer is followed by the
//! next message at once.

use std::collections::VecDeque;
use std::io;

use crate::clock::now_ns;
use crate::gauge::{Gauge, Progress};
use crate::load::TURN;
use crate::net::{Fleet, refuse_close};
use crate::payload::Message;

/// `message` has as many copies as are in flight.
pub(crate) fn closed_loop(
    gauge: &mut Gauge<'_>,
    fleet: &mut Fleet,
    message: &Message,
    in_flight: usize,
) -> io::Result<()> {
    let mut sent_at = vec![VecDeque::with_capacity(in_flight); fleet.size()];
    for (slot, sent_at) in sent_at.iter_mut().enumerate() {
        fleet.send(slot, message.times(in_flight))?;
        sent_at.resize(in_flight, now_ns());
    }
    loop {
        if gauge.tick(now_ns())? == Progress::Over {
            return Ok(());
        }
        for found in fleet.wait(TURN)? {
            let arrival = fleet.take(found)?;
            refuse_close(arrival)?;
            if arrival.answers == 0 {
                continue;
            }
            let now = now_ns();
            let sent_at = &mut sent_at[arrival.conn];
            for _ in 0..arrival.answers {
                let Some(then) = sent_at.pop_front() else {
                    return Err(io::Error::other("more answers than messages"));
                };
                gauge.latency(now - then);
                sent_at.push_back(now);
            }
            gauge.count(arrival.answers);
            fleet.send(arrival.conn, message.times(arrival.answers as usize))?;
        }
    }
}
