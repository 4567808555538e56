//! The session: what the protocol says happens next.
//!
//! ```text
//!              handle_* / send / close
//!   ┌──────┐ ─────────────────────────▶ ┌──────┐   close, something still    ┌─────────┐
//!   │ new  │                            │ Open │   waits for a poll          │ Closing │
//!   └──────┘                            └──────┘ ──────────────────────────▶ └─────────┘
//!                                           │ error, timeout, peer, close         │ a poll that finds nothing
//!                                           ▼                                     ▼ buffered, or closeTimeout
//!                                       ┌────────┐ ◀─────────────────────────────┘
//!                                       │ Closed │  one `Output::Closed(reason)`
//!                                       └────────┘
//! ```
//! A close never shares an answer with messages: official clients act on the close first and drop the messages. In
//! `Closing` a poll is answered with what is buffered, and the next one with the close.
//!
//! Contract: call a `handle_*` method, or `send` or `close`; then take every `poll_output`; then wait until
//! `poll_timeout`. Incoming messages do not pass through: `handle_packet` says whether a message is to be delivered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::engineio::TransportKind;
use crate::engineio::heartbeat::{Due, Heartbeat};
use crate::engineio::packet::{Message, Packet, PacketType};
use crate::engineio::upgrade::{Step, Upgrade};

/// Why a session ended; the texts are the official server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The transport broke, or was used against the rules.
    TransportError,
    /// The client closed it.
    TransportClose,
    /// The server closed it.
    ForcedClose,
    /// The client gave no sign of life.
    PingTimeout,
    /// The client sent what is no packet.
    ParseError,
    /// The server is shutting down.
    ServerShuttingDown,
}

impl CloseReason {
    /// The official text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportError => "transport error",
            Self::TransportClose => "transport close",
            Self::ForcedClose => "forced close",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ServerShuttingDown => "server shutting down",
        }
    }
}

/// The options that a session obeys.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time between a pong and the next ping.
    pub ping_interval: Duration,
    /// Time a pong may take.
    pub ping_timeout: Duration,
    /// Time a WebSocket has to complete an upgrade.
    pub upgrade_timeout: Duration,
    /// Time a closed polling session waits for the next poll.
    pub close_timeout: Duration,
}

/// What the owner of the transports is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a packet on the session's WebSocket.
    Send(Packet),
    /// Answer the waiting GET with these packets.
    AnswerPoll(Vec<Packet>),
    /// Answer the probe on the second transport.
    AnswerProbe,
    /// Close the second transport.
    CloseProbe,
    /// The second transport is now the session's.
    Upgraded,
    /// Close the session's WebSocket, after what was sent.
    CloseWebSocket,
    /// The session has ended; nothing follows but its transports' farewells.
    Closed(CloseReason),
}

/// What is to be done with an incoming packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is a message for the layer above.
    Deliver,
    /// The session has dealt with it.
    Done,
}

/// Why a GET is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollRefusal {
    /// One was waiting already; the session has ended.
    Overlap,
    /// The session has moved to a WebSocket.
    Upgraded,
    /// The session had ended before.
    Ended,
}

/// Whether a close was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The session has ended.
    Now,
    /// It ends with a poll that finds nothing buffered, or `close_timeout` after the last one.
    Later,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closing {
        reason: CloseReason,
        deadline: Instant,
    },
    Closed,
}

/// What a packet that waits for a GET costs besides its bytes: its place in a list that grows by doubling, and its
/// allocation.
const PACKET_COST: usize = 2 * size_of::<Packet>() + 32;

/// See the module's documentation.
#[derive(Debug)]
pub struct Session {
    settings: std::sync::Arc<Settings>,
    state: State,
    transport: TransportKind,
    upgrade: Upgrade,
    heartbeat: Heartbeat,
    /// A GET waits for packets.
    polled: bool,
    /// Packets that wait for a GET.
    buffer: Vec<Packet>,
    buffered_bytes: usize,
    outputs: VecDeque<Output>,
    round_trip: Option<Duration>,
}

