"""The registry of handlers by namespace and event, of filters, and of watchers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ._errors import NO_COROUTINES

if TYPE_CHECKING:
    from .namespaces import BaseNamespace

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)
V = TypeVar("V")

RESERVED = ("connect", "disconnect")
_WATCHED = ("connection_error", "disconnecting", "drain", "dropped", "joined", "outgoing", "room", "upgrade")


class Watched(dict[str, V]):
    """A dictionary that calls `changed` with the key at each change, and passes new values through `convert`."""

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
    """The part of a server that registers handlers. Handlers can be changed while the server runs."""

    _reserved = RESERVED

    def __init__(self) -> None:
        #: The handlers by namespace and event. Programs may change it at any time.
        self.handlers: dict[str, dict[str, Handler]] = Watched(self._changed, self._watch_events)
        self.namespace_handlers: dict[str, BaseNamespace[Any]] = Watched(self._changed, lambda _, it: it)
        self._filters: dict[str, list[Handler]] = {}
        self._watchers: dict[str, dict[str, list[Handler]]] = {}

    def _watch_events(self, name: str, events: dict[str, Handler]) -> dict[str, Handler]:
        return Watched(lambda _: self._changed(name), lambda _, handler: handler, events)

    def is_asyncio_based(self) -> bool:
        """Whether handlers run on an event loop."""
        raise NotImplementedError

    def _changed(self, name: str) -> None:
        """Called when the handlers, filters or watchers of a namespace have changed."""
        raise NotImplementedError

    @overload
    def on(self, event: str, handler: H, namespace: str | None = None) -> H: ...
    @overload
    def on(self, event: str, handler: None = None, namespace: str | None = None) -> Callable[[H], H]: ...
    def on(self, event: str, handler: Handler | None = None, namespace: str | None = None) -> Handler:
        """Registers the handler of an event. Without `handler`, returns a decorator.

        The event `"*"` stands for all events that have no handler of their own; the namespace `"*"` likewise.
        """
        name = namespace or "/"

        def register(handler: H) -> H:
            if inspect.iscoroutinefunction(handler) and not self.is_asyncio_based():
                raise TypeError(f"handler of {event!r}: {NO_COROUTINES}")
            if name not in self.handlers:
                self.handlers[name] = {}
            self.handlers[name][event] = handler
            return handler

        return register if handler is None else register(handler)

    @overload
    def event(self, handler: H, /) -> H: ...
    @overload
    def event(self, handler: None = None, /, *, namespace: str | None = None) -> Callable[[H], H]: ...
    def event(self, handler: Any = None, /, *, namespace: str | None = None) -> Any:
        """A decorator that registers a function as the handler of the event with the function's name."""
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
        """Registers a filter, which is called with `(sid, event, *args)` before the handler of each event.

        If the filter returns `False` or raises an exception, the event is dropped. Later events of the same client wait
        for its decision. Several filters are called in the order in which they were registered.
        """
        self._filters.setdefault(namespace or "/", []).append(handler)
        self._changed(namespace or "/")
        return handler

    def watch(self, what: str, handler: H, namespace: str | None = None) -> H:
        """Registers a watcher: a plain function that is called when the engine does something.

        - `"joined"`: `(sid)` after a client has joined the namespace.
        - `"disconnecting"`: `(sid, reason)` before a client leaves its rooms and its `disconnect` handler is called.
        - `"outgoing"`: `(sid, event, *args)` when an event is sent to a client.
        - `"room"`: `(change, room, sid)`, where `change` is `create`, `join`, `leave` or `delete`; `sid` is `None` for
          `create` and `delete`.
        - `"upgrade"`: `(sid, transport)` when a client has changed to another transport.
        - `"drain"`: `(sid)` when the send buffer of a slow client is empty again.
        - `"dropped"`: `(sid, count)` when messages for a client, broadcasts included, were refused or dropped because
          its send buffer is full. `count` is their number since the last call. The first is reported at once, later
          ones once per second.
        - `"connection_error"`: `(request, code, message)` when a request is refused. `request["context"]` is a dict
          with the details that apply: `name`, `sid`, `transport`, `previousTransport`, `protocol`,
          `previousProtocol`, `method`, `origin`.

        Raises `ValueError` for any other name.
        """
        if what not in _WATCHED:
            raise ValueError(f"{what!r} cannot be watched; choose one of {', '.join(_WATCHED)}")
        self._watchers.setdefault(what, {}).setdefault(namespace or "/", []).append(handler)
        self._changed(namespace or "/")
        return handler

    def _watching(self, what: str, namespace: str) -> list[Handler]:
        return self._watchers.get(what, {}).get(namespace, [])

    def _find(self, event: str, namespace: str, args: tuple[Any, ...]) -> tuple[Handler, Any] | None:
        """Returns the handler of an event and its arguments, or `None`.

        Functions take precedence over class-based namespaces, and exact names over `"*"`.
        """
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
