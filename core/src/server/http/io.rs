//! The byte stream below the HTTP parser. It passes one request at a time to the parser, hides the end of the client's
//! direction until the request is answered, and drops the connection of a client that does not read its answer.

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

/// How many bytes are read beyond the request that is being answered: the first frames after an upgrade, or pipelined
/// requests.
const READ_AHEAD: usize = 4096;
/// After this many bytes of answers, the unsent bytes of a connection in the kernel are limited.
const FREELY_WRITTEN: u64 = 64 * 1024;
/// That limit.
const MAX_UNSENT: u32 = 128 * 1024;

/// The byte stream of a connection, as the HTTP library reads and writes it.
pub(super) struct HttpIo {
    stream: Stream,
    slot: Slot,
    shared: Arc<Shared>,
    exchange: Arc<Exchange>,
    framing: Framing,
    /// Bytes that were read and not scanned yet.
    held: BytesMut,
    /// Bytes to be passed to the parser.
    ready: BytesMut,
    /// The client has ended its direction of the stream.
    ended: bool,
    /// Runs while the client does not read; when it has elapsed, the connection is dropped.
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

    /// The stream, and the bytes that were read after the last request.
    pub(super) fn into_parts(self) -> (Stream, Slot, BytesMut) {
        if self.is_restrained {
            self.stream.set_kernel_limits(0, None);
        }
        (self.stream, self.slot, self.held)
    }

    /// Scans the bytes in `held`; those of the current request go to `ready`.
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
            // The end of such a body is unknown, so nothing after it is read.
            self.handle_end();
        }
    }

    fn handle_end(&mut self) {
        self.ended = true;
        self.exchange.handle_end_of_input();
    }

    /// Passes bytes of `ready` to the parser; returns false if there are none.
    fn pass(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let len = self.ready.len().min(buf.remaining());
        buf.put_slice(&self.ready[..len]);
        self.ready.advance(len);
        len > 0
    }

    /// Reads ahead while a complete request is being answered: the next request has to wait.
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

    /// Reads bytes of the current request, or of the next one.
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

    /// Limits the bytes that the kernel buffers for a client that does not read. By default these are megabytes, and the
    /// kernel keeps them after the connection is closed.
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
                // The bytes in the kernel are discarded too.
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
            // The parser must not see the end of the input before the last answer is written: it would drop the rest of
            // the answer.
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
                // The rest is an incomplete line, which the parser refuses.
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
