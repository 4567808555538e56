"""The event loop, the interpreter's lock, signals, and the end of the program."""

import asyncio
import signal
import threading
import time

import pytest
import socketio

import bellwire
from support import client, listening, on_loop, output, start, until


async def _flood_a_blocked_loop(**options):
    """A client sends 1 000 events while a handler blocks the loop for longer than the heartbeat timeout."""
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
    assert (
        output(
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
        )
        == "end\n"
    )


def test_a_program_ends_although_nothing_was_shut_down():
    assert (
        output(
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
        )
        == "end\n"
    )


def test_a_server_can_be_started_again():
    async def main():
        sio = bellwire.AsyncServer()
        sio.on("echo", lambda sid, x: x)
        for _ in range(3):
            async with listening(sio) as url, client(url) as one:
                assert await one.call("echo", 1) == 1

    asyncio.run(main())


def test_keyboard_interrupt_in_a_handler_ends_the_program():
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


def test_an_emit_before_the_start_is_sent_to_no_client():
    sio = bellwire.AsyncServer()
    asyncio.run(_await(sio.emit("x", to="y")))
    assert sio.sids() == [] and sio.rooms("x") == [] and not sio.is_connected("x")


async def _await(sent):
    await sent


@pytest.mark.parametrize("signals", [1, 2])
def test_a_handler_that_does_not_return_does_not_keep_run_from_ending(signals):
    # One signal starts the grace period; a second one ends it.
    process = start(
        f"""
        import threading
        from bellwire import _threads
        _threads._GRACE_S = {1 if signals == 1 else 600}
        sio = bellwire.Server()
        @sio.event
        def stuck(sid):
            sio.emit("stuck", to=sid)
            threading.Event().wait()
        sio.run(port=0, on_listening=lambda port: print(port, flush=True))
        print("ended")
        """
    )
    port = int(process.stdout.readline())
    one = socketio.Client(reconnection=False)
    is_stuck = threading.Event()
    one.on("stuck", is_stuck.set)
    one.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
    one.emit("stuck")
    assert is_stuck.wait(10)
    process.send_signal(signal.SIGINT)
    if signals == 2:
        # The first signal was handled when the clients are disconnected.
        one.wait()
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "ended\n", "")
    one.disconnect()


def test_run_waits_for_handlers_within_the_time_of_grace():
    process = start(
        """
        import time
        sio = bellwire.Server()
        @sio.event
        def disconnect(sid, reason):
            time.sleep(1)
            print("saved")
        sio.run(port=0, on_listening=lambda port: print(port, flush=True))
        print("ended")
        """
    )
    port = int(process.stdout.readline())
    one = socketio.Client(reconnection=False)
    one.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "saved\nended\n", "")
    one.disconnect()


def test_an_async_server_runs_in_a_thread():
    assert (
        output(
            """
        import asyncio, threading
        sio = bellwire.AsyncServer()
        listening, loops = threading.Event(), []
        def begin(port):
            loops.append(asyncio.get_running_loop())
            listening.set()
        thread = threading.Thread(target=sio.run, kwargs={"port": 0, "on_listening": begin})
        thread.start()
        assert listening.wait(10)
        asyncio.run_coroutine_threadsafe(sio.shutdown(), loops[0])
        thread.join(20)
        assert not thread.is_alive()
        print("end")
        """
        )
        == "end\n"
    )


def test_a_server_belongs_to_one_loop():
    sio = bellwire.AsyncServer()

    async def elsewhere():
        with pytest.raises(RuntimeError, match="another event loop"):
            sio.listen()
        for call in (sio.serve(), sio.shutdown(), sio.call("x", to="x"), sio.call_all("x")):
            with pytest.raises(RuntimeError, match="another event loop"):
                await call

    async def main():
        async with listening(sio):
            await asyncio.to_thread(asyncio.run, elsewhere())

    asyncio.run(main())


def test_a_server_whose_loop_has_ended_starts_on_the_next():
    sio = bellwire.AsyncServer()
    sio.on("echo", lambda sid, x: x)

    async def forget():
        sio.listen()

    async def main():
        async with listening(sio) as url, client(url) as one:
            assert await one.call("echo", 1) == 1

    asyncio.run(forget())
    asyncio.run(main())
    asyncio.run(forget())
    asyncio.run(sio.shutdown())
    assert sio.stat("clients_count") is None
