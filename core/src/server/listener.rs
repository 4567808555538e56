//! Listeners: TCP, Unix sockets, and descriptors that the host has opened.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::server::clock::now;
use crate::server::http::connection;
use crate::server::lifecycle::Phase;
use crate::server::request::{Admission, Peer};
use crate::server::shared::Shared;
use crate::socketio::event::{ServerEvent, What};
use crate::transport::{NewStream, Slot, Stream};

/// A socket that listens and is not watched yet.
#[derive(Debug)]
pub(super) enum Bound {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// Binds a TCP port. `host` is an IP address, `localhost`, or empty for all interfaces.
///
/// # Errors
/// `Argument` for anything else; `AddressInUse`, `Access` or `Io` from the operating system.
pub(super) fn bind_tcp(config: &Config, host: &str, port: u16) -> Result<(Bound, u16), Error> {
    let listener = match host {
        "" => match bind(config, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
            // Without IPv6, all interfaces are those of IPv4.
            Err(error) if is_no_ipv6(&error) => {
                bind(config, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
            }
            other => other,
        },
        "localhost" => bind(config, SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        address => {
            let bare = address
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .unwrap_or(address);
            let ip: IpAddr = bare.parse().map_err(|_| {
                Error::new(
                    ErrorKind::Argument,
                    format!("{address:?} is not an IP address, and host names are not resolved: pass an IP address, localhost or an empty text"),
                )
            })?;
            bind(config, SocketAddr::from((ip, port)))
        }
    };
    let listener = listener.map_err(Error::from)?;
    let bound = listener.local_addr().map_err(Error::from)?.port();
    Ok((Bound::Tcp(listener), bound))
}

fn is_no_ipv6(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::AddrNotAvailable
    ) || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

fn bind(config: &Config, address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.cloexec().nonblocking(),
        None,
    )?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // One socket for both families.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    if config.reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Binds a Unix socket, with these permissions unless they are 0. A socket file at the path to which no server listens is
/// replaced.
///
/// # Errors
/// From the operating system.
pub(super) fn bind_unix(config: &Config, path: &str, mode: u32) -> Result<Bound, Error> {
    let path = Path::new(path);
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path).map_err(Error::from)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM.cloexec().nonblocking(), None)
        .map_err(Error::from)?;
    let address = socket2::SockAddr::unix(path).map_err(Error::from)?;
    socket.bind(&address).map_err(Error::from)?;
    if mode != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(Error::from)?;
    }
    socket
        .listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))
        .map_err(Error::from)?;
    Ok(Bound::Unix(socket.into()))
}

/// Takes over a descriptor that listens already.
///
/// # Errors
/// `Argument` if the descriptor does not listen, with the descriptor.
pub(super) fn adopt(fd: OwnedFd) -> Result<Bound, (Error, OwnedFd)> {
    let refuse = |fd, text: &'static str| Err((Error::new(ErrorKind::Argument, text), fd));
    let socket = SockRef::from(&fd);
    let domain = match (socket.r#type(), socket.is_listener(), socket.domain()) {
        (Ok(Type::STREAM), Ok(true), Ok(domain)) => domain,
        (Err(_), ..) => return refuse(fd, "the descriptor is not a socket"),
        _ => {
            return refuse(
                fd,
                "the descriptor is not a listening stream socket: call listen first",
            );
        }
    };
    if socket
        .set_nonblocking(true)
        .and_then(|()| socket.set_cloexec(true))
        .is_err()
    {
        return refuse(fd, "the descriptor cannot be made non-blocking");
    }
    match domain {
        Domain::IPV4 | Domain::IPV6 => Ok(Bound::Tcp(fd.into())),
        Domain::UNIX => Ok(Bound::Unix(fd.into())),
        _ => refuse(fd, "the descriptor is not a TCP or Unix socket"),
    }
}

/// A listener whose descriptor is among those of the server until right before it is closed.
struct Known<L: AsRawFd> {
    listener: L,
    shared: Arc<Shared>,
}

impl<L: AsRawFd> Known<L> {
    fn new(listener: L, shared: &Arc<Shared>) -> Self {
        shared.listening.add(listener.as_raw_fd());
        Self {
            listener,
            shared: Arc::clone(shared),
        }
    }
}

impl<L: AsRawFd> Drop for Known<L> {
    fn drop(&mut self) {
        self.shared.listening.remove(self.listener.as_raw_fd());
    }
}

/// A listener of one kind.
trait Accept: AsRawFd + Send + Sync + 'static {
    /// Accepts a connection. Nothing is lost if the future is dropped.
    fn accept(&self, config: &Config) -> impl Future<Output = io::Result<(Stream, Peer)>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&self, config: &Config) -> io::Result<(Stream, Peer)> {
        let (stream, address) = Self::accept(self).await?;
        if config.tcp_nodelay {
            // If the client has left already, the first read reports that.
            let _ = stream.set_nodelay(true);
        }
        let peer = Peer {
            address: address.ip(),
            port: address.port(),
            secure: false,
        };
        Ok((Stream::Tcp(stream), peer))
    }
}

impl Accept for UnixListener {
    async fn accept(&self, _: &Config) -> io::Result<(Stream, Peer)> {
        let (stream, _) = Self::accept(self).await?;
        // The clients of a Unix socket are on this machine.
        let peer = Peer {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            secure: false,
        };
        Ok((Stream::Unix(stream), peer))
    }
}

