//! Reading a request's body, within a size and a time.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::server::http::exchange::Exchange;
use crate::server::shared::Shared;
use crate::server::turn;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum BodyError {
    /// It is, or says it is, larger than allowed.
    TooLarge,
    /// It took too long.
    TooSlow,
    /// Its connection was lost.
    Lost,
}

/// How much of a body that is too large is read and thrown away, so that its sender comes to read the answer, in bodies
/// of the allowed size.
const WASTE: usize = 4;

/// Reads a body to its end. What is too large is not collected.
pub(in crate::server) async fn read(
    shared: &Shared,
    exchange: &Exchange,
    body: Incoming,
) -> Result<Bytes, BodyError> {
    let collected = async {
        tokio::select! {
            // What came before the end of the stream is looked at before the end.
            biased;
            collected = collect(shared, body) => collected,
            () = exchange.half_closed() => Err(BodyError::Lost),
        }
    };
    let read = tokio::time::timeout(shared.config.body_timeout, collected).await;
    let read = read.unwrap_or(Err(BodyError::TooSlow));
    match read {
        Err(BodyError::TooLarge) => shared.stats.limit_payload_total.add(1),
        Err(BodyError::TooSlow) => shared.stats.deadline_body_total.add(1),
        Err(BodyError::Lost) | Ok(_) => {}
    }
    read
}

async fn collect(shared: &Shared, mut body: Incoming) -> Result<Bytes, BodyError> {
    let limit = shared.config.max_http_buffer_size;
    if body.size_hint().lower() > limit as u64 {
        return Err(waste(shared, body, 0));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Lost)?.into_data() else {
            continue;
        };
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

/// Reads on while the refusal is sent, so that it is not lost with a connection that breaks under its sender.
fn waste(shared: &Shared, mut body: Incoming, mut seen: usize) -> BodyError {
    let most = shared.config.max_http_buffer_size.saturating_mul(WASTE);
    let sink = Arc::clone(&shared.sink);
    let wasted = async move {
        while seen <= most {
            match body.frame().await {
                Some(Ok(frame)) => {
                    seen += frame.data_ref().map_or(0, Bytes::len);
                    turn::end_round(&*sink, 0);
                }
                Some(Err(_)) | None => break,
            }
        }
    };
    shared
        .runtime
        .spawn(tokio::time::timeout(shared.config.body_timeout, wasted));
    BodyError::TooLarge
}
