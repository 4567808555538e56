//! The driver: one task for each session, the only owner of its state machines and transports.
//!
//! A wake-up goes through the same steps, in this order, until nothing is left to do: requests, reading, time, mailbox,
//! what the session decided, one write. Host code that runs inline runs in the middle of it, and what it emits lies in
//! the mailbox before the mailbox's turn comes: all answers to what was read at once leave in one write.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::engineio::packet::{Message, Packet, PacketType};
use crate::engineio::payload::{self, PayloadPacket};
use crate::engineio::session::{Closing, Verdict};
use crate::engineio::{CloseReason, Output, Session, TransportKind};
use crate::server::layer::Layer;
use crate::server::scratch::Scratch;
use crate::server::sessions::SessionHandle;
use crate::server::shared::Shared;
use crate::socketio::client::Flow;
use crate::socketio::event::{DisconnectReason, Event, Hook};
use crate::socketio::link::Outgoing;
use crate::socketio::packet::EncodedPacket;
use crate::transport::frame::{FrameError, Incoming, Opcode};
use crate::transport::{Chunk, Outbox, PollAnswer, PostAnswer, TransportRequest, WebSocket};

/// How often a wake-up goes through its steps before others get their turn.
const ROUNDS: usize = 8;

/// See the module's documentation.
pub(super) struct Driver {
    shared: Arc<Shared>,
    handle: Arc<SessionHandle>,
    session: Session,
    layer: Layer,
    /// The session's transport, or what is left of it.
    websocket: Option<WebSocket>,
    /// What wants to become the session's transport.
    probe: Option<Box<WebSocket>>,
    /// The waiting GET, and one that came while it waited.
    poll: Option<oneshot::Sender<PollAnswer>>,
    overlap: Option<oneshot::Sender<PollAnswer>>,
    /// A POST that was not dealt with yet.
    post: Option<(Bytes, oneshot::Sender<PostAnswer>)>,
    deadlines: Deadlines,
    sleep: Pin<Box<Sleep>>,
    flags: Flags,
    count: Count,
}

/// Times by which something must have happened.
#[derive(Default)]
struct Deadlines {
    /// A namespace must have been joined.
    connect: Option<Instant>,
    /// The message that is coming in must be complete.
    message: Option<Instant>,
    /// The peer must have closed the WebSocket.
    linger: Option<Instant>,
}

#[derive(Default)]
struct Flags {
    /// The host is behind, and the client is not read.
    paused: bool,
    /// The connection is to be closed when the mailbox is empty.
    close_when_sent: bool,
    /// More waits for the client than the low mark.
    above_low_mark: bool,
    /// The end was told.
    ended: bool,
    /// Bytes that came with the handshake have not been looked at.
    unread_head: bool,
}

/// What happened in this wake-up, added to the shared numbers once.
#[derive(Default)]
struct Count {
    received: i64,
    received_bytes: i64,
    sent: i64,
    sent_bytes: i64,
}

impl Driver {
    /// The driver of a session that begins now. With a WebSocket, `greeting` is its first packets.
    pub(super) fn new(
        shared: Arc<Shared>,
        handle: Arc<SessionHandle>,
        layer: Layer,
        websocket: Option<WebSocket>,
        now: Instant,
    ) -> Self {
        let kind = if websocket.is_some() {
            TransportKind::WebSocket
        } else {
            TransportKind::Polling
        };
        let session = Session::new(kind, Arc::clone(&shared.session_settings), now);
        let connect = layer
            .must_connect()
            .then(|| now + shared.config.connect_timeout);
        let first = session
            .poll_timeout()
            .into_iter()
            .chain(connect)
            .min()
            .unwrap_or(now);
        shared.stats.clients_count.add(1);
        shared.stats.connections_total.add(1);
        if kind == TransportKind::Polling {
            shared.stats.polling_clients_count.add(1);
        }
        Self {
            handle,
            session,
            layer,
            flags: Flags {
                unread_head: websocket.is_some(),
                ..Flags::default()
            },
            websocket,
            probe: None,
            poll: None,
            overlap: None,
            post: None,
            deadlines: Deadlines {
                connect,
                ..Deadlines::default()
            },
            sleep: Box::pin(tokio::time::sleep_until(first.into())),
            count: Count::default(),
            shared,
        }
    }

