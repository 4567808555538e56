"""Which pages may open a session."""

from __future__ import annotations

from typing import Any


class Origins:
    """`None` is pages of this server only, `"*"` any page, `[]` no check at all; otherwise those that are named."""

    def __init__(self, allowed: str | list[str] | None) -> None:
        self.checks = allowed != "*" and allowed != []
        self._named = [allowed] if isinstance(allowed, str) else allowed

    def allow(self, request: dict[str, Any]) -> bool:
        """Whether the page that made a request is one of them."""
        headers: dict[str, str] = request["headers"]
        origin = headers.get("origin", "")
        if self._named is not None:
            return origin in self._named
        scheme = "https" if request["secure"] else "http"
        own = {f"{scheme}://{headers.get('host', '')}"}
        proxied = headers.get("x-forwarded-proto"), headers.get("x-forwarded-host")
        if any(proxied):
            forwarded = [(one or "").split(",")[0].strip() for one in proxied]
            own.add(f"{forwarded[0] or scheme}://{forwarded[1] or headers.get('host', '')}")
        return origin in own