impl Session {
    /// A session that has just been opened; its open packet is the caller's to send.
    pub fn new(transport: TransportKind, settings: std::sync::Arc<Settings>, now: Instant) -> Self {
        Self {
            heartbeat: Heartbeat::new(settings.ping_interval, settings.ping_timeout, now),
            settings,
            state: State::Open,
            transport,
            upgrade: match transport {
                TransportKind::Polling => Upgrade::Idle,
                TransportKind::WebSocket => Upgrade::Done,
            },
            polled: false,
            buffer: Vec::new(),
            buffered_bytes: 0,
            outputs: VecDeque::new(),
            round_trip: None,
        }
    }

    /// The transport that carries the session.
    pub fn transport(&self) -> TransportKind {
        self.transport
    }

    /// Whether messages are taken in both directions.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a message would leave at once: a WebSocket, or a waiting GET.
    pub fn is_writable(&self) -> bool {
        self.is_open() && (self.transport == TransportKind::WebSocket || self.polled)
    }

    /// Bytes of packets that wait for a GET.
    pub fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// The memory that packets take that wait for a GET.
    pub fn buffered_cost(&self) -> usize {
        self.buffered_bytes + self.buffer.len() * PACKET_COST
    }

    /// When an upgrade under way is given up.
    pub fn upgrade_deadline(&self) -> Option<Instant> {
        self.upgrade.deadline()
    }

    /// Whether messages can be written to the WebSocket without asking: nothing must go before them.
    pub fn is_direct(&self) -> bool {
        self.is_open() && self.transport == TransportKind::WebSocket && self.outputs.is_empty()
    }

    /// The time between the last ping and its pong, once.
    pub fn take_round_trip(&mut self) -> Option<Duration> {
        self.round_trip.take()
    }

    // ---- what the client does

    /// Bytes came in on some transport, or stuck bytes went out.
    pub fn handle_life(&mut self, now: Instant) {
        self.heartbeat.handle_life(now);
    }

    /// A text packet came in; binary messages are delivered without asking, if [`Session::is_open`].
    pub fn handle_packet(
        &mut self,
        from: TransportKind,
        kind: PacketType,
        data: &[u8],
        now: Instant,
    ) -> Verdict {
        if from != self.transport {
            // A POST that was accepted before the upgrade may be looked at after it.
            if from == TransportKind::Polling && kind == PacketType::Message && self.is_open() {
                return Verdict::Deliver;
            }
            self.handle_probe_packet(kind, data, now);
            return Verdict::Done;
        }
        if !self.is_open() {
            // A client may still say goodbye while the server waits to say it.
            if kind == PacketType::Close {
                self.end(CloseReason::TransportClose);
            }
            return Verdict::Done;
        }
        match kind {
            PacketType::Message => return Verdict::Deliver,
            PacketType::Pong => {
                if let Some(round_trip) = self.heartbeat.handle_pong(now) {
                    self.round_trip = Some(round_trip);
                }
            }
            // The server pings; a ping of the client belongs to revision 3.
            PacketType::Ping => self.fail(CloseReason::TransportError),
            // On a WebSocket the client closes the socket itself.
            PacketType::Close if from == TransportKind::Polling => self.handle_close_packet(),
            PacketType::Close | PacketType::Open | PacketType::Upgrade | PacketType::Noop => {}
        }
        Verdict::Done
    }

    /// Bytes came in that are no packet.
    pub fn handle_invalid(&mut self, from: TransportKind) {
        if from == self.transport {
            self.fail(CloseReason::ParseError);
        } else {
            self.give_up_upgrade();
        }
    }

    /// A transport was used against its rules, or broke.
    pub fn handle_error(&mut self, from: TransportKind) {
        if from == self.transport {
            self.fail(CloseReason::TransportError);
        } else {
            self.give_up_upgrade();
        }
    }

