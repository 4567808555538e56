//! One message, many receivers: what counts is the delivery.

use std::collections::VecDeque;
use std::io;

use crate::clock::{SECOND, now_ns};
use crate::gauge::{Gauge, Progress};
use crate::load::TURN;
use crate::net::{Fleet, refuse_close};
use crate::payload::{Message, join};

/// One client broadcasts to all, itself included; `under_way` broadcasts are not yet everywhere.
pub(crate) fn broadcast(
    gauge: &mut Gauge<'_>,
    fleet: &mut Fleet,
    message: &Message,
    under_way: usize,
) -> io::Result<()> {
    let members = fleet.size() as u64;
    let groups = vec![Group::new(0, members)];
    relay(
        gauge,
        fleet,
        std::slice::from_ref(message),
        groups,
        under_way,
        |_| 0,
    )
}

/// Rooms of equal size, each with the message for it: one member sends it whenever the last one
/// has reached every client in the room.
pub(crate) fn rooms(
    gauge: &mut Gauge<'_>,
    fleet: &mut Fleet,
    rooms: &[(Message, String)],
    members: usize,
) -> io::Result<()> {
    enter_rooms(fleet, rooms, members)?;
    let messages: Vec<_> = rooms.iter().map(|(message, _)| message.clone()).collect();
    let groups = (0..rooms.len())
        .map(|room| Group::new(room * members, members as u64))
        .collect();
    relay(gauge, fleet, &messages, groups, 1, |slot| slot / members)
}

/// Those who receive the same messages.
#[derive(Clone, Debug)]
struct Group {
    sender: usize,
    members: u64,
    delivered: u64,
    complete: u64,
    /// When the messages left that are not yet everywhere.
    sent_at: VecDeque<u64>,
}

impl Group {
    fn new(sender: usize, members: u64) -> Self {
        Self {
            sender,
            members,
            delivered: 0,
            complete: 0,
            sent_at: VecDeque::new(),
        }
    }
}

fn relay(
    gauge: &mut Gauge<'_>,
    fleet: &mut Fleet,
    messages: &[Message],
    mut groups: Vec<Group>,
    under_way: usize,
    group_of: impl Fn(usize) -> usize,
) -> io::Result<()> {
    for (group, message) in groups.iter_mut().zip(messages) {
        for _ in 0..under_way {
            fleet.send(group.sender, message.times(1))?;
            group.sent_at.push_back(now_ns());
        }
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
            gauge.count(arrival.answers);
            let nth = group_of(arrival.conn);
            let group = &mut groups[nth];
            group.delivered += u64::from(arrival.answers);
            while group.delivered >= (group.complete + 1) * group.members {
                group.complete += 1;
                let now = now_ns();
                let Some(then) = group.sent_at.pop_front() else {
                    return Err(io::Error::other("more deliveries than messages"));
                };
                gauge.latency(now - then);
                fleet.send(group.sender, messages[nth].times(1))?;
                group.sent_at.push_back(now);
            }
        }
    }
}

fn enter_rooms(fleet: &mut Fleet, rooms: &[(Message, String)], members: usize) -> io::Result<()> {
    for slot in 0..fleet.size() {
        fleet.send(slot, &join(&rooms[slot / members].1))?;
    }
    let mut joined = 0;
    while joined < fleet.size() {
        for found in fleet.wait(SECOND)? {
            let arrival = fleet.take(found)?;
            refuse_close(arrival)?;
            joined += arrival.joined as usize;
        }
    }
    Ok(())
}
