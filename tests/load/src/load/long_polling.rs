//! Clients on HTTP long-polling: each has one connection on which a GET always waits and one for
//! its POSTs, and sends its next message when the last has been answered on both.

use std::io;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

use crate::clock::{SECOND, now_ns};
use crate::gauge::{Gauge, Progress};
use crate::net::{Exchange, request};

const ANSWER_WITHIN: Timespec = Timespec {
    tv_sec: 15,
    tv_nsec: 0,
};
/// Between the packets of one body.
const SEPARATOR: u8 = 0x1e;

#[derive(Debug)]
struct Client {
    poll: Exchange,
    post: Exchange,
    path: String,
    get: Vec<u8>,
    send: Vec<u8>,
    sent_at: u64,
    /// What the next message still waits for.
    answer_missing: bool,
    post_pending: bool,
    pinged: bool,
}

/// `text` is the packet to be echoed, the same as its answer.
pub(crate) fn long_polling(
    gauge: &mut Gauge<'_>,
    port: u16,
    clients: usize,
    text: &str,
) -> io::Result<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut scratch = vec![0; 64 * 1024];
    let mut polling = Vec::with_capacity(clients);
    for nth in 0..clients {
        let client = Client::connect(port, nth, text, &mut scratch)?;
        watch(&epoll, &client.poll, 2 * nth)?;
        watch(&epoll, &client.post, 2 * nth + 1)?;
        polling.push(client);
    }
    for client in &mut polling {
        client.poll.send(&client.get)?;
        client.send_next()?;
    }
    let mut events: Vec<Event> = Vec::with_capacity(512);
    loop {
        if gauge.tick(now_ns())? == Progress::Over {
            return Ok(());
        }
        events.clear();
        if epoll::wait(&epoll, spare_capacity(&mut events), Some(&ANSWER_WITHIN))? == 0 {
            return Err(io::Error::other("the server has stopped answering"));
        }
        for event in &events {
            let token = event.data.u64() as usize;
            let client = &mut polling[token / 2];
            if token.is_multiple_of(2) {
                if let Some(body) = client.poll.receive(&mut scratch)? {
                    client.take(&body, text.as_bytes(), gauge)?;
                }
            } else if client.post.receive(&mut scratch)?.is_some() {
                client.post_pending = false;
            }
            if !client.answer_missing && !client.post_pending {
                client.send_next()?;
            }
        }
    }
}

impl Client {
    fn connect(port: u16, nth: usize, text: &str, scratch: &mut [u8]) -> io::Result<Self> {
        let mut poll = Exchange::open(port, nth as u64)?;
        let path = "/socket.io/?EIO=4&transport=polling";
        let open = round_trip(&mut poll, &request(path, ""), scratch)?;
        let sid = open
            .split("\"sid\":\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let sid = sid.ok_or_else(|| io::Error::other(format!("no session in {open}")))?;
        let path = format!("{path}&sid={sid}");
        let get = request(&path, "");
        round_trip(&mut poll, &request(&path, "40"), scratch)?;
        // The first ping may come before the CONNECT.
        let mut pinged = false;
        loop {
            let body = round_trip(&mut poll, &get, scratch)?;
            pinged |= body.split(SEPARATOR as char).any(|packet| packet == "2");
            if body
                .split(SEPARATOR as char)
                .any(|packet| packet.starts_with("40"))
            {
                break;
            }
        }
        Ok(Self {
            poll,
            post: Exchange::open(port, nth as u64)?,
            get,
            send: request(&path, text),
            path,
            sent_at: 0,
            answer_missing: false,
            post_pending: false,
            pinged,
        })
    }

    fn send_next(&mut self) -> io::Result<()> {
        self.answer_missing = true;
        self.post_pending = true;
        self.sent_at = now_ns();
        if std::mem::take(&mut self.pinged) {
            // The answer stays away; the pong's own is enough to go on.
            self.answer_missing = false;
            return self.post.send(&request(&self.path, "3"));
        }
        self.post.send(&self.send)
    }

    fn take(&mut self, body: &[u8], answer: &[u8], gauge: &mut Gauge<'_>) -> io::Result<()> {
        for packet in body.split(|byte| *byte == SEPARATOR) {
            if packet == answer {
                gauge.count(1);
                gauge.latency(now_ns() - self.sent_at);
                self.answer_missing = false;
            } else if packet == b"2" {
                self.pinged = true;
            } else {
                let text = String::from_utf8_lossy(packet).into_owned();
                return Err(io::Error::other(format!("no answer: {text}")));
            }
        }
        self.poll.send(&self.get)
    }
}

fn watch(epoll: &OwnedFd, exchange: &Exchange, token: usize) -> io::Result<()> {
    let token = EventData::new_u64(token as u64);
    epoll::add(epoll, &exchange.stream, token, EventFlags::IN)?;
    Ok(())
}

/// A request whose answer is awaited right here.
fn round_trip(exchange: &mut Exchange, request: &[u8], scratch: &mut [u8]) -> io::Result<String> {
    let deadline = now_ns() + 15 * SECOND;
    exchange.send(request)?;
    exchange.stream.set_nonblocking(false)?;
    exchange
        .stream
        .set_read_timeout(Some(std::time::Duration::from_secs(5)))?;
    while now_ns() < deadline {
        if let Some(body) = exchange.receive(scratch)? {
            exchange.stream.set_nonblocking(true)?;
            return Ok(String::from_utf8_lossy(&body).into_owned());
        }
    }
    Err(io::Error::from(io::ErrorKind::TimedOut))
}
