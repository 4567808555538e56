"""The loop, the lock of the interpreter, signals, and the end of the program."""

import asyncio
import signal
import time

import pytest
import socketio
from support import client, listening, on_loop, output, start, until

import bellwire


async def _flood_a_blocked_loop(**options):
    """A client sends 1 000 events while a handler blocks the loop for longer than a session may be silent."""
    sio = bellwire.AsyncServer(ping_interval=0.2, ping_timeout=3, **options)
    seen = []
    sio.on("block", lambda sid: time.sleep(6))
    sio.on("count", lambda sid, number: seen.append(number))
    sio.on("end", lambda sid: seen.append("end"))
    sio.on("disconnect", lambda sid, reason: seen.append(reason))
    program = """
        import socketio
        one = socketio.Client(reconnection=False)
        one.connect("URL", transports=["websocket"])
        one.emit("block")
        for number in range(1000):
            one.emit("count", number)
        one.call("end", timeout=20)
        print("served")
        one.disconnect()
    """
    async with listening(sio) as url:
        process = start(program.replace("URL", url))
        out, err = await asyncio.to_thread(process.communicate, timeout=60)
        assert (out, err) == ("served\n", "")
        await until(lambda: len(seen) == 1002)
    assert seen[:1001] == [*range(1000), "end"]


@on_loop
async def test_a_handler_that_blocks_loses_no_client():
    await _flood_a_blocked_loop()


@on_loop
async def test_a_full_queue_stops_reading_and_loses_no_event_and_no_client():
    await _flood_a_blocked_loop(options={"engine": {"pollQueueEvents": 50}})


@pytest.mark.parametrize("kind", ["AsyncServer", "Server"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_run(kind, number):
    process = start(
        f"""
        sio = bellwire.{kind}()
        sio.run(port=0, on_listening=lambda port: print(port, flush=True))
        print("ended")
        """
    )
    port = int(process.stdout.readline())
    one = socketio.Client(reconnection=False)
    one.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "ended\n", "")
    one.disconnect()


def test_a_program_ends_by_itself_after_shutdown():
    assert output(
        """
        import asyncio
        async def main():
            sio = bellwire.AsyncServer()
            sio.listen()
            await sio.shutdown()
            await sio.shutdown()
        asyncio.run(main())
        sio = bellwire.Server()
        sio.listen()
        sio.shutdown()
        print("end")
        """
    ) == "end\n"


def test_a_program_ends_although_nothing_was_shut_down():
    assert output(
        """
        import asyncio
        async def main():
            global sio
            sio = bellwire.AsyncServer()
            sio.listen()
        asyncio.run(main())
        threads = bellwire.Server()
        threads.listen()
        print("end")
        """
    ) == "end\n"


def test_a_server_can_be_started_again():
    async def main():
        sio = bellwire.AsyncServer()
        sio.on("echo", lambda sid, x: x)
        for _ in range(3):
            async with listening(sio) as url, client(url) as one:
                assert await one.call("echo", 1) == 1

    asyncio.run(main())


def test_an_exception_that_is_to_end_the_program_does():
    process = start(
        """
        import asyncio, socketio, threading
        async def main():
            sio = bellwire.AsyncServer()
            @sio.event
            def end(sid):
                raise KeyboardInterrupt
            port = sio.listen()
            def client():
                one = socketio.Client(reconnection=False)
                one.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
                one.emit("end")
            threading.Thread(target=client, daemon=True).start()
            await sio.serve()
        asyncio.run(main())
        """
    )
    _, err = process.communicate(timeout=20)
    assert process.returncode != 0
    assert err.rstrip().endswith("KeyboardInterrupt")


def test_what_comes_before_the_start_is_for_nobody():
    sio = bellwire.AsyncServer()
    asyncio.run(_await(sio.emit("x", to="y")))
    assert sio.sids() == [] and sio.rooms("x") == [] and not sio.is_connected("x")


async def _await(sent):
    await sent
