"""Clients that leave, or are disconnected, while their connect handler runs."""

import asyncio
import resource
import threading
import time
from contextlib import ExitStack

import pytest
import socketio

import bellwire
from bellwire.exceptions import ClientGoneError, TimeoutError
from support import PATIENCE_S, on_loop, raw, raw_client, serving, unix_client, until


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("module", [bellwire, socketio])
@on_loop
async def test_each_connect_that_did_not_refuse_has_one_disconnect_after_it(module, always):
    sio = module.AsyncServer(always_connect=always)
    begun, life = [], {}
    all_here = asyncio.Event()

    @sio.event
    async def connect(sid, environ):
        begun.append(sid)
        life[sid] = ["begins"]
        if len(begun) == CLIENTS:
            all_here.set()
        # Half of the handlers end before their client leaves, half after it.
        if len(begun) % 2:
            await asyncio.sleep(0.2)
        life[sid].append("joined")

    @sio.event
    async def disconnect(sid, reason):
        life[sid].append("left")

    CLIENTS = 60
    async with serving(sio) as url:

        async def refresh():
            async with raw(url) as one:
                await one.send("40")
                await all_here.wait()

        await asyncio.gather(*(refresh() for _ in range(CLIENTS)))
        await until(lambda: [events for events in life.values() if "left" in events] == list(life.values()))
    assert len(life) == CLIENTS
    if module is bellwire:
        assert set(map(tuple, life.values())) == {("begins", "joined", "left")}
        assert len(sio._clients) == 0


@on_loop
async def test_clients_that_close_at_once_are_told_of_in_pairs():
    sio = bellwire.AsyncServer()
    begun, ended = [], []
    sio.on("connect", lambda sid, environ: begun.append(sid))
    sio.on("disconnect", lambda sid, reason: ended.append(sid))
    async with serving(sio) as url:

        async def refresh():
            async with raw(url) as one:
                await one.send("40")

        for _ in range(8):
            await asyncio.gather(*(refresh() for _ in range(50)))
        await until(lambda: sio.stat("clients_count") == 0 and len(begun) == len(ended))
    assert sorted(begun) == sorted(ended) and len(set(begun)) == len(begun)
    assert len(sio._clients) == 0


@pytest.mark.parametrize("kind", [bellwire.AsyncServer, bellwire.Server])
@on_loop
async def test_a_refused_client_has_no_disconnect(kind):
    sio = kind()
    told = []
    go = threading.Event()

    @sio.event
    def connect(sid, environ):
        told.append("connect")
        if not sio.is_asyncio_based():
            go.wait(PATIENCE_S)
        return False

    sio.on("disconnect", lambda sid, reason: told.append("disconnect"))
    async with raw_client(sio, joins=False) as one:
        await until(lambda: told)
        go.set()
        assert await one.receive() == '44{"message":"Connection rejected by server"}'
        await until(lambda: len(sio._clients) == 0)
    assert told == ["connect"]


@pytest.mark.parametrize("close", [False, True])
@on_loop
async def test_a_client_that_is_disconnected_in_its_connect_handler_is_refused(close):
    sio = bellwire.AsyncServer()
    told = []

    @sio.event
    async def connect(sid, environ):
        await sio.disconnect(sid, close=close)
        assert not sio.is_connected(sid)
        await sio.emit("nothing", to=sid)
        told.append("connect")

    @sio.event
    async def disconnect(sid, reason):
        told.append((reason, reason.detail))

    async with raw_client(sio, joins=False) as one:
        assert await one.receive() == '44{"message":"Connection rejected by server"}'
        await until(lambda: len(sio._clients) == 0)
        if close:
            await one.ended()
        else:
            await one.send("40")
            assert await one.receive() == '44{"message":"Connection rejected by server"}'
            await until(lambda: len(sio._clients) == 0)
    assert told == ["connect", ("server disconnect", "server namespace disconnect")] * (1 if close else 2)


@on_loop
async def test_another_thread_disconnects_a_client_that_joins():
    sio = bellwire.Server()
    joining, told = threading.Event(), []
    disconnected = threading.Event()
    sids = []

    @sio.event
    def connect(sid, environ):
        sids.append(sid)
        joining.set()
        assert disconnected.wait(PATIENCE_S)

    sio.on("disconnect", lambda sid, reason: told.append(reason))
    async with raw_client(sio, joins=False) as one:
        await asyncio.to_thread(joining.wait, PATIENCE_S)
        sio.disconnect(sids[0])
        assert await one.receive() == '44{"message":"Connection rejected by server"}'
        disconnected.set()
        await until(lambda: told == ["server disconnect"])


