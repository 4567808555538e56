"""What the tests share: servers with clients of python-socketio, on a loop of their own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator

import socketio

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 10


def on_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Makes a test of a coroutine function."""

    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 60))

    run.__name__ = test.__name__
    return run


@asynccontextmanager
async def listening(sio: Any, timeout: float = 5) -> AsyncIterator[str]:
    """A server's URL while it listens."""
    port = sio.listen()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await sio.shutdown(timeout)


@asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[socketio.AsyncClient]:
    """A connected client, with what it has been sent in `got`."""
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


async def until(condition: Callable[[], Any], what: str = "it") -> Any:
    """Waits until something is so, for which there is no event."""
    end = asyncio.get_running_loop().time() + PATIENCE_S
    while not (result := condition()):
        assert asyncio.get_running_loop().time() < end, f"{what} never came about"
        await asyncio.sleep(0.005)
    return result


def start(program: str, *args: str) -> subprocess.Popen[str]:
    """Runs a program of Python in a process of its own."""
    code = "import bellwire\n" + textwrap.dedent(program)
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(program: str) -> str:
    """What a program writes that ends well, by itself."""
    process = start(program)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert err == ""
    return out