    /// Sends the first packets of a WebSocket session, before anything else.
    pub(super) fn greet(&mut self, packets: Vec<Packet>) {
        self.session.greet(packets);
    }

    fn drive(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<()> {
        let now = now();
        for _ in 0..ROUNDS {
            self.take_requests(now);
            self.check_poll(cx);
            let mut more = self.read(cx, scratch, now);
            more |= self.read_probe(cx, scratch, now);
            self.take_post(cx, now);
            self.layer.finish_batch(now);
            self.check_time(now);
            self.carry_out(scratch, now);
            self.take_mailbox(scratch, now);
            self.session.flush();
            self.carry_out(scratch, now);
            self.flush(cx, scratch, now);
            self.report();
            if self.is_over(cx) {
                return Poll::Ready(());
            }
            if !more && self.sleep(cx) {
                return Poll::Pending;
            }
        }
        // Others are to have their turn; ours comes again.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    // ---- requests

    fn take_requests(&mut self, now: Instant) {
        if self.handle.is_cut() && !self.session.is_closed() {
            self.session.abort(CloseReason::ServerShuttingDown);
        }
        for request in self.handle.take_requests() {
            match request {
                TransportRequest::Poll(answer) => {
                    if self.poll.is_none() {
                        self.poll = Some(answer);
                    } else {
                        self.overlap = Some(answer);
                    }
                    self.session.handle_poll(now);
                }
                TransportRequest::Post(body, answer) => {
                    self.session.handle_life(now);
                    self.post = Some((body, answer));
                }
                TransportRequest::PostLost => self.session.handle_request_lost(),
                TransportRequest::BadPost(answer) => {
                    self.session.handle_error(TransportKind::Polling);
                    // Whoever asked may be gone.
                    let _ = answer.send(PostAnswer::Refused);
                }
                TransportRequest::Upgrade(websocket) => {
                    if self.session.handle_second_transport(now) {
                        self.probe = Some(websocket);
                    } else {
                        self.shared.say_farewell(websocket);
                    }
                }
            }
        }
    }

    /// Whether the client of the waiting GET has gone away.
    fn check_poll(&mut self, cx: &mut Context<'_>) {
        if let Some(poll) = &mut self.poll
            && poll.poll_closed(cx).is_ready()
        {
            self.poll = None;
            self.session.handle_request_lost();
        }
    }

    /// Deals with a POST, once the host can take its messages.
    fn take_post(&mut self, cx: &mut Context<'_>, now: Instant) {
        if self.post.is_none() || !self.may_read(cx, now) {
            return;
        }
        let Some((body, answer)) = self.post.take() else {
            return;
        };
        let mut body = Vec::from(body);
        let mut packets = 0;
        for packet in payload::decode(&mut body) {
            packets += 1;
            if packets > self.shared.config.max_packets_per_payload {
                self.shared.stats.limit_packets_total.add(1);
                self.session.handle_invalid(TransportKind::Polling);
                break;
            }
            let Self {
                session,
                layer,
                count,
                ..
            } = self;
            let flow = match packet {
                Ok(PayloadPacket::Text(kind, data)) => receive_text(
                    session,
                    layer,
                    count,
                    TransportKind::Polling,
                    kind,
                    data,
                    now,
                ),
                Ok(PayloadPacket::Binary(data)) => {
                    receive_binary(session, layer, count, &data, now)
                }
                Err(_) => {
                    self.shared.stats.parse_errors_total.add(1);
                    session.handle_invalid(TransportKind::Polling);
                    Flow::Continue
                }
            };
            self.follow(flow, now);
        }
        self.handle.end_post();
        // Whoever asked may be gone.
        let _ = answer.send(PostAnswer::Accepted);
    }

    // ---- reading

    /// Whether the host can take more; if not, the client is left unread until it can.
    fn may_read(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let ready = !self.layer.is_behind()
            && self
                .shared
                .sink
                .poll_ready(self.layer.any_socket(), cx)
                .is_ready();
        if ready == self.flags.paused {
            self.flags.paused = !ready;
            self.session.set_reading(ready, now);
            if !ready {
                self.shared.stats.reading_paused_total.add(1);
            }
        }
        ready
    }

    /// Reads the session's WebSocket; whether there may be more.
    fn read(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, now: Instant) -> bool {
        if self.websocket.is_none() {
            return false;
        }
        if !self.session.is_closed() && !self.may_read(cx, now) {
            return false;
        }
        if std::mem::take(&mut self.flags.unread_head) {
            self.receive(&mut [], &mut scratch.outbox, now);
        }
        let Some(websocket) = &mut self.websocket else {
            return false;
        };
        let Scratch { buffer, outbox, .. } = scratch;
        match websocket.poll_read(cx, buffer) {
            Poll::Pending => return false,
            Poll::Ready(Ok(Chunk::Buffer(len))) => self.receive(&mut buffer[..len], outbox, now),
            Poll::Ready(Ok(Chunk::Reader)) => self.receive(&mut [], outbox, now),
            // A stream that ends or breaks without a goodbye is as good as one that was closed.
            Poll::Ready(Ok(Chunk::End) | Err(_)) => {
                websocket.handle_end();
                self.session
                    .handle_transport_closed(TransportKind::WebSocket);
                return false;
            }
        }
        true
    }

    /// Deals with the messages in what was read from the session's WebSocket.
    fn receive(&mut self, input: &mut [u8], outbox: &mut Outbox, now: Instant) {
        self.session.handle_life(now);
        let mut used = 0;
        loop {
            let Self {
                session,
                layer,
                count,
                websocket: Some(websocket),
                ..
            } = self
            else {
                return;
            };
            let flow = match websocket.reader.next(input, &mut used) {
                Ok(None) => break,
                Ok(Some(Incoming::Text(text))) => match payload::decode_one(text) {
                    Ok(PayloadPacket::Text(kind, data)) => receive_text(
                        session,
                        layer,
                        count,
                        TransportKind::WebSocket,
                        kind,
                        data,
                        now,
                    ),
                    Ok(PayloadPacket::Binary(data)) => {
                        receive_binary(session, layer, count, &data, now)
                    }
                    Err(_) => {
                        self.shared.stats.parse_errors_total.add(1);
                        session.handle_invalid(TransportKind::WebSocket);
                        Flow::Continue
                    }
                },
                Ok(Some(Incoming::Binary(data))) => {
                    receive_binary(session, layer, count, data, now)
                }
                Ok(Some(Incoming::Ping(data))) => {
                    outbox.frame(Opcode::Pong, data);
                    Flow::Continue
                }
                Ok(Some(Incoming::Pong(_))) => Flow::Continue,
                Ok(Some(Incoming::Close(close))) => {
                    let code = close.map(|(code, _)| code);
                    websocket.say_close(outbox, code, "");
                    websocket.handle_end();
                    session.handle_transport_closed(TransportKind::WebSocket);
                    break;
                }
                Err(error) => {
                    self.refuse_frame(error, outbox);
                    break;
                }
            };
            self.follow(flow, now);
        }
        let Some(websocket) = &self.websocket else {
            return;
        };
        if !websocket.reader.is_mid_message() {
            self.deadlines.message = None;
        } else if self.deadlines.message.is_none() {
            self.deadlines.message = Some(now + self.shared.config.message_timeout);
        }
    }

    fn refuse_frame(&mut self, error: FrameError, outbox: &mut Outbox) {
        let stats = &self.shared.stats;
        match error.close_code() {
            1009 => stats.limit_payload_total.add(1),
            1008 => stats.limit_fragments_total.add(1),
            _ => stats.parse_errors_total.add(1),
        }
        if let Some(websocket) = &mut self.websocket {
            websocket.say_close(outbox, Some(error.close_code()), &error.to_string());
        }
        self.session.handle_error(TransportKind::WebSocket);
    }

    /// Reads the WebSocket that wants to take over; whether there may be more.
    fn read_probe(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, now: Instant) -> bool {
        let Some(mut probe) = self.probe.take() else {
            return false;
        };
        let mut used = 0;
        let mut input: &mut [u8] = &mut [];
        let mut was_read = false;
        loop {
            match probe.reader.next(input, &mut used) {
                Ok(None) if was_read => break,
                Ok(None) => match probe.poll_read(cx, &mut scratch.buffer) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(Chunk::Buffer(len))) => {
                        (input, used, was_read) = (&mut scratch.buffer[..len], 0, true);
                    }
                    Poll::Ready(Ok(Chunk::Reader)) => (input, used, was_read) = (&mut [], 0, true),
                    Poll::Ready(Ok(Chunk::End) | Err(_)) => {
                        self.session
                            .handle_transport_closed(TransportKind::WebSocket);
                        return false;
                    }
                },
                Ok(Some(Incoming::Text(text))) => {
                    self.session.handle_life(now);
                    match payload::decode_one(text) {
                        Ok(PayloadPacket::Text(kind, data)) => {
                            self.session
                                .handle_packet(TransportKind::WebSocket, kind, data, now);
                        }
                        _ => self.session.handle_invalid(TransportKind::WebSocket),
                    }
                    if self.session.transport() == TransportKind::WebSocket {
                        // It has taken over; what follows are the session's messages.
                        probe.reader.stash(&input[used..]);
                        self.flags.unread_head = true;
                        self.probe = Some(probe);
                        return true;
                    }
                }
                Ok(Some(Incoming::Ping(data))) => {
                    let mut outbox = Outbox::default();
                    outbox.frame(Opcode::Pong, data);
                    // What the peer does not take now waits inside.
                    let _ = probe.poll_flush(cx, &mut outbox);
                }
                Ok(Some(Incoming::Pong(_))) => {}
                Ok(Some(Incoming::Binary(_) | Incoming::Close(_))) | Err(_) => {
                    self.session.handle_invalid(TransportKind::WebSocket);
                    break;
                }
            }
        }
        self.probe = Some(probe);
        was_read
    }

