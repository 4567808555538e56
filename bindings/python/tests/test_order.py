"""The handlers of one client's events begin in the order of the events, whatever kinds of functions they are."""

import asyncio

import pytest

import bellwire
from support import listening, on_loop, raw, until

EVENTS = 200


def plain_factory(loop, coroutine, **options):
    return asyncio.Task(coroutine, loop=loop, **options)


@pytest.mark.parametrize("factory", [None, plain_factory])
@pytest.mark.parametrize("named", [True, False])
@on_loop
async def test_events_and_the_disconnect_begin_in_order(factory, named):
    asyncio.get_running_loop().set_task_factory(factory)
    sio = bellwire.AsyncServer()
    begun = []
    go = asyncio.Event()

    async def coroutine(sid, number):
        begun.append(number)
        await asyncio.sleep(0)

    def plain(sid, number):
        begun.append(number)

    def decorated(sid, number):
        return coroutine(sid, number)

    handlers = [coroutine, plain, decorated, plain, coroutine]
    if named:
        for index, handler in enumerate(handlers):
            sio.on(f"event{index}", handler)
    else:
        # One handler for all events, which the native module does not call directly.
        sio.on("*", lambda event, *args: handlers[int(event[5:])](*args))

    @sio.event
    async def connect(sid, environ):
        await go.wait()

    sio.on("disconnect", lambda sid, reason: begun.append("left"))
    async with listening(sio) as url, raw(url) as one:
        await one.send("40")
        go.set()
        assert str(await one.receive()).startswith("40{")
        for number in range(EVENTS):
            await one.send(f'42["event{number % len(handlers)}",{number}]')
        await one.send("41")
        await until(lambda: "left" in begun)
        assert begun == [*range(EVENTS), "left"]


@pytest.mark.parametrize("factory", [None, plain_factory])
@on_loop
async def test_events_that_a_filter_accepts_begin_in_order(factory):
    asyncio.get_running_loop().set_task_factory(factory)
    sio = bellwire.AsyncServer()
    begun = []

    async def coroutine(sid, number):
        begun.append(number)

    sio.on("coroutine", coroutine)
    sio.on("plain", lambda sid, number: begun.append(number))
    sio.use(lambda sid, event, number: number % 3 != 2)
    async with listening(sio) as url, raw(url) as one:
        await one.send("40")
        await one.receive()
        for number in range(EVENTS):
            await one.send(f'42["{"plain" if number % 2 else "coroutine"}",{number}]')
        expected = [number for number in range(EVENTS) if number % 3 != 2]
        await until(lambda: len(begun) == len(expected))
        assert begun == expected
