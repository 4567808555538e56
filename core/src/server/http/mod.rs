//! HTTP: one task for each connection, hyper for the protocol, a router behind it.

mod answer;
mod body;
mod handshake;
mod router;

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::server::http::handshake::PendingUpgrade;
use crate::server::shared::{Phase, Shared};
use crate::server::turn;
use crate::transport::Stream;

/// What the requests of one connection share.
pub(super) struct Connection {
    shared: Arc<Shared>,
    peer: (IpAddr, u16),
    /// Requests under way.
    busy: AtomicUsize,
    /// Set by the request that turns the connection into a WebSocket.
    upgrade: Mutex<Option<PendingUpgrade>>,
}

/// Serves a connection until it ends or becomes a WebSocket.
pub(super) async fn connection(shared: Arc<Shared>, stream: Stream, peer: (IpAddr, u16)) {
    shared.life.connections.fetch_add(1, Ordering::AcqRel);
    let _count = Counted(&shared);
    let connection = Arc::new(Connection {
        shared: Arc::clone(&shared),
        peer,
        busy: AtomicUsize::new(0),
        upgrade: Mutex::new(None),
    });
    serve(&connection, stream).await;
    let pending = connection
        .upgrade
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(pending) = pending {
        pending.complete(&connection).await;
    }
}

async fn serve(connection: &Arc<Connection>, stream: Stream) {
    let config = &connection.shared.config;
    let service = {
        let connection = Arc::clone(connection);
        service_fn(move |request| {
            let connection = Arc::clone(&connection);
            connection.busy.fetch_add(1, Ordering::AcqRel);
            let busy = Busy(Arc::clone(&connection));
            async move {
                let answer = router::route(connection, request).await;
                drop(busy);
                Ok::<_, Infallible>(answer)
            }
        })
    };
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(config.max_header_bytes)
        .max_headers(config.max_headers)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = pin!(serving);
    let (life, sink) = (&connection.shared.life, &*connection.shared.sink);
    let ended = tokio::select! {
        // What it has to write is written before it is looked at whether it is idle.
        biased;
        ended = turn::in_rounds(serving.as_mut(), sink) => ended,
        () = life.reached(Phase::Closing) => {
            if connection.busy.load(Ordering::Acquire) == 0 {
                return;
            }
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                ended = turn::in_rounds(serving, sink) => ended,
                () = life.reached(Phase::Cut) => return,
            }
        }
    };
    if let Err(error) = ended {
        connection.shared.count_http_error(&error);
    }
}

impl Shared {
    fn count_http_error(&self, error: &hyper::Error) {
        if error.is_parse_too_large() {
            self.stats.limit_headers_total.add(1);
        } else if error.is_timeout() {
            self.stats.deadline_header_total.add(1);
        }
    }
}

struct Counted<'a>(&'a Shared);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.life.connections.fetch_sub(1, Ordering::AcqRel);
        self.0.life.ended.notify_waiters();
    }
}

/// A request under way.
struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}
