"""What can go wrong, by the names of python-socketio."""

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
    """The root of the others."""


class ConnectionError(SocketIOError):  # noqa: A001
    """A connection could not be made."""


class ConnectionRefusedError(ConnectionError):  # noqa: A001
    """Raised by a connect handler: the client may not join.

    The first argument is the message that the client gets, the others are its data.
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
    """The client has not answered in time."""

    #: What was answered until then, by `call_all`: (sid, arguments).
    answers: list[tuple[str, list[Any]]]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.answers = []


class BadNamespaceError(SocketIOError):
    """There is no such namespace, or the client is not in it."""


class DisconnectedError(SocketIOError):
    """The connection has ended."""


class BadAnswerError(SocketIOError, ValueError):
    """A client has answered with JSON that Python does not read, such as an integer of 5 000 digits."""

    #: The answers that could be read, by `call_all`: (sid, arguments).
    answers: list[tuple[str, list[Any]]]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.answers = []


class ClientGoneError(DisconnectedError, TimeoutError):
    """The client has left without an answer, so there will be none."""


class TooManyAcksError(TimeoutError):
    """The client owes as many acknowledgements as ``maxPendingAcks`` allows, so this one is not waited for."""
