//! Clients that connect, exchange one message, and leave: a new one takes the place of each.

use std::io;

use crate::clock::now_ns;
use crate::gauge::{Gauge, Progress};
use crate::load::TURN;
use crate::net::Fleet;
use crate::payload::{Message, goodbye};

pub(crate) fn churn(gauge: &mut Gauge<'_>, fleet: &mut Fleet, message: &Message) -> io::Result<()> {
    let goodbye = goodbye();
    let mut dialled_at = vec![0; fleet.size()];
    let mut answered = vec![false; fleet.size()];
    for (slot, at) in dialled_at.iter_mut().enumerate() {
        *at = now_ns();
        fleet.dial(slot)?;
    }
    loop {
        if gauge.tick(now_ns())? == Progress::Over {
            return Ok(());
        }
        for found in fleet.wait(TURN)? {
            let arrival = fleet.take(found)?;
            let slot = arrival.conn;
            if arrival.connected {
                fleet.send(slot, message.times(1))?;
            }
            if arrival.answers > 0 {
                answered[slot] = true;
                gauge.latency(now_ns() - dialled_at[slot]);
                fleet.send(slot, &goodbye)?;
            }
            if arrival.closed {
                if !answered[slot] {
                    return Err(io::Error::other("a client was closed before its answer"));
                }
                gauge.count(1);
                answered[slot] = false;
                dialled_at[slot] = now_ns();
                fleet.dial(slot)?;
            }
        }
    }
}
