//! What to send: an event name, arguments as JSON, binaries; copied out of the caller's struct.

use std::ptr::null;

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::json;
use bellwire_core::socketio::message::{Payload, json_error};
use bytes::Bytes;

use crate::error::Result;
use crate::pointer::{self, Zeroed};
use crate::thread::Thread;
use crate::types::{bw_blob, bw_str};

/// The bits of bw_payload.flags.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub enum bw_payload_flags {
    /// Set by bw_args_payload: the writer has put each placeholder where its binary belongs. Any other
    /// object that looks like a placeholder is data; nothing is checked about it.
    BW_PAYLOAD_WRITTEN = 1,
}

/// What to send. Begin with BW_PAYLOAD_INIT or bw_payload_of.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_payload {
    /// sizeof(bw_payload)
    pub struct_size: u32,
    /// BW_PAYLOAD_* bits.
    pub flags: u32,
    /// The event's name; not used in the answer to a client.
    pub event: bw_str,
    /// The arguments: the text of a JSON array; empty = no arguments. Where a binary belongs stands
    /// {"_placeholder":true,"num":i}.
    pub args: bw_str,
    /// The binaries.
    pub bins: *const bw_blob,
    /// How many binaries.
    pub n_bins: usize,
}

impl bw_payload {
    pub(crate) const EMPTY: Self = Self {
        struct_size: size_of::<Self>() as u32,
        flags: 0,
        event: bw_str::EMPTY,
        args: bw_str::EMPTY,
        bins: null(),
        n_bins: 0,
    };
}

// SAFETY: numbers and pointers, for which any bytes will do.
unsafe impl Zeroed for bw_payload {
    const ZERO: Self = Self {
        struct_size: 0,
        ..Self::EMPTY
    };
}

/// Nesting of what is sent. Whoever sends more than a client can read hurts nobody but it.
pub(crate) const DEPTH: usize = 1000;

/// More binaries than any client takes.
const MOST_BINS: usize = 1 << 20;

/// Why the arguments of a payload can be trusted, as far as they can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The host wrote the JSON and the placeholders.
    Host,
    /// A bw_args wrote the placeholders.
    Writer,
}

/// The parts of a payload, as far as they can be told without looking at the JSON.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    name: &'a str,
    args: &'a [u8],
    bins: Vec<Bytes>,
    origin: Origin,
}

impl<'a> Parts<'a> {
    /// Of an event to send.
    pub(crate) fn of_event(payload: *const bw_payload) -> Result<Self> {
        let (payload, bins) = open(payload)?;
        let bins = bins?;
        Ok(Self {
            name: payload.event.text("payload->event")?,
            args: payload.args.bytes("payload->args")?,
            bins,
            origin: origin(&payload),
        })
    }

    /// Of an answer to a client.
    pub(crate) fn of_answer(payload: *const bw_payload) -> Result<Self> {
        let (payload, bins) = open(payload)?;
        let bins = bins?;
        let args = payload.args.bytes("payload->args")?;
        Ok(Self {
            name: "",
            args,
            bins,
            origin: origin(&payload),
        })
    }

    /// An event without binaries.
    pub(crate) fn plain(event: bw_str, args: bw_str) -> Result<Self> {
        Ok(Self {
            name: event.text("event")?,
            args: args.bytes("args")?,
            bins: Vec::new(),
            origin: Origin::Host,
        })
    }

    /// Checks it as an event.
    pub(crate) fn payload(&self) -> Result<Payload<'_>> {
        let (name, args, bins) = (self.name, self.args, &self.bins[..]);
        if self.is_received()? {
            return Payload::checked_event(name, args, bins);
        }
        match self.origin {
            Origin::Host => Payload::event(name, args, bins, DEPTH),
            Origin::Writer => self
                .check_json()
                .and_then(|()| Payload::encoded_event(name, args, bins)),
        }
    }

    /// Checks it as an answer.
    pub(crate) fn answer(&self) -> Result<Payload<'_>> {
        let (args, bins) = (self.args, &self.bins[..]);
        if self.is_received()? {
            return Payload::checked_args(args, bins);
        }
        match self.origin {
            Origin::Host => Payload::args(args, bins, DEPTH),
            Origin::Writer => self
                .check_json()
                .map(|()| Payload::encoded_args(args, bins)),
        }
    }

    fn check_json(&self) -> Result<()> {
        if self.args.is_empty() {
            return Ok(());
        }
        json::check_utf8(self.args)
            .and_then(|_| json::split_args(self.args, DEPTH))
            .map(|_| ())
            .map_err(|error| json_error(&error))
    }

    /// Whether the arguments are those of the event that this thread dispatches. Then they are checked already; and without
    /// attachments of its own, nothing in them stands for an attachment of the host's.
    fn is_received(&self) -> Result<bool> {
        let attachments = Thread::with(|thread| thread.received(self.args));
        if attachments == Some(0) && !self.bins.is_empty() {
            let text = "payload->args are those of a client that sent no binaries, so payload->bins belong nowhere in \
                        them: write them with bw_args_value and bw_args_bin";
            return Err(Error::new(ErrorKind::Placeholder, text));
        }
        Ok(attachments.is_some())
    }
}

fn origin(payload: &bw_payload) -> Origin {
    if payload.flags & bw_payload_flags::BW_PAYLOAD_WRITTEN as u32 == 0 {
        Origin::Host
    } else {
        Origin::Writer
    }
}

/// Copies a payload and takes its binaries over. That comes first: from then on they are freed
/// whatever happens.
fn open(payload: *const bw_payload) -> Result<(bw_payload, Result<Vec<Bytes>>)> {
    let payload = pointer::sized(payload, "payload")?;
    let blobs = pointer::array(payload.bins, payload.n_bins, MOST_BINS, "payload->bins")?;
    let mut bins = Ok(Vec::new());
    for blob in blobs {
        let bin = pointer::take_blob(blob, "payload->bins[].data");
        match (&mut bins, bin) {
            (Ok(bins), Ok(bin)) => bins.push(bin),
            (Ok(_), Err(error)) => bins = Err(error),
            (Err(_), _) => {}
        }
    }
    if payload.flags & !(bw_payload_flags::BW_PAYLOAD_WRITTEN as u32) != 0 {
        let text = format!("payload->flags has unknown bits: {:#x}", payload.flags);
        bins = bins.and(Err(Error::new(ErrorKind::Argument, text)));
    }
    Ok((payload, bins))
}
