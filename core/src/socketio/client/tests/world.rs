//! The test bed: a client, a host that logs its events, and a timer that fires on request.

use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::engineio::packet::MessageKind;
use crate::engineio::{CloseReason, SessionId, TransportKind};
use crate::log::listener::ServerId;
use crate::socketio::backlog::Backlog;
use crate::socketio::client::{Client, Flow};
use crate::socketio::context::Context;
use crate::socketio::event::{
    Acked, Clock, Event, EventSink, Hooks, MessageRef, NamespaceEvent, RoomChange, ServerEvent,
    SocketEvent, What,
};
use crate::socketio::handshake::Request;
use crate::socketio::link::{Link, Outgoing};
use crate::socketio::message::{Message, Payload};
use crate::socketio::namespace::Namespace;
use crate::socketio::packet::EncodedPacket;
use crate::socketio::question::Question;
use crate::socketio::socket::Socket;
use crate::socketio::{Limits, Namespaces, Parser, Protocol, SendPolicy, Settings};
use crate::stats::Stats;

/// Small limits, which tests can reach.
pub(in super::super) fn settings() -> Settings {
    Settings {
        limits: Limits {
            attachments: 3,
            packet_bytes: 1000,
            json_depth: 5,
            namespaces: 3,
            pending_acks: 2,
            auth_bytes: 1000,
            rooms: 2,
            held_messages: 2,
        },
        question_timeout: Duration::from_secs(5),
        packet_timeout: Duration::from_secs(10),
        send_buffer: 1000,
        send_buffer_max: 1000,
        send_grace: Duration::ZERO,
        send_policy: SendPolicy::Error,
        protocol: Protocol::SocketIo(Parser::Json),
    }
}

