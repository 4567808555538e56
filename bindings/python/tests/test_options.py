"""Options: which are accepted, their effects, and the errors for the others."""

import asyncio
import logging

import pytest
import socketio

import bellwire
from support import client, listening, on_loop, until

LATER = [
    ({"client_manager": object()}, "client_manager.*own process"),
    ({"json": __import__("json")}, "json: the engine"),
    ({"serializer": "msgpack"}, "'msgpack'.*'default'"),
    ({"namespaces": "*"}, r"namespaces='\*'.*named"),
    ({"namespaces": ["/", "*"]}, r"namespaces='\*'.*named"),
    ({"async_mode": "asgi"}, r"'asgi'.*run\(\)"),
    ({"async_mode": "eventlet"}, r"'eventlet'.*run\(\)"),
    ({"options": {"perMessageDeflate": True}}, "perMessageDeflate"),
]


@pytest.mark.parametrize("kind", [bellwire.AsyncServer, bellwire.Server])
@pytest.mark.parametrize(("options", "words"), LATER, ids=lambda part: str(part)[:30])
def test_an_unsupported_option_raises_an_error_that_names_it(kind, options, words):
    with pytest.raises(NotImplementedError, match=words):
        kind(**options)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ping_intervall", "did you mean 'ping_interval'"),
        ("cors_allow_origins", "did you mean 'cors_allowed_origins'"),
        ("max_http_buffersize", "did you mean 'max_http_buffer_size'"),
        ("xyzzy", "no option 'xyzzy'$"),
    ],
)
@pytest.mark.parametrize("kind", [bellwire.AsyncServer, bellwire.Server, bellwire.engineio.AsyncServer])
def test_an_unknown_option_names_the_nearest(kind, name, words):
    with pytest.raises(TypeError, match=words):
        kind(**{name: 1})


def test_an_unknown_option_may_be_near_one_of_a_server_with_threads():
    with pytest.raises(TypeError, match="did you mean 'handler_threads'"):
        bellwire.Server(handler_thread=3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ping_timeout": -1}, "pingTimeout"),
        ({"transports": ["pigeon"]}, "pigeon"),
        ({"max_http_buffer_size": 0}, "maxHttpBufferSize"),
        ({"options": {"engine": {"workerThread": 2}}}, "workerThreads"),
        ({"cors_allowed_origins": "not an origin"}, "origin"),
    ],
    ids=str,
)
def test_an_invalid_value_raises_an_error_when_the_server_is_created(options, words):
    with pytest.raises(ValueError, match=words):
        bellwire.AsyncServer(**options)


def test_missing_names_of_python_socketio_name_the_alternative():
    for name, words in {
        "ASGIApp": "listens by itself",
        "AsyncRedisManager": "own process",
        "AsyncClient": "python-socketio",
        "unknown": "unknown",
    }.items():
        with pytest.raises(AttributeError, match=words):
            getattr(bellwire, name)
    sio = bellwire.AsyncServer()
    for name, words in {
        "manager": "sids",
        "attach": "listens by itself",
        "enter_rom": "did you mean 'enter_room'",
        "_private": "_private",
    }.items():
        with pytest.raises(AttributeError, match=words):
            getattr(sio, name)
    assert not hasattr(sio, "nothing")


