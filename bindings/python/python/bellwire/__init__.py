"""Socket.IO servers on a native engine, with the names of python-socketio: `import bellwire as socketio`."""

from typing import TYPE_CHECKING, NoReturn

from . import engineio, exceptions
from ._asyncio import AsyncServer
from ._threads import Server
from .namespaces import AsyncNamespace, Namespace

__all__ = ["AsyncNamespace", "AsyncServer", "Namespace", "Server", "engineio", "exceptions"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        from ._missing import missing_name

        raise AttributeError(missing_name(name))
