"""Engine.IO without Socket.IO: clients send `str` and `bytes`. The names are those of python-engineio."""

from __future__ import annotations

from typing import Any

from . import _asyncio
from ._asyncio import DONE, Done

__all__ = ["AsyncServer"]


class AsyncServer(_asyncio.AsyncServer):
    """An Engine.IO server for asyncio programs, with the events `connect`, `message` and `disconnect`."""

    def __init__(self, *, options: dict[str, Any] | None = None, **others: Any) -> None:
        options = dict(options or {})
        options["engine"] = {**options.get("engine", {}), "protocol": "engine.io"}
        others.setdefault("socketio_path", "engine.io")
        # Engine.IO cannot refuse a client after the handshake, so a refused client is disconnected.
        super().__init__(always_connect=True, options=options, **others)

    def send(self, sid: str, data: str | bytes) -> Done:  # type: ignore[override]
        """Sends a message to a client. Raises `SendBufferFullError` if the client's send buffer is full."""
        native = self._native("/")
        socket = native.find(sid) if native is not None else None
        if socket is not None:
            socket.send(data)
        return DONE

    def disconnect(self, sid: str) -> Done:  # type: ignore[override]
        """Closes the connection of a client."""
        return super().disconnect(sid, "/", close=True)
