"""What a program has registered: handlers by namespace and event, filters, watchers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from .namespaces import BaseNamespace

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)

RESERVED = ("connect", "disconnect")
_WATCHED = ("connection_error", "disconnecting", "drain", "joined", "outgoing", "room", "upgrade")


class Handlers:
    """The part of a server that has them. A running engine is told of each change."""

    _reserved = RESERVED

    def __init__(self) -> None:
        self.handlers: dict[str, dict[str, Handler]] = {}
        self.namespace_handlers: dict[str, BaseNamespace[Any]] = {}
        self._filters: dict[str, list[Handler]] = {}
        self._watchers: dict[str, dict[str, list[Handler]]] = {}

    def is_asyncio_based(self) -> bool:
        """Whether handlers run on a loop."""
        raise NotImplementedError

    def _changed(self, name: str) -> None:
        """Something of this namespace has changed."""
        raise NotImplementedError

    @overload
    def on(self, event: str, handler: H, namespace: str | None = None) -> H: ...
    @overload
    def on(
        self, event: str, handler: None = None, namespace: str | None = None
    ) -> Callable[[H], H]: ...
    def on(
        self, event: str, handler: Handler | None = None, namespace: str | None = None
    ) -> Handler:
        """Registers the handler of an event; without one, a decorator that does.

        `"*"` is every event, or every namespace, that has no handler of its own.
        """
        name = namespace or "/"

        def register(handler: H) -> H:
            if inspect.iscoroutinefunction(handler) and not self.is_asyncio_based():
                raise TypeError("a Server has no coroutine handlers: use AsyncServer")
            self.handlers.setdefault(name, {})[event] = handler
            self._changed(name)
            return handler

        return register if handler is None else register(handler)

    @overload
    def event(self, handler: H, /) -> H: ...
    @overload
    def event(
        self, handler: None = None, /, *, namespace: str | None = None
    ) -> Callable[[H], H]: ...
    def event(self, handler: Any = None, /, *, namespace: str | None = None) -> Any:
        """A decorator: the handler of the event that has the function's name."""
        if handler is not None:
            return self.on(handler.__name__, handler)
        return lambda handler: self.on(handler.__name__, handler, namespace)

    def register_namespace(self, namespace_handler: BaseNamespace[Any]) -> None:
        """Registers a class-based namespace."""
        if namespace_handler.is_asyncio_based() != self.is_asyncio_based():
            raise ValueError("Not a valid namespace class for this server")
        namespace_handler._set_server(self)
        self.namespace_handlers[namespace_handler.namespace] = namespace_handler
        self._changed(namespace_handler.namespace)

    def use(self, handler: H, namespace: str | None = None) -> H:
        """Registers what decides about each event of a client before its handler is called.

        It is called with `(sid, event, *args)`. The event is dropped when it returns `False` or raises an exception.
        Later events of the client wait for its decision.
        """
        self._filters.setdefault(namespace or "/", []).append(handler)
        self._changed(namespace or "/")
        return handler

    def watch(self, what: str, handler: H, namespace: str | None = None) -> H:
        """Registers a plain function that is called when the engine does something:

        - `"joined"`: `(sid)` when a client was let in and has joined;
        - `"disconnecting"`: `(sid, reason)` before a client's `disconnect`;
        - `"outgoing"`: `(sid, event, *args)` when an event leaves for a client;
        - `"room"`: `(change, room, sid)`, where the change is `create`, `join`, `leave` or `delete`;
        - `"upgrade"`: `(sid, transport)`; `"drain"`: `(sid)` when a slow client has caught up;
        - `"connection_error"`: `(request, code, message)` when a request is refused.
        """
        if what not in _WATCHED:
            raise ValueError(f"{what!r} cannot be watched; these can: {', '.join(_WATCHED)}")
        self._watchers.setdefault(what, {}).setdefault(namespace or "/", []).append(handler)
        self._changed(namespace or "/")
        return handler

    def _watching(self, what: str, namespace: str) -> list[Handler]:
        return self._watchers.get(what, {}).get(namespace, [])

    def _find(self, event: str, namespace: str, args: tuple[Any, ...]) -> tuple[Handler, Any] | None:
        """The handler of an event and its arguments: functions before classes, names before `*`."""
        for name in (namespace, "*"):
            handlers = self.handlers.get(name)
            if handlers is None:
                continue
            known = args if name == namespace else (namespace, *args)
            if event in handlers:
                return handlers[event], known
            if "*" in handlers and event not in self._reserved:
                return handlers["*"], (event, *known)
        for name in (namespace, "*"):
            by_class = self.namespace_handlers.get(name)
            if by_class is not None:
                known = args if name == namespace else (namespace, *args)
                return by_class._handler(event), known
        return None
