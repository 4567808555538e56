"""A chat server with rooms.

chat.py [--port N] [--host H]
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from pathlib import Path
from typing import Any

import bellwire

EXAMPLES = Path(__file__).resolve().parent.parent
CLIENT = EXAMPLES / "arena/node_modules/socket.io-client/dist/socket.io.min.js"

sio = bellwire.AsyncServer(max_http_buffer_size=1_000_000)
names: dict[str, str] = {}  # by sid
lines: dict[str, deque[Any]] = {room: deque(maxlen=50) for room in ("lobby", "music")}


def room_of(sid: str) -> str | None:
    return next((room for room in sio.rooms(sid) if room != sid), None)


def show(room: str | None) -> None:
    """Sends the rooms with their sizes to all clients, and the names of the people in `room` to that room."""
    sio.emit("rooms", [{"name": name, "count": len(sio.sids(name))} for name in lines])
    if room is not None:
        sio.emit("people", sorted(names[sid] for sid in sio.sids(room) if sid in names), room=room)


@sio.event
def connect(sid: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> None:
    name = str((auth or {}).get("name", "")).strip()[:20]
    if not name:
        raise bellwire.exceptions.ConnectionRefusedError("name missing")
    if name in names.values():
        raise bellwire.exceptions.ConnectionRefusedError("name taken")
    names[sid] = name


@sio.event
def disconnect(sid: str, reason: str) -> None:
    room = room_of(sid)
    names.pop(sid, None)
    show(room)


@sio.event
def join(sid: str, wanted: str) -> dict[str, Any]:
    room, before = str(wanted)[:24], room_of(sid)
    if before is not None:
        sio.leave_room(sid, before)
        show(before)
    history = list(lines.setdefault(room, deque(maxlen=50)))
    sio.enter_room(sid, room)
    show(room)
    return {"room": room, "lines": history}


@sio.event
def say(sid: str, said: dict[str, Any]) -> None:
    room = room_of(sid)
    if room is None:
        return
    line = {"name": names[sid], "text": str(said["text"])[:500], "at": round(time.time() * 1000)}
    if said.get("picture"):
        line["picture"] = said["picture"]
    lines[room].append(line)
    sio.emit("line", line, room=room)


@sio.event
def typing(sid: str) -> None:
    room = room_of(sid)
    if room is not None:
        sio.emit("typing", names[sid], room=room, skip_sid=sid, volatile=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--host", default="127.0.0.1")
    given = parser.parse_args()
    for path, file in {
        "/": EXAMPLES / "chat/index.html",
        "/chat.js": EXAMPLES / "chat/chat.js",
        "/chat.css": EXAMPLES / "chat/chat.css",
        "/socket.io.js": CLIENT,
    }.items():
        sio.serve_file(path, str(file))

    def ready(port: int) -> None:
        print(f"chat on http://{given.host}:{port}", flush=True)

    sio.run(given.host, given.port, on_listening=ready)


if __name__ == "__main__":
    main()
