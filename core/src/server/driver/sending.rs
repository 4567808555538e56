//! Output: the mailbox, the session's outputs, and the write.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;

use crate::cause::Cause;
use crate::engineio::packet::{Message, MessageKind, Packet};
use crate::engineio::session::Closing;
use crate::engineio::{CloseReason, Output, TransportKind, payload};
use crate::log;
use crate::server::close_handshake::CLOSE_HANDSHAKE_BYTES;
use crate::server::driver::progress::DROPPED_INTERVAL;
use crate::server::driver::time::Clock;
use crate::server::driver::{Count, Deadlines, Driver};
use crate::server::scratch::Scratch;
use crate::server::shared::Shared;
use crate::socketio::event::{DisconnectReason, Event, Hook, SocketEvent};
use crate::socketio::link::Outgoing;
use crate::socketio::packet::EncodedPacket;
use crate::transport::frame::Opcode;
use crate::transport::{Outbox, PollAnswer};

impl Driver {
    /// Sends the messages in the mailbox, and carries out its other items.
    pub(super) fn take_mailbox(&mut self, scratch: &mut Scratch, clock: &mut Clock) {
        let Scratch {
            items,
            arena,
            outbox,
            ..
        } = scratch;
        let mut again = true;
        while std::mem::take(&mut again) && self.drain_mailbox(items, arena) {
            let mut at = 0;
            for item in items.drain(..) {
                match item {
                    Outgoing::Inline { kind, len } => {
                        let data = &arena[at..at + len as usize];
                        at += len as usize;
                        match kind {
                            MessageKind::Text => self.send_text(data, outbox),
                            MessageKind::Binary => self.send_inline_binary(data, outbox),
                        }
                    }
                    Outgoing::SharedAttachment(data) => {
                        self.send_shared(MessageKind::Binary, &data, outbox)
                    }
                    Outgoing::Packet(packet) => self.send_packet(&packet, outbox),
                    Outgoing::Observed(socket, packet, message) => {
                        let message = message.view();
                        let event = SocketEvent::Outgoing { message };
                        let event = Event::of_socket(&socket, event, clock.now());
                        self.shared.sink.deliver(&event);
                        self.send_packet(&packet, outbox);
                    }
                    Outgoing::WithAck(request) => {
                        if self.layer.expect_ack(&request, clock.now()) {
                            if let Some(message) = &request.observed {
                                let message = message.view();
                                let event = SocketEvent::Outgoing { message };
                                let event = Event::of_socket(&request.socket, event, clock.now());
                                self.shared.sink.deliver(&event);
                            }
                            self.send_packet(&request.packet, outbox);
                        }
                    }
                    Outgoing::Close(reason) => self.close(reason, clock.now()),
                    other => {
                        self.flags.close_when_sent |=
                            self.layer.handle_outgoing(other, clock.now());
                        // The layer may have put a message into the mailbox that is to be sent before the end.
                        again = true;
                    }
                }
            }
            arena.clear();
        }
        if std::mem::take(&mut self.flags.close_when_sent) {
            self.session.close(CloseReason::ForcedClose, clock.now());
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason, now: Instant) {
        match reason {
            CloseReason::ServerShuttingDown => {
                self.layer
                    .leave_all(DisconnectReason::Connection(reason), now);
                if self.session.close(reason, now) == Closing::Later {
                    // The listeners are closed, so the poll that would carry the close packet cannot arrive.
                    self.session.abort(reason);
                }
            }
            // The sockets are told when the connection has closed, as with the official server.
            CloseReason::ForcedClose => {
                self.session.close(reason, now);
            }
            // The send buffer is full: it is dropped, and no closing handshake follows.
            _ => self.give_up(reason),
        }
    }

    /// Whether messages may be written to the WebSocket directly.
    pub(super) fn is_direct(&self) -> bool {
        self.websocket.is_some() && self.session.is_direct()
    }

    pub(super) fn send_text(&mut self, text: &[u8], outbox: &mut Outbox) {
        tracing::trace!(target: log::SESSION, "sends a text message of {} bytes", text.len());
        self.count.sent += 1;
        self.count.sent_bytes += text.len() as u64;
        if self.is_direct() {
            outbox.frame(Opcode::Text, text);
        } else {
            self.session
                .send(Message::Text(Bytes::copy_from_slice(text)));
        }
    }

    fn send_inline_binary(&mut self, data: &[u8], outbox: &mut Outbox) {
        match &self.websocket {
            Some(websocket) if !websocket.base64 && self.session.is_direct() => {
                self.count.sent += 1;
                self.count.sent_bytes += data.len() as u64;
                outbox.frame(Opcode::Binary, data);
            }
            _ => self.send_shared(MessageKind::Binary, &Bytes::copy_from_slice(data), outbox),
        }
    }

    pub(super) fn send_packet(&mut self, packet: &EncodedPacket, outbox: &mut Outbox) {
        self.send_shared(packet.kind(), packet.head(), outbox);
        for attachment in packet.attachments() {
            self.send_shared(MessageKind::Binary, attachment, outbox);
        }
    }

    /// Sends a message whose bytes other connections may share. A small one is copied into the write instead of referenced.
    fn send_shared(&mut self, kind: MessageKind, data: &Bytes, outbox: &mut Outbox) {
        tracing::trace!(target: log::SESSION, "sends a {kind:?} message of {} bytes", data.len());
        self.count.sent += 1;
        self.count.sent_bytes += data.len() as u64;
        match (&self.websocket, kind) {
            (Some(websocket), _) if self.session.is_direct() => {
                write_message(kind, data, websocket.base64, outbox);
            }
            (_, MessageKind::Text) => self.session.send(Message::Text(data.clone())),
            (_, MessageKind::Binary) => self.session.send(Message::Binary(data.clone())),
        }
    }

    /// Carries out the session's outputs.
    #[inline]
    pub(super) fn carry_out(&mut self, scratch: &mut Scratch, clock: &mut Clock) {
        if self.session.has_output() {
            self.carry_out_all(scratch, clock);
        }
    }

    fn carry_out_all(&mut self, scratch: &mut Scratch, clock: &mut Clock) {
        while let Some(output) = self.session.poll_output() {
            let outbox = &mut scratch.outbox;
            match output {
                Output::Send(packet) => self.send_framed(&packet, outbox),
                Output::AnswerPoll(packets) => self.answer_poll(&packets),
                Output::AnswerProbe => {
                    // A peer that sends probes without reading gets one answer.
                    if let Some(probe) = &mut self.probe
                        && probe.unsent() == 0
                    {
                        let mut outbox = Outbox::default();
                        outbox.frame(Opcode::Text, b"3probe");
                        let mut cx = Context::from_waker(std::task::Waker::noop());
                        probe.send_now(&mut cx, &mut outbox);
                    }
                }
                Output::CloseProbe => {
                    if let Some(probe) = self.probe.take() {
                        self.shared.close_websocket(probe);
                    }
                }
                Output::Upgraded => self.handle_upgraded(clock.now()),
                Output::CloseWebSocket => {
                    if let Some(websocket) = &mut self.websocket {
                        websocket.send_close(outbox, None);
                    }
                }
                Output::Closed(reason) => self.handle_closed(reason, clock.now()),
            }
        }
        if let Some(round_trip) = self.session.take_round_trip() {
            self.handle.link.set_round_trip(round_trip);
        }
    }

    pub(super) fn send_framed(&mut self, packet: &Packet, outbox: &mut Outbox) {
        let Some(websocket) = &self.websocket else {
            return;
        };
        match packet {
            Packet::Message(Message::Text(text)) => {
                write_message(MessageKind::Text, text, websocket.base64, outbox)
            }
            Packet::Message(Message::Binary(data)) => {
                write_message(MessageKind::Binary, data, websocket.base64, outbox)
            }
            control => {
                if let Ok(text) = control.as_message() {
                    outbox.frame(Opcode::Text, text);
                }
            }
        }
    }

    pub(super) fn answer_poll(&mut self, packets: &[Packet]) {
        let size = |packet: &Packet| match packet.as_message() {
            Ok(text) => text.len() + 1,
            Err(binary) => binary.len().div_ceil(3) * 4 + 2,
        };
        let mut body = Vec::with_capacity(packets.iter().map(size).sum());
        packets
            .iter()
            .for_each(|packet| payload::encode(&mut body, packet));
        self.flags.polled = true;
        let waiting = self.waiting.get_or_insert_default();
        let lost = waiting
            .poll
            .take()
            .is_none_or(|poll| poll.send(PollAnswer::Payload(body)).is_err());
        if lost {
            self.blame_on(
                TransportKind::Polling,
                Cause::transport("poll connection closed prematurely"),
            );
            self.session.handle_request_lost();
        }
    }

    pub(super) fn handle_upgraded(&mut self, now: Instant) {
        self.websocket = self.probe.take().map(|probe| *probe);
        self.waiting.take_if(|waiting| waiting.is_empty());
        self.handle.link.set_transport(TransportKind::WebSocket);
        self.log_upgraded();
        self.handle.release();
        self.shared.stats.upgrades_total.add(1);
        self.shared.stats.polling_clients_count.add(-1);
        if self.shared.context.hooks.has(Hook::Upgrade) {
            for socket in self.layer.sockets() {
                let transport = TransportKind::WebSocket;
                let event = SocketEvent::Upgrade { transport };
                self.shared
                    .sink
                    .deliver(&Event::of_socket(&socket, event, now));
            }
        }
    }

    /// Handles the end of the session: removes it from the table, and tells its sockets and the host.
    pub(super) fn handle_closed(&mut self, reason: CloseReason, now: Instant) {
        if std::mem::replace(&mut self.flags.ended, true) {
            return;
        }
        self.end_opening();
        let _counted_at_the_end = End {
            shared: Arc::clone(&self.shared),
            transport: self.session.transport(),
            reason,
        };
        self.log_closed(reason);
        self.shared.sessions.remove(&self.handle.id);
        self.handle.close();
        let left = self.handle.link.mailbox.close();
        self.tell_dropped(now);
        self.layer.handle_close(reason, now);
        for item in left {
            if let Outgoing::WithAck(request) = item {
                // The client cannot answer any more: expect_ack reports that to the waiting caller.
                self.layer.expect_ack(&request, now);
            }
        }
        self.deadlines = Deadlines {
            linger: Some(now + self.close_handshake_timeout(reason)),
            ..Deadlines::default()
        };
        self.progress = None;
        self.close_handshake_left = CLOSE_HANDSHAKE_BYTES;
        if let Some(waiting) = &mut self.waiting {
            waiting.post = None;
        }
    }

    /// Writes everything with one call, and records how much is left.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, clock: &mut Clock) {
        if let Some(probe) = &mut self.probe
            && probe.unsent() > 0
        {
            probe.send_now(cx, &mut Outbox::default());
        }
        let link = &self.handle.link;
        let Some(websocket) = &mut self.websocket else {
            let waiting = self.session.buffered_cost();
            link.mailbox.set_backlog(waiting);
            link.set_writable(self.session.is_writable());
            let moved = std::mem::take(&mut self.flags.polled);
            self.note_progress(waiting, moved, clock);
            return self.tell_drain(waiting, clock);
        };
        if scratch.outbox.is_empty() && websocket.unsent() == 0 {
            link.set_writable(self.session.is_writable());
            self.note_progress(0, true, clock);
            return self.tell_drain(0, clock);
        }
        let mut moved = false;
        match websocket.poll_flush(cx, &mut scratch.outbox) {
            Poll::Ready(Ok(flushed)) if flushed.progress > 0 => {
                moved = true;
                self.session.handle_activity(clock.now())
            }
            Poll::Ready(Ok(_)) | Poll::Pending => {}
            Poll::Ready(Err(error)) => {
                let cause = Cause::transport(format!("writing failed: {error}"));
                self.handle.link.blame(cause);
                websocket.handle_broken();
                self.session
                    .handle_transport_closed(TransportKind::WebSocket);
                self.carry_out(scratch, clock);
                return;
            }
        }
        let unsent = websocket.unsent_cost();
        link.mailbox.set_backlog(unsent);
        link.set_writable(unsent == 0 && self.session.is_writable());
        self.note_progress(unsent, moved, clock);
        self.tell_drain(unsent, clock);
    }

