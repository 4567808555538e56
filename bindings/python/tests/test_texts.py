"""Texts and numbers of clients that Python or UTF-8 cannot represent."""

import asyncio
import threading

import pytest
import socketio

import bellwire
from bellwire.exceptions import BadAnswerError
from support import on_loop, raw_client, until

HALVES = ["\ud83d", "a\ude00", "\ud83d\ud83d", {"\ud800": "\udfff"}]


@pytest.mark.parametrize("module", [bellwire, socketio])
@on_loop
async def test_halves_of_surrogate_pairs_travel_like_any_text(module):
    sio = module.AsyncServer()
    joined = []

    @sio.event
    def connect(sid, environ, auth):
        joined.append(auth)

    sio.on("echo", lambda sid, *args: args)

    @sio.on("name \ud83d")
    async def answer(sid):
        await sio.emit("name \ude00", "\ud83d", to=sid)

    async with raw_client(sio, auth='{"token":"a\\ud83d"}') as one:
        assert joined == [{"token": "a\ud83d"}]
        await one.send('421["echo","a\\ud83d",{"\\ude00":"\\ud83d\\ud83d"}]')
        assert await one.receive() == '431["a\\ud83d",{"\\ude00":"\\ud83d\\ud83d"}]'
        await one.send('42["name \\ud83d"]')
        assert await one.receive() == '42["name \\ude00","\\ud83d"]'
        await one.send('422["echo","the connection lives"]')
        assert await one.receive() == '432["the connection lives"]'


@on_loop
async def test_filters_watchers_and_every_handler_see_the_exact_name():
    sio = bellwire.AsyncServer()
    seen = []
    sio.use(lambda sid, event, *args: seen.append(("filter", event)))
    sio.watch("outgoing", lambda sid, event, *args: seen.append(("outgoing", event)))
    sio.on("*", lambda event, sid, *args: seen.append(("handler", event)))
    async with raw_client(sio) as one:
        await one.send('421["\\ud83d"]')
        assert await one.receive() == "431[]"
        sio.emit("\ude00")
        assert await one.receive() == '42["\\ude00"]'
        sio.emit("\ude00", b"bytes")
        assert await one.receive() == '451-["\\ude00",{"_placeholder":true,"num":0}]'
        assert await one.receive() == b"bytes"
    assert seen == [("filter", "\ud83d"), ("handler", "\ud83d"), ("outgoing", "\ude00"), ("outgoing", "\ude00")]


@on_loop
async def test_rooms_whose_names_differ_in_unpaired_surrogates_are_different_rooms():
    sio = bellwire.AsyncServer()
    changes = []
    sio.watch("room", lambda change, room, sid: changes.append(room))
    names = ["\ud83d", "\ude00", "\ufffd", "\U0010ffff", "a\ud83d", "\U0001f600"]
    async with raw_client(sio) as one:
        sid = sio.sids()[0]
        for name in names:
            sio.enter_room(sid, name)
            assert sio.sids(name) == [sid]
        assert sio.rooms(sid) == [sid, *names]
        sio.leave_room(sid, "\ud83d")
        assert sio.sids("\ud83d") == [] and sio.sids("\ude00") == [sid]
        sio.emit("to", to="\ude00")
        assert await one.receive() == '42["to"]'
        assert set(names) <= set(await until(lambda: changes))
        sio.emit("nobody", to="\ud83d")
        sio.disconnect("\ud83d")
        assert not sio.is_connected("\ud83d")


@on_loop
async def test_a_refusal_may_have_any_text():
    sio = bellwire.AsyncServer()

    @sio.event
    def connect(sid, environ, auth):
        raise bellwire.exceptions.ConnectionRefusedError("no \ud83d", "\ud83d")

    async with raw_client(sio, joins=False) as one:
        assert await one.receive() == '44{"message":"no \ufffd","data":"\\ud83d"}'


#: An answer that Python refuses to parse: an integer with more digits than `int` accepts.
LONG = "9" * 5_000


@on_loop
async def test_an_answer_that_python_cannot_read_ends_the_call():
    sio = bellwire.AsyncServer()
    faults = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    async with raw_client(sio) as one:
        sid = sio.sids()[0]
        calls = [
            asyncio.ensure_future(sio.call("ask", to=sid, timeout=None)),
            asyncio.ensure_future(sio.call_all("ask", timeout=600)),
        ]
        await asyncio.sleep(0)
        sio.emit("ask", to=sid, callback=lambda *args: pytest.fail("there was nothing to read"))
        for _ in range(3):
            question = await one.receive()
            await one.send(f"43{question[2 : question.index('[')]}[{LONG}]")
        for call in calls:
            with pytest.raises(BadAnswerError, match=f"{sid}.*5000 digits.*received 5002 bytes: .99999"):
                await call
        await until(lambda: faults)
        assert [type(error) for error in faults] == [BadAnswerError]
        sio_call = asyncio.ensure_future(sio.call("ask", to=sid))
        question = await one.receive()
        await one.send(f'43{question[2 : question.index("[")]}["\\ud800"]')
        assert await sio_call == "\ud800"


@on_loop
async def test_such_answers_end_the_calls_of_threads():
    sio = bellwire.Server()
    ended = []

    def ask():
        try:
            sio.call("ask", to=sid, timeout=600)
        except BadAnswerError as error:
            ended.append(str(error))

    async with raw_client(sio) as one:
        sid = sio.sids()[0]
        threads = [threading.Thread(target=ask) for _ in range(40)]
        for thread in threads:
            thread.start()
        for _ in threads:
            question = await one.receive()
            await one.send(f"43{question[2 : question.index('[')]}[{LONG}]")
        for thread in threads:
            await asyncio.to_thread(thread.join)
    assert len(ended) == 40 and all("5000 digits" in text for text in ended)


@on_loop
async def test_an_event_that_python_cannot_read_is_reported_with_its_name():
    sio = bellwire.AsyncServer()
    faults = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    sio.on("number", lambda sid, number: number)
    async with raw_client(sio) as one:
        await one.send(f'42["number",{LONG}]')
        await one.send('421["number",7]')
        assert await one.receive() == "431[7]"
        assert [fault["message"] for fault in faults] == [f"exception in the event 'number' of {sio.sids()[0]}"]
        assert "5000 digits" in str(faults[0]["exception"])
