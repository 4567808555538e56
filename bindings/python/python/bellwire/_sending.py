"""What a server does to its clients without waiting: sending, rooms, disconnecting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from ._base import BaseServer, Rooms
from ._native import SendBufferFullError

if TYPE_CHECKING:
    from . import _native
    from ._handlers import Handler

Sent = TypeVar("Sent")


class Sending(BaseServer, Generic[Sent]):
    """It is done when the call returns. What it returns is for those who are used to `await` it."""

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
        """Sends an event to a client, to the clients in some rooms, or to all.

        A tuple is several arguments. `skip_sid` names clients, or rooms, that are left out. A volatile event is dropped
        for clients that are not ready for it. Nothing happens when nobody is there.
        """
        if to is None:
            to = room
        if self._log.speaks:
            self._log.emitted(event, to, namespace or "/")
        native = self._natives.get(namespace or "/")
        if native is None:
            return self._sent
        if callback is None:
            native.emit(event, data, to, skip_sid, volatile)
            return self._sent
        dispatcher = self._dispatcher
        assert dispatcher is not None, "a namespace without a server that was started"
        one = _is_sid(native, to)
        for sid in [to] if one else self.sids(to, skip_sid, namespace):
            operation = dispatcher.expect(dispatcher.callback(callback))
            asked = False
            try:
                asked = native.ask(event, data, cast(str, sid), None, operation)
            except SendBufferFullError:
                # As without a callback: one of several receivers does not keep the event from the others.
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
        """Sends an event of the name `message`."""
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
        """Puts a client into a room."""
        native = self._native(namespace)
        if native is None or not native.enter(sid, room):
            raise ValueError("sid is not connected to requested namespace")
        return self._sent

    def leave_room(self, sid: str, room: str | int, namespace: str | None = None) -> Sent:
        """Takes a client out of a room."""
        native = self._native(namespace)
        if native is not None:
            native.leave(sid, room)
        return self._sent

    def close_room(self, room: str | int, namespace: str | None = None) -> Sent:
        """Takes all clients out of a room."""
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
        """Disconnects a client from the namespace, or closes its connection.

        While its connect handler runs, the client is refused; its disconnect handler is called after that.
        """
        native = self._native(namespace)
        socket = native.find(sid) if native is not None else None
        if socket is not None:
            dispatcher = self._dispatcher
            if dispatcher is None or not dispatcher.put_out(socket, close):
                socket.disconnect(close)
        return self._sent

    def enter_room_all(
        self, room: str | int, to: Rooms = None, skip_sid: Rooms = None, namespace: str | None = None
    ) -> None:
        """Puts all clients of some rooms into a room."""
        native = self._native(namespace)
        if native is not None:
            native.enter_all(to, skip_sid, room)

    def leave_room_all(
        self, room: str | int, to: Rooms = None, skip_sid: Rooms = None, namespace: str | None = None
    ) -> None:
        """Takes all clients of some rooms out of a room."""
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
        """Disconnects all clients of some rooms from the namespace, or closes their connections."""
        native = self._native(namespace)
        if native is not None:
            native.disconnect_all(to, skip_sid, close)


def _is_sid(native: _native.Namespace, to: Rooms) -> bool:
    return isinstance(to, str) and native.find(to) is not None