    /// Tells the host when a client has caught up for which more than `sendBufferLow` waited or a message was refused.
    fn tell_drain(&mut self, waiting: usize, clock: &mut Clock) {
        let mailbox = &self.handle.link.mailbox;
        let low = self.shared.config.send_buffer_low;
        let refused = mailbox.was_refused();
        if refused || waiting > low {
            self.flags.above_low_mark = true;
        }
        if refused && self.deadlines.dropped.is_none() {
            let now = clock.now();
            self.deadlines.dropped = Some(now + DROPPED_INTERVAL);
            self.tell_dropped(now);
        }
        if waiting > low || !std::mem::take(&mut self.flags.above_low_mark) {
            return;
        }
        self.handle.link.mailbox.forget_refusal();
        if self.deadlines.dropped.take().is_some() {
            self.tell_dropped(clock.now());
        }
        if self.shared.context.hooks.has(Hook::Drain) {
            for socket in self.layer.sockets() {
                let event = Event::of_socket(&socket, SocketEvent::Drain, clock.now());
                self.shared.sink.deliver(&event);
            }
        }
    }

    /// Adds this round's counts to the shared counters.
    pub(super) fn report(&mut self) {
        let Count {
            received,
            received_bytes,
            sent,
            sent_bytes,
        } = std::mem::take(&mut self.count);
        let stats = &self.shared.stats;
        if received > 0 {
            stats.messages_received_total.add(received.into());
            stats.bytes_received_total.add(received_bytes as i64);
        }
        if sent > 0 {
            stats.messages_sent_total.add(sent.into());
            stats.bytes_sent_total.add(sent_bytes as i64);
        }
    }
}

/// Counts the end of a session when dropped: after the host has been told, or when host code panics meanwhile.
struct End {
    shared: Arc<Shared>,
    transport: TransportKind,
    reason: CloseReason,
}

impl Drop for End {
    fn drop(&mut self) {
        let stats = &self.shared.stats;
        stats.clients_count.add(-1);
        stats.disconnections_total.add(1);
        if self.transport == TransportKind::Polling {
            stats.polling_clients_count.add(-1);
        }
        if self.reason == CloseReason::PingTimeout {
            stats.ping_timeouts_total.add(1);
        }
    }
}

fn write_message(kind: MessageKind, data: &Bytes, base64: bool, outbox: &mut Outbox) {
    match kind {
        MessageKind::Text => outbox.shared_frame(Opcode::Text, data),
        MessageKind::Binary if base64 => {
            let mut text = Vec::new();
            payload::encode_binary(&mut text, data);
            outbox.shared_frame(Opcode::Text, &Bytes::from(text));
        }
        MessageKind::Binary => outbox.shared_frame(Opcode::Binary, data),
    }
}
