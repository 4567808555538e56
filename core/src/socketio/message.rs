//! Messages of a host: an event name, arguments as JSON, and attachments. A message is validated once and encoded once.

use std::sync::Arc;

use bytes::Bytes;
use once_cell::sync::OnceCell;

use crate::error::{Error, ErrorKind};
use crate::json::{self, JsonErrorKind};
use crate::socketio::event::{Form, MessageRef};
use crate::socketio::name::EventName;
use crate::socketio::packet::{EncodedPacket, RESERVED_EVENTS};
use crate::socketio::parser::Parser;

/// A valid event that borrows its parts from the caller.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    name: EventName<'a>,
    args: &'a [u8],
    attachments: &'a [Bytes],
}

impl<'a> Payload<'a> {
    /// Validates an event's name, arguments (a JSON array, or empty) and attachments.
    ///
    /// # Errors
    /// `Name` for a reserved event, `Json`, `Utf8` or `TooBig` for the arguments (with the byte offset), `Placeholder`
    /// when placeholders and attachments do not match.
    pub fn event(
        name: &'a str,
        args: &'a [u8],
        attachments: &'a [Bytes],
        depth: usize,
    ) -> Result<Self, Error> {
        check_name(name)?;
        Self::args(args, attachments, depth).map(|payload| Self {
            name: name.into(),
            ..payload
        })
    }

    /// An event whose arguments come from an encoder that took the attachments out itself.
    ///
    /// The caller guarantees that the JSON and the placeholders are valid. An object in the arguments that has the form
    /// of a placeholder and is not one is sent unchanged, as the official server does. A receiver cannot tell the two
    /// apart: it rejects a packet with attachments in which a `num` is out of range.
    ///
    /// # Errors
    /// `Name` for a reserved event.
    pub fn encoded_event(
        name: &'a str,
        args: &'a [u8],
        attachments: &'a [Bytes],
    ) -> Result<Self, Error> {
        check_name(name)?;
        let payload = Self::encoded_args(args, attachments);
        Ok(Self {
            name: name.into(),
            ..payload
        })
    }

    /// The arguments of an acknowledgement, with the guarantees of [`Payload::encoded_event`].
    pub fn encoded_args(args: &'a [u8], attachments: &'a [Bytes]) -> Self {
        Self {
            name: "".into(),
            args,
            attachments,
        }
    }

    /// As [`Payload::event`], for arguments whose JSON is known to be valid, for example because it was received.
    ///
    /// # Errors
    /// `Name` for a reserved event, `Placeholder` when placeholders and attachments do not match.
    pub fn checked_event(
        name: &'a str,
        args: &'a [u8],
        attachments: &'a [Bytes],
    ) -> Result<Self, Error> {
        check_name(name)?;
        Self::checked_args(args, attachments).map(|payload| Self {
            name: name.into(),
            ..payload
        })
    }

    /// Validates the arguments of an acknowledgement.
    ///
    /// # Errors
    /// As [`Payload::event`].
    pub fn args(args: &'a [u8], attachments: &'a [Bytes], depth: usize) -> Result<Self, Error> {
        if !args.is_empty() {
            json::check_utf8(args)
                .and_then(|_| json::split_args(args, depth))
                .map_err(|error| json_error(&error))?;
        }
        Self::checked_args(args, attachments)
    }

    /// As [`Payload::args`], for arguments whose JSON is known to be valid.
    ///
    /// # Errors
    /// `Placeholder` when placeholders and attachments do not match.
    pub fn checked_args(args: &'a [u8], attachments: &'a [Bytes]) -> Result<Self, Error> {
        if !attachments.is_empty() {
            check_attachments(args, attachments.len())?;
        }
        Ok(Self::encoded_args(args, attachments))
    }

    /// The same event with a name that UTF-8 cannot represent. `literal` is the valid JSON string of the name, with its
    /// quotes.
    #[must_use]
    pub fn with_name_literal(self, literal: &'a str) -> Self {
        let name = EventName::new(self.name.text(), Some(literal));
        Self { name, ..self }
    }

