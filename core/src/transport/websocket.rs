//! A WebSocket on a byte stream: frames are read in place, and written once for each wake-up of the task that owns both
//! directions.
//!
//! An idle WebSocket holds no buffer. The content of messages is not interpreted here.

use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::frame::{
    FrameError, FrameLimits, FrameReader, Incoming, Opcode, write_close,
};
use crate::transport::outbox::{Outbox, Unsent};
use crate::transport::stream::{Slot, Stream};

/// A WebSocket whose handshake is complete, with its stream.
#[derive(Debug)]
pub struct WebSocket {
    stream: Stream,
    /// Parses frames.
    pub reader: FrameReader,
    unsent: Unsent,
    closing: Closing,
    /// Our close frame is queued or sent.
    close_sent: bool,
    /// The peer has violated the protocol: our direction of the stream is ended after everything is sent.
    refused: bool,
    /// Our direction of the stream has ended.
    shut: bool,
    /// The stream broke, perhaps inside a frame: nothing is written any more.
    broken: bool,
    /// The answer to the last ping, which is sent after everything else.
    pong: Option<Box<[u8]>>,
    /// Whether binary messages are sent as base64 text, as the client has requested.
    pub base64: bool,
    /// Counts the connection.
    pub slot: Option<Slot>,
}

/// The state of the closing handshake.
///
/// ```text
///  No ──our close frame──► Sent ──close frame of the peer, or end of the stream──► Done
///   └──────────────close frame of the peer, or end of the stream───────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    /// Our close frame is queued or sent.
    Sent,
    /// The close frame of the peer was received, or the stream has ended.
    Done,
}

/// The result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// This many bytes are in the buffer of the caller.
    Buffer(usize),
    /// This many bytes are in the buffer of the [`FrameReader`].
    Reader(usize),
    /// The peer has ended the stream.
    End,
}

impl WebSocket {
    /// A WebSocket whose handshake is complete; `head` holds the bytes that were read after the handshake.
    pub fn new(stream: Stream, head: &[u8], limits: FrameLimits) -> Self {
        let mut reader = FrameReader::new(limits);
        reader.stash(head);
        Self {
            stream,
            reader,
            unsent: Unsent::default(),
            closing: Closing::No,
            close_sent: false,
            refused: false,
            shut: false,
            broken: false,
            pong: None,
            base64: false,
            slot: None,
        }
    }

    /// Whether a read would return `Pending`; the task is then woken as [`Stream::poll_read_ready`] says. Most wake-ups of a
    /// connection have another reason, and this costs no system call.
    ///
    /// To be called in every wake-up: the reactor marks a stream as readable first and takes the waker later. If the task
    /// reads and registers a waker in between, on another thread, the reactor takes that waker. The task is woken by it, and
    /// has to register again.
    pub fn is_quiet(&self, cx: &mut Context<'_>) -> bool {
        self.stream.poll_read_ready(cx).is_pending()
    }

    /// Reads once.
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

