//! Delivery of events from the engine's queue to Python, on the thread that drains, which holds the interpreter's lock.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bellwire_core::cause::Cause;
use bellwire_core::host::Handler;
use bellwire_core::socketio::ack::AckOutcome;
use bellwire_core::socketio::event::{
    Acked, Form, NamespaceEvent, RequestEvent, RoomChange, ServerEvent, SocketEvent, What,
};
use bellwire_core::socketio::{Event, MessageRef, Rejection, Reply, Request, Socket as CoreSocket};
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple, PyType};

use crate::ack::{Ack, acknowledge};
use crate::deferred::Question;
use crate::handshake::request as request_dict;
use crate::host::{Host, current};
use crate::namespace::Namespace;
use crate::socket::{Socket, transport_name};
use crate::text::{event_name, room as room_of};
use crate::value;

/// `types.CoroutineType`, the type of the result of a coroutine function.
static COROUTINE: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The handler of the engine's queue.
#[derive(Debug)]
pub(crate) struct Deliver;

impl Handler for Deliver {
    fn handle(&self, event: &Event<'_>) {
        Python::attach(|py| {
            let Some(host) = current(py) else { return };
            let host = host.get();
            if let Err(error) = deliver(py, host, event) {
                refuse(event);
                host.report(py, error, &described(event));
            }
        });
    }
}

/// Returns the description of an event for error reports.
fn described(event: &Event<'_>) -> String {
    let sid = event
        .socket()
        .map(|socket| format!(" of {}", socket.id().as_str()))
        .unwrap_or_default();
    match event.what {
        What::Socket(
            _,
            SocketEvent::Message { message, .. }
            | SocketEvent::PacketMiddleware { message, .. }
            | SocketEvent::Outgoing { message },
        ) => format!("the event '{}'{sid}", message.name),
        _ => format!("an engine event{sid}"),
    }
}

/// Rejects the decision of an event that could not be passed to Python, which would stay open otherwise.
fn refuse(event: &Event<'_>) {
    if let Some(question) = event.question() {
        // This fails if the decision was made before the error; then the error has no effect on it.
        let _ = question.reject(Rejection::default());
    }
}

fn deliver(py: Python<'_>, host: &Host, event: &Event<'_>) -> PyResult<()> {
    match event.what {
        What::Server(what) => of_server(py, host, what),
        What::Request(request, what) => of_request(py, host, request, what),
        What::Namespace(namespace, what) => match host.namespace(py, namespace) {
            Some(namespace) => of_namespace(py, host, namespace, what),
            None => Ok(()),
        },
        // The end of an operation is delivered whatever the namespace.
        What::Socket(_, SocketEvent::Acked(acked)) => on_acked(py, host, acked),
        // Python is not told of the sockets of a namespace that it has not created.
        What::Socket(socket, what) => match host.namespace(py, socket.namespace()) {
            Some(namespace) => of_socket(py, host, (namespace, socket), what),
            None => Ok(()),
        },
    }
}

fn of_server(py: Python<'_>, host: &Host, what: ServerEvent<'_>) -> PyResult<()> {
    match what {
        ServerEvent::Shutdown => host.shutdown.call0(py).map(drop),
        ServerEvent::Fault { text } => {
            let error = pyo3::exceptions::PyRuntimeError::new_err(text.to_owned());
            host.report(py, error, "the engine");
            Ok(())
        }
        ServerEvent::Acked(acked) => on_acked(py, host, acked),
    }
}

fn of_request(
    py: Python<'_>,
    host: &Host,
    request: &Request,
    what: RequestEvent<'_>,
) -> PyResult<()> {
    match what {
        RequestEvent::AllowRequest { question } => {
            if request.xdomain() || host.asks_about_all.load(Ordering::Relaxed) {
                let call = (request_dict(py, request)?, Question::new(question));
                return host.request.call1(py, call).map(drop);
            }
            // The request is not cross-origin and the program has no `allow_request`, so it is accepted here.
            let _ = question.accept();
            Ok(())
        }
        // Python has no hook for response headers.
        RequestEvent::Headers { .. } => Ok(()),
        RequestEvent::ConnectionError { error } => {
            let request = request_dict(py, request)?;
            request.set_item("context", value::json(py, error.context().as_bytes())?)?;
            let call = (request, error.code(), error.wire_message());
            host.connection_error.call1(py, call).map(drop)
        }
    }
}

