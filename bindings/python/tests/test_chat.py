"""The chat in examples/, in a browser."""

import signal
import subprocess
import sys

from support import ROOT


def test_two_visitors_chat():
    program = [sys.executable, ROOT / "examples/python/chat.py", "--port", "0"]
    server = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = server.stdout.readline().removeprefix("chat on ").strip()
    drive = ["node", ROOT / "examples/chat/drive.mjs", url, "chat-python"]
    result = subprocess.run(drive, capture_output=True, text=True, timeout=120)
    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=20)
    assert (result.returncode, result.stdout) == (0, "the chat works\n"), result.stderr
    assert (server.returncode, out, err) == (0, "", "")
