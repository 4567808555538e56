"""The load tests' server on python-socketio, uvicorn and uvloop: `server.py [--port N]`.

What the events do is written down in `tests/load/README.md`; every peer does the same.
"""

import argparse
import os
import socket
import sys
import threading

import socketio
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi", async_handlers=False)


@sio.on("echo")
async def echo(sid, x):
    await sio.emit("echo", x, to=sid)


@sio.on("ack")
async def ack(sid, x):
    return x


@sio.on("bin")
async def binary(sid, x):
    await sio.emit("bin", x, to=sid)


@sio.on("bcast")
async def bcast(sid, x):
    await sio.emit("bcast", x)


@sio.on("room")
async def room(sid, name, x):
    await sio.emit("room", x, to=name)


@sio.on("join")
async def join(sid, name):
    await sio.enter_room(sid, name)
    return True


def end_with_stdin():
    """Ends the process when the process that started it has ended."""
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--threads", type=int, default=1, help="there is one, whatever is asked for")
    chosen = options.parse_args()

    threading.Thread(target=end_with_stdin, daemon=True).start()
    listener = socket.create_server(("127.0.0.1", chosen.port), backlog=1024)
    print(f"listening on {listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        socketio.ASGIApp(sio),
        loop="uvloop",
        http="httptools",
        ws="auto",
        ws_per_message_deflate=False,
        ws_ping_interval=None,  # Engine.IO has its own
        log_level="error",
        access_log=False,
        backlog=1024,
    )
    uvicorn.Server(config).run(sockets=[listener])


main()
