"""The server for programs without asyncio."""

import logging
import threading

import pytest
import socketio

import bellwire
from bellwire import _pool
from bellwire.exceptions import BadNamespaceError, ClientGoneError, ConnectionRefusedError, TimeoutError
from support import PATIENCE_S


@pytest.fixture
def serve():
    servers = []

    def start(sio):
        servers.append(sio)
        return f"http://127.0.0.1:{sio.listen()}"

    yield start
    for sio in servers:
        sio.shutdown()
    assert [one.name for one in threading.enumerate() if one.name.startswith("bellwire-dispatcher")] == []


@pytest.fixture
def connect():
    clients = []

    def connect(url, **options):
        one = socketio.Client(reconnection=False)
        one.got = []
        one.on("*", lambda event, *args: one.got.append((event, *args)))
        options.setdefault("transports", ["websocket"])
        one.connect(url, **options)
        clients.append(one)
        return one

    yield connect
    for one in clients:
        one.disconnect()


def test_events_calls_and_rooms(serve, connect):
    sio = bellwire.Server()
    left = threading.Event()

    @sio.event
    def connected_clients(sid):
        return sio.sids()

    @sio.on("connect")
    def joined(sid, environ, auth):
        if auth == {"no": True}:
            raise ConnectionRefusedError("no")
        sio.enter_room(sid, "lobby")
        with sio.session(sid) as session:
            session["auth"] = auth

    @sio.event
    def disconnect(sid, reason):
        assert sio.get_session(sid) == {"auth": {"name": "x"}}
        left.set()

    sio.on("echo", lambda sid, *args: args)
    sio.on("ask", lambda sid: sio.call("question", 1, to=sid))
    url = serve(sio)
    one = connect(url, auth={"name": "x"})
    one.on("question", lambda x: x + 1)
    assert one.call("echo", (1, b"2")) == (1, b"2")
    assert one.call("ask") == 2
    assert one.call("connected_clients") == [one.get_sid()]
    assert sio.call_all("question", 5, to="lobby") == [(one.get_sid(), [6])]
    assert sio.call_all("question", 5, to=[]) == []
    with pytest.raises(BadNamespaceError):
        sio.call_all("question", namespace="/none")
    with pytest.raises(ClientGoneError):
        sio.call("question", to="nobody")
    answer = threading.Event()
    one.on("silent", lambda: answer.wait(PATIENCE_S))
    with pytest.raises(TimeoutError):
        sio.call("silent", to=one.get_sid(), timeout=0.05)
    answer.set()
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect(url, auth={"no": True})
    one.disconnect()
    assert left.wait(PATIENCE_S)


def test_a_coroutine_handler_is_refused_when_it_is_registered():
    async def handler(sid):
        pass

    with pytest.raises(TypeError, match="AsyncServer"):
        bellwire.Server().on("event", handler)


def test_handlers_run_side_by_side_and_may_block(serve, connect):
    sio = bellwire.Server()
    both = threading.Barrier(2)
    sio.on("meet", lambda sid: both.wait(PATIENCE_S) is not None)
    one = connect(serve(sio))
    met = []
    arrived = threading.Semaphore(0)
    for _ in range(2):
        one.emit("meet", callback=lambda result: (met.append(result), arrived.release()))
    for _ in range(2):
        assert arrived.acquire(timeout=PATIENCE_S)
    assert met == [True, True]


def test_forty_handlers_wait_for_the_event_after_them(serve, connect):
    sio = bellwire.Server()
    waiting, go = threading.Semaphore(0), threading.Event()

    @sio.event
    def wait(sid):
        waiting.release()
        return go.wait(PATIENCE_S)

    sio.on("go", lambda sid: go.set())
    one = connect(serve(sio))
    results, ended = [], threading.Semaphore(0)
    for _ in range(40):
        one.emit("wait", callback=lambda result: (results.append(result), ended.release()))
    for _ in range(40):
        assert waiting.acquire(timeout=PATIENCE_S)
    one.emit("go")
    for _ in range(40):
        assert ended.acquire(timeout=PATIENCE_S)
    assert results == [True] * 40


def test_the_log_says_that_all_handler_threads_are_busy(serve, connect, monkeypatch):
    monkeypatch.setattr(_pool, "REPORT_AFTER_S", 0.1)
    monkeypatch.setattr(_pool, "REPORT_EVERY_S", 600)
    sio = bellwire.Server(handler_threads=2)
    go, done = threading.Event(), threading.Semaphore(0)

    @sio.event
    def wait(sid):
        go.wait(PATIENCE_S)
        done.release()

    said, records = threading.Event(), []

    class Heard(logging.Handler):
        def emit(self, record):
            if record.levelno == logging.WARNING:
                records.append(record)
                said.set()

    sio.logger.addHandler(handler := Heard())
    one = connect(serve(sio))
    for _ in range(5):
        one.emit("wait")
    assert said.wait(PATIENCE_S)
    go.set()
    for _ in range(5):
        assert done.acquire(timeout=PATIENCE_S)
    sio.logger.removeHandler(handler)
    [record] = records
    threads, waiting, age = record.args
    assert (threads, waiting) == (2, 3) and age >= 0.1
    assert "the oldest for" in record.getMessage()


def test_without_async_handlers_each_client_has_its_order(serve, connect):
    sio = bellwire.Server(async_handlers=False)
    seen = []
    sio.on("work", lambda sid, number: seen.append(number))
    sio.on("done", lambda sid: list(seen))
    one = connect(serve(sio))
    for number in range(200):
        one.emit("work", number)
    assert one.call("done") == list(range(200))
    with pytest.raises(RuntimeError):
        sio.call("x", to=one.get_sid())


class Numbers(bellwire.Namespace):
    def on_connect(self, sid, environ):
        self.enter_room(sid, "all")

    def on_double(self, sid, number):
        self.emit("doubled", number * 2, room="all")
        return self.rooms(sid) == [sid, "all"]


def test_class_based_namespaces(serve, connect):
    sio = bellwire.Server()
    sio.register_namespace(Numbers("/numbers"))
    with pytest.raises(ValueError):
        sio.register_namespace(bellwire.AsyncNamespace("/x"))
    one = connect(serve(sio), namespaces=["/numbers"])
    doubled = threading.Event()
    one.on("doubled", lambda number: number == 6 and doubled.set(), namespace="/numbers")
    assert one.call("double", 3, namespace="/numbers") is True
    assert doubled.wait(PATIENCE_S)
