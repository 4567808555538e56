"""The cause of a disconnection is in the reason and in the log."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

import bellwire
from support import client, listening, on_loop, until


class Lines(logging.Handler):
    """A logging handler that stores its records."""

    def __init__(self) -> None:
        super().__init__(1)
        self.lines: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, record.levelno, record.getMessage()))

    def has(self, name: str, level: int, part: str) -> bool:
        return any(one[:2] == (name, level) and part in one[2] for one in self.lines)


@pytest.fixture
def lines():
    logger = logging.getLogger("bellwire")
    handler = Lines()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


TOO_LARGE = "Max payload size exceeded (maxHttpBufferSize is 1000)"


@on_loop
async def test_a_lost_client_is_explained(lines):
    reasons = []
    sio = bellwire.AsyncServer(max_http_buffer_size=1000)
    sio.on("disconnect", lambda sid, reason: reasons.append(reason))
    async with listening(sio) as url:
        async with client(url, transports=["websocket"]) as one:
            sid = one.get_sid()
            await one.emit("large", "x" * 2000)
            await until(lambda: reasons)
        async with client(url, transports=["websocket"]) as other:
            await other.disconnect()
            await until(lambda: len(reasons) == 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        writer.write(b"GET /socket.io/?EIO=1&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readline()
        writer.close()
        refused = 'refused GET "/socket.io/" from 127.0.0.1:'
        await until(lambda: lines.has("bellwire.engineio", logging.DEBUG, refused))
    assert reasons[0] == bellwire.AsyncServer.reason.TRANSPORT_ERROR
    cause = reasons[0].cause
    assert (cause.kind, cause.option, cause.limit, cause.seen) == ("limit", "maxHttpBufferSize", 1000, None)
    assert str(cause) == TOO_LARGE
    # Depends on which of the DISCONNECT packet and the close of the connection is read first.
    assert reasons[1] in ("client disconnect", "transport close")
    assert reasons[1].cause is None
    assert lines.has("bellwire", logging.DEBUG, f"{sid} connected to / from 127.0.0.1:")
    assert lines.has("bellwire", logging.DEBUG, f"transport error: {TOO_LARGE}")
    assert lines.has("bellwire.engineio", logging.DEBUG, f"transport error: {TOO_LARGE}")
    assert lines.has("bellwire", logging.INFO, "maxHttpBufferSize=1000")
    assert lines.has("bellwire", logging.INFO, "listening on port ")
    assert lines.has("bellwire", logging.INFO, "closed")


def test_threads_are_told_the_same(lines):
    import socketio

    left = []
    ended = threading.Event()
    sio = bellwire.Server(ping_interval=0.05, ping_timeout=0.05)

    @sio.on("disconnect")
    def disconnect(sid, reason):
        left.append(reason)
        ended.set()

    port = sio.listen()
    with socketio.SimpleClient() as one:
        one.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
        # The client does not answer pings any more.
        one.client.eio._send_packet = lambda packet: None
        assert ended.wait(60)
    sio.shutdown()
    assert left[0] == "ping timeout"
    assert (left[0].cause.kind, left[0].cause.option, left[0].cause.limit) == ("deadline", "pingTimeout", 50)
    assert lines.has("bellwire", logging.DEBUG, "ping timeout: the client sent nothing after a ping")


def test_nothing_is_said_that_was_not_asked_for(lines):
    logging.getLogger("bellwire").setLevel(logging.WARNING)
    sio = bellwire.Server()
    sio.listen()
    sio.shutdown()
    assert lines.lines == []
