"""What the native half calls while it is drained, as far as both servers do the same."""

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
#: The same as the native half tells it: instead of arguments that Python cannot hold, an exception.
Replies = list[tuple[str, Any]]
Done = Callable[[str, Replies], None]

_ARGUMENTS = "reading the arguments of the connect handler, which was not called: the client is refused"


class Dispatcher:
    """The names and arguments of the methods are those of `src/host.rs`."""

    def __init__(self, server: BaseServer) -> None:
        self.server = server
        self._operations: dict[int, Done] = {}
        self._next = itertools.count(1)
        #: The engine tells no more ends of operations.
        self._over = False
        #: Held when a connect handler ends, and when its client leaves.
        self._leaving = threading.Lock()

    # ------------------------------------------------- to be done by each kind

    def run(self, handler: Handler, args: Any, ack: Ack | None, name: str, sid: str) -> None:
        """Calls a handler and answers with its result."""
        raise NotImplementedError

    def decide(self, handler: Handler, args: Any, decided: Callable[[Any], None], sid: str) -> None:
        """Calls a handler and passes on its result, or the exception it raised."""
        raise NotImplementedError

    def spawn(self, coroutine: Any, ack: Ack | None, handler: Handler) -> None:
        """A coroutine handler was called."""
        raise NotImplementedError

    def fault(self, error: BaseException, what: str) -> None:
        """Reports what a handler raised. Does not raise, whatever the program's logger does."""
        try:
            self.server.logger.error("exception in %s", what, exc_info=error)
        except BaseException:
            with suppress(BaseException):
                traceback.print_exception(type(error), error, error.__traceback__)
                traceback.print_exc()

    def log(self, level: int, target: str, text: str) -> None:
        """A line of the engine's log."""
        self.server._engine_log.write(level, target, text)

    def shutdown(self) -> None:
        """The engine has stopped."""
        raise NotImplementedError

    # ------------------------------------------------------------- connections

    def request(self, request: dict[str, Any], question: Question) -> None:
        """May this request open a session?"""
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
                # Without words of the program, those of the engine.
                question.reject(error["message"] if result is not False else "")

        # Requests wait for nothing but their own answer.
        self.decide(handler, (build(request),), decided, f"request {id(question)}")

    def connect(self, namespace: Namespace, sid: str, socket: Socket, question: Question) -> None:
        """May this client join?"""
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
                # It was put out, or has left, before its handler had let it in.
                self._end_kept(namespace, sid)
                detail = "transport close" if client.put_out is None else "server namespace disconnect"
                self.disconnected(namespace, sid, socket, detail, None)

        self.decide(found[0], args, decided, sid)

    def _reject(self, question: Question, refusal: dict[str, Any]) -> None:
        try:
            question.reject(refusal["message"], refusal.get("data"))
        except Exception as error:
            question.reject(refusal["message"])
            self.fault(error, "the data of a refused connection, which was refused without them")

    def put_out(self, socket: Socket, close: bool) -> bool:
        """Refuses a client whose connect handler has not let it in yet. False when it is not in that state."""
        client = self.server._clients.get(socket.sid)
        # Another thread clears it when the client joins.
        question = None if client is None else client.question
        if client is None or question is None:
            return False
        client.put_out = close
        if question.reject(exceptions.ConnectionRefusedError().error_args["message"]):
            if close:
                client.socket.close()
        elif client.socket.connected:
            client.socket.disconnect(close)
        # Otherwise it has been let in, and is put out when it joins.
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
        """A client has joined."""
        client = self.server._clients.get(sid)
        if client is not None:
            client.question = None
            if client.put_out is not None:
                socket.disconnect(client.put_out)
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
                # Both at once: a client that leaves now is looked up by another thread.
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
        """A client is leaving."""
        for watcher in self.server._watching("disconnecting", namespace.name):
            self._call(watcher, sid, Reason(reason, cause))

    def disconnected(
        self, namespace: Namespace, sid: str, socket: Socket, reason: str, cause: tuple[Any, ...] | None
    ) -> None:
        """A client has left."""
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
        # Its session and its rooms can be asked for until the handler is through.
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

    def dispatch(
        self, namespace: Namespace, event: str, sid: str, args: tuple[Any, ...], ack: Ack | None
    ) -> None:
        """An event of a client for which there is no handler that can be called directly."""
        if self.server._log.speaks:
            try:
                self.server._log.received(event, sid, namespace.name)
            except Exception as error:
                self.fault(error, "the log of an event")
        found = self.server._find(event, namespace.name, (sid, *args))
        if found is not None:
            self.run(*found, ack, event, sid)

    def packet(
        self, namespace: Namespace, event: str, sid: str, args: list[Any], question: Question
    ) -> None:
        """May this event pass?"""
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
        """A message of a plain connection."""
        self.dispatch(namespace, "message", sid, (data,), None)

    def outgoing(self, namespace: Namespace, event: str, sid: str, args: list[Any]) -> None:
        """An event leaves."""
        for watcher in self.server._watching("outgoing", namespace.name):
            self._call(watcher, sid, event, *args)

    def upgraded(self, namespace: Namespace, sid: str, transport: str) -> None:
        """A connection has changed its transport."""
        for watcher in self.server._watching("upgrade", namespace.name):
            self._call(watcher, sid, transport)

    def drained(self, namespace: Namespace, sid: str) -> None:
        """A slow client has caught up."""
        for watcher in self.server._watching("drain", namespace.name):
            self._call(watcher, sid)

    def dropped(self, namespace: Namespace, sid: str, count: int) -> None:
        """Messages for a client found no room in its send buffer."""
        for watcher in self.server._watching("dropped", namespace.name):
            self._call(watcher, sid, count)

    def room(self, namespace: Namespace, change: str, room: str, sid: str | None) -> None:
        """Something has happened to a room."""
        for watcher in self.server._watching("room", namespace.name):
            self._call(watcher, change, room, sid)

    def connection_error(self, request: dict[str, Any], code: int, message: str) -> None:
        """A request was refused."""
        for watcher in self.server._watching("connection_error", "/"):
            self._call(watcher, request, code, message)

    def _call(self, watcher: Handler, *args: Any) -> None:
        try:
            watcher(*args)
        except Exception as error:
            self.fault(error, "a watcher")

    # --------------------------------------------------------- acknowledgements

    def expect(self, done: Done) -> int:
        """A number under which the end of an emit with acknowledgement will be told."""
        operation = next(self._next)
        self._operations[operation] = done
        return operation

    def forget(self, operation: int) -> None:
        """Nothing will be told under this number."""
        self._operations.pop(operation, None)

    def acked(self, operation: int, outcome: str, replies: Replies) -> None:
        """An emit with acknowledgement has ended."""
        done = self._operations.pop(operation, None)
        if done is not None:
            done(outcome, replies)

    def asked(self, operation: int) -> None:
        """The engine has this operation now. If the engine has stopped meanwhile, the operation ends."""
        if self._over:
            self.acked(operation, "closed", [])

    def end_operations(self) -> None:
        """Ends all operations, those to come as well: the engine has stopped."""
        self._over = True
        for operation in list(self._operations):
            self.acked(operation, "closed", [])

    def callback(self, callback: Handler) -> Done:
        """Calls back with what one client has answered."""

        def done(outcome: str, replies: Replies) -> None:
            for sid, args in replies:
                if isinstance(args, Exception):
                    self.fault(_bad_answer(sid, args), "the answer to an emit")
                else:
                    self.run(callback, tuple(args), None, "an emit's callback", sid)

        return done


