"""Handlers, emits and clients of an AsyncServer, tested with the client of python-socketio."""

import asyncio
import builtins
import json
import socket
import tempfile
import threading

import aiohttp
import engineio
import pytest
import socketio

import bellwire
from bellwire.exceptions import ClientGoneError, ConnectionRefusedError, TimeoutError
from support import client, listening, on_loop, until


@on_loop
async def test_what_a_handler_returns_is_the_acknowledgement():
    sio = bellwire.AsyncServer()
    results = {"none": None, "one": 1, "several": (1, b"2", [3]), "list": [1, 2], "empty": ()}
    sio.on("plain", lambda sid, name: results[name])

    @sio.on("coroutine")
    async def coroutine(sid, name):
        await asyncio.sleep(0)
        return results[name]

    # Like a decorator that does not distinguish plain functions from coroutine functions.
    sio.on("decorated", lambda *args: coroutine(*args))

    async with listening(sio) as url, client(url) as one:
        for event in ("plain", "coroutine", "decorated"):
            assert await one.call(event, "none") is None
            assert await one.call(event, "one") == 1
            assert await one.call(event, "several") == (1, b"2", [3])
            assert await one.call(event, "list") == [1, 2]
            assert await one.call(event, "empty") is None


@on_loop
async def test_bytes_travel_anywhere_in_both_directions():
    sio = bellwire.AsyncServer()
    sio.on("echo", lambda sid, *args: args)
    value = {"a": [b"\x00\xff", {"b": b""}], "c": b"x" * 100_000}
    for transports in (["polling"], ["websocket"], None):
        async with listening(sio) as url, client(url, transports=transports) as one:
            assert await one.call("echo", (value, b"y", 1)) == (value, b"y", 1)


@on_loop
async def test_a_connect_handler_may_refuse_and_say_why():
    sio = bellwire.AsyncServer()

    @sio.event
    async def connect(sid, environ, auth):
        if auth["how"] == "false":
            return False
        if auth["how"] == "bare":
            raise ConnectionRefusedError()
        if auth["how"] == "several":
            raise ConnectionRefusedError("no", 1, 2)
        if auth["how"] == "builtin":
            raise builtins.ConnectionRefusedError
        raise ConnectionRefusedError("no", {"code": 7})

    expected = {
        "false": {"message": "Connection rejected by server"},
        "bare": {"message": "Connection rejected by server"},
        "several": {"message": "no", "data": [1, 2]},
        "data": {"message": "no", "data": {"code": 7}},
        "builtin": {"message": "Connection refused by server"},
    }
    async with listening(sio) as url:
        for how, error in expected.items():
            one = socketio.AsyncClient(reconnection=False)
            errors = []
            one.on("connect_error", errors.append)
            with pytest.raises(socketio.exceptions.ConnectionError):
                await one.connect(url, auth={"how": how})
            assert errors == [error]
        assert len(sio._clients) == 0


@on_loop
async def test_an_exception_in_a_connect_handler_refuses_and_is_reported():
    sio = bellwire.AsyncServer()
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    @sio.event
    def connect(sid, environ):
        raise ZeroDivisionError

    async with listening(sio) as url:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with client(url):
                pass
    assert [type(one["exception"]) for one in reported] == [ZeroDivisionError]


@on_loop
async def test_a_connect_handler_may_emit_and_enter_rooms():
    sio = bellwire.AsyncServer()

    @sio.event
    async def connect(sid, environ):
        sio.enter_room(sid, "lobby")
        await asyncio.sleep(0.01)
        await sio.emit("one", sio.rooms(sid), to=sid)
        await sio.emit("two", room="lobby")
        await sio.emit("three")
        await sio.emit("not for it", skip_sid=sid)
        await sio.emit("nor this", room="elsewhere")

    @sio.event
    def ping_me(sid):
        sio.emit("four", to=sid)

    async with listening(sio) as url, client(url) as one:
        await one.emit("ping_me")
        await until(lambda: ("four",) in one.got)
        assert [event for event, *_ in one.got] == ["one", "two", "three", "four"]
        assert one.got[0][1] == ["lobby"]
        async with client(url) as two:
            await until(lambda: len(two.got) == 3)
            await until(lambda: len(one.got) == 7)
            assert [event for event, *_ in one.got[4:]] == ["two", "three", "not for it"]


