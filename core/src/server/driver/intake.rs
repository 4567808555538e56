//! Input: requests from HTTP tasks, and bytes from WebSockets.

use std::ops::ControlFlow;
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
use crate::transport::{Chunk, Outbox, PollAnswer, PostAnswer, TransportRequest};

/// Close codes that are not worth a cause: normal closure, going away, and a close frame without a code.
const USUAL: [u16; 3] = [1000, 1001, 1005];

impl Driver {
    /// Handles requests in the order in which they arrived, each with the time of its arrival.
    pub(super) fn take_requests(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        clock: &mut Clock,
    ) {
        if self.handle.is_aborted() && !self.session.is_closed() {
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

    /// Handles everything that must precede a request which arrived at `at`: deadlines, frames on the probing WebSocket, a
    /// POST, and the outputs of all of these. Returns whether a POST is left for a later poll.
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

    /// Reads each source of messages once. Returns whether there may be more.
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
                    // Fails if the client has gone.
                    let _ = answer.send(PollAnswer::Refused(refusal));
                }
            },
            TransportRequest::Post(..) | TransportRequest::BadPost(_)
                if self.session.is_closed() =>
            {
                // The dropped sender makes the HTTP task answer that the session is unknown.
            }
            TransportRequest::Post(body, answer) => {
                self.session.handle_activity(at);
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
                // Fails if the client has gone.
                let _ = answer.send(PostAnswer::Refused);
            }
            TransportRequest::Barrier(answer) => {
                // Fails if the client has gone.
                let _ = answer.send(());
            }
            TransportRequest::Upgrade(websocket) => {
                if self.session.handle_second_transport(at) {
                    self.probe = Some(websocket);
                } else {
                    self.shared.close_websocket(websocket);
                }
            }
        }
    }

    /// Ends the session if the client has closed the connection of the waiting GET.
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

    /// Handles one piece of the waiting POST, if the host can take its messages. Returns whether there was one.
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
        self.stay_awake();
        self.receive_piece(&mut post, clock.now());
        if post.at <= post.body.len() && !self.session.is_closed() {
            self.waiting.get_or_insert_default().post = Some(post);
            return true;
        }
        self.handle.end_post();
        // Fails if the client has gone.
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
                        let cause =
                            Cause::parse("a payload has a part that is not an Engine.IO packet");
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

    /// Lets sockets that were accepted join, after input was handled. All packets of one POST arrived together, so this is
    /// delayed until the whole POST has been handled.
    pub(super) fn handle_read_end(&mut self, received: bool, clock: &mut Clock) {
        if received && !self.is_amid_post() {
            self.layer.handle_read_end(clock.now());
        }
    }

    fn is_amid_post(&self) -> bool {
        let post = self.waiting.as_ref().and_then(|it| it.post.as_ref());
        post.is_some_and(|post| post.at > 0)
    }

    /// Whether the client may be read: the host has room for events, and the client takes what it is sent. Pauses or resumes
    /// reading accordingly.
    pub(super) fn may_read(&mut self, cx: &mut Context<'_>, clock: &mut Clock) -> bool {
        let choked = self.check_choked();
        // This has no waker; `resume` checks it in each round.
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
                // The client could not finish its message while it was not read, so its time starts again.
                self.deadlines.message = Some(clock.now() + self.shared.config.message_timeout);
            }
            if !ready && !choked {
                self.shared.stats.reading_paused_total.add(1);
                self.log_paused();
            }
        }
        ready
    }

    /// Reads the session's WebSocket once. Returns whether there may be more.
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
                // The host has no room again. Nothing is added to the stashed bytes before all of them have been handled.
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
            // A stream that ends or fails without a close frame counts as closed.
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

    /// Handles the messages in bytes that were read from the session's WebSocket.
    pub(super) fn receive(&mut self, input: &mut [u8], outbox: &mut Outbox, clock: &mut Clock) {
        let now = clock.now();
        self.session.handle_activity(now);
        // The driver drains the mailbox right after this, so answers of inline handlers need not wake it.
        self.stay_awake();
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
                    websocket.send_close(outbox, code);
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
            // After the session's end the driver ignores messages and looks for the close frame behind them.
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

    /// Stashes the rest of what was read while the host has no room for events: as raw bytes it takes a tenth of the memory
    /// that the events would take. Returns false when `rest` is empty.
    fn keep_rest(&mut self, rest: &[u8]) -> bool {
        let Some(websocket) = &mut self.websocket else {
            return false;
        };
        websocket.reader.stash(rest);
        self.flags.unread_head = websocket.reader.is_mid_message();
        if self.flags.unread_head {
            // It is not known whether the last message in the stash is complete, so it has no deadline.
            self.deadlines.message = None;
        }
        self.flags.unread_head
    }

    pub(super) fn refuse_frame(&mut self, error: FrameError, outbox: &mut Outbox) {
        // The close frame has the code and no text; the reason is only logged.
        self.blame_frame(error);
        if let Some(websocket) = &mut self.websocket {
            websocket.refuse(outbox, error.close_code());
        }
        self.session.handle_error(TransportKind::WebSocket);
    }

    /// Reads the probing WebSocket. Returns whether there may be more.
    pub(super) fn read_probe(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        clock: &mut Clock,
    ) -> bool {
        let Some(mut probe) = self.probe.take() else {
            return false;
        };
        let mut pongs = Outbox::default();
        let mut end = None;
        let session = &mut self.session;
        let each = |incoming: Result<Incoming<'_>, FrameError>| {
            end = take_from_probe(session, incoming, clock);
            match end {
                None => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(()),
            }
        };
        let read = match probe.poll_incoming(cx, &mut scratch.buffer, &mut pongs, each) {
            Poll::Pending => 0,
            Poll::Ready(Ok(Chunk::Buffer(len) | Chunk::Reader(len))) => len,
            Poll::Ready(Ok(Chunk::End) | Err(_)) => {
                self.session
                    .handle_transport_closed(TransportKind::WebSocket);
                return false;
            }
        };
        let has_taken_over = matches!(end, Some(ProbeEnd::TookOver));
        self.flags.unread_head |= has_taken_over;
        match end {
            None | Some(ProbeEnd::TookOver | ProbeEnd::Invalid) => {}
            Some(ProbeEnd::Closed) => {
                probe.handle_end();
                self.session
                    .handle_transport_closed(TransportKind::WebSocket);
            }
            Some(ProbeEnd::Refused(error)) => {
                self.log_probe_failed(error);
                probe.refuse(&mut pongs, error.close_code());
                self.session.handle_error(TransportKind::WebSocket);
            }
        }
        if !pongs.is_empty() {
            probe.send_now(cx, &mut pongs);
        }
        self.probe = Some(probe);
        read > 0 || has_taken_over
    }

    pub(super) fn follow(&mut self, flow: Flow, now: Instant) {
        match flow {
            Flow::Continue => {}
            Flow::Violation => {
                self.flags.violated = true;
                self.close_client(now);
            }
            // The sockets are told when the connection has closed, as with the official server.
            Flow::ParseError(_) => {
                self.flags.violated = true;
                self.session.close(CloseReason::ForcedClose, now);
            }
        }
    }

    /// Closes the connection because its client broke a rule or missed a deadline.
    pub(super) fn close_client(&mut self, now: Instant) {
        if self.session.is_open()
            && self.session.close(CloseReason::ForcedClose, now) == Closing::Later
        {
            self.layer
                .leave_all(DisconnectReason::ForcedServerClose, now);
        }
    }
}

