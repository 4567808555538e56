//! What comes in: requests of HTTP tasks, and the bytes of WebSockets.

use std::task::{Context, Poll};
use std::time::Instant;

use crate::cause::Cause;
use crate::engineio::packet::PacketType;
use crate::engineio::payload::{self, PayloadPacket};
use crate::engineio::session::{Closing, PollRefusal, Verdict};
use crate::engineio::{CloseReason, Session, TransportKind};
use crate::log;
use crate::server::driver::opening::Turn;
use crate::server::driver::time::Clock;
use crate::server::driver::{Count, Driver, PIECE, Post, Waiting, account};
use crate::server::layer::Layer;
use crate::server::scratch::Scratch;
use crate::socketio::client::Flow;
use crate::socketio::event::DisconnectReason;
use crate::transport::frame::{FrameError, Incoming};
use crate::transport::{Chunk, Outbox, PollAnswer, PostAnswer, TransportRequest, WebSocket};

/// The codes of a WebSocket that is closed as usual: done, the page is left, no code at all.
const USUAL: [u16; 3] = [1000, 1001, 1005];

impl Driver {
    /// Deals with requests in the order in which they came, each at the time at which it came.
    pub(super) fn take_requests(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        clock: &mut Clock,
    ) {
        if self.handle.is_cut() && !self.session.is_closed() {
            self.session.abort(CloseReason::ServerShuttingDown);
        }
        let mut requests = std::mem::take(&mut scratch.requests);
        if self.handle.take_requests(&mut requests) {
            let mut rest = requests.drain(..);
            while let Some(asked) = rest.next() {
                let is_left = self.look_before_request(cx, scratch, clock, asked.at);
                if (is_left || self.is_amid_post()) && !self.flags.paused {
                    self.handle.put_back(std::iter::once(asked).chain(rest));
                    break;
                }
                self.take_request(asked.request, asked.at);
            }
        }
        scratch.requests = requests;
    }

    /// What came before a request must not be overtaken by it: deadlines, frames on the WebSocket that wants to take over,
    /// a POST, and what all that leads to. Returns whether a POST is left for a later poll.
    fn look_before_request(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        clock: &mut Clock,
        at: Instant,
    ) -> bool {
        if self
            .session
            .poll_timeout()
            .is_some_and(|deadline| deadline <= at)
        {
            self.check_time(at);
        }
        let mut received = self.read_probe(cx, scratch, clock);
        let has_post = |waiting: &Waiting| waiting.post.is_some();
        let mut is_left = false;
        if self.waiting.as_deref().is_some_and(has_post) {
            match self.turn_for_input(cx) {
                Turn::Any => received |= self.take_post(cx, clock),
                Turn::Now(waker) => {
                    received |= self.take_post(&mut Context::from_waker(&waker), clock);
                }
                Turn::Later => is_left = true,
            }
        }
        self.handle_read_end(received, clock);
        self.carry_out(scratch, clock);
        is_left
    }

    /// Takes what may hold messages; whether there may be more.
    pub(super) fn take_input(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        clock: &mut Clock,
    ) -> bool {
        let mut more = self.read(cx, scratch, clock);
        more |= self.read_probe(cx, scratch, clock);
        more | self.take_post(cx, clock)
    }

    fn take_request(&mut self, request: TransportRequest, at: Instant) {
        match request {
            TransportRequest::Poll(answer) => match self.session.handle_poll(at) {
                Ok(()) => self.waiting.get_or_insert_default().poll = Some(answer),
                Err(refusal) => {
                    if refusal == PollRefusal::Overlap {
                        self.blame(Cause::violation("overlap from client"));
                    }
                    // The client may have gone.
                    let _ = answer.send(PollAnswer::Refused(refusal));
                }
            },
            TransportRequest::Post(..) | TransportRequest::BadPost(_)
                if self.session.is_closed() =>
            {
                // Without an answer, the HTTP task says that the session is unknown.
            }
            TransportRequest::Post(body, answer) => {
                self.session.handle_life(at);
                self.waiting.get_or_insert_default().post = Some(Post {
                    body: Vec::from(body),
                    at: 0,
                    answer,
                });
            }
            TransportRequest::PostLost => {
                self.blame_on(
                    TransportKind::Polling,
                    Cause::transport("data request connection closed prematurely"),
                );
                self.session.handle_request_lost();
            }
            TransportRequest::BadPost(answer) => {
                self.session.handle_error(TransportKind::Polling);
                // The client may have gone.
                let _ = answer.send(PostAnswer::Refused);
            }
            TransportRequest::Barrier(answer) => {
                // The client may have gone.
                let _ = answer.send(());
            }
            TransportRequest::Upgrade(websocket) => {
                if self.session.handle_second_transport(at) {
                    self.probe = Some(websocket);
                } else {
                    self.shared.say_farewell(websocket);
                }
            }
        }
    }

