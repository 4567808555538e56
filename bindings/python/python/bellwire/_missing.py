"""Names and options of python-socketio that this package does not have, and what to use instead."""

from __future__ import annotations

import difflib
import inspect
import sys

#: Values of `async_mode` with which python-socketio is mounted into another server.
_MOUNTED = ("asgi", "aiohttp", "sanic", "tornado", "eventlet", "gevent", "gevent_uwsgi")

_LISTENS = "the server listens by itself: call run(), serve() or listen()"
_ALONE = "client managers are not supported in this version: a server reaches the clients of its own process only"

_NAMES = {
    "ASGIApp": _LISTENS,
    "WSGIApp": _LISTENS,
    "Middleware": _LISTENS,
    "ASGIMiddleware": _LISTENS,
    "TornadoHandler": _LISTENS,
    "get_tornado_handler": _LISTENS,
    **dict.fromkeys(
        (
            "Manager", "AsyncManager", "PubSubManager", "AsyncPubSubManager", "RedisManager", "AsyncRedisManager",
            "KombuManager", "KafkaManager", "ZmqManager", "AsyncAioPikaManager",
        ),
        _ALONE,
    ),
    **dict.fromkeys(
        (
            "Client", "AsyncClient", "SimpleClient", "AsyncSimpleClient", "ClientNamespace", "AsyncClientNamespace",
        ),
        "this package has no client: use any Socket.IO client, for example the one of python-socketio",
    ),
}  # fmt: skip

_MEMBERS = {
    "attach": _LISTENS,
    "handle_request": _LISTENS,
    "instrument": "the admin page is not supported: use metrics() and stat()",
    "manager": f"{_ALONE}; use sids() and rooms() for the clients and their rooms",
    "eio": "there is no separate Engine.IO server: use stat(), watch() and transport()",
    "environ": "use get_environ(sid)",
}


def refuse_green_threads() -> None:
    """Raises an error if gevent or eventlet has replaced the threads of this program.

    Green threads do not run while a thread waits in native code, so the program would hang.
    """
    gevent = sys.modules.get("gevent.monkey")
    eventlet = sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched("threading"):
        patcher, advice = "gevent", "call monkey.patch_all(thread=False)"
    elif eventlet is not None and eventlet.is_monkey_patched("thread"):
        patcher, advice = "eventlet", "call eventlet.monkey_patch(thread=False)"
    else:
        return
    raise RuntimeError(
        f"{patcher} has replaced the threads of this program, but a Server needs threads of the system:"
        f" do not patch (handlers run on threads and may block), or {advice}"
    )


def missing_name(name: str) -> str:
    """The message for a name that the package does not have."""
    text = f"module 'bellwire' has no attribute {name!r}"
    return f"{text}: {_NAMES[name]}" if name in _NAMES else text


def missing_member(kind: type, name: str) -> str:
    """The message for a member that a server does not have; suggests the most similar one."""
    text = f"{kind.__name__!r} object has no attribute {name!r}"
    if name in _MEMBERS:
        return f"{text}: {_MEMBERS[name]}"
    return text + _nearest(name, [known for known in dir(kind) if not known.startswith("_")])


def unknown_option(kind: type, name: str) -> TypeError:
    """The error for an option that does not exist; suggests the most similar one."""
    known = {
        parameter.name
        for base in kind.__mro__
        if "__init__" in vars(base)
        for parameter in inspect.signature(vars(base)["__init__"]).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    text = f"{kind.__name__}() has no option {name!r}"
    return TypeError(text + _nearest(name, sorted(known - {"self"})))


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def refuse_unsupported(
    *,
    client_manager: object,
    json: object,
    serializer: object,
    namespaces: str | list[str] | None,
    async_mode: str | None,
) -> None:
    """Raises `NotImplementedError` for options of python-socketio that this version does not support."""
    if client_manager is not None:
        raise NotImplementedError(f"client_manager: {_ALONE}")
    if json is not None:
        raise NotImplementedError(
            "json: the engine reads and writes JSON itself; convert values that json.dumps cannot write before emit()"
        )
    if serializer != "default":
        raise NotImplementedError(f"serializer={serializer!r}: this version supports only 'default', which is JSON")
    if namespaces is not None and "*" in namespaces:
        raise NotImplementedError(
            "namespaces='*': each namespace must be named in this version, as in namespaces=['/', '/chat']"
        )
    if async_mode in _MOUNTED:
        raise NotImplementedError(
            f"async_mode={async_mode!r}: mounting into another server is not supported in this version; {_LISTENS}"
        )
