//! Long-polling, as its HTTP requests and the task of their session speak of it.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::engineio::session::PollRefusal;
use crate::transport::websocket::WebSocket;

/// What an HTTP request asks of a session.
#[derive(Debug)]
pub enum TransportRequest {
    /// A GET that waits for packets. The request is gone when the receiver is.
    Poll(oneshot::Sender<PollAnswer>),
    /// A POST with its whole body.
    Post(Bytes, oneshot::Sender<PostAnswer>),
    /// The connection of a POST was lost before its body was complete.
    PostLost,
    /// A POST came while another was under way, or with a body that is not text.
    BadPost(oneshot::Sender<PostAnswer>),
    /// Says when everything that came before has been dealt with, as far as the host takes it.
    Barrier(oneshot::Sender<()>),
    /// A WebSocket that wants to take over.
    Upgrade(Box<WebSocket>),
}

/// The answer to a GET.
#[derive(Debug, PartialEq, Eq)]
pub enum PollAnswer {
    /// A payload.
    Payload(Vec<u8>),
    /// 400
    Refused(PollRefusal),
}

/// The answer to a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostAnswer {
    /// 200 `ok`
    Accepted,
    /// 400
    Refused,
}
