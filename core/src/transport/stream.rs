//! Byte streams: the connections that a listener accepts.

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use socket2::SockRef;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::stats::Stats;

/// A byte stream of one kind. Another kind, such as TLS, is one more variant here and one more arm in `with_stream`, in
/// `poll_write` and in `poll_write_vectored`.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

/// A stream that was accepted and not read yet. Only its first bytes are watched: the kernel reports streams in the order
/// in which they became readable or writable, and a new stream is writable at once.
#[derive(Debug)]
pub enum NewStream {
    /// TCP.
    Tcp(AsyncFd<std::net::TcpStream>),
    /// A Unix socket.
    Unix(AsyncFd<std::os::unix::net::UnixStream>),
}

/// Evaluates an expression for the stream in each variant.
macro_rules! with_stream {
    ($self:expr, $stream:ident => $expression:expr) => {
        match $self {
            Self::Tcp($stream) => $expression,
            Self::Unix($stream) => $expression,
        }
    };
}

impl NewStream {
    /// Watches an accepted stream.
    ///
    /// # Errors
    /// From the operating system.
    #[expect(
        deprecated,
        reason = "its successor requires a trait that promises a stable descriptor, which the standard library's streams have"
    )]
    pub fn new(stream: Stream) -> io::Result<Self> {
        Ok(match stream {
            Stream::Tcp(tcp) => {
                let tcp = tcp.into_std()?;
                Self::Tcp(AsyncFd::with_interest(tcp, Interest::READABLE)?)
            }
            Stream::Unix(unix) => {
                let unix = unix.into_std()?;
                Self::Unix(AsyncFd::with_interest(unix, Interest::READABLE)?)
            }
        })
    }

    /// Ready if there are bytes, or if the stream has ended.
    pub fn poll_first_bytes(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_stream!(self, stream => stream.poll_read_ready(cx).map_ok(drop))
    }

    /// Converts to a stream for reading and writing. Bytes that were reported already are reported again.
    ///
    /// # Errors
    /// From the operating system.
    pub fn into_stream(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(tcp) => Stream::Tcp(TcpStream::from_std(tcp.into_inner())?),
            Self::Unix(unix) => Stream::Unix(UnixStream::from_std(unix.into_inner())?),
        })
    }
}

impl Stream {
    /// Ready unless a read is known to return `Pending`. Costs no system call.
    ///
    /// The contract for every kind of stream: this returns `Pending` only if a read would return `Pending`, and if the waker
    /// of `cx` is woken as soon as a read would not. A stream that decodes bytes must therefore return `Ready` while it
    /// holds decoded bytes that were not read. `Ready` may be wrong: the read that follows then returns `Pending`.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        // If this fails, the read that follows returns the error.
        with_stream!(self, stream => stream.poll_read_ready(cx)).map(drop)
    }
}

/// Counts one open connection until it is dropped.
#[derive(Debug)]
pub struct Slot(Arc<Stats>);

impl Slot {
    /// Counts a connection; returns the number of open connections.
    pub fn take(stats: &Arc<Stats>) -> (Self, i64) {
        let count = stats.open_connections_count.count();
        (Self(Arc::clone(stats)), count)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.open_connections_count.add(-1);
    }
}

impl Stream {
    /// Limits the unsent bytes that the kernel buffers (0: no limit of ours), and the time for which it waits for the peer to
    /// acknowledge bytes (`None`: the kernel's default).
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        allow(unused_variables)
    )]
    pub fn set_kernel_limits(&self, unsent: u32, patience: Option<Duration>) {
        if let Self::Tcp(stream) = self {
            let socket = SockRef::from(stream);
            // A kernel without these options keeps its defaults.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            let _ = socket
                .set_tcp_notsent_lowat(unsent)
                .and_then(|()| socket.set_tcp_user_timeout(patience));
            #[cfg(target_vendor = "apple")]
            let _ = socket.set_tcp_notsent_lowat(unsent);
        }
    }

    /// Writes what there is room for now. [`AsyncWrite`] waits until the kernel reports room, which it does only when a large
    /// part of its buffer is free.
    ///
    /// # Errors
    /// From the operating system; `WouldBlock` without any room.
    pub fn write_now(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => send(tcp, slices),
            Self::Unix(unix) => send(unix, slices),
        }
    }

    /// Makes the kernel discard unsent bytes when the stream is closed.
    pub fn reset_on_close(&self) {
        if let Self::Tcp(stream) = self {
            // If this fails, the kernel discards the bytes after a timeout of its own.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        with_stream!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Most writes succeed at once; registering a waker first would cost more.
        let stream = self.get_mut();
        let written = match stream {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        };
        match (written, stream) {
            (Err(error), Self::Tcp(stream)) if error.kind() == ErrorKind::WouldBlock => {
                Pin::new(stream).poll_write(cx, bytes)
            }
            (Err(error), Self::Unix(stream)) if error.kind() == ErrorKind::WouldBlock => {
                Pin::new(stream).poll_write(cx, bytes)
            }
            (written, _) => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_stream!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_stream!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        loop {
            let sent = match stream {
                Self::Tcp(tcp) => {
                    ready!(tcp.poll_write_ready(cx))?;
                    tcp.try_io(Interest::WRITABLE, || send(&*tcp, slices))
                }
                Self::Unix(unix) => {
                    ready!(unix.poll_write_ready(cx))?;
                    unix.try_io(Interest::WRITABLE, || send(&*unix, slices))
                }
            };
            match sent {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// The largest number of slices in one system call.
const MAX_SLICES: usize = 1024;

/// On Darwin this is an option of the socket, which tokio sets.
#[cfg(target_vendor = "apple")]
const QUIETLY: SendFlags = SendFlags::empty();
#[cfg(not(target_vendor = "apple"))]
const QUIETLY: SendFlags = SendFlags::NOSIGNAL;

/// Writes to a peer that may have closed the connection. In that case `writev` would raise SIGPIPE, which ends a host that
/// does not ignore the signal; only Rust programs ignore it by default.
fn send(socket: impl AsFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let slices = &slices[..slices.len().min(MAX_SLICES)];
    Ok(sendmsg(
        socket,
        slices,
        &mut SendAncillaryBuffer::default(),
        QUIETLY,
    )?)
}
