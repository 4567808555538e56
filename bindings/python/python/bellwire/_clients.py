"""What the Python half remembers of clients: sessions, environs, order of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _environ

if TYPE_CHECKING:
    from ._native import Socket

#: Clients that were let in but have not joined are looked through when there are this many.
_LOOK_THROUGH = 64


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


class Reason(str):
    """Why a client has left, in the words of python-socketio; `detail` has those of the protocol."""

    __slots__ = ("detail",)
    detail: str

    def __new__(cls, detail: str) -> Reason:
        reason = super().__new__(cls, _REASONS.get(detail, detail))
        reason.detail = detail
        return reason


class Client:
    """One client in one namespace."""

    __slots__ = ("socket", "session", "_environ")

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.session: dict[str, Any] = {}
        self._environ: _environ.Environ | None = None

    @property
    def environ(self) -> _environ.Environ:
        if self._environ is None:
            self._environ = _environ.build(self.socket.handshake())
        return self._environ


class Clients:
    """Those clients that there is something to remember of, by sid."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Client] = {}
        self._accepted: dict[str, Client] = {}
        self._look_through = _LOOK_THROUGH

    def __len__(self) -> int:
        return len(self._by_sid)

    def get(self, sid: str) -> Client | None:
        return self._by_sid.get(sid)

    def of(self, socket: Socket) -> Client:
        client = self._by_sid.get(socket.sid)
        if client is None:
            client = self._by_sid.setdefault(socket.sid, Client(socket))
        return client

    def accepted(self, client: Client) -> None:
        """It was let in; whether it joins depends on its connection."""
        self._accepted[client.socket.sid] = client
        if len(self._accepted) > self._look_through:
            for sid, known in list(self._accepted.items()):
                if known.socket.gone:
                    del self._accepted[sid]
                    self._by_sid.pop(sid, None)
            self._look_through = max(_LOOK_THROUGH, 2 * len(self._accepted))

    def joined(self, sid: str) -> None:
        self._accepted.pop(sid, None)

    def forget(self, sid: str) -> None:
        self._accepted.pop(sid, None)
        self._by_sid.pop(sid, None)
