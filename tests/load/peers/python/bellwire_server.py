"""The load tests' server on Bellwire's package for Python: `bellwire_server.py [--port N] [--threads N] [--coroutines]`.

What the events do is written down in `tests/load/README.md`; every peer does the same.
"""

import argparse
import os
import sys
import threading

import bellwire


def plain_handlers(sio):
    @sio.on("echo")
    def echo(sid, x):
        sio.emit("echo", x, to=sid)

    @sio.on("ack")
    def ack(sid, x):
        return x

    @sio.on("bin")
    def binary(sid, x):
        sio.emit("bin", x, to=sid)

    @sio.on("bcast")
    def bcast(sid, x):
        sio.emit("bcast", x)

    @sio.on("room")
    def room(sid, name, x):
        sio.emit("room", x, to=name)

    @sio.on("join")
    def join(sid, name):
        sio.enter_room(sid, name)
        return True


def coroutine_handlers(sio):
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
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--coroutines", action="store_true")
    chosen = options.parse_args()

    sio = bellwire.AsyncServer(options={"engine": {"workerThreads": chosen.threads}})
    (coroutine_handlers if chosen.coroutines else plain_handlers)(sio)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    sio.run(port=chosen.port, on_listening=lambda port: print(f"listening on {port}", flush=True))


main()
