"""The check of `cors_allowed_origins` when a session opens."""

from __future__ import annotations

import inspect
from typing import Any

from ._arity import takes
from ._environ import build
from ._options import Cors, origins


class Origins:
    """The origins from which web pages may open a session.

    `None` allows the origin of this server only, and `"*"` any origin. `[]` disables the check. Otherwise a `str` or a
    list names the origins, or a function of `(origin)` or `(origin, environ)` decides.
    """

    def __init__(self, allowed: Cors) -> None:
        if inspect.iscoroutinefunction(allowed):
            raise TypeError("cors_allowed_origins: coroutine functions are not supported: pass a plain function")
        self._allowed = origins(allowed) if isinstance(allowed, (str, list)) else allowed
        #: Whether any request can be refused.
        self.checks = not isinstance(self._allowed, list) or ("*" not in self._allowed and self._allowed != [])

    def allow(self, request: dict[str, Any]) -> bool:
        """Whether the origin of a request is allowed."""
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