type React = Box<dyn Fn(&Event<'_>) + Send + Sync>;

/// The host: it logs all events, stores the questions, and can react at once.
#[derive(Default)]
pub(super) struct Host {
    log: Mutex<Vec<String>>,
    pub(super) questions: Mutex<Vec<Question>>,
    pub(super) react: Mutex<Option<React>>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

fn described(message: &MessageRef<'_>) -> String {
    let mut text = format!("{}{}", message.name, String::from_utf8_lossy(message.args));
    for attachment in message.attachments {
        text += &format!(" {:?}", attachment.to_vec());
    }
    text
}

fn line(event: &Event<'_>) -> String {
    let of = |socket: &Arc<Socket>| socket.namespace().name().to_string();
    match event.what {
        What::Socket(socket, SocketEvent::Middleware { question }) => {
            format!("middleware {} step {}", of(socket), question.step())
        }
        What::Socket(socket, SocketEvent::PacketMiddleware { message, question }) => format!(
            "packet middleware {} {} step {}",
            of(socket),
            described(&message),
            question.step()
        ),
        What::Socket(socket, SocketEvent::Connection) => format!("connection {}", of(socket)),
        What::Socket(socket, SocketEvent::Message { message, ack }) => {
            let ack = ack.map_or(String::new(), |id| format!(" ack {id}"));
            format!("message {} {}{ack}", of(socket), described(&message))
        }
        What::Socket(socket, SocketEvent::Disconnecting { reason }) => {
            let own = socket.id().as_str();
            let rooms: Vec<_> = socket
                .rooms()
                .iter()
                .map(|room| if **room == *own { "ID" } else { room }.to_owned())
                .collect();
            let rooms = rooms.join(",");
            format!("disconnecting {} {} [{rooms}]", of(socket), reason.as_str())
        }
        What::Socket(socket, SocketEvent::Disconnect { reason }) => {
            format!("disconnect {} {}", of(socket), reason.as_str())
        }
        What::Socket(socket, SocketEvent::Outgoing { message }) => {
            format!("outgoing {} {}", of(socket), described(&message))
        }
        What::Namespace(namespace, NamespaceEvent::Created) => {
            format!("namespace {}", namespace.name())
        }
        What::Namespace(_, NamespaceEvent::Room { room, change }) => {
            let room = if room.len() == 20 { "ID" } else { room };
            match change {
                RoomChange::Created => format!("room {room} created"),
                RoomChange::Deleted => format!("room {room} deleted"),
                RoomChange::Joined(_) => format!("room {room} joined"),
                RoomChange::Left(_) => format!("room {room} left"),
            }
        }
        What::Server(ServerEvent::Acked(acked)) | What::Socket(_, SocketEvent::Acked(acked)) => {
            let Acked {
                operation,
                outcome,
                replies,
            } = acked;
            let mut text = format!("acked {} {outcome:?}", operation.0);
            for reply in replies {
                text += &format!(" {}", String::from_utf8_lossy(&reply.args));
                for attachment in &reply.attachments {
                    text += &format!(" {:?}", attachment.to_vec());
                }
            }
            text
        }
        What::Namespace(_, NamespaceEvent::Sockets { operation, sockets }) => {
            format!("sockets {} {}", operation.0, sockets.len())
        }
        What::Socket(socket, SocketEvent::Dropped { count }) => {
            format!("dropped {} {count}", of(socket))
        }
        what => format!("{what:?}"),
    }
}

impl EventSink for Host {
    fn deliver(&self, event: &Event<'_>) {
        self.log.lock().unwrap().push(line(event));
        if let Some(question) = event.question() {
            self.questions
                .lock()
                .unwrap()
                .push(Question::clone(question));
        }
        // The reaction may cause further events.
        let react = self.react.lock().unwrap().take();
        if let Some(react) = react {
            react(event);
            self.react.lock().unwrap().get_or_insert(react);
        }
    }

    fn ring(&self) {}

    fn poll_ready(&self, _: &Arc<Backlog>, _: &mut TaskContext<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

type Run = Box<dyn FnOnce() + Send>;

/// A timer whose functions run when the test asks for it.
#[derive(Default)]
pub(super) struct Alarm(Mutex<Vec<(Duration, Run)>>);

impl Alarm {
    /// Runs all functions. Returns their delays.
    pub(super) fn set_off(&self) -> Vec<Duration> {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap());
        waiting
            .into_iter()
            .map(|(delay, run)| {
                run();
                delay
            })
            .collect()
    }
}

impl std::fmt::Debug for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Alarm")
    }
}

impl Clock for Alarm {
    #[expect(clippy::disallowed_methods, reason = "a test needs some moment")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn after(&self, delay: Duration, run: Run) {
        self.0.lock().unwrap().push((delay, run));
    }
}

/// One client with a server of its own.
pub(crate) struct World {
    pub(super) client: Client,
    pub(super) link: Arc<Link>,
    pub(super) namespaces: Arc<Namespaces>,
    pub(super) host: Arc<Host>,
    pub(super) alarm: Arc<Alarm>,
    pub(super) now: Instant,
}

impl World {
    pub(in super::super) fn new() -> Self {
        Self::with(settings())
    }

    #[expect(clippy::disallowed_methods, reason = "a test needs some first moment")]
    pub(in super::super) fn with(settings: Settings) -> Self {
        let host = Arc::new(Host::default());
        let alarm = Arc::new(Alarm::default());
        let context = Arc::new(Context {
            settings,
            sink: Arc::clone(&host) as Arc<dyn EventSink>,
            clock: Arc::clone(&alarm) as Arc<dyn Clock>,
            log_id: ServerId::NONE,
            stats: Arc::new(Stats::default()),
            hooks: Hooks::default(),
        });
        let namespaces = Arc::new(Namespaces::new(context));
        Self::join(namespaces, host, alarm, Instant::now())
    }

