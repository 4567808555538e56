"""The environ of connect handlers: the request that opened a connection, in the format of WSGI and ASGI."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

Environ = dict[str, Any]


def build(handshake: dict[str, Any]) -> Environ:
    """Returns a WSGI environ that contains an ASGI scope, as python-socketio passes it to connect handlers."""
    path, _, query = handshake["url"].partition("?")
    headers: dict[str, str] = handshake["headers"]
    scheme = "https" if handshake["secure"] else "http"
    name, _, port = headers.get("host", "").rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": handshake["method"],
        "SCRIPT_NAME": "",
        "RAW_URI": handshake["url"],
        "PATH_INFO": unquote(path),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": name or headers.get("host", ""),
        "SERVER_PORT": port if name else ("443" if handshake["secure"] else "80"),
        "SERVER_SOFTWARE": "bellwire",
        "REMOTE_ADDR": handshake["address"],
        "REMOTE_PORT": str(handshake["port"]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for key, value in headers.items():
        plain = key.upper().replace("-", "_")
        if plain in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            environ[plain] = value
        else:
            environ["HTTP_" + plain] = value
    environ["asgi.scope"] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": handshake["method"],
        "scheme": scheme,
        "path": environ["PATH_INFO"],
        "raw_path": path.encode("latin-1", "replace"),
        "root_path": "",
        "query_string": query.encode("latin-1", "replace"),
        "headers": [
            (key.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for key, value in handshake["header_list"]
        ],
        "client": (handshake["address"], handshake["port"]),
    }
    environ["bellwire.handshake"] = handshake
    return environ
