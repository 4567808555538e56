"""Logging: events of clients on request, and the log of the engine."""

from __future__ import annotations

import logging
import weakref
from typing import Any

from . import _native


class Log:
    """The logger of a server: the program's own, or the logger `bellwire`, which `True` sets to the level INFO."""

    def __init__(self, asked: bool | logging.Logger, part: str = "") -> None:
        if isinstance(asked, bool):
            self.logger = logging.getLogger(f"bellwire.{part}" if part else "bellwire")
            if asked and self.logger.level == logging.NOTSET:
                self.logger.setLevel(logging.INFO)
            if asked and not self.logger.hasHandlers():
                self.logger.addHandler(logging.StreamHandler())
        else:
            self.logger = asked
        #: Whether each event is logged. Computed once, because it is read for each event.
        self.logs_events = bool(asked) and self.logger.isEnabledFor(logging.INFO)

    def received(self, event: str, sid: str, namespace: str) -> None:
        self.logger.info("received %r from %s in %s", event, sid, namespace)

    def emitted(self, event: str, to: Any, namespace: str) -> None:
        self.logger.info("emitted %r to %s in %s", event, "all" if to is None else to, namespace)

    def upgraded(self, sid: str, transport: str) -> None:
        self.logger.info("%s has changed to %s", sid, transport)

    def refused(self, request: dict[str, Any], code: int, message: str) -> None:
        self.logger.info("refused %s of %s: %s (%d)", request["url"], request["address"], message, code)


#: What the `logging` module calls the engine's levels, from 1 to 5.
_LEVELS = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, 5)


class EngineLog:
    """The log of the engine, as lines of the `logging` module.

    The engine logs limits that were reached at WARNING, start and stop at INFO, and connects, refusals and closes with
    their causes at DEBUG. Its level TRACE, with packets, is 5. Lines about requests and sessions go to the logger of
    `engineio_logger`, all others to the logger of the server. The levels of both are read when the server starts and
    after each line.
    """

    _all: weakref.WeakSet[EngineLog] = weakref.WeakSet()

    def __init__(self, logger: logging.Logger, engineio_logger: logging.Logger) -> None:
        self._loggers = {
            "bellwire::http": engineio_logger,
            "bellwire::session": engineio_logger,
            "": logger,
        }

    def follow(self) -> None:
        """Sets the engine's level to that of the loggers, now and after each line."""
        self._all.add(self)
        self._update()

    def _wanted(self) -> int:
        wants = [
            number
            for number, level in enumerate(_LEVELS)
            if number and any(logger.isEnabledFor(level) for logger in self._loggers.values())
        ]
        return max(wants, default=0)

    def _update(self) -> None:
        _native.log_level(max(log._wanted() for log in self._all))

    def write(self, level: int, target: str, text: str) -> None:
        logger = self._loggers.get(target) or self._loggers[""]
        logger.log(_LEVELS[level], "%s", text)
        self._update()