    fn join(namespaces: Arc<Namespaces>, host: Arc<Host>, alarm: Arc<Alarm>, now: Instant) -> Self {
        let link = Arc::new(Link::new(
            SessionId::random().unwrap(),
            TransportKind::WebSocket,
            Arc::clone(namespaces.context()),
        ));
        let address = ("127.0.0.1".parse().unwrap(), 1);
        let request = Request::new(
            "GET",
            "/socket.io/?EIO=4",
            std::iter::empty(),
            address,
            false,
        );
        Self {
            client: Client::new(
                Arc::clone(&namespaces),
                Arc::clone(&link),
                Arc::new(request),
            ),
            link,
            namespaces,
            host,
            alarm,
            now,
        }
    }

    /// Another client of the same server, with the same log.
    pub(super) fn another(&self) -> Self {
        Self::join(
            Arc::clone(&self.namespaces),
            Arc::clone(&self.host),
            Arc::clone(&self.alarm),
            self.now,
        )
    }

    /// A client that has joined `/`, with an empty log.
    pub(crate) fn connected() -> Self {
        let mut world = Self::new();
        world.receive("0");
        world.forget();
        world
    }

    pub(super) fn context(&self) -> &Arc<Context> {
        self.namespaces.context()
    }

    pub(super) fn stat(&self, name: &str) -> i64 {
        self.context().stats.get(name).unwrap()
    }

    pub(super) fn namespace(&self, name: &str) -> Arc<Namespace> {
        self.namespaces.of(name).unwrap()
    }

    /// The client's socket in the namespace.
    pub(crate) fn socket(&self, namespace: &str) -> Arc<Socket> {
        let mut sockets = self.client.sockets();
        let found = sockets.find(|socket| **socket.namespace().name() == *namespace);
        Arc::clone(found.expect("it has joined"))
    }

    /// The last question.
    pub(super) fn question(&self) -> Question {
        let questions = self.host.questions.lock().unwrap();
        questions.last().expect("something was asked").clone()
    }

    /// Sets the reaction of the host to events.
    pub(super) fn react(&self, react: impl Fn(&Event<'_>) + Send + Sync + 'static) {
        *self.host.react.lock().unwrap() = Some(Box::new(react));
    }

    // ---- what happens

    /// Receives one text message, alone.
    pub(super) fn receive(&mut self, text: &str) -> Flow {
        self.receive_batch(&[text])
    }

    /// Receives text messages together. Returns the result of the last.
    pub(in super::super) fn receive_batch(&mut self, texts: &[&str]) -> Flow {
        let mut flow = Flow::Continue;
        for text in texts {
            let mut text = text.as_bytes().to_vec();
            flow = self.client.handle_text(&mut text, self.now, || 1000);
            self.note_flow(flow);
        }
        self.client.handle_read_end(self.now);
        self.drain();
        flow
    }

    /// Receives a binary message.
    pub(super) fn receive_binary(&mut self, data: &[u8]) -> Flow {
        let flow = self.client.handle_binary(data, self.now);
        self.note_flow(flow);
        self.drain();
        flow
    }

    fn note_flow(&self, flow: Flow) {
        match flow {
            Flow::Continue => {}
            Flow::Violation => self.note("violation"),
            Flow::ParseError(error) => self.note(&format!("parse error: {error}")),
        }
    }

    /// Advances the time, and handles the deadlines as a driver does.
    pub(super) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(next) = self.client.poll_timeout().filter(|next| *next <= end) {
            self.now = next;
            let flow = self.client.handle_timeout(next);
            self.note_flow(flow);
            let later = self
                .client
                .poll_timeout()
                .is_none_or(|next| next > self.now);
            assert!(later, "what was due has been dealt with");
            self.drain();
        }
        self.now = end;
    }

