"""Failing handlers, clients and loggers affect one client or one event, and leave no state behind."""

import asyncio
import json
import logging
import threading

import aiohttp
import pytest

import bellwire
from bellwire import _pool, exceptions
from bellwire._clients import Client
from bellwire._dispatch import Dispatcher
from support import PATIENCE_S, listening, on_loop, raw, serving, until

KINDS = [bellwire.AsyncServer, bellwire.Server]
#: JSON that Python refuses to parse.
UNREADABLE = '{"n":%s}' % ("9" * 5000)


def faults_of(sio):
    """Returns the list to which later reports are added."""
    told = []
    if sio.is_asyncio_based():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    else:
        sio.logger = logging.Logger("faults")
        handler = logging.Handler()
        handler.emit = lambda record: told.append(record.exc_info[1])
        sio.logger.addHandler(handler)
    return told


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@on_loop
async def test_a_client_whose_auth_cannot_be_read_is_refused(kind, always):
    sio = kind(always_connect=always)
    faults, called = faults_of(sio), []
    sio.on("connect", lambda sid, environ, auth: called.append("connect"))
    sio.on("disconnect", lambda sid: called.append("disconnect"))
    async with serving(sio) as url, raw(url) as one:
        await one.send(f"40{UNREADABLE}")
        if always:
            assert str(await one.receive()).startswith("40{")
            assert await one.receive() == "41"
        else:
            assert await one.receive() == '44{"message":"Connection rejected by server"}'
        await until(lambda: len(sio._clients) == 0 and sio.sids() == [] and faults)
        # The connection is still open for another attempt.
        await one.send('40{"n":1}')
        assert str(await one.receive()).startswith("40{")
        await until(lambda: called == ["connect"])
    assert [type(error) for error in faults] == [ValueError]


@pytest.mark.parametrize("kind", KINDS)
@on_loop
async def test_a_refusal_with_data_that_is_not_json_is_sent_without_the_data(kind):
    sio = kind()
    faults = faults_of(sio)

    @sio.event
    def connect(sid, environ):
        raise exceptions.ConnectionRefusedError("no", {1, 2})

    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        assert await one.receive() == '44{"message":"no"}'
        await until(lambda: len(sio._clients) == 0 and faults)
    assert [type(error) for error in faults] == [TypeError]


def test_all_exceptions_are_exported():
    errors = {name for name, one in vars(exceptions).items() if isinstance(one, type) and issubclass(one, Exception)}
    assert set(exceptions.__all__) == errors


def test_a_client_that_joins_while_it_is_disconnected():
    class Joins(Client):
        """A client that joins right after its open decision was read."""

        @property
        def question(self):
            asked, self.left = self.left, None
            return asked

        @question.setter
        def question(self, question):
            self.left = question

    class Accepted:
        def reject(self, message):
            return False

    class Socket:
        sid = "x"
        connected = False

    sio = bellwire.Server()
    client = sio._clients._by_sid["x"] = Joins(Socket())
    client.question = Accepted()
    assert Dispatcher(sio).refuse_joining(client.socket, False)
    assert client.early_disconnect is False


@on_loop
async def test_a_client_that_leaves_as_it_is_refused_has_no_disconnect():
    sio = bellwire.Server(always_connect=True)
    told, leave, gone = [], threading.Event(), threading.Event()

    class Leaving:
        """A lock; when it is released after the connect handler, the client leaves before any other code runs."""

        def __init__(self):
            self.lock = threading.Lock()

        def __enter__(self):
            self.lock.acquire()

        def __exit__(self, *_):
            self.lock.release()
            if threading.current_thread().name.startswith("bellwire-handler") and not leave.is_set():
                leave.set()
                gone.wait(PATIENCE_S)

    sio.on("connect", lambda sid, environ: False)
    sio.on("disconnect", lambda sid: told.append("disconnect"))
    async with serving(sio) as url:
        dispatcher = sio._dispatcher
        dispatcher._leaving = Leaving()
        forget = sio._clients.forget
        sio._clients.forget = lambda sid: (forget(sid), gone.set())
        async with raw(url) as one:
            await one.send("40")
            assert await asyncio.to_thread(leave.wait, PATIENCE_S)
        assert await asyncio.to_thread(gone.wait, PATIENCE_S)
        await until(lambda: sio.stat("clients_count") == 0)
    assert told == []


@on_loop
async def test_a_cancelled_handler_does_not_drop_the_events_behind_it():
    sio = bellwire.AsyncServer(async_handlers=False)
    done = []

    @sio.event
    async def end(sid, number):
        done.append(number)
        if number == 0:
            await go.wait()
        if number % 2:
            asyncio.current_task().cancel()
            await asyncio.sleep(0)
        raise asyncio.CancelledError

    go = asyncio.Event()

    @sio.event
    async def last(sid):
        done.append("last")

    sio.on("disconnect", lambda sid: done.append("left"))
    async with serving(sio) as url:
        async with raw(url) as one:
            await one.send("40")
            await one.receive()
            for number in range(50):
                await one.send(f'42["end",{number}]')
            await one.send('42["last"]')
            await one.send("41")
            await until(lambda: [len(jobs) for jobs in sio._dispatcher._waiting.values()] == [51])
            go.set()
            await until(lambda: "left" in done)
        await until(lambda: sio._dispatcher._waiting == {})
    assert done == [*range(50), "last", "left"]


