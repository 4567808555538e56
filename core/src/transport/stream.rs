//! A byte stream: what a listener accepts.

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

/// The kinds of streams that carry connections.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

/// A stream that was accepted and not read yet. It is watched for its first bytes alone: the kernel reports streams in
/// the order in which something became possible on them, and on a new one writing is, at once.
#[derive(Debug)]
pub enum NewStream {
    /// TCP.
    Tcp(AsyncFd<std::net::TcpStream>),
    /// A Unix socket.
    Unix(AsyncFd<std::os::unix::net::UnixStream>),
}

impl NewStream {
    /// Watches an accepted stream.
    ///
    /// # Errors
    /// From the operating system.
    #[expect(
        deprecated,
        reason = "it asks for a promise that the standard library's streams keep: the descriptor is theirs and stays the same"
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

    /// Ready when there are bytes, or the end.
    pub fn poll_first_bytes(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_read_ready(cx).map_ok(drop),
            Self::Unix(unix) => unix.poll_read_ready(cx).map_ok(drop),
        }
    }

    /// The stream, to read and to write. What there is to read is reported once more.
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
    /// Ready when the kernel has reported bytes, or the end, since a read found none. Otherwise the task is woken when it
    /// does. Costs no system call.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
        }
        // The read that follows reports an error.
        .map(drop)
    }
}

/// One of the connections that are counted as open, until it is dropped.
#[derive(Debug)]
pub struct Slot(Arc<Stats>);

impl Slot {
    /// Counts a connection; the number of them now.
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
    /// Bounds what the kernel takes for a peer that has no room (0: its own choice), and for how long it keeps that.
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        allow(unused_variables)
    )]
    pub fn set_kernel_limits(&self, unsent: u32, patience: Option<Duration>) {
        if let Self::Tcp(stream) = self {
            let socket = SockRef::from(stream);
            // A kernel that does not know them keeps its own limits.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            let _ = socket
                .set_tcp_notsent_lowat(unsent)
                .and_then(|()| socket.set_tcp_user_timeout(patience));
            #[cfg(target_vendor = "apple")]
            let _ = socket.set_tcp_notsent_lowat(unsent);
        }
    }

    /// When it is closed, what the kernel has not sent is thrown away.
    pub fn reset_on_close(&self) {
        if let Self::Tcp(stream) = self {
            // If it fails, the kernel gives up by itself, only later.
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
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Most writes find room, and need not be waited for.
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
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
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

/// As many slices as one system call takes.
const MAX_SLICES: usize = 1024;

/// Darwin has the same as an option of the socket, which tokio sets.
#[cfg(target_vendor = "apple")]
const QUIETLY: SendFlags = SendFlags::empty();
#[cfg(not(target_vendor = "apple"))]
const QUIETLY: SendFlags = SendFlags::NOSIGNAL;

/// Writes to a peer that may have gone. `writev` would raise SIGPIPE then, which ends a host that does not ignore it, as
/// only Rust programs do by themselves.
fn send(socket: impl AsFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let slices = &slices[..slices.len().min(MAX_SLICES)];
    Ok(sendmsg(
        socket,
        slices,
        &mut SendAncillaryBuffer::default(),
        QUIETLY,
    )?)
}
