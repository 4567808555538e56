//! The closing handshake of a WebSocket that does not belong to a session.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::task::{Poll, ready};
use std::time::Duration;

use crate::transport::frame::{FrameError, Incoming};
use crate::transport::{Chunk, Outbox, WebSocket};

/// How many bytes are read after the close frame was sent, to find the peer's. More than can be in flight at that
/// moment.
pub(super) const CLOSE_HANDSHAKE_BYTES: usize = 16 << 20;

/// Sends a close frame and waits until the peer has sent one too, has closed the stream, or `timeout` has passed. Other
/// frames are ignored.
pub(super) async fn close_handshake(mut websocket: Box<WebSocket>, timeout: Duration) {
    let mut outbox = Outbox::default();
    websocket.send_close(&mut outbox, None);
    let is_answered = websocket.is_done_by_peer();
    let mut buffer = vec![0; 1024];
    let mut left = CLOSE_HANDSHAKE_BYTES;
    let closed = poll_fn(|cx| {
        // Bytes that the peer does not take now are written in a later poll.
        if let Poll::Ready(Err(_)) = websocket.poll_flush(cx, &mut outbox) {
            return Poll::Ready(());
        }
        if is_answered && websocket.unsent() == 0 {
            websocket.shutdown(cx);
            return Poll::Ready(());
        }
        loop {
            let mut is_closed = false;
            let each = |incoming: Result<Incoming<'_>, FrameError>| match incoming {
                Ok(Incoming::Close(_)) | Err(_) => {
                    is_closed = true;
                    ControlFlow::Break(())
                }
                Ok(_) => ControlFlow::Continue(()),
            };
            let read = ready!(websocket.poll_incoming(cx, &mut buffer, &mut outbox, each));
            if is_closed {
                websocket.shutdown(cx);
                return Poll::Ready(());
            }
            let (Ok(Chunk::Buffer(len)) | Ok(Chunk::Reader(len))) = read else {
                return Poll::Ready(());
            };
            left = left.saturating_sub(len);
            if left == 0 {
                return Poll::Ready(());
            }
        }
    });
    // A peer that does not answer in time is dropped.
    let _ = tokio::time::timeout(timeout, closed).await;
}
