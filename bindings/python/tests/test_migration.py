"""Programs written for python-socketio, and common first attempts of new users."""

import asyncio
import collections
import errno
import json
import os
import socket
import sys
import types

import pytest
import socketio

import bellwire
from bellwire._native import dumps
from support import client, listening, on_loop, raw, raw_client, serving, until


@pytest.mark.parametrize("patcher", ["gevent", "eventlet"])
def test_green_threads_are_refused_with_advice(patcher, monkeypatch):
    module = types.ModuleType("patcher")
    module.is_module_patched = lambda name: name == "threading"
    module.is_monkey_patched = lambda name: name == "thread"
    name = {"gevent": "gevent.monkey", "eventlet": "eventlet.patcher"}[patcher]
    monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(RuntimeError, match=f"{patcher} has replaced the threads.*thread=False"):
        bellwire.Server().listen()


@pytest.mark.parametrize("module", [bellwire, socketio])
@on_loop
async def test_namespaces_that_were_not_named_are_closed(module):
    sio = module.AsyncServer(namespaces=["/a"])
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        assert str(await one.receive()).startswith("44")
        await one.send("40/a")
        assert str(await one.receive()).startswith("40/a,{")
        # A namespace that has a handler is open.
        sio.on("x", lambda sid: None)
        await one.send("40")
        assert str(await one.receive()).startswith("40{")


@on_loop
async def test_a_session_belongs_to_a_namespace():
    sio = bellwire.AsyncServer(namespaces=["/", "/a"])
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        await one.receive()
        [sid] = sio.sids()
        await sio.save_session(sid, {"x": 1})
        assert await sio.get_session(sid) == {"x": 1}
        assert sio.get_environ(sid) is not None
        for ask in (sio.get_session(sid, "/a"), sio.save_session(sid, {}, "/a")):
            with pytest.raises(KeyError):
                await ask
        assert sio.rooms(sid, "/a") == [] and sio.get_environ(sid, "/a") is None
        assert await sio.get_session(sid, "/") == {"x": 1}


def test_errors_of_the_system_have_their_number():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        sio = bellwire.Server()
        with pytest.raises(OSError) as caught:
            sio.listen(port=taken.getsockname()[1])
        assert caught.value.errno == errno.EADDRINUSE
        with pytest.raises(FileNotFoundError):
            sio.listen_unix("/nowhere/at/all")
        for port in (70_000, -1):
            with pytest.raises(ValueError, match=f"port {port} is not between 0 and 65535"):
                sio.listen(port=port)
        sio.shutdown()


@pytest.mark.parametrize("cookie", [lambda: "io", {"name": "io", "path": lambda: "/"}])
def test_a_cookie_that_is_a_function_is_refused(cookie):
    with pytest.raises(NotImplementedError, match="cookie: a function"):
        bellwire.AsyncServer(cookie=cookie)


@pytest.mark.parametrize("module", [bellwire, socketio])
@on_loop
async def test_handlers_may_be_edited_while_clients_are_there(module):
    sio = module.AsyncServer()
    sio.on("echo", lambda sid, x: x)
    async with raw_client(sio) as one:

        async def answer(event):
            await one.send(f'421["{event}",1]')
            return await one.receive()

        assert await answer("echo") == "431[1]"
        sio.handlers["/"]["echo"] = lambda sid, x: x + 1
        assert await answer("echo") == "431[2]"
        sio.handlers["/"].update(other=lambda sid, x: "other")
        assert await answer("other") == '431["other"]'
        sio.handlers["/"].pop("echo")
        sio.handlers["/"]["*"] = lambda event, sid, x: event
        assert await answer("echo") == '431["echo"]'
        sio.handlers["/"].clear()
        sio.handlers["/"] = {"echo": lambda sid, x: "new"}
        assert await answer("echo") == '431["new"]'


@on_loop
async def test_a_connect_handler_that_is_registered_later_is_called():
    sio = bellwire.AsyncServer()
    async with listening(sio) as url:
        sio.handlers["/"] = {}
        sio.handlers["/"]["connect"] = lambda sid, environ: False
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with client(url):
                pass
        del sio.handlers["/"]["connect"]
        async with client(url):
            pass


@pytest.mark.parametrize("sio", [bellwire.Server(), bellwire.AsyncServer(), socketio.Server()])
def test_what_is_not_a_namespace_is_refused(sio):
    for wrong in (object(), bellwire.Namespace, None):
        with pytest.raises(ValueError, match="Not a namespace instance"):
            sio.register_namespace(wrong)