    fn follow(&mut self, flow: Flow, now: Instant) {
        match flow {
            Flow::Continue => {}
            Flow::Violation => self.close_client(now),
            // The sockets learn it when the connection is really closed, as with the official server.
            Flow::ParseError(_) => {
                self.session.close(CloseReason::ForcedClose, now);
            }
        }
    }

    /// Closes the connection for what its client did, or did not do in time.
    fn close_client(&mut self, now: Instant) {
        if self.session.is_open()
            && self.session.close(CloseReason::ForcedClose, now) == Closing::Later
        {
            self.layer
                .leave_all(DisconnectReason::ForcedServerClose, now);
        }
    }

    // ---- time

    fn check_time(&mut self, now: Instant) {
        if self
            .session
            .poll_timeout()
            .is_some_and(|deadline| deadline <= now)
        {
            self.session.handle_timeout(now);
            self.handle.link.mailbox.release();
        }
        if self
            .layer
            .poll_timeout()
            .is_some_and(|deadline| deadline <= now)
        {
            let flow = self.layer.handle_timeout(now);
            self.follow(flow, now);
        }
        if take_due(&mut self.deadlines.connect, now) && !self.layer.is_anywhere() {
            self.shared.stats.deadline_connect_total.add(1);
            self.close_client(now);
        }
        if !self.flags.paused && take_due(&mut self.deadlines.message, now) {
            self.shared.stats.deadline_message_total.add(1);
            self.session.handle_error(TransportKind::WebSocket);
        }
    }