    /// Reads once, and passes the messages and the close frame in what was read, or was held already, to `each`, until it
    /// breaks. Pings are answered into `outbox`. After a break, the bytes that follow are held.
    ///
    /// Returns what was read; `Chunk::Reader(0)` if `each` has broken before the read.
    pub fn poll_incoming(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        outbox: &mut Outbox,
        mut each: impl FnMut(Result<Incoming<'_>, FrameError>) -> ControlFlow<()>,
    ) -> Poll<io::Result<Chunk>> {
        if self.take_incoming(&mut [], outbox, &mut each).is_break() {
            return Poll::Ready(Ok(Chunk::Reader(0)));
        }
        let chunk = ready!(self.poll_read(cx, buffer))?;
        let input = match chunk {
            Chunk::Buffer(len) => &mut buffer[..len],
            Chunk::Reader(_) => &mut [],
            Chunk::End => return Poll::Ready(Ok(chunk)),
        };
        // A break ends this call in any case.
        let _ = self.take_incoming(input, outbox, &mut each);
        Poll::Ready(Ok(chunk))
    }

    fn take_incoming(
        &mut self,
        input: &mut [u8],
        outbox: &mut Outbox,
        mut each: impl FnMut(Result<Incoming<'_>, FrameError>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut used = 0;
        loop {
            let flow = match self.reader.next(input, &mut used) {
                Ok(None) => return ControlFlow::Continue(()),
                Ok(Some(Incoming::Ping(data))) => {
                    let data = Box::from(data);
                    self.answer_ping(outbox, data);
                    continue;
                }
                Ok(Some(Incoming::Pong(_))) => continue,
                Ok(Some(incoming)) => each(Ok(incoming)),
                // Nothing after an error is a frame.
                Err(error) => {
                    let _ = each(Err(error));
                    return ControlFlow::Break(());
                }
            };
            if flow.is_break() {
                self.reader.stash(&input[used..]);
                return flow;
            }
        }
    }

    /// Writes as much of `outbox` as the peer takes now, and keeps the rest as unsent bytes. If the stream is broken, the next
    /// read returns the error.
    pub fn send_now(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) {
        let _ = self.poll_flush(cx, outbox);
    }

    /// Reads a large message into the memory that will hold it.
    fn poll_read_large(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Chunk>> {
        let mut spare = self.reader.spare();
        let limit = spare.remaining_mut();
        let memory = spare.get_mut();
        let held = memory.len();
        // The memory is reserved already. Zeroing takes a tenth of the time of reading.
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

    /// Writes unsent bytes, then `outbox`, which is empty afterwards. `Pending`: bytes that the peer does not take yet are
    /// kept as unsent bytes.
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

    /// Writes as much of what waits as there is room for, even if the kernel has not reported any. The task is woken for
    /// the rest as after [`WebSocket::poll_flush`], which also reports errors.
    pub fn flush_now(&mut self) -> Flushed {
        let mut moved = Flushed { progress: 0 };
        while !self.unsent.is_empty() {
            let mut slices = Outbox::no_slices();
            let count = self.unsent.slices(&mut slices);
            let Ok(written @ 1..) = self.stream.write_now(&slices[..count]) else {
                break;
            };
            self.unsent.advance(written);
            moved.progress += written;
        }
        if self.unsent.is_empty()
            && let Some(pong) = self.pong.take()
        {
            let mut outbox = Outbox::default();
            outbox.frame(Opcode::Pong, &pong);
            outbox.spill(0, &mut self.unsent);
        }
        moved
    }

    /// The number of unsent bytes.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// The memory of the unsent bytes.
    pub fn unsent_cost(&self) -> usize {
        self.unsent.cost()
    }

    /// Answers a ping, unless the WebSocket is closing. While there are unsent bytes, only the last ping is answered. Source:
    /// RFC 6455, section 5.5.3.
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

    /// Queues a close frame after everything else, unless one was queued before. Nothing may be sent after it. As on the
    /// official server, the frame has no text: the reason is logged.
    pub fn send_close(&mut self, outbox: &mut Outbox, code: Option<u16>) {
        if !std::mem::replace(&mut self.close_sent, true) {
            if self.closing == Closing::No {
                self.closing = Closing::Sent;
            }
            self.pong = None;
            outbox.raw(|out| write_close(out, code, ""));
        }
    }

    /// Closes the WebSocket of a peer that has violated the protocol, without waiting for its close frame. Further bytes of
    /// the peer are read and discarded: closing a stream with unread bytes could destroy our close frame.
    pub fn refuse(&mut self, outbox: &mut Outbox, code: u16) {
        self.send_close(outbox, Some(code));
        self.refused = true;
    }

    /// Whether the peer has violated the protocol.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// The close frame of the peer was received, or the stream has ended.
    pub fn handle_end(&mut self) {
        self.closing = Closing::Done;
    }

    /// Whether nothing may be sent any more.
    pub fn is_closing(&self) -> bool {
        self.closing != Closing::No
    }

    /// Whether the close frame of the peer was received, or the stream has ended.
    pub fn is_done_by_peer(&self) -> bool {
        self.closing == Closing::Done
    }

    /// The stream is broken: unsent bytes are discarded.
    pub fn handle_broken(&mut self) {
        self.handle_end();
        self.close_sent = true;
        self.broken = true;
        self.unsent = Unsent::default();
        self.pong = None;
    }

    /// Whether the closing handshake is complete and everything is sent.
    pub fn is_done(&self) -> bool {
        self.closing == Closing::Done && self.unsent.is_empty()
    }

    /// Ends our direction of the stream. The peer receives everything that was written, then the end.
    pub fn shutdown(&mut self, cx: &mut Context<'_>) {
        // The stream is dropped afterwards, whether this succeeds or not.
        let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
    }
}

/// The progress that a flush has made with bytes that were unsent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flushed {
    /// How many of these bytes were written. A number above 0 shows that the peer is reading.
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