fn of_namespace<'py>(
    py: Python<'py>,
    host: &Host,
    namespace: Bound<'py, Namespace>,
    what: NamespaceEvent<'_>,
) -> PyResult<()> {
    match what {
        NamespaceEvent::Room { room, change } => {
            let (change, id) = match change {
                RoomChange::Created => ("create", None),
                RoomChange::Deleted => ("delete", None),
                RoomChange::Joined(id) => ("join", Some(id)),
                RoomChange::Left(id) => ("leave", Some(id)),
            };
            let id = id.map(|id| PyString::new(py, id.as_str()));
            host.room
                .call1(py, (namespace, change, room_of(py, room)?, id))
                .map(drop)
        }
        // Python reads the members of a namespace directly, and has no hook for new namespaces.
        NamespaceEvent::Created | NamespaceEvent::Sockets { .. } => Ok(()),
    }
}

fn on_acked(py: Python<'_>, host: &Host, acked: Acked<'_>) -> PyResult<()> {
    let replies = acked
        .replies
        .iter()
        .map(|reply| read_reply(py, host, reply))
        .collect::<Vec<_>>();
    let call = (acked.operation.0, outcome_name(acked.outcome), replies);
    host.acked.call1(py, call).map(drop)
}

fn of_socket<'py>(
    py: Python<'py>,
    host: &Host,
    (namespace, socket): (Bound<'py, Namespace>, &Arc<CoreSocket>),
    what: SocketEvent<'_>,
) -> PyResult<()> {
    match what {
        SocketEvent::Message { message, ack } => {
            on_message(py, host, &namespace, (socket, ack), &message)
        }
        SocketEvent::Middleware { question } => {
            namespace.get().joining.begin(socket);
            let asked = (Socket::new(socket), Question::new(question));
            let call = (namespace, sid(py, socket), asked.0, asked.1);
            host.connect.call1(py, call).map(drop)
        }
        SocketEvent::PacketMiddleware { message, question } => {
            let args = value::args(py, message.args, message.attachments)?;
            let question = Question::new(question);
            let name = event_name(py, message.event_name())?;
            let call = (namespace, name, sid(py, socket), args, question);
            host.packet.call1(py, call).map(drop)
        }
        SocketEvent::Connection => {
            for operation in namespace.get().joining.joined(socket) {
                let call = (operation.0, "gone", PyList::empty(py));
                host.acked.call1(py, call)?;
            }
            let call = (namespace, sid(py, socket), Socket::new(socket));
            host.connected.call1(py, call).map(drop)
        }
        SocketEvent::Disconnecting { reason } => {
            let leaving = Socket::new(socket);
            let cause = reason.cause(socket).map(cause);
            let call = (namespace, sid(py, socket), leaving, reason.as_str(), cause);
            host.disconnecting.call1(py, call).map(drop)
        }
        SocketEvent::Disconnect { reason } => {
            let left = Socket::new(socket);
            let cause = reason.cause(socket).map(cause);
            let call = (namespace, sid(py, socket), left, reason.as_str(), cause);
            host.disconnected.call1(py, call).map(drop)
        }
        SocketEvent::Outgoing { message } => {
            let args = value::args(py, message.args, message.attachments)?;
            let name = event_name(py, message.event_name())?;
            let call = (namespace, name, sid(py, socket), args);
            host.outgoing.call1(py, call).map(drop)
        }
        SocketEvent::Upgrade { transport } => {
            let call = (namespace, sid(py, socket), transport_name(transport));
            host.upgraded.call1(py, call).map(drop)
        }
        SocketEvent::Drain => {
            let call = (namespace, sid(py, socket));
            host.drained.call1(py, call).map(drop)
        }
        SocketEvent::Dropped { count } => {
            let call = (namespace, sid(py, socket), count);
            host.dropped.call1(py, call).map(drop)
        }
        SocketEvent::Acked(acked) => on_acked(py, host, acked),
    }
}

/// Kind, text, option, the option's value, and the value that was compared with it.
type PyCause<'a> = (&'a str, &'a str, Option<&'a str>, Option<u64>, Option<u64>);

