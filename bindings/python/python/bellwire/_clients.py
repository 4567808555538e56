"""What the Python half remembers of clients: sessions, environs, order of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import _environ

if TYPE_CHECKING:
    from ._native import Question, Socket


class Reasons:
    """The words of python-socketio for why a client has left."""

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
    """Which limit, deadline or rule ended a connection."""

    #: `"limit"`, `"deadline"`, `"parse"`, `"violation"` or `"transport"`.
    kind: str
    #: What happened, in words.
    text: str
    #: The option that sets the limit, by the engine's name.
    option: str | None
    #: The option's value: a number, bytes or milliseconds.
    limit: int | None
    #: The number that was compared with the limit, where it is known.
    seen: int | None

    def __str__(self) -> str:
        unit = " ms" if self.kind == "deadline" else ""
        seen = "" if self.seen is None else f", seen {self.seen}{unit}"
        return self.text if self.option is None else f"{self.text} ({self.option} is {self.limit}{unit}{seen})"


class Reason(str):
    """Why a client has left, in the words of python-socketio; `detail` has those of the protocol, and `cause` names the
    limit, deadline or rule that ended its connection, if one did."""

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

    __slots__ = ("_environ", "connecting", "left", "put_out", "question", "refused", "session", "socket")

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.session: dict[str, Any] = {}
        self._environ: _environ.Environ | None = None
        #: Whether it may join, from the call of its connect handler until it joins.
        self.question: Question | None = None
        #: It was disconnected before it had joined, from the namespace or with its connection.
        self.put_out: bool | None = None
        #: With `always_connect`: its connect handler runs; it has refused; why the client has left in the meantime.
        self.connecting = False
        self.refused = False
        self.left: tuple[str, tuple[Any, ...] | None] | None = None

    @property
    def environ(self) -> _environ.Environ:
        if self._environ is None:
            self._environ = _environ.build(self.socket.handshake())
        return self._environ


class Clients:
    """Those clients that there is something to remember of, by sid."""

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