@on_loop
async def test_a_disconnect_right_behind_the_acceptance_is_not_lost():
    sio = bellwire.Server()
    accepted = []

    @sio.event
    def connect(sid, environ):
        threading.Thread(target=lambda: sio.disconnect(sid)).start()

    sio.on("disconnect", lambda sid, reason: accepted.append(reason))
    async with serving(sio) as url:
        for _ in range(100):
            async with raw(url) as one:
                await one.send("40")
                while not str(await one.receive()).startswith(("41", "44")):
                    pass
        await until(lambda: len(accepted) == 100)
    assert set(accepted) == {"server disconnect"}


@on_loop
async def test_a_call_to_a_client_that_does_not_join_ends():
    sio = bellwire.AsyncServer()
    ends = []

    async def ask(sid, **options):
        try:
            await sio.call("question", to=sid, **options)
        except TimeoutError as error:
            ends.append(type(error))

    @sio.event
    async def connect(sid, environ, auth):
        calls = [asyncio.ensure_future(ask(sid, timeout=timeout)) for timeout in (None, 600)]
        await ask(sid, timeout=0.05)
        assert ends == [TimeoutError]
        tasks.extend(calls)
        return auth["joins"]

    tasks = []
    async with serving(sio) as url:
        for joins in (False, True):
            ends.clear()
            async with raw(url) as one:
                await one.send(f'40{{"joins":{str(joins).lower()}}}')
                assert str(await one.receive()).startswith("40{" if joins else "44{")
                if joins:
                    assert [await one.receive() for _ in range(2)] == ['420["question"]', '421["question"]']
            await asyncio.gather(*tasks)
            assert ends == [TimeoutError, ClientGoneError, ClientGoneError]


@on_loop
async def test_broadcasts_while_a_client_waits_to_join_reach_everyone_once_and_in_order():
    sio = bellwire.AsyncServer()
    go = asyncio.Event()

    @sio.event
    async def connect(sid, environ, auth):
        sio.enter_room(sid, "room")
        sio.emit("kept", 0, to="room")
        if auth:
            await go.wait()

    async with serving(sio) as url, raw(url) as member, raw(url) as late:
        await member.send("40")
        await member.receive()
        await late.send('40{"wait":true}')
        await until(lambda: len(sio._clients) == 2)
        for number in range(1, 50):
            sio.emit("kept", number, to="room" if number % 2 else None)
            if number == 25:
                go.set()
            await asyncio.sleep(0)
        assert str(await late.receive()).startswith("40{")
        for one, start in ((member, [0, 0]), (late, [0])):
            expected = [*start, *range(1, 50)]
            assert [await one.receive() for _ in expected] == [f'42["kept",{number}]' for number in expected]


@on_loop
async def test_a_broadcast_costs_the_same_while_a_client_waits_to_join(tmp_path):
    members = 1000
    # Both ends of each connection are in this process.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * members)), hard))
    sio = bellwire.AsyncServer()
    go = asyncio.Event()

    @sio.event
    async def connect(sid, environ, auth):
        if auth:
            await go.wait()

    def cost():
        """Returns the processor time of this thread for one emit: the minimum of many, to exclude interruptions."""

        def once():
            begin = time.thread_time()
            sio.emit("news", volatile=True)
            return time.thread_time() - begin

        return min(once() for _ in range(50))

    path = str(tmp_path / "socket")
    sio.listen_unix(path)
    with ExitStack() as ends:
        for number in range(members):
            ends.enter_context(unix_client(path))
            if number % 100 == 99:
                await until(lambda joined=number + 1: len(sio.sids()) == joined)
        alone = cost()
        ends.enter_context(unix_client(path, auth='{"wait":true}'))
        await until(lambda: len(sio._clients) == members + 1)
        beside = cost()
        go.set()
        await until(lambda: len(sio.sids()) == members + 1)
        # The expected factor is 1.0. Comparing each receiver with all others makes it 5 to 10 for this many members.
        assert beside < 2 * max(alone, cost())
    await sio.shutdown()
