//! Receiving: packets are decoded, wait for their attachments, and are passed to their socket.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::cause::Cause;
use crate::json::{self, JsonErrorKind};
use crate::socketio::ack::{AckOutcome, AckTarget, Pending, Reply};
use crate::socketio::client::{Client, Flow};
use crate::socketio::context::Context;
use crate::socketio::event::{Acked, DisconnectReason, Event, Form, MessageRef, SocketEvent};
use crate::socketio::packet::{DecodeError, PacketType, RESERVED_EVENTS};
use crate::socketio::parser::Parser;
use crate::socketio::parser::json::Head;

/// A binary packet whose attachments have not all arrived.
#[derive(Debug)]
pub(super) struct Partial {
    text: Vec<u8>,
    head: Head,
    parts: Parts,
    attachments: Vec<Bytes>,
    bytes: usize,
    pub(super) deadline: Instant,
}

impl Partial {
    /// Reuses the allocation of a complete packet if there is one.
    fn new(
        spent: Option<Box<Self>>,
        text: &[u8],
        (head, parts): (Head, Parts),
        deadline: Instant,
    ) -> Box<Self> {
        let bytes = text.len();
        let Some(mut partial) = spent else {
            return Box::new(Self {
                text: text.to_vec(),
                head,
                parts,
                attachments: Vec::new(),
                bytes,
                deadline,
            });
        };
        partial.text.clear();
        partial.text.extend_from_slice(text);
        partial.attachments.clear();
        (partial.head, partial.parts) = (head, parts);
        (partial.bytes, partial.deadline) = (bytes, deadline);
        partial
    }
}

impl Client {
    /// Handles a text message. `issued_ms` returns the time of day, for a socket that joins.
    pub fn handle_text(
        &mut self,
        text: &mut [u8],
        now: Instant,
        issued_ms: impl Fn() -> u64,
    ) -> Flow {
        let decoded = match self.parser() {
            Parser::Json => self.decode_json(text, now, issued_ms),
        };
        decoded.unwrap_or_else(|error| self.parse_error(error))
    }

    /// Handles a binary message.
    pub fn handle_binary(&mut self, data: &[u8], now: Instant) -> Flow {
        match self.parser() {
            Parser::Json => self.handle_attachment(data, now),
        }
    }

    fn handle_attachment(&mut self, data: &[u8], now: Instant) -> Flow {
        let Some(partial) = &mut self.partial else {
            return self.parse_error(DecodeError::UnexpectedBinary);
        };
        partial.bytes += data.len();
        if partial.bytes > self.namespaces.context().settings.limits.packet_bytes {
            return self.parse_error(DecodeError::TooLarge);
        }
        partial.attachments.push(Bytes::copy_from_slice(data));
        if partial.attachments.len() < partial.head.attachments {
            return Flow::Continue;
        }
        let Some(mut partial) = self.take_partial() else {
            return Flow::Continue;
        };
        let data = &partial.text[partial.head.data..];
        if json::check_placeholders(data, partial.attachments.len()).is_err() {
            return self.parse_error(DecodeError::IllegalAttachments);
        }
        let Partial {
            text,
            head,
            parts,
            attachments,
            ..
        } = &mut *partial;
        let dispatched = self.dispatch(head, parts, text, attachments, now);
        attachments.clear();
        self.spent = Some(partial);
        dispatched.unwrap_or_else(|error| self.parse_error(error))
    }

    fn decode_json(
        &mut self,
        text: &mut [u8],
        now: Instant,
        issued_ms: impl Fn() -> u64,
    ) -> Result<Flow, DecodeError> {
        let context = self.namespaces.context();
        let limits = &context.settings.limits;
        if self.partial.is_some() {
            return Err(DecodeError::TextInsteadOfAttachment);
        }
        let head = Head::decode(text, limits.attachments)?;
        if head.kind == PacketType::Connect {
            return self.handle_connect(&head, text, now, issued_ms);
        }
        // An invalid binary packet is refused before its attachments arrive.
        let parts = check_payload(&head, text, limits.json_depth)?;
        match head.kind {
            PacketType::BinaryEvent | PacketType::BinaryAck => {
                let deadline = now + context.settings.packet_timeout;
                let spent = self.spent.take();
                let partial = Partial::new(spent, text, (head, parts), deadline);
                context.stats.partial_packets.add(1);
                self.partial = Some(partial);
                return Ok(Flow::Continue);
            }
            PacketType::Connect
            | PacketType::Disconnect
            | PacketType::Event
            | PacketType::Ack
            | PacketType::ConnectError => {}
        }
        self.dispatch(&head, &parts, text, &[], now)
    }

