//! Listeners: TCP, Unix sockets, and descriptors that somebody else has opened.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::server::http::connection;
use crate::server::shared::{Phase, Shared};
use crate::socketio::Event;
use crate::transport::Stream;

/// A socket that listens, not yet watched.
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
            // A machine without IPv6 is served over IPv4.
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
                    format!("{address:?} is no IP address: names are not looked up"),
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

/// Binds a Unix socket with these permissions. A dead socket in its place is removed.
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

/// Takes over a descriptor that listens already; gives it back when it does not.
pub(super) fn adopt(fd: OwnedFd) -> Result<Bound, (Error, OwnedFd)> {
    let refuse = |fd, text: &'static str| Err((Error::new(ErrorKind::Argument, text), fd));
    let socket = SockRef::from(&fd);
    let domain = match (socket.r#type(), socket.is_listener(), socket.domain()) {
        (Ok(Type::STREAM), Ok(true), Ok(domain)) => domain,
        (Err(_), ..) => return refuse(fd, "the descriptor is no socket"),
        _ => return refuse(fd, "the descriptor is no stream socket that listens"),
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
        _ => refuse(fd, "the descriptor is of an unknown family"),
    }
}

/// Accepts connections until the server closes.
pub(super) fn accept(shared: &Arc<Shared>, bound: Bound) -> Result<(), Error> {
    let _guard = shared.runtime.enter();
    match bound {
        Bound::Tcp(listener) => {
            let listener = TcpListener::from_std(listener).map_err(Error::from)?;
            shared
                .runtime
                .spawn(accept_tcp(Arc::clone(shared), listener));
        }
        Bound::Unix(listener) => {
            let listener = UnixListener::from_std(listener).map_err(Error::from)?;
            shared
                .runtime
                .spawn(accept_unix(Arc::clone(shared), listener));
        }
    }
    Ok(())
}

async fn accept_tcp(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.life.reached(Phase::Closing) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                prepare(&shared, &stream);
                spawn(&shared, Stream::Tcp(stream), (peer.ip(), peer.port()));
            }
            Err(error) => rest(&shared, &error).await,
        }
    }
}

async fn accept_unix(shared: Arc<Shared>, listener: UnixListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.life.reached(Phase::Closing) => return,
        };
        match accepted {
            Ok((stream, _)) => spawn(
                &shared,
                Stream::Unix(stream),
                (IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            ),
            Err(error) => rest(&shared, &error).await,
        }
    }
}

fn prepare(shared: &Shared, stream: &TcpStream) {
    if shared.config.tcp_nodelay {
        // A peer that has gone already is found by the first read.
        let _ = stream.set_nodelay(true);
    }
}

fn spawn(shared: &Arc<Shared>, stream: Stream, peer: (IpAddr, u16)) {
    shared
        .runtime
        .spawn(connection(Arc::clone(shared), stream, peer));
}

/// Out of descriptors, or a peer that left before it was accepted: the listener lives on.
async fn rest(shared: &Shared, error: &io::Error) {
    tracing::warn!(target: "engine", "accept failed: {error}");
    let passing = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !passing {
        shared.context.tell(&Event::Fault {
            text: &format!("accept failed: {error}"),
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