    // ---- sending

    /// Sends what others have put into the mailbox, and does what they want done.
    fn take_mailbox(&mut self, scratch: &mut Scratch, now: Instant) {
        let Scratch {
            items,
            arena,
            outbox,
            ..
        } = scratch;
        while self.handle.link.mailbox.drain_into(items, arena) {
            let mut at = 0;
            for item in items.drain(..) {
                match item {
                    Outgoing::Text(len) => {
                        let text = &arena[at..at + len as usize];
                        at += len as usize;
                        self.send_text(text, outbox);
                    }
                    Outgoing::Packet(packet) => self.send_packet(&packet, outbox),
                    Outgoing::Observed(socket, packet, message) => {
                        self.shared.sink.deliver(
                            &Event::Outgoing {
                                socket: &socket,
                                message: message.view(),
                            },
                            Some(now),
                        );
                        self.send_packet(&packet, outbox);
                    }
                    Outgoing::WithAck(request) => {
                        if self.layer.expect_ack(&request, now) {
                            if let Some(message) = &request.observed {
                                let event = Event::Outgoing {
                                    socket: &request.socket,
                                    message: message.view(),
                                };
                                self.shared.sink.deliver(&event, Some(now));
                            }
                            self.send_packet(&request.packet, outbox);
                        }
                    }
                    Outgoing::Close(reason) => self.close(reason, now),
                    other => self.flags.close_when_sent |= self.layer.handle_outgoing(other, now),
                }
            }
            arena.clear();
        }
        if std::mem::take(&mut self.flags.close_when_sent) {
            self.session.close(CloseReason::ForcedClose, now);
        }
    }