/// Accepts connections until the server closes.
///
/// # Errors
/// If the operating system cannot watch the listener.
pub(super) fn accept(shared: &Arc<Shared>, bound: Bound) -> Result<(), Error> {
    let _guard = shared.runtime.enter();
    match bound {
        Bound::Tcp(listener) => start(shared, TcpListener::from_std(listener)?),
        Bound::Unix(listener) => start(shared, UnixListener::from_std(listener)?),
    }
    Ok(())
}

fn start(shared: &Arc<Shared>, listener: impl Accept) {
    shared.runtime.spawn(run(Known::new(listener, shared)));
}

async fn run(known: Known<impl Accept>) {
    let Known { listener, shared } = &known;
    let mut trouble = Trouble::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(&shared.config) => accepted,
            () = shared.lifecycle.reached(Phase::Closing) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                trouble.end();
                spawn(shared, stream, peer);
            }
            Err(error) => trouble.rest(shared, &error).await,
        }
    }
}

/// How many connections over `maxConnections` are accepted and answered with an error. Further connections are closed without
/// an answer.
const RESERVE: i64 = 16;

/// Serves a connection that was accepted, within the limit of connections.
fn spawn(shared: &Arc<Shared>, stream: Stream, peer: Peer) {
    let (slot, open) = Slot::take(&shared.stats);
    let over = shared
        .config
        .max_connections
        .map_or(0, |most| open - i64::try_from(most).unwrap_or(i64::MAX));
    let admission = match over {
        ..=0 => Admission::Served,
        1..=RESERVE => Admission::Refused,
        _ => {
            shared.stats.limit_connections_total.add(1);
            crate::notice!(
                crate::log::HTTP,
                "closed a connection from {peer} without an answer: {} are open, engine.maxConnections is {}",
                open - 1,
                shared.config.max_connections.unwrap_or(0)
            );
            return;
        }
    };
    // A stream that cannot be watched is closed.
    let Ok(stream) = NewStream::new(stream) else {
        return;
    };
    shared.runtime.spawn(connection(
        Arc::clone(shared),
        stream,
        peer,
        slot,
        admission,
    ));
}

/// How long a listener pauses after its first failure, and after many failures.
const FIRST_REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(1);
/// The least time between two reports of failures.
const REPORTING: Duration = Duration::from_secs(10);

/// The consecutive failures of a listener.
#[derive(Debug, Default)]
struct Trouble {
    rest: Duration,
    reported: Option<Instant>,
    /// Failures since the last report.
    unreported: u64,
}

impl Trouble {
    /// A connection was accepted.
    fn end(&mut self) {
        self.rest = Duration::ZERO;
    }

    /// Handles a failure at `now`: returns the pause after it, and the number of failures to report, if a report is due.
    fn handle(&mut self, now: Instant) -> (Duration, Option<u64>) {
        self.unreported += 1;
        self.rest = (self.rest * 2).clamp(FIRST_REST, LONGEST_REST);
        let is_due = self
            .reported
            .is_none_or(|reported| now.saturating_duration_since(reported) >= REPORTING);
        let report = is_due.then(|| {
            self.reported = Some(now);
            std::mem::take(&mut self.unreported)
        });
        (self.rest, report)
    }

    /// Reports a failure, for example because the process has no descriptors left, and pauses. A client that left before it
    /// was accepted is not a failure.
    async fn rest(&mut self, shared: &Shared, error: &io::Error) {
        shared.stats.accept_errors_total.add(1);
        let passing = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
        );
        if passing {
            tracing::debug!(target: crate::log::SERVER, "a client left before it was accepted: {error}");
            return;
        }
        let (rest, report) = self.handle(now());
        if let Some(count) = report {
            let text = match count {
                1 => format!("accept failed: {error}"),
                _ => format!("accept failed {count} times since the last report: {error}"),
            };
            tracing::warn!(target: crate::log::SERVER, "{text}");
            let event = ServerEvent::Fault { text: &text };
            shared.context.tell(What::Server(event));
        }
        tokio::time::sleep(rest).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Handler;
    use crate::server::Server;
    use crate::socketio::Event;

    struct Deaf;

    impl Handler for Deaf {
        fn handle(&self, _: &Event<'_>) {}
    }

    #[test]
    fn listeners_are_known_while_they_listen() {
        let server = Server::new(&Config::default(), Arc::new(Deaf)).unwrap();
        assert!(server.listeners().is_empty());
        let port = server.listen_tcp("127.0.0.1", 0).unwrap();
        server.listen_tcp("127.0.0.1", 0).unwrap();
        assert_eq!(server.listeners().len(), 2);
        assert!(bind_tcp(&Config::default(), "127.0.0.1", port).is_err());
        server.stop();
        assert!(server.listeners().is_empty());
        assert!(bind_tcp(&Config::default(), "127.0.0.1", port).is_ok());
    }

    #[test]
    fn failures_are_damped_and_reported_now_and_then() {
        let start = now();
        let (mut trouble, mut at, mut reports) = (Trouble::default(), start, Vec::new());
        let mut failures = 0;
        while at < start + Duration::from_secs(60) {
            let (rest, report) = trouble.handle(at);
            assert!(rest >= FIRST_REST && rest <= LONGEST_REST);
            failures += 1;
            reports.extend(report);
            at += rest;
        }
        assert!(failures < 70, "{failures}");
        assert_eq!((reports.len(), reports[0]), (6, 1));
        assert_eq!(reports.iter().sum::<u64>() + trouble.unreported, failures);
        trouble.end();
        assert_eq!(trouble.handle(at).0, FIRST_REST);
    }
}
