//! Reading a request's body, within a size and a time.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::StatusCode;

use crate::server::shared::Shared;
use crate::server::turn;

/// The body of a request, and the end of what its client sends.
pub(in crate::server) trait Body: Send + 'static {
    /// The least number of bytes that the body has.
    fn hint(&self) -> u64;

    /// The next bytes; `None` at the end of the body.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, Lost>>> + Send;

    /// Completes when the client has ended its direction of the stream.
    fn half_closed(&mut self) -> impl Future<Output = ()> + Send;
}

/// The connection was lost before the end of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct Lost;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// The body is larger than allowed, or its head says so.
    TooLarge,
    /// The body was not complete in time.
    TooSlow,
    /// The connection was lost.
    Lost,
}

impl BodyError {
    /// The status of the answer.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Lost => StatusCode::BAD_REQUEST,
        }
    }
}

/// How much of a body that is too large is read and discarded, in bodies of the largest allowed size, so that its sender
/// gets to read the answer.
const WASTE: usize = 4;

/// Reads a body to its end. A body that is too large is not collected.
pub(super) async fn read(shared: &Shared, body: impl Body) -> Result<Bytes, BodyError> {
    let read = tokio::time::timeout(shared.config.body_timeout, collect(shared, body)).await;
    let read = read.unwrap_or(Err(BodyError::TooSlow));
    match read {
        Err(BodyError::TooLarge) => shared.stats.limit_payload_total.add(1),
        Err(BodyError::TooSlow) => shared.stats.deadline_body_total.add(1),
        Err(BodyError::Lost) | Ok(_) => {}
    }
    read
}

async fn collect(shared: &Shared, mut body: impl Body) -> Result<Bytes, BodyError> {
    let limit = shared.config.max_http_buffer_size;
    if body.hint() > limit as u64 {
        return Err(waste(shared, body, 0));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(data) = body.next().await {
        let data = data.map_err(|Lost| BodyError::Lost)?;
        let len = first.len() + rest.len() + data.len();
        if len > limit {
            return Err(waste(shared, body, len));
        }
        if first.is_empty() {
            // Most bodies come in one piece, which is passed on as it is.
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

/// Reads on while the refusal is sent: if the connection were closed with unread bytes, the client might lose the answer.
fn waste(shared: &Shared, mut body: impl Body, mut seen: usize) -> BodyError {
    let most = shared.config.max_http_buffer_size.saturating_mul(WASTE);
    let sink = Arc::clone(&shared.sink);
    let wasted = async move {
        while seen <= most {
            let Some(Ok(data)) = body.next().await else {
                break;
            };
            seen += data.len();
            turn::end_round(&*sink, 0);
        }
    };
    shared
        .runtime
        .spawn(tokio::time::timeout(shared.config.body_timeout, wasted));
    BodyError::TooLarge
}
