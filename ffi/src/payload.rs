//! Payloads: an event name, arguments as JSON, and binaries, read from the caller's struct.

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
    /// Set by bw_args_payload: the placeholders were written by a bw_args and are not checked. Other
    /// objects that have the form of a placeholder are data.
    BW_PAYLOAD_WRITTEN = 1,
}

/// An event to send. Initialise it with BW_PAYLOAD_INIT or bw_payload_of.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_payload {
    /// sizeof(bw_payload)
    pub struct_size: u32,
    /// BW_PAYLOAD_* bits.
    pub flags: u32,
    /// The event's name; not used for an acknowledgement.
    pub event: bw_str,
    /// The arguments: the text of a JSON array, or empty for no arguments. Each binary has a placeholder
    /// {"_placeholder":true,"num":i}, where i is its index.
    pub args: bw_str,
    /// The binaries.
    pub bins: *const bw_blob,
    /// The number of binaries.
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

/// The deepest nesting of JSON that the host may send.
pub(crate) const DEPTH: usize = 1000;

/// The largest number of binaries of one payload.
const MOST_BINS: usize = 1 << 20;

/// Which code wrote the arguments of a payload, which decides what has to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The host wrote the JSON and the placeholders.
    Host,
    /// A bw_args wrote the placeholders.
    Writer,
}

/// The parts of a payload, before its JSON is checked.
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

    /// Whether the arguments are those of the message that this thread dispatches, which are valid.
    ///
    /// # Errors
    /// `Placeholder` if that message has no attachments and the payload has: nothing in the arguments refers to them.
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

/// Copies a payload and takes ownership of its binaries, before anything else can fail, so that they
/// are freed in any case.
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
