//! Long-polling: the messages between HTTP tasks and the task of a session.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::engineio::session::PollRefusal;
use crate::transport::websocket::WebSocket;

/// A request from an HTTP task to a session.
#[derive(Debug)]
pub enum TransportRequest {
    /// A GET that waits for packets. The client has gone if the receiver is dropped.
    Poll(oneshot::Sender<PollAnswer>),
    /// A POST with its whole body.
    Post(Bytes, oneshot::Sender<PostAnswer>),
    /// The connection of a POST was lost before its body was complete.
    PostLost,
    /// A POST arrived before another one had ended, or with a body that is not text.
    BadPost(oneshot::Sender<PostAnswer>),
    /// Answered when all earlier requests have been handled, except messages for which the host has no room.
    Barrier(oneshot::Sender<()>),
    /// A WebSocket that probes the session.
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
