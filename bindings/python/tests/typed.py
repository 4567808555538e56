"""A program that uses the typed API; `make check` runs the type checker on it."""

from typing import Any

import bellwire as socketio

sio = socketio.AsyncServer(ping_interval=10, cors_allowed_origins="*")
threads = socketio.Server(async_handlers=True)


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> bool:
    await sio.emit("hello", {"sid": sid}, to=sid)
    return auth is not None


@sio.on("message", namespace="/chat")
def message(sid: str, text: str) -> tuple[str, int]:
    sio.emit("message", text, room=["a", "b"], skip_sid=sid)
    return text, len(text)


@threads.event(namespace="/chat")
def disconnect(sid: str, reason: str) -> None:
    threads.close_room(sid)


class Chat(socketio.AsyncNamespace):
    async def on_say(self, sid: str, text: str) -> Any:
        async with self.session(sid) as session:
            session["said"] = text
        return await self.call("ask", text, to=sid, timeout=1)


sio.register_namespace(Chat("/chat"))


async def answers() -> list[tuple[str, list[Any]]]:
    await sio.enter_room("sid", "room")
    rooms: list[str] = sio.rooms("sid")
    return await sio.call_all("question", rooms, to="room", timeout=2)
