//! Plain clients: Engine.IO connections without the Socket.IO layer. A plain client is one socket in the namespace `/`,
//! and its messages are text or bytes.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::engineio::{CloseReason, SessionId};
use crate::socketio::account;
use crate::socketio::event::{DisconnectReason, Event, Form, MessageRef, SocketEvent, leaving};
use crate::socketio::handshake::{Handshake, Request};
use crate::socketio::link::{Link, Outgoing};
use crate::socketio::namespace::Namespace;
use crate::socketio::socket::Socket;

/// The client of a connection without the Socket.IO layer.
#[derive(Debug)]
pub struct PlainClient {
    socket: Arc<Socket>,
    told: bool,
}

impl PlainClient {
    /// The client of a new session, which is connected at once. Its id is the id of the session.
    pub fn new(
        id: SessionId,
        namespace: &Arc<Namespace>,
        link: &Arc<Link>,
        request: &Arc<Request>,
        now: Instant,
        issued_ms: u64,
    ) -> Self {
        let handshake = Handshake::new(Arc::clone(request), None, issued_ms);
        let socket = Socket::new(id, namespace, link, handshake, 0);
        socket.connect();
        account::joined(&socket);
        let event = Event::of_socket(&socket, SocketEvent::Connection, now);
        namespace.context().sink.deliver(&event);
        Self {
            socket,
            told: false,
        }
    }

    /// The socket of the connection.
    pub fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Handles a text message.
    pub fn handle_text(&mut self, text: &[u8], now: Instant) {
        self.deliver(
            MessageRef {
                form: Form::Text,
                name: "",
                name_literal: None,
                args: text,
                arg_count: None,
                attachments: &[],
            },
            now,
        );
    }

    /// Handles a binary message.
    pub fn handle_binary(&mut self, data: &[u8], now: Instant) {
        let attachments = [Bytes::copy_from_slice(data)];
        self.deliver(
            MessageRef {
                form: Form::Binary,
                name: "",
                name_literal: None,
                args: b"",
                arg_count: None,
                attachments: &attachments,
            },
            now,
        );
    }

    fn deliver(&self, message: MessageRef<'_>, now: Instant) {
        if self.socket.is_connected() {
            let sink = &self.socket.namespace().context().sink;
            let event = SocketEvent::Message { message, ack: None };
            sink.deliver(&Event::of_socket(&self.socket, event, now));
        }
    }

    /// Handles a command from the mailbox. Returns true if the host has disconnected the socket: the caller then closes
    /// the connection.
    pub fn handle_outgoing(&mut self, item: &Outgoing) -> bool {
        matches!(item, Outgoing::Removed { .. } | Outgoing::DisconnectAll)
    }

    /// Delivers the last events: the connection has ended.
    pub fn handle_close(&mut self, reason: CloseReason, now: Instant) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        self.socket.retire();
        let (socket, reason) = (&self.socket, DisconnectReason::Connection(reason));
        account::left(socket, reason);
        let context = socket.namespace().context();
        context.tell_dropped(socket, now);
        let sink = &context.sink;
        for event in leaving(reason) {
            sink.deliver(&Event::of_socket(socket, event, now));
        }
    }
}
