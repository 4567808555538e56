"""Converts the options of python-socketio to those of the engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Cors = str | list[str] | Callable[..., Any] | None


def engine_options(
    *,
    ping_interval: float | tuple[float, float],
    ping_timeout: float,
    max_http_buffer_size: int,
    allow_upgrades: bool,
    transports: str | list[str] | None,
    cookie: str | dict[str, Any] | None,
    cors_allowed_origins: Cors,
    cors_credentials: bool,
    socketio_path: str,
    extra: dict[str, Any] | None,
) -> str:
    """Returns the engine's options as JSON. `extra` has options by the engine's names and takes precedence."""
    if isinstance(ping_interval, tuple):
        # The second value, a grace period, is not needed: the engine counts every packet as an answer to a ping.
        ping_interval = ping_interval[0]
    options: dict[str, Any] = {
        "path": "/" + socketio_path.strip("/"),
        "pingInterval": _milliseconds(ping_interval),
        "pingTimeout": _milliseconds(ping_timeout),
        "maxHttpBufferSize": max_http_buffer_size,
        "allowUpgrades": allow_upgrades,
    }
    if transports is not None:
        options["transports"] = [transports] if isinstance(transports, str) else list(transports)
    if cookie is not None:
        values = [cookie, *cookie.values()] if isinstance(cookie, dict) else [cookie]
        if any(callable(value) for value in values):
            raise NotImplementedError(
                "cookie: a function is not supported in this version: pass a name, or a dict of fixed attributes"
            )
        options["cookie"] = {"name": cookie} if isinstance(cookie, str) else _cookie(cookie)
    if cors_allowed_origins is not None and cors_allowed_origins != []:
        # `True` answers with the origin of the request: browsers refuse "*" together with credentials.
        named = isinstance(cors_allowed_origins, (str, list)) and "*" not in origins(cors_allowed_origins)
        origin = cors_allowed_origins if named else True
        options["cors"] = {"origin": origin, "credentials": cors_credentials}
    options.update(extra or {})
    return json.dumps(options)


def origins(allowed: str | list[str]) -> list[str]:
    """Returns a list for one origin or several."""
    return [allowed] if isinstance(allowed, str) else allowed


def _milliseconds(seconds: float) -> int:
    milliseconds = round(seconds * 1000)
    return 1 if milliseconds == 0 < seconds else milliseconds


def _cookie(options: dict[str, Any]) -> dict[str, Any]:
    names = {"httponly": "httpOnly", "samesite": "sameSite", "max-age": "maxAge", "max_age": "maxAge"}
    cookie = {names.get(name.lower(), name): value for name, value in options.items()}
    if isinstance(cookie.get("sameSite"), str):
        cookie["sameSite"] = cookie["sameSite"].lower()
    return cookie