@on_loop
async def test_environ_session_transport_and_rooms_of_a_client():
    sio = bellwire.AsyncServer()
    left = asyncio.get_running_loop().create_future()

    @sio.event
    async def connect(sid, environ, auth):
        assert environ["REQUEST_METHOD"] == "GET"
        assert environ["PATH_INFO"] == "/socket.io/"
        assert environ["REMOTE_ADDR"] == "127.0.0.1"
        assert environ["HTTP_X_TEST"] == "yes"
        assert "EIO=4" in environ["QUERY_STRING"]
        assert (b"x-test", b"yes") in environ["asgi.scope"]["headers"]
        assert sio.get_environ(sid) is environ
        await sio.save_session(sid, {"name": auth["name"]})

    @sio.event
    async def disconnect(sid, reason):
        async with sio.session(sid) as session:
            left.set_result((reason, session, sorted(sio.rooms(sid)) == sorted([sid, "a"])))

    @sio.event
    async def who(sid):
        sio.enter_room(sid, "a")
        async with sio.session(sid) as session:
            session["seen"] = True
        return sio.transport(sid), sio.rooms(sid) == [sid, "a"]

    async with listening(sio) as url:
        async with client(url, auth={"name": "x"}, headers={"X-Test": "yes"}) as one:
            assert await one.call("who") == ("websocket", True)
            sid = one.get_sid()
        reason, *rest = await left
        assert reason in ("client disconnect", "transport close")
        assert rest == [{"name": "x", "seen": True}, True]
        await until(lambda: len(sio._clients) == 0)
        with pytest.raises(KeyError):
            await sio.get_session(sid)
        with pytest.raises(ValueError):
            sio.enter_room(sid, "a")
        assert sio.rooms(sid) == []
        assert sio.get_environ(sid) is None


@on_loop
async def test_emits_reach_exactly_the_addressed_clients():
    sio = bellwire.AsyncServer()
    async with listening(sio) as url, client(url) as a, client(url) as b, client(url) as c:
        ids = {name: one.get_sid() for name, one in (("a", a), ("b", b), ("c", c))}
        sio.enter_room(ids["a"], "x")
        sio.enter_room(ids["b"], "x")
        sio.enter_room(ids["b"], "y")
        sio.enter_room(ids["c"], 7)
        assert sorted(sio.sids("x")) == sorted([ids["a"], ids["b"]])
        cases = [
            ({}, "abc"),
            ({"to": "x"}, "ab"),
            ({"room": "x"}, "ab"),
            ({"room": ["x", "y", 7]}, "abc"),
            ({"to": ids["b"]}, "b"),
            ({"to": [ids["b"], ids["c"]]}, "bc"),
            ({"to": "x", "skip_sid": ids["a"]}, "b"),
            ({"skip_sid": [ids["a"], ids["b"]]}, "c"),
            ({"to": 7}, "c"),
            ({"to": "nobody"}, ""),
            ({"to": []}, ""),
            ({"room": ()}, ""),
            ({"skip_sid": []}, "abc"),
        ]
        for number, (options, _) in enumerate(cases):
            await sio.emit("case", number, **options)
        await sio.send("end")
        for name, one in (("a", a), ("b", b), ("c", c)):
            await until(lambda one=one: ("message", "end") in one.got)
            expected = [("case", n) for n, (_, names) in enumerate(cases) if name in names]
            assert one.got == [*expected, ("message", "end")]
        sio.leave_room(ids["b"], "x")
        await sio.close_room("y")
        assert sio.rooms(ids["b"]) == [ids["b"]]
        assert sio.sids("x") == [ids["a"]]
        # An empty list addresses no client.
        assert sio.sids([]) == []
        assert await sio.call_all("x", to=[]) == []
        sio.enter_room_all("all", to=[])
        sio.disconnect_all(to=[])
        assert len(sio.sids()) == 3 and sio.sids("all") == []


@on_loop
async def test_call_and_its_endings():
    sio = bellwire.AsyncServer()
    async with listening(sio) as url:
        async with client(url) as one:
            sid = one.get_sid()
            one.on("none", lambda: None)
            one.on("one", lambda x: x + 1)
            one.on("two", lambda *args: args)
            never = asyncio.Event()

            @one.on("never")
            async def silent():
                await never.wait()

            assert await sio.call("none", to=sid) is None
            assert await sio.call("one", 1, sid=sid) == 2
            assert await sio.call("two", (b"1", 2), to=sid) == (b"1", 2)
            with pytest.raises(TimeoutError):
                await sio.call("never", to=sid, timeout=0.05)
            with pytest.raises(ValueError):
                await sio.call("one", 1)
            answers = []
            sio.emit("one", 5, to=sid, callback=lambda *args: answers.append(args))
            sio.emit("one", 6, callback=lambda *args: answers.append(args))
            await until(lambda: answers == [(6,), (7,)])
            assert await sio.call_all("one", 1) == [(sid, [2])]
            waiting = asyncio.ensure_future(sio.call("never", to=sid))
            await asyncio.sleep(0)
            await sio.disconnect(sid)
            with pytest.raises(ClientGoneError):
                await waiting
            never.set()
        with pytest.raises(ClientGoneError):
            await sio.call("one", 1, to=sid)
        assert sio._dispatcher._operations == {}


