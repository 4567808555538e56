"""The callbacks of the native module that are the same for both servers.

The native module calls them on the thread that drains the engine's event queue.
"""

from __future__ import annotations

import itertools
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from . import exceptions
from ._arity import takes
from ._clients import Client, Reason
from ._environ import build

if TYPE_CHECKING:
    from ._base import BaseServer
    from ._handlers import Handler
    from ._native import Ack, Namespace, Question, Socket

Answers = list[tuple[str, list[Any]]]
#: The replies of clients as the native module passes them: (sid, arguments), or (sid, exception) for arguments that
#: Python cannot represent.
Replies = list[tuple[str, Any]]
Done = Callable[[str, Replies], None]

_ARGUMENTS = "reading the arguments for the connect handler; the handler was not called and the client is refused"


class Dispatcher:
    """Receives the events of the engine. `src/host.rs` lists the methods that the native module calls."""

    def __init__(self, server: BaseServer) -> None:
        self.server = server
        self._operations: dict[int, Done] = {}
        self._next = itertools.count(1)
        #: The engine has stopped, so it does not report the end of operations.
        self._over = False
        #: Guards the fields of a `Client` that the end of its connect handler and its disconnection both change.
        self._leaving = threading.Lock()

    # -------------------------------------------- implemented by each subclass

    def run(self, handler: Handler, args: Any, ack: Ack | None, name: str, sid: str) -> None:
        """Calls a handler and sends its result as the acknowledgement."""
        raise NotImplementedError

    def decide(self, handler: Handler, args: Any, decided: Callable[[Any], None], sid: str) -> None:
        """Calls a handler, then `decided` with its result or the exception that it raised."""
        raise NotImplementedError

    def spawn(self, coroutine: Any, ack: Ack | None, handler: Handler) -> None:
        """Runs the coroutine that a directly called handler returned."""
        raise NotImplementedError

    def fault(self, error: BaseException, what: str) -> None:
        """Reports an exception of a handler. Does not raise, even if the program's logger does."""
        try:
            self.server.logger.error("exception in %s", what, exc_info=error)
        except BaseException:
            with suppress(BaseException):
                traceback.print_exception(type(error), error, error.__traceback__)
                traceback.print_exc()

    def log(self, level: int, target: str, text: str) -> None:
        """Writes a line of the engine's log."""
        self.server._engine_log.write(level, target, text)

    def shutdown(self) -> None:
        """Called when the engine has stopped."""
        raise NotImplementedError

    # ------------------------------------------------------------- connections

    def request(self, request: dict[str, Any], question: Question) -> None:
        """Decides whether a request may open a session."""
        if request["xdomain"] and not self.server._origins.allow(request):
            question.reject("Not an accepted origin.")
            return
        handler = self.server._allow_request
        if handler is None:
            question.accept()
            return

        def decided(result: Any) -> None:
            error = self._refusal(result, "allow_request")
            if error is None:
                question.accept()
            else:
                # An empty message selects the engine's default.
                question.reject(error["message"] if result is not False else "")

        # A key of its own: a request does not wait for the jobs of any client.
        self.decide(handler, (build(request),), decided, f"request {id(question)}")

    def connect(self, namespace: Namespace, sid: str, socket: Socket, question: Question) -> None:
        """Decides whether a client may join a namespace."""
        if not self.server._is_open(namespace.name):
            question.reject("Invalid namespace")
            self._drop(namespace, sid)
            return
        found = self.server._find("connect", namespace.name, ())
        if found is None:
            if not question.accept():
                self._drop(namespace, sid)
            return
        client = self.server._clients.of(socket)
        try:
            args = self._connect_args(found, client)
        except Exception as error:
            question.reject(exceptions.ConnectionRefusedError().error_args["message"])
            self._drop(namespace, sid)
            self.fault(error, _ARGUMENTS)
            return
        client.question = question

        def decided(result: Any) -> None:
            refusal = self._refusal(result)
            if refusal is not None:
                self._reject(question, refusal)
                self._drop(namespace, sid)
            elif not question.accept():
                # The client was disconnected, or left, before its handler accepted it.
                self._end_kept(namespace, sid)
                detail = "transport close" if client.early_disconnect is None else "server namespace disconnect"
                self.disconnected(namespace, sid, socket, detail, None)

        self.decide(found[0], args, decided, sid)

    def _reject(self, question: Question, refusal: dict[str, Any]) -> None:
        try:
            question.reject(refusal["message"], refusal.get("data"))
        except Exception as error:
            question.reject(refusal["message"])
            self.fault(error, "sending the data of a ConnectionRefusedError; the client was refused without the data")

    def refuse_joining(self, socket: Socket, close: bool) -> bool:
        """Refuses a client whose connect handler is still running. Returns whether there is such a client."""
        client = self.server._clients.get(socket.sid)
        # Read once: another thread clears it when the client joins.
        question = None if client is None else client.question
        if client is None or question is None:
            return False
        client.early_disconnect = close
        if question.reject(exceptions.ConnectionRefusedError().error_args["message"]):
            if close:
                client.socket.close()
        elif client.socket.connected:
            client.socket.disconnect(close)
        # Otherwise the client was accepted just now; `connected` disconnects it.
        return True

    def _drop(self, namespace: Namespace, sid: str) -> None:
        self._end_kept(namespace, sid)
        self.server._clients.forget(sid)

    def _end_kept(self, namespace: Namespace, sid: str) -> None:
        for operation in namespace.refused(sid):
            self.acked(operation, "gone", [])

    def _refusal(self, result: Any, what: str = "the connect handler") -> dict[str, Any] | None:
        if result is False:
            return exceptions.ConnectionRefusedError().error_args
        if isinstance(result, exceptions.ConnectionRefusedError):
            return result.error_args
        if isinstance(result, ConnectionRefusedError):
            return {"message": "Connection refused by server"}
        if isinstance(result, BaseException):
            if isinstance(result, Exception):
                self.fault(result, what)
            return exceptions.ConnectionRefusedError().error_args
        return None

    def _connect_args(self, found: tuple[Handler, Any], client: Client) -> tuple[Any, ...]:
        handler, before = found
        environ = client.environ
        args = (*before, client.socket.sid, environ)
        auth = environ["bellwire.handshake"]["auth"] or None
        return (*args, auth) if takes(handler, len(args) + 1) else args

    def connected(self, namespace: Namespace, sid: str, socket: Socket) -> None:
        """Called when a client has joined."""
        client = self.server._clients.get(sid)
        if client is not None:
            client.question = None
            if client.early_disconnect is not None:
                socket.disconnect(client.early_disconnect)
        for watcher in self.server._watching("joined", namespace.name):
            self._call(watcher, sid)
        if not self.server.always_connect:
            return
        found = self.server._find("connect", namespace.name, ())
        if found is None:
            return

        client = self.server._clients.of(socket)
        try:
            args = self._connect_args(found, client)
        except Exception as error:
            client.refused = True
            socket.disconnect(False)
            self.fault(error, _ARGUMENTS)
            return
        client.connecting = True

        def decided(result: Any) -> None:
            refused = self._refusal(result) is not None
            with self._leaving:
                # Both change together: if the client leaves now, another thread reads them.
                client.refused = refused
                client.connecting = False
            if client.left is not None:
                self.disconnected(namespace, sid, socket, *client.left)
            elif refused:
                socket.disconnect(False)

        self.decide(found[0], args, decided, sid)

    def disconnecting(
        self, namespace: Namespace, sid: str, socket: Socket, reason: str, cause: tuple[Any, ...] | None
    ) -> None:
        """Called before a client leaves its rooms."""
        for watcher in self.server._watching("disconnecting", namespace.name):
            self._call(watcher, sid, Reason(reason, cause))

    def disconnected(
        self, namespace: Namespace, sid: str, socket: Socket, reason: str, cause: tuple[Any, ...] | None
    ) -> None:
        """Called when a client has left."""
        clients = self.server._clients
        client = clients.get(sid)
        if client is not None:
            with self._leaving:
                if client.connecting:
                    # The connect handler has to end first.
                    client.left = reason, cause
                    return
        found = self.server._find("disconnect", namespace.name, (sid,))
        if found is None or (client is not None and client.refused):
            clients.forget(sid)
            return
        # Its session and its rooms are available until the handler ends.
        clients.of(socket)
        handler, args = found
        if takes(handler, len(args) + 1):
            args = (*args, Reason(reason, cause))

        def decided(result: Any) -> None:
            clients.forget(sid)
            if isinstance(result, BaseException):
                self.fault(result, "the disconnect handler")

        self.decide(handler, args, decided, sid)

    # ------------------------------------------------------------------ events

    def dispatch(self, namespace: Namespace, event: str, sid: str, args: tuple[Any, ...], ack: Ack | None) -> None:
        """Handles an event for which the native module has no handler to call directly."""
        if self.server._log.logs_events:
            try:
                self.server._log.received(event, sid, namespace.name)
            except Exception as error:
                self.fault(error, "logging an event")
        found = self.server._find(event, namespace.name, (sid, *args))
        if found is not None:
            self.run(*found, ack, event, sid)

    def packet(self, namespace: Namespace, event: str, sid: str, args: list[Any], question: Question) -> None:
        """Decides whether an event may reach its handler."""
        filters = iter(self.server._filters.get(namespace.name, ()))

        def ask_next(result: Any) -> None:
            if isinstance(result, BaseException):
                self.fault(result, "a filter of events")
            if result is False or isinstance(result, BaseException):
                question.reject("")
                return
            handler = next(filters, None)
            if handler is None:
                question.accept()
            else:
                self.decide(handler, (sid, event, *args), ask_next, sid)

        ask_next(None)

    def message(self, namespace: Namespace, sid: str, data: str | bytes) -> None:
        """Handles a message of an Engine.IO connection."""
        self.dispatch(namespace, "message", sid, (data,), None)

    def outgoing(self, namespace: Namespace, event: str, sid: str, args: list[Any]) -> None:
        """Called when an event is sent to a client."""
        for watcher in self.server._watching("outgoing", namespace.name):
            self._call(watcher, sid, event, *args)

    def upgraded(self, namespace: Namespace, sid: str, transport: str) -> None:
        """Called when a client has changed to another transport."""
        for watcher in self.server._watching("upgrade", namespace.name):
            self._call(watcher, sid, transport)

    def drained(self, namespace: Namespace, sid: str) -> None:
        """Called when the send buffer of a slow client is empty again."""
        for watcher in self.server._watching("drain", namespace.name):
            self._call(watcher, sid)

    def dropped(self, namespace: Namespace, sid: str, count: int) -> None:
        """Called when messages for a client were dropped because its send buffer is full. `count` is their number."""
        for watcher in self.server._watching("dropped", namespace.name):
            self._call(watcher, sid, count)

    def room(self, namespace: Namespace, change: str, room: str, sid: str | None) -> None:
        """Called when a room is created or deleted, or a client joins or leaves it."""
        for watcher in self.server._watching("room", namespace.name):
            self._call(watcher, change, room, sid)

    def connection_error(self, request: dict[str, Any], code: int, message: str) -> None:
        """Called when a request was refused."""
        for watcher in self.server._watching("connection_error", "/"):
            self._call(watcher, request, code, message)

    def _call(self, watcher: Handler, *args: Any) -> None:
        try:
            watcher(*args)
        except Exception as error:
            self.fault(error, "a watcher")

    # --------------------------------------------------------- acknowledgements

    def expect(self, done: Done) -> int:
        """Registers an emit with acknowledgement. Returns the number under which the engine will report its end."""
        operation = next(self._next)
        self._operations[operation] = done
        return operation

    def forget(self, operation: int) -> None:
        """Removes a registered operation."""
        self._operations.pop(operation, None)

    def acked(self, operation: int, outcome: str, replies: Replies) -> None:
        """Called when an emit with acknowledgement has ended."""
        done = self._operations.pop(operation, None)
        if done is not None:
            done(outcome, replies)

    def asked(self, operation: int) -> None:
        """To be called when the engine has accepted an operation. Ends it if the engine has stopped since."""
        if self._over:
            self.acked(operation, "closed", [])

    def end_operations(self) -> None:
        """Ends all operations, and those that are started later, because the engine has stopped."""
        self._over = True
        for operation in list(self._operations):
            self.acked(operation, "closed", [])

    def callback(self, callback: Handler) -> Done:
        """Returns a `Done` that calls `callback` with the arguments of one client's acknowledgement."""

        def done(outcome: str, replies: Replies) -> None:
            for sid, args in replies:
                if isinstance(args, Exception):
                    self.fault(_bad_answer(sid, args), "reading an acknowledgement")
                else:
                    self.run(callback, tuple(args), None, "an emit's callback", sid)

        return done


