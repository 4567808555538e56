"""Shared parts of the tests: servers, clients of python-socketio, and raw connections."""

from __future__ import annotations

import asyncio
import functools
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import socketio
from aiohttp import web

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 10


def on_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A decorator for tests that are coroutine functions. Each runs on a new event loop, for at most 60 s."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 60))

    return run


@asynccontextmanager
async def listening(sio: Any, timeout: float = 5) -> AsyncIterator[str]:
    """Starts a server, yields its URL, and shuts it down."""
    port = sio.listen()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await sio.shutdown(timeout)


@asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[socketio.AsyncClient]:
    """A connected client. Its attribute `got` is the list of the events that it has received."""
    one = socketio.AsyncClient(reconnection=False)
    one.got = []
    for namespace in options.get("namespaces", ["/"]):
        one.on("*", lambda event, *args: one.got.append((event, *args)), namespace=namespace)
    options.setdefault("transports", ["websocket"])
    await one.connect(url, **options)
    try:
        yield one
    finally:
        await one.disconnect()


@asynccontextmanager
async def serving(sio: Any) -> AsyncIterator[str]:
    """Like `listening`, for all servers: those of this package and that of python-socketio."""
    if isinstance(sio, socketio.AsyncServer):
        app = web.Application()
        sio.attach(app)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        try:
            yield f"http://{host}:{port}"
        finally:
            await sio.shutdown()
            await runner.cleanup()
        return
    port = sio.listen()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        if sio.is_asyncio_based():
            await sio.shutdown()
        else:
            await asyncio.to_thread(sio.shutdown)


class RawClient:
    """A WebSocket connection on which the test sends each packet itself."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, packet: str | bytes) -> None:
        if isinstance(packet, bytes):
            await self._socket.send_bytes(packet)
        else:
            await self._socket.send_str(packet)

    async def receive(self) -> str | bytes:
        """Returns the next packet that is not a ping; answers pings."""
        while True:
            message = await self._socket.receive(PATIENCE_S)
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            if message.data != "2":
                return message.data
            await self.send("3")

    async def ended(self) -> None:
        """Waits for the end of the connection."""
        while not self._socket.closed:
            await self._socket.receive(PATIENCE_S)

    async def close(self) -> None:
        await self._socket.close()


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[RawClient]:
    """A connection that has not joined any namespace."""
    address = f"{url}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as connection:
        one = RawClient(connection)
        assert str(await one.receive()).startswith("0{")
        yield one


@asynccontextmanager
async def raw_client(sio: Any, auth: str = "", joins: bool = True) -> AsyncIterator[RawClient]:
    """Starts a server and yields a connection that has asked to join `/`."""
    async with serving(sio) as url, raw(url) as one:
        await one.send(f"40{auth}")
        if joins:
            assert str(await one.receive()).startswith("40{")
        yield one


def frame(data: str | bytes) -> bytes:
    """A WebSocket frame of a client, with a mask of zeros, which leaves the data as they are."""
    kind, data = (b"\x82", data) if isinstance(data, bytes) else (b"\x81", data.encode())
    return kind + bytes([0x80 | len(data)]) + bytes(4) + data


def unix_client(path: str, auth: str = "") -> socket.socket:
    """A connection over a Unix socket that has asked to join `/`, and is not read."""
    one = socket.socket(socket.AF_UNIX)
    one.connect(path)
    one.sendall(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        + frame(f"40{auth}")
    )
    return one


async def until(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Waits until a condition holds, for conditions without an event. Returns its value."""
    end = asyncio.get_running_loop().time() + PATIENCE_S
    while not (result := condition()):
        assert asyncio.get_running_loop().time() < end, f"{what} did not happen within {PATIENCE_S} s"
        await asyncio.sleep(0.005)
    return result


def start(program: str, *args: str) -> subprocess.Popen[str]:
    """Starts a Python program in a new process."""
    code = "import bellwire\n" + textwrap.dedent(program)
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(program: str) -> str:
    """Runs a Python program, asserts that it ends without an error, and returns its output."""
    process = start(program)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert err == ""
    return out