def _bad_answer(sid: str, error: Exception) -> exceptions.BadAnswerError:
    bad = exceptions.BadAnswerError(f"the answer of {sid} cannot be read: {error}")
    bad.__cause__ = error
    return bad


_OWES_TOO_MANY = (
    "a client owes as many acknowledgements as maxPendingAcks allows, so this one is not waited for"
)


def one_answer(outcome: str, replies: Replies, timeout: float | None) -> Any:
    """What `call` returns, or raises."""
    if outcome == "timeout":
        raise exceptions.TimeoutError(f"the client has not answered within {timeout} s")
    if outcome == "full":
        raise exceptions.TooManyAcksError(_OWES_TOO_MANY)
    if outcome == "closed":
        raise exceptions.ClientGoneError("the server was closed before the client had answered")
    if outcome != "ok":
        raise exceptions.ClientGoneError("the client has left without an answer")
    sid, args = replies[0]
    if isinstance(args, Exception):
        raise _bad_answer(sid, args)
    return None if not args else args[0] if len(args) == 1 else tuple(args)


def all_answers(outcome: str, replies: Replies, timeout: float) -> Answers:
    """What `call_all` returns, or raises."""
    readable = [(sid, args) for sid, args in replies if not isinstance(args, Exception)]
    for sid, args in replies:
        if isinstance(args, Exception):
            bad = _bad_answer(sid, args)
            bad.answers = readable
            raise bad
    if outcome == "ok":
        return replies
    if outcome == "full":
        full = exceptions.TooManyAcksError(_OWES_TOO_MANY)
        full.answers = replies
        raise full
    text = f"not all clients have answered within {timeout} s"
    if outcome == "closed":
        text = "the server was closed before all clients had answered"
    error = exceptions.TimeoutError(text)
    error.answers = replies
    raise error
