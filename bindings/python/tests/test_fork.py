"""Forks: a child process has the memory of a server and copies of its descriptors, but not its threads."""

import os

import pytest

from support import output

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on this system")


def test_a_server_is_of_no_use_in_a_forked_child():
    assert (
        output(
            """
        import asyncio, os, warnings
        # Python 3.12 and later warn about forks in programs with threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        async def main():
            sio = bellwire.AsyncServer()
            sio.listen()
            pid = os.fork()
            if pid == 0:
                for call in (lambda: sio.emit("x"), lambda: sio.listen(), lambda: sio.rooms("x")):
                    try:
                        call()
                    except RuntimeError as error:
                        assert "before fork" in str(error), error
                    else:
                        os._exit(1)
                del sio
                fresh = bellwire.Server()
                fresh.listen()
                fresh.shutdown()
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
            sio.emit("x")
            await sio.shutdown()
        asyncio.run(main())
        print("end")
        """
        )
        == "end\n"
    )


def test_a_child_that_lives_on_keeps_neither_port_nor_clients():
    assert (
        output(
            """
        import asyncio, os, socket, warnings
        warnings.simplefilter("ignore", DeprecationWarning)

        async def main():
            sio = bellwire.AsyncServer()
            port = sio.listen()
            sio.listen_unix(path)
            joined = asyncio.Event()
            sio.on("connect", lambda sid, environ: joined.set())
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(
                b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\n"
                b"Upgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n\\x81\\x82\\0\\0\\0\\x0040"
            )
            await joined.wait()
            told, tells = os.pipe()
            ready, is_ready = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(tells)
                os.write(is_ready, b"1")
                os.read(told, 1)
                os._exit(0)
            os.read(ready, 1)
            await sio.shutdown(0)
            # The child process lives until the end of this block.
            one.settimeout(10)
            while one.recv(4096):
                pass
            for address in (("127.0.0.1", port), path):
                late = socket.socket(socket.AF_UNIX if address == path else socket.AF_INET)
                try:
                    late.connect(address)
                except ConnectionRefusedError:
                    pass
                else:
                    raise AssertionError("a listener still accepts connections at %s" % (address,))
            again = bellwire.AsyncServer()
            assert again.listen(port=port) == port
            await again.shutdown()
            assert os.waitpid(pid, os.WNOHANG) == (0, 0)
            os.close(tells)
            os.waitpid(pid, 0)

        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/socket"
            asyncio.run(main())
        print("end")
        """
        )
        == "end\n"
    )
