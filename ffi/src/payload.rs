//! What to send: an event name, arguments as JSON, binaries; copied out of the caller's struct.

use std::ptr::null;

use bellwire_core::error::{Error, ErrorKind};
use bellwire_core::socketio::message::Payload;
use bytes::Bytes;

use crate::error::Result;
use crate::pointer::{self, Zeroed};
use crate::thread::Thread;
use crate::types::{bw_blob, bw_str};

/// What to send. Begin with BW_PAYLOAD_INIT or bw_payload_of.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_payload {
    /// sizeof(bw_payload)
    pub struct_size: u32,
    /// 0
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

/// Whether these are the arguments of the event that this thread dispatches.
fn is_received(args: &[u8]) -> bool {
    Thread::with(|thread| thread.has_received(args))
}

/// The parts of a payload, as far as they can be told without looking at the JSON.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    name: &'a str,
    args: &'a [u8],
    bins: Vec<Bytes>,
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
        })
    }

    /// An event without binaries.
    pub(crate) fn plain(event: bw_str, args: bw_str) -> Result<Self> {
        Ok(Self {
            name: event.text("event")?,
            args: args.bytes("args")?,
            bins: Vec::new(),
        })
    }

    /// Checks it as an event.
    pub(crate) fn payload(&self) -> Result<Payload<'_>> {
        if is_received(self.args) {
            return Payload::checked_event(self.name, self.args, &self.bins);
        }
        Payload::event(self.name, self.args, &self.bins, DEPTH)
    }

    /// Checks it as an answer.
    pub(crate) fn answer(&self) -> Result<Payload<'_>> {
        if is_received(self.args) {
            return Payload::checked_args(self.args, &self.bins);
        }
        Payload::args(self.args, &self.bins, DEPTH)
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
    if payload.flags != 0 {
        let text = format!("payload->flags has unknown bits: {:#x}", payload.flags);
        bins = bins.and(Err(Error::new(ErrorKind::Argument, text)));
    }
    Ok((payload, bins))
}
