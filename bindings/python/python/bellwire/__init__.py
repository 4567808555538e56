"""Socket.IO servers on a native engine, with the API of python-socketio: `import bellwire as socketio`."""

import dis
import sys
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from . import engineio, exceptions
from ._asyncio import AsyncServer
from ._threads import Server
from .namespaces import AsyncNamespace, Namespace

__all__ = ["AsyncNamespace", "AsyncServer", "Namespace", "Server", "engineio", "exceptions"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        from ._missing import missing_name

        text = missing_name(name)
        if _is_import(sys._getframe(1)):
            # `from bellwire import name` replaces the message of an AttributeError with its own.
            raise ImportError(text, name=__name__, path=__file__)
        raise AttributeError(text)

    def _is_import(frame: FrameType) -> bool:
        return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == dis.opmap["IMPORT_FROM"]
