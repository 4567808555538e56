"""The programs in the READMEs."""

import re
import signal

import socketio

from support import ROOT, start


def test_the_program_works():
    text = (ROOT / "bindings/python/README.md").read_text()
    program = re.search(r"```python\n(.*?)```", text, re.S)[1]
    assert program.count("sio.run(port=5000)") == 1
    listening = "sio.run(port=0, on_listening=lambda port: print(port, flush=True))"
    process = start(program.replace("sio.run(port=5000)", listening))
    port = int(process.stdout.readline())
    said = []
    one = socketio.Client(reconnection=False)
    one.on("said", said.append)
    one.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
    assert one.call("say", "hello") == "ok"
    assert said == [{"who": one.get_sid(), "text": "hello"}]
    one.disconnect()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_program_in_the_main_readme_works():
    text = (ROOT / "README.md").read_text()
    program = re.search(r"```python\n(.*?)```", text, re.S)[1]
    assert program.count("sio.run(port=3000)") == 1
    listening = "sio.run(port=0, on_listening=lambda port: print(port, flush=True))"
    process = start(program.replace("sio.run(port=3000)", listening))
    port = int(process.stdout.readline())
    client = socketio.SimpleClient(reconnection=False)
    client.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
    client.emit("hello", "world")
    assert client.receive(timeout=20) == ["greeting", "world"]
    client.disconnect()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
