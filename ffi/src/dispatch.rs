//! Dispatch: the engine's events, brought to the callbacks of the host.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bellwire_core::error::ErrorKind;
use bellwire_core::host::Handler;
use bellwire_core::socketio::event::Form;
use bellwire_core::socketio::{Event, MessageRef, Namespace, Question, Socket};

use crate::deferred::QuestionHost;
use crate::error::Result;
use crate::event::{bw_event, bw_event_values as values};
use crate::listeners::{Listener, Snapshot};
use crate::message::bw_message;
use crate::namespace::NspHost;
use crate::op::Op;
use crate::panic::caught;
use crate::shared::Shared;
use crate::socket::SocketHost;
use crate::stage::{Bins, Stage, extras};
use crate::thread::Thread;

/// What the engine calls with every event.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
}

impl Dispatcher {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
        }
    }
}

impl Handler for Dispatcher {
    fn handle(&self, event: &Event<'_>, at: Instant) {
        let shared = &self.shared;
        // A panic of ours was logged where it was caught; the event is lost, and nothing else.
        let result = Thread::with(|thread| {
            caught(thread, || {
                thread.inside(shared.id(), || dispatch(shared, event, at, thread))
            })
        });
        if let Ok(Err(error)) = result {
            tracing::error!(target: "bellwire::host", "an event could not be delivered: {error}");
        }
        if let Event::Disconnect { socket, .. } = event
            && let Some(host) = socket.host().get::<SocketHost>()
        {
            host.retire(socket);
        }
    }
}

fn dispatch(shared: &Arc<Shared>, event: &Event<'_>, at: Instant, thread: &Thread) -> Result<()> {
    match *event {
        Event::Message {
            socket,
            message,
            ack,
        } => spoken(
            shared,
            values::BW_EV_MESSAGE,
            (socket, &message, ack),
            at,
            thread,
        ),
        Event::Outgoing { socket, message } => spoken(
            shared,
            values::BW_EV_OUTGOING,
            (socket, &message, None),
            at,
            thread,
        ),
        Event::AllowRequest { question, .. }
        | Event::Headers { question, .. }
        | Event::Middleware { question, .. }
        | Event::PacketMiddleware { question, .. } => ask(shared, event, question, at),
        Event::Acked { operation, .. } | Event::Sockets { operation, .. } => {
            let Some(op) = Op::finish(operation) else {
                return Ok(());
            };
            let mut stage = Stage::default();
            let mut ev = stage.set(event, at, shared)?;
            if op.is_cancelled() && ev.r#type == values::BW_EV_SOCKETS as i32 {
                ev.status = ErrorKind::Cancelled.code();
                ev.n_sockets = 0;
            }
            op.tell(&ev);
            Ok(())
        }
        Event::Shutdown => {
            Op::end_all(shared, at);
            let told = tell(shared, event, at);
            shared.ended.store(true, Ordering::Release);
            told
        }
        _ => tell(shared, event, at),
    }
}

/// The listeners of everything that an event concerns, outermost first.
struct Audience([Option<Snapshot>; 3]);

impl Audience {
    fn of_server(shared: &Shared) -> Self {
        Self([shared.listeners.snapshot(), None, None])
    }

    fn of_namespace(shared: &Arc<Shared>, namespace: &Arc<Namespace>) -> Result<Self> {
        let host = NspHost::of(namespace, shared)?;
        Ok(Self([
            shared.listeners.snapshot(),
            host.listeners.snapshot(),
            None,
        ]))
    }

    #[inline]
    fn of_socket(shared: &Shared, namespace: &NspHost, socket: Option<&SocketHost>) -> Self {
        Self([
            shared.listeners.snapshot(),
            namespace.listeners.snapshot(),
            socket.and_then(|host| host.listeners.snapshot()),
        ])
    }

    fn of(shared: &Arc<Shared>, event: &Event<'_>) -> Result<Self> {
        match event.socket() {
            Some(socket) => {
                let namespace = NspHost::of(socket.namespace(), shared)?;
                Ok(Self::of_socket(shared, namespace, socket.host().get()))
            }
            None => match event {
                Event::Room { namespace, .. } => Self::of_namespace(shared, namespace),
                _ => Ok(Self::of_server(shared)),
            },
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().flatten().all(|lists| lists.is_none())
    }

    /// Those for all names first.
    #[inline]
    fn listeners<'a>(&'a self, kind: i32, name: &str) -> Listeners<'a> {
        let mut listeners = Listeners::default();
        for (index, snapshot) in self.0.iter().enumerate() {
            if let Some(lists) = snapshot.as_ref().and_then(|lists| lists.as_deref()) {
                listeners.all[index] = lists.all(kind);
                listeners.named[index] = lists.named(kind, name);
            }
        }
        listeners
    }
}

