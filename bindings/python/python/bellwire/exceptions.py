"""The exceptions of the package, with the names of python-socketio."""

from __future__ import annotations

from typing import Any

from ._native import SendBufferFullError

__all__ = [
    "BadAnswerError",
    "BadNamespaceError",
    "ClientGoneError",
    "ConnectionError",
    "ConnectionRefusedError",
    "DisconnectedError",
    "SendBufferFullError",
    "SocketIOError",
    "TimeoutError",
    "TooManyAcksError",
]


class SocketIOError(Exception):
    """The base class of the exceptions of this module, except `SendBufferFullError`."""


class ConnectionError(SocketIOError):  # noqa: A001
    """A connection could not be made."""


class ConnectionRefusedError(ConnectionError):  # noqa: A001
    """To be raised by a connect handler to refuse the client.

    The first argument is the message for the client; further arguments are sent as the data of the error.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.error_args: dict[str, Any] = {"message": "Connection rejected by server"}
        if args:
            self.error_args["message"] = str(args[0])
        if len(args) == 2:
            self.error_args["data"] = args[1]
        elif len(args) > 2:
            self.error_args["data"] = list(args[1:])


class TimeoutError(SocketIOError):  # noqa: A001
    """At least one client did not answer in time."""

    #: With `call_all`: the answers that arrived, as (sid, arguments).
    answers: list[tuple[str, list[Any]]]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.answers = []


class BadNamespaceError(SocketIOError):
    """The namespace does not exist, or the client is not in it."""


class DisconnectedError(SocketIOError):
    """The connection has ended."""


class BadAnswerError(SocketIOError, ValueError):
    """The answer of a client is JSON that Python cannot represent, for example an integer of 5 000 digits."""

    #: With `call_all`: the answers that could be read, as (sid, arguments).
    answers: list[tuple[str, list[Any]]]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.answers = []


class ClientGoneError(DisconnectedError, TimeoutError):
    """The client is not connected, or disconnected before it answered."""


class TooManyAcksError(TimeoutError):
    """The client has `maxPendingAcks` unanswered acknowledgements, so the server does not wait for another one."""