    fn close(&mut self, reason: CloseReason, now: Instant) {
        if reason == CloseReason::ServerShuttingDown {
            self.layer
                .leave_all(DisconnectReason::Connection(reason), now);
            self.session.close(reason, now);
        } else {
            self.session.abort(reason);
        }
    }

    /// The WebSocket, when messages may be written to it directly.
    fn is_direct(&self) -> bool {
        self.websocket.is_some() && self.session.is_direct()
    }

    fn send_text(&mut self, text: &[u8], outbox: &mut Outbox) {
        self.count.sent += 1;
        self.count.sent_bytes += text.len() as i64;
        if self.is_direct() {
            outbox.frame(Opcode::Text, text);
        } else {
            self.session
                .send(Message::Text(Bytes::copy_from_slice(text)));
        }
    }

    fn send_packet(&mut self, packet: &EncodedPacket, outbox: &mut Outbox) {
        match packet.head() {
            Ok(text) => self.send_message(Message::Text(text.clone()), outbox),
            Err(binary) => self.send_message(Message::Binary(binary.clone()), outbox),
        }
        for attachment in packet.attachments() {
            self.send_message(Message::Binary(attachment.clone()), outbox);
        }
    }

    fn send_message(&mut self, message: Message, outbox: &mut Outbox) {
        self.count.sent += 1;
        self.count.sent_bytes += message.len() as i64;
        match &self.websocket {
            Some(websocket) if self.session.is_direct() => {
                write_message(&message, websocket.base64, outbox)
            }
            _ => self.session.send(message),
        }
    }

    /// Does what the session has decided.
    fn carry_out(&mut self, scratch: &mut Scratch, now: Instant) {
        while let Some(output) = self.session.poll_output() {
            let outbox = &mut scratch.outbox;
            match output {
                Output::Send(packet) => self.send_framed(&packet, outbox),
                Output::AnswerPoll(packets) => self.answer_poll(&packets),
                Output::RefusePoll => {
                    if let Some(overlap) = self.overlap.take() {
                        // Whoever asked may be gone.
                        let _ = overlap.send(PollAnswer::Refused);
                    }
                }
                Output::AnswerProbe => {
                    if let Some(probe) = &mut self.probe {
                        let mut outbox = Outbox::default();
                        outbox.frame(Opcode::Text, b"3probe");
                        // What the peer does not take now waits inside.
                        let _ = probe.poll_flush(
                            &mut Context::from_waker(std::task::Waker::noop()),
                            &mut outbox,
                        );
                    }
                }
                Output::CloseProbe => {
                    if let Some(probe) = self.probe.take() {
                        self.shared.say_farewell(probe);
                    }
                }
                Output::Upgraded => self.handle_upgraded(now),
                Output::CloseWebSocket => {
                    if let Some(websocket) = &mut self.websocket {
                        websocket.say_close(outbox, None, "");
                    }
                }
                Output::Closed(reason) => self.handle_closed(reason, now),
            }
        }
        if let Some(round_trip) = self.session.take_round_trip() {
            self.handle.link.set_round_trip(round_trip);
        }
    }