    /// Passes a packet to the socket of its namespace.
    fn dispatch(
        &mut self,
        head: &Head,
        parts: &Parts,
        text: &mut [u8],
        attachments: &[Bytes],
        now: Instant,
    ) -> Result<Flow, DecodeError> {
        let Some(index) = self.find(namespace_of(head, text)?) else {
            return Ok(self.violation("a packet for a namespace that the client has not joined"));
        };
        let entry = &self.entries[index];
        let Some(socket) = entry.connected().filter(|socket| socket.is_connected()) else {
            return Ok(
                self.violation("a packet for a namespace that the client is not in at the moment")
            );
        };
        match (head.kind, parts) {
            (PacketType::Event | PacketType::BinaryEvent, Parts::Event(parts)) => {
                self.dispatch_event(index, (head, parts), text, attachments, now)?;
            }
            (PacketType::Ack | PacketType::BinaryAck, _) => {
                let data = &text[head.data..];
                self.dispatch_ack((entry.ordinal, head.id), data, attachments, now);
            }
            (PacketType::Disconnect, _) => {
                let socket = Arc::clone(socket);
                self.remove(&socket, DisconnectReason::ClientNamespace, now);
            }
            (PacketType::ConnectError, _) => {
                return Ok(self.violation("a CONNECT_ERROR packet, which only a server sends"));
            }
            // An event without an array: the official server accepts it and does nothing.
            (PacketType::Connect | PacketType::Event | PacketType::BinaryEvent, _) => {}
        }
        Ok(Flow::Continue)
    }

    /// Delivers an event. The arguments stay in the packet's text, where one byte is overwritten with their bracket.
    fn dispatch_event(
        &mut self,
        index: usize,
        (head, parts): (&Head, &json::EventParts),
        text: &mut [u8],
        attachments: &[Bytes],
        now: Instant,
    ) -> Result<(), DecodeError> {
        // The comma after the name is overwritten with the opening bracket of the arguments; without arguments, the byte
        // before the closing bracket is.
        let start = head.data
            + if parts.args == 0 {
                parts.args_start - 1
            } else {
                parts.args_start
            };
        let (decoded, literal);
        let mut name_literal = None;
        // The bracket would overwrite the last digit of a name that is a number.
        let name = if parts.name_escaped || head.data + parts.name.end > start {
            let data = &text[head.data..];
            let name = parts.name(data).map_err(|error| payload_error(&error))?;
            if name.lone.is_some() {
                literal = String::from_utf8_lossy(parts.name_literal(data)).into_owned();
                name_literal = Some(literal.as_str());
            }
            decoded = name.text.into_owned();
            text[start] = b'[';
            decoded.as_str()
        } else {
            text[start] = b'[';
            let name = &text[head.data..][parts.name.clone()];
            std::str::from_utf8(name).map_err(|_| DecodeError::InvalidPayload)?
        };
        let message = MessageRef {
            form: Form::Event,
            name,
            name_literal,
            args: &text[start..head.data + parts.end],
            arg_count: Some(parts.args as u32),
            attachments,
        };
        self.handle_event(index, message, head.id, now);
        Ok(())
    }

    /// Ends the acknowledgement that a socket owes with this id, if there is one.
    fn dispatch_ack(
        &mut self,
        (ordinal, id): (u32, Option<u64>),
        data: &[u8],
        attachments: &[Bytes],
        now: Instant,
    ) {
        let Some(pending) = id.and_then(|id| self.acks.take(ordinal, id)) else {
            return;
        };
        let context = self.namespaces.context();
        context.stats.pending_acks.add(-1);
        let args = Bytes::copy_from_slice(if data.is_empty() { b"[]" } else { data });
        answer(context, pending, args, attachments.to_vec(), now);
    }

    pub(super) fn take_partial(&mut self) -> Option<Box<Partial>> {
        let partial = self.partial.take()?;
        self.namespaces.context().stats.partial_packets.add(-1);
        Some(partial)
    }