@on_loop
async def test_methods_of_namespaces_pass_their_arguments_by_name():
    calls = []

    class Server(bellwire.AsyncServer):
        def emit(self, event, *, data=None, namespace=None, to=None, **others):
            calls.append((event, data, namespace))
            return super().emit(event, data, to, namespace=namespace)

        async def call(self, event, *, data=None, namespace=None, **others):
            calls.append((event, data, namespace))

        def enter_room(self, sid, room, *, namespace=None):
            calls.append((room, namespace))

    sio = Server()
    chat = bellwire.AsyncNamespace("/chat")
    sio.register_namespace(chat)
    await chat.emit("a", 1)
    await chat.send(2)
    await chat.call("b", 3, to="x")
    chat.enter_room("sid", "room")
    assert calls == [("a", 1, "/chat"), ("message", 2, "/chat"), ("b", 3, "/chat"), ("room", "/chat")]


def test_an_import_of_a_missing_name_names_the_alternative():
    with pytest.raises(ImportError, match="listens by itself"):
        from bellwire import ASGIApp  # noqa: F401
    with pytest.raises(AttributeError, match="listens by itself"):
        _ = bellwire.ASGIApp
    assert not hasattr(bellwire, "ASGIApp")


class Upper(dict):
    def items(self):
        return [(key.upper(), value) for key, value in super().items()]


Point = collections.namedtuple("Point", "x y")


def test_subclasses_are_written_as_json_writes_them():
    for value in (Upper(a=1, b=Upper(c=2)), collections.OrderedDict(a=1), collections.Counter("aab"), [Point(1, 2)]):
        assert json.loads(dumps([value])[0]) == json.loads(json.dumps([[value]]))


@pytest.mark.parametrize("module", [bellwire, socketio])
@on_loop
async def test_a_namedtuple_is_several_arguments(module):
    sio = module.AsyncServer()

    @sio.event
    async def point(sid):
        await sio.emit("point", Point(1, 2), to=sid)
        return Point(3, 4)

    async with raw_client(sio) as one:
        await one.send('421["point"]')
        assert [await one.receive(), await one.receive()] == ['42["point",1,2]', "431[3,4]"]


@pytest.mark.parametrize("kind", [bellwire.AsyncServer, bellwire.Server])
@on_loop
async def test_a_program_decides_which_requests_open_a_session(kind):
    asked = []

    def decide(environ):
        asked.append(environ["QUERY_STRING"])
        who = environ["QUERY_STRING"].rpartition("=")[2]
        if who == "fault":
            raise ZeroDivisionError
        if who == "words":
            raise bellwire.exceptions.ConnectionRefusedError("not today")
        return who != "no"

    async def decide_later(environ):
        await asyncio.sleep(0)
        return decide(environ)

    sio = kind(allow_request=decide_later if kind is bellwire.AsyncServer else decide)
    if sio.is_asyncio_based():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with serving(sio) as url:
        answers = {}
        for who in ("yes", "no", "words", "fault"):
            port = int(url.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            path = f"/socket.io/?EIO=4&transport=polling&who={who}"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            answers[who] = (int(head.split()[1]), body.decode()[:40])
            writer.close()
    assert answers["yes"][0] == 200
    assert [answers[who][0] for who in ("no", "words", "fault")] == [403] * 3
    assert "not today" in answers["words"][1]
    assert len(asked) == 4


def test_allow_request_of_a_threaded_server_is_a_plain_function():
    async def decide(environ):
        return True

    with pytest.raises(TypeError, match="allow_request"):
        bellwire.Server(allow_request=decide)


def test_a_stop_leaves_nothing_behind_although_events_wait():
    async def with_a_client():
        sio = bellwire.AsyncServer()
        port = sio.listen()
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(
                b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
                b"\x81\x82\0\0\0\x0040"
            )
            await until(lambda: sio.stat("sockets_count") == 1)
        # The last events of the client are still queued when the engine stops.
        asyncio.get_running_loop().remove_reader(sio._engine.fileno())
        sio._forget(sio._engine)

    def count():
        return len(os.listdir("/proc/self/fd"))

    asyncio.run(with_a_client())
    before = count()
    for _ in range(30):
        asyncio.run(with_a_client())
    assert count() <= before + 3