    /// Handles the items of the mailbox, as the driver does.
    pub(super) fn drain(&mut self) {
        let (mut items, mut arena) = (Vec::new(), Vec::new());
        while self.link.mailbox.drain_into(&mut items, &mut arena) {
            let mut at = 0;
            let mut items = items.drain(..).peekable();
            while let Some(item) = items.next() {
                match item {
                    Outgoing::Inline { len, .. } => {
                        let text = &arena[at..at + len as usize];
                        at += len as usize;
                        let mut attachments = Vec::new();
                        let is_attachment = |item: &Outgoing| {
                            matches!(
                                item,
                                Outgoing::Inline {
                                    kind: MessageKind::Binary,
                                    ..
                                } | Outgoing::SharedAttachment(_)
                            )
                        };
                        while let Some(item) = items.next_if(is_attachment) {
                            attachments.push(match item {
                                Outgoing::Inline { len, .. } => {
                                    let data = &arena[at..at + len as usize];
                                    at += len as usize;
                                    Bytes::copy_from_slice(data)
                                }
                                Outgoing::SharedAttachment(data) => data,
                                other => unreachable!("{other:?}"),
                            });
                        }
                        self.note_sent(text, &attachments);
                    }
                    Outgoing::Packet(packet) => self.send(&packet),
                    Outgoing::Observed(socket, packet, message) => {
                        self.deliver_outgoing(&socket, &message);
                        self.send(&packet);
                    }
                    Outgoing::WithAck(request) => {
                        if self.client.expect_ack(&request, self.now) {
                            if let Some(message) = &request.observed {
                                self.deliver_outgoing(&request.socket, message);
                            }
                            self.send(&request.packet);
                        }
                    }
                    Outgoing::Close(reason) => self.note(&format!("close: {}", reason.as_str())),
                    other => {
                        let close = matches!(other, Outgoing::DisconnectAll);
                        self.client.handle_outgoing(other, self.now);
                        if close {
                            self.note("close when sent");
                        }
                    }
                }
            }
            arena.clear();
        }
    }

    fn deliver_outgoing(&self, socket: &Arc<Socket>, message: &Arc<Message>) {
        let message = message.view();
        let event = SocketEvent::Outgoing { message };
        self.host
            .deliver(&Event::of_socket(socket, event, self.now));
    }

    fn send(&self, packet: &EncodedPacket) {
        match packet.kind() {
            MessageKind::Text => self.note_sent(packet.head(), packet.attachments()),
            MessageKind::Binary => self.note(&format!("send {:?}", packet.head().to_vec())),
        }
    }

    /// Logs a sent packet, with `ID` instead of a random id.
    fn note_sent(&self, text: &[u8], attachments: &[Bytes]) {
        let mut text = std::str::from_utf8(text).unwrap().to_owned();
        if let Some(at) = text.find("{\"sid\":\"") {
            text.replace_range(at + 8..at + 28, "ID");
        }
        for attachment in attachments {
            text += &format!(" {:?}", attachment.to_vec());
        }
        self.note(&format!("send {text}"));
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        self.client.handle_close(reason, self.now);
    }

    // ---- the log

    pub(super) fn note(&self, line: &str) {
        self.host.log.lock().unwrap().push(line.to_owned());
    }

    pub(super) fn forget(&self) {
        self.host.log.lock().unwrap().clear();
    }

    /// Checks the lines of the log since the last check.
    #[track_caller]
    pub(super) fn expect(&self, expected: &[&str]) {
        let log = std::mem::take(&mut *self.host.log.lock().unwrap());
        assert_eq!(log, expected);
    }

    /// Receives one message, and checks the log.
    #[track_caller]
    pub(super) fn check(&mut self, text: &str, expected: &[&str]) {
        self.receive(text);
        self.expect(expected);
    }
}

/// An event that a host sends.
pub(super) fn payload<'a>(name: &'a str, args: &'a str) -> Payload<'a> {
    Payload::event(name, args.as_bytes(), &[], 128).unwrap()
}

/// The same as a message that owns its parts.
pub(super) fn message(name: &str, args: &str) -> Arc<Message> {
    Arc::new(payload(name, args).to_message())
}