def _bad_answer(sid: str, error: Exception) -> exceptions.BadAnswerError:
    bad = exceptions.BadAnswerError(f"the acknowledgement of client {sid} cannot be read: {error}")
    bad.__cause__ = error
    return bad


_TOO_MANY_ACKS = (
    "the client has not answered maxPendingAcks earlier events, so the server does not wait for this answer:"
    " raise maxPendingAcks, or emit without an acknowledgement"
)


def one_answer(outcome: str, replies: Replies, timeout: float | None) -> Any:
    """The result of `call`: returns the arguments of the answer, or raises the exception for the outcome."""
    if outcome == "timeout":
        raise exceptions.TimeoutError(f"the client did not answer within {timeout} s")
    if outcome == "full":
        raise exceptions.TooManyAcksError(_TOO_MANY_ACKS)
    if outcome == "closed":
        raise exceptions.ClientGoneError("the server was closed before the client answered")
    if outcome != "ok":
        raise exceptions.ClientGoneError("the client disconnected before it answered")
    sid, args = replies[0]
    if isinstance(args, Exception):
        raise _bad_answer(sid, args)
    return None if not args else args[0] if len(args) == 1 else tuple(args)


def all_answers(outcome: str, replies: Replies, timeout: float) -> Answers:
    """The result of `call_all`: returns the answers, or raises the exception for the outcome."""
    readable = [(sid, args) for sid, args in replies if not isinstance(args, Exception)]
    for sid, args in replies:
        if isinstance(args, Exception):
            bad = _bad_answer(sid, args)
            bad.answers = readable
            raise bad
    if outcome == "ok":
        return replies
    if outcome == "full":
        full = exceptions.TooManyAcksError(_TOO_MANY_ACKS)
        full.answers = replies
        raise full
    text = f"at least one client did not answer within {timeout} s; {len(replies)} answered"
    if outcome == "closed":
        text = f"the server was closed before all clients answered; {len(replies)} answered"
    error = exceptions.TimeoutError(text)
    error.answers = replies
    raise error
