//! Sessions: the state machine of the protocol.
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
//! A close packet is never in the same response as messages: the official clients handle the close first and drop the
//! messages. In `Closing`, a poll is answered with the buffered packets, and the next poll with the close.
//!
//! The caller calls a `handle_*` method, `send` or `close`; then `poll_output` until it returns `None`; then waits
//! until `poll_timeout`. The session does not store incoming messages: `handle_packet` returns whether a message is to
//! be delivered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::engineio::TransportKind;
use crate::engineio::heartbeat::{Due, Heartbeat};
use crate::engineio::packet::{Message, Packet, PacketType};
use crate::engineio::upgrade::{Step, Upgrade};

/// Why a session has ended. The texts are those of the official server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The transport failed, or was used against the protocol.
    TransportError,
    /// The client has closed the transport.
    TransportClose,
    /// The server has closed the session.
    ForcedClose,
    /// The client has sent nothing in time.
    PingTimeout,
    /// The client has sent an invalid packet.
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

/// The options of a session.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The time between a pong and the next ping.
    pub ping_interval: Duration,
    /// The time in which the client must answer a ping.
    pub ping_timeout: Duration,
    /// The time in which a WebSocket must complete an upgrade.
    pub upgrade_timeout: Duration,
    /// The time for which a closed polling session waits for the next poll.
    pub close_timeout: Duration,
}

/// What the caller, which owns the transports, has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a packet on the session's WebSocket.
    Send(Packet),
    /// Answer the waiting poll with these packets.
    AnswerPoll(Vec<Packet>),
    /// Answer the probe on the second transport.
    AnswerProbe,
    /// Close the second transport.
    CloseProbe,
    /// Make the second transport the session's.
    Upgraded,
    /// Close the session's WebSocket after the packets that were sent.
    CloseWebSocket,
    /// The session has ended. This is the last output.
    Closed(CloseReason),
}

/// What to do with an incoming packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Deliver it: it is a message.
    Deliver,
    /// Nothing: the session has handled it.
    Done,
}

/// Why a poll is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollRefusal {
    /// Another poll was waiting. The session has ended.
    Overlap,
    /// The session uses a WebSocket.
    Upgraded,
    /// The session has ended before.
    Ended,
}

/// Whether a session has ended after [`Session::close`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The session has ended.
    Now,
    /// It ends with a poll when no packets are buffered, or `close_timeout` after the last poll.
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

/// The memory that a buffered packet takes besides its bytes: its place in a list that grows by doubling, and its
/// allocation.
const PACKET_COST: usize = 2 * size_of::<Packet>() + 32;

/// The state machine of one session, as drawn above.
#[derive(Debug)]
pub struct Session {
    settings: std::sync::Arc<Settings>,
    state: State,
    transport: TransportKind,
    upgrade: Upgrade,
    heartbeat: Heartbeat,
    /// Whether a poll waits.
    polled: bool,
    /// The packets that wait for a poll.
    buffer: Vec<Packet>,
    buffered_bytes: usize,
    outputs: VecDeque<Output>,
    round_trip: Option<Duration>,
}

impl Session {
    /// A new session. The caller sends the open packet.
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

    /// The transport of the session.
    pub fn transport(&self) -> TransportKind {
        self.transport
    }

    /// Whether the session accepts messages, in both directions.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a message would be sent at once: on a WebSocket, or with a waiting poll.
    pub fn is_writable(&self) -> bool {
        self.is_open() && (self.transport == TransportKind::WebSocket || self.polled)
    }

    /// The bytes of the packets that wait for a poll.
    pub fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// The memory of the packets that wait for a poll, in bytes.
    pub fn buffered_cost(&self) -> usize {
        self.buffered_bytes + self.buffer.len() * PACKET_COST
    }

    /// The deadline of the current upgrade.
    pub fn upgrade_deadline(&self) -> Option<Instant> {
        self.upgrade.deadline()
    }

    /// Whether the caller may write messages to the WebSocket directly, because no packets have to be sent first.
    pub fn is_direct(&self) -> bool {
        self.is_open() && self.transport == TransportKind::WebSocket && self.outputs.is_empty()
    }

    /// Takes the time between the last ping and its pong.
    pub fn take_round_trip(&mut self) -> Option<Duration> {
        self.round_trip.take()
    }

    // ---- what the client does

    /// Notes that bytes have arrived on a transport, or that queued bytes have been sent.
    pub fn handle_activity(&mut self, now: Instant) {
        self.heartbeat.handle_activity(now);
    }