@on_loop
async def test_an_emit_whose_await_was_forgotten_is_sent_and_can_be_a_task():
    sio = bellwire.AsyncServer()
    async with listening(sio) as url, client(url) as one:
        sio.emit("forgotten")
        sent = sio.emit("awaited twice")
        await sent
        await sent
        await asyncio.create_task(sio.emit("task"))
        await asyncio.gather(sio.emit("gathered"), sio.emit("gathered"))
        thread = threading.Thread(target=sio.emit, args=("thread",))
        thread.start()
        thread.join()
        await until(lambda: len(one.got) == 6)
        assert [event for event, in one.got] == [
            "forgotten", "awaited twice", "task", "gathered", "gathered", "thread",
        ]  # fmt: skip


@on_loop
async def test_wildcards_stand_behind_names():
    sio = bellwire.AsyncServer(namespaces=["/", "/other"])
    sio.on("named", lambda sid, *args: ("named", *args))
    sio.on("*", lambda event, sid, *args: ("any event", event, *args))
    sio.on("named", lambda namespace, sid, *args: ("any namespace", namespace, *args), namespace="*")
    sio.on("*", lambda event, namespace, sid, *args: ("any", event, namespace, *args), namespace="*")
    async with listening(sio) as url, client(url, namespaces=["/", "/other"]) as one:
        assert await one.call("named", 1) == ("named", 1)
        assert await one.call("else", 1) == ("any event", "else", 1)
        assert await one.call("named", 1, namespace="/other") == ("any namespace", "/other", 1)
        assert await one.call("else", 1, namespace="/other") == ("any", "else", "/other", 1)


class Chat(bellwire.AsyncNamespace):
    def __init__(self, name):
        super().__init__(name)
        self.seen = []

    def on_connect(self, sid, environ):
        self.seen.append("connect")

    async def on_disconnect(self, sid):
        self.seen.append("disconnect")

    async def on_say(self, sid, text):
        await self.emit("said", text, to=sid)
        self.enter_room(sid, "r")
        return self.rooms(sid) == [sid, "r"]

    def on_plain(self, sid, *args):
        return args


@on_loop
async def test_class_based_namespaces():
    sio = bellwire.AsyncServer()
    chat = Chat("/chat")
    sio.register_namespace(chat)
    with pytest.raises(ValueError):
        sio.register_namespace(bellwire.Namespace("/x"))
    async with listening(sio) as url:
        async with client(url, namespaces=["/chat"]) as one:
            assert await one.call("say", "hi", namespace="/chat") is True
            assert await one.call("plain", (1, 2), namespace="/chat") == (1, 2)
            assert await one.call("nothing", namespace="/chat") is None
            assert one.got == [("said", "hi")]
        await until(lambda: chat.seen == ["connect", "disconnect"])


@on_loop
async def test_without_async_handlers_events_are_handled_in_order():
    sio = bellwire.AsyncServer(async_handlers=False)
    seen = []

    @sio.event
    async def work(sid, number):
        await asyncio.sleep(0.02 if number % 2 else 0)
        seen.append(number)

    @sio.event
    def disconnect(sid, reason):
        seen.append("end")

    async with listening(sio) as url:
        async with client(url) as one:
            for number in range(6):
                await one.emit("work", number)
            with pytest.raises(RuntimeError):
                await sio.call("x", to=one.get_sid())
            await one.sleep(0)
        await until(lambda: seen and seen[-1] == "end")
        assert seen[:-1] == list(range(len(seen) - 1))


@on_loop
async def test_an_exception_costs_its_event_only():
    sio = bellwire.AsyncServer()
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    @sio.event
    def plain(sid):
        raise KeyError

    @sio.event
    async def coroutine(sid):
        raise ValueError

    sio.on("unwritable", lambda sid: object())
    sio.on("good", lambda sid: "good")
    async with listening(sio) as url, client(url) as one:
        for event in ("plain", "coroutine", "unwritable"):
            await one.emit(event, callback=lambda *args: None)
        assert await one.call("good") == "good"
        await until(lambda: len(reported) == 3)
    assert {type(one["exception"]) for one in reported} == {KeyError, ValueError, TypeError}


