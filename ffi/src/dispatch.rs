//! Calls the callbacks of the host with the events of the core.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bellwire_core::error::ErrorKind;
use bellwire_core::host::Handler;
use bellwire_core::socketio::event::{
    Form, NamespaceEvent, RequestEvent, ServerEvent, SocketEvent, What,
};
use bellwire_core::socketio::{Event, MessageRef, Namespace, Operation, Question, Socket};

use crate::deferred::QuestionHost;
use crate::error::Result;
use crate::event::{bw_event, bw_event_values as values};
use crate::event_memory::{Bins, EventMemory, extras};
use crate::listeners::{Listener, Snapshot};
use crate::message::bw_message;
use crate::namespace::NspHost;
use crate::op::Op;
use crate::panic::caught;
use crate::shared::Shared;
use crate::socket::SocketHost;
use crate::thread::Thread;

/// The handler that the engine calls with each event.
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
    fn handle(&self, event: &Event<'_>) {
        let shared = &self.shared;
        // A panic of this crate was logged when it was caught. Only this event is lost.
        let result = Thread::with(|thread| {
            caught(thread, || {
                thread.inside(shared.id(), || dispatch(shared, event, thread))
            })
        });
        if let Ok(Err(error)) = result {
            tracing::error!(target: "bellwire::host", "an event could not be delivered: {error}");
        }
        if let What::Socket(socket, SocketEvent::Disconnect { .. }) = event.what
            && let Some(host) = socket.host().get::<SocketHost>()
        {
            host.retire(socket);
        }
    }
}

fn dispatch(shared: &Arc<Shared>, event: &Event<'_>, thread: &Thread) -> Result<()> {
    match event.what {
        What::Server(what) => match what {
            ServerEvent::Fault { .. } => tell(shared, event),
            ServerEvent::Shutdown => {
                Op::end_all(shared, event.at);
                let told = tell(shared, event);
                shared.ended.store(true, Ordering::Release);
                told
            }
            ServerEvent::Acked(acked) => finish(shared, event, acked.operation),
        },
        What::Request(_, what) => match what {
            RequestEvent::AllowRequest { question } | RequestEvent::Headers { question, .. } => {
                ask(shared, event, question)
            }
            RequestEvent::ConnectionError { .. } => tell(shared, event),
        },
        What::Namespace(_, what) => match what {
            NamespaceEvent::Created | NamespaceEvent::Room { .. } => tell(shared, event),
            NamespaceEvent::Sockets { operation, .. } => finish(shared, event, operation),
        },
        What::Socket(socket, what) => match what {
            SocketEvent::Message { message, ack } => {
                let kind = values::BW_EV_MESSAGE;
                pass(shared, kind, (socket, &message, ack), event.at, thread)
            }
            SocketEvent::Outgoing { message } => {
                let kind = values::BW_EV_OUTGOING;
                pass(shared, kind, (socket, &message, None), event.at, thread)
            }
            SocketEvent::Middleware { question }
            | SocketEvent::PacketMiddleware { question, .. } => ask(shared, event, question),
            SocketEvent::Acked(acked) => finish(shared, event, acked.operation),
            SocketEvent::Connection
            | SocketEvent::Disconnecting { .. }
            | SocketEvent::Disconnect { .. }
            | SocketEvent::Upgrade { .. }
            | SocketEvent::Dropped { .. }
            | SocketEvent::Drain => tell(shared, event),
        },
    }
}

/// Calls the callback of an operation that has ended.
fn finish(shared: &Arc<Shared>, event: &Event<'_>, operation: Operation) -> Result<()> {
    let Some(op) = Op::finish(operation) else {
        return Ok(());
    };
    let mut memory = EventMemory::default();
    let mut ev = memory.fill(event, shared)?;
    if op.is_cancelled() && ev.r#type == values::BW_EV_SOCKETS as i32 {
        ev.status = ErrorKind::Cancelled.code();
        ev.n_sockets = 0;
    }
    op.tell(&ev);
    Ok(())
}

/// The listeners of the server, the namespace and the socket of an event.
struct Snapshots([Option<Snapshot>; 3]);

impl Snapshots {
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
        match event.what {
            What::Socket(socket, _) => {
                let namespace = NspHost::of(socket.namespace(), shared)?;
                Ok(Self::of_socket(shared, namespace, socket.host().get()))
            }
            What::Namespace(namespace, NamespaceEvent::Room { .. }) => {
                Self::of_namespace(shared, namespace)
            }
            What::Server(_) | What::Request(..) | What::Namespace(..) => {
                Ok(Self::of_server(shared))
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().flatten().all(|lists| lists.is_none())
    }

    /// The listeners for all names come first.
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

    /// Nested loops, because one iterator over all lists costs as much as the rest of a dispatch.
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

/// Calls the listeners of a received or outgoing message. This is the hot path: it allocates only if the client asked for
/// an acknowledgement, or if a listener retains the message.
fn pass(
    shared: &Arc<Shared>,
    kind: values,
    (socket, view, ack): (&Arc<Socket>, &MessageRef<'_>, Option<u64>),
    at: Instant,
    thread: &Thread,
) -> Result<()> {
    let namespace = NspHost::of(socket.namespace(), shared)?;
    let known = socket.host().get::<SocketHost>();
    let snapshots = Snapshots::of_socket(shared, namespace, known);
    let listeners = snapshots.listeners(kind as i32, view.name);
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
        thread.with_message(host.id, socket, || {
            listeners.for_each(|listener| {
                ev.user = host.user();
                listener.call(&ev);
            });
        });
    };
    match view.form {
        Form::Event => thread.with_received_args(view.args, view.attachments.len(), call),
        // Messages of Engine.IO servers have not been validated as JSON.
        Form::Text | Form::Binary => call(),
    }
    Ok(())
}

/// Calls all listeners of an event that is not a question.
fn tell(shared: &Arc<Shared>, event: &Event<'_>) -> Result<()> {
    let snapshots = Snapshots::of(shared, event)?;
    if snapshots.is_empty() {
        return Ok(());
    }
    let mut memory = EventMemory::default();
    let mut ev = memory.fill(event, shared)?;
    let host = event
        .socket()
        .and_then(|socket| socket.host().get::<SocketHost>());
    snapshots.listeners(ev.r#type, "").for_each(|listener| {
        if let Some(host) = host {
            ev.user = host.user();
        }
        listener.call(&ev);
    });
    Ok(())
}

/// Calls the next listener of a question.
fn ask(shared: &Arc<Shared>, event: &Event<'_>, question: &Question) -> Result<()> {
    let mut memory = EventMemory::default();
    let mut ev = memory.fill(event, shared)?;
    let kind = ev.r#type;
    let snapshots = Snapshots::of(shared, event)?;
    let next = QuestionHost::next(question, || {
        let mut all = VecDeque::new();
        let listeners = snapshots.listeners(kind, "");
        listeners.for_each(|listener| all.push_back(Arc::clone(listener)));
        all
    });
    if let Some(listener) = next {
        ev.deferred = QuestionHost::ask(question, extras(event))?;
        if listener.call(&ev) {
            return Ok(());
        }
    }
    // No listener is left to ask: accept, unless another thread has answered already.
    let _ = QuestionHost::let_pass(question);
    Ok(())
}
