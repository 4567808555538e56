"""Calls that wait for answers of clients end in every case."""

import asyncio
import threading

import pytest

import bellwire
from bellwire import _threads
from bellwire.exceptions import TimeoutError, TooManyAcksError
from support import PATIENCE_S, on_loop, raw, serving, until

KINDS = [bellwire.AsyncServer, bellwire.Server]


async def started(function, *args, **options):
    """Returns a call of either server as a task that has begun."""
    begun = asyncio.get_running_loop().create_future()

    async def run():
        if asyncio.iscoroutinefunction(function):
            begun.set_result(None)
            return await function(*args, **options)
        begun.set_result(None)
        # Not on the loop's executor: the loop waits for the executor's threads when it ends.
        ended = asyncio.get_running_loop().create_future()

        def call():
            try:
                result, error = function(*args, **options), None
            except Exception as raised:
                result, error = None, raised
            if not loop.is_closed():
                loop.call_soon_threadsafe(lambda: ended.done() or ended.set_result((result, error)))

        loop = asyncio.get_running_loop()
        threading.Thread(target=call, daemon=True).start()
        result, error = await ended
        if error is not None:
            raise error
        return result

    task = asyncio.ensure_future(run())
    await begun
    return task


@pytest.mark.parametrize("timeout", [600, None])
@pytest.mark.parametrize("kind", KINDS)
@on_loop
async def test_more_calls_than_a_client_may_owe_answers_fail(kind, timeout):
    sio = kind(options={"engine": {"maxPendingAcks": 3}})
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        await one.receive()
        [sid] = sio.sids()
        calls = [await started(sio.call, "question", number, to=sid, timeout=timeout) for number in range(3)]
        asked = [str(await one.receive()) for _ in range(3)]
        for _ in range(3):
            task = await started(sio.call, "one more", to=sid, timeout=timeout)
            with pytest.raises(TooManyAcksError, match="maxPendingAcks"):
                await asyncio.wait_for(task, PATIENCE_S)
        assert len(sio._dispatcher._operations) == 3
        # Other clients are not affected, and one answer makes another call possible.
        for question in asked:
            await one.send(f"43{question[2 : question.index('[')]}[1]")
        assert await asyncio.wait_for(asyncio.gather(*calls), PATIENCE_S) == [1, 1, 1]
        task = await started(sio.call, "question", 4, to=sid, timeout=timeout)
        # Without a timeout, the event is sent although its answer is not waited for.
        while '"one more"' in (question := str(await one.receive())):
            pass
        await one.send(f"43{question[2 : question.index('[')]}[2]")
        assert await asyncio.wait_for(task, PATIENCE_S) == 2


@pytest.mark.parametrize("kind", KINDS)
@on_loop
async def test_a_broadcast_that_waits_for_answers_ends_with_the_server(kind):
    sio = kind()
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        await one.receive()
        task = await started(sio.call_all, "question", timeout=600)
        assert '["question"]' in str(await one.receive())
        dispatcher = sio._dispatcher
    with pytest.raises(TimeoutError, match="closed") as raised:
        await asyncio.wait_for(task, PATIENCE_S)
    assert raised.value.answers == []
    assert dispatcher._operations == {}


@on_loop
async def test_a_broadcast_that_begins_as_the_server_ends_ends():
    sio = bellwire.Server()
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        await one.receive()
        native, dispatcher = sio._natives["/"], sio._dispatcher
    # The namespace was looked up before the shutdown.
    sio._natives["/"] = native
    native_ask_all = native.ask_all
    task = await started(
        lambda: sio._await(lambda operation: native_ask_all("x", None, None, None, 600_000, operation) or True, 600_000)
    )
    with pytest.raises(TimeoutError, match="closed"):
        _threads.all_answers(*await asyncio.wait_for(task, PATIENCE_S), 600)
    assert dispatcher._operations == {}


@on_loop
async def test_a_call_ends_although_no_thread_takes_events(monkeypatch):
    monkeypatch.setattr(_threads, "_LATE_S", 0.1)
    sio = bellwire.Server()
    stuck, go = threading.Event(), threading.Event()
    sio.watch("joined", lambda sid: (stuck.set(), go.wait(60)))
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        await one.receive()
        assert await asyncio.to_thread(stuck.wait, PATIENCE_S)
        [sid] = sio.sids()
        try:
            for function, options in ((sio.call, {"to": sid}), (sio.call_all, {})):
                task = await started(function, "question", timeout=0.05, **options)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(task, PATIENCE_S)
        finally:
            go.set()


@on_loop
async def test_handlers_that_ask_leave_room_for_the_answers(monkeypatch):
    monkeypatch.setattr(_threads, "_WAITING", 4)
    sio = bellwire.Server(handler_threads=4)
    ended = []
    sio.on("ask", lambda sid, number: ended.append(sio.call("question", number, to=sid, timeout=600)))
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        await one.receive()
        for number in range(20):
            await one.send(f'42["ask",{number}]')
        for _ in range(20):
            question = str(await asyncio.wait_for(one.receive(), PATIENCE_S))
            await one.send(f"43{question[2 : question.index('[')]}[true]")
        await until(lambda: len(ended) == 20)
    assert ended == [True] * 20


@on_loop
async def test_handlers_that_ask_do_not_make_the_queue_endless(monkeypatch):
    monkeypatch.setattr(_threads, "_WAITING", 2)
    monkeypatch.setattr(_threads, "_WAITING_WHILE_ASKED", 10)
    sio = bellwire.Server(handler_threads=1)
    begun = []
    sio.on("ask", lambda sid: sio.call("question", to=sid, timeout=600))
    sio.on("count", lambda sid: begun.append(None))
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        await one.receive()
        await one.send('42["ask"]')
        question = str(await one.receive())
        await one.send(f"43{question[2 : question.index('[')]}[]")
        await one.send('42["ask"]')
        question = str(await one.receive())
        for _ in range(50):
            await one.send('42["count"]')
        dispatcher = sio._dispatcher
        await until(lambda: dispatcher._taken == 10)
        assert begun == []
        dispatcher.acked(max(dispatcher._operations), "timeout", [])
        await until(lambda: len(begun) == 50)


@pytest.mark.parametrize("kind", KINDS)
@on_loop
async def test_a_call_to_the_first_client_while_it_joins_is_answered(kind):
    sio = kind()
    loop = asyncio.get_running_loop()
    joining = loop.create_future()
    go = threading.Event()

    def connect(sid, environ):
        loop.call_soon_threadsafe(joining.set_result, sid)
        go.wait(PATIENCE_S)

    async def connect_of_a_loop(sid, environ):
        joining.set_result(sid)
        await until(go.is_set)

    sio.on("connect", connect_of_a_loop if kind is bellwire.AsyncServer else connect)
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        call = await started(sio.call, "question", to=await joining)
        await until(lambda: call.done() or sio._dispatcher._operations)
        go.set()
        assert str(await one.receive()).startswith("40{")
        assert str(await one.receive()).endswith('["question"]')
        await one.send('430["answer"]')
        assert await call == "answer"
