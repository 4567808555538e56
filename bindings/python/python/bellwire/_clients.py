"""The state of clients that Python code keeps: sessions, environs, and the progress of connect handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import _environ

if TYPE_CHECKING:
    from ._native import Question, Socket


class Reasons:
    """The disconnect reasons of python-socketio."""

    SERVER_DISCONNECT = "server disconnect"
    CLIENT_DISCONNECT = "client disconnect"
    PING_TIMEOUT = "ping timeout"
    TRANSPORT_CLOSE = "transport close"
    TRANSPORT_ERROR = "transport error"


_REASONS = {
    "client namespace disconnect": Reasons.CLIENT_DISCONNECT,
    "server namespace disconnect": Reasons.SERVER_DISCONNECT,
    "forced close": Reasons.SERVER_DISCONNECT,
    "forced server close": Reasons.SERVER_DISCONNECT,
    "server shutting down": Reasons.SERVER_DISCONNECT,
    "parse error": Reasons.TRANSPORT_ERROR,
}


class Cause(NamedTuple):
    """The limit, deadline or rule that ended a connection."""

    #: `"limit"`, `"deadline"`, `"parse"`, `"violation"` or `"transport"`.
    kind: str
    #: A description of what happened.
    text: str
    #: The engine's name for the option that sets the limit.
    option: str | None
    #: The option's value: a number, bytes or milliseconds.
    limit: int | None
    #: The number that was compared with the limit, if known.
    seen: int | None

    def __str__(self) -> str:
        unit = " ms" if self.kind == "deadline" else ""
        seen = "" if self.seen is None else f", seen {self.seen}{unit}"
        return self.text if self.option is None else f"{self.text} ({self.option} is {self.limit}{unit}{seen})"


class Reason(str):
    """Why a client disconnected.

    The string is a reason of python-socketio (see `Reasons`). `detail` is the reason in the terms of Socket.IO. `cause`
    is the limit, deadline or rule that ended the connection, or `None`.
    """

    __slots__ = ("detail", "cause")
    detail: str
    cause: Cause | None

    def __new__(cls, detail: str, cause: tuple[Any, ...] | None = None) -> Reason:
        reason = super().__new__(cls, _REASONS.get(detail, detail))
        reason.detail = detail
        reason.cause = None if cause is None else Cause(*cause)
        return reason


class Client:
    """One client in one namespace."""

    __slots__ = ("_environ", "connecting", "early_disconnect", "left", "question", "refused", "session", "socket")

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.session: dict[str, Any] = {}
        self._environ: _environ.Environ | None = None
        #: The open decision whether it may join: set from the call of its connect handler until it joins.
        self.question: Question | None = None
        #: Set if the program disconnected it before it joined: `True` to close its connection, `False` to refuse only
        #: this namespace.
        self.early_disconnect: bool | None = None
        #: With `always_connect`: whether its connect handler runs, whether that handler refused it, and why it
        #: disconnected while the handler ran.
        self.connecting = False
        self.refused = False
        self.left: tuple[str, tuple[Any, ...] | None] | None = None

    @property
    def environ(self) -> _environ.Environ:
        if self._environ is None:
            self._environ = _environ.build(self.socket.handshake())
        return self._environ


class Clients:
    """The clients for which there is state, by sid."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Client] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def get(self, sid: str) -> Client | None:
        return self._by_sid.get(sid)

    def of(self, socket: Socket) -> Client:
        client = self._by_sid.get(socket.sid)
        if client is None:
            client = self._by_sid.setdefault(socket.sid, Client(socket))
        return client

    def forget(self, sid: str) -> None:
        self._by_sid.pop(sid, None)
