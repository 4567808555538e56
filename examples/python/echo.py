"""A server that echoes events: `message` comes back as `message-back`, and so on.

It uses every part of the API. The black-box tests of the engine run against it to test the Python package.

    echo.py [--port N] [--host H] [--options JSON] [--raw]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter, deque
from typing import Any

import bellwire
from bellwire.exceptions import ClientGoneError, ConnectionRefusedError, TimeoutError

NAMESPACES = ("/", "/custom", "/auth", "/plain")

log: deque[str] = deque(maxlen=2000)
received: Counter[str] = Counter()
sent: Counter[str] = Counter()


def note(*words: object) -> None:
    log.append(" ".join(map(str, words)))


def note_refusal(request: dict[str, Any], code: int, text: str) -> None:
    context = json.dumps(request["context"], separators=(",", ":"))
    note("connection_error", code, text, context)


class Echo:
    """The events of one namespace."""

    def __init__(self, sio: bellwire.AsyncServer, namespace: str) -> None:
        self.sio = sio
        self.namespace = namespace
        self.once = False
        for name, handler in self.handlers().items():
            sio.on(name, handler, namespace)
        if namespace != "/plain":
            sio.use(self.decide, namespace)
        sio.watch("joined", lambda sid: note("connection", namespace, sid), namespace)
        sio.watch("disconnecting", self.on_disconnecting, namespace)
        sio.watch("dropped", lambda sid, count: note("dropped", namespace, sid), namespace)
        sio.watch("upgrade", lambda sid, name: note("upgrade", sid, name), namespace)
        sio.watch("room", self.on_room, namespace)
        if namespace == "/":
            sio.watch("outgoing", self.on_outgoing, namespace)

    def handlers(self) -> dict[str, Any]:
        named = {
            name.removeprefix("answer_").replace("_", "-"): getattr(self, name)
            for name in dir(self)
            if name.startswith("answer_")
        }
        return {"connect": self.connect, "disconnect": self.on_disconnect, **named}

    def emit(self, event: str, data: Any, **options: Any) -> None:
        self.sio.emit(event, data, namespace=self.namespace, **options)

    def audience(self, to: dict[str, Any], sid: str) -> dict[str, Any]:
        others = [] if to.get("self", True) else [sid]
        rooms = to.get("rooms") or None
        return {"to": rooms, "skip_sid": [*to.get("except", []), *others], "namespace": self.namespace}

    # ------------------------------------------------------------- connections

    async def connect(self, sid: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> None:
        auth = auth or {}
        if self.namespace == "/auth":
            token = auth.get("token")
            if token == "later":
                await asyncio.sleep(0.05)
            elif token == "never":
                await asyncio.Event().wait()
            elif token != "secret":
                raise ConnectionRefusedError("unauthorized", {"code": 4001})
        self.emit("auth", auth, to=sid)

    def on_disconnecting(self, sid: str, reason: Any) -> None:
        rooms = ",".join(sorted(self.sio.rooms(sid, self.namespace)))
        note("disconnecting", self.namespace, sid, reason.detail, rooms)

    def on_disconnect(self, sid: str, reason: Any) -> None:
        note("disconnect", self.namespace, sid, reason.detail)
        received.pop(sid, None)
        sent.pop(sid, None)

    def on_room(self, change: str, room: str, sid: str | None) -> None:
        note(f"{change}-room", self.namespace, room, *([sid] if sid else []))

    def on_outgoing(self, sid: str, event: str, *args: Any) -> None:
        sent[sid] += 1

    async def decide(self, sid: str, event: str, *args: Any) -> bool:
        if event == "forbidden":
            note("forbidden", self.namespace, sid)
            return False
        if event == "held":
            await asyncio.sleep(0.05)
        if self.namespace == "/":
            received[sid] += 1
        return True

    # ---------------------------------------------------------------- messages

    def answer_message(self, sid: str, *args: Any) -> None:
        self.emit("message-back", args, to=sid)

    def answer_message_with_ack(self, sid: str, *args: Any) -> Any:
        return args

    def answer_message_with_bytes(self, sid: str, *args: Any) -> None:
        self.emit("message-with-bytes-back", (*args, bytes([1, 2, 3])), to=sid)

    def answer_held(self, sid: str, *args: Any) -> None:
        self.emit("held-back", args, to=sid)

    def answer_once_event(self, sid: str, *args: Any) -> None:
        if not self.once:
            self.once = True
            self.emit("once-back", args, to=sid)

    def answer_volatile_many(self, sid: str, count: int) -> None:
        for number in range(count):
            self.emit("volatile", number, to=sid, volatile=True)
        self.emit("volatile-done", None, to=sid)

    async def answer_call(self, sid: str, timeout_ms: int, *payload: Any) -> Any:
        try:
            reply = await self.sio.call(
                "question", payload, to=sid, namespace=self.namespace, timeout=timeout_ms / 1000
            )
        except ClientGoneError:
            return "gone", []
        except TimeoutError:
            return "timeout", []
        if reply is None:
            return "ok", []
        return "ok", list(reply) if isinstance(reply, tuple) else [reply]

    # ------------------------------------------------------- rooms, broadcasts

    def answer_join(self, sid: str, room: str) -> None:
        self.sio.enter_room(sid, room, self.namespace)

    def answer_leave(self, sid: str, room: str) -> None:
        self.sio.leave_room(sid, room, self.namespace)

    def answer_rooms(self, sid: str) -> list[str]:
        return sorted(self.sio.rooms(sid, self.namespace))

    def answer_broadcast(self, sid: str, to: dict[str, Any], *payload: Any) -> None:
        volatile = to.get("volatile", False)
        self.sio.emit("broadcast", payload, **self.audience(to, sid), volatile=volatile)

    async def answer_broadcast_ack(self, sid: str, to: dict[str, Any], payload: Any) -> Any:
        seconds = to["timeout"] / 1000
        try:
            answers = await self.sio.call_all("question", payload, **self.audience(to, sid), timeout=seconds)
        except TimeoutError as error:
            return "timeout", [args[0] if args else None for _, args in error.answers]
        return "ok", [args[0] if args else None for _, args in answers]

    def answer_sockets_join(self, sid: str, to: dict[str, Any], room: str) -> None:
        self.sio.enter_room_all(room, **self.audience(to, sid))

    def answer_sockets_leave(self, sid: str, to: dict[str, Any], room: str) -> None:
        self.sio.leave_room_all(room, **self.audience(to, sid))

    def answer_disconnect_sockets(self, sid: str, to: dict[str, Any], close: bool) -> None:
        def disconnect() -> None:
            self.sio.disconnect_all(**self.audience(to, sid), close=close)

        # After this function has returned, so that its acknowledgement is sent before the disconnection.
        asyncio.get_running_loop().call_soon(disconnect)

    def answer_disconnect_me(self, sid: str, close: bool = False) -> None:
        self.sio.disconnect(sid, self.namespace, close=close)

    # ------------------------------------------------- state of a client, metrics

    async def answer_set_data(self, sid: str, data: Any) -> None:
        await self.sio.save_session(sid, data, self.namespace)

    async def answer_fetch(self, sid: str, to: dict[str, Any]) -> Any:
        return [
            {
                "id": one,
                "rooms": sorted(self.sio.rooms(one, self.namespace)),
                "data": await self.sio.get_session(one, self.namespace),
            }
            for one in sorted(self.sio.sids(**self.audience(to, sid)))
        ]

    def answer_find(self, sid: str, wanted: str) -> bool:
        return self.sio.is_connected(wanted, self.namespace)

    def answer_handshake(self, sid: str) -> dict[str, Any]:
        environ = self.sio.get_environ(sid, self.namespace) or {}
        handshake = environ["bellwire.handshake"]
        names = "headers query auth address time secure xdomain url issued"
        return {name: handshake[name] for name in names.split()}

    def answer_transport(self, sid: str) -> str:
        return self.sio.transport(sid, self.namespace)

    def answer_log(self, sid: str) -> list[str]:
        return list(log)

    def answer_any_count(self, sid: str) -> int:
        return received[sid]

    def answer_outgoing_count(self, sid: str) -> int:
        return sent[sid]

    def answer_block(self, sid: str, milliseconds: int) -> None:
        time.sleep(milliseconds / 1000)

    def answer_stat(self, sid: str, name: str) -> int:
        number = self.sio.stat(name)
        return -1 if number is None else number


def socketio_server(options: dict[str, Any]) -> bellwire.AsyncServer:
    sio = bellwire.AsyncServer(cors_allowed_origins=[], options=options)
    for namespace in NAMESPACES:
        Echo(sio, namespace)
    sio.watch("connection_error", note_refusal)
    return sio


def engineio_server(options: dict[str, Any]) -> bellwire.engineio.AsyncServer:
    eio = bellwire.engineio.AsyncServer(cors_allowed_origins=[], options=options)

    @eio.on("connect")
    def connect(sid: str, environ: dict[str, Any]) -> None:
        note("connection", sid)

    @eio.on("disconnect")
    def disconnect(sid: str, reason: Any) -> None:
        note("disconnect", sid, reason.detail)

    @eio.on("message")
    def message(sid: str, data: str | bytes) -> None:
        if data == "close":
            eio.disconnect(sid)
        elif data == "log":
            eio.send(sid, json.dumps(list(log)))
        else:
            eio.send(sid, data)

    eio.watch("upgrade", lambda sid, name: note("upgrade", sid, name))
    eio.watch("connection_error", note_refusal)
    return eio


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--raw", action="store_true")
    given = parser.parse_args()
    server = engineio_server(given.options) if given.raw else socketio_server(given.options)
    server.run(given.host, given.port, on_listening=lambda port: print(f"listening on {port}", flush=True))


if __name__ == "__main__":
    main()
