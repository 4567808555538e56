//! Messages leave by the clock, whether or not earlier ones have been answered, and what they
//! wait counts from the moment they were due: a server that falls behind cannot hide it.

use std::collections::VecDeque;
use std::io;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::clock::{SECOND, now_ns};
use crate::gauge::{Gauge, Progress};
use crate::load::TURN;
use crate::net::{Fleet, refuse_close};
use crate::payload::Message;

pub(crate) fn open_loop(
    gauge: &mut Gauge<'_>,
    fleet: &mut Fleet,
    message: &Message,
    rate_per_s: u64,
) -> io::Result<()> {
    let interval = SECOND / rate_per_s;
    let timer = timerfd_create(
        TimerfdClockId::Monotonic,
        TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
    )?;
    let every = Timespec {
        tv_sec: 0,
        tv_nsec: interval.cast_signed(),
    };
    let times = Itimerspec {
        it_interval: every,
        it_value: every,
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
    fleet.watch(&timer)?;

    let mut due_at = vec![VecDeque::new(); fleet.size()];
    let mut due = now_ns();
    let mut slot = 0;
    loop {
        let now = now_ns();
        if gauge.tick(now)? == Progress::Over {
            return Ok(());
        }
        while due <= now {
            fleet.send(slot, message.times(1))?;
            due_at[slot].push_back(due);
            slot = (slot + 1) % fleet.size();
            due += interval;
        }
        for found in fleet.wait(TURN)? {
            let arrival = fleet.take(found)?;
            refuse_close(arrival)?;
            let now = now_ns();
            for _ in 0..arrival.answers {
                let Some(then) = due_at[arrival.conn].pop_front() else {
                    return Err(io::Error::other("more answers than messages"));
                };
                gauge.latency(now - then);
            }
            gauge.count(arrival.answers);
        }
        // Empties the timer; it may not have fired at all.
        let _fired = rustix::io::read(&timer, &mut [0_u8; 8]);
    }
}
