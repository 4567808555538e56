//! A WebSocket on a byte stream: unsplit, read in place, written once for each wake-up.
//!
//! At rest it holds no buffer. It knows frames, not packets.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::frame::{FrameLimits, FrameReader, Opcode, write_close};
use crate::transport::outbox::{Outbox, Unsent};
use crate::transport::stream::{Slot, Stream};

/// See the module's documentation.
#[derive(Debug)]
pub struct WebSocket {
    stream: Stream,
    /// Takes messages out of what was read.
    pub reader: FrameReader,
    unsent: Unsent,
    closing: Closing,
    /// Our close frame is under way, or sent.
    said: bool,
    /// The peer has broken the rules: our direction of the stream ends when everything is sent.
    refused: bool,
    /// Our direction of the stream has ended.
    shut: bool,
    /// The stream broke, perhaps inside a frame: nothing is written any more.
    broken: bool,
    /// The answer to the last ping, which waits until the peer has taken everything else.
    pong: Option<Box<[u8]>>,
    /// Binary messages are sent as base64 texts, as the client asked.
    pub base64: bool,
    /// Counts the connection.
    pub slot: Option<Slot>,
}

/// How far the closing handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    /// Our close frame is under way, or sent.
    Said,
    /// Both have said it, or the stream has ended.
    Done,
}

/// What a read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// This many bytes in the buffer that was given.
    Buffer(usize),
    /// This many bytes in the reader's own buffer.
    Reader(usize),
    /// The peer has ended the stream.
    End,
}

impl WebSocket {
    /// A WebSocket whose handshake is complete; `head` is what was read behind it.
    pub fn new(stream: Stream, head: &[u8], limits: FrameLimits) -> Self {
        let mut reader = FrameReader::new(limits);
        reader.stash(head);
        Self {
            stream,
            reader,
            unsent: Unsent::default(),
            closing: Closing::No,
            said: false,
            refused: false,
            shut: false,
            broken: false,
            pong: None,
            base64: false,
            slot: None,
        }
    }

    /// Whether a read would find nothing; then the task is woken when that changes. Most wake-ups of a connection are for
    /// something else, and this costs no system call.
    ///
    /// It has to be asked at every wake-up: the reactor marks a stream as readable first and takes its waker later, so a
    /// task on another thread that has read in between loses the waker that it has just registered. The wake-up that it
    /// gets instead is the one at which it registers again.
    pub fn is_quiet(&self, cx: &mut Context<'_>) -> bool {
        self.stream.poll_read_ready(cx).is_pending()
    }