@on_loop
async def test_events_can_be_filtered_and_watched():
    sio = bellwire.AsyncServer()
    seen = []

    @sio.use
    async def decide(sid, event, *args):
        await asyncio.sleep(0)
        return event != "bad"

    sio.on("*", lambda event, sid, *args: seen.append(event))
    sio.on("last", lambda sid: True)
    for what in ("joined", "disconnecting", "outgoing", "room"):
        sio.watch(what, lambda *args, what=what: seen.append((what, *args)))
    with pytest.raises(ValueError):
        sio.watch("nothing", print)
    async with listening(sio) as url:
        async with client(url) as one:
            sid = one.get_sid()
            for event in ("good", "bad", "better"):
                await one.emit(event)
            assert await one.call("last") is True
            await sio.emit("out", 1)
            await until(lambda: ("out", 1) in one.got)
        await until(lambda: any(known[0] == "disconnecting" for known in seen))
    assert ("joined", sid) in seen and ("outgoing", sid, "out", 1) in seen
    assert ("room", "join", sid, sid) in seen
    assert [event for event in seen if isinstance(event, str)] == ["good", "better"]


@on_loop
async def test_engineio_messages():
    eio = bellwire.engineio.AsyncServer()
    seen = []
    eio.on("connect", lambda sid, environ: seen.append(environ["PATH_INFO"]))
    eio.on("message", lambda sid, data: eio.send(sid, data))
    eio.on("disconnect", lambda sid, reason: seen.append(reason))
    async with listening(eio) as url:
        for transport in ("polling", "websocket"):
            one = engineio.AsyncClient()
            got = []
            one.on("message", got.append)
            await one.connect(url, transports=[transport])
            await one.send("text")
            await one.send(b"bytes")
            await until(lambda got=got: got == ["text", b"bytes"])
            await one.disconnect()
        await until(lambda: len(seen) == 4)
    assert seen.count("/engine.io/") == 2


@on_loop
async def test_other_ways_to_listen_and_the_events_of_the_engine():
    sio = bellwire.AsyncServer()
    sio.on("echo", lambda sid, x: x)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sio.listen_socket(listener)
        async with client(f"http://127.0.0.1:{listener.getsockname()[1]}") as one:
            assert await one.call("echo", 1) == 1
            assert sio.stat("sockets_count") == 1
            assert sio.stat("unknown") is None
            assert "bellwire_sockets_count 1\n" in sio.metrics()
            assert sio.round_trip(one.get_sid()) is None
    with tempfile.TemporaryDirectory() as folder:
        sio.listen_unix(folder + "/socket", 0o600)
        reader, writer = await asyncio.open_unix_connection(folder + "/socket")
        writer.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"404"
        writer.close()
    await sio.shutdown()


@on_loop
async def test_a_burst_reaches_a_client_that_reads():
    sio = bellwire.AsyncServer()
    async with listening(sio) as url, client(url) as one:
        for number in range(1000):
            await sio.emit("big", (number, "x" * 10_000))
        await until(lambda: len(one.got) == 1000)
        assert [got[1] for got in one.got] == list(range(1000))
        assert one.connected


@on_loop
async def test_events_dropped_for_a_full_send_buffer_are_reported():
    engine = {"sendBufferMax": 100_000, "sendBufferHigh": 50_000, "sendBufferLow": 10_000}
    sio = bellwire.AsyncServer(options={"engine": engine})
    dropped: list[tuple[str, int]] = []
    sio.watch("dropped", lambda sid, count: dropped.append((sid, count)))
    sids: list[str] = []
    sio.on("connect", lambda sid, environ: sids.append(sid))
    async with listening(sio) as url, aiohttp.ClientSession() as session:
        polls = f"{url}/socket.io/?EIO=4&transport=polling"
        async with session.get(polls) as answer:
            polls += "&sid=" + json.loads((await answer.text())[1:])["sid"]
        async with session.post(polls, data="40"):
            await until(lambda: bool(sids))
        for number in range(100):
            await sio.emit("big", (number, "x" * 10_000))
        got = 0
        while got == 0:
            async with session.get(polls) as answer:
                got += (await answer.text()).count('42["big"')
        await until(lambda: got + sum(count for _, count in dropped) == 100)
        assert {sid for sid, _ in dropped} == set(sids)