    fn send_framed(&mut self, packet: &Packet, outbox: &mut Outbox) {
        let Some(websocket) = &self.websocket else {
            return;
        };
        match packet {
            Packet::Message(message) => write_message(message, websocket.base64, outbox),
            control => {
                if let Ok(text) = control.as_message() {
                    outbox.frame(Opcode::Text, text);
                }
            }
        }
    }

    fn answer_poll(&mut self, packets: &[Packet]) {
        let mut body = Vec::new();
        packets
            .iter()
            .for_each(|packet| payload::encode(&mut body, packet));
        let lost = self
            .poll
            .take()
            .is_none_or(|poll| poll.send(PollAnswer::Payload(body)).is_err());
        if lost {
            self.session.handle_request_lost();
        }
    }

    fn handle_upgraded(&mut self, now: Instant) {
        self.websocket = self.probe.take().map(|probe| *probe);
        self.handle.link.set_transport(TransportKind::WebSocket);
        self.shared.stats.upgrades_total.add(1);
        self.shared.stats.polling_clients_count.add(-1);
        if self.shared.context.hooks.has(Hook::Upgrade) {
            for socket in self.layer.sockets() {
                let event = Event::Upgrade {
                    socket: &socket,
                    transport: TransportKind::WebSocket,
                };
                self.shared.sink.deliver(&event, Some(now));
            }
        }
    }

    /// The session has ended: everybody learns it, and nobody finds it any more.
    fn handle_closed(&mut self, reason: CloseReason, now: Instant) {
        if std::mem::replace(&mut self.flags.ended, true) {
            return;
        }
        self.shared.sessions.remove(&self.handle.id);
        self.handle.close();
        let left = self.handle.link.mailbox.close();
        self.layer.handle_close(reason, now);
        for item in left {
            if let Outgoing::WithAck(request) = item {
                // Nobody will answer it: whoever waits is told.
                self.layer.expect_ack(&request, now);
            }
        }
        self.deadlines = Deadlines {
            linger: Some(now + self.shared.config.close_timeout),
            ..Deadlines::default()
        };
        let stats = &self.shared.stats;
        stats.clients_count.add(-1);
        stats.disconnections_total.add(1);
        if self.session.transport() == TransportKind::Polling {
            stats.polling_clients_count.add(-1);
        }
        if reason == CloseReason::PingTimeout {
            stats.ping_timeouts_total.add(1);
        }
        self.post = None;
        self.shared.handle_session_end();
    }

    /// Writes everything in one go.
    fn flush(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, now: Instant) {
        let link = Arc::clone(&self.handle.link);
        if let Some(probe) = &mut self.probe
            && probe.unsent() > 0
        {
            // Its answer is short; what the peer does not take waits inside.
            let _ = probe.poll_flush(cx, &mut Outbox::default());
        }
        let Some(websocket) = &mut self.websocket else {
            link.mailbox.set_backlog(self.session.buffered_bytes());
            link.set_writable(self.session.is_writable());
            return;
        };
        if scratch.outbox.is_empty() && websocket.unsent() == 0 {
            link.set_writable(self.session.is_writable());
            return;
        }
        match websocket.poll_flush(cx, &mut scratch.outbox) {
            Poll::Ready(Ok(flushed)) if flushed.progress > 0 => self.session.handle_life(now),
            Poll::Ready(Ok(_)) | Poll::Pending => {}
            Poll::Ready(Err(_)) => {
                websocket.handle_end();
                self.session
                    .handle_transport_closed(TransportKind::WebSocket);
                self.carry_out(scratch, now);
                return;
            }
        }
        let unsent = websocket.unsent();
        link.mailbox.set_backlog(unsent);
        link.set_writable(unsent == 0 && self.session.is_writable());
        let low = self.shared.config.send_buffer_low;
        if unsent > low {
            self.flags.above_low_mark = true;
        } else if std::mem::take(&mut self.flags.above_low_mark)
            && self.shared.context.hooks.has(Hook::Drain)
        {
            for socket in self.layer.sockets() {
                self.shared
                    .sink
                    .deliver(&Event::Drain { socket: &socket }, Some(now));
            }
        }
    }