/// The limit, deadline or rule that ended the connection.
fn cause(cause: &Cause) -> PyCause<'_> {
    (
        cause.kind().as_str(),
        cause.text(),
        cause.option(),
        cause.limit_value(),
        cause.seen(),
    )
}

fn on_message<'py>(
    py: Python<'py>,
    host: &Host,
    namespace: &Bound<'py, Namespace>,
    (socket, ack): (&Arc<CoreSocket>, Option<u64>),
    message: &MessageRef<'_>,
) -> PyResult<()> {
    let sid = sid(py, socket);
    match message.form {
        Form::Text => {
            let text = PyString::from_bytes(py, message.args)?;
            return host.message.call1(py, (namespace, sid, text)).map(drop);
        }
        Form::Binary => {
            let bytes = message.attachments.first().map_or(&[][..], |bytes| bytes);
            let bytes = PyBytes::new(py, bytes);
            return host.message.call1(py, (namespace, sid, bytes)).map(drop);
        }
        Form::Event => {}
    }
    let args = value::args(py, message.args, message.attachments)?;
    let name = event_name(py, message.event_name())?;
    let mut handler = None;
    if !host.keeps_order.load(Ordering::Relaxed) {
        handler = namespace.get().handlers.bind(py).get_item(&name)?;
    }
    let Some(handler) = handler else {
        let ack = ack.map(|id| Ack::new(socket, id));
        let call = (namespace, name, sid, args.to_tuple(), ack);
        return host.dispatch.call1(py, call).map(drop);
    };
    if let Err(error) = call(py, host, &handler, (socket, ack), sid, &args) {
        host.report(py, error, message.name);
    }
    Ok(())
}

/// Calls the handler of an event directly and acknowledges with its result.
fn call<'py>(
    py: Python<'py>,
    host: &Host,
    handler: &Bound<'py, PyAny>,
    (socket, ack): (&Arc<CoreSocket>, Option<u64>),
    sid: Bound<'py, PyString>,
    args: &Bound<'py, PyList>,
) -> PyResult<()> {
    let all = std::iter::once(sid.into_any()).chain(args.iter());
    let result = handler.call1(PyTuple::new(py, all.collect::<Vec<_>>())?)?;
    if !result.is_none() && result.is_instance(COROUTINE.import(py, "types", "CoroutineType")?)? {
        let ack = ack.map(|id| Ack::new(socket, id));
        host.spawn.call1(py, (result, ack, handler))?;
    } else if let Some(id) = ack {
        acknowledge(socket, id, &result)?;
    }
    Ok(())
}

fn sid<'py>(py: Python<'py>, socket: &CoreSocket) -> Bound<'py, PyString> {
    PyString::new(py, socket.id().as_str())
}

/// Returns the sid of a reply and its arguments, or an exception if Python cannot represent the arguments.
fn read_reply<'py>(
    py: Python<'py>,
    host: &Host,
    reply: &Reply,
) -> (Bound<'py, PyString>, Bound<'py, PyAny>) {
    let args = match value::args(py, &reply.args, &reply.attachments) {
        Ok(args) => args.into_any(),
        Err(error) => unreadable(py, host, error, &reply.args),
    };
    (sid(py, &reply.socket), args)
}

fn unreadable<'py>(py: Python<'py>, host: &Host, error: PyErr, json: &[u8]) -> Bound<'py, PyAny> {
    /// The most bytes of the reply that the message shows.
    const SHOWN: usize = 100;
    let start = String::from_utf8_lossy(&json[..json.len().min(SHOWN)]);
    let more = if json.len() > SHOWN { "..." } else { "" };
    let text = format!("{error}; received {} bytes: {start}{more}", json.len());
    let shown = PyValueError::new_err(text);
    if !error.is_instance_of::<PyException>(py) {
        host.report(py, error, "reading an acknowledgement");
    }
    shown.into_value(py).into_bound(py).into_any()
}

fn outcome_name(outcome: AckOutcome) -> &'static str {
    match outcome {
        AckOutcome::Answered => "ok",
        AckOutcome::TimedOut => "timeout",
        AckOutcome::Gone => "gone",
        AckOutcome::Cancelled => "cancelled",
        AckOutcome::Full => "full",
    }
}
