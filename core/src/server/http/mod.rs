//! HTTP/1.1: one task for each connection, hyper for the protocol. The requests are handled by `server/request`.

mod account;
mod body;
mod exchange;
pub mod head;
mod io;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use http::StatusCode;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;

use crate::server::arrivals::Arrival;
use crate::server::http::body::IncomingBody;
use crate::server::http::exchange::{AnswerBody, Exchange, InProgress};
use crate::server::http::io::HttpIo;
use crate::server::lifecycle::Phase;
use crate::server::request::{self, Admission, Answer, EngineRequest, Peer, Purpose, Reply};
use crate::server::shared::Shared;
use crate::server::turn;
use crate::sync::Lock as _;
use crate::transport::{NewStream, Slot, Stream, WebSocket};

/// What the requests of one connection share.
struct Connection {
    shared: Arc<Shared>,
    peer: Peer,
    admission: Admission,
    exchange: Arc<Exchange>,
    arrival: Arc<Arrival>,
    /// Set by the request that turns the connection into a WebSocket.
    upgrade: Mutex<Option<PendingUpgrade>>,
}

/// A connection that becomes a WebSocket when its answer has been sent.
struct PendingUpgrade {
    stream: OnUpgrade,
    purpose: Purpose,
}

/// Serves a connection that has just been accepted until it ends or becomes a WebSocket.
pub(super) fn connection(
    shared: Arc<Shared>,
    stream: NewStream,
    peer: Peer,
    slot: Slot,
    admission: Admission,
) -> impl Future<Output = ()> {
    let arrival = Arrival::new(&shared.arrivals, &stream);
    // Counted from here: a shutdown that begins before the task has been polled waits for the task.
    let count = Counted::new(&shared);
    async move {
        let _count = count;
        let connection = Arc::new(Connection {
            shared,
            peer,
            admission,
            exchange: Arc::default(),
            arrival,
            upgrade: Mutex::new(None),
        });
        let whole = async {
            serve(&connection, stream, slot).await;
            let pending = connection.upgrade.locked().take();
            if let Some(pending) = pending {
                pending.complete(&connection.shared).await;
            }
        };
        connection.arrival.run(whole).await;
    }
}

/// The stream, after its first bytes have come; `None` if they do not come in time, or if the server closes.
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
            let answer = connection.answer(request).await;
            Ok::<_, Infallible>(answer.map(|body| AnswerBody::new(Full::new(body), in_progress)))
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(config.max_header_bytes)
        .max_headers(config.max_headers)
        // `HttpIo` decides when the parser sees the end of the client's direction.
        .half_close(false)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut serving = pin!(serving);
    let (lifecycle, sink) = (&shared.lifecycle, &*shared.sink);
    let ended = tokio::select! {
        // Writes before it is checked whether the connection is idle.
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
                () = lifecycle.reached(Phase::Aborting) => return,
            }
        }
    };
    if let Err(error) = ended {
        connection.log_http_error(&error);
        shared.count_http_error(&error);
    }
}

impl Connection {
    /// Answers a request.
    async fn answer(&self, mut request: Request<Incoming>) -> Answer {
        let shared = &self.shared;
        let note = self.exchange.take_note();
        if let Some(fault) = note.fault {
            shared.stats.http_requests_total.add(1);
            shared.stats.http_errors_total.add(1);
            self.log_fault(fault);
            return request::closing(request::empty(StatusCode::BAD_REQUEST));
        }
        let stream = hyper::upgrade::on(&mut request);
        let (head, incoming) = request.into_parts();
        let body = IncomingBody {
            incoming,
            exchange: Arc::clone(&self.exchange),
        };
        let request = EngineRequest::new(
            shared,
            head,
            note.target,
            self.peer,
            self.admission,
            &self.arrival,
        );
        match request::handle(shared, &request, body).await {
            Reply::Answer(answer) => answer,
            Reply::Switch(answer, purpose) => {
                let mut upgrade = self.upgrade.locked();
                *upgrade = Some(PendingUpgrade { stream, purpose });
                answer
            }
            Reply::Abandon => {
                self.exchange.abandon();
                std::future::pending().await
            }
        }
    }
}

impl PendingUpgrade {
    /// Takes the stream back from the HTTP library, and hands it on as a WebSocket.
    async fn complete(self, shared: &Arc<Shared>) {
        let Ok(upgraded) = self.stream.await else {
            return;
        };
        // The stream has the type that `serve` has given to the library.
        let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<HttpIo>>() else {
            return;
        };
        let (stream, slot, behind) = io.into_inner().into_parts();
        let limits = shared.frame_limits();
        let mut websocket = if behind.is_empty() {
            WebSocket::new(stream, &read_buf, limits)
        } else {
            WebSocket::new(stream, &[&read_buf[..], &behind].concat(), limits)
        };
        websocket.slot = Some(slot);
        self.purpose.fulfil(shared, Box::new(websocket));
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

/// Counts one HTTP connection until it is dropped.
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
