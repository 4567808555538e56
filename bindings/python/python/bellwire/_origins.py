"""Which pages may open a session."""

from __future__ import annotations

import inspect
from typing import Any

from ._arity import takes
from ._environ import build
from ._options import Cors, origins


class Origins:
    """`None` is pages of this server only, `"*"` any page, `[]` no check at all; otherwise those that are named, or
    those that a function of `(origin, environ)` allows."""

    def __init__(self, allowed: Cors) -> None:
        if inspect.iscoroutinefunction(allowed):
            raise TypeError("cors_allowed_origins: a coroutine function cannot be asked; a plain one can")
        self._allowed = origins(allowed) if isinstance(allowed, (str, list)) else allowed
        #: Whether anybody has to be asked.
        self.checks = not isinstance(self._allowed, list) or ("*" not in self._allowed and self._allowed != [])

    def allow(self, request: dict[str, Any]) -> bool:
        """Whether the page that made a request is one of them."""
        headers: dict[str, str] = request["headers"]
        origin = headers.get("origin", "")
        if callable(self._allowed):
            args = (origin, build(request)) if takes(self._allowed, 2) else (origin,)
            return bool(self._allowed(*args))
        if self._allowed is not None:
            return origin in self._allowed
        scheme = "https" if request["secure"] else "http"
        own = {f"{scheme}://{headers.get('host', '')}"}
        proxied = headers.get("x-forwarded-proto"), headers.get("x-forwarded-host")
        if any(proxied):
            forwarded = [(one or "").split(",")[0].strip() for one in proxied]
            own.add(f"{forwarded[0] or scheme}://{forwarded[1] or headers.get('host', '')}")
        return origin in own
