"""What a program hears in its log when it asks for one."""

from __future__ import annotations

import logging
from typing import Any


class Log:
    """A logger of the program's, or `bellwire`, which is as quiet as any until it is asked to speak."""

    def __init__(self, asked: bool | logging.Logger, part: str = "") -> None:
        if isinstance(asked, bool):
            self.logger = logging.getLogger(f"bellwire.{part}" if part else "bellwire")
            if asked and self.logger.level == logging.NOTSET:
                self.logger.setLevel(logging.INFO)
            if asked and not self.logger.hasHandlers():
                self.logger.addHandler(logging.StreamHandler())
        else:
            self.logger = asked
        #: Whether somebody wants to read of each event. Found out once, because it is looked at for each.
        self.speaks = bool(asked) and self.logger.isEnabledFor(logging.INFO)

    def received(self, event: str, sid: str, namespace: str) -> None:
        self.logger.info("received %r from %s in %s", event, sid, namespace)

    def emitted(self, event: str, to: Any, namespace: str) -> None:
        self.logger.info("emitted %r to %s in %s", event, "all" if to is None else to, namespace)

    def upgraded(self, sid: str, transport: str) -> None:
        self.logger.info("%s has changed to %s", sid, transport)

    def refused(self, request: dict[str, Any], code: int, message: str) -> None:
        self.logger.info("refused %s of %s: %s (%d)", request["url"], request["address"], message, code)