    /// Reads what there is, once.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Chunk>> {
        if self.reader.wanted() > buffer.len() {
            return self.poll_read_large(cx);
        }
        let mut buf = ReadBuf::new(buffer);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) if buf.filled().is_empty() => Poll::Ready(Ok(Chunk::End)),
            Poll::Ready(Ok(())) => Poll::Ready(Ok(Chunk::Buffer(buf.filled().len()))),
        }
    }

    /// A large message is read straight into its own memory.
    fn poll_read_large(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Chunk>> {
        let mut spare = self.reader.spare();
        let limit = spare.remaining_mut();
        let memory = spare.get_mut();
        let held = memory.len();
        // The room is reserved already; zeroing it costs a tenth of what reading into it costs.
        memory.resize(held + limit.min(memory.capacity() - held).max(1), 0);
        let mut buf = ReadBuf::new(&mut memory[held..]);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut buf);
        let filled = buf.filled().len();
        memory.truncate(held + filled);
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) if filled == 0 => Poll::Ready(Ok(Chunk::End)),
            Poll::Ready(Ok(())) => Poll::Ready(Ok(Chunk::Reader(filled))),
        }
    }

    /// Writes what waits and what is in `outbox`, which is empty afterwards. Pending: some of it waits for the peer.
    pub fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &mut Outbox,
    ) -> Poll<io::Result<Flushed>> {
        if self.broken {
            outbox.clear();
            return Poll::Ready(Ok(Flushed { progress: 0 }));
        }
        let mut result = self.write_all(cx, outbox);
        outbox.clear();
        if self.unsent.is_empty()
            && let Some(pong) = self.pong.take()
        {
            outbox.frame(Opcode::Pong, &pong);
            if let Poll::Ready(Err(error)) = self.write_all(cx, outbox) {
                result = Poll::Ready(Err(error));
            }
            outbox.clear();
        }
        if self.refused && self.unsent.is_empty() && !std::mem::replace(&mut self.shut, true) {
            self.shutdown(cx);
        }
        result
    }

    fn write_all(&mut self, cx: &mut Context<'_>, outbox: &Outbox) -> Poll<io::Result<Flushed>> {
        let mut moved = Flushed { progress: 0 };
        if self.unsent.is_empty() {
            let mut written = 0;
            // Nearly always it is one piece, and there is room for it; the loop is for the rest.
            if let Some(bytes) = outbox.single_piece() {
                match write(&mut self.stream, cx, &[io::IoSlice::new(bytes)]) {
                    Poll::Ready(Ok(n)) => written = n,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {}
                }
            }
            while written < outbox.len() {
                let mut slices = Outbox::no_slices();
                let count = outbox.slices(written, &mut slices);
                match write(&mut self.stream, cx, &slices[..count]) {
                    Poll::Ready(Ok(n)) => written += n,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        outbox.spill(written, &mut self.unsent);
                        return Poll::Pending;
                    }
                }
            }
            return Poll::Ready(Ok(moved));
        }
        outbox.spill(0, &mut self.unsent);
        while !self.unsent.is_empty() {
            let mut slices = Outbox::no_slices();
            let count = self.unsent.slices(&mut slices);
            match write(&mut self.stream, cx, &slices[..count]) {
                Poll::Ready(Ok(n)) => {
                    self.unsent.advance(n);
                    moved.progress += n;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if moved.progress > 0 => return Poll::Ready(Ok(moved)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(moved))
    }

    /// Bytes that wait for the peer.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// The memory that they take.
    pub fn unsent_cost(&self) -> usize {
        self.unsent.cost()
    }

    /// Answers a ping; after a close nothing is answered. While the peer does not take what it was sent, only its last
    /// ping is answered. Source: RFC 6455, section 5.5.3.
    pub fn answer_ping(&mut self, outbox: &mut Outbox, data: Box<[u8]>) {
        if self.is_closing() {
            return;
        }
        if self.unsent.is_empty() {
            outbox.frame(Opcode::Pong, &data);
        } else {
            self.pong = Some(data);
        }
    }

    /// Says goodbye, once, behind everything else; nothing may be sent after it.
    /// As with the official server, the frame carries no text: the reason is for the log.
    pub fn say_close(&mut self, outbox: &mut Outbox, code: Option<u16>) {
        if !std::mem::replace(&mut self.said, true) {
            if self.closing == Closing::No {
                self.closing = Closing::Said;
            }
            self.pong = None;
            outbox.raw(|out| write_close(out, code, ""));
        }
    }

    /// Says goodbye to a peer that has broken the rules: it is not waited for its own. What it still sends is read, so
    /// that it sees our words before the stream breaks.
    pub fn refuse(&mut self, outbox: &mut Outbox, code: u16) {
        self.say_close(outbox, Some(code));
        self.refused = true;
    }

    /// Whether the peer has broken the rules.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// The peer has said goodbye, or is gone.
    pub fn handle_end(&mut self) {
        self.closing = Closing::Done;
    }

    /// Whether nothing may be sent any more.
    pub fn is_closing(&self) -> bool {
        self.closing != Closing::No
    }

    /// Whether the peer has said goodbye, or is gone.
    pub fn is_done_by_peer(&self) -> bool {
        self.closing == Closing::Done
    }

    /// The stream is broken: what waits for the peer will never be sent.
    pub fn handle_broken(&mut self) {
        self.handle_end();
        self.said = true;
        self.broken = true;
        self.unsent = Unsent::default();
        self.pong = None;
    }

    /// Whether both have said goodbye and everything is sent.
    pub fn is_done(&self) -> bool {
        self.closing == Closing::Done && self.unsent.is_empty()
    }

    /// Ends our direction of the stream, so that the peer reads everything before it sees the end.
    pub fn shutdown(&mut self, cx: &mut Context<'_>) {
        // The connection is being given up; how that ends matters to nobody.
        let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
    }
}

/// What a flush did beyond the new bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flushed {
    /// How many bytes that had been stuck were taken: the peer lives.
    pub progress: usize,
}

fn write(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    slices: &[io::IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    let written = match slices {
        [single] => stream.poll_write(cx, single),
        many => stream.poll_write_vectored(cx, many),
    };
    match written {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        other => other,
    }
}
