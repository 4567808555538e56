"""The messages of errors that several modules raise."""

from __future__ import annotations

NOT_STARTED = "the server is not running: call run(), serve() or listen() first"
NO_COROUTINES = "a Server cannot run coroutine functions: use AsyncServer, or a plain function"


def not_connected(sid: object, namespace: str | None) -> str:
    """The client does not exist, or is in another namespace."""
    return f"client {sid!r} is not connected to namespace {namespace or '/'!r}"


def unknown_namespace(namespace: str | None) -> str:
    """The namespace does not exist."""
    return f"namespace {namespace or '/'!r} does not exist: name it in namespaces=[...], or register a handler for it"
