"""Socket.IO servers on a native engine, with the names of python-socketio: `import bellwire as socketio`."""

from . import exceptions
from ._asyncio import AsyncServer
from .namespaces import AsyncNamespace

__all__ = ["AsyncNamespace", "AsyncServer", "exceptions"]
