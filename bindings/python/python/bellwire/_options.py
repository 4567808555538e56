"""The options by the names of python-socketio, as the engine wants them."""

from __future__ import annotations

import json
from typing import Any


def engine_options(
    *,
    ping_interval: float | tuple[float, float],
    ping_timeout: float,
    max_http_buffer_size: int,
    allow_upgrades: bool,
    transports: str | list[str] | None,
    cookie: str | dict[str, Any] | None,
    cors_allowed_origins: str | list[str] | None,
    cors_credentials: bool,
    socketio_path: str,
    extra: dict[str, Any] | None,
) -> str:
    """JSON for the engine. What is in `extra`, by the engine's own names, counts more than the rest."""
    if isinstance(ping_interval, tuple):
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
        options["cookie"] = {"name": cookie} if isinstance(cookie, str) else _cookie(cookie)
    if cors_allowed_origins is not None and cors_allowed_origins != []:
        cors: dict[str, Any] = {"origin": cors_allowed_origins}
        # A browser accepts credentials only from origins that are named.
        cors["credentials"] = cors_credentials and cors_allowed_origins != "*"
        options["cors"] = cors
    options.update(extra or {})
    return json.dumps(options)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _cookie(options: dict[str, Any]) -> dict[str, Any]:
    names = {"httponly": "httpOnly", "samesite": "sameSite", "max-age": "maxAge", "max_age": "maxAge"}
    cookie = {names.get(name.lower(), name): value for name, value in options.items()}
    if isinstance(cookie.get("sameSite"), str):
        cookie["sameSite"] = cookie["sameSite"].lower()
    return cookie
