"""The operations of a server that do not wait: emitting, rooms, disconnecting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from ._base import BaseServer, Rooms
from ._native import SendBufferFullError

if TYPE_CHECKING:
    from . import _native
    from ._handlers import Handler

Sent = TypeVar("Sent")


class Sending(BaseServer, Generic[Sent]):
    """Operations that take effect before they return. An `AsyncServer` returns an awaitable, for compatibility."""

    _sent: Sent

    def emit(
        self,
        event: str,
        data: Any = None,
        to: Rooms = None,
        room: Rooms = None,
        skip_sid: Rooms = None,
        namespace: str | None = None,
        callback: Handler | None = None,
        ignore_queue: bool = False,
        *,
        volatile: bool = False,
    ) -> Sent:
        """Sends an event to a client, to the clients in one or several rooms, or to all clients.

        `to` (or `room`) is a client's id, a room, or several of them; `None` stands for all clients, an empty list for
        no client. Clients and rooms in `skip_sid` are left out. A tuple as `data` is sent as several arguments.
        `callback` is called with the arguments of each acknowledgement. A volatile event is dropped for clients that
        cannot take it at once.

        Raises `SendBufferFullError` if `to` is one client whose send buffer is full; broadcasts drop the event for such
        clients. Without a receiver, nothing is sent and nothing is raised.
        """
        if to is None:
            to = room
        if self._log.logs_events:
            self._log.emitted(event, to, namespace or "/")
        native = self._natives.get(namespace or "/")
        if native is None:
            return self._sent
        if callback is None:
            native.emit(event, data, to, skip_sid, volatile)
            return self._sent
        dispatcher = self._dispatcher
        assert dispatcher is not None, "namespaces exist only after the server has been started"
        one = _is_sid(native, to)
        for sid in [to] if one else self.sids(to, skip_sid, namespace):
            operation = dispatcher.expect(dispatcher.callback(callback))
            asked = False
            try:
                asked = native.ask(event, data, cast(str, sid), None, operation)
            except SendBufferFullError:
                # As without a callback: a full send buffer raises only if it belongs to the one receiver.
                if one:
                    raise
            finally:
                if not asked:
                    dispatcher.forget(operation)
        return self._sent

    def send(
        self,
        data: Any,
        to: Rooms = None,
        room: Rooms = None,
        skip_sid: Rooms = None,
        namespace: str | None = None,
        callback: Handler | None = None,
        ignore_queue: bool = False,
    ) -> Sent:
        """Sends an event with the name `message`. The arguments are those of `emit`."""
        return self.emit(
            "message",
            data=data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace,
            callback=callback,
            ignore_queue=ignore_queue,
        )

    def enter_room(self, sid: str, room: str | int, namespace: str | None = None) -> Sent:
        """Adds a client to a room. Raises `ValueError` if the client is not connected to the namespace."""
        native = self._native(namespace)
        if native is None or not native.enter(sid, room):
            raise ValueError("sid is not connected to requested namespace")
        return self._sent

    def leave_room(self, sid: str, room: str | int, namespace: str | None = None) -> Sent:
        """Removes a client from a room."""
        native = self._native(namespace)
        if native is not None:
            native.leave(sid, room)
        return self._sent

    def close_room(self, room: str | int, namespace: str | None = None) -> Sent:
        """Removes all clients from a room."""
        native = self._native(namespace)
        if native is not None:
            native.leave_all(room, None, room)
        return self._sent

    def disconnect(
        self,
        sid: str,
        namespace: str | None = None,
        ignore_queue: bool = False,
        *,
        close: bool = False,
    ) -> Sent:
        """Disconnects a client from the namespace, or, with `close=True`, closes its connection.

        A client whose connect handler is still running is refused; its disconnect handler is called after the connect
        handler has ended.
        """
        native = self._native(namespace)
        socket = native.find(sid) if native is not None else None
        if socket is not None:
            dispatcher = self._dispatcher
            if dispatcher is None or not dispatcher.refuse_joining(socket, close):
                socket.disconnect(close)
        return self._sent

    def enter_room_all(
        self, room: str | int, to: Rooms = None, skip_sid: Rooms = None, namespace: str | None = None
    ) -> None:
        """Adds all clients in any of the rooms `to`, without those in `skip_sid`, to a room."""
        native = self._native(namespace)
        if native is not None:
            native.enter_all(to, skip_sid, room)

    def leave_room_all(
        self, room: str | int, to: Rooms = None, skip_sid: Rooms = None, namespace: str | None = None
    ) -> None:
        """Removes all clients in any of the rooms `to`, without those in `skip_sid`, from a room."""
        native = self._native(namespace)
        if native is not None:
            native.leave_all(to, skip_sid, room)

    def disconnect_all(
        self,
        to: Rooms = None,
        skip_sid: Rooms = None,
        namespace: str | None = None,
        close: bool = False,
    ) -> None:
        """Disconnects all clients in any of the rooms `to`, without those in `skip_sid`, from the namespace.

        With `close=True`, their connections are closed.
        """
        native = self._native(namespace)
        if native is not None:
            native.disconnect_all(to, skip_sid, close)


def _is_sid(native: _native.Namespace, to: Rooms) -> bool:
    return isinstance(to, str) and native.find(to) is not None