    /// Whether the client of the waiting GET has gone away.
    pub(super) fn check_poll(&mut self, cx: &mut Context<'_>) {
        if let Some(waiting) = &mut self.waiting
            && let Some(poll) = &mut waiting.poll
            && poll.poll_closed(cx).is_ready()
        {
            waiting.poll = None;
            self.blame_on(
                TransportKind::Polling,
                Cause::transport("poll connection closed prematurely"),
            );
            self.session.handle_request_lost();
        }
    }

    /// Deals with a piece of a POST, if the host can take its messages; whether there was one.
    pub(super) fn take_post(&mut self, cx: &mut Context<'_>, clock: &mut Clock) -> bool {
        let has_post = |waiting: &mut Box<Waiting>| waiting.post.is_some();
        if !self.waiting.as_mut().is_some_and(has_post) || !self.may_read(cx, clock) {
            return false;
        }
        let post = self
            .waiting
            .as_mut()
            .and_then(|waiting| waiting.post.take());
        let Some(mut post) = post else {
            return false;
        };
        self.handle.link.mailbox.stay_awake();
        self.receive_piece(&mut post, clock.now());
        if post.at <= post.body.len() && !self.session.is_closed() {
            self.waiting.get_or_insert_default().post = Some(post);
            return true;
        }
        self.handle.end_post();
        // The client may have gone.
        let _ = post.answer.send(PostAnswer::Accepted);
        true
    }