    /// The event's name, with U+FFFD for each lone surrogate.
    pub fn name(&self) -> &'a str {
        self.name.text()
    }

    /// The event's name, with its literal if there is one.
    pub fn event_name(&self) -> EventName<'a> {
        self.name
    }

    /// The arguments: a JSON array, or empty.
    pub fn args_json(&self) -> &'a [u8] {
        self.args
    }

    /// The attachments.
    pub fn attachments(&self) -> &'a [Bytes] {
        self.attachments
    }

    /// The packet for a namespace; `id` asks for an acknowledgement.
    pub fn encode(&self, parser: Parser, namespace: &str, id: Option<u64>) -> Arc<EncodedPacket> {
        let mut text =
            Vec::with_capacity(self.name.size() + self.args.len() + namespace.len() + 32);
        let attachments = self.attachments;
        parser.write_event(&mut text, namespace, id, self.name, self.args, attachments);
        let trailing = parser.trailing(attachments).into();
        Arc::new(EncodedPacket::new(parser.kind(), text, trailing))
    }

    /// A copy that owns its parts.
    pub fn to_message(&self) -> Message {
        Message {
            name: self.name.text().into(),
            name_literal: self.name.literal().map(Box::from),
            args: Bytes::copy_from_slice(self.args),
            attachments: self.attachments.into(),
            encoded: OnceCell::new(),
        }
    }
}

impl<'a> MessageRef<'a> {
    /// The message as a payload to send. It was validated when it was received.
    pub fn payload(&self) -> Payload<'a> {
        Payload {
            name: self.event_name(),
            args: self.args,
            attachments: self.attachments,
        }
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    if RESERVED_EVENTS.contains(&name) {
        return Err(Error::new(
            ErrorKind::Name,
            format!("\"{name}\" is a reserved event name"),
        ));
    }
    Ok(())
}

/// Converts an error of a JSON text to an error of the host.
pub fn json_error(error: &json::JsonError) -> Error {
    let kind = match error.kind {
        JsonErrorKind::Utf8 => ErrorKind::Utf8,
        JsonErrorKind::Depth => ErrorKind::TooBig,
        _ => ErrorKind::Json,
    };
    Error::new(kind, format!("{error}"))
}

fn check_attachments(args: &[u8], count: usize) -> Result<(), Error> {
    match json::check_placeholders(args, count) {
        Ok(referenced) if referenced == count => Ok(()),
        Ok(_) => Err(Error::new(
            ErrorKind::Placeholder,
            "an attachment is referenced by no placeholder",
        )),
        Err(error) => Err(Error::new(ErrorKind::Placeholder, format!("{error}"))),
    }
}

/// An event that owns its parts, to be stored, or sent to several targets. It does not change.
#[derive(Debug)]
pub struct Message {
    name: Box<str>,
    name_literal: Option<Box<str>>,
    args: Bytes,
    attachments: Box<[Bytes]>,
    /// The packet for the parser and the namespace of the first use, which are nearly always the only ones.
    encoded: OnceCell<(Parser, Arc<str>, Arc<EncodedPacket>)>,
}

impl Message {
    /// A message of a client, whose parts the decoder has validated.
    pub fn received(name: EventName<'_>, args: &[u8], attachments: &[Bytes]) -> Self {
        Self {
            name: name.text().into(),
            name_literal: name.literal().map(Box::from),
            args: Bytes::copy_from_slice(args),
            attachments: attachments.into(),
            encoded: OnceCell::new(),
        }
    }

    /// The event's name, with U+FFFD for each lone surrogate.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as a JSON string, if it has lone surrogates.
    pub fn name_literal(&self) -> Option<&str> {
        self.name_literal.as_deref()
    }

    /// The arguments: a JSON array.
    pub fn args(&self) -> &[u8] {
        if self.args.is_empty() {
            b"[]"
        } else {
            &self.args
        }
    }

    /// The attachments.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// A view of the message, as an event has it.
    pub fn view(&self) -> MessageRef<'_> {
        MessageRef {
            form: Form::Event,
            name: &self.name,
            name_literal: self.name_literal(),
            args: self.args(),
            arg_count: None,
            attachments: &self.attachments,
        }
    }

    /// The message as a payload to send.
    pub fn payload(&self) -> Payload<'_> {
        Payload {
            name: EventName::new(&self.name, self.name_literal.as_deref()),
            args: &self.args,
            attachments: &self.attachments,
        }
    }

    /// The packet for a namespace. The packet of the first call is kept, and returned for the same parser and namespace.
    pub fn encoded(&self, parser: Parser, namespace: &Arc<str>) -> Arc<EncodedPacket> {
        let encode = || self.payload().encode(parser, namespace, None);
        let (known_parser, known, packet) = self
            .encoded
            .get_or_init(|| (parser, Arc::clone(namespace), encode()));
        if *known_parser == parser && **known == **namespace {
            Arc::clone(packet)
        } else {
            encode()
        }
    }
}