    fn report(&mut self) {
        let Count {
            received,
            received_bytes,
            sent,
            sent_bytes,
        } = std::mem::take(&mut self.count);
        let stats = &self.shared.stats;
        if received > 0 {
            stats.messages_received_total.add(received);
            stats.bytes_received_total.add(received_bytes);
        }
        if sent > 0 {
            stats.messages_sent_total.add(sent);
            stats.bytes_sent_total.add(sent_bytes);
        }
    }

    // ---- resting

    /// Whether nothing is left to do for ever.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.flags.ended {
            return false;
        }
        let late = self.deadlines.linger.is_some_and(|linger| linger <= now());
        let cut = late || self.handle.is_cut();
        if late && self.websocket.is_some() {
            self.shared.stats.deadline_close_total.add(1);
        }
        match &mut self.websocket {
            Some(websocket) if websocket.is_done() || cut => {
                websocket.shutdown(cx);
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    /// Arranges to be woken; false when there is something to do already.
    fn sleep(&mut self, cx: &mut Context<'_>) -> bool {
        let own = [
            self.deadlines.connect,
            self.deadlines.message,
            self.deadlines.linger,
        ];
        let deadlines = own
            .into_iter()
            .chain([self.session.poll_timeout(), self.layer.poll_timeout()]);
        if let Some(next) = deadlines.flatten().min() {
            let set = self.sleep.deadline().into_std();
            // A timer that rings early costs less than one that is moved with every message.
            if next < set {
                self.sleep.as_mut().reset(next.into());
            }
            while self.sleep.as_mut().poll(cx).is_ready() {
                if next <= now() {
                    return false;
                }
                self.sleep.as_mut().reset(next.into());
            }
        }
        if self.flags.ended {
            return true;
        }
        // What is put in between is seen by the second look.
        self.handle.link.mailbox.sleep(cx.waker())
            && !self.handle.has_requests()
            && !self.handle.is_cut()
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut scratch = Scratch::take();
        let outcome = catch_unwind(AssertUnwindSafe(|| this.drive(cx, &mut scratch)));
        if let Ok(outcome) = outcome {
            scratch.give_back();
            return outcome;
        }
        // A bug of ours costs this connection, and nothing else.
        this.shared.stats.panics_total.add(1);
        tracing::error!(target: "engine", "a connection was given up because of a bug");
        let _ = catch_unwind(AssertUnwindSafe(|| {
            this.handle_closed(CloseReason::TransportError, now())
        }));
        Poll::Ready(())
    }
}

fn receive_text(
    session: &mut Session,
    layer: &mut Layer,
    count: &mut Count,
    from: TransportKind,
    kind: PacketType,
    data: &mut [u8],
    now: Instant,
) -> Flow {
    if session.handle_packet(from, kind, data, now) == Verdict::Done {
        return Flow::Continue;
    }
    count.received += 1;
    count.received_bytes += data.len() as i64;
    layer.handle_text(data, now)
}

fn receive_binary(
    session: &Session,
    layer: &mut Layer,
    count: &mut Count,
    data: &[u8],
    now: Instant,
) -> Flow {
    if !session.is_open() {
        return Flow::Continue;
    }
    count.received += 1;
    count.received_bytes += data.len() as i64;
    layer.handle_binary(data, now)
}

fn write_message(message: &Message, base64: bool, outbox: &mut Outbox) {
    match message {
        Message::Text(text) => outbox.shared_frame(Opcode::Text, text),
        Message::Binary(data) if base64 => {
            let mut text = Vec::new();
            payload::encode_binary(&mut text, data);
            outbox.shared_frame(Opcode::Text, &Bytes::from(text));
        }
        Message::Binary(data) => outbox.shared_frame(Opcode::Binary, data),
    }
}

fn take_due(deadline: &mut Option<Instant>, now: Instant) -> bool {
    let due = deadline.is_some_and(|deadline| deadline <= now);
    if due {
        *deadline = None;
    }
    due
}

/// The time of a wake-up.
#[expect(
    clippy::disallowed_methods,
    reason = "the driver is where time enters the state machines"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// The time of day, in milliseconds since 1970.
pub(super) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
