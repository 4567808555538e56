//! The body of a request that comes through the HTTP library.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};

use crate::server::http::exchange::Exchange;
use crate::server::request::{Body, Lost};

/// A body, and the connection that it comes on.
pub(super) struct IncomingBody {
    pub(super) incoming: Incoming,
    pub(super) exchange: Arc<Exchange>,
}

impl Body for IncomingBody {
    fn hint(&self) -> u64 {
        self.incoming.size_hint().lower()
    }

    async fn next(&mut self) -> Option<Result<Bytes, Lost>> {
        loop {
            let frame = tokio::select! {
                // Bytes that came before the end of the stream are taken before the end is seen.
                biased;
                frame = self.incoming.frame() => frame?,
                () = self.exchange.half_closed() => return Some(Err(Lost)),
            };
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => return Some(Ok(data)),
                // Trailers are not used.
                Ok(Err(_)) => {}
                Err(_) => return Some(Err(Lost)),
            }
        }
    }

    async fn half_closed(&mut self) {
        self.exchange.half_closed().await;
    }
}