/// Why a probe is not read further.
enum ProbeEnd {
    /// It is the session's transport now; the messages that follow are the session's.
    TookOver,
    /// It has sent a message that a probe may not send.
    Invalid,
    /// It has sent a close frame.
    Closed,
    /// It has violated the WebSocket protocol.
    Refused(FrameError),
}

/// Handles what a probe has sent; `None` if it is read further.
fn take_from_probe(
    session: &mut Session,
    incoming: Result<Incoming<'_>, FrameError>,
    clock: &mut Clock,
) -> Option<ProbeEnd> {
    match incoming {
        Ok(Incoming::Text(text)) => {
            let now = clock.now();
            session.handle_activity(now);
            match payload::decode_one(text) {
                Ok(PayloadPacket::Text(kind, data)) => {
                    session.handle_packet(TransportKind::WebSocket, kind, data, now);
                }
                _ => session.handle_invalid(TransportKind::WebSocket),
            }
            (session.transport() == TransportKind::WebSocket).then_some(ProbeEnd::TookOver)
        }
        Ok(Incoming::Binary(_)) => {
            session.handle_invalid(TransportKind::WebSocket);
            Some(ProbeEnd::Invalid)
        }
        Ok(Incoming::Close(_)) => Some(ProbeEnd::Closed),
        Ok(Incoming::Ping(_) | Incoming::Pong(_)) => None,
        Err(error) => Some(ProbeEnd::Refused(error)),
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
    // Includes the packet type, as for sent messages.
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
