//! Many connections on one epoll, driven by one thread.

use std::collections::BTreeSet;
use std::io;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::time::Timespec;

use crate::clock::{SECOND, now_ns};
use crate::net::conn::{Answer, Arrival, Conn};

/// Connections that are opened at the same time.
const OPENING: usize = 64;
const SCRATCH: usize = 256 * 1024;
const EVENTS: usize = 512;
/// A server that says nothing for so long has failed.
const SILENCE: u64 = 15 * SECOND;

/// What the tokens of an epoll event name.
const TIMER: u64 = u64::MAX;

pub(crate) struct Fleet {
    port: u16,
    answer: Answer,
    epoll: OwnedFd,
    conns: Vec<Option<Conn>>,
    scratch: Vec<u8>,
    events: Vec<Event>,
    dialled: u64,
    writing: BTreeSet<usize>,
    last_event: u64,
}

/// What a wait has found; to be taken one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found(usize);

impl Fleet {
    pub(crate) fn new(port: u16, size: usize, answer: Answer) -> io::Result<Self> {
        Ok(Self {
            port,
            answer,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            conns: std::iter::repeat_with(|| None).take(size).collect(),
            scratch: vec![0; SCRATCH],
            events: Vec::with_capacity(EVENTS),
            dialled: 0,
            writing: BTreeSet::new(),
            last_event: now_ns(),
        })
    }

    /// A fleet whose connections have all completed the Socket.IO handshake.
    pub(crate) fn connected(port: u16, size: usize, answer: Answer) -> io::Result<Self> {
        let mut fleet = Self::new(port, size, answer)?;
        let (mut dialled, mut ready) = (0, 0);
        while ready < size {
            while dialled < size && dialled - ready < OPENING {
                fleet.dial(dialled)?;
                dialled += 1;
            }
            for found in fleet.wait(SECOND)? {
                let arrival = fleet.take(found)?;
                refuse_close(arrival)?;
                ready += usize::from(arrival.connected);
            }
        }
        Ok(fleet)
    }

    pub(crate) fn size(&self) -> usize {
        self.conns.len()
    }

    /// Opens the connection in this slot; the one that was there is closed.
    pub(crate) fn dial(&mut self, slot: usize) -> io::Result<()> {
        self.hang_up(slot);
        let conn = Conn::open(self.port, self.dialled)?;
        self.dialled += 1;
        let token = EventData::new_u64(slot as u64);
        epoll::add(&self.epoll, &conn.stream, token, EventFlags::IN)?;
        self.conns[slot] = Some(conn);
        Ok(())
    }

    pub(crate) fn hang_up(&mut self, slot: usize) {
        self.writing.remove(&slot);
        self.conns[slot] = None;
    }

    /// Lets `wait` also return when the timer has fired.
    pub(crate) fn watch(&mut self, timer: impl AsFd) -> io::Result<()> {
        epoll::add(
            &self.epoll,
            timer,
            EventData::new_u64(TIMER),
            EventFlags::IN,
        )?;
        Ok(())
    }

    /// Waits for events; an error when the server has been silent for too long.
    pub(crate) fn wait(
        &mut self,
        timeout_ns: u64,
    ) -> io::Result<impl Iterator<Item = Found> + use<>> {
        self.events.clear();
        let timeout = Timespec {
            tv_sec: (timeout_ns / SECOND).cast_signed(),
            tv_nsec: (timeout_ns % SECOND).cast_signed(),
        };
        match epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.events),
            Some(&timeout),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        if self.events.is_empty() && now_ns() - self.last_event > SILENCE {
            return Err(io::Error::other("the server has stopped answering"));
        }
        if !self.events.is_empty() {
            self.last_event = now_ns();
        }
        Ok((0..self.events.len()).map(Found))
    }

    /// Starts a period in which silence is expected.
    pub(crate) fn forgive_silence(&mut self) {
        self.last_event = now_ns();
    }

    pub(crate) fn take(&mut self, found: Found) -> io::Result<Arrival> {
        let event = self.events[found.0];
        let (token, flags) = (event.data.u64(), event.flags);
        if token == TIMER {
            return Ok(Arrival::default());
        }
        let slot = token as usize;
        let Some(conn) = &mut self.conns[slot] else {
            return Ok(Arrival::default());
        };
        if flags.contains(EventFlags::OUT) && !conn.flush()? {
            self.stop_writing(slot)?;
        }
        let Some(conn) = &mut self.conns[slot] else {
            return Ok(Arrival::default());
        };
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return Ok(Arrival::default());
        }
        let mut arrival = conn.receive(&mut self.scratch, self.answer)?;
        arrival.conn = slot;
        if conn.has_unsent() {
            self.start_writing(slot)?;
        }
        Ok(arrival)
    }

    pub(crate) fn send(&mut self, slot: usize, bytes: &[u8]) -> io::Result<()> {
        let Some(conn) = &mut self.conns[slot] else {
            return Err(io::Error::from(io::ErrorKind::NotConnected));
        };
        if conn.send(bytes)? {
            self.start_writing(slot)?;
        }
        Ok(())
    }

    fn start_writing(&mut self, slot: usize) -> io::Result<()> {
        if self.writing.insert(slot) {
            self.modify(slot, EventFlags::IN | EventFlags::OUT)?;
        }
        Ok(())
    }

    fn stop_writing(&mut self, slot: usize) -> io::Result<()> {
        if self.writing.remove(&slot) {
            self.modify(slot, EventFlags::IN)?;
        }
        Ok(())
    }

    fn modify(&self, slot: usize, flags: EventFlags) -> io::Result<()> {
        if let Some(conn) = &self.conns[slot] {
            let token = EventData::new_u64(slot as u64);
            epoll::modify(&self.epoll, &conn.stream, token, flags)?;
        }
        Ok(())
    }
}

/// A connection that the server closes in the middle of a measurement spoils it.
pub(crate) fn refuse_close(arrival: Arrival) -> io::Result<()> {
    if arrival.closed {
        return Err(io::Error::other("the server has closed a connection"));
    }
    Ok(())
}
