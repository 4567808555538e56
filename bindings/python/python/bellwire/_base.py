"""The common base of both servers: options, the start of the engine, clients and their sessions."""

from __future__ import annotations

import atexit
import inspect
import logging
import mimetypes
import os
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from . import _native
from ._clients import Client, Clients, Reasons
from ._environ import Environ
from ._errors import NO_COROUTINES, NOT_STARTED, not_connected
from ._handlers import Handlers
from ._log import EngineLog, Log
from ._missing import missing_member, refuse_unsupported, unknown_option
from ._options import Cors, engine_options
from ._origins import Origins

if TYPE_CHECKING:
    from ._dispatch import Dispatcher

Rooms = str | int | Iterable[str | int] | None

_engines: weakref.WeakSet[_native.Server] = weakref.WeakSet()


def _stop_engines() -> None:
    for engine in list(_engines):
        if not engine.closed:
            engine.stop()


def _forked() -> None:
    _native.forked()
    for engine in list(_engines):
        engine.disown()


atexit.register(_stop_engines)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class BaseServer(Handlers):
    """The options and methods that `AsyncServer` and `Server` share.

    The options are those of python-socketio. Values that this version does not support raise `NotImplementedError`, and
    unknown options raise `TypeError`. `http_compression`, `compression_threshold` and `monitor_clients` have no effect.
    `options` sets options of the engine by their own names and takes precedence over all others.
    """

    #: The reasons that disconnect handlers get.
    reason = Reasons

    def __init__(
        self,
        client_manager: None = None,
        logger: bool | logging.Logger = False,
        json: None = None,
        async_handlers: bool = True,
        always_connect: bool = False,
        namespaces: str | list[str] | None = None,
        *,
        serializer: str = "default",
        async_mode: str | None = None,
        ping_interval: float | tuple[float, float] = 25,
        ping_timeout: float = 20,
        max_http_buffer_size: int = 1_000_000,
        allow_upgrades: bool = True,
        http_compression: bool = True,
        compression_threshold: int = 1024,
        cookie: str | dict[str, Any] | None = None,
        cors_allowed_origins: Cors = None,
        cors_credentials: bool = True,
        engineio_logger: bool | logging.Logger | None = None,
        transports: str | list[str] | None = None,
        monitor_clients: bool | None = None,
        socketio_path: str = "socket.io",
        allow_request: Callable[[Environ], Any] | None = None,
        options: dict[str, Any] | None = None,
        **unknown: NoReturn,
    ) -> None:
        for name in unknown:
            raise unknown_option(type(self), name)
        refuse_unsupported(
            client_manager=client_manager,
            json=json,
            serializer=serializer,
            namespaces=namespaces,
            async_mode=async_mode,
        )
        super().__init__()
        self.async_handlers = async_handlers
        self.always_connect = always_connect
        self.namespaces = [namespaces] if isinstance(namespaces, str) else list(namespaces or ["/"])
        self._log = Log(logger)
        self.logger = self._log.logger
        self._files: dict[str, tuple[str, bytes]] = {}
        self._origins = Origins(cors_allowed_origins)
        if inspect.iscoroutinefunction(allow_request) and not self.is_asyncio_based():
            raise TypeError(f"allow_request: {NO_COROUTINES}")
        self._allow_request = allow_request
        self._clients = Clients()
        self._engine: _native.Server | None = None
        self._natives: dict[str, _native.Namespace] = {}
        self._dispatcher: Dispatcher | None = None
        self._options = engine_options(
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_http_buffer_size=max_http_buffer_size,
            allow_upgrades=allow_upgrades,
            transports=transports,
            cookie=cookie,
            cors_allowed_origins=cors_allowed_origins,
            cors_credentials=cors_credentials,
            socketio_path=socketio_path,
            extra=options,
        )
        _native.check_options(self._options)
        engine_log = Log(engineio_logger or False, "engineio")
        self._engine_log = EngineLog(self.logger, engine_log.logger)
        if engineio_logger:
            self.watch("upgrade", engine_log.upgraded)
            self.watch("connection_error", engine_log.refused)

    if not TYPE_CHECKING:
        # Called for missing attributes only. Hidden from type checkers, which would take any name for an attribute.
        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(missing_member(type(self), name), name=name, obj=self)

    # -------------------------------------------------------------- the engine

    def _start(self, dispatcher: Dispatcher, begin: Callable[[_native.Server], object]) -> None:
        """Starts an engine and calls `begin`, which arranges that its events are taken. Stops the engine on failure."""
        self._dispatcher = dispatcher
        self._engine_log.follow()
        engine = self._engine = _native.Server(self._options, dispatcher)
        _engines.add(engine)
        try:
            self._set_up(engine)
            begin(engine)
        except BaseException:
            self._engine = None
            self._natives = {}
            engine.stop()
            raise

    def _set_up(self, engine: _native.Server) -> None:
        engine.hook("request", self._origins.checks or self._allow_request is not None)
        engine.ask_about_all(self._allow_request is not None)
        for path, (content_type, body) in self._files.items():
            engine.serve_file(path, content_type, body)
        for name in ("/", *self.namespaces, *self.handlers, *self.namespace_handlers):
            self._changed(name)
        for name in (*self._filters, *self._watchers.get("outgoing", ())):
            self._changed(name)

    def _running(self) -> _native.Server:
        if self._engine is None:
            raise RuntimeError(NOT_STARTED)
        return self._engine

    def _native(self, namespace: str | None) -> _native.Namespace | None:
        return self._natives.get(namespace or "/")

    def _changed(self, name: str) -> None:
        """Tells a running engine which hooks and events of a namespace have handlers."""
        if self._engine is None:
            return
        if name == "*":
            for known in list(self._natives):
                self._changed(known)
            return
        native = self._natives.get(name)
        if native is None:
            native = self._natives[name] = self._engine.namespace(name)
        asks = not self.always_connect and self._find("connect", name, ()) is not None
        asks = asks or not self._is_open(name)
        native.hook("connect", asks)
        native.hook("packet", bool(self._filters.get(name)))
        native.hook("outgoing", bool(self._watching("outgoing", name)))
        native.hook("room", bool(self._watching("room", name)))
        for what in ("connection_error", "drain", "dropped", "upgrade"):
            self._engine.hook(what, bool(self._watchers.get(what)))
        native.handlers.clear()
        if self._calls_directly():
            for event, handler in self.handlers.get(name, {}).items():
                if event != "*" and event not in self._reserved:
                    native.handlers[event] = handler

    def _is_open(self, name: str) -> bool:
        """Whether clients may join a namespace: it is in `namespaces`, or it has a handler."""
        return name in self.namespaces or name in self.handlers or name in self.namespace_handlers

    def _calls_directly(self) -> bool:
        return False

    def serve_file(self, path: str, body: str | bytes, content_type: str | None = None) -> None:
        """Answers GET and HEAD requests of a path.

        A `str` is the name of a file, which is read once, now; `bytes` are the content itself. The content type is
        guessed from the name if it is not given.
        """
        if isinstance(body, str):
            content_type = content_type or mimetypes.guess_type(body)[0]
            with open(body, "rb") as file:
                body = file.read()
        kind = content_type or mimetypes.guess_type(path)[0] or "application/octet-stream"
        if kind.startswith("text/") and "charset" not in kind:
            kind += "; charset=utf-8"
        self._files[path] = (kind, body)
        if self._engine is not None:
            self._engine.serve_file(path, kind, body)

    def stat(self, name: str) -> int | None:
        """Returns a metric of the engine by name, or `None` if the name is unknown or the server is not running."""
        return None if self._engine is None else self._engine.stat(name)

    def metrics(self) -> str:
        """Returns all of the engine's metrics in the OpenMetrics text format."""
        return "" if self._engine is None else self._engine.metrics()

    # ----------------------------------------------------------------- clients

    def _client(self, sid: str, namespace: str | None) -> Client:
        client = self._clients.get(sid)
        if client is not None and client.socket.namespace != (namespace or "/"):
            client = None
        if client is None:
            native = self._native(namespace)
            socket = native.find(sid) if native is not None else None
            if socket is None:
                raise KeyError(not_connected(sid, namespace))
            client = self._clients.of(socket)
        return client

    def rooms(self, sid: str, namespace: str | None = None) -> list[str]:
        """Returns the rooms of a client, including its own; in a disconnect handler, the rooms that it was in."""
        try:
            return self._client(sid, namespace).socket.rooms()
        except KeyError:
            return []

    def transport(self, sid: str, namespace: str | None = None) -> str:
        """Returns the transport of a client: `"polling"` or `"websocket"`."""
        return self._client(sid, namespace).socket.transport()

    def round_trip(self, sid: str, namespace: str | None = None) -> float | None:
        """Returns the round-trip time of the last heartbeat of a client in seconds, or `None` before the first one."""
        return self._client(sid, namespace).socket.round_trip()

    def get_environ(self, sid: str, namespace: str | None = None) -> Environ | None:
        """Returns the environ that the connect handler of a client got, or `None` if the client is not connected."""
        try:
            return self._client(sid, namespace).environ
        except KeyError:
            return None

    def is_connected(self, sid: str, namespace: str | None = None) -> bool:
        """Whether a client with this id is in the namespace."""
        native = self._native(namespace)
        socket = native.find(sid) if native is not None else None
        return socket is not None and socket.connected

    def sids(self, to: Rooms = None, skip_sid: Rooms = None, namespace: str | None = None) -> list[str]:
        """Returns the ids of the clients in any of the rooms `to` (`None`: all), without those in `skip_sid`."""
        native = self._native(namespace)
        return [] if native is None else [one.sid for one in native.sockets(to, skip_sid)]

    def _get_session(self, sid: str, namespace: str | None) -> dict[str, Any]:
        return self._client(sid, namespace).session

    def _save_session(self, sid: str, session: dict[str, Any], namespace: str | None) -> None:
        self._client(sid, namespace).session = session
