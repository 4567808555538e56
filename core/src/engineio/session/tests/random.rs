//! The session with all orders of steps, against a client that numbers the messages in both directions.
//!
//! Properties for any behaviour of client, host, network and clock: while the session is open, no message is lost,
//! duplicated or reordered; every GET is answered once, at the latest when the session ends; the session ends once,
//! followed only by closes of transports; and its timeout is never in the past.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A step.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// A GET arrives.
    Poll,
    /// The client gives up its oldest GET.
    PollLost,
    /// A POST is incomplete or invalid.
    PostBroken,
    /// A POST with this many messages.
    Post(u8),
    /// A packet other than a message in a POST.
    PostPacket(PacketType),
    /// An invalid packet.
    Garbage(TransportKind),
    /// A WebSocket with the session's id is opened.
    Second,
    Probe,
    Upgrade,
    /// Any other packet on the WebSocket, before or after the upgrade.
    FramePacket(PacketType),
    WebSocketClosed,
    /// The host sends this many messages.
    Send(u8),
    Flush,
    Close,
    Abort,
    /// Time passes, in milliseconds.
    Wait(u16),
    Reading(bool),
    /// The driver handles the outputs, which it need not do after each step.
    CarryOut,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let packet = prop_oneof![
        4 => Just(PacketType::Pong),
        2 => Just(PacketType::Noop),
        1 => Just(PacketType::Open),
        1 => Just(PacketType::Close),
        1 => Just(PacketType::Ping),
        1 => Just(PacketType::Upgrade),
    ];
    let transport = prop_oneof![Just(TransportKind::Polling), Just(TransportKind::WebSocket)];
    prop_oneof![
        12 => Just(H::Poll),
        1 => Just(H::PollLost),
        1 => Just(H::PostBroken),
        6 => (1..4u8).prop_map(H::Post),
        2 => packet.clone().prop_map(H::PostPacket),
        1 => transport.prop_map(H::Garbage),
        5 => Just(H::Second),
        5 => Just(H::Probe),
        4 => Just(H::Upgrade),
        3 => packet.prop_map(H::FramePacket),
        1 => Just(H::WebSocketClosed),
        12 => (1..4u8).prop_map(H::Send),
        8 => Just(H::Flush),
        1 => Just(H::Close),
        1 => Just(H::Abort),
        4 => (0..15_000u16).prop_map(H::Wait),
        1 => any::<bool>().prop_map(H::Reading),
        20 => Just(H::CarryOut),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Get {
    Waiting,
    /// Its client has closed the connection; the answer is lost.
    Lost,
}

/// The two ends of a session: the driver, which handles the outputs, and the client, which checks the packets.
struct World {
    session: Session,
    now: Instant,
    gets: VecDeque<Get>,
    second: bool,
    websocket: bool,
    /// The number of messages that the host has sent, and that the client has received.
    sent: u32,
    received: u32,
    /// Messages were in the answer to a GET that its client had abandoned.
    lost_with_get: bool,
    /// Every message that the session accepted must arrive.
    owed: bool,
    closed: Option<CloseReason>,
}

impl World {
    fn new(transport: TransportKind) -> Self {
        let now = start();
        Self {
            session: Session::new(transport, settings(), now),
            now,
            gets: VecDeque::new(),
            second: false,
            websocket: transport == TransportKind::WebSocket,
            sent: 0,
            received: 0,
            lost_with_get: false,
            owed: true,
            closed: None,
        }
    }

    fn happen(&mut self, happening: Happening) {
        use Happening as H;
        match happening {
            H::Poll => {
                let was_open = self.session.is_open();
                // The earlier outputs have been handled.
                self.carry_out();
                if self.session.handle_poll(self.now).is_ok() {
                    self.gets.push_back(Get::Waiting);
                }
                if was_open {
                    // A second GET. A session that waited for a GET has no packets left.
                    self.give_up();
                }
            }
            H::PollLost => {
                if let Some(get) = self.gets.front_mut() {
                    *get = Get::Lost;
                    self.session.handle_request_lost();
                    self.give_up();
                }
            }
            H::PostBroken => {
                self.session.handle_error(TransportKind::Polling);
                self.give_up();
            }
            H::Post(messages) => {
                for _ in 0..messages {
                    self.receive(TransportKind::Polling, PacketType::Message, b"");
                }
            }
            H::PostPacket(kind) => self.receive(TransportKind::Polling, kind, b""),
            H::Garbage(from) => {
                if from == TransportKind::Polling || self.has_socket() {
                    self.session.handle_invalid(from);
                    self.give_up();
                }
            }
            H::Second => {
                // The WebSocket of a failed attempt is closed before the next one is opened.
                self.carry_out();
                let free = !self.second && !self.websocket && self.session.is_open();
                let wanted = self.session.handle_second_transport(self.now);
                assert_eq!(wanted, free, "{self:?}");
                self.second |= wanted;
            }
            H::Probe if self.has_socket() => {
                self.receive(TransportKind::WebSocket, PacketType::Ping, b"probe");
            }
            H::Upgrade if self.has_socket() => {
                self.receive(TransportKind::WebSocket, PacketType::Upgrade, b"");
            }
            H::FramePacket(kind) if self.has_socket() => {
                self.receive(TransportKind::WebSocket, kind, b"");
            }
            H::Probe | H::Upgrade | H::FramePacket(_) => {}
            H::WebSocketClosed => {
                if self.has_socket() {
                    self.session
                        .handle_transport_closed(TransportKind::WebSocket);
                    self.give_up();
                }
            }
            H::Send(messages) => {
                for _ in 0..messages {
                    self.send();
                }
            }
            H::Flush => self.session.flush(),
            H::Close => {
                let was_open = self.session.is_open();
                let closing = self.session.close(CloseReason::ForcedClose, self.now);
                if was_open && closing == Closing::Now {
                    self.carry_out();
                    assert!(self.session.is_closed());
                    assert!(self.lost_with_get || self.received == self.sent, "{self:?}");
                }
            }
            H::Abort => {
                self.session.abort(CloseReason::ServerShuttingDown);
                self.give_up();
            }
            H::Wait(ms) => self.wait(Duration::from_millis(u64::from(ms))),
            H::Reading(reading) => self.session.set_reading(reading, self.now),
            H::CarryOut => self.carry_out(),
        }
    }

    /// The session may have ended, and its buffered packets with it.
    fn give_up(&mut self) {
        self.owed &= !self.session.is_closed();
    }

    fn has_socket(&self) -> bool {
        self.second || self.websocket
    }

    /// A packet arrives. A message must be delivered exactly if the session is open and the transport is right.
    fn receive(&mut self, from: TransportKind, kind: PacketType, data: &[u8]) {
        let was_open = self.session.is_open();
        // A POST that was accepted before the upgrade counts after it.
        let right = from == self.session.transport() || from == TransportKind::Polling;
        let verdict = self.session.handle_packet(from, kind, data, self.now);
        let expected = was_open && right && kind == PacketType::Message;
        assert_eq!(verdict == Verdict::Deliver, expected, "{self:?}");
        // An upgrade may carry the close, and all packets before it.
        if was_open || kind != PacketType::Upgrade {
            self.give_up();
        }
    }

    /// The host sends a message: directly where that is allowed, as the driver does.
    fn send(&mut self) {
        if !self.session.is_open() {
            return;
        }
        let number = self.sent;
        self.sent += 1;
        if self.session.is_direct() {
            self.take(&Packet::Message(message(&number.to_string())));
        } else {
            self.session.send(message(&number.to_string()));
        }
    }

    /// The client receives a packet.
    fn take(&mut self, packet: &Packet) {
        if let Packet::Message(_) = packet {
            assert_eq!(
                packet_text(packet),
                format!("4{}", self.received),
                "in order, none lost, none twice: {self:?}"
            );
            self.received += 1;
        }
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(next) = self.session.poll_timeout().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.session.handle_timeout(self.now);
            assert!(
                self.session
                    .poll_timeout()
                    .is_none_or(|next| next > self.now),
                "what was due has been dealt with: {self:?}"
            );
            self.give_up();
        }
        self.now = end;
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            let may_follow_end = match &output {
                Output::AnswerPoll(packets) => packets
                    .iter()
                    .all(|packet| matches!(packet, Packet::Noop | Packet::Close)),
                Output::CloseProbe | Output::CloseWebSocket => true,
                Output::Send(_) | Output::AnswerProbe | Output::Upgraded | Output::Closed(_) => {
                    false
                }
            };
            assert!(
                self.closed.is_none() || may_follow_end,
                "{output:?} {self:?}"
            );
            match output {
                Output::Send(packet) => {
                    assert!(self.websocket, "{self:?}");
                    self.take(&packet);
                }
                Output::AnswerPoll(packets) => {
                    assert!(!packets.is_empty(), "an answer has a body");
                    assert!(
                        !packets.contains(&Packet::Close)
                            || packets
                                .iter()
                                .all(|packet| !matches!(packet, Packet::Message(_))),
                        "a close stands beside no message: {packets:?}"
                    );
                    let get = self.gets.pop_front().expect("a GET for every answer");
                    if get == Get::Waiting {
                        packets.iter().for_each(|packet| self.take(packet));
                        continue;
                    }
                    let messages = packets
                        .iter()
                        .filter(|packet| matches!(packet, Packet::Message(_)))
                        .count() as u32;
                    self.received += messages;
                    self.lost_with_get |= messages > 0;
                    self.session.handle_request_lost();
                    self.give_up();
                }
                Output::AnswerProbe => assert!(self.second, "{self:?}"),
                Output::CloseProbe => {
                    assert!(self.second && !self.websocket, "{self:?}");
                    self.second = false;
                }
                Output::Upgraded => {
                    assert!(self.second && !self.websocket, "{self:?}");
                    (self.second, self.websocket) = (false, true);
                }
                Output::CloseWebSocket => assert!(self.websocket, "{self:?}"),
                Output::Closed(reason) => {
                    assert_eq!(self.closed, None, "it ends once");
                    self.closed = Some(reason);
                }
            }
        }
        let waiting = self.gets.iter().filter(|get| **get == Get::Waiting).count();
        assert!(waiting <= 1, "one GET waits at most: {self:?}");
        assert_eq!(self.closed.is_some(), self.session.is_closed());
        if self.closed.is_some() {
            assert_eq!(waiting, 0, "no poll waits after the end of the session");
            assert_eq!(self.session.poll_timeout(), None);
            assert_eq!(self.session.buffered_bytes(), 0);
        }
    }

    /// A client that waits: all packets that the session still has must arrive now.
    fn finish(&mut self) {
        self.carry_out();
        if !self.session.is_closed() {
            self.session.flush();
            self.carry_out();
            if self.session.transport() == TransportKind::Polling
                && !self.gets.contains(&Get::Waiting)
            {
                self.happen(Happening::Poll);
                self.carry_out();
            }
        }
        assert!(
            !self.owed || self.received == self.sent,
            "everything arrives: {self:?}"
        );
        self.session.abort(CloseReason::ServerShuttingDown);
        self.carry_out();
        assert!(self.session.is_closed());
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "sent {}, received {}, GETs {:?}, second {}, websocket {}, closed {:?}, {:?}",
            self.sent,
            self.received,
            self.gets,
            self.second,
            self.websocket,
            self.closed,
            self.session
        )
    }
}