    /// Handles a text packet. Binary messages are delivered if [`Session::is_open`], without a call.
    pub fn handle_packet(
        &mut self,
        from: TransportKind,
        kind: PacketType,
        data: &[u8],
        now: Instant,
    ) -> Verdict {
        if from != self.transport {
            // A POST that was accepted before the upgrade may be handled after it.
            if from == TransportKind::Polling && kind == PacketType::Message && self.is_open() {
                return Verdict::Deliver;
            }
            self.handle_probe_packet(kind, data, now);
            return Verdict::Done;
        }
        if !self.is_open() {
            // The client may send a close while the server waits to send its own.
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
            // The server sends the pings. Clients of revision 3 send pings.
            PacketType::Ping => self.fail(CloseReason::TransportError),
            // On a WebSocket the client closes the transport itself.
            PacketType::Close if from == TransportKind::Polling => self.handle_close_packet(),
            PacketType::Close | PacketType::Open | PacketType::Upgrade | PacketType::Noop => {}
        }
        Verdict::Done
    }

    /// Ends the session after an invalid packet.
    pub fn handle_invalid(&mut self, from: TransportKind) {
        if from == self.transport {
            self.fail(CloseReason::ParseError);
        } else {
            self.give_up_upgrade();
        }
    }

    /// Ends the session after a transport has failed, or was used against the protocol.
    pub fn handle_error(&mut self, from: TransportKind) {
        if from == self.transport {
            self.fail(CloseReason::TransportError);
        } else {
            self.give_up_upgrade();
        }
    }

    /// Handles a poll, which waits for packets. Source: Engine.IO, "HTTP long-polling".
    ///
    /// # Errors
    /// If the poll is to be refused.
    pub fn handle_poll(&mut self, now: Instant) -> Result<(), PollRefusal> {
        if self.is_closed() {
            return Err(PollRefusal::Ended);
        }
        if self.transport == TransportKind::WebSocket {
            return Err(PollRefusal::Upgraded);
        }
        self.heartbeat.handle_activity(now);
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

    /// Handles the loss of the connection of a poll or of an incomplete POST.
    pub fn handle_request_lost(&mut self) {
        if self.transport == TransportKind::Polling {
            self.fail(CloseReason::TransportError);
        }
    }

    /// Handles a new WebSocket with the session's id. Returns false if the caller has to close it.
    pub fn handle_second_transport(&mut self, now: Instant) -> bool {
        let wanted = self.is_open() && self.upgrade == Upgrade::Idle;
        if wanted {
            self.upgrade = Upgrade::Opened {
                deadline: now + self.settings.upgrade_timeout,
            };
        }
        wanted
    }

    /// Handles the close of a WebSocket by the client.
    pub fn handle_transport_closed(&mut self, which: TransportKind) {
        if which == self.transport {
            self.fail(CloseReason::TransportClose);
        } else {
            self.give_up_upgrade();
        }
    }

    /// Notes that the server stops or resumes reading.
    pub fn set_reading(&mut self, reading: bool, now: Instant) {
        self.heartbeat.set_reading(reading, now);
    }

    // ---- what the server does

    /// Sends the first packets of a session that is opened on a WebSocket.
    pub fn greet(&mut self, packets: Vec<Packet>) {
        self.outputs.extend(packets.into_iter().map(Output::Send));
    }

    /// Sends a message. Ignored unless the session is open.
    pub fn send(&mut self, message: Message) {
        if self.is_open() {
            self.send_packet(Packet::Message(message));
        }
    }

    /// Answers a waiting poll with the buffered packets. To be called once after all messages that were sent together.
    pub fn flush(&mut self) {
        if self.polled && !self.buffer.is_empty() {
            let packets = self.take_buffer();
            self.answer_poll(packets);
        }
    }

    /// Ends the session after the messages that were sent.
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
                // The buffered packets go first, in a response of their own: a client handles `1` before the messages
                // in the same response. An upgrade may still complete, and then the WebSocket carries the close.
                self.flush();
                self.close_by(reason, now);
                Closing::Later
            }
        }
    }

    /// Ends the session at once. Packets that wait for a poll are dropped.
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

    /// Handles the deadlines that have passed.
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

    /// Whether there is output, a round trip to take, or memory for [`Session::poll_output`] to free.
    pub fn has_output(&self) -> bool {
        self.outputs.capacity() > 0 || self.round_trip.is_some()
    }

    /// The next output.
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
                // The client completes the upgrade after its poll has been answered.
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
                self.heartbeat.handle_activity(now);
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

    /// Lets the session end with the next poll when no packets are buffered, or at the deadline.
    fn close_by(&mut self, reason: CloseReason, now: Instant) {
        self.state = State::Closing {
            reason,
            deadline: now + self.settings.close_timeout,
        };
    }

    /// Handles `1` in a POST. The official server answers a waiting poll with a noop.
    fn handle_close_packet(&mut self) {
        if self.polled {
            self.answer_poll(vec![Packet::Noop]);
        }
        self.end(CloseReason::TransportClose);
    }

    /// Ends the session, and answers a waiting poll.
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