async def _get(url, origin):
    """Returns the status and the headers of the response to the first request of a page."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    host = url.removeprefix("http://")
    head = f"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {host}\r\n"
    writer.write(f"{head}Origin: {origin.replace('OWN', url)}\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    status, *lines = answer.partition("\r\n\r\n")[0].split("\r\n")
    return int(status.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}


EVIL, GOOD = "http://evil.example", "http://good.example"


@on_loop
async def test_pages_of_other_origins_are_refused_unless_allowed():
    def by_environ(origin, environ):
        assert environ["HTTP_ORIGIN"] == origin
        assert environ["PATH_INFO"] == "/socket.io/"
        return origin == GOOD

    cases = [
        (None, {"OWN": 200, EVIL: 403}),
        ("*", {"OWN": 200, EVIL: 200}),
        (["*"], {EVIL: 200}),
        ([], {EVIL: 200}),
        ([GOOD], {GOOD: 200, EVIL: 403}),
        (GOOD, {GOOD: 200, "OWN": 403}),
        (lambda origin: origin == GOOD, {GOOD: 200, EVIL: 403}),
        (by_environ, {GOOD: 200, EVIL: 403}),
    ]
    for allowed, expected in cases:
        # The shutdown would wait for a session that is never polled.
        async with listening(bellwire.AsyncServer(cors_allowed_origins=allowed), timeout=0) as url:
            for origin, wanted in expected.items():
                status, headers = await _get(url, origin)
                assert status == wanted, (allowed, origin)
                if status == 200 and allowed:
                    # With these two headers, browsers send and store cookies.
                    assert headers["access-control-allow-origin"] == origin.replace("OWN", url)
                    assert headers["access-control-allow-credentials"] == "true"
                if allowed == [] or allowed is None:
                    assert "access-control-allow-origin" not in headers


@on_loop
async def test_a_function_of_origins_that_fails_refuses():
    def fails(origin):
        raise ZeroDivisionError

    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    async with listening(bellwire.AsyncServer(cors_allowed_origins=fails), timeout=0) as url:
        assert (await _get(url, GOOD))[0] == 403
    assert [type(one["exception"]) for one in reported] == [ZeroDivisionError]

    async def later(origin):
        return True

    with pytest.raises(TypeError):
        bellwire.AsyncServer(cors_allowed_origins=later)


@on_loop
async def test_transports_and_sizes():
    async with listening(bellwire.AsyncServer(transports="websocket"), timeout=0) as url:
        assert (await _get(url, "OWN"))[0] == 400
        async with client(url):
            pass
    sio = bellwire.AsyncServer(max_http_buffer_size=1000)
    sio.on("size", lambda sid, text: len(text))
    async with listening(sio) as url, client(url) as one:
        assert await one.call("size", "x" * 900) == 900
        await one.emit("size", "x" * 1100)
        await until(lambda: not one.connected)


@on_loop
async def test_always_connect_lets_in_first_and_asks_then():
    sio = bellwire.AsyncServer(always_connect=True)

    @sio.event
    async def connect(sid, environ):
        assert sio.is_connected(sid)
        sio.emit("welcome", to=sid)
        return environ.get("HTTP_X_GOOD") == "yes"

    async with listening(sio) as url:
        async with client(url, headers={"X-Good": "yes"}) as one:
            await until(lambda: one.got == [("welcome",)])
        left = asyncio.Event()
        bad = socketio.AsyncClient(reconnection=False)
        bad.on("disconnect", left.set)
        await bad.connect(url, transports=["websocket"])
        await asyncio.wait_for(left.wait(), 10)
        await bad.disconnect()


@on_loop
async def test_a_logger_hears_of_events():
    lines = []
    logger = logging.Logger("own", logging.INFO)
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)
    sio = bellwire.AsyncServer(logger=logger, engineio_logger=logger)
    sio.on("echo", lambda sid, x: x)
    async with listening(sio) as url:
        async with client(url) as one:
            sid = one.get_sid()
            assert await one.call("echo", 1) == 1
            sio.emit("news", to="room")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        writer.write(b"GET /socket.io/?EIO=1&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readline()
        writer.close()
        await until(lambda: any(line.startswith("refused /socket.io/?EIO=1") for line in lines))
    assert f"received 'echo' from {sid} in /" in lines
    assert "emitted 'news' to room in /" in lines


def test_logger_true_logs_events_to_the_logger_of_the_package(capsys):
    sio = bellwire.AsyncServer(logger=True)
    assert sio.logger.name == "bellwire"
    assert sio.logger.isEnabledFor(logging.INFO)
    assert not bellwire.AsyncServer()._log.logs_events