fn run(transport: TransportKind, happenings: &[Happening]) {
    let mut world = World::new(transport);
    for happening in happenings {
        world.happen(*happening);
    }
    world.finish();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_polling_session_keeps_its_promises(happenings in vec(happening(), 0..60)) {
        run(TransportKind::Polling, &happenings);
    }

    #[test]
    fn a_websocket_session_keeps_its_promises(happenings in vec(happening(), 0..40)) {
        run(TransportKind::WebSocket, &happenings);
    }
}

/// Every order of four of the most important steps, from each state of a session.
#[test]
fn every_short_sequence_keeps_the_promises() {
    use Happening as H;
    let all = [
        H::Poll,
        H::PollLost,
        H::PostBroken,
        H::Post(1),
        H::PostPacket(PacketType::Close),
        H::Second,
        H::Probe,
        H::Upgrade,
        H::FramePacket(PacketType::Noop),
        H::WebSocketClosed,
        H::Send(1),
        H::Flush,
        H::Close,
        H::Wait(10_000),
        H::Wait(50_000),
        H::CarryOut,
    ];
    let places: [&[Happening]; 5] = [
        &[],
        &[H::Poll, H::CarryOut],
        &[H::Send(2), H::Second, H::Probe, H::CarryOut],
        &[H::Second, H::Upgrade, H::CarryOut],
        &[H::Send(1), H::Close, H::CarryOut],
    ];
    for place in places {
        for number in 0..all.len().pow(4) {
            let mut happenings = place.to_vec();
            happenings.extend((0..4).map(|at| all[number / all.len().pow(at) % all.len()]));
            run(TransportKind::Polling, &happenings);
        }
    }
}