    /// A GET arrived and waits. Source: Engine.IO, "HTTP long-polling".
    ///
    /// # Errors
    /// It does not wait, and is to be refused.
    pub fn handle_poll(&mut self, now: Instant) -> Result<(), PollRefusal> {
        if self.is_closed() {
            return Err(PollRefusal::Ended);
        }
        if self.transport == TransportKind::WebSocket {
            return Err(PollRefusal::Upgraded);
        }
        self.heartbeat.handle_life(now);
        if self.polled {
            self.fail(CloseReason::TransportError);
            return Err(PollRefusal::Overlap);
        }
        self.polled = true;
        match self.state {
            State::Closing { reason, .. } if self.buffer.is_empty() => {
                self.answer_poll(vec![Packet::Noop, Packet::Close]);
                self.end(reason);
            }
            State::Closing { reason, .. } => {
                self.flush();
                self.close_by(reason, now);
            }
            _ if self.upgrade.is_probing() && self.buffer.is_empty() => {
                self.answer_poll(vec![Packet::Noop]);
            }
            _ => self.flush(),
        }
        Ok(())
    }

    /// The connection of a GET, or of an unfinished POST, was lost. If it was the GET that waits, its answer goes nowhere.
    pub fn handle_request_lost(&mut self) {
        if self.transport == TransportKind::Polling {
            self.fail(CloseReason::TransportError);
        }
    }

    /// A WebSocket with the session's id was opened. False: it is not wanted and to be closed.
    pub fn handle_second_transport(&mut self, now: Instant) -> bool {
        let wanted = self.is_open() && self.upgrade == Upgrade::Idle;
        if wanted {
            self.upgrade = Upgrade::Opened {
                deadline: now + self.settings.upgrade_timeout,
            };
        }
        wanted
    }

    /// A WebSocket was closed by the client.
    pub fn handle_transport_closed(&mut self, which: TransportKind) {
        if which == self.transport {
            self.fail(CloseReason::TransportClose);
        } else {
            self.give_up_upgrade();
        }
    }

    /// The server stops reading, or reads again.
    pub fn set_reading(&mut self, reading: bool, now: Instant) {
        self.heartbeat.set_reading(reading, now);
    }

    // ---- what the server does

    /// The first packets of a session on a WebSocket.
    pub fn greet(&mut self, packets: Vec<Packet>) {
        self.outputs.extend(packets.into_iter().map(Output::Send));
    }

    /// Sends a message; ignored unless the session is open.
    pub fn send(&mut self, message: Message) {
        if self.is_open() {
            self.send_packet(Packet::Message(message));
        }
    }

    /// Puts what is buffered into a waiting GET. Called once for all that became ready.
    pub fn flush(&mut self) {
        if self.polled && !self.buffer.is_empty() {
            let packets = self.take_buffer();
            self.answer_poll(packets);
        }
    }

    /// Ends the session after what was sent.
    pub fn close(&mut self, reason: CloseReason, now: Instant) -> Closing {
        match self.state {
            State::Closed => Closing::Now,
            State::Closing { .. } => Closing::Later,
            State::Open if self.transport == TransportKind::WebSocket => {
                self.end(reason);
                Closing::Now
            }
            State::Open if self.polled && self.buffer.is_empty() => {
                self.answer_poll(vec![Packet::Close]);
                self.end(reason);
                Closing::Now
            }
            State::Open => {
                // What waits goes first, in an answer of its own: a client looks at `1` before it looks at the messages
                // beside it. An upgrade may still complete, and carry the goodbye.
                self.flush();
                self.close_by(reason, now);
                Closing::Later
            }
        }
    }

    /// Ends the session at once; what waits for a poll is dropped.
    pub fn abort(&mut self, reason: CloseReason) {
        self.fail(reason);
    }

    // ---- time

