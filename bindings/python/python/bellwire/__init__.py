"""Socket.IO servers on a native engine, with the names of python-socketio: `import bellwire as socketio`."""

from . import engineio, exceptions
from ._asyncio import AsyncServer
from ._threads import Server
from .namespaces import AsyncNamespace, Namespace

__all__ = ["AsyncNamespace", "AsyncServer", "Namespace", "Server", "engineio", "exceptions"]
