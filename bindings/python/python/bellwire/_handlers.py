"""What a program has registered: handlers by namespace and event, filters, watchers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from .namespaces import BaseNamespace

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)
V = TypeVar("V")

RESERVED = ("connect", "disconnect")
_WATCHED = ("connection_error", "disconnecting", "drain", "dropped", "joined", "outgoing", "room", "upgrade")


class Watched(dict[str, V]):
    """A dictionary that tells of each change."""

    def __init__(
        self,
        changed: Callable[[str], None],
        convert: Callable[[str, V], V],
        items: Mapping[str, V] | None = None,
    ) -> None:
        super().__init__(items or {})
        self._changed = changed
        self._convert = convert

    def __setitem__(self, key: str, value: V) -> None:
        super().__setitem__(key, self._convert(key, value))
        self._changed(key)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._changed(key)

    def setdefault(self, key: str, default: Any = None) -> V:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *items: Any, **named: V) -> None:
        for key, value in dict(*items, **named).items():
            self[key] = value

    def __ior__(self, items: Any) -> Any:  # type: ignore[misc]
        self.update(items)
        return self

    def pop(self, key: str, *default: Any) -> Any:
        if key not in self:
            return super().pop(key, *default)
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, V]:
        key = next(reversed(self), None)
        return super().popitem() if key is None else (key, self.pop(key))

    def clear(self) -> None:
        while self:
            self.popitem()


class Handlers:
    """The part of a server that has them. A running engine is told of each change."""

    _reserved = RESERVED

    def __init__(self) -> None:
        #: By namespace and event. It may be changed at any time.
        self.handlers: dict[str, dict[str, Handler]] = Watched(self._changed, self._watch_events)
        self.namespace_handlers: dict[str, BaseNamespace[Any]] = Watched(self._changed, lambda _, it: it)
        self._filters: dict[str, list[Handler]] = {}
        self._watchers: dict[str, dict[str, list[Handler]]] = {}

    def _watch_events(self, name: str, events: dict[str, Handler]) -> dict[str, Handler]:
        return Watched(lambda _: self._changed(name), lambda _, handler: handler, events)

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
            if name not in self.handlers:
                self.handlers[name] = {}
            self.handlers[name][event] = handler
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
        from .namespaces import BaseNamespace

        if not isinstance(namespace_handler, BaseNamespace):
            raise ValueError(f"Not a namespace instance: {namespace_handler!r}")
        if namespace_handler.is_asyncio_based() != self.is_asyncio_based():
            raise ValueError("Not a valid namespace class for this server")
        namespace_handler._set_server(self)
        self.namespace_handlers[namespace_handler.namespace] = namespace_handler

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
        - `"dropped"`: `(sid, count)` when so many messages for a client, broadcasts included, were refused or dropped
          since the last call because its send buffer is full: at the first, and then once in a second;
        - `"connection_error"`: `(request, code, message)` when a request is refused; `request["context"]` is a dict with
          what was wrong: `name`, `sid`, `transport`, `previousTransport`, `protocol`, `previousProtocol`, `method`, `origin`.
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