    /// When to call [`Session::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Open => [self.heartbeat.deadline(), self.upgrade.deadline()]
                .into_iter()
                .flatten()
                .min(),
            State::Closing { deadline, .. } => [Some(deadline), self.upgrade.deadline()]
                .into_iter()
                .flatten()
                .min(),
            State::Closed => None,
        }
    }

    /// The time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Open => {
                match self.heartbeat.poll(now) {
                    Due::Nothing => {}
                    Due::Ping => self.send_packet(Packet::Ping),
                    Due::Dead => return self.fail(CloseReason::PingTimeout),
                }
                if self
                    .upgrade
                    .deadline()
                    .is_some_and(|deadline| now >= deadline)
                {
                    self.give_up_upgrade();
                }
                self.flush();
            }
            State::Closing { reason, deadline } if now >= deadline => self.fail(reason),
            State::Closing { .. } => self.check_upgrade(now),
            State::Closed => {}
        }
    }

    /// Whether there is something to do, or a round trip to take, or memory that [`Session::poll_output`] is to give back.
    pub fn has_output(&self) -> bool {
        self.outputs.capacity() > 0 || self.round_trip.is_some()
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() && self.outputs.capacity() > 0 {
            self.outputs = VecDeque::new();
        }
        output
    }

    // ---- inside

    fn send_packet(&mut self, packet: Packet) {
        match self.transport {
            TransportKind::WebSocket => self.outputs.push_back(Output::Send(packet)),
            TransportKind::Polling => {
                self.buffered_bytes += packet
                    .as_message()
                    .map_or_else(|binary| binary.len(), <[u8]>::len);
                self.buffer.push(packet);
            }
        }
    }

    fn take_buffer(&mut self) -> Vec<Packet> {
        self.buffered_bytes = 0;
        std::mem::take(&mut self.buffer)
    }

    fn answer_poll(&mut self, packets: Vec<Packet>) {
        self.polled = false;
        self.outputs.push_back(Output::AnswerPoll(packets));
    }

    fn handle_probe_packet(&mut self, kind: PacketType, data: &[u8], now: Instant) {
        if self.is_closed() {
            return;
        }
        match self.upgrade.handle_packet(kind, data) {
            Step::Probe => {
                self.outputs.push_back(Output::AnswerProbe);
                // The client waits for its poll to return before it completes the upgrade.
                if self.polled {
                    self.send_packet(Packet::Noop);
                    self.flush();
                }
            }
            Step::Complete => {
                if self.polled {
                    self.answer_poll(vec![Packet::Noop]);
                }
                self.transport = TransportKind::WebSocket;
                self.heartbeat.handle_life(now);
                self.outputs.push_back(Output::Upgraded);
                for packet in self.take_buffer() {
                    self.outputs.push_back(Output::Send(packet));
                }
                if let State::Closing { reason, .. } = self.state {
                    self.end(reason);
                }
            }
            Step::GiveUp => self.outputs.push_back(Output::CloseProbe),
            Step::Ignore => {}
        }
    }

    fn check_upgrade(&mut self, now: Instant) {
        if self
            .upgrade
            .deadline()
            .is_some_and(|deadline| now >= deadline)
        {
            self.give_up_upgrade();
        }
    }

    fn give_up_upgrade(&mut self) {
        if self.upgrade.is_active() {
            self.upgrade = Upgrade::Idle;
            self.outputs.push_back(Output::CloseProbe);
        }
    }

    /// The session ends with the next poll that finds nothing buffered, or when the time for one is over.
    fn close_by(&mut self, reason: CloseReason, now: Instant) {
        self.state = State::Closing {
            reason,
            deadline: now + self.settings.close_timeout,
        };
    }

    /// `1` in a POST. The official server lets a waiting GET return with a noop.
    fn handle_close_packet(&mut self) {
        if self.polled {
            self.answer_poll(vec![Packet::Noop]);
        }
        self.end(CloseReason::TransportClose);
    }

    /// Ends the session now; a waiting GET is told.
    fn fail(&mut self, reason: CloseReason) {
        if self.state == State::Closed {
            return;
        }
        self.take_buffer();
        if self.polled {
            self.answer_poll(vec![Packet::Close]);
        }
        self.end(reason);
    }

    fn end(&mut self, reason: CloseReason) {
        if self.state == State::Closed {
            return;
        }
        self.give_up_upgrade();
        if self.transport == TransportKind::WebSocket {
            self.outputs.push_back(Output::CloseWebSocket);
        }
        self.state = State::Closed;
        self.take_buffer();
        self.outputs.push_back(Output::Closed(reason));
    }
}

#[cfg(test)]
mod tests;