/// The listeners for one event, of server, namespace and socket.
#[derive(Default)]
struct Listeners<'a> {
    all: [&'a [Arc<Listener>]; 3],
    named: [&'a [Arc<Listener>]; 3],
}

impl<'a> Listeners<'a> {
    #[inline]
    fn is_empty(&self) -> bool {
        let none = |lists: &[&[Arc<Listener>]; 3]| lists.iter().all(|list| list.is_empty());
        none(&self.all) && none(&self.named)
    }

    /// Nested loops: an iterator over them all costs as much as the rest of a dispatch.
    #[inline]
    fn for_each(&self, mut visit: impl FnMut(&'a Arc<Listener>)) {
        for lists in [&self.all, &self.named] {
            for list in lists {
                for listener in *list {
                    visit(listener);
                }
            }
        }
    }
}

/// A message came in or goes out. This is the busiest path of all: nothing is allocated here unless
/// somebody wants to answer, or keeps the message.
fn spoken(
    shared: &Arc<Shared>,
    kind: values,
    (socket, view, ack): (&Arc<Socket>, &MessageRef<'_>, Option<u64>),
    at: Instant,
    thread: &Thread,
) -> Result<()> {
    let namespace = NspHost::of(socket.namespace(), shared)?;
    let known = socket.host().get::<SocketHost>();
    let audience = Audience::of_socket(shared, namespace, known);
    let listeners = audience.listeners(kind as i32, view.name);
    if listeners.is_empty() {
        return Ok(());
    }
    let host = known.map_or_else(|| SocketHost::of(socket, shared), Ok)?;
    let mut ev = bw_event::new(kind, shared, at);
    ev.set_origin((socket.namespace(), namespace), host);
    ev.set_message(view);
    let message = bw_message::borrowed(*view);
    ev.message = std::ptr::from_ref(&message).cast();
    let bins;
    if !view.attachments.is_empty() {
        bins = Bins::new(view.attachments);
        bins.show(view.attachments.len(), &mut ev);
    }
    if let Some(number) = ack {
        ev.ack = host.new_ack(socket, number)?;
    }
    let mut call = || {
        thread.while_speaks(host.id, socket, || {
            listeners.for_each(|listener| {
                ev.user = host.user();
                listener.call(&ev);
            });
        });
    };
    match view.form {
        Form::Event => thread.while_received(view.args, view.attachments.len(), call),
        // Whatever a raw client sent: it was not checked as JSON.
        Form::Text | Form::Binary => call(),
    }
    Ok(())
}

/// A fact: everybody who listens is told.
fn tell(shared: &Arc<Shared>, event: &Event<'_>, at: Instant) -> Result<()> {
    let audience = Audience::of(shared, event)?;
    if audience.is_empty() {
        return Ok(());
    }
    let mut stage = Stage::default();
    let mut ev = stage.set(event, at, shared)?;
    let host = event
        .socket()
        .and_then(|socket| socket.host().get::<SocketHost>());
    audience.listeners(ev.r#type, "").for_each(|listener| {
        if let Some(host) = host {
            ev.user = host.user();
        }
        listener.call(&ev);
    });
    Ok(())
}

/// A question: the next of its listeners is asked.
fn ask(shared: &Arc<Shared>, event: &Event<'_>, question: &Question, at: Instant) -> Result<()> {
    let mut stage = Stage::default();
    let mut ev = stage.set(event, at, shared)?;
    let kind = ev.r#type;
    let audience = Audience::of(shared, event)?;
    let next = QuestionHost::next(question, || {
        let mut all = VecDeque::new();
        let listeners = audience.listeners(kind, "");
        listeners.for_each(|listener| all.push_back(Arc::clone(listener)));
        all
    });
    if let Some(listener) = next {
        ev.deferred = QuestionHost::ask(question, extras(event))?;
        if listener.call(&ev) {
            return Ok(());
        }
    }
    // Nobody has anything against it; if somebody has answered meanwhile, that counts.
    let _ = QuestionHost::let_pass(question);
    Ok(())
}
