"""Handlers: which callables are accepted, and that the server does not keep them alive."""

import asyncio
import functools
import gc
import weakref

import pytest
import socketio

import bellwire
from support import client, listening, on_loop, raw, serving, until

CALLBACKS = 200


@on_loop
async def test_a_callback_is_freed_after_its_call():
    sio = bellwire.AsyncServer()
    callbacks = []
    called = []

    def ask(sid):
        def callback():
            called.append(sid)

        callbacks.append(weakref.ref(callback))
        sio.emit("question", to=sid, callback=callback)

    async def spawn(sid):
        pass

    sio.on("ask", ask)
    sio.on("spawn", spawn)
    async with listening(sio) as url, raw(url) as one:
        await one.send("40")
        await one.receive()
        for _ in range(CALLBACKS):
            await one.send('42["ask"]')
        ids = [str(await one.receive()).removeprefix("42").partition("[")[0] for _ in range(CALLBACKS)]
        # The events make tasks, and the callbacks are called while these tasks have not begun.
        for number in ids:
            await one.send('42["spawn"]')
            await one.send(f"43{number}[]")
        await until(lambda: len(called) == CALLBACKS)
        # The dispatcher holds the task of the last event until the task has ended.
        await until(lambda: not sio._dispatcher._tasks)
        gc.collect()
        assert [one() for one in callbacks if one() is not None] == []


class Counting(bellwire.AsyncNamespace):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_connect(self, sid, environ):
        self.seen.append("connect")

    def on_disconnect(self, sid):
        self.seen.append("disconnect")


def test_a_namespace_and_its_server_are_freed_after_shutdown():
    async def main():
        sio = bellwire.AsyncServer()
        namespace = Counting()
        sio.register_namespace(namespace)
        async with listening(sio) as url, client(url):
            pass
        assert namespace.seen == ["connect", "disconnect"]
        return weakref.ref(sio), weakref.ref(namespace)

    server, namespace = asyncio.run(main())
    gc.collect()
    assert (server(), namespace()) == (None, None)


@pytest.mark.parametrize("module", [bellwire, socketio])
@on_loop
async def test_a_namespace_sends_to_its_own_clients(module):
    chat = module.AsyncNamespace("/chat")
    sids = []
    chat.on_connect = lambda sid, environ: sids.append(sid)
    sio = module.AsyncServer(namespaces=["/", "/chat"])
    sio.register_namespace(chat)
    async with serving(sio) as url, raw(url) as one:
        await one.send("40/chat")
        await one.receive()
        [sid] = sids
        await chat.emit("news", (1, 2), to=sid)
        await chat.send("text", room=sid)
        await chat.send("skipped", skip_sid=sid)
        await chat.send("elsewhere", namespace="/")
        await chat.emit("end")
        got = [await one.receive() for _ in range(3)]
    assert got == ['42/chat,["news",1,2]', '42/chat,["message","text"]', '42/chat,["end"]']


class Unhashable:
    """A callable object that defines `__eq__` and therefore does not have a hash."""

    def __init__(self, seen):
        self.seen = seen

    def __eq__(self, other):
        return isinstance(other, Unhashable)

    def __call__(self, *args):
        self.seen.append(len(args))


class Methods:
    def __init__(self, seen):
        self.seen = seen

    def two(self, sid, environ):
        self.seen.append(2)


def handlers_of_connect(seen):
    """Handlers of `connect`, each with the number of arguments that it must get."""

    def one(sid, environ):
        seen.append(2)

    def three(sid, environ, auth):
        seen.append(3)

    def optional(sid, environ, auth=None):
        seen.append(3)

    def any_number(*args):
        seen.append(len(args))

    def first(mark, sid, environ):
        seen.append(2)

    def named(sid, environ, auth, mark):
        seen.append(3)

    @functools.wraps(one)
    def wrapped(*args):
        seen.append(len(args))

    return [
        (one, 2),
        (three, 3),
        (optional, 3),
        (any_number, 3),
        (wrapped, 2),
        (Methods(seen).two, 2),
        (functools.partial(first, "mark"), 2),
        (functools.partial(named, mark="mark"), 3),
        (functools.partial(any_number), 3),
        (Unhashable(seen), 3),
    ]


@pytest.mark.parametrize("index", range(10))
@pytest.mark.parametrize("kind", [bellwire.AsyncServer, bellwire.Server])
@on_loop
async def test_a_handler_gets_as_many_arguments_as_it_takes(kind, index):
    seen = []
    handler, count = handlers_of_connect(seen)[index]
    sio = kind()
    sio.on("connect", handler)
    async with serving(sio) as url, client(url, auth={"token": 1}):
        assert seen == [count]
