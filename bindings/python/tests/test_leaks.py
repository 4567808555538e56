"""Clients that have left do not leave objects, memory or descriptors behind."""

import asyncio
import gc
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

import bellwire
from support import PATIENCE_S, start

#: Connects clients over a Unix socket, one after the other. Each joins, sends events, asks for an acknowledgement, and
#: leaves; half of them leave without answering an event of the server.
CLIENTS = r"""
import re, socket, sys

def frame(data):
    # A mask of zeros leaves the data unchanged.
    kind = b"\x82" if isinstance(data, bytes) else b"\x81"
    data = data if isinstance(data, bytes) else data.encode()
    return kind + bytes([0x80 | len(data)]) + bytes(4) + data

head = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
path, clients, events = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
head += frame('40{"token":[1,2,3]}')
work = b""
for number in range(events // clients):
    work += frame('42["plain",%d,{"a":[null,1.5]}]' % number)
work += frame('451-7["echo",{"a":{"_placeholder":true,"num":0}},1]') + frame(b"bytes")
for number in range(clients):
    one = socket.socket(socket.AF_UNIX)
    one.connect(path)
    one.sendall(head)
    seen = b""
    asked = None
    while not (asked and b'461-7["done",{' in seen):
        more = one.recv(1 << 16)
        assert more, seen
        seen += more
        if not asked and (asked := re.search(rb'42(\d+)\["asked"\]', seen)):
            one.sendall(work)
    if number % 2:
        one.sendall(frame("43%d[]" % int(asked[1])))
    one.close()
"""


def serving(sio):
    """Registers handlers of each kind. Returns the counter of their calls."""
    count = Counter()

    def joined(sid):
        sio.enter_room(sid, "all")
        sio.emit("asked", to=sid, callback=lambda: count.update(["answered"]))

    def plain(sid, *args):
        count["plain"] += 1

    def disconnect(sid, reason):
        assert sorted(sio.rooms(sid)) == sorted([sid, "all"])
        count["left"] += 1

    async def echo(sid, *args):
        async with sio.session(sid) as session:
            session["x"] = [session]
        await asyncio.sleep(0)
        return "done", *args

    def echo_in_a_thread(sid, *args):
        with sio.session(sid) as session:
            session["x"] = [session]
        return "done", *args

    sio.watch("joined", joined)
    sio.on("plain", plain)
    sio.on("disconnect", disconnect)
    sio.on("echo", echo if sio.is_asyncio_based() else echo_in_a_thread)
    return count


def objects():
    """Counts the objects that the garbage collector tracks, by type."""
    gc.collect()
    return Counter(type(one).__qualname__ for one in gc.get_objects())


def measure():
    """Returns the objects by type, the allocated blocks, the resident memory in kilobytes, and the open descriptors."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    known = objects()
    size_kb = pages * os.sysconf("SC_PAGESIZE") // 1024
    return known, sys.getallocatedblocks(), size_kb, len(os.listdir("/proc/self/fd"))


async def all_have_left(sio, count, clients):
    """Waits until every client has left, and every handler, task and callback has ended."""
    dispatcher = sio._dispatcher

    def ended():
        if isinstance(sio, bellwire.AsyncServer):
            return not dispatcher._tasks and dispatcher._not_begun == 0
        return dispatcher.pool.wait(0)

    end = asyncio.get_running_loop().time() + PATIENCE_S
    while sio.stat("sockets_count") or count["left"] < clients or dispatcher._operations or not ended():
        assert asyncio.get_running_loop().time() < end, (count, sio.metrics())
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("kind", "options", "clients", "events"),
    [
        (bellwire.AsyncServer, {}, 100_000, 100_000),
        # A small bound on threads, because each thread has objects of its own.
        (bellwire.Server, {"handler_threads": 4}, 10_000, 100_000),
    ],
)
def test_clients_and_events_leave_nothing_behind(kind, options, clients, events, tmp_path):
    async def main():
        sio = kind(**options)
        count = serving(sio)
        sio.listen_unix(str(tmp_path / "socket"))

        async def round_of(clients, events):
            count.clear()
            process = start(CLIENTS, str(tmp_path / "socket"), str(clients), str(events))
            out, err = await asyncio.to_thread(process.communicate, timeout=400)
            assert (process.returncode, out, err) == (0, "", "")
            await all_have_left(sio, count, clients)
            assert (count["left"], count["plain"]) == (clients, events)
            return measure()

        await round_of(1_000, 10_000)
        before = await round_of(1_000, 10_000)
        after = await round_of(clients, events)
        assert count["answered"] >= 1
        assert sio.stat("clients_count") == sio.stat("rooms_count") == sio.stat("pending_acks") == 0
        assert len(sio._clients) == 0 and sio._dispatcher._waiting == {}
        assert getattr(sio._dispatcher, "_tasks", set()) == set()
        assert {kind: number for kind, number in (after[0] - before[0]).items() if number > 10} == {}
        assert after[1] - before[1] < 200, "blocks of memory"
        assert after[2] - before[2] < 4_000, "kilobytes"
        assert after[3] == before[3], "descriptors"
        stopped = sio.shutdown()
        if stopped is not None:
            await stopped

    asyncio.run(main())
