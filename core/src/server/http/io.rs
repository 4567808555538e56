//! The byte stream below the HTTP parser: it passes on one request at a time, hides the end of the client's direction
//! from a request that is being answered, and gives up a client that does not take its answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::server::http::exchange::{Exchange, Note};
use crate::server::http::head::Framing;
use crate::server::shared::Shared;
use crate::transport::{Slot, Stream};

/// So many bytes are read beyond the request that is being answered: what is behind an upgrade, or pipelined.
const READ_AHEAD: usize = 4096;
/// A connection that has been sent so much gets a small queue in the kernel.
const FREELY_WRITTEN: u64 = 64 * 1024;
/// Bytes that the kernel takes although the peer has no room for them.
const MAX_UNSENT: u32 = 128 * 1024;

/// See the module's documentation.
pub(super) struct HttpIo {
    stream: Stream,
    slot: Slot,
    shared: Arc<Shared>,
    exchange: Arc<Exchange>,
    framing: Framing,
    /// Read and not looked at.
    held: BytesMut,
    /// To be passed on.
    ready: BytesMut,
    /// The client has ended its direction.
    ended: bool,
    /// The peer takes nothing; when this is over, it is given up.
    stalled: Option<Pin<Box<Sleep>>>,
    written: u64,
    is_restrained: bool,
}

impl HttpIo {
    pub(super) fn new(
        stream: Stream,
        slot: Slot,
        shared: Arc<Shared>,
        exchange: Arc<Exchange>,
    ) -> Self {
        let framing = Framing::new(shared.config.max_header_bytes);
        Self {
            stream,
            slot,
            shared,
            exchange,
            framing,
            held: BytesMut::new(),
            ready: BytesMut::new(),
            ended: false,
            stalled: None,
            written: 0,
            is_restrained: false,
        }
    }

    /// The stream as it was, and what was read behind the last request.
    pub(super) fn into_parts(self) -> (Stream, Slot, BytesMut) {
        if self.is_restrained {
            self.stream.set_kernel_limits(0, None);
        }
        (self.stream, self.slot, self.held)
    }

    /// Looks at what is held; what may be passed on goes to `ready`.
    fn scan_held(&mut self) {
        let had_head = self.framing.has_head();
        let scan = self.framing.scan(&self.held);
        let taken = self.held.split_to(scan.taken);
        match scan.instead {
            Some(instead) => self.ready.extend_from_slice(&instead),
            None if self.ready.is_empty() => self.ready = taken,
            None => self.ready.extend_from_slice(&taken),
        }
        self.look_at_head(had_head);
    }

    fn look_at_head(&mut self, had_head: bool) {
        if !had_head && self.framing.has_head() {
            self.exchange.begin(Note {
                fault: self.framing.fault(),
                target: self.framing.take_target(),
            });
        } else if self.framing.fault().is_some() {
            // Where such a body ends is not known: nothing behind it is read.
            self.handle_end();
        }
    }

    fn handle_end(&mut self) {
        self.ended = true;
        self.exchange.handle_end_of_input();
    }

    /// Passes on what is to be passed on; false when there is nothing.
    fn pass(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let len = self.ready.len().min(buf.remaining());
        buf.put_slice(&self.ready[..len]);
        self.ready.advance(len);
        len > 0
    }

    /// Reads while a request is complete and its answer is not: the next one has to wait.
    fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ended && self.held.len() < READ_AHEAD {
            let mut bytes = [0; 1024];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            match read.filled() {
                [] => self.handle_end(),
                filled => self.held.extend_from_slice(filled),
            }
        }
        self.exchange.park(cx.waker());
        Poll::Pending
    }

    /// Reads more of the request that is coming in, or the first of the next one.
    fn poll_read_on(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let start = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let fresh = &buf.filled()[start..];
        if fresh.is_empty() {
            self.handle_end();
            return Poll::Ready(Ok(()));
        }
        if !self.held.is_empty() {
            self.held.extend_from_slice(fresh);
            buf.set_filled(start);
            self.scan_held();
            return Poll::Ready(Ok(()));
        }
        let had_head = self.framing.has_head();
        let scan = self.framing.scan(fresh);
        self.held.extend_from_slice(&fresh[scan.taken..]);
        match scan.instead {
            Some(instead) => {
                self.ready.extend_from_slice(&instead);
                buf.set_filled(start);
            }
            None => buf.set_filled(start + scan.taken),
        }
        self.look_at_head(had_head);
        Poll::Ready(Ok(()))
    }

    /// Bounds what the kernel keeps for a peer that does not read: by default that is megabytes, and they stay after
    /// the connection was closed.
    fn before_write(&mut self, len: usize) {
        self.exchange.set_unwritten(true);
        if !self.is_restrained && self.written + len as u64 > FREELY_WRITTEN {
            self.is_restrained = true;
            let patience = self.shared.config.write_timeout.saturating_mul(2);
            self.stream.set_kernel_limits(MAX_UNSENT, Some(patience));
        }
    }

    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(len)) => {
                self.stalled = None;
                self.written += len as u64;
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => {
                let timeout = self.shared.config.write_timeout;
                let stalled = self
                    .stalled
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
                ready!(stalled.as_mut().poll(cx));
                self.shared.stats.deadline_write_total.add(1);
                // What the kernel still has for the peer is not worth keeping either.
                self.stream.reset_on_close();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for HttpIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let start = buf.filled().len();
        loop {
            if this.pass(buf) {
                return Poll::Ready(Ok(()));
            }
            // The parser must not see the end of the input before the last answer is written: it would drop the rest.
            let waits = if this.ended {
                !this.exchange.is_idle()
            } else {
                this.exchange.is_in_progress() && this.framing.is_complete()
            };
            if waits {
                return this.poll_read_ahead(cx);
            }
            if this.framing.is_complete() {
                this.framing.next_request();
                this.scan_held();
                continue;
            }
            if this.ended {
                // What is left is not a whole line, and will not become one.
                this.ready = this.held.split();
                this.pass(buf);
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_read_on(cx, buf))?;
            if buf.filled().len() > start {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for HttpIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.before_write(bytes.len());
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.after_write(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        this.exchange.set_unwritten(false);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.before_write(slices.iter().map(|slice| slice.len()).sum());
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.after_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