    pub(super) fn violation(&self, what: &'static str) -> Flow {
        self.link.blame(Cause::violation(what));
        self.namespaces
            .context()
            .stats
            .protocol_violations_total
            .add(1);
        Flow::Violation
    }

    pub(super) fn parse_error(&mut self, error: DecodeError) -> Flow {
        self.link.blame(self.cause_of(error));
        let stats = &self.namespaces.context().stats;
        stats.parse_errors_total.add(1);
        match error {
            DecodeError::TooManyAttachments => stats.limit_attachments_total.add(1),
            DecodeError::TooDeep => stats.limit_depth_total.add(1),
            DecodeError::TooLarge => stats.limit_payload_total.add(1),
            _ => {}
        }
        self.take_partial();
        Flow::ParseError(error)
    }

    fn cause_of(&self, error: DecodeError) -> Cause {
        let limits = &self.namespaces.context().settings.limits;
        let text = error.as_str();
        match error {
            DecodeError::TooManyAttachments => {
                Cause::limit("engine.maxAttachments", limits.attachments, text)
            }
            DecodeError::TooDeep => Cause::limit("engine.maxJsonDepth", limits.json_depth, text),
            DecodeError::TooLarge => {
                let cause = Cause::limit("maxHttpBufferSize", limits.packet_bytes, text);
                match &self.partial {
                    Some(partial) => cause.with_seen(partial.bytes),
                    None => cause,
                }
            }
            _ => Cause::parse(text),
        }
    }
}

/// The parts of a packet's JSON.
#[derive(Debug)]
enum Parts {
    Nothing,
    Event(json::EventParts),
    Array,
}

/// Source: the official parser's rules for the payload of each type.
fn check_payload(head: &Head, text: &[u8], depth: usize) -> Result<Parts, DecodeError> {
    let data = &text[head.data..];
    if data.is_empty() {
        return Ok(Parts::Nothing);
    }
    match head.kind {
        PacketType::Event | PacketType::BinaryEvent => {
            let parts = json::split_event(data, depth).map_err(|error| payload_error(&error))?;
            let is_reserved = |name: &[u8]| RESERVED_EVENTS.iter().any(|it| it.as_bytes() == name);
            let reserved = if parts.name_escaped {
                let name = parts.name(data).map_err(|error| payload_error(&error))?;
                is_reserved(name.text.as_bytes())
            } else {
                is_reserved(&data[parts.name.clone()])
            };
            if reserved {
                return Err(DecodeError::InvalidPayload);
            }
            Ok(Parts::Event(parts))
        }
        PacketType::Ack | PacketType::BinaryAck => {
            json::split_args(data, depth).map_err(|error| payload_error(&error))?;
            Ok(Parts::Array)
        }
        PacketType::Disconnect => Err(DecodeError::InvalidPayload),
        PacketType::Connect | PacketType::ConnectError => {
            match json::check_utf8_known(data, depth).map_err(|error| payload_error(&error))? {
                json::Kind::String | json::Kind::Object => Ok(Parts::Nothing),
                _ => Err(DecodeError::InvalidPayload),
            }
        }
    }
}

pub(super) fn payload_error(error: &json::JsonError) -> DecodeError {
    if error.kind == JsonErrorKind::Depth {
        DecodeError::TooDeep
    } else {
        DecodeError::InvalidPayload
    }
}

pub(super) fn namespace_of<'a>(head: &Head, text: &'a [u8]) -> Result<&'a str, DecodeError> {
    if head.namespace.is_empty() {
        return Ok("/");
    }
    std::str::from_utf8(&text[head.namespace.clone()]).map_err(|_| DecodeError::InvalidPayload)
}

fn answer(context: &Context, pending: Pending, args: Bytes, attachments: Vec<Bytes>, now: Instant) {
    let reply = Reply {
        socket: pending.socket,
        args,
        attachments,
    };
    match pending.target {
        AckTarget::One(operation) => {
            let socket = Arc::clone(&reply.socket);
            let replies = &[reply];
            let event = SocketEvent::Acked(Acked {
                operation,
                outcome: AckOutcome::Answered,
                replies,
            });
            context.sink.deliver(&Event::of_socket(&socket, event, now));
        }
        AckTarget::Many(broadcast) => broadcast.reply(reply),
    }
}
