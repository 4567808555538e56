"""The programs in the READMEs."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import socketio

from support import ROOT, start


@contextmanager
def running(readme: str, run: str) -> Iterator[str]:
    """Runs the first Python program of a README on a free port. Gives its URL; checks that it ends well."""
    program = re.search(r"```python\n(.*?)```", (ROOT / readme).read_text(), re.S)[1]
    assert program.count(run) == 1
    process = start(program.replace(run, "sio.run(port=0, on_listening=lambda port: print(port, flush=True))"))
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_program_works():
    with running("bindings/python/README.md", "sio.run(port=5000)") as url:
        said = []
        one = socketio.Client(reconnection=False)
        one.on("said", said.append)
        one.connect(url, transports=["websocket"])
        assert one.call("say", "hello") == "ok"
        assert said == [{"who": one.get_sid(), "text": "hello"}]
        one.disconnect()


def test_the_program_in_the_main_readme_works():
    with running("README.md", "sio.run(port=3000)") as url:
        client = socketio.SimpleClient(reconnection=False)
        client.connect(url, transports=["websocket"])
        client.emit("hello", "world")
        assert client.receive(timeout=20) == ["greeting", "world"]
        client.disconnect()
