"""Class-based namespaces: the methods `on_connect`, `on_disconnect` and `on_<event>` are the handlers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, cast

from ._arity import takes
from ._sending import Sent

if TYPE_CHECKING:
    from ._asyncio import AsyncServer, Done  # noqa: F401
    from ._base import Rooms
    from ._environ import Environ
    from ._handlers import Handler, Handlers
    from ._threads import Server


class BaseNamespace(Generic[Sent]):
    """The methods that `AsyncNamespace` and `Namespace` share.

    The methods that a server also has use the namespace of this object by default.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self.namespace = namespace or "/"
        self.server: Any = None

    def is_asyncio_based(self) -> bool:
        """Whether the handlers run on an event loop."""
        return False

    def _set_server(self, server: Handlers) -> None:
        self.server = server

    def _handler(self, event: str) -> Handler:
        return partial(self._trigger, event)

    def _trigger(self, event: str, *args: Any) -> Any:
        raise NotImplementedError

    def _arguments(self, event: str, handler: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Leaves out the last argument if a connect or disconnect handler does not take it, as python-socketio does."""
        if event in ("connect", "disconnect") and not takes(handler, len(args)):
            return args[:-1]
        return args

    def rooms(self, sid: str, namespace: str | None = None) -> list[str]:
        """See `AsyncServer.rooms`."""
        return cast("list[str]", self.server.rooms(sid, namespace=namespace or self.namespace))

    def transport(self, sid: str, namespace: str | None = None) -> str:
        """See `AsyncServer.transport`."""
        return cast(str, self.server.transport(sid, namespace=namespace or self.namespace))

    def get_environ(self, sid: str, namespace: str | None = None) -> Environ | None:
        """See `AsyncServer.get_environ`."""
        return cast("Environ | None", self.server.get_environ(sid, namespace=namespace or self.namespace))

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
    ) -> Sent:
        """See `AsyncServer.emit`."""
        name = namespace or self.namespace
        return cast(
            Sent,
            self.server.emit(
                event,
                data=data,
                to=to,
                room=room,
                skip_sid=skip_sid,
                namespace=name,
                callback=callback,
                ignore_queue=ignore_queue,
            ),
        )

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
        """See `AsyncServer.send`."""
        return self.emit("message", data, to, room, skip_sid, namespace, callback, ignore_queue)

    def enter_room(self, sid: str, room: str | int, namespace: str | None = None) -> Sent:
        """See `AsyncServer.enter_room`."""
        return cast(Sent, self.server.enter_room(sid, room, namespace=namespace or self.namespace))

    def leave_room(self, sid: str, room: str | int, namespace: str | None = None) -> Sent:
        """See `AsyncServer.leave_room`."""
        return cast(Sent, self.server.leave_room(sid, room, namespace=namespace or self.namespace))

    def close_room(self, room: str | int, namespace: str | None = None) -> Sent:
        """See `AsyncServer.close_room`."""
        return cast(Sent, self.server.close_room(room, namespace=namespace or self.namespace))

    def disconnect(self, sid: str, namespace: str | None = None) -> Sent:
        """See `AsyncServer.disconnect`."""
        return cast(Sent, self.server.disconnect(sid, namespace=namespace or self.namespace))


class AsyncNamespace(BaseNamespace["Done"]):
    """A class-based namespace of an `AsyncServer`: its methods `on_<event>` are the handlers."""

    server: AsyncServer

    def is_asyncio_based(self) -> bool:
        return True

    def _trigger(self, event: str, *args: Any) -> Any:
        return self.trigger_event(event, *args)

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Calls the handler of an event. Can be overridden to choose handlers in another way."""
        handler = getattr(self, f"on_{event}", None)
        if handler is None:
            return None
        result = handler(*self._arguments(event, handler, args))
        return await result if inspect.isawaitable(result) else result

    async def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = None,
        ignore_queue: bool = False,
    ) -> Any:
        """See `AsyncServer.call`."""
        name = namespace or self.namespace
        seconds = 60 if timeout is None else timeout
        return await self.server.call(
            event, data=data, to=to, sid=sid, namespace=name, timeout=seconds, ignore_queue=ignore_queue
        )

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """See `AsyncServer.get_session`."""
        return await self.server.get_session(sid, namespace=namespace or self.namespace)

    async def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        """See `AsyncServer.save_session`."""
        await self.server.save_session(sid, session, namespace=namespace or self.namespace)

    def session(self, sid: str, namespace: str | None = None) -> AbstractAsyncContextManager[dict[str, Any]]:
        """See `AsyncServer.session`."""
        return self.server.session(sid, namespace=namespace or self.namespace)


class Namespace(BaseNamespace[None]):
    """A class-based namespace of a `Server`: its methods `on_<event>` are the handlers."""

    server: Server

    def _trigger(self, event: str, *args: Any) -> Any:
        return self.trigger_event(event, *args)

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Calls the handler of an event. Can be overridden to choose handlers in another way."""
        handler = getattr(self, f"on_{event}", None)
        if handler is None:
            return None
        return handler(*self._arguments(event, handler, args))

    def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = None,
        ignore_queue: bool = False,
    ) -> Any:
        """See `Server.call`."""
        name = namespace or self.namespace
        seconds = 60 if timeout is None else timeout
        return self.server.call(
            event, data=data, to=to, sid=sid, namespace=name, timeout=seconds, ignore_queue=ignore_queue
        )

    def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """See `Server.get_session`."""
        return self.server.get_session(sid, namespace=namespace or self.namespace)

    def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        """See `Server.save_session`."""
        self.server.save_session(sid, session, namespace=namespace or self.namespace)

    def session(self, sid: str, namespace: str | None = None) -> AbstractContextManager[dict[str, Any]]:
        """See `Server.session`."""
        return self.server.session(sid, namespace=namespace or self.namespace)