    fn receive_piece(&mut self, post: &mut Post, now: Instant) {
        let start = post.at;
        let end = post
            .body
            .get(start + PIECE..)
            .and_then(|rest| memchr::memchr(payload::SEPARATOR, rest))
            .map_or(post.body.len(), |at| start + PIECE + at);
        post.at = end + 1;
        let beyond = post.body.len() + 1;
        for packet in payload::decode(&mut post.body[start..end]) {
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
                    if session.transport() == TransportKind::Polling {
                        let cause = Cause::parse("a payload holds what is not an Engine.IO packet");
                        self.handle.link.blame(cause);
                    }
                    session.handle_invalid(TransportKind::Polling);
                    post.at = beyond;
                    Flow::Continue
                }
            };
            self.follow(flow, now);
        }
    }

    /// After something was received: sockets that were accepted join. What is left of a POST came with what was dealt
    /// with of it, so its end is waited for.
    pub(super) fn handle_read_end(&mut self, received: bool, clock: &mut Clock) {
        if received && !self.is_amid_post() {
            self.layer.handle_read_end(clock.now());
        }
    }

    fn is_amid_post(&self) -> bool {
        let post = self.waiting.as_ref().and_then(|it| it.post.as_ref());
        post.is_some_and(|post| post.at > 0)
    }

    /// Whether the host can take more, and the client takes what it is sent; if not, it is left unread until then.
    pub(super) fn may_read(&mut self, cx: &mut Context<'_>, clock: &mut Clock) -> bool {
        let choked = self.check_choked();
        // No waker tells of its end: see `resume`.
        self.flags.behind = self.layer.is_behind();
        let ready = !choked
            && !self.flags.behind
            && self
                .shared
                .sink
                .poll_ready(self.handle.link.backlog(), cx)
                .is_ready();
        if ready == self.flags.paused {
            self.flags.paused = !ready;
            self.session.set_reading(ready, clock.now());
            if ready && self.deadlines.message.is_some() {
                // The client could not finish its message while it was not read.
                self.deadlines.message = Some(clock.now() + self.shared.config.message_timeout);
            }
            if !ready && !choked {
                self.shared.stats.reading_paused_total.add(1);
                self.log_paused();
            }
        }
        ready
    }

    /// Reads the session's WebSocket; whether there may be more.
    pub(super) fn read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        clock: &mut Clock,
    ) -> bool {
        let Some(websocket) = &self.websocket else {
            return false;
        };
        if !self.flags.paused && !self.flags.unread_head && websocket.is_quiet(cx) {
            return false;
        }
        if !self.session.is_closed() && !self.may_read(cx, clock) {
            return false;
        }
        let had_head = std::mem::take(&mut self.flags.unread_head);
        if had_head {
            self.receive(&mut [], &mut scratch.outbox, clock);
            if self.flags.unread_head {
                // The host is behind again: nothing is added to what is kept until all of it was dealt with.
                return true;
            }
        }
        let Some(websocket) = &mut self.websocket else {
            return had_head;
        };
        let Scratch { buffer, outbox, .. } = scratch;
        let read = websocket.poll_read(cx, buffer);
        if let Poll::Ready(Ok(Chunk::Buffer(len) | Chunk::Reader(len))) = read
            && self.is_too_much(len)
        {
            return had_head;
        }
        match read {
            Poll::Pending => return had_head,
            Poll::Ready(Ok(Chunk::Buffer(len))) => self.receive(&mut buffer[..len], outbox, clock),
            Poll::Ready(Ok(Chunk::Reader(_))) => self.receive(&mut [], outbox, clock),
            // A stream that ends or breaks without a goodbye is as good as one that was closed.
            Poll::Ready(end @ (Ok(Chunk::End) | Err(_))) => {
                self.handle.link.blame(account::broken(end.err()));
                if let Some(websocket) = &mut self.websocket {
                    websocket.handle_end();
                }
                self.session
                    .handle_transport_closed(TransportKind::WebSocket);
                return had_head;
            }
        }
        true
    }

    /// Deals with the messages in what was read from the session's WebSocket.
    pub(super) fn receive(&mut self, input: &mut [u8], outbox: &mut Outbox, clock: &mut Clock) {
        let now = clock.now();
        self.session.handle_life(now);
        // What inline handlers answer is taken out right after this.
        self.handle.link.mailbox.stay_awake();
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
                        let cause = Cause::parse("a message is not an Engine.IO packet");
                        self.handle.link.blame(cause);
                        session.handle_invalid(TransportKind::WebSocket);
                        Flow::Continue
                    }
                },
                Ok(Some(Incoming::Binary(data))) => {
                    receive_binary(session, layer, count, data, now)
                }
                Ok(Some(Incoming::Ping(data))) => {
                    let data = Box::from(data);
                    if !session.is_closed() {
                        websocket.answer_ping(outbox, data);
                    }
                    Flow::Continue
                }
                Ok(Some(Incoming::Pong(_))) => Flow::Continue,
                Ok(Some(Incoming::Close(close))) => {
                    let code = close.map(|(code, _)| code);
                    if let Some(code) = code.filter(|code| !USUAL.contains(code)) {
                        let text = format!("the client closed the WebSocket with code {code}");
                        self.handle.link.blame(Cause::transport(text));
                    }
                    websocket.say_close(outbox, code);
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
            // After the session's end, messages are ignored, and the close frame behind them is looked for.
            if self.handle.link.backlog().is_full()
                && !self.session.is_closed()
                && self.keep_rest(&input[used..])
            {
                return;
            }
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

    /// The host is behind: what else was read waits as it is, which takes a tenth of what events would. False when
    /// there is nothing else.
    fn keep_rest(&mut self, rest: &[u8]) -> bool {
        let Some(websocket) = &mut self.websocket else {
            return false;
        };
        websocket.reader.stash(rest);
        self.flags.unread_head = websocket.reader.is_mid_message();
        if self.flags.unread_head {
            // Whether the last message in it is complete is not known, and the client is not late.
            self.deadlines.message = None;
        }
        self.flags.unread_head
    }

    pub(super) fn refuse_frame(&mut self, error: FrameError, outbox: &mut Outbox) {
        // The peer is sent the code alone.
        self.blame_frame(error);
        if let Some(websocket) = &mut self.websocket {
            websocket.refuse(outbox, error.close_code());
        }
        self.session.handle_error(TransportKind::WebSocket);
    }

    /// Reads the WebSocket that wants to take over; whether there may be more.
    pub(super) fn read_probe(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        clock: &mut Clock,
    ) -> bool {
        let Some(mut probe) = self.probe.take() else {
            return false;
        };
        let mut used = 0;
        let mut input: &mut [u8] = &mut [];
        let mut was_read = false;
        let mut pongs = Outbox::default();
        loop {
            match probe.reader.next(input, &mut used) {
                Ok(None) if was_read => break,
                Ok(None) => match probe.poll_read(cx, &mut scratch.buffer) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(Chunk::Buffer(len))) => {
                        (input, used, was_read) = (&mut scratch.buffer[..len], 0, true);
                    }
                    Poll::Ready(Ok(Chunk::Reader(_))) => {
                        (input, used, was_read) = (&mut [], 0, true);
                    }
                    Poll::Ready(Ok(Chunk::End) | Err(_)) => {
                        self.session
                            .handle_transport_closed(TransportKind::WebSocket);
                        return false;
                    }
                },
                Ok(Some(Incoming::Text(text))) => {
                    self.session.handle_life(clock.now());
                    match payload::decode_one(text) {
                        Ok(PayloadPacket::Text(kind, data)) => {
                            self.session.handle_packet(
                                TransportKind::WebSocket,
                                kind,
                                data,
                                clock.now(),
                            );
                        }
                        _ => self.session.handle_invalid(TransportKind::WebSocket),
                    }
                    if self.session.transport() == TransportKind::WebSocket {
                        // It has taken over; what follows are the session's messages.
                        probe.reader.stash(&input[used..]);
                        answer(&mut probe, cx, &mut pongs);
                        self.flags.unread_head = true;
                        self.probe = Some(probe);
                        return true;
                    }
                }
                Ok(Some(Incoming::Ping(data))) => {
                    let data = Box::from(data);
                    probe.answer_ping(&mut pongs, data);
                }
                Ok(Some(Incoming::Pong(_))) => {}
                Ok(Some(Incoming::Binary(_))) => {
                    self.session.handle_invalid(TransportKind::WebSocket);
                    break;
                }
                Ok(Some(Incoming::Close(_))) => {
                    probe.handle_end();
                    self.session
                        .handle_transport_closed(TransportKind::WebSocket);
                    break;
                }
                Err(error) => {
                    self.log_probe_failed(error);
                    probe.refuse(&mut pongs, error.close_code());
                    self.session.handle_error(TransportKind::WebSocket);
                    break;
                }
            }
        }
        answer(&mut probe, cx, &mut pongs);
        self.probe = Some(probe);
        was_read
    }

    pub(super) fn follow(&mut self, flow: Flow, now: Instant) {
        match flow {
            Flow::Continue => {}
            Flow::Violation => {
                self.flags.violated = true;
                self.close_client(now);
            }
            // The sockets learn it when the connection is really closed, as with the official server.
            Flow::ParseError(_) => {
                self.flags.violated = true;
                self.session.close(CloseReason::ForcedClose, now);
            }
        }
    }

    /// Closes the connection for what its client did, or did not do in time.
    pub(super) fn close_client(&mut self, now: Instant) {
        if self.session.is_open()
            && self.session.close(CloseReason::ForcedClose, now) == Closing::Later
        {
            self.layer
                .leave_all(DisconnectReason::ForcedServerClose, now);
        }
    }
}

/// Writes to the WebSocket that wants to take over.
fn answer(probe: &mut WebSocket, cx: &mut Context<'_>, outbox: &mut Outbox) {
    if !outbox.is_empty() {
        // What the peer does not take now waits inside.
        let _ = probe.poll_flush(cx, outbox);
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
        tracing::trace!(target: log::SESSION, "received a {kind:?} packet over {}", from.name());
        return Flow::Continue;
    }
    tracing::trace!(target: log::SESSION, "received a text message of {} bytes", data.len());
    count.received += 1;
    // With its type, as it is counted on the way out.
    count.received_bytes += data.len() as u64 + 1;
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
    tracing::trace!(target: log::SESSION, "received a binary message of {} bytes", data.len());
    count.received += 1;
    count.received_bytes += data.len() as u64;
    layer.handle_binary(data, now)
}
