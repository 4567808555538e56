//! HTTP: one task for each connection, hyper for the protocol, a router behind it.

pub(super) mod exchange;
pub mod head;
pub(super) mod io;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;

use crate::server::arrivals::Arrival;
use crate::server::http::exchange::{AnswerBody, Exchange, InProgress};
use crate::server::http::io::HttpIo;
use crate::server::lifecycle::Phase;
use crate::server::request::open::PendingUpgrade;
use crate::server::request::verify;
use crate::server::shared::Shared;
use crate::server::turn;
use crate::transport::{NewStream, Slot, Stream};

/// Whether a connection is within the limit of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Served,
    /// It is over the limit: it is told so, and closed.
    Refused,
}

/// What the requests of one connection share.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) peer: (IpAddr, u16),
    pub(super) admission: Admission,
    pub(super) exchange: Arc<Exchange>,
    pub(super) arrival: Arc<Arrival>,
    /// Set by the request that turns the connection into a WebSocket.
    pub(super) upgrade: Mutex<Option<PendingUpgrade>>,
}

/// Serves a connection that has just been accepted until it ends or becomes a WebSocket.
pub(super) fn connection(
    shared: Arc<Shared>,
    stream: NewStream,
    peer: (IpAddr, u16),
    slot: Slot,
    admission: Admission,
) -> impl Future<Output = ()> {
    let arrival = Arrival::new(&shared.arrivals, &stream);
    // A stop that begins before the task has been polled waits for it.
    let count = Counted::new(&shared);
    async move {
        let _count = count;
        let connection = Arc::new(Connection {
            shared: Arc::clone(&shared),
            peer,
            admission,
            exchange: Arc::default(),
            arrival,
            upgrade: Mutex::new(None),
        });
        let whole = async {
            serve(&connection, stream, slot).await;
            let pending = connection
                .upgrade
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(pending) = pending {
                pending.complete(&connection).await;
            }
        };
        connection.arrival.run(whole).await;
    }
}

/// The stream when its first bytes are there; none if they do not come in time, or the server closes.
async fn first_bytes(connection: &Connection, stream: NewStream) -> Option<Stream> {
    let shared = &connection.shared;
    let readable = poll_fn(|cx| stream.poll_first_bytes(cx));
    let readable = tokio::select! {
        biased;
        readable = timeout(shared.config.header_timeout, readable) => readable,
        () = shared.lifecycle.reached(Phase::Closing) => return None,
    };
    if readable.is_err() {
        shared.stats.deadline_header_total.add(1);
        connection.log_late_head();
        return None;
    }
    let stream = stream.into_stream().ok()?;
    let reported = poll_fn(|cx| stream.poll_read_ready(cx));
    connection.arrival.keep(reported).await;
    Some(stream)
}

async fn serve(connection: &Arc<Connection>, stream: NewStream, slot: Slot) {
    let (shared, exchange) = (&connection.shared, &connection.exchange);
    let config = &shared.config;
    let Some(stream) = first_bytes(connection, stream).await else {
        return;
    };
    let io = HttpIo::new(stream, slot, Arc::clone(shared), Arc::clone(exchange));
    let service = service_fn(|request| {
        let connection = Arc::clone(connection);
        let in_progress = InProgress(Arc::clone(&connection.exchange));
        async move {
            let answer = verify::route(connection, request).await;
            let answer = answer.map(|body| AnswerBody::new(body, in_progress));
            Ok::<_, Infallible>(answer)
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(config.max_header_bytes)
        .max_headers(config.max_headers)
        // The stream itself says when the end of the client's direction is to be seen.
        .half_close(false)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut serving = pin!(serving);
    let (lifecycle, sink) = (&shared.lifecycle, &*shared.sink);
    let ended = tokio::select! {
        // What it has to write is written before it is looked at whether it is idle.
        biased;
        ended = turn::in_rounds(serving.as_mut(), sink) => ended,
        () = exchange.abandoned() => return,
        () = lifecycle.reached(Phase::Closing) => {
            if exchange.is_idle() {
                return;
            }
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                ended = turn::in_rounds(serving, sink) => ended,
                () = exchange.abandoned() => return,
                () = lifecycle.reached(Phase::Cut) => return,
            }
        }
    };
    if let Err(error) = ended {
        connection.log_http_error(&error);
        shared.count_http_error(&error);
    }
}

impl Shared {
    fn count_http_error(&self, error: &hyper::Error) {
        if error.is_parse_too_large() {
            self.stats.limit_headers_total.add(1);
        } else if error.is_parse() {
            self.stats.http_errors_total.add(1);
        } else if error.is_timeout() {
            self.stats.deadline_header_total.add(1);
        }
    }
}

/// A connection that speaks HTTP.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.lifecycle.connections.fetch_add(1, Ordering::AcqRel);
        shared.stats.http_connections_count.add(1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.stats.http_connections_count.add(-1);
        self.0.lifecycle.connections.fetch_sub(1, Ordering::AcqRel);
        self.0.lifecycle.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