@on_loop
async def test_an_emit_with_a_callback_that_fails_leaves_nothing_behind():
    engine = {"sendBufferMax": 100_000, "sendBufferHigh": 50_000, "sendBufferLow": 10_000}
    sio = bellwire.AsyncServer(options={"engine": engine})
    sids = []
    sio.on("connect", lambda sid, environ: sids.append(sid))
    async with listening(sio) as url, aiohttp.ClientSession() as session, raw(url) as free:
        # A client that does not poll.
        polls = f"{url}/socket.io/?EIO=4&transport=polling"
        async with session.get(polls) as answer:
            polls += "&sid=" + json.loads((await answer.text())[1:])["sid"]
        async with session.post(polls, data="40"):
            await until(lambda: len(sids) == 1)
        await free.send("40")
        assert str(await free.receive()).startswith("40{")
        with pytest.raises(TypeError):
            sio.emit("x", {1}, callback=print)
        assert sio._dispatcher._operations == {}
        with pytest.raises(exceptions.SendBufferFullError):
            for _ in range(100):
                sio.emit("x", "x" * 10_000, to=sids[0])
        with pytest.raises(exceptions.SendBufferFullError):
            sio.emit("x", "x" * 10_000, to=sids[0], callback=print)
        assert sio._dispatcher._operations == {}
        answered = []
        sio.emit("y", "y" * 10_000, callback=answered.append)
        event = str(await free.receive())
        assert '["y",' in event
        await free.send("43" + event[2 : event.index("[")] + '["read"]')
        await until(lambda: answered)
        assert answered == ["read"] and sio._dispatcher._operations == {}


class Broken(logging.Handler):
    """A logging handler that raises an exception."""

    def __init__(self):
        super().__init__()
        self.called = threading.Semaphore(0)

    def emit(self, record):
        self.called.release()
        raise OSError("the log cannot be written")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("ordered", [False, True])
@on_loop
async def test_a_logger_that_raises_costs_no_thread(ordered, monkeypatch, capfd):
    monkeypatch.setattr(_pool, "REPORT_AFTER_S", 0.0)
    monkeypatch.setattr(_pool, "REPORT_EVERY_S", 0.0)
    logger = logging.Logger("broken", logging.DEBUG)
    logger.addHandler(broken := Broken())
    sio = bellwire.Server(handler_threads=2, async_handlers=not ordered, logger=logger)
    sio._log.logs_events = False
    fail = threading.Event()

    @sio.event
    def wrong(sid):
        raise ValueError("from a handler")

    sio.watch("joined", lambda sid: fail.is_set() and 1 / 0)
    go = threading.Event()
    sio.on("wait", lambda sid: go.wait(PATIENCE_S))
    sio.on("echo", lambda sid, value: value)
    async with serving(sio) as url:
        for _ in range(3):
            async with raw(url) as one:
                await one.send("40")
                assert str(await one.receive()).startswith("40{")
                for _ in range(5):
                    await one.send('42["wrong"]')
                await one.send('421["echo",1]')
                assert await one.receive() == "431[1]"
                fail.set()
        pool, dispatcher = sio._dispatcher.pool, sio._dispatcher
        assert dispatcher.thread.is_alive() and pool._threads <= 2
        # All threads are busy, so a warning is logged.
        async with raw(url) as one, raw(url) as two, raw(url) as three:
            for each in (one, two, three):
                await each.send("40")
                assert str(await each.receive()).startswith("40{")
                await each.send('42["wait"]')
            await until(lambda: pool._jobs and pool._watched)
            while broken.called.acquire(blocking=False):
                pass
            assert await asyncio.to_thread(broken.called.acquire, timeout=PATIENCE_S)
            go.set()
            await three.send('421["echo",2]')
            assert await three.receive() == "431[2]"
            await until(lambda: not pool._watched)
        assert dispatcher.thread.is_alive()
    assert "from a handler" in capfd.readouterr().err


def test_a_start_that_fails_leaves_a_server_that_can_be_started():
    async def main():
        sio = bellwire.AsyncServer()
        sio.on("echo", lambda sid, value: value)
        loop = asyncio.get_running_loop()
        loop.add_reader, add_reader = None, loop.add_reader
        with pytest.raises(TypeError):
            sio.listen()
        loop.add_reader = add_reader
        await asyncio.wait_for(sio.shutdown(), PATIENCE_S)
        await served(sio)
        sio.serve_file("/file", b"", "a\r\nb")
        with pytest.raises(ValueError):
            sio.listen()
        assert sio.stat("clients_count") is None
        sio._files.clear()
        await served(sio)

    asyncio.run(main())


def test_a_start_without_a_thread_leaves_a_server_that_can_be_started(monkeypatch):
    sio = bellwire.Server()
    sio.on("echo", lambda sid, value: value)

    def no_thread(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            sio.listen()
    sio.shutdown(0.1)
    asyncio.run(served(sio))


async def served(sio):
    async with serving(sio) as url, raw(url) as one:
        await one.send("40")
        assert str(await one.receive()).startswith("40{")
        await one.send('421["echo",1]')
        assert await asyncio.wait_for(one.receive(), PATIENCE_S) == "431[1]"
