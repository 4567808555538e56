"""What of python-socketio is not in this version, or in no version, and what there is instead."""

from __future__ import annotations

import difflib
import inspect
import sys

#: Ways of python-socketio to live inside of another server.
_MOUNTED = ("asgi", "aiohttp", "sanic", "tornado", "eventlet", "gevent", "gevent_uwsgi")

_LISTENS = "the server listens by itself: run(), serve() or listen()"
_ALONE = "there are no client managers in this version: a server has the clients of its own process"

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
        "this package is a server; any Socket.IO client can talk to it, that of python-socketio too",
    ),
}  # fmt: skip

_MEMBERS = {
    "attach": _LISTENS,
    "handle_request": _LISTENS,
    "instrument": "there is no admin page; metrics() and stat() have the numbers",
    "manager": _ALONE + "; sids() and rooms() tell who is where",
    "eio": "there is no second server inside; stat(), watch() and transport() tell of connections",
    "environ": "ask for one client's with get_environ(sid)",
}


def refuse_green_threads() -> None:
    """A program whose threads gevent or eventlet have replaced would freeze: they do not run while the engine is waited for."""
    gevent = sys.modules.get("gevent.monkey")
    eventlet = sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched("threading"):
        patcher, advice = "gevent", "call monkey.patch_all(thread=False)"
    elif eventlet is not None and eventlet.is_monkey_patched("thread"):
        patcher, advice = "eventlet", "call eventlet.monkey_patch(thread=False)"
    else:
        return
    raise RuntimeError(
        f"{patcher} has replaced the threads of this program, and the server needs real ones:"
        f" do not patch (handlers of a Server run on threads and may block), or {advice}"
    )


def missing_name(name: str) -> str:
    """Why the package has no such name."""
    text = f"module 'bellwire' has no attribute {name!r}"
    return f"{text}: {_NAMES[name]}" if name in _NAMES else text


def missing_member(kind: type, name: str) -> str:
    """Why a server has no such member, or which one may have been meant."""
    text = f"{kind.__name__!r} object has no attribute {name!r}"
    if name in _MEMBERS:
        return f"{text}: {_MEMBERS[name]}"
    return text + _nearest(name, [known for known in dir(kind) if not known.startswith("_")])


def unknown_option(kind: type, name: str) -> TypeError:
    """There is no such option; perhaps another one was meant."""
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
    """Says of what python-socketio can be told and this version cannot do, and what there is instead."""
    if client_manager is not None:
        raise NotImplementedError(f"client_manager: {_ALONE}")
    if json is not None:
        raise NotImplementedError(
            "json: the engine reads and writes JSON itself; convert what json.dumps could not write before it is emitted"
        )
    if serializer != "default":
        raise NotImplementedError(f"serializer={serializer!r}: only 'default', which is JSON, is in this version")
    if namespaces is not None and "*" in namespaces:
        raise NotImplementedError(
            "namespaces='*': each namespace has to be named in this version, as in namespaces=['/', '/chat']"
        )
    if async_mode in _MOUNTED:
        raise NotImplementedError(
            f"async_mode={async_mode!r}: mounting into another server is not in this version; {_LISTENS}"
        )
